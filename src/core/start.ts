import { inheritAdmission } from "./admission.ts";
import type { CallSite } from "./call-site.ts";
import { type TimeInput, toEpochMs } from "./clock.ts";
import { contextSpan } from "./context.ts";
import { isSpanId, isTraceId } from "./ids.ts";
import { isMuted, isSuppressed, NonRecordingSpan } from "./non-recording-span.ts";
import { OBSERVATION_TYPES, type ObservationType, SPAN_KINDS, type SpanKind, type TraceInfo } from "./record.ts";
import { RecordingSpan } from "./recording-span.ts";
import type { Runtime } from "./runtime.ts";
import { isSampled, isSampledAt, SAMPLED } from "./sampling.ts";
import type { Span, StartWitness } from "./span.ts";
import { mergeTraceInfo, type Trace } from "./trace.ts";
import { parseTraceparent } from "./traceparent.ts";

/** A parent given by its ids: another process, a stored trace. */
export interface SpanRef {
  readonly traceId: string;
  readonly spanId?: string | undefined;
  /** The live trace, where it is at hand; its attributes are then shared. */
  readonly trace?: Trace | undefined;
}

/** A span, its ids, or a W3C `traceparent`; `null` starts a new trace. */
export type ParentInput = Span | SpanRef | string | null;

export interface StartOptions {
  readonly type?: ObservationType | undefined;
  readonly kind?: SpanKind | undefined;
  /** Default: the current span. */
  readonly parent?: ParentInput | undefined;
  readonly startTime?: TimeInput | undefined;
  /** A span id of the caller's choosing, for what is recorded again under the same id. */
  readonly spanId?: string | undefined;
  readonly seq?: number | undefined;
  readonly callSite?: CallSite | undefined;
}

/** W3C level 2: the trace id is random in its last 56 bits. */
const RANDOM = 2;
/** Siblings of one trace share one reading of the wall clock for this long; then suspend and NTP may have moved it. */
const ANCHOR_MS = 60_000;

/** Starts a span under its parent. The span is not made current. */
export function startSpan(
  runtime: Runtime,
  name: string,
  options: StartOptions = {},
): RecordingSpan | NonRecordingSpan {
  const current = contextSpan(runtime);
  if (isSuppressed(current)) return current as NonRecordingSpan;
  const parent = options.parent === undefined ? current : resolveParent(runtime, options.parent);
  return startUnder(runtime, parent, name, options, current);
}

/** `startSpan` for callers that have read the context already; `context` is it where the parent is another. */
export function startUnder(
  runtime: Runtime,
  parent: Span | SpanRef | undefined,
  name: string,
  options: StartOptions,
  context?: Span,
): RecordingSpan | NonRecordingSpan {
  if (isMuted(parent as Span | undefined)) return parent as NonRecordingSpan;
  const monotonicMs = runtime.clock.monotonicMs();
  let trace = parent === undefined ? undefined : traceOf(runtime, parent);
  const isRoot = trace === undefined;
  trace ??= newTrace(runtime, (parent as NonRecordingSpan | undefined)?.info, monotonicMs);
  const witness = witnessOf(context) ?? witnessOf(parent);
  if (!isRecorded(runtime, trace)) {
    return new NonRecordingSpan("unsampled", { trace, spanId: runtime.ids.spanId(), witness });
  }
  if (monotonicMs - trace.anchorMonotonicMs > ANCHOR_MS) {
    // Never back within a trace: a child must not seem to start before its parent.
    const carriedOn = trace.anchorEpochMs + (monotonicMs - trace.anchorMonotonicMs);
    trace.anchorEpochMs = Math.max(carriedOn, wallTime(runtime, monotonicMs));
    trace.anchorMonotonicMs = monotonicMs;
  }
  const span = new RecordingSpan(runtime, trace, {
    name,
    type: isType(options.type) ? options.type : "span",
    kind: isKind(options.kind) ? options.kind : "internal",
    spanId: options.spanId ?? runtime.ids.spanId(),
    parentSpanId: isRoot ? undefined : parent?.spanId,
    parentOrigin: isRoot ? undefined : originOf(parent as NonRecordingSpan),
    startMs: toEpochMs(options.startTime) ?? trace.anchorEpochMs + (monotonicMs - trace.anchorMonotonicMs),
    startMonotonicMs: monotonicMs,
    seq: options.seq ?? 0,
    callSite: options.callSite,
    witness,
  });
  witness?.(span);
  if (runtime.modelCalls !== undefined) inheritAdmission(parent, span);
  return span;
}

/** A trace that has no span yet, with the attributes every trace starts with. */
export function newTrace(runtime: Runtime, info?: TraceInfo, monotonicMs?: number): Trace {
  const traceId = runtime.ids.traceId(runtime.clock.epochMs());
  const traceFlags = isSampledAt(traceId, runtime.samplingThreshold) ? RANDOM | SAMPLED : RANDOM;
  return joinTrace(runtime, { traceId, traceFlags, info }, monotonicMs);
}

/** The local half of a trace that began elsewhere. */
export function joinTrace(
  runtime: Runtime,
  from: {
    traceId: string;
    traceFlags: number;
    traceState?: string | undefined;
    info?: TraceInfo | undefined;
  },
  monotonicMs: number = runtime.clock.monotonicMs(),
): Trace {
  return {
    traceId: from.traceId,
    traceFlags: from.traceFlags,
    traceState: from.traceState,
    info: from.info === undefined ? runtime.traceDefaults : mergeTraceInfo(runtime.traceDefaults, from.info),
    openSpans: 0,
    anchorEpochMs: wallTime(runtime, monotonicMs),
    anchorMonotonicMs: monotonicMs,
  };
}

/** The wall clock has whole milliseconds, so up to one of distance is no disagreement; more is a jump. */
const JUMP_MS = 2;

function wallTime(runtime: Runtime, monotonicMs: number): number {
  const { anchor } = runtime;
  const epochMs = runtime.clock.epochMs();
  const expected = anchor.epochMs + (monotonicMs - anchor.monotonicMs);
  if (Math.abs(epochMs - expected) < JUMP_MS) return expected;
  // Between the two clocks the process may have had to wait, which is no jump.
  const nowMs = runtime.clock.monotonicMs();
  const waitedMs = nowMs - monotonicMs;
  if (epochMs > expected && epochMs < expected + waitedMs + JUMP_MS) return expected;
  // The two that were read beside each other: with the wait between them, the next trace would be earlier than this one.
  anchor.epochMs = epochMs;
  anchor.monotonicMs = nowMs;
  return epochMs - waitedMs;
}

/** Sampled, or wanted by a monitor all the same. */
export function isRecorded(runtime: Runtime, trace: Trace): boolean {
  return isSampled(trace) || runtime.recordUnsampled;
}

function traceOf(runtime: Runtime, parent: Span | SpanRef): Trace | undefined {
  const { trace } = parent as SpanRef;
  if (trace !== undefined) return trace;
  if ("reason" in parent) return undefined;
  return joinTrace(runtime, { traceId: parent.traceId, traceFlags: SAMPLED });
}

function witnessOf(span: Span | SpanRef | undefined): StartWitness | undefined {
  return (span as { witness?: StartWitness } | undefined)?.witness;
}

function originOf({ reason }: NonRecordingSpan): "remote" | "external" | undefined {
  return reason === "remote" || reason === "external" ? reason : undefined;
}

function isType(type: ObservationType | undefined): type is ObservationType {
  return type !== undefined && OBSERVATION_TYPES.includes(type);
}

function isKind(kind: SpanKind | undefined): kind is SpanKind {
  return kind !== undefined && SPAN_KINDS.includes(kind);
}

/** Ids that are none would make a record that nobody can find. */
function isParent(parent: Span | SpanRef): boolean {
  if (typeof parent !== "object") return false;
  if ("reason" in parent) return true;
  const { trace } = parent as SpanRef;
  if (trace !== undefined && (trace?.traceId !== parent.traceId || typeof trace.info !== "object")) return false;
  return isTraceId(parent.traceId) && (parent.spanId === undefined || isSpanId(parent.spanId));
}

function resolveParent(runtime: Runtime, parent: ParentInput): Span | SpanRef | undefined {
  if (parent === null) return undefined;
  if (typeof parent !== "string") return isParent(parent) ? parent : undefined;
  const parsed = parseTraceparent(parent);
  return parsed && { traceId: parsed.traceId, spanId: parsed.spanId, trace: joinTrace(runtime, parsed) };
}
