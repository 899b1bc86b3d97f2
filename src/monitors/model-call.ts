import type { HttpAttempt, HttpCall, RateLimit, SpanRecord, TraceRecord } from "../core/record.ts";
import { totalUsd } from "../core/usd.ts";
import { errorTypeOf } from "../semconv/error-type.ts";

/** `refused`: by a budget of ours, so that no call was made. A call that its caller aborted is a `success`: nothing failed. */
export type CallStatus = "success" | "error" | "timeout" | "rate_limited" | "refused";

/** What is counted of a model call. What is not known, or is no number or text that can be, is `undefined`, never zero. */
export interface CountedCall {
  readonly traceId: string;
  readonly spanId: string;
  /**
   * Whether it counts as a call. Not where a record only has tokens or money (an agent with a bill of its own), or repeats
   * the failure of the run above it. An Assistants run is counted by its steps, or by the one `chat` that stands for them
   * all; one that fails is one failed call more, as the call that failed has no step.
   */
  readonly isCall: boolean;
  readonly status: CallStatus;
  readonly model: string | undefined;
  readonly feature: string | undefined;
  readonly team: string | undefined;
  readonly user: string | undefined;
  /** `undefined` too where the times are those of a whole run, with its tools and its waiting. */
  readonly latencySeconds: number | undefined;
  readonly secondsToFirstChunk: number | undefined;
  readonly totalTokens: number | undefined;
  /** USD. `undefined`: tokens of a model whose price nobody knows, or no tokens known. */
  readonly costUsd: number | undefined;
  /** HTTP requests that were made for it: 1 where nothing else is known, 0 for what is no call. */
  readonly attempts: number;
  /** How many of them were answered 429, and 5xx or not at all. */
  readonly rateLimitedAttempts: number;
  readonly serverErrorAttempts: number;
  readonly rateLimit: RateLimit | undefined;
}

/** What monitors read of a model call. */
export interface ModelCall extends CountedCall {
  readonly provider: string | undefined;
  readonly session: string | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly errorType: string | undefined;
  readonly errorMessage: string | undefined;
  /** Of the last attempt. */
  readonly httpStatus: number | undefined;
}

type Writable<T> = { -readonly [name in keyof T]: T[name] };

/** More than this is a mistake of whoever made the record: tokens and dollars of one call, seconds (some 11 days). */
const MAX_TOKENS = 1e12;
const MAX_USD = 1e6;
const MAX_SECONDS = 1e6;

/** The record as a model call, or `undefined` for what is none: other spans, scores, findings, spans that have not ended. */
export function modelCallOf(record: TraceRecord): ModelCall | undefined {
  const call = newCall();
  if (!readCall(record, call)) return undefined;
  const span = record as SpanRecord;
  const { error, genAi, http, usage, trace } = span;
  call.provider = text(genAi?.provider);
  call.session = text(trace?.sessionId);
  call.inputTokens = amount(usage?.inputTokens, MAX_TOKENS);
  call.outputTokens = amount(usage?.outputTokens, MAX_TOKENS);
  call.httpStatus = amount(http?.status ?? error?.status, 999);
  if (span.status?.code === "error") {
    call.errorType = errorTypeOf(span);
    call.errorMessage = text(error?.message) ?? text(span.status.message);
  }
  return call;
}

/** To be read into. */
export function newCall(): Writable<ModelCall> {
  return {
    traceId: "",
    spanId: "",
    isCall: false,
    status: "success",
    model: undefined,
    provider: undefined,
    feature: undefined,
    team: undefined,
    user: undefined,
    session: undefined,
    latencySeconds: undefined,
    secondsToFirstChunk: undefined,
    inputTokens: undefined,
    outputTokens: undefined,
    totalTokens: undefined,
    costUsd: undefined,
    errorType: undefined,
    errorMessage: undefined,
    httpStatus: undefined,
    attempts: 0,
    rateLimitedAttempts: 0,
    serverErrorAttempts: 0,
    rateLimit: undefined,
  };
}

/**
 * Puts what is counted of a record into `call`; false for what is no model call. For half a million records a second: no
 * `BigInt`, no lists, and no object for each.
 */
export function readCall(record: TraceRecord, call: Writable<CountedCall>): boolean {
  if (record.record !== "span" || record.unfinished) return false;
  const hasFailed = record.status?.code === "error";
  const role = roleOf(record, hasFailed);
  if (role === undefined || typeof record.traceId !== "string" || typeof record.spanId !== "string") return false;
  const { genAi, http, usage, trace, cost, startTime, firstChunkTime } = record;
  const status = hasFailed ? failureOf(record) : "success";
  const isCall = role === "call" && status !== "refused";
  const isTimed = isCall && isModel(record) && hasOwnTimes(record);
  const attempts: Attempts = status !== "refused" && Array.isArray(http?.attempts) ? http.attempts : undefined;
  call.traceId = record.traceId;
  call.spanId = record.spanId;
  call.isCall = isCall;
  call.status = status;
  call.model = text(genAi?.responseModel) ?? text(genAi?.requestModel);
  call.feature = text(trace?.feature);
  call.team = text(trace?.team);
  call.user = text(trace?.userId);
  call.latencySeconds = isTimed ? secondsBetween(startTime, record.endTime) : undefined;
  call.secondsToFirstChunk =
    isTimed && firstChunkTime !== undefined ? secondsBetween(startTime, firstChunkTime) : undefined;
  call.totalTokens = amount(usage?.totalTokens, MAX_TOKENS) ?? sumOf(usage);
  call.costUsd = cost === undefined ? undefined : amount(totalUsd(cost), MAX_USD);
  call.attempts = attempts?.length ?? (isCall ? 1 : 0);
  call.rateLimitedAttempts = countOf(attempts, isRateLimited) ?? (isCall && status === "rate_limited" ? 1 : 0);
  call.serverErrorAttempts = isCall || attempts ? serverErrorsOf(record, attempts, status) : 0;
  call.rateLimit = http?.rateLimit;
  return true;
}

/** Where there was more than one. */
type Attempts = readonly HttpAttempt[] | undefined;

/** `part`: it says something of calls that are counted by other records. */
function roleOf(record: SpanRecord, hasFailed: boolean): "call" | "part" | undefined {
  const { genAi, http, usage, cost } = record;
  const isPaid = usage !== undefined || cost !== undefined;
  if (isModel(record)) {
    // A generation of the user's that says nothing may be a function around a call that has a record of its own; `tracedFetch`
    // says of one that it is.
    const saysNothing = genAi?.operation === undefined && (genAi?.responseModel ?? genAi?.requestModel) === undefined;
    if ((saysNothing || record.attributes?.["sightline.model.called_below"] === true) && !isPaid) return undefined;
    return hasFailed && !hasOwnTimes(record) ? "part" : "call";
  }
  if (isRun(record)) {
    if (hasFailed) return "call";
    return isPaid || http?.attempts !== undefined ? "part" : undefined;
  }
  if (hasFailed && asksForRun(http)) return "call";
  return isPaid ? "part" : undefined;
}

function isModel({ type }: SpanRecord): boolean {
  return type === "generation" || type === "embedding";
}

/** Where the provider runs the agent; one of this process makes calls that have records of their own. */
function isRun({ type, kind, genAi }: SpanRecord): boolean {
  const api = genAi?.openai?.apiType;
  return type === "agent" && kind === "client" && (api === "assistants" || api === "agents");
}

/** Requests that set a run going or let it go on: answered, they are part of the run; failed, they have a span of their own. */
const RUN_REQUEST = /^\/threads(?:\/\{thread_id\})?\/runs(?:\/\{run_id\}\/submit_tool_outputs)?$/;

function asksForRun(http: HttpCall | undefined): boolean {
  return http?.method === "POST" && RUN_REQUEST.test(http.route);
}

/** As in the metrics of the conventions: a `chat` for all calls of a run or turn has the times of that. */
function hasOwnTimes({ genAi }: SpanRecord): boolean {
  const openai = genAi?.openai;
  if (openai?.apiType === "agents") return false;
  return !(openai?.apiType === "assistants" && genAi?.operation === "chat" && openai.runStepId === undefined);
}

/**
 * `APIConnectionTimeoutError` of `openai` 4 to 7, `HeadersTimeoutError` and `UND_ERR_CONNECT_TIMEOUT` of undici,
 * `TimeoutError` of `AbortSignal.timeout`, `ETIMEDOUT`, `request-timeout` of node-fetch.
 */
const TIMEOUT = /time(?:d[ _-]?)?[ _-]?out/i;
/** A run that waited for ten minutes. */
const EXPIRED = "expired";

function failureOf({ error, http, genAi, status: { message } }: SpanRecord): CallStatus {
  const code = error?.code ?? genAi?.openai?.errorCode;
  if (code === "budget_exceeded") return "refused";
  const status = http?.status ?? error?.status;
  if (status === 429 || code === "rate_limit_exceeded") return "rate_limited";
  if (status === 408 || status === 504 || code === EXPIRED) return "timeout";
  if (TIMEOUT.test(`${error?.type} ${code}`) || error?.causes?.some(({ type }) => TIMEOUT.test(type))) return "timeout";
  // By the caller. `aborted` is what `tracedFetch` says where the signal's own reason was thrown.
  if (error?.type === "AbortError" || error?.type === "APIUserAbortError" || message === "aborted") return "success";
  return "error";
}

function isRateLimited({ status }: HttpAttempt): boolean {
  return status === 429;
}

function isServerError({ status }: HttpAttempt): boolean {
  return status === undefined || status >= 500;
}

function countOf(attempts: Attempts, is: (attempt: HttpAttempt) => boolean): number | undefined {
  if (attempts === undefined) return undefined;
  let count = 0;
  for (const attempt of attempts) if (is(attempt)) count++;
  return count;
}

/** What errors are called when there was no answer, where nothing else is known of the request. */
const NO_ANSWER = /^(?:API)?Connection|^(?:Fetch|Socket)Error|^UND_ERR_|^E(?:CONN|NOTFOUND|AI_AGAIN|PIPE|HOST|NET)/;
/** Of the `TypeError`s that `fetch` throws. */
const FETCH_FAILED = /^fetch failed|^terminated/;

function serverErrorsOf({ error, http, genAi }: SpanRecord, attempts: Attempts, status: CallStatus): number {
  if (attempts !== undefined) {
    // The one that its caller aborted might have been answered.
    const last = attempts.at(-1);
    const isAborted = status === "success" && last !== undefined && last.status === undefined;
    return (countOf(attempts, isServerError) ?? 0) - (isAborted ? 1 : 0);
  }
  if (status !== "error" && status !== "timeout") return 0;
  const answer = http?.status ?? error?.status;
  if (answer !== undefined && answer >= 500) return 1;
  const code = error?.code ?? genAi?.openai?.errorCode;
  // In the middle of a run or response it is what a 5xx is elsewhere.
  if (code === "server_error") return 1;
  if (answer !== undefined || code === EXPIRED) return 0;
  if (http !== undefined || status === "timeout") return 1;
  return NO_ANSWER.test(`${code ?? error?.type}`) || FETCH_FAILED.test(`${error?.message}`) ? 1 : 0;
}

/** Of the tokens that are told. */
function sumOf(usage: SpanRecord["usage"]): number | undefined {
  const input = amount(usage?.inputTokens, MAX_TOKENS);
  const output = amount(usage?.outputTokens, MAX_TOKENS);
  return input === undefined && output === undefined ? undefined : (input ?? 0) + (output ?? 0);
}

/** By its length: two texts that are not the same object are compared outside of compiled code. */
function text(value: unknown): string | undefined {
  return typeof value === "string" && value.length > 0 ? value : undefined;
}

function amount(value: unknown, max: number): number | undefined {
  return typeof value === "number" && value >= 0 && value <= max ? value : undefined;
}

/**
 * Times are epoch nanoseconds in decimal. Subtracted digit by digit, whole seconds and the nine digits behind them each as
 * an integer. Exact to the nanosecond; to the microsecond between texts of two lengths.
 */
function secondsBetween(from: string, to: string): number | undefined {
  if (typeof from !== "string" || typeof to !== "string" || from.length === 0) return undefined;
  const { length } = from;
  if (length !== to.length || length > MAX_DIGITS) return amount((Number(to) - Number(from)) / NANOS, MAX_SECONDS);
  let seconds = 0;
  let nanos = 0;
  let at = 0;
  for (; at < length - NANO_DIGITS; at++) {
    const a = from.charCodeAt(at) - ZERO;
    const b = to.charCodeAt(at) - ZERO;
    if (a >>> 0 > 9 || b >>> 0 > 9) return undefined;
    seconds = seconds * 10 + (b - a);
  }
  for (; at < length; at++) {
    const a = from.charCodeAt(at) - ZERO;
    const b = to.charCodeAt(at) - ZERO;
    if (a >>> 0 > 9 || b >>> 0 > 9) return undefined;
    nanos = (Math.imul(nanos, 10) + (b - a)) | 0;
  }
  return amount((seconds * NANOS + nanos) / NANOS, MAX_SECONDS);
}

const NANOS = 1e9;
const NANO_DIGITS = 9;
/** Until the year 2286 they have 19. */
const MAX_DIGITS = 20;
const ZERO = 48;
