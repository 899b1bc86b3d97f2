/** Both tracers in one process, and what they made of a program as one list of spans. */
import assert from "node:assert/strict";
import { context, propagation, type Sampler, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { configure, flush, type MemorySink, memorySink, type Options, type SpanRecord, stats } from "sightline";
import { openTelemetryCarrier } from "sightline/interop/opentelemetry";

export interface Spans {
  /** `theirs > ours > …` from the root to the span, of every span, in order of their names. */
  readonly paths: string[];
  readonly ours: readonly SpanRecord[];
  get(name: string): { traceId: string; spanId: string; parentSpanId: string | undefined };
}

export const memory: MemorySink = memorySink();
export const exporter: InMemorySpanExporter = new InMemorySpanExporter();

/** Starts OpenTelemetry's SDK: a context manager, a propagator and a provider that exports to `exporter`. */
export function startSdk(): void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  startProvider();
}

/** A new provider, with this sampler. */
export function startProvider(sampler?: Sampler): void {
  trace.disable();
  const spanProcessors = [new SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors, ...(sampler && { sampler }) }));
}

export const carrier: ReturnType<typeof openTelemetryCarrier> = openTelemetryCarrier();

/** Runs `fn` in one of OpenTelemetry's spans. */
export function theirs<T>(name: string, fn: () => T): T {
  return trace.getTracer("test").startActiveSpan(name, (span) => {
    const result = fn();
    if (result instanceof Promise) return result.finally(() => span.end()) as T;
    span.end();
    return result;
  });
}

/** What `program` makes of spans, in both. Nothing of ours may go wrong on the way. */
export async function spansOf(program: () => unknown, options: Options = {}): Promise<Spans> {
  memory.clear();
  exporter.reset();
  configure({ sinks: [memory], carrier, ...options });
  const before = stats().internalErrors;
  await program();
  await flush();
  assert.equal(stats().internalErrors, before);
  const ours = memory.records.filter((record): record is SpanRecord => record.record === "span");
  const all = new Map<string, { name: string; traceId: string; spanId: string; parentSpanId: string | undefined }>();
  for (const { name, traceId, spanId, parentSpanId } of ours) all.set(spanId, { name, traceId, spanId, parentSpanId });
  for (const span of exporter.getFinishedSpans()) {
    const { traceId, spanId } = span.spanContext();
    all.set(spanId, { name: span.name, traceId, spanId, parentSpanId: span.parentSpanContext?.spanId });
  }
  const pathOf = (spanId: string): string => {
    const { name, traceId, parentSpanId } = all.get(spanId)!;
    if (parentSpanId === undefined) return name;
    const parent = all.get(parentSpanId);
    if (parent === undefined) return `? > ${name}`;
    assert.equal(parent.traceId, traceId);
    return `${pathOf(parentSpanId)} > ${name}`;
  };
  return {
    paths: [...all.keys()].map(pathOf).sort(),
    ours,
    get: (name) => [...all.values()].find((span) => span.name === name)!,
  };
}
