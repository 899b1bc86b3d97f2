import type { RateLimit, SpanRecord, TraceRecord } from "../core/record.ts";
import { totalUsd } from "../core/usd.ts";
import { errorTypeOf } from "../semconv/error-type.ts";
import { secondsBetween } from "../semconv/seconds-between.ts";

/** `refused`: by a budget of ours, so that no call was made. */
export type CallStatus = "success" | "error" | "timeout" | "rate_limited" | "refused";

/** What monitors read of a model call. What is not known is `undefined`, never zero. */
export interface ModelCall {
  readonly traceId: string;
  readonly spanId: string;
  /**
   * Whether it counts as a call with a duration. Not where a record only has the tokens or the money of calls that have
   * records of their own, such as the `chat` of a whole Assistants run.
   */
  readonly isCall: boolean;
  readonly status: CallStatus;
  readonly model: string | undefined;
  readonly provider: string | undefined;
  readonly feature: string | undefined;
  readonly team: string | undefined;
  readonly user: string | undefined;
  readonly session: string | undefined;
  readonly latencySeconds: number | undefined;
  readonly secondsToFirstChunk: number | undefined;
  readonly inputTokens: number | undefined;
  readonly outputTokens: number | undefined;
  readonly totalTokens: number | undefined;
  /** USD. `undefined`: tokens of a model whose price nobody knows, or no tokens known. */
  readonly costUsd: number | undefined;
  readonly errorType: string | undefined;
  readonly errorMessage: string | undefined;
  /** Of the last attempt. */
  readonly httpStatus: number | undefined;
  /** HTTP requests that were made for it: 1 where nothing else is known. */
  readonly attempts: number;
  /** How many of them were answered 429, and 5xx or not at all. */
  readonly rateLimitedAttempts: number;
  readonly serverErrorAttempts: number;
  readonly rateLimit: RateLimit | undefined;
}

/**
 * The record as a model call, or `undefined` for what is none: other spans, scores, findings, spans that have not ended.
 * Made for half a million records a second: no `BigInt`, no lists.
 */
export function modelCallOf(record: TraceRecord): ModelCall | undefined {
  if (record.record !== "span" || record.unfinished) return undefined;
  if (record.type !== "generation" && record.type !== "embedding" && record.cost === undefined) return undefined;
  const { genAi, http, usage, trace, error } = record;
  const model = genAi?.responseModel ?? genAi?.requestModel;
  if (model === undefined && usage === undefined && record.cost === undefined) return undefined;
  const status = statusOf(record);
  const { inputTokens, outputTokens } = usage ?? {};
  const total = usage?.totalTokens;
  return {
    traceId: record.traceId,
    spanId: record.spanId,
    isCall: status !== "refused" && record.type !== "agent" && hasOwnTimes(record),
    status,
    model,
    provider: genAi?.provider,
    feature: trace.feature,
    team: trace.team,
    user: trace.userId,
    session: trace.sessionId,
    latencySeconds: hasOwnTimes(record) ? secondsBetween(record.startTime, record.endTime) : undefined,
    secondsToFirstChunk:
      record.firstChunkTime === undefined ? undefined : secondsBetween(record.startTime, record.firstChunkTime),
    inputTokens,
    outputTokens,
    totalTokens:
      total ??
      (inputTokens === undefined && outputTokens === undefined ? undefined : (inputTokens ?? 0) + (outputTokens ?? 0)),
    costUsd: totalUsd(record.cost),
    errorType: errorTypeOf(record),
    errorMessage: error?.message ?? record.status.message,
    httpStatus: http?.status ?? error?.status,
    attempts: http?.attempts?.length ?? 1,
    rateLimitedAttempts: 0,
    serverErrorAttempts: 0,
    rateLimit: http?.rateLimit,
  };
}

function statusOf(record: SpanRecord): CallStatus {
  if (record.status.code !== "error") return "success";
  const { error, http, genAi } = record;
  const code = error?.code ?? genAi?.openai?.errorCode;
  if (code === "budget_exceeded") return "refused";
  const status = http?.status ?? error?.status;
  if (status === 429 || code === "rate_limit_exceeded") return "rate_limited";
  if (status === 408 || status === 504 || /time(d[ _]?)?out/i.test(`${error?.type} ${code}`)) return "timeout";
  return "error";
}

/** As in the metrics of the conventions: a `chat` for all calls of a run has the times of the run. */
function hasOwnTimes({ genAi }: SpanRecord): boolean {
  const { apiType, runStepId } = genAi?.openai ?? {};
  if (apiType === "agents") return false;
  return !(genAi?.operation === "chat" && apiType === "assistants" && runStepId === undefined);
}
