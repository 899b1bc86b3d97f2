import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import type { About, ApiError, SpanAnswer, TailEvent, TraceAnswer } from "../collector/api.ts";
import { ConfigError } from "../core/errors.ts";
import { StoreError } from "../store/store-error.ts";
import type { ProjectOption, TraceStore } from "../store/trace-store.ts";

export interface RemoteStoreOptions {
  /** Default: that of the address's fragment, else `SIGHTLINE_TOKEN`. */
  readonly token?: string | undefined;
}

export interface RemoteStore extends TraceStore {
  /** What the collector tells of what changes there, until it breaks off or the signal comes. */
  tail(asked: ProjectOption, signal: AbortSignal): Promise<AsyncIterable<TailEvent>>;
}

const TIMEOUT_MS = 30_000;

/**
 * What a running collector keeps, over the API of its viewer: to be read only. A project that is not named is its first.
 *
 * @param url as the collector prints it: `http://127.0.0.1:4600/#token=…`
 */
export function remoteStore(url: string, options: RemoteStoreOptions = {}): RemoteStore {
  const { origin, hash, host } = new URL(url);
  const token = options.token ?? /^#token=([^&]+)/.exec(hash)?.[1] ?? process.env["SIGHTLINE_TOKEN"];
  const name = `collector:${host}`;
  let isClosed = false;

  async function ask<T>(path: string, parameters: object = {}): Promise<T | undefined> {
    if (isClosed) throw new StoreError("STORE_CLOSED", `The store ${name} is closed.`);
    const response = await request(path, parameters, AbortSignal.timeout(TIMEOUT_MS));
    const body = await jsonOf(response);
    if (response.ok) return body as T;
    if (response.status === 404) return undefined;
    throw refusal(response.status, (body as Partial<ApiError> | undefined)?.error);
  }

  async function request(path: string, parameters: object, signal: AbortSignal): Promise<Response> {
    const query = queryOf(parameters);
    try {
      const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` });
      return await fetch(`${origin}${path}${query && `?${query}`}`, { headers, redirect: "error", signal });
    } catch (cause) {
      throw unreachable(origin, cause);
    }
  }

  async function jsonOf(response: Response): Promise<unknown> {
    const text = await response.text().catch((cause) => {
      throw unreachable(origin, cause);
    });
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new ConfigError("CLI_NO_COLLECTOR", `${origin} answers, but it is no collector of Sightline.`, { cause });
    }
  }

  function refusal(status: number, error: ApiError["error"] | undefined): Error {
    const said = error?.message ?? `status ${status}`;
    if (status === 401) {
      const way = "give the address as the collector printed it, with #token=…, or set SIGHTLINE_TOKEN";
      return new ConfigError("CLI_NO_TOKEN", `${origin} wants a token: ${way}.`);
    }
    if (status >= 500 || status === 429) return new StoreError("STORE_UNAVAILABLE", `${origin}: ${said}`);
    return new StoreError("STORE_BAD_QUERY", `${origin}: ${said}`);
  }

  const known = async <T>(answer: Promise<T | undefined>): Promise<T> => {
    const found = await answer;
    if (found !== undefined) return found;
    throw new ConfigError("CLI_NO_COLLECTOR", `${origin} answers, but it is no collector of Sightline.`);
  };
  const readOnly = (what: string) => {
    return new StoreError("STORE_READ_ONLY", `${what} goes to the collector's own store, not through ${origin}.`);
  };
  const at = (traceId: string, rest = "") => `/api/traces/${encodeURIComponent(traceId)}${rest}`;

  return {
    name,
    append: async () => {
      throw readOnly("What is sent");
    },
    traces: (query = {}) => known(ask("/api/traces", query)),
    async trace(traceId, asked = {}) {
      const answer = await ask<TraceAnswer>(at(traceId), asked);
      if (answer === undefined) return undefined;
      const { spans, ...trace } = answer;
      return trace;
    },
    spans: async (traceId, asked = {}) => (await ask(at(traceId, "/spans"), asked)) ?? { items: [] },
    async span(traceId, spanId, asked = {}) {
      const path = at(traceId, `/spans/${encodeURIComponent(spanId)}`);
      return (await ask<SpanAnswer>(path, { ...asked, full: true }))?.record;
    },
    aggregate: (query) => known(ask("/api/aggregate", query)),
    sessions: (query = {}) => known(ask("/api/sessions", query)),
    values: (query) => known(ask("/api/values", query)),
    async revision(asked = {}) {
      return JSON.stringify((await known(ask<About>("/api/about", asked))).stats);
    },
    stats: async (asked = {}) => (await known(ask<About>("/api/about", asked))).stats,
    prune: async () => {
      throw readOnly("What is to be deleted");
    },
    sql: async () => {
      throw new StoreError("STORE_BAD_QUERY", `${origin} takes no SQL: ask its store, sightline query "…" traces.db.`);
    },
    async tail(asked, signal) {
      const response = await request("/api/tail", asked, signal);
      const isStream = /^text\/event-stream\b/.test(response.headers.get("content-type") ?? "");
      if (response.ok && isStream && response.body !== null) return eventsOf(response.body);
      const body = await jsonOf(response);
      if (response.ok)
        throw new ConfigError("CLI_NO_COLLECTOR", `${origin} answers, but it is no collector of Sightline.`);
      throw refusal(response.status, (body as Partial<ApiError> | undefined)?.error);
    },
    close: async () => {
      isClosed = true;
    },
  };
}

/** Of server-sent events the data, which a collector writes in one line. A connection that breaks is an end. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<TailEvent> {
  const input = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
  const broken = new Promise<void>((resolve) => input.once("error", () => resolve()));
  const lines = createInterface({ input, crlfDelay: Infinity });
  void broken.then(() => lines.close());
  for await (const line of lines) if (line.startsWith("data: ")) yield JSON.parse(line.slice("data: ".length));
}

/** `groupBy=a,b`, `where.team=x`, `percentiles=1`. */
function queryOf(parameters: object): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    if (Array.isArray(value)) {
      if (value.length > 0) query.set(name, value.join(","));
    } else if (typeof value === "object") {
      for (const [key, inner] of Object.entries(value as object)) query.set(`${name}.${key}`, String(inner));
    } else query.set(name, typeof value === "boolean" ? (value ? "1" : "0") : String(value));
  }
  return query.toString();
}

export function unreachable(origin: string, cause: unknown): StoreError {
  const { cause: inner, name, message } = cause as Error & { cause?: NodeJS.ErrnoException };
  const why = name === "TimeoutError" ? "no answer in time" : (inner?.code ?? inner?.message ?? message);
  if (why === "bad port") {
    const what =
      "HTTP clients do not connect to this port, as other protocols use it; a collector listens on another one";
    return new StoreError("STORE_UNAVAILABLE", `${origin}: ${what}.`, { cause });
  }
  return new StoreError("STORE_UNAVAILABLE", `No collector answers at ${origin}: ${why}.`, { cause });
}
