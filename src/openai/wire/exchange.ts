import type { HttpCall } from "../../core/record.ts";
import type { Runtime } from "../../core/runtime.ts";
import type { Span } from "../../core/span.ts";

/** What a request is about, by its method and path whatever the base address. */
export interface Endpoint {
  readonly kind: EndpointKind;
  /** The path with its ids replaced: `/threads/{thread_id}/runs/{run_id}`. */
  readonly route: string;
  /** `thread_id`, `run_id`, `response_id`, …; `deployment` for Azure. */
  readonly ids: { readonly [name: string]: string };
}

export type EndpointKind =
  | "chat"
  | "completion"
  | "response"
  | "response.retrieve"
  | "response.cancel"
  | "embedding"
  | "image"
  | "speech"
  | "transcription"
  | "moderation"
  | "assistant.create"
  | "assistant.retrieve"
  | "run.create"
  | "run.retrieve"
  | "run.submit"
  | "run.cancel"
  | "run.update"
  | "step.list"
  | "step.retrieve"
  | "message.create"
  | "message.list"
  | "message.retrieve"
  | "other";

/** One HTTP exchange with what is known of it so far. */
export interface Exchange {
  readonly runtime: Runtime;
  readonly endpoint: Endpoint;
  readonly method: string;
  /** `openai`, `azure.ai.openai`, `groq`, … by the host, or as the user says. */
  readonly provider: string;
  /** The parsed JSON of the request; `undefined` when it was none or too large to keep. */
  readonly request: unknown;
  /** A header of the request, in lower case. */
  header(name: string): string | undefined;
  /** The query of the address: `order`, `run_id`, `stream`, … */
  readonly query: URLSearchParams;
  /** The span that was current at the call. */
  readonly parent: Span | undefined;
  /** Whether payloads go on the record; tokens, models and times always do. */
  readonly captures: { readonly input: boolean; readonly output: boolean };
  /** Epoch milliseconds of the call. */
  readonly startMs: number;
  /** Epoch milliseconds now. */
  nowMs(): number;
  /** Grows as the answer comes in. */
  readonly http: HttpCall;
}

/**
 * Where exchanges land that tell about an object which lives longer than one request: a run, a background response. They
 * have no span of their own then. Nothing here throws.
 */
export interface Landing {
  /** The whole JSON of a 2xx answer. True: it has landed, and the exchange needs no span. */
  object(value: unknown, exchange: Exchange): boolean;
  /** One event of a streamed 2xx answer. */
  event(name: string | undefined, data: unknown, exchange: Exchange): void;
  /** The stream is over; `http.stream` says how. True: it has landed. */
  end(exchange: Exchange): boolean;
  /** The request failed: with a status of 4xx or 5xx and the parsed body, or without an answer. It gets a span of its own. */
  failed(error: unknown, exchange: Exchange): void;
}

/** Puts the events of one streamed answer together to the object that the unstreamed call would have returned. */
export interface Merger {
  event(name: string | undefined, data: unknown): void;
  /** The object as far as it is known; `undefined` before the first event. */
  result(): unknown;
  /** The event that ends such a stream has been seen. */
  readonly isComplete: boolean;
  /** An event whose name and whose object's status disagree. */
  readonly mismatch: { readonly event: string; readonly status: string } | undefined;
  /** An error object that came as an event. */
  readonly error: unknown;
  /** There was more text than is kept of an answer. */
  readonly truncated: boolean;
}
