import { guard } from "../../core/guard.ts";
import { isMuted } from "../../core/non-recording-span.ts";
import type { HttpCall } from "../../core/record.ts";
import type { RecordingSpan } from "../../core/recording-span.ts";
import { perRuntime, type Runtime } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";
import { type SpanRef, startUnder } from "../../core/start.ts";
import { field, moment, text } from "../fields.ts";
import { mergePlans } from "../merge-plan.ts";
import type { Plan } from "../plan.ts";
import { begin, finish, joinConversation } from "../recorded.ts";
import { isRecordedElsewhere, type RecordedState, recall, recallPlan, remember } from "../recorded-state.ts";
import { responseDescriber } from "../responses.ts";
import { endAdmission, keepAdmission, refreshAdmission } from "./admissions.ts";
import { shownPlan, uncounted } from "./call-span.ts";
import { isObject, type Wire } from "./chunk-head.ts";
import type { Exchange, Landing, Merger } from "./exchange.ts";
import { type LongSpan, longSpan, placeOf } from "./long-span.ts";
import { countPoll, newPolls, type Polls } from "./polls.ts";
import { createResponseMerger, TERMINAL_RESPONSE } from "./response-merger.ts";
import { endOnOurClock } from "./run-times.ts";

/** A response that is made in the background, from its creation (or first retrieval) to its end. */
interface WatchedResponse {
  readonly id: string;
  /** By which it was first seen. */
  readonly exchange: Exchange;
  readonly http: HttpCall;
  readonly spanId: string;
  readonly startMs: number;
  /** When it was first heard of. */
  readonly answeredMs: number;
  /** When the last request was sent whose answer said that it goes on. */
  openMs: number;
  readonly parent: Span | SpanRef;
  readonly long: LongSpan;
  readonly polls: Polls;
  response: Wire;
  seq: number;
}

/** A response in the background that nobody has asked for in so long has been left alone. */
const SILENCE_MS = 10 * 60_000;
const MAX_RESPONSES = 1000;

/** The streams of responses that are fetched once more. */
const mergers = new WeakMap<Exchange, Merger>();

/**
 * Takes over the span of a response that goes on in the background: later requests that ask how far it is complete it.
 * False when this is none, or has ended already; the span is then ended as any other.
 */
export function holdResponse(span: RecordingSpan, exchange: Exchange, answer: unknown): boolean {
  return guard(() => {
    const id = text(field(answer, "id"));
    if (id === undefined || !isObject(answer) || answer["background"] !== true || hasEnded(answer)) return false;
    keepAdmission(id, exchange);
    watch(span, exchange, { ...answer, id });
    return true;
  }, false);
}

/** Where what is asked about a response lands, if that one is made in the background. */
export const responsesLanding: Landing = {
  object: (value, exchange) => guard(() => isObject(value) && takeResponse(value, exchange), false),
  event(name, data, exchange) {
    guard(() => {
      let merger = mergers.get(exchange);
      if (merger === undefined) mergers.set(exchange, (merger = createResponseMerger()));
      merger.event(name, data);
    }, undefined);
  },
  end: (exchange) => guard(() => takeStream(exchange), false),
  failed() {},
};

function takeResponse(value: Wire, exchange: Exchange): boolean {
  const id = text(value["id"]);
  if (id === undefined || text(value["status"]) === undefined) return false;
  const watched = responsesOf(exchange.runtime).get(id);
  if (watched === undefined) return value["background"] === true && takeUnknown(id, value, exchange);
  if (exchange.endpoint.kind === "response.retrieve") countPoll(watched.polls, exchange.nowMs());
  touch(watched, value, exchange.startMs);
  return true;
}

/** A stream that goes on from somewhere has only the events since. */
function takeStream(exchange: Exchange): boolean {
  const merger = mergers.get(exchange);
  const value = merger?.result();
  if (merger === undefined || !isObject(value)) return false;
  mergers.delete(exchange);
  const id = text(value["id"]) ?? exchange.endpoint.ids["response_id"]!;
  const watched = responsesOf(exchange.runtime).get(id);
  if (watched === undefined) {
    return value["background"] === true && value["id"] === id && takeUnknown(id, value, exchange);
  }
  touch(watched, merger.isComplete ? value : { ...watched.response, ...value }, exchange.startMs);
  return true;
}

/** Made elsewhere, or before this process: it is recorded from here on, with its tokens, unless it has been before. */
function takeUnknown(id: string, value: Wire, exchange: Exchange): boolean {
  const { runtime, parent } = exchange;
  const known = recall(runtime, id);
  if (known?.isTerminal === true) return true;
  if (isMuted(parent)) return false;
  const [first] = planOf(value, exchange, exchange.startMs).spans;
  const seq = known === undefined ? 0 : known.seq + 1;
  const span = begin(runtime, known?.parent ?? parent, first, seq, known?.spanId) as RecordingSpan;
  if (!span.recording) return false;
  const watched = watch(span, exchange, value, seq);
  countPoll(watched.polls, exchange.nowMs());
  if (hasEnded(value)) watched.long.settle();
  return true;
}

function watch(span: RecordingSpan, exchange: Exchange, response: Wire, seq: number = 0): WatchedResponse {
  const { runtime, http } = exchange;
  const { spanId, startMs } = span;
  const id: string = response["id"];
  const watched: WatchedResponse = {
    id,
    exchange,
    http,
    spanId,
    startMs,
    answeredMs: exchange.nowMs(),
    openMs: exchange.startMs,
    parent: placeOf(span, exchange.parent),
    long: longSpan(runtime, (open) => write(watched, open)),
    polls: newPolls(),
    response,
    seq,
  };
  const responses = responsesOf(runtime);
  responses.set(id, watched);
  const status = text(response["status"]) ?? "unknown";
  note(watched, span, { status, isTerminal: false, seq, ...openState(watched) }, recallPlan(runtime, id));
  watched.long.hold(span);
  watched.long.arm(SILENCE_MS);
  if (responses.size > MAX_RESPONSES) {
    const [oldest] = responses.values();
    oldest!.long.settle();
    responses.delete(oldest!.id);
  }
  return watched;
}

/** What has ended is written at once, what goes on is opened again if it had been written. */
function touch(watched: WatchedResponse, value: Wire, askedMs: number): void {
  const { exchange, long, parent, spanId, startMs } = watched;
  if (hasEnded(watched.response)) return;
  const { runtime } = exchange;
  const known = recall(runtime, watched.id);
  if (known?.isTerminal === true) {
    // Its end has been recorded from elsewhere, on the same span.
    responsesOf(runtime).delete(watched.id);
    endAdmission(watched.id);
    return;
  }
  refreshAdmission(watched.id);
  if (known !== undefined && long.span === undefined) watched.seq = Math.max(watched.seq, known.seq + 1);
  watched.response = { ...value, id: watched.id };
  if (long.span === undefined) {
    const options = { type: "generation", kind: "client", spanId, seq: watched.seq, startTime: startMs } as const;
    const span = startUnder(runtime, parent, "chat", options);
    if (span.recording) {
      const status = text(value["status"]) ?? "unknown";
      const state = { status, isTerminal: false, seq: watched.seq, ...openState(watched) };
      note(watched, span as RecordingSpan, state, recallPlan(runtime, watched.id));
      long.hold(span as RecordingSpan);
    }
  }
  if (hasEnded(value)) long.settle();
  else {
    watched.openMs = askedMs;
    long.arm(SILENCE_MS);
  }
}

function write(watched: WatchedResponse, span: RecordingSpan): void {
  const { exchange, http, polls, response, startMs } = watched;
  const { runtime, captures } = exchange;
  const { count, maxPerSecond } = polls;
  const facts = { captures, http: count === 0 ? http : { ...http, polls: { count, maxPerSecond } } };
  const seen = shownPlan(endedHere(watched, planOf(response, exchange, startMs)), facts);
  const known = recall(runtime, watched.id);
  if (isRecordedElsewhere(known, span.spanId)) {
    responsesOf(runtime).delete(watched.id);
    const [first] = seen.spans;
    finish(span, { ...first, patch: { ...uncounted(first.patch, known), name: first.name } });
    return;
  }
  const before = recallPlan(runtime, watched.id);
  const plan = before === undefined ? seen : mergePlans(before, seen);
  const [first, ...children] = plan.spans;
  const seq = watched.seq++;
  const conversationId = joinConversation(runtime, span, plan);
  const ageMs = first.endMs - first.startMs;
  note(watched, span, { status: plan.status, isTerminal: plan.isTerminal, seq, conversationId, ageMs }, plan);
  if (plan.isTerminal) responsesOf(runtime).delete(watched.id);
  span.update({ name: first.name });
  finish(span, first);
  const { traceId, spanId, trace } = span;
  for (const child of children) finish(begin(runtime, { traceId, spanId, trace }, child, seq), child);
  if (plan.isTerminal) endAdmission(watched.id);
}

/** The API's times are whole seconds of its own clock; where it was made from here, ours knows better when it ended. */
function endedHere({ exchange, response, startMs, answeredMs, openMs }: WatchedResponse, plan: Plan): Plan {
  const [{ endMs: apiMs }] = plan.spans;
  if (!plan.isTerminal || exchange.endpoint.kind !== "response") return plan;
  const endedMs = exchange.runtime.clock.epochMs();
  const times = { sentMs: startMs, answeredMs, endedMs, isEndStreamed: false, stepTimes: new Map() };
  const endMs = Math.max(openMs, endOnOurClock(moment(field(response, "created_at")), apiMs, times));
  const [first, ...children] = plan.spans.map((span) => (span.endMs === apiMs ? { ...span, endMs } : span));
  return { ...plan, spans: [first!, ...children] };
}

function openState({ long }: WatchedResponse): Pick<RecordedState, "isOpen" | "giveWay"> {
  return { isOpen: true, giveWay: () => long.settle() };
}

/** From now on whoever records this response as data knows that it is here. What has ended has been said whole. */
function note(
  { exchange, id, parent, spanId }: WatchedResponse,
  { traceId }: RecordingSpan,
  state: Omit<RecordedState, "parent" | "traceId" | "spanId">,
  plan: Plan | undefined,
): void {
  const whole = { parent, traceId, spanId, isOnWire: true, ...state };
  remember(exchange.runtime, id, whole, state.isTerminal ? undefined : plan);
}

function planOf(answer: Wire, { request, provider, runtime, endpoint }: Exchange, startMs: number): Plan {
  const asked = endpoint.kind === "response" ? request : undefined;
  return responseDescriber.plan({ request: asked, answer, provider, startMs, endMs: runtime.clock.epochMs() });
}

function hasEnded(response: Wire): boolean {
  return TERMINAL_RESPONSE.has(response["status"]);
}

function responsesOf(runtime: Runtime): Map<string, WatchedResponse> {
  return perRuntime(runtime, "responsesOnTheWire", () => new Map());
}
