import type { Json, JsonObject } from "./json.ts";

/**
 * Token counts. `inputTokens` and `outputTokens` are inclusive totals; cache, reasoning, audio and image counts are
 * subsets of them. A missing count is unknown, not zero.
 */
export interface Usage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  readonly cacheReadInputTokens?: number;
  readonly cacheWriteInputTokens?: number;
  readonly reasoningOutputTokens?: number;
  readonly audioInputTokens?: number;
  readonly audioOutputTokens?: number;
  readonly imageInputTokens?: number;
  readonly imageOutputTokens?: number;
  readonly textInputTokens?: number;
  readonly textOutputTokens?: number;
  /** Calls of the provider's own tools that are paid for by the call or the session. */
  readonly webSearchCalls?: number;
  readonly fileSearchCalls?: number;
  readonly codeInterpreterSessions?: number;
  /** Numeric counts of the provider that have no name here, by their own path. */
  readonly extra?: { readonly [name: string]: number };
}

/** Money, in `currency`. `source` says whether the caller stated it or the price book worked it out. */
export interface Cost {
  readonly currency: "USD";
  readonly total?: number;
  readonly input?: number;
  readonly output?: number;
  /** Fees of the provider's tools, and the tokens of the models that they run; part of the total. */
  readonly tools?: number;
  readonly source: "provided" | "computed";
  /** The model whose prices a computed cost has, as its price book calls it. */
  readonly model?: string;
  /** The price book that knew them. */
  readonly book?: string;
}

/** The parts of the OpenTelemetry GenAI conventions that a span may carry. */
export interface GenAi {
  readonly operation?: string;
  readonly provider?: string;
  readonly requestModel?: string;
  readonly responseModel?: string;
  readonly responseId?: string;
  readonly responseStatus?: string;
  readonly previousResponseId?: string;
  readonly finishReasons?: readonly string[];
  /** The conversation or thread; not the same slot as `trace.sessionId`. */
  readonly conversationId?: string;
  /** Request parameters by their wire names: `temperature`, `top_p`, `max_tokens`, … */
  readonly parameters?: JsonObject;
  readonly systemInstructions?: Json;
  readonly toolDefinitions?: Json;
  readonly agent?: { readonly id?: string; readonly name?: string; readonly description?: string };
  readonly tool?: { readonly name: string; readonly type?: string; readonly callId?: string };
  readonly prompt?: { readonly name: string; readonly version?: string | number };
  /** What form the answer was asked in. */
  readonly outputType?: "text" | "json" | "image" | "speech";
  readonly stream?: boolean;
  readonly openai?: OpenAIDetails;
}

/** What only OpenAI's APIs know. Times are epoch seconds, as those APIs give them. */
export interface OpenAIDetails {
  readonly apiType?: "chat_completions" | "responses" | "assistants" | "agents";
  readonly threadId?: string;
  readonly runId?: string;
  readonly runStatus?: string;
  readonly runStepId?: string;
  readonly assistantId?: string;
  readonly requestServiceTier?: string;
  /** The tier that served the request; prices depend on it. */
  readonly serviceTier?: string;
  readonly systemFingerprint?: string;
  /** What the image generation tool of a response runs; `usage.extra["image_gen.…"]` are its tokens. */
  readonly imageModel?: string;
  readonly background?: boolean;
  readonly createdAt?: number;
  /** The first one seen: the API rewrites it whenever a run goes on after tool outputs. */
  readonly startedAt?: number;
  readonly expiresAt?: number;
  /** When the run was first seen as `cancelling`. */
  readonly cancellingSince?: number;
  /** `last_error` of a run or step, `error` of a response or turn. */
  readonly errorCode?: string;
  readonly errorMessage?: string;
  /** Why the answer is not whole: `max_output_tokens`, `content_filter`, … */
  readonly incompleteReason?: string;
  /** Calls whose outputs the run waits for. */
  readonly pendingToolCalls?: readonly { readonly id?: string; readonly name: string }[];
  /** Steps of the run that are known. */
  readonly stepCount?: number;
  /** Why steps or messages of the run are not all known. */
  readonly missing?: string;
}

/** The HTTP exchange behind a model call, or of a request that is none. */
export interface HttpCall {
  readonly method: string;
  /** The path with its ids replaced: `/threads/{thread_id}/runs`. */
  readonly route: string;
  readonly host?: string;
  /** Of the last attempt; absent when there was no answer. */
  readonly status?: number;
  /** `x-request-id`, for the provider's support. */
  readonly requestId?: string;
  /** `openai-processing-ms`. */
  readonly processingMs?: number;
  readonly rateLimit?: RateLimit;
  /** Every attempt of the client, where there was more than one. */
  readonly attempts?: readonly HttpAttempt[];
  /** Requests that only asked how far a run or response is. */
  readonly polls?: { readonly count: number; readonly maxPerSecond: number };
  readonly stream?: StreamFacts;
  /** Bytes of a body that is not kept: audio, files, images. */
  readonly requestBytes?: number;
  readonly responseBytes?: number;
}

export interface HttpAttempt {
  /** Absent when the connection failed. */
  readonly status?: number;
  readonly requestId?: string;
  /** The error's name or code when there was no answer. */
  readonly error?: string;
  /** Milliseconds from the call to the answer's head or the failure. */
  readonly durationMs: number;
  /** Milliseconds between the end of the attempt before and this one. */
  readonly waitMs?: number;
}

/** `x-ratelimit-*`; what is reset when is in milliseconds. */
export interface RateLimit {
  readonly limitRequests?: number;
  readonly remainingRequests?: number;
  readonly resetRequestsMs?: number;
  readonly limitTokens?: number;
  readonly remainingTokens?: number;
  readonly resetTokensMs?: number;
}

export interface StreamFacts {
  /** Server-sent events with data, `[DONE]` left out. */
  readonly events: number;
  /** `completed`: its last event was seen. `cancelled`: the reader left. `aborted`: by the caller's signal. `broken`: it ended before. */
  readonly end: "completed" | "cancelled" | "aborted" | "broken";
  /** An event whose name says something else than the status of its object, which is what counts. */
  readonly mismatch?: { readonly event: string; readonly status: string };
  /** The body was longer than what is kept of it: the answer is not whole. */
  readonly truncated?: true;
}
