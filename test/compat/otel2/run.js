/** @opentelemetry/sdk-node of the 2.x line with http and undici instrumentation, and openTelemetryCarrier. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as OTLPTraceExporter1 } from "exporter1";
import * as sightline from "sightline";
import { otelExporterSink } from "sightline/sinks/otel-exporter";
import { exporterTest } from "./exporters.js";
import { suite } from "./suite.js";

suite("2.x", new URL("modules.js", import.meta.url));
exporterTest("1.x", OTLPTraceExporter1, { ...sightline, otelExporterSink });
exporterTest("2.x", OTLPTraceExporter, { ...sightline, otelExporterSink });
