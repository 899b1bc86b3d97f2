import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGzip, gzip, constants as zlib } from "node:zlib";
import type { ApiError } from "./api.ts";
import type { Refusal } from "./refusal.ts";

export interface Answer {
  readonly status: number;
  readonly headers?: { readonly [name: string]: string };
  /** Pieces are written one by one, no faster than they are read. */
  readonly body?: string | Uint8Array | AsyncIterable<string>;
}

/** On every answer. Nothing of what is recorded may become code, be framed, be kept, or be told to others. */
export const SECURITY_HEADERS: { readonly [name: string]: string } = Object.freeze({
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
});

const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
/** Smaller answers fit one packet as they are. */
const MIN_GZIP_BYTES = 1024;
const GZIP = { level: zlib.Z_BEST_SPEED };
const zip = promisify<string | Uint8Array, typeof GZIP, Buffer>(gzip);

export function json(value: unknown, status: number = 200, headers: { readonly [name: string]: string } = {}): Answer {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(value) };
}

export function text(body: string, status: number = 200): Answer {
  return { status, headers: { "content-type": "text/plain; charset=utf-8" }, body };
}

export function refused({ status, code, message, headers }: Refusal): Answer {
  return json({ error: { code, message } } satisfies ApiError, status, headers);
}

/**
 * Writes the answer and settles when it is out. Rejects when its body fails or the reader goes away; nothing can be said to
 * it any more then.
 *
 * @param mayZip compressing for a reader on this machine costs more than it saves
 */
export async function write(
  answer: Answer,
  request: IncomingMessage,
  response: ServerResponse,
  mayZip: boolean,
): Promise<void> {
  const { status, headers = {}, body = "" } = answer;
  const isStream = typeof body === "object" && Symbol.asyncIterator in body;
  const isLong = isStream || body.length >= MIN_GZIP_BYTES;
  const isZipped = mayZip && isLong && headers["content-encoding"] === undefined && takesGzip(request);
  const all = {
    ...SECURITY_HEADERS,
    ...headers,
    ...(isZipped && { "content-encoding": "gzip" }),
    vary: "accept-encoding",
  };
  if (isStream) {
    response.writeHead(status, all);
    if (request.method === "HEAD") return void response.end();
    const pieces = Readable.from(body);
    await (isZipped ? pipeline(pieces, createGzip(GZIP), response) : pipeline(pieces, response));
    return;
  }
  const bytes = isZipped ? await zip(body, GZIP) : body;
  // Nothing would tell that it is closed: it was before.
  if (response.destroyed) throw new Error("the reader is gone");
  const length = typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length;
  response.writeHead(status, { ...all, "content-length": String(length) });
  await new Promise<void>((resolve, reject) => {
    response.once("close", () => (response.writableFinished ? resolve() : reject(new Error("the reader is gone"))));
    response.end(request.method === "HEAD" ? undefined : bytes);
  });
}

export function takesGzip({ headers }: IncomingMessage): boolean {
  return /(?:^|[\s,])gzip(?!\s*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(String(headers["accept-encoding"] ?? ""));
}
