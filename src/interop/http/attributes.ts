/** Names of OpenTelemetry's HTTP conventions (stable since 1.23). Of a URL neither query nor credentials are recorded. */

/** What a request says of itself as it arrives. */
export interface RequestFacts {
  readonly method: string;
  readonly scheme: "http" | "https";
  /** The request target, with or without a query. */
  readonly target: string;
  /** The `host` header. */
  readonly host: string | undefined;
}

/** The methods that the conventions know; any other is `_OTHER`. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

export function serverAttributes({ method, scheme, target, host }: RequestFacts): Record<string, unknown> {
  return {
    ...methodAttributes(method),
    "url.scheme": scheme,
    "url.path": pathOf(target),
    ...(host !== undefined && hostAttributes(`${scheme}://${host}`)),
  };
}

/** Nearly all requests of a server ask the same host. */
let last: { readonly origin: string; readonly attributes: Record<string, unknown> } = { origin: "", attributes: {} };

function hostAttributes(origin: string): Record<string, unknown> {
  if (last.origin !== origin) last = { origin, attributes: URL.canParse(origin) ? addressOf(new URL(origin)) : {} };
  return last.attributes;
}

export function clientAttributes(method: string, url: URL): Record<string, unknown> {
  return { ...methodAttributes(method), "url.full": `${url.origin}${url.pathname}`, ...addressOf(url) };
}

/** The first word of a span's name: a method of few. */
export function methodName(method: string): string {
  return METHODS.includes(method) ? method : "HTTP";
}

/** What the conventions have for a failure that has no other name. */
export function statusAttributes(status: number | undefined, isError: boolean): Record<string, unknown> {
  if (status === undefined) return {};
  return { "http.response.status_code": status, ...(isError && { "error.type": String(status) }) };
}

/** The headers on the list that are there, each as an array. */
export function headerAttributes(
  of: "request" | "response",
  names: readonly string[] | undefined,
  read: (name: string) => unknown,
): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const given of names ?? []) {
    const name = given.toLowerCase();
    const value = read(name);
    if (value === undefined || value === null) continue;
    found[`http.${of}.header.${name}`] = Array.isArray(value) ? value.map(String) : [String(value)];
  }
  return found;
}

function methodAttributes(method: string): Record<string, unknown> {
  if (METHODS.includes(method)) return { "http.request.method": method };
  return { "http.request.method": "_OTHER", "http.request.method_original": method };
}

function addressOf(url: URL): Record<string, unknown> {
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port);
  return { "server.address": url.hostname.replace(/^\[|\]$/g, ""), "server.port": port };
}

/** `https://host/path?query` is a target too: of a request to a proxy. */
function pathOf(target: string): string {
  const path = target.replace(/^[a-z]+:\/\/[^/?#]*/i, "").replace(/[?#].*$/s, "");
  return path === "" ? "/" : path;
}
