import { derivedSpanId } from "../core/ids.ts";
import { isSuppressed, type NonRecordingSpan } from "../core/non-recording-span.ts";
import type { RecordingSpan } from "../core/recording-span.ts";
import type { Runtime } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { type SpanRef, startUnder } from "../core/start.ts";
import { mergeTraceInfo } from "../core/trace.ts";
import { isNews, keyOf, mergePlans } from "./merge-plan.ts";
import { drainOpenAnswers } from "./open-answers.ts";
import type { Plan, PlannedSpan } from "./plan.ts";
import { type RecordedState, recall, recallPlan, remember } from "./recorded-state.ts";

/** What `record…` functions say. */
export interface RecordedObject {
  readonly traceId: string;
  /** The span of the object itself, to hang a score on. */
  readonly spanId: string;
  /** The object's own id and status, as it has them. */
  readonly id: string;
  readonly status: string;
  /** False when nothing was written: tracing is off, nothing new is known of the object, or `tracedFetch` is writing it. */
  readonly recorded: boolean;
}

/**
 * Writes the spans of an object under `parent`. When it is known already, they go where the first recording put it, with a
 * higher `seq` and with what only earlier recordings knew, and only if there is news: another state, more known of it, or
 * so much time gone by that it matters. What is open on the wire is left to that.
 */
export function writePlan(runtime: Runtime, parent: Span | SpanRef | undefined, plan: Plan): RecordedObject {
  const { id, status } = plan;
  if (isSuppressed(parent as Span | undefined)) {
    const { traceId, spanId } = parent as Span;
    return { traceId, spanId, id, status, recorded: false };
  }
  drainOpenAnswers(runtime);
  const known = knownOf(runtime, plan);
  if (known === undefined) return write(runtime, parent, undefined, plan, plan.spans);
  const before = recallPlan(runtime, id);
  const whole = before === undefined ? plan : mergePlans(before, plan);
  if (!isWorthWriting(known, before, whole)) {
    const { traceId, spanId } = known;
    return { traceId, spanId, id, status, recorded: false };
  }
  const [first, ...children] = whole.spans;
  const written = new Map(before?.spans.map((span) => [keyOf(span), span]));
  const changed = children.filter((child) => isNews(written.get(keyOf(child)), child));
  return write(runtime, parent, known, whole, [first, ...changed]);
}

/** A span that is open on the wire is ended only for what the wire may never see: the end of what is in the background. */
function knownOf(runtime: Runtime, { id, status, isTerminal }: Plan): RecordedState | undefined {
  if (id === "") return undefined;
  const known = recall(runtime, id);
  if (known?.giveWay === undefined || !isTerminal || known.status === status) return known;
  known.giveWay();
  return recall(runtime, id);
}

/** The shortest time that two writings of one state lie apart, if nothing but the time has changed. */
const MIN_AGE_MS = 1000;

/**
 * A state that lasts is written again when it has become twice as old: rules see how long it waits, and a loop that asks all
 * the time makes a record only now and then. What has ended stays so, and may become better known.
 */
function isWorthWriting(known: RecordedState, before: Plan | undefined, whole: Plan): boolean {
  if (known.isOpen === true) return false;
  if (known.isTerminal && (before === undefined || known.status !== whole.status)) return false;
  if (known.status !== whole.status) return true;
  const written = new Map(before?.spans.map((span) => [keyOf(span), span]));
  if (before !== undefined && whole.spans.some((span) => isNews(written.get(keyOf(span)), span))) return true;
  return !known.isTerminal && ageOf(whole) >= 2 * Math.max(known.ageMs ?? 0, MIN_AGE_MS);
}

function ageOf({ spans: [{ startMs, endMs }] }: Plan): number {
  return endMs - startMs;
}

function write(
  runtime: Runtime,
  parent: Span | SpanRef | undefined,
  known: RecordedState | undefined,
  plan: Plan,
  [first, ...children]: Plan["spans"],
): RecordedObject {
  const { id, status, isTerminal } = plan;
  const seq = known === undefined ? 0 : known.seq + 1;
  const span = begin(runtime, known?.parent ?? parent, first, seq, known?.spanId);
  const { traceId, spanId } = span;
  if (!span.recording) return { traceId, spanId, id, status, recorded: false };
  const conversationId = joinConversation(runtime, span, plan);
  const state = stateOf(span, parent, known, { seq, status, isTerminal, conversationId, ageMs: ageOf(plan) });
  remember(runtime, id, state, plan.isWhole === true ? undefined : plan);
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
  state: Pick<RecordedState, "seq" | "status" | "isTerminal" | "conversationId" | "ageMs">,
): RecordedState {
  const { traceId, spanId } = span;
  const { parentSpanId, trace } = span as RecordingSpan;
  // A parent in another process is kept as it is, for what it says of itself; of others only the ids and the trace.
  const isRemote = (parent as NonRecordingSpan | undefined)?.recording === false && parentSpanId !== undefined;
  const first = isRemote ? parent! : { traceId, spanId: parentSpanId, trace };
  return { parent: known?.parent ?? first, traceId, spanId, ...state };
}

/** Starts a span of a plan, with the id that it has if it is known. One that ends later than now (the wire's) is ended by its owner. */
export function begin(
  runtime: Runtime,
  parent: Span | SpanRef | undefined,
  planned: PlannedSpan,
  seq: number,
  knownId?: string,
): Span {
  const { name, type, kind, key, startMs } = planned;
  const spanId = knownId ?? (key.length === 0 ? undefined : derivedSpanId(...key));
  return startUnder(runtime, parent, name, { type, kind, spanId, seq, startTime: startMs });
}

/** Says all that a plan knows of a span, and ends it. */
export function finish(span: Span, { patch, failure, endMs, unfinished }: PlannedSpan): void {
  span.update(patch);
  if (failure !== undefined) span.fail({ name: failure.code, ...failure });
  span.end({ endTime: endMs, unfinished });
}
