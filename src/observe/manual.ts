import { rememberCallSite } from "../core/call-site.ts";
import type { TimeInput } from "../core/clock.ts";
import { contextSpan } from "../core/context.ts";
import { guard } from "../core/guard.ts";
import { type NonRecordingSpan, OFF_SPAN } from "../core/non-recording-span.ts";
import type { SpanLink } from "../core/record.ts";
import { clean, type RecordingSpan } from "../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import type { Span, SpanPatch } from "../core/span.ts";
import { type ParentInput, startSpan as startCoreSpan } from "../core/start.ts";
import { isAsync, runSpan } from "./call.ts";

/** How a span is started by hand. */
export interface SpanOptions extends Omit<SpanPatch, "name"> {
  /** A span, its ids, or a `traceparent` header; `null` starts a new trace. Default: the current span. */
  parent?: ParentInput;
  /** When it began, for what is recorded afterwards. Default: now. */
  startTime?: TimeInput;
  links?: readonly SpanLink[];
}

/** A generation that has already happened. */
export interface GenerationOptions extends SpanOptions {
  /** Default: `chat {model}`, or `generation`. */
  name?: string;
  /** Default: the start time, or now. */
  endTime?: TimeInput;
}

/** The ids of what was recorded. */
export interface Recorded {
  readonly traceId: string;
  readonly spanId: string;
}

const NOTHING: Recorded = { traceId: OFF_SPAN.traceId, spanId: OFF_SPAN.spanId };

/**
 * Starts a span that you end yourself, with `end()` or `using`. It does not become the current span.
 *
 * @example
 * using span = startSpan("load index", { type: "retriever" });
 */
export function startSpan(name: string, options: SpanOptions = {}): Span {
  const runtime = activeRuntime();
  if (runtime === null) return OFF_SPAN;
  return guard(() => begin(runtime, name, options, startSpan), OFF_SPAN);
}

/**
 * Runs `fn` in a new current span and ends the span when what `fn` returns has settled: promises, iterators and streams
 * as `observe` treats them. Returns what `fn` returns.
 *
 * @example
 * const index = await withSpan("load index", { type: "retriever" }, async (span) => {
 *   span.update({ metadata: { shard: 3 } });
 *   return load();
 * });
 */
export function withSpan<T>(name: string, fn: (span: Span) => T): T;
export function withSpan<T>(name: string, options: SpanOptions, fn: (span: Span) => T): T;
export function withSpan<T>(name: string, ...rest: [(span: Span) => T] | [SpanOptions, (span: Span) => T]): T {
  const [options, fn] = rest.length === 1 ? [{}, rest[0]] : rest;
  const runtime = activeRuntime();
  if (runtime === null) return fn(OFF_SPAN);
  const span = guard(() => begin(runtime, name, options, withSpan), undefined);
  if (span === undefined) return fn(OFF_SPAN);
  const kind = runtime.modelCalls !== undefined && isAsync(fn) ? "async" : "call";
  return runSpan(runtime, span, {}, fn, undefined, [span], kind) as T;
}

/**
 * Records a model call that has already happened, as a child of the current span or of `parent`.
 *
 * @example
 * generation({ model: run.model, usage: run.usage, input: messages, output: answer });
 */
export function generation(options: GenerationOptions): Recorded {
  return guard(() => {
    const { name, endTime, ...rest } = options ?? {};
    const title = name ?? (rest.model === undefined ? "generation" : `chat ${rest.model}`);
    return recordAtOnce(title, { type: "generation", kind: "client", ...rest }, endTime ?? rest.startTime);
  }, NOTHING);
}

/**
 * Records a moment as an observation of its own, as a child of the current span or of `parent`.
 *
 * @example
 * event("cache miss", { metadata: { key } });
 */
export function event(name: string, options: SpanOptions = {}): Recorded {
  return guard(() => recordAtOnce(name, { type: "event", ...options }, options?.startTime), NOTHING);
}

/**
 * Adds to the current span; without one, nothing happens.
 *
 * @example
 * updateSpan({ metadata: { retries: 2 } });
 */
export function updateSpan(patch: SpanPatch): void {
  currentSpan()?.update(patch);
}

/** The span that is being recorded here, if any. */
export function currentSpan(): Span | undefined {
  const span = current();
  return span?.recording ? span : (span as NonRecordingSpan | undefined)?.enclosing;
}

/** The id of the trace that is going on here, also when its current span is in another process. */
export function currentTraceId(): string | undefined {
  const span = current();
  return span !== undefined && (span.recording || (span as NonRecordingSpan).trace !== undefined)
    ? span.traceId
    : undefined;
}

/** The id of the span that is being recorded here, if any. */
export function currentSpanId(): string | undefined {
  return currentSpan()?.spanId;
}

function current(): Span | undefined {
  const runtime = activeRuntime();
  return runtime === null ? undefined : contextSpan(runtime);
}

function recordAtOnce(name: string, options: SpanOptions, endTime: TimeInput | undefined): Recorded {
  const runtime = activeRuntime();
  const span = runtime === null ? OFF_SPAN : guard(() => begin(runtime, name, options), OFF_SPAN);
  span.end(endTime === undefined ? undefined : { endTime });
  return { traceId: span.traceId, spanId: span.spanId };
}

/** `below`: the public function whose caller is the call site; none for spans that end at once. */
function begin(
  runtime: Runtime,
  name: string,
  options: SpanOptions,
  below?: Function,
): RecordingSpan | NonRecordingSpan {
  const { parent, startTime, links, type, kind, ...patch } = options ?? {};
  const span = startCoreSpan(runtime, clean(runtime, name), {
    parent,
    startTime,
    type,
    kind,
    callSite: below === undefined || runtime.callSites === "none" ? undefined : rememberCallSite(below),
  });
  if (span.recording) {
    if (links !== undefined) (span as RecordingSpan).link(links);
    span.update(patch);
  }
  return span;
}
