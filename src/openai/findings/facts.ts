import { toMillis } from "../../core/clock.ts";
import { isLocalRoot } from "../../core/local-root.ts";
import type { OpenAIDetails, SpanRecord } from "../../core/record.ts";
import { type Answer, answerOf, type ToolFacts, toolOf } from "./payloads.ts";
import { amount, fieldOf, items, word } from "./values.ts";

/** What rules know of one span: small, without its input and output, and every value of the type that it says. */
export interface Facts {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly isLocalRoot: boolean;
  readonly seq: number;
  readonly name: string;
  readonly type: string;
  readonly isUnfinished: boolean;
  readonly hasFailed: boolean;
  /** Epoch milliseconds. */
  readonly startMs: number;
  readonly endMs: number;
  readonly sessionId: string | undefined;
  readonly model: string | undefined;
  readonly responseId: string | undefined;
  readonly responseStatus: string | undefined;
  readonly previousResponseId: string | undefined;
  readonly conversationId: string | undefined;
  readonly finishReasons: readonly string[];
  /** `max_output_tokens` and its like, as the request set them. */
  readonly caps: { readonly [name: string]: number };
  readonly openai: OpenAIDetails;
  readonly usage: Tokens | undefined;
  readonly http: HttpFacts | undefined;
  readonly error: ErrorFacts | undefined;
  /** Of a model call or agent whose output is known. */
  readonly answer: Answer | undefined;
  /** Messages that went in, and the role of the last of them. */
  readonly asked: number;
  readonly lastRole: string | undefined;
  readonly tool: ToolFacts | undefined;
  /** The model may call functions of the program's. */
  readonly hasFunctions: boolean;
}

export interface Tokens {
  readonly input: number | undefined;
  readonly output: number | undefined;
  readonly total: number;
  readonly reasoning: number;
  readonly cacheRead: number | undefined;
}

export interface ErrorFacts {
  readonly status: number | undefined;
  readonly code: string | undefined;
  readonly message: string;
}

export interface HttpFacts {
  readonly method: string;
  readonly route: string;
  readonly host: string;
  readonly status: number | undefined;
  readonly attempts: readonly {
    readonly status: number | undefined;
    readonly durationMs: number;
    readonly waitMs: number;
  }[];
  readonly polls: { readonly count: number; readonly maxPerSecond: number } | undefined;
  readonly stream: StreamFactsRead | undefined;
  readonly remainingTokens: number | undefined;
  readonly limitTokens: number | undefined;
}

export interface StreamFactsRead {
  readonly events: number;
  readonly end: string;
  readonly mismatch: { readonly event: string; readonly status: string } | undefined;
}

const NO_DETAILS: OpenAIDetails = {};
const CAPS = ["max_tokens", "max_completion_tokens", "max_output_tokens", "max_prompt_tokens"];
/** The attempts of one call that are looked at: clients make three by default. */
const MAX_ATTEMPTS = 100;

/** The facts of a record; `undefined` for spans that no rule looks at. Never throws. */
export function factsOf(record: SpanRecord): Facts | undefined {
  if (record.genAi === undefined && record.http === undefined && record.error === undefined) return undefined;
  try {
    return read(record);
  } catch {
    // Records may come from anywhere: what cannot be read says nothing.
    return undefined;
  }
}

function read(record: SpanRecord): Facts | undefined {
  const { genAi, http, error } = record;
  const [traceId, spanId] = [word(record.traceId), word(record.spanId)];
  const [startMs, endMs] = [millis(record.startTime), millis(record.endTime)];
  if (traceId === undefined || spanId === undefined || startMs === undefined || endMs === undefined) return undefined;
  const type = word(record.type) ?? "span";
  const isModel = type === "generation" || type === "agent";
  const definitions = items(genAi?.toolDefinitions);
  return {
    traceId,
    spanId,
    parentSpanId: word(record.parentSpanId),
    isLocalRoot: isLocalRoot(record),
    seq: amount(record.seq) ?? 0,
    name: word(record.name) ?? "",
    type,
    isUnfinished: record.unfinished === true,
    hasFailed: fieldOf(record.status, "code") === "error",
    startMs,
    endMs,
    sessionId: word(fieldOf(record.trace, "sessionId")),
    model: word(genAi?.responseModel) ?? word(genAi?.requestModel),
    responseId: word(genAi?.responseId),
    responseStatus: word(genAi?.responseStatus),
    previousResponseId: word(genAi?.previousResponseId),
    conversationId: word(genAi?.conversationId),
    finishReasons: items(genAi?.finishReasons).filter((reason) => typeof reason === "string"),
    caps: numbers(genAi?.parameters, CAPS),
    openai: details(genAi?.openai),
    usage: tokens(record.usage),
    http: http === undefined ? undefined : httpOf(http),
    error: error === undefined && fieldOf(record.status, "code") !== "error" ? undefined : errorOf(record),
    answer: isModel && record.output !== undefined ? answerOf(record, definitions) : undefined,
    asked: isModel ? items(record.input).length : 0,
    lastRole: isModel ? word(fieldOf(items(record.input).at(-1), "role")) : undefined,
    tool: type === "tool" ? toolOf(record) : undefined,
    hasFunctions: definitions.some((tool) => fieldOf(tool, "type") === "function"),
  };
}

function millis(nanos: unknown): number | undefined {
  return typeof nanos === "string" ? amount(toMillis(nanos)) : undefined;
}

const TEXTS = [
  "apiType",
  "threadId",
  "runId",
  "runStatus",
  "runStepId",
  "errorCode",
  "errorMessage",
  "incompleteReason",
  "missing",
] as const;
const NUMBERS = ["createdAt", "startedAt", "expiresAt", "cancellingSince", "stepCount"] as const;

function details(openai: unknown): OpenAIDetails {
  if (typeof openai !== "object" || openai === null) return NO_DETAILS;
  const read: { [name: string]: unknown } = numbers(openai, NUMBERS);
  for (const name of TEXTS) {
    const value = word(fieldOf(openai, name));
    if (value !== undefined) read[name] = value;
  }
  if (fieldOf(openai, "background") === true) read["background"] = true;
  const pending = items(fieldOf(openai, "pendingToolCalls")).map((call) => ({
    id: word(fieldOf(call, "id")),
    name: word(fieldOf(call, "name")) ?? "function",
  }));
  return { ...read, ...(pending.length > 0 && { pendingToolCalls: pending }) } as OpenAIDetails;
}

function numbers(object: unknown, names: readonly string[]): { [name: string]: number } {
  const read: { [name: string]: number } = {};
  for (const name of names) {
    const value = amount(fieldOf(object, name));
    if (value !== undefined) read[name] = value;
  }
  return read;
}

function tokens(usage: unknown): Tokens | undefined {
  if (typeof usage !== "object" || usage === null) return undefined;
  const input = amount(fieldOf(usage, "inputTokens"));
  const output = amount(fieldOf(usage, "outputTokens"));
  return {
    input,
    output,
    total: amount(fieldOf(usage, "totalTokens")) ?? (input ?? 0) + (output ?? 0),
    reasoning: amount(fieldOf(usage, "reasoningOutputTokens")) ?? 0,
    cacheRead: amount(fieldOf(usage, "cacheReadInputTokens")),
  };
}

function errorOf({ error, status }: SpanRecord): ErrorFacts {
  const code = fieldOf(error, "code");
  return {
    status: amount(fieldOf(error, "status")),
    code: typeof code === "number" ? String(code) : word(code),
    message: word(fieldOf(error, "message")) ?? word(fieldOf(status, "message")) ?? "",
  };
}

function httpOf(http: unknown): HttpFacts {
  const [polls, limit] = [fieldOf(http, "polls"), fieldOf(http, "rateLimit")];
  const count = amount(fieldOf(polls, "count"));
  return {
    method: word(fieldOf(http, "method")) ?? "",
    route: word(fieldOf(http, "route")) ?? "",
    host: word(fieldOf(http, "host")) ?? "",
    status: amount(fieldOf(http, "status")),
    attempts: items(fieldOf(http, "attempts"))
      .slice(0, MAX_ATTEMPTS)
      .map((attempt) => ({
        status: amount(fieldOf(attempt, "status")),
        durationMs: amount(fieldOf(attempt, "durationMs")) ?? 0,
        waitMs: amount(fieldOf(attempt, "waitMs")) ?? 0,
      })),
    polls: count === undefined ? undefined : { count, maxPerSecond: amount(fieldOf(polls, "maxPerSecond")) ?? 0 },
    stream: streamOf(fieldOf(http, "stream")),
    remainingTokens: amount(fieldOf(limit, "remainingTokens")),
    limitTokens: amount(fieldOf(limit, "limitTokens")),
  };
}

function streamOf(stream: unknown): StreamFactsRead | undefined {
  const [events, end] = [amount(fieldOf(stream, "events")), word(fieldOf(stream, "end"))];
  if (events === undefined || end === undefined) return undefined;
  const mismatch = fieldOf(stream, "mismatch");
  const [event, status] = [word(fieldOf(mismatch, "event")), word(fieldOf(mismatch, "status"))];
  return { events, end, mismatch: event === undefined || status === undefined ? undefined : { event, status } };
}
