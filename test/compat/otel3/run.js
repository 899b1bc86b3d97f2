/** @opentelemetry/sdk-node of the 3.x line with http and undici instrumentation, and openTelemetryCarrier. */
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import * as sightline from "sightline";
import { otelExporterSink } from "sightline/sinks/otel-exporter";
import { exporterTest } from "../otel2/exporters.js";
import { suite } from "../otel2/suite.js";

suite("3.x", new URL("modules.js", import.meta.url));
exporterTest("3.x", OTLPTraceExporter, { ...sightline, otelExporterSink });
