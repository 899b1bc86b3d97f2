import { guard } from "../../core/guard.ts";
import type { HttpAttempt, HttpCall } from "../../core/record.ts";
import type { RecordingSpan } from "../../core/recording-span.ts";
import type { SettleReason } from "../../core/trace.ts";
import { openAnswers } from "../open-answers.ts";
import { answerReader, errorReader } from "./answer-reader.ts";
import { release } from "./asked.ts";
import { failedAttempt, isTimeout, mayBeRetried, retryCount, waitLimitMs } from "./attempts.ts";
import { type BodyReader, countingReader } from "./body-reader.ts";
import type { BodyWatch } from "./body-watch.ts";
import { conclude, type Ending, type Failed } from "./call-end.ts";
import { describeRequest, describeSoFar, openSpan } from "./call-span.ts";
import type { Exchange } from "./exchange.ts";
import { type CallStart, exchangeOf, type OpenExchange } from "./exchange-of.ts";
import { type HeaderFacts, readHeaders } from "./headers.ts";
import { landingOf } from "./landings.ts";
import { type OpenAnswer, openAnswer } from "./open-answer.ts";
import { type Refusal, refusedFailure, refusedResponse } from "./refusal.ts";
import type { SentRequest } from "./request.ts";
import { tapResponse } from "./tap.ts";
import { mayBeFollowed, type WaitingCalls } from "./waiting-calls.ts";

/** One call of the API with all its attempts: one span, or none where its answer lands on something that lives longer. */
export interface Call {
  readonly exchange: OpenExchange;
  /** None where its answer lands elsewhere, unless it fails. */
  readonly span: RecordingSpan | undefined;
  readonly request: SentRequest;
  /** How many have an outcome. */
  readonly attempts: number;
  /** The span that it has, or would have if it failed. */
  ownSpan(): RecordingSpan | undefined;
  /** Another attempt is on its way. */
  retry(request: SentRequest): void;
  /** The head of an answer has come; the response to give to the caller. */
  answered<R extends Response>(response: R): R;
  /** The attempt is not made; what to give to the caller in the place of an answer. */
  refused(refusal: Refusal): Response;
  /** There is no answer. */
  rejected(error: unknown): void;
  /** Nothing more can be learned of it. */
  end(): void;
}

/** `undefined` where nothing is recorded. */
export function beginCall(start: CallStart, waiting: WaitingCalls<Call>): Call | undefined {
  const { runtime, settings } = start;
  const exchange = exchangeOf(start);
  const known: HttpCall = exchange.http;
  const landing = guard(() => landingOf(exchange.endpoint, exchange), undefined);
  let span = landing === undefined ? openSpan(exchange) : undefined;
  if (landing === undefined && span === undefined) return undefined;
  /** Opened to be asked for: the call's own if it fails, or else given up when its answer has landed. */
  let spare: RecordingSpan | undefined;

  let isDescribed = false;
  /** Once, in a later turn than the call's, so that nobody waits for it; at the latest when something else is to be said. */
  const describe = (): void => {
    if (isDescribed || span === undefined || span.ended) return;
    isDescribed = true;
    guard(() => describeRequest(span as RecordingSpan, exchange), undefined);
  };
  if (span !== undefined) setImmediate(describe);

  const attempts: HttpAttempt[] = [];
  let { request } = start;
  let { timeoutMs } = settings;
  /** The attempt that is under way or was the last. */
  let turn = 0;
  let sentMs = exchange.startMs;
  let outcomeMs = 0;
  let waitMs: number | undefined;
  let facts: HeaderFacts = {};
  /** Stands unless another attempt follows. */
  let failed: Failed | undefined;
  let reader: BodyReader = countingReader;
  /** While it is a stream. */
  let streamed: OpenAnswer | undefined;
  let isAsked = false;
  let isRead = false;
  let bytes = 0;
  /** As many as there were when the span was last written while it was still open. */
  let shownBytes: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  /** A large answer that has been read and waits to be described. */
  let later: NodeJS.Immediate | undefined;
  let readMs = 0;
  let isHolding = false;
  let ended = false;

  const stopWaiting = (): void => {
    clearTimeout(timer);
    timer = undefined;
    waiting.delete(call);
  };

  const finish = (ending: Ending, error?: unknown): void => {
    if (ended) return;
    ended = true;
    stopWaiting();
    span ??= spare;
    describe();
    const facing = { exchange, landing, span, reader, bytes, failed, facts };
    const say = (): boolean => guard(() => conclude(facing, ending, error), false);
    const goesOn = later === undefined ? say() : asOf(exchange, readMs, say);
    streamed?.end();
    openAnswers(runtime).delete(readLater);
    if (span?.ended === false && !goesOn) span.end({ endTime: exchange.nowMs() });
    release(exchange);
  };

  const readLater = (): void => finish("read");

  /** Who waits for the end of a large answer gets it before it is described; who records it has it described first. */
  const finishRead = (): void => {
    const isLarge = bytes >= LARGE_BYTES && reader.reads && reader.events === undefined;
    if (!isLarge || span === undefined) {
      finish("read");
      return;
    }
    readMs = exchange.nowMs();
    later = setImmediate(readLater);
    openAnswers(runtime).add(readLater);
  };

  /** Nothing else of the trace is open, or all is written out. What is still to be read goes on after that. */
  const settle = (reason: SettleReason): void => {
    if (ended || isHolding || span === undefined) return;
    // Its next attempt comes in spite of it.
    if (reason === "flush" && timer !== undefined) {
      hold();
      return;
    }
    if (later !== undefined) {
      finish("read");
      return;
    }
    const isUnread = !isAsked && reader.events === undefined;
    const isLast = !reader.reads || reason === "exit";
    const isOver = failed === undefined ? isUnread && isLast : !isAsked || isRead;
    if (isOver) {
      finish("unread");
      return;
    }
    if ((isUnread || reader.events !== undefined) && bytes !== shownBytes) {
      shownBytes = bytes;
      reader.drain();
      describeSoFar(span, exchange, reader.answer());
      span.update({ http: exchange.http });
      span.exportUnfinished();
    }
    hold();
  };

  const hold = (): void => {
    if (span === undefined || span.ended) return;
    // A span that has been given up is settled within; it waits for its end all the same.
    isHolding = true;
    runtime.open.hold(span, settle);
    isHolding = false;
  };

  const note = (attempt: HttpAttempt, http: Partial<HttpCall> = {}): void => {
    attempts.push(waitMs === undefined ? attempt : { ...attempt, waitMs });
    outcomeMs = exchange.nowMs();
    exchange.http = { ...known, ...http, ...(attempts.length > 1 && { attempts: [...attempts] }) };
  };

  const fail = (failure: Failed, mayFollow: boolean): void => {
    failed = failure;
    span ??= spare ?? openSpan(exchange);
    if (span !== undefined) span.isSpare = false;
    describe();
    release(exchange);
    if (!mayFollow || !mayBeFollowed(request, exchange.parent)) return;
    waiting.add(call);
    timer = setTimeout(() => finish("unread"), waitLimitMs(facts.retryAfterMs)).unref();
    hold();
  };

  const readHead = (response: Response): void => {
    const { status, headers } = response;
    facts = readHeaders((name) => headers.get(name), runtime.clock.epochMs());
    const { retryAfterMs, shouldRetry, statedCost, ...http } = facts;
    const { requestId } = facts;
    const durationMs = micros(exchange.nowMs() - sentMs);
    note({ status, ...(requestId !== undefined && { requestId }), durationMs }, { ...http, status });
    if (status < 400) {
      reader = answerReader(exchange, landing, headers.get("content-type") ?? "", {
        maxBytes: settings.maxBodyBytes,
        onEvent: (data) => streamed?.event(data),
      });
      if (reader.events !== undefined) streamed = openAnswer(exchange, span, () => reader);
    } else {
      reader = errorReader();
      fail({ atMs: outcomeMs, status }, mayBeRetried(status, shouldRetry));
    }
  };

  const watchBody = (): BodyWatch => {
    const own = turn;
    const current = (fn: () => void): void => {
      if (!ended && later === undefined && own === turn) guard(fn, undefined);
    };
    const left = (ending: Ending): void => {
      // Clients throw the body away when they try again.
      if (timer === undefined) finish(ending);
    };
    return {
      get reads() {
        return reader.reads && !ended;
      },
      asked: () =>
        current(() => {
          isAsked = true;
          // `openai` reads what an error says only when it will not try again; others read it first.
          if (failed !== undefined && retryCount(request) !== undefined) stopWaiting();
        }),
      chunk: (size, copy) =>
        current(() => {
          if (bytes === 0 && reader.events !== undefined) span?.update({ completionStartTime: exchange.nowMs() });
          bytes += size;
          if (copy !== undefined) reader.push(copy);
        }),
      end: () =>
        current(() => {
          isRead = true;
          if (timer === undefined) finishRead();
        }),
      error: (error) => current(() => finish(request.signal?.aborted === true ? "aborted" : "broken", error)),
      cancel: () => current(() => left("cancelled")),
      gone: () => current(() => left(isAsked || reader.events !== undefined ? "cancelled" : "unread")),
    };
  };

  const call: Call = {
    exchange,
    get span() {
      return span;
    },
    get request() {
      return request;
    },
    get attempts() {
      return attempts.length;
    },
    ownSpan: () => span ?? (spare ??= openSpan(exchange, true)),
    retry(next) {
      stopWaiting();
      // The caller's abort is not tried again, so it was a timeout; another one takes about as long.
      if (request.signal?.aborted === true) timeoutMs ??= attempts.at(-1)!.durationMs * 0.7;
      if (span !== undefined) runtime.open.release(span);
      request = next;
      turn++;
      failed = undefined;
      streamed?.end();
      streamed = undefined;
      reader = countingReader;
      isAsked = isRead = false;
      bytes = 0;
      facts = {};
      sentMs = exchange.nowMs();
      waitMs = micros(sentMs - outcomeMs);
    },
    answered(response) {
      describe();
      readHead(response);
      const tapped = hasBody(exchange, response) ? tapResponse(response, watchBody()) : undefined;
      if (tapped !== undefined) hold();
      else if (timer === undefined) finish(response.body === null ? "read" : "unread");
      return tapped ?? response;
    },
    refused(refusal) {
      const failure = refusedFailure(refusal);
      note({ status: failure.status!, error: refusal.code, durationMs: 0 }, { status: failure.status! });
      fail({ atMs: outcomeMs, failure }, false);
      finish("unread");
      return refusedResponse(refusal);
    },
    rejected(error) {
      const durationMs = micros(exchange.nowMs() - sentMs);
      note(failedAttempt(error, durationMs));
      const aborted = request.signal?.aborted === true;
      const timedOut = aborted && isTimeout(request, durationMs, timeoutMs);
      // Where that is not known, another attempt may say.
      fail({ atMs: outcomeMs, error: timedOut === true ? TIMED_OUT : error }, !aborted || timedOut !== false);
      if (timer === undefined) finish(aborted ? "aborted" : "broken");
    },
    end: () => finish("unread"),
  };
  return call;
}

/** Parsing and capturing more takes milliseconds. */
const LARGE_BYTES = 256 * 1024;

/** Runs `fn` with the clock of an exchange at the time when its answer had been read. */
function asOf<T>(exchange: OpenExchange, ms: number, fn: () => T): T {
  const { nowMs } = exchange;
  const clock = exchange as { nowMs: () => number };
  clock.nowMs = () => ms;
  try {
    return fn();
  } finally {
    clock.nowMs = nowMs;
  }
}

/** Milliseconds without the noise below a microsecond. */
function micros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

/** The `openai` client turns its own abort into this. */
const TIMED_OUT = { name: "APIConnectionTimeoutError", message: "Request timed out." };

function hasBody({ method }: Exchange, { body, status }: Response): boolean {
  return body !== null && method !== "HEAD" && status !== 204 && status !== 304;
}
