import { FormatError } from "../formats/format-error.ts";
import { StoreError } from "../store/store-error.ts";

/** An answer that is no success: thrown anywhere on the line, written at its end. */
export class Refusal extends Error {
  readonly status: number;
  /** As in `ApiError`. */
  readonly code: string;
  readonly headers: { readonly [name: string]: string };

  constructor(status: number, code: string, message: string, headers: { readonly [name: string]: string } = {}) {
    super(message);
    this.name = "Refusal";
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** Come again: nothing of the request was kept. */
export function later(status: 429 | 503, code: string, message: string, afterMs: number = 1_000): Refusal {
  return new Refusal(status, code, message, { "retry-after": String(Math.max(1, Math.ceil(afterMs / 1_000))) });
}

/** When the store says nothing about it. */
const STORE_RETRY_MS = 5_000;

const FORMAT_STATUS: { readonly [code: string]: number } = { FORMAT_CONTENT_TYPE: 415, FORMAT_TOO_LARGE: 413 };

/** What a failure means for whoever asked; `undefined` for one that nobody foresaw. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  if (error instanceof FormatError) return new Refusal(FORMAT_STATUS[error.code] ?? 400, error.code, error.message);
  if (!(error instanceof StoreError)) return undefined;
  const { code, message, retryAfterMs = STORE_RETRY_MS } = error;
  if (code === "STORE_FULL" || code === "STORE_UNAVAILABLE") return later(429, code, message, retryAfterMs);
  if (code === "STORE_BAD_QUERY") return new Refusal(400, code, message);
  return code === "STORE_CLOSED" ? later(503, code, message, retryAfterMs) : undefined;
}

/** The first of a text that came from outside, for a message. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

export function tooMuch(): Refusal {
  return later(429, "TOO_MUCH_IN_FLIGHT", "Other bodies are being worked on; come again.");
}

export function tooLarge(limit: number, when: string): Refusal {
  return new Refusal(413, "BODY_TOO_LARGE", `The body has more than ${limit} bytes${when}; send it in parts.`);
}
