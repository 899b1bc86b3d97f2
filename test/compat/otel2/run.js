/** @opentelemetry/sdk-node of the 2.x line with http and undici instrumentation, and openTelemetryCarrier; its exporters as senders to the collector. */
import * as api from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { OTLPTraceExporter as OTLPTraceExporter1 } from "exporter1";
import * as sightline from "sightline";
import * as collecting from "sightline/collector";
import { otelExporterSink } from "sightline/sinks/otel-exporter";
import * as storing from "sightline/store";
import { exporterTest } from "./exporters.js";
import { ingestTest } from "./ingest.js";
import { suite } from "./suite.js";

suite("2.x", new URL("modules.js", import.meta.url));
exporterTest("1.x", OTLPTraceExporter1, { ...sightline, otelExporterSink });
exporterTest("2.x", OTLPTraceExporter, { ...sightline, otelExporterSink });
ingestTest(
  "2.x",
  { ...collecting, ...storing },
  api,
  (exporter, attributes = {}) =>
    new BasicTracerProvider({
      resource: resourceFromAttributes(attributes),
      spanProcessors: [new BatchSpanProcessor(exporter)],
    }),
  { json: (options) => new OTLPTraceExporter(options), protobuf: (options) => new ProtobufExporter(options) },
);
