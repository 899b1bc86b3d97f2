/** @opentelemetry/sdk-node of the 3.x line with http and undici instrumentation, and openTelemetryCarrier; its exporters as senders to the collector. */
import * as api from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import * as sightline from "sightline";
import * as collecting from "sightline/collector";
import { otelExporterSink } from "sightline/sinks/otel-exporter";
import * as storing from "sightline/store";
import { exporterTest } from "../otel2/exporters.js";
import { ingestTest } from "../otel2/ingest.js";
import { suite } from "../otel2/suite.js";

suite("3.x", new URL("modules.js", import.meta.url));
exporterTest("3.x", OTLPTraceExporter, { ...sightline, otelExporterSink });
ingestTest(
  "3.x",
  { ...collecting, ...storing },
  api,
  (exporter, attributes = {}) =>
    new TracerProvider({
      resource: resourceFromAttributes(attributes),
      spanProcessors: [new BatchSpanProcessor({ exporter })],
    }),
  { json: (options) => new OTLPTraceExporter(options), protobuf: (options) => new ProtobufExporter(options) },
);
