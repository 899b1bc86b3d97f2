import type { SpanRecord } from "../../core/record.ts";
import type { CallStatus, ModelCall } from "../model-call.ts";

/**
 * One model call as it is logged: flat, with the same names in every line, so that it can be searched without a mapping.
 * What is not known is absent, never zero.
 */
export interface LogLine {
  /** When the call ended: UTC, ISO 8601 with milliseconds. */
  readonly timestamp?: string;
  readonly level: "DEBUG" | "INFO" | "WARN" | "ERROR";
  readonly logger: string;
  /** `llm_call_success`, `llm_call_rate_limited`, … */
  readonly message: string;
  /** The provider's own id of the request (`x-request-id`), for its support. */
  readonly request_id?: string;
  /** The id of the trace: of all that belongs to one request of yours. */
  readonly correlation_id: string;
  readonly span_id: string;
  /** As it was asked for; as it was answered where only that is known. */
  readonly model?: string;
  /** As it was answered: `gpt-4.1-2025-04-14`. */
  readonly response_model?: string;
  readonly provider?: string;
  readonly feature?: string;
  readonly team?: string;
  readonly user_id?: string;
  readonly session_id?: string;
  readonly environment?: string;
  readonly release?: string;
  /** `unfinished`: it was still going on when the line was written. */
  readonly status: CallStatus | "unfinished";
  /** Milliseconds with all its attempts. */
  readonly latency_ms?: number;
  /** Milliseconds from the call to the first chunk of a streamed answer. */
  readonly time_to_first_token_ms?: number;
  readonly input_tokens?: number;
  readonly output_tokens?: number;
  readonly total_tokens?: number;
  /** USD, by the price lists or by the provider's word. */
  readonly estimated_cost_usd?: number;
  /** The class of what was thrown, such as `RateLimitError`; else its code. */
  readonly error_type?: string;
  /** `rate_limit_exceeded`, `ECONNRESET`, `budget_exceeded`, … */
  readonly error_code?: string;
  /** At most 1,000 characters, masked as everything that is recorded. */
  readonly error_message?: string;
  /** Of the last attempt. */
  readonly http_status?: number;
  /** Attempts after the first, where the requests have been seen. */
  readonly retry_count?: number;
}

/** The names of a line, in their order. */
export const LOG_FIELDS: readonly (keyof LogLine)[] = [
  "timestamp",
  "level",
  "logger",
  "message",
  "request_id",
  "correlation_id",
  "span_id",
  "model",
  "response_model",
  "provider",
  "feature",
  "team",
  "user_id",
  "session_id",
  "environment",
  "release",
  "status",
  "latency_ms",
  "time_to_first_token_ms",
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "estimated_cost_usd",
  "error_type",
  "error_code",
  "error_message",
  "http_status",
  "retry_count",
];

/** Classes that say nothing of what went wrong. */
const VAGUE: ReadonlySet<string> = new Set(["Error", "Object", "object", "string", "number", "undefined", "null"]);
/** The limits of log services are for a whole line; the rest of a longer message is in the trace. */
const MAX_MESSAGE = 1_000;

/** The line of a call, without what is not known of it. */
export function logLine(
  record: SpanRecord,
  call: ModelCall,
  status: LogLine["status"],
  level: LogLine["level"],
): LogLine {
  const { error, genAi, http, trace } = record;
  const hasFailed = status !== "success" && status !== "unfinished";
  const code = error?.code ?? genAi?.openai?.errorCode;
  const type = error === undefined || VAGUE.has(error.type) ? call.errorType : error.type;
  const line: { [name in keyof LogLine]: LogLine[name] | undefined } = {
    timestamp: iso(record.endTime),
    level,
    logger: "sightline",
    message: `llm_call_${status}`,
    request_id: http?.requestId,
    correlation_id: call.traceId,
    span_id: call.spanId,
    model: genAi?.requestModel ?? genAi?.responseModel,
    response_model: genAi?.responseModel,
    provider: call.provider,
    feature: call.feature,
    team: call.team,
    user_id: call.user,
    session_id: call.session,
    environment: trace?.environment,
    release: trace?.release,
    status,
    latency_ms: ms(call.latencySeconds),
    time_to_first_token_ms: ms(call.secondsToFirstChunk),
    input_tokens: call.inputTokens,
    output_tokens: call.outputTokens,
    total_tokens: call.totalTokens,
    estimated_cost_usd: call.costUsd,
    error_type: hasFailed ? type : undefined,
    error_code: hasFailed && code !== undefined ? String(code) : undefined,
    error_message: hasFailed ? shortened(call.errorMessage) : undefined,
    http_status: call.httpStatus,
    // What was refused before it was made has no attempts that would say something.
    retry_count: http === undefined || status === "refused" ? undefined : Math.max(0, call.attempts - 1),
  };
  return known(line) as LogLine;
}

/** Without the names that have no value. */
export function known<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

/** Epoch nanoseconds in decimal. */
function iso(nanos: string): string | undefined {
  const epochMs = Number(nanos) / 1e6;
  return Math.abs(epochMs) <= 8.64e15 ? new Date(epochMs).toISOString() : undefined;
}

/** To the microsecond. */
function ms(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1e6) / 1e3;
}

function shortened(text: string | undefined): string | undefined {
  return text === undefined || text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1)}…`;
}
