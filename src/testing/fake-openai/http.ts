import type { ModelAnswer } from "./answer.ts";

/** A JSON object as it goes over the wire. */
export type Wire = Record<string, any>;

/** One server-sent event; chat completions send theirs without a name. */
export interface SentEvent {
  readonly event?: string;
  /** JSON; a string goes as it is. */
  readonly data?: unknown;
  /** The text on the wire, its empty line included, instead of the rest: comments, other line ends, broken frames. */
  readonly raw?: string;
}

export interface Call {
  /** The parts of the path that the route names, such as `:run_id`. */
  readonly params: { readonly [name: string]: string };
  readonly query: URLSearchParams;
  readonly body: Wire;
  /** The request has an `api-version`, as Azure wants it. */
  readonly isAzure: boolean;
}

export type Reply = (
  | { readonly json: unknown }
  | { readonly events: readonly SentEvent[] }
  | { readonly bytes: Uint8Array; readonly contentType: string }
) & { readonly status?: number; readonly headers?: Headers };

export type Headers = { readonly [name: string]: string };

/** `"POST /threads/:thread_id/runs"` to what answers it. */
export type Routes = { readonly [route: string]: (call: Call) => Reply };

/** What the routes share: time, ids and what the script says. */
export interface World {
  /** Whole seconds since 1970, as the API has its times. */
  now(): number;
  /** A new id such as `run_…`. */
  id(prefix: string): string;
  /** What the model says to the last user message of a request. */
  answer(question: string, body: Wire): ModelAnswer;
}

/** An error as the API words it. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: Wire;

  constructor(status: number, message: string, fields: { type?: string; code?: string; param?: string } = {}) {
    super(message);
    this.status = status;
    const { type = "invalid_request_error", param = null, code = null } = fields;
    this.body = { error: { message, type, param, code } };
  }
}

export function badRequest(message: string, code?: string): ApiError {
  return new ApiError(400, message, code === undefined ? {} : { code });
}

export function notFound(what: string, id: string): ApiError {
  return new ApiError(404, `No ${what} found with id '${id}'.`);
}

/** What is said of a path that does not exist, or no longer. */
export function unknownUrl(method: string, path: string): ApiError {
  return new ApiError(404, `Invalid URL (${method} /v1${path})`);
}

/** What a status without a body of its own says. */
export function defaultBody(status: number): Wire {
  if (status === 429) {
    const fields = { type: "requests", code: "rate_limit_exceeded" };
    return new ApiError(status, "Rate limit reached for requests. Please try again later.", fields).body;
  }
  if (status >= 500) {
    const message = "The server had an error while processing your request. Sorry about that!";
    return new ApiError(status, message, { type: "server_error" }).body;
  }
  return new ApiError(status, `Request failed with status ${status}.`).body;
}

/** Finds the route of a request. */
export function router(routes: Routes): (method: string, path: string, call: Omit<Call, "params">) => Reply {
  const table = Object.entries(routes).map(([route, handle]) => {
    const [method, pattern] = route.split(" ") as [string, string];
    return { method, pattern: new RegExp(`^${pattern.replace(/:(\w+)/g, "(?<$1>[^/]+)")}$`), handle };
  });
  return (method, path, call) => {
    for (const route of table) {
      const match = route.method === method ? route.pattern.exec(path) : null;
      if (match) return route.handle({ ...call, params: match.groups ?? {} });
    }
    throw unknownUrl(method, path);
  };
}

/** One page of objects that are kept oldest first: `order` (newest first by default), `limit`, `after`, `before`. */
export function page(all: readonly Wire[], query: URLSearchParams): Wire {
  const limit = Number(query.get("limit") ?? 20);
  if (!(limit >= 1 && limit <= 100)) throw badRequest(`Invalid 'limit': expected a value from 1 to 100, got ${limit}.`);
  let data = all.slice();
  if (query.get("order") !== "asc") data.reverse();
  const position = (id: string) => {
    const index = data.findIndex((item) => item.id === id);
    if (index === -1) throw notFound("object", id);
    return index;
  };
  const after = query.get("after");
  if (after !== null) data = data.slice(position(after) + 1);
  const before = query.get("before");
  if (before !== null) data = data.slice(Math.max(0, position(before) - limit), position(before));
  const items = data.slice(0, limit);
  const has_more = before === null && data.length > limit;
  return { object: "list", data: items, first_id: items[0]?.id ?? null, last_id: items.at(-1)?.id ?? null, has_more };
}
