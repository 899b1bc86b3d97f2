/** OpenTelemetry's SDK with its BatchSpanProcessor; `startActiveSpan` around the call, ended as its documentation shows. */
import { closeSync, openSync, writeSync } from "node:fs";
import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BasicTracerProvider,
  BatchSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** `forceFlush` sends all batches of a long queue at once; with the default of 30 it fails. */
export const concurrencyLimit = 10_000;

const EXPORTERS = {
  file: ({ file }) => fileExporter(file),
  json: async ({ url }) => {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-http");
    return new OTLPTraceExporter({ url: `${url}/v1/traces`, concurrencyLimit });
  },
  protobuf: async ({ url }) => {
    const { OTLPTraceExporter } = await import("@opentelemetry/exporter-trace-otlp-proto");
    return new OTLPTraceExporter({ url: `${url}/v1/traces`, concurrencyLimit });
  },
  nowhere: () => ({ export: (_spans, done) => done({ code: 0 }), shutdown: async () => {} }),
};

/** @param queue the size of the processor's queue; its default loses what it does not hold */
export async function start({ target, mode, capture, queue, ...place }) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const processor = new BatchSpanProcessor(await EXPORTERS[target](place), { ...(queue && { maxQueueSize: queue }) });
  const provider = new BasicTracerProvider({
    sampler: mode === "unsampled" ? new AlwaysOffSampler() : new AlwaysOnSampler(),
    spanProcessors: [processor],
  });
  if (mode !== "off") trace.setGlobalTracerProvider(provider);
  const tracer = trace.getTracer("bench");
  return {
    trace: (name, fn) => wrap(tracer, name, fn, capture),
    settle: () => processor.forceFlush(),
    close: () => provider.shutdown(),
  };
}

function wrap(tracer, name, fn, capture) {
  return function traced(...args) {
    return tracer.startActiveSpan(name, (span) => {
      if (capture) span.setAttribute("input", JSON.stringify(args));
      try {
        const result = Reflect.apply(fn, this, args);
        if (result instanceof Promise) {
          return result.then(
            (value) => {
              if (capture) span.setAttribute("output", JSON.stringify(value));
              span.end();
              return value;
            },
            (error) => fail(span, error),
          );
        }
        if (capture) span.setAttribute("output", JSON.stringify(result));
        span.end();
        return result;
      } catch (error) {
        return fail(span, error);
      }
    });
  };
}

function fail(span, error) {
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  span.end();
  throw error;
}

/** A line of JSON a span with the fields of a record of ours, one write a batch: written by hand, as the SDK has none. */
export function fileExporter(file) {
  const fd = openSync(file, "a");
  return {
    export(spans, done) {
      let lines = "";
      for (const span of spans) lines += `${JSON.stringify(record(span))}\n`;
      writeSync(fd, lines);
      done({ code: 0 });
    },
    forceFlush: async () => {},
    shutdown: async () => closeSync(fd),
  };
}

function record(span) {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return {
    traceId,
    spanId,
    traceFlags,
    parentSpanId: span.parentSpanContext?.spanId,
    name: span.name,
    kind: span.kind,
    startTime: nanoseconds(span.startTime),
    endTime: nanoseconds(span.endTime),
    status: span.status,
    attributes: span.attributes,
    events: span.events,
    links: span.links,
    scope: span.instrumentationScope.name,
  };
}

function nanoseconds([seconds, rest]) {
  return `${seconds}${String(rest).padStart(9, "0")}`;
}
