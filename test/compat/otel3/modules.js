/** The 3.x line, and how it is started and stopped. */
import * as api from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler } from "@opentelemetry/sdk-trace";
import * as sightline from "sightline";

export { openTelemetryCarrier } from "sightline/interop/opentelemetry";
export { tracedFetch } from "sightline/openai";
export { otlpSink } from "sightline/sinks/otlp";
export { api, sightline };

let node;
export const sdk = {
  start({ collector, openTelemetryRate = 1 }) {
    // 2,048, the default, would lose spans of a burst.
    const exporter = new OTLPTraceExporter({ url: `${collector}/v1/traces` });
    const processor = new BatchSpanProcessor({ exporter, maxQueueSize: 100_000, scheduledDelayMillis: 200 });
    node = new NodeSDK({
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(openTelemetryRate) }),
      spanProcessors: [processor],
      instrumentations: [new HttpInstrumentation(), new UndiciInstrumentation()],
    });
    node.start();
  },
  stop: () => node.shutdown(),
};
