import { derivedSpanId } from "../core/ids.ts";
import { isSuppressed, type NonRecordingSpan } from "../core/non-recording-span.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import { type Runtime, shared } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { type SpanRef, startUnder } from "../core/start.ts";
import { mergeTraceInfo } from "../core/trace.ts";
import type { Plan, PlannedSpan } from "./plan.ts";

/** What `record…` functions say. */
export interface RecordedObject {
  readonly traceId: string;
  /** The span of the object itself, to hang a score on. */
  readonly spanId: string;
  /** The object's own id and status, as it has them. */
  readonly id: string;
  readonly status: string;
  /** False when nothing was written: tracing is off, or this state of the object has been recorded before. */
  readonly recorded: boolean;
}

/** What is remembered of an object that has been recorded. */
export interface RecordedState {
  /** Decided by the first recording. Without a `spanId` the object is the root of its trace. */
  readonly parent: Span | SpanRef;
  readonly traceId: string;
  readonly spanId: string;
  readonly seq: number;
  readonly status: string;
  readonly isTerminal: boolean;
  /** For those that go on from it. */
  readonly conversationId?: string | undefined;
}

/** An object is recorded again within minutes; one that has been pushed out starts afresh. */
const MAX_OBJECTS = 10_000;

/**
 * Writes the spans of an object under `parent`, once for each of its states: a state that is known, or any state after a
 * terminal one, is not written again, and a new one goes under the spans of the one before with a higher `seq`.
 */
export function writePlan(runtime: Runtime, parent: Span | SpanRef | undefined, plan: Plan): RecordedObject {
  const { id, status, isTerminal } = plan;
  if (isSuppressed(parent as Span | undefined)) {
    const { traceId, spanId } = parent as Span;
    return { traceId, spanId, id, status, recorded: false };
  }
  const known = id === "" ? undefined : recall(runtime, id);
  if (known && (known.status === status || known.isTerminal)) {
    return { traceId: known.traceId, spanId: known.spanId, id, status, recorded: false };
  }
  const [first, ...children] = plan.spans;
  const seq = known === undefined ? 0 : known.seq + 1;
  const span = begin(runtime, known?.parent ?? parent, first, seq);
  const { traceId, spanId } = span;
  if (!span.recording) return { traceId, spanId, id, status, recorded: false };
  const conversationId = joinConversation(runtime, span, plan);
  remember(runtime, id, stateOf(span, parent, known, { seq, status, isTerminal, conversationId }));
  const { trace } = span as RecordingSpan;
  // All are open before the first one ends: until the last one has, the trace is not over.
  const below = children.map((child) => begin(runtime, { traceId, spanId, trace }, child, seq));
  finish(span, first);
  for (const [index, child] of children.entries()) finish(below[index]!, child);
  return { traceId, spanId, id, status, recorded: true };
}

/**
 * Links the span of a plan to the one that it goes on from, where that is known, and says what conversation the two belong
 * to: the trace, if it has no session, takes the conversation for one, or else the session of the trace before. Returns
 * the conversation's id. The span must not have ended.
 */
export function joinConversation(runtime: Runtime, span: Span, plan: Plan): string | undefined {
  const { previousId } = plan;
  const previous = previousId === undefined ? undefined : recall(runtime, previousId);
  const conversationId = plan.conversationId ?? previous?.conversationId;
  if (previous !== undefined) {
    const { traceId, spanId } = previous;
    (span as Partial<RecordingSpan>).link?.([{ traceId, spanId, attributes: { link: "previous_response" } }]);
    if (plan.conversationId === undefined && conversationId !== undefined) span.update({ genAi: { conversationId } });
  }
  const session = conversationId === undefined ? undefined : runtime.capture.text(conversationId);
  adoptSession(span, session ?? (previous?.parent as Partial<RecordingSpan>)?.trace?.info.sessionId);
  return conversationId;
}

/** A trace without a session takes the conversation or thread for one. */
export function adoptSession(span: Span, conversationId: string | undefined): void {
  const { trace } = span as Partial<RecordingSpan>;
  if (trace === undefined || conversationId === undefined || trace.info.sessionId !== undefined) return;
  trace.info = mergeTraceInfo(trace.info, { sessionId: conversationId });
}

function stateOf(
  span: Span,
  parent: Span | SpanRef | undefined,
  known: RecordedState | undefined,
  state: Pick<RecordedState, "seq" | "status" | "isTerminal" | "conversationId">,
): RecordedState {
  const { traceId, spanId } = span;
  const { parentSpanId, trace } = span as RecordingSpan;
  // A parent in another process is kept as it is, for what it says of itself; of others only the ids and the trace.
  const isRemote = (parent as NonRecordingSpan | undefined)?.recording === false && parentSpanId !== undefined;
  const first = isRemote ? parent! : { traceId, spanId: parentSpanId, trace };
  return { parent: known?.parent ?? first, traceId, spanId, ...state };
}

/** Starts a span of a plan. A span that ends later than now (the wire's) is begun and ended by its owner. */
export function begin(runtime: Runtime, parent: Span | SpanRef | undefined, planned: PlannedSpan, seq: number): Span {
  const { name, type, kind, key, startMs } = planned;
  const spanId = key.length === 0 ? undefined : derivedSpanId(...key);
  return startUnder(runtime, parent, name, { type, kind, spanId, seq, startTime: startMs });
}

/** Says all that a plan knows of a span, and ends it. */
export function finish(span: Span, { patch, failure, endMs, unfinished }: PlannedSpan): void {
  span.update(patch);
  if (failure !== undefined) span.fail({ name: failure.code, ...failure });
  span.end({ endTime: endMs, unfinished });
}

/** The state of an object under this configuration, by its id; the one asked for becomes the newest. */
export function recall(runtime: Runtime, id: string): RecordedState | undefined {
  const objects = objectsOf(runtime);
  const state = objects.get(id);
  if (state === undefined) return undefined;
  objects.delete(id);
  objects.set(id, state);
  return state;
}

export function remember(runtime: Runtime, id: string, state: RecordedState): void {
  if (id === "") return;
  const objects = objectsOf(runtime);
  objects.delete(id);
  objects.set(id, state);
  if (objects.size <= MAX_OBJECTS) return;
  const [oldest] = objects.keys();
  objects.delete(oldest!);
}

function objectsOf(runtime: Runtime): Map<string, RecordedState> {
  const byRuntime = shared("recordedRuns", () => new WeakMap<Runtime, Map<string, RecordedState>>());
  let objects = byRuntime.get(runtime);
  if (objects === undefined) byRuntime.set(runtime, (objects = new Map()));
  return objects;
}
