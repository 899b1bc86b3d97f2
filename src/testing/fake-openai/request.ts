import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Wire } from "./http.ts";

/** A request as it arrived. */
export interface LoggedRequest {
  readonly method: string;
  /** Without the query and what stands before the resource: `/v1`, and `/openai/deployments/{name}` of Azure. */
  readonly path: string;
  /** As it was asked for. */
  readonly url: string;
  readonly query: { readonly [name: string]: string };
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON, or the fields of a form (a file as `{ filename, size }`); `undefined` when there was none. */
  readonly body: any;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** Compatible servers have their resources under `/v1`, `/api/v1` or `/openai/v1`, Azure under `/openai`. */
const PREFIX = /^(?:\/api)?(?:\/openai)?(?:\/deployments\/[^/]+)?(?:\/v1)?(?=\/)/;

/** Reads a request to its end. `text` is the body as it came, unless it is a form. */
export async function readRequest(
  incoming: IncomingMessage,
  at: number,
): Promise<{ request: LoggedRequest; query: URLSearchParams; text: string }> {
  const { method = "GET", headers, url = "/" } = incoming;
  const { pathname, searchParams } = new URL(url, "http://localhost");
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)/i.exec(headers["content-type"] ?? "")?.[1];
  const text = boundary === undefined ? bytes.toString() : "";
  const body = boundary === undefined ? parse(text) : formFields(bytes, boundary);
  const query = Object.fromEntries(searchParams);
  const path = pathname.replace(PREFIX, "");
  return { request: { method, path, url, query, headers, body, at }, query: searchParams, text };
}

function parse(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function formFields(bytes: Buffer, boundary: string): Wire {
  const fields: Wire = {};
  // One byte is one character in latin1, so that lengths stay those of the bytes.
  for (const part of bytes.toString("latin1").split(`--${boundary}`).slice(1, -1)) {
    const end = part.indexOf("\r\n\r\n");
    const head = part.slice(0, end);
    const content = part.slice(end + 4, -2);
    const name = /name="([^"]*)"/.exec(head)?.[1];
    if (name === undefined) continue;
    const filename = /filename="([^"]*)"/.exec(head)?.[1];
    fields[name] =
      filename === undefined ? Buffer.from(content, "latin1").toString() : { filename, size: content.length };
  }
  return fields;
}
