/** Langfuse's `observe` and span processor with their defaults; to a file by the exporter that OpenTelemetry has here. */

import { LangfuseSpanProcessor } from "@langfuse/otel";
import { observe } from "@langfuse/tracing";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { AlwaysOffSampler, AlwaysOnSampler, BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { concurrencyLimit, fileExporter } from "./opentelemetry.js";

const EXPORTERS = {
  file: ({ file }) => ({ exporter: fileExporter(file) }),
  json: ({ url }) => ({
    exporter: new OTLPTraceExporter({ url: `${url}/api/public/otel/v1/traces`, concurrencyLimit }),
  }),
  nowhere: () => ({ exporter: { export: (_spans, done) => done({ code: 0 }), shutdown: async () => {} } }),
};

/** @param queue the size of the processor's queue, which Langfuse leaves to OpenTelemetry's variable */
export async function start({ target, mode, queue, ...place }) {
  if (queue) process.env.OTEL_BSP_MAX_QUEUE_SIZE = String(queue);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const keys = { publicKey: "pk-lf-bench", secretKey: "sk-lf-bench" };
  const processor = new LangfuseSpanProcessor({ ...keys, ...EXPORTERS[target](place), mediaUploadEnabled: false });
  const provider = new BasicTracerProvider({
    sampler: mode === "unsampled" ? new AlwaysOffSampler() : new AlwaysOnSampler(),
    spanProcessors: [processor],
  });
  if (mode !== "off") trace.setGlobalTracerProvider(provider);
  return {
    trace: (name, fn) => observe(fn, { name }),
    settle: () => processor.forceFlush(),
    close: () => provider.shutdown(),
  };
}
