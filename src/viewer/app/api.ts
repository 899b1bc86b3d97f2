import { type Signal, signal } from "@preact/signals";
import type { About, ApiError, IncidentAction, MonitorsAnswer, SpanAnswer, TraceAnswer } from "../../collector/api.ts";
import type { Incident } from "../../monitors/index.ts";
import type {
  AggregateQuery,
  AggregateRow,
  Page,
  SessionSummary,
  SpanRow,
  TraceQuery,
  TraceSummary,
  ValuesQuery,
} from "../../store/trace-store.ts";
import { authorization } from "./token.ts";

/** What the server refused or could not do. `status` 0: it was not reached. */
export class ApiFailure extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "ApiFailure";
    this.status = status;
    this.code = code;
  }
}

interface Options {
  readonly signal?: AbortSignal | undefined;
}

/** The project that is looked at, where there are several; goes with every request. */
export const project: Signal<string | undefined> = signal(undefined);

/** The questions of `src/collector/api.ts`. All reject with `ApiFailure`, or with `AbortError` when `signal` aborts. */
export const api = {
  about: (options?: Options): Promise<About> => get("/api/about", {}, options),
  traces: (query: TraceQuery = {}, options?: Options): Promise<Page<TraceSummary>> =>
    get("/api/traces", { ...query }, options),
  trace: (traceId: string, options?: Options): Promise<TraceAnswer> =>
    get(`/api/traces/${encodeURIComponent(traceId)}`, {}, options),
  spans: (
    traceId: string,
    query: { readonly after?: string; readonly limit?: number } = {},
    options?: Options,
  ): Promise<Page<SpanRow>> => get(`/api/traces/${encodeURIComponent(traceId)}/spans`, query, options),
  span: (
    traceId: string,
    spanId: string,
    { full, ...options }: Options & { readonly full?: boolean } = {},
  ): Promise<SpanAnswer> => get(spanPath(traceId, spanId), { full: full ? 1 : undefined }, options),
  aggregate: (query: AggregateQuery, options?: Options): Promise<readonly AggregateRow[]> =>
    get("/api/aggregate", { ...query }, options),
  sessions: (query: TraceQuery = {}, options?: Options): Promise<Page<SessionSummary>> =>
    get("/api/sessions", { ...query }, options),
  values: (
    query: ValuesQuery,
    options?: Options,
  ): Promise<readonly { readonly value: string; readonly traces: number }[]> =>
    get("/api/values", { ...query }, options),
  monitors: (options?: Options): Promise<MonitorsAnswer> => get("/api/monitors", {}, options),
  act: (incidentId: string, action: IncidentAction, options?: Options): Promise<Incident> =>
    ask("POST", `/api/incidents/${encodeURIComponent(incidentId)}`, {}, options, action),
};

/** Fetches a file (a payload, an export) with the token and hands it to the browser as a download. */
export async function download(path: string, fileName: string): Promise<void> {
  const response = await reach("GET", address(path, {}), {});
  const url = URL.createObjectURL(await response.blob());
  const link = Object.assign(document.createElement("a"), { href: url, download: fileName });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function spanPath(traceId: string, spanId: string): string {
  return `/api/traces/${encodeURIComponent(traceId)}/spans/${encodeURIComponent(spanId)}`;
}

/** The parameters of a request: `{ groupBy: ["a", "b"], where: { c: "d" } }` → `groupBy=a,b&where.c=d`. */
export function searchParams(query: { readonly [name: string]: unknown }): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === "") continue;
    if (Array.isArray(value)) {
      if (value.length > 0) params.set(name, value.join(","));
    } else if (typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) {
        if (inner !== undefined) params.append(`${name}.${key}`, String(inner));
      }
    } else params.set(name, String(value));
  }
  return params;
}

/** The server's address for a request, with the project. */
export function address(path: string, query: { readonly [name: string]: unknown }): string {
  const params = searchParams({ project: project.peek(), ...query });
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

function get<T>(path: string, query: { readonly [name: string]: unknown }, options?: Options): Promise<T> {
  return ask("GET", path, query, options);
}

async function ask<T>(
  method: string,
  path: string,
  query: { readonly [name: string]: unknown },
  options: Options = {},
  body?: unknown,
): Promise<T> {
  const response = await reach(method, address(path, query), options, body);
  return (await response.json()) as T;
}

/** A response that is fine, or a rejection that says why. */
export async function reach(method: string, url: string, { signal }: Options, body?: unknown): Promise<Response> {
  const headers: Record<string, string> = authorization();
  const init: RequestInit = { method, headers };
  if (signal) init.signal = signal;
  if (body !== undefined) {
    headers["content-type"] = "application/json";
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new ApiFailure(0, "UNREACHABLE", "The server does not answer. Is it still running?");
  }
  if (response.ok) return response;
  const told = await response.json().then(
    (answer: ApiError) => answer.error,
    () => undefined,
  );
  throw new ApiFailure(
    response.status,
    told?.code ?? `HTTP_${response.status}`,
    told?.message ?? `The server answered ${response.status}.`,
  );
}
