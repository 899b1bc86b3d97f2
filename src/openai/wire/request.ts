/** A request as it was given to `fetch`, read without touching what will be sent. */
export interface SentRequest {
  /** In capitals. */
  readonly method: string;
  readonly url: URL;
  /** A header by its lower-case name. */
  header(name: string): string | undefined;
  /** As it was given; of a `Request` it stays unread. */
  readonly body: unknown;
  readonly signal: AbortSignal | undefined;
}

/** `undefined` for what asks no server: no address, of which `fetch` says so itself, or one like `data:,`, with which clients try out `fetch`. */
export function readRequest(input: unknown, init: RequestInit | undefined): SentRequest | undefined {
  const given = typeof input === "object" && input !== null && !(input instanceof URL) ? (input as Request) : undefined;
  const address = given === undefined ? String(input) : given.url;
  if (!URL.canParse(address)) return undefined;
  const url = new URL(address);
  if (url.protocol !== "https:" && url.protocol !== "http:") return undefined;
  const headers: unknown = init?.headers ?? given?.headers;
  return {
    method: String(init?.method ?? given?.method ?? "GET").toUpperCase(),
    url,
    header: (name) => headerOf(headers, name),
    body: init?.body,
    signal: init?.signal ?? given?.signal ?? undefined,
  };
}

/** Headers come as `Headers` of any implementation, as pairs, or as an object in any case. */
function headerOf(headers: unknown, name: string): string | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  if (typeof (headers as Headers).get === "function") return (headers as Headers).get(name) ?? undefined;
  const pairs = Array.isArray(headers) ? (headers as [string, unknown][]) : Object.entries(headers);
  const found = pairs.find(([key]) => String(key).toLowerCase() === name);
  return found?.[1] === undefined || found[1] === null ? undefined : String(found[1]);
}
