import { field } from "../fields.ts";
import { type BodyReader, countingReader } from "./body-reader.ts";
import { describerOf } from "./call-span.ts";
import { createChatMerger } from "./chat-merger.ts";
import { createCompletionMerger } from "./completion-merger.ts";
import { eventBody } from "./event-body.ts";
import type { EndpointKind, Exchange, Landing, Merger } from "./exchange.ts";
import { createLastEventMerger } from "./last-event-merger.ts";
import { createResponseMerger } from "./response-merger.ts";
import { wholeBody } from "./whole-body.ts";

/** Vectors and images are only counted: of longer bodies the ends are enough. */
const MAX_COUNTED_BYTES = 256 * 1024;
/** The body of an error says what is wrong in its first lines. */
const MAX_ERROR_BYTES = 64 * 1024;

const MERGERS: { readonly [kind in EndpointKind]?: (exchange: Exchange) => Merger } = {
  chat: ({ request }) => createChatMerger(Number(field(request, "n")) || 1),
  completion: createCompletionMerger,
  response: createResponseMerger,
  image: createLastEventMerger,
  speech: createLastEventMerger,
  transcription: createLastEventMerger,
};

/** How the body of an answer that is no error is read. */
export function answerReader(
  exchange: Exchange,
  landing: Landing | undefined,
  contentType: string,
  { maxBytes, onEvent }: { readonly maxBytes: number; readonly onEvent: (data: unknown) => void },
): BodyReader {
  const { endpoint } = exchange;
  const { kind } = endpoint;
  if (landing === undefined && describerOf(kind) === undefined) {
    return exchange.method === "POST" && endpoint.route === "/threads" ? wholeBody(MAX_ERROR_BYTES) : countingReader;
  }
  const isJson = contentType.includes("json");
  if (contentType.includes("text/event-stream") || (asksForStream(exchange) && !isJson)) {
    const merger = landing === undefined ? MERGERS[kind]?.(exchange) : undefined;
    const take = landing && ((name: string | undefined, data: unknown) => landing.event(name, data, exchange));
    return eventBody({ maxBytes, merger, onEvent: take ?? ((_name, data) => onEvent(data)) });
  }
  if (kind === "speech" && !isJson) return countingReader;
  const counts = kind === "embedding" || kind === "image";
  return wholeBody(counts ? Math.min(maxBytes, MAX_COUNTED_BYTES) : maxBytes);
}

export function errorReader(): BodyReader {
  return wholeBody(MAX_ERROR_BYTES);
}

export function asksForStream({ request, query }: Exchange): boolean {
  return (request as { stream?: unknown } | undefined)?.stream === true || query.get("stream") === "true";
}
