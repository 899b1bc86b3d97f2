/** How an outgoing request is given another body: a copy of its `init`, in which nothing else has changed. */
import { debug } from "../../core/guard.ts";
import { parsedJson } from "../messages.ts";

/** Longer ones carry files or images by the dozen; they are not read. */
export const MAX_BODY: number = 4 * 1024 * 1024;

/** The same request for another model; `undefined` where it cannot be changed: no text, no JSON, or too large to read. */
export function withModel(init: RequestInit | undefined, model: string): RequestInit | undefined {
  const text: unknown = init?.body;
  if (typeof text !== "string" || text.length > MAX_BODY || !isPlain(init)) return undefined;
  const given = parsedJson(text);
  if (typeof given !== "object" || given === null || Array.isArray(given)) return undefined;
  const body = withFields(text, given, { model });
  if (body === undefined) {
    debug(`the model stays: the request is not written as JSON.stringify would, and "${model}" cannot be put into it`);
    return undefined;
  }
  const headers = { "content-length": String(Buffer.byteLength(body)) };
  return { ...init, body, ...withHeaders(init?.headers, headers) };
}

/** Whether a copy by its fields has everything that `fetch` would read. Of a `Request`, or another object of a class, it has not. */
export function isPlain(init: object | undefined): boolean {
  if (init === undefined) return true;
  const prototype: unknown = Object.getPrototypeOf(init);
  // The prototype of plain objects, of any realm, has none itself.
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) return false;
  return Object.getOwnPropertyNames(init).length === Object.keys(init).length;
}

/** New fields go in front, so that the rest stays as it was written; a field that is replaced asks for writing it anew. */
export function withFields(text: string, body: object, added: object): string | undefined {
  const fresh = Object.entries(added).filter(([name]) => !Object.hasOwn(body, name));
  if (fresh.length < Object.keys(added).length) {
    // What JSON.parse does not keep (large integers) would be sent changed. The second form is that of openai 4.
    const indent = [0, 2].find((spaces) => JSON.stringify(body, null, spaces) === text.trim());
    if (indent !== undefined) return JSON.stringify({ ...body, ...added }, null, indent);
  }
  if (fresh.length === 0) return undefined;
  const rest = text.trimStart().slice(1);
  const front = JSON.stringify(Object.fromEntries(fresh)).slice(0, -1);
  return `${front}${Object.keys(body).length === 0 ? "" : ","}${rest}`;
}

/** The headers in the form they have. The length is set only where it is stated, `traceparent` only where it is not. */
export function withHeaders(given: RequestInit["headers"], wanted: Record<string, string>): { headers?: HeadersInit } {
  const stated = new Headers(given ?? {});
  const set = Object.entries(wanted).filter(([name]) => stated.has(name) === (name === "content-length"));
  if (set.length === 0) return {};
  if (given === undefined || (Symbol.iterator in given && !Array.isArray(given))) {
    for (const [name, value] of set) stated.set(name, value);
    return { headers: stated };
  }
  const pairs = Array.isArray(given) ? given : Object.entries(given as Record<string, string>);
  const kept = pairs.filter(([name]) => !set.some(([wantedName]) => wantedName === name!.toLowerCase()));
  const headers = [...kept, ...set] as [string, string][];
  return { headers: Array.isArray(given) ? headers : Object.fromEntries(headers) };
}
