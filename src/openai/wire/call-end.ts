import { isAbort } from "../../core/describe-error.ts";
import { guard } from "../../core/guard.ts";
import type { HttpCall, StreamFacts } from "../../core/record.ts";
import type { RecordingSpan } from "../../core/recording-span.ts";
import type { SpanPatch } from "../../core/span.ts";
import { asksForStream } from "./answer-reader.ts";
import { holdResponse } from "./background.ts";
import type { BodyReader } from "./body-reader.ts";
import { describeAnswer, describeFailure, describeRequest, describerOf, openSpan } from "./call-span.ts";
import type { Landing } from "./exchange.ts";
import type { OpenExchange } from "./exchange-of.ts";
import { type ApiFailure, eventFailure, statusFailure } from "./failure.ts";
import type { HeaderFacts } from "./headers.ts";

/** How a body came to its end: read to the end, left, aborted, broken off, or never read. */
export type Ending = "read" | "cancelled" | "aborted" | "broken" | "unread";

/** An attempt that failed: with a status, with what was thrown, or with what is known without any answer. */
export interface Failed {
  readonly atMs: number;
  readonly status?: number;
  readonly error?: unknown;
  readonly failure?: ApiFailure;
}

/** What there is to say of a call at its end. */
export interface EndedCall {
  readonly exchange: OpenExchange;
  readonly landing: Landing | undefined;
  readonly span: RecordingSpan | undefined;
  readonly reader: BodyReader;
  readonly bytes: number;
  readonly failed: Failed | undefined;
  readonly facts: HeaderFacts;
}

/**
 * Says on the span how the call has ended, and ends it; without a span, where the answer lands. True: the span stays open,
 * as what was asked for goes on in the background.
 */
export function conclude(call: EndedCall, ending: Ending, thrown: unknown): boolean {
  call.reader.drain();
  if (call.failed === undefined) return concludeAnswer(call, ending, thrown);
  concludeFailure(call, call.failed, ending);
  return false;
}

function concludeAnswer(call: EndedCall, ending: Ending, thrown: unknown): boolean {
  const { exchange, landing, reader, bytes } = call;
  const stream = streamFacts(call, ending);
  exchange.http = { ...exchange.http, ...(stream !== undefined && { stream }) };
  if (!reader.reads && bytes > 0) exchange.http = { ...exchange.http, responseBytes: bytes };
  const answer = reader.answer();
  const landed = landing !== undefined && land(landing, call, ending, answer);
  if (landed) {
    discard(call);
    return false;
  }
  const span = call.span ?? describedSpan(exchange);
  if (span === undefined) return false;
  if (exchange.endpoint.kind === "response" && holdResponse(span, exchange, answer)) return true;
  const isCounted = guard(() => describeAnswer(span, exchange, answer), true);
  span.update({ http: exchange.http, ...(isCounted && statedCost(call)) });
  if (isUnreadable(exchange, answer))
    span.update({ level: "WARNING", statusMessage: "the answer is not readable JSON" });
  judge(span, call, ending, thrown);
  span.end({ endTime: exchange.nowMs() });
  return false;
}

/** A model call answers in JSON; a text is half of it, or the page of a proxy. Transcriptions may be asked for as text. */
function isUnreadable({ endpoint: { kind } }: OpenExchange, answer: unknown): boolean {
  return typeof answer === "string" && kind !== "transcription" && describerOf(kind) !== undefined;
}

/** The answer has landed nowhere, so the call has a span after all. */
function describedSpan(exchange: OpenExchange): RecordingSpan | undefined {
  const span = openSpan(exchange);
  if (span !== undefined) describeRequest(span, exchange);
  return span;
}

/** An attempt that failed opened a span, in case that no other follows; the attempts are told where the answer landed. */
function discard({ span, exchange }: EndedCall): void {
  if (span === undefined || span.ended) return;
  span.ended = true;
  exchange.runtime.open.remove(span);
}

function land(landing: Landing, { exchange, reader }: EndedCall, ending: Ending, answer: unknown): boolean {
  if (reader.events !== undefined) return landing.end(exchange);
  return ending === "read" && answer !== undefined && landing.object(answer, exchange);
}

function concludeFailure(call: EndedCall, { status, error, atMs, failure: known }: Failed, ending: Ending): void {
  const { exchange, landing, reader, span } = call;
  const body = reader.answer();
  const failure = known ?? (status === undefined ? undefined : statusFailure(status, body, exchange));
  landing?.failed(failure === undefined ? error : { ...failure, body }, exchange);
  if (span === undefined) return;
  if (failure === undefined) span.fail(error);
  else describeFailure(span, failure);
  span.update({ http: exchange.http, ...((ending === "aborted" || isAbort(error)) && ABORTED) });
  // When nobody reads what the error says, it is over with its head.
  span.end({ endTime: ending === "read" ? exchange.nowMs() : atMs });
}

/** A provider's own word on money is better than any price list. */
function statedCost({ facts: { statedCost } }: EndedCall): SpanPatch {
  return statedCost === undefined ? {} : { cost: statedCost };
}

function streamFacts({ exchange, reader: { events } }: EndedCall, ending: Ending): HttpCall["stream"] {
  if (events === undefined) {
    // A client that asked for events and got something else sees an empty stream.
    return asksForStream(exchange) && ending === "read" ? { events: 0, end: "broken" } : undefined;
  }
  const { count, mismatch, truncated, isOver, error } = events;
  // What was thrown at its reader came instead of more.
  const isComplete = ending === "broken" ? isOver : events.isComplete;
  return {
    events: count,
    end: error !== undefined ? "broken" : isComplete ? "completed" : streamEnd(ending),
    ...(mismatch !== undefined && { mismatch }),
    ...(truncated && { truncated }),
  };
}

function streamEnd(ending: Ending): StreamFacts["end"] {
  if (ending === "read") return "broken";
  return ending === "unread" ? "cancelled" : ending;
}

const ABORTED: SpanPatch = { level: "WARNING", statusMessage: "aborted" };

/** What went wrong with an answer that began well. */
function judge(span: RecordingSpan, { exchange, reader }: EndedCall, ending: Ending, thrown: unknown): void {
  const { stream } = exchange.http;
  const error = reader.events?.error;
  if (error !== undefined) describeFailure(span, eventFailure(error, exchange));
  if (error !== undefined || stream?.end === "completed") return;
  if (ending === "aborted" || (ending === "broken" && isAbort(thrown))) {
    span.fail(thrown).update(ABORTED);
  } else if (ending === "broken") {
    span.fail(thrown);
  } else if (ending === "cancelled") {
    span.update({ level: "WARNING", statusMessage: "cancelled: the reader left before the end" });
  } else if (stream?.end === "broken") {
    const what = stream.events === 0 ? "the stream had no events" : "the stream ended before its last event";
    span.update({ level: "WARNING", statusMessage: what });
  }
}
