import type { Part } from "./messages.ts";

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S;

/** Names as OpenAI has them, or in camelCase as Azure's clients have them. */
type AnyCase<T> = T & { readonly [K in keyof T & string as Camel<K>]?: T[K] };

/** Epoch seconds as OpenAI has them, epoch milliseconds, ISO 8601 or a `Date`. */
export type Moment = number | string | Date | null;

/** What is read of a run. Only `id` and `status` must be there. */
export type RunLike = { readonly id: string; readonly status: string } & AnyCase<{
  readonly thread_id?: string;
  readonly assistant_id?: string;
  readonly created_at?: Moment;
  readonly started_at?: Moment;
  readonly expires_at?: Moment;
  readonly completed_at?: Moment;
  readonly failed_at?: Moment;
  readonly cancelled_at?: Moment;
  readonly model?: string;
  readonly instructions?: string | null;
  readonly tools?: readonly unknown[];
  readonly usage?: unknown;
  readonly last_error?: { readonly code?: string; readonly message?: string } | null;
  readonly incomplete_details?: { readonly reason?: string } | null;
  readonly required_action?: unknown;
  readonly metadata?: unknown;
  readonly temperature?: number | null;
  readonly top_p?: number | null;
  readonly max_prompt_tokens?: number | null;
  readonly max_completion_tokens?: number | null;
  readonly reasoning_effort?: string | null;
  readonly response_format?: unknown;
  readonly tool_choice?: unknown;
  readonly parallel_tool_calls?: boolean;
  readonly truncation_strategy?: unknown;
}>;

/** What is read of a run step. */
export type RunStepLike = { readonly id: string } & AnyCase<{
  readonly status?: string;
  readonly created_at?: Moment;
  readonly completed_at?: Moment;
  readonly failed_at?: Moment;
  readonly cancelled_at?: Moment;
  /** Where the types of `openai` have it. */
  readonly expired_at?: Moment;
  /** Where the wire has it. */
  readonly expires_at?: Moment;
  readonly step_details?: unknown;
  readonly last_error?: { readonly code?: string; readonly message?: string } | null;
  readonly usage?: unknown;
}>;

/** What is read of a message. */
export type MessageLike = AnyCase<{
  readonly id?: string;
  readonly role?: string;
  readonly run_id?: string | null;
  readonly created_at?: Moment;
  readonly content?: unknown;
  readonly attachments?: readonly unknown[] | null;
  readonly incomplete_details?: { readonly reason?: string } | null;
}>;

/** A list that is at hand: an array, or one page of the API as `await list()` gives it. */
export type Listed<T> = readonly T[] | { readonly data: readonly T[] };

/** A list that is at hand or still to come. A page is never asked for the next one; an async iterable is read to its end. */
export type Listable<T> = Listed<T> | AsyncIterable<T> | PromiseLike<Listed<T> | AsyncIterable<T>>;

export interface Failure {
  readonly code: string;
  readonly message: string | undefined;
}

export interface Run {
  readonly id: string;
  readonly status: string;
  readonly threadId: string | undefined;
  readonly assistantId: string | undefined;
  /** Epoch milliseconds. `started_at` is not the start: it is rewritten whenever the run goes on after tool outputs. */
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  /** Epoch seconds, as the run says now. */
  readonly startedAt: number | undefined;
  readonly expiresAt: number | undefined;
  readonly model: string | undefined;
  readonly instructions: string | undefined;
  readonly tools: readonly unknown[];
  readonly usage: unknown;
  readonly failure: Failure | undefined;
  readonly incompleteReason: string | undefined;
  /** Calls whose outputs the run waits for. */
  readonly pending: readonly ToolCall[];
  readonly parameters: { readonly [name: string]: unknown };
  readonly metadata: unknown;
}

export interface ToolCall {
  readonly id: string | undefined;
  readonly type: string;
  readonly name: string;
  readonly input: unknown;
  /** `undefined` for a function until its output is submitted. */
  readonly output: unknown;
}

export interface Step {
  readonly id: string;
  readonly status: string | undefined;
  readonly startMs: number | undefined;
  readonly endMs: number | undefined;
  readonly usage: unknown;
  readonly failure: Failure | undefined;
  /** For a step that wrote a message. */
  readonly messageId: string | undefined;
  readonly calls: readonly ToolCall[];
}

export interface Message {
  readonly id: string | undefined;
  readonly runId: string | undefined;
  readonly startMs: number | undefined;
  readonly role: string;
  readonly parts: readonly Part[];
  /** Why it is not whole. */
  readonly finishReason: string | undefined;
}
