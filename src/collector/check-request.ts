import type { IncomingMessage } from "node:http";
import type { IsAllowedHost } from "./allowed-hosts.ts";
import { URL_CHARACTERS } from "./limits.ts";
import { quoted, Refusal } from "./refusal.ts";

/** Two of these, and two readers of the same request would not see the same request. */
const ONCE = new Set([
  "host",
  "authorization",
  "content-encoding",
  "content-length",
  "content-type",
  "origin",
  "sec-fetch-site",
  "transfer-encoding",
  "x-api-key",
]);

export interface Target {
  /** As it was sent: nothing is decoded, so nothing can be smuggled by encoding. */
  readonly path: string;
  readonly query: string;
}

/**
 * What holds for every request before anybody looks for its route.
 *
 * @throws Refusal
 */
export function checkRequest(request: IncomingMessage, isAllowedHost: IsAllowedHost): Target {
  const { rawHeaders, headers, url = "", method = "" } = request;
  const seen = new Set<string>();
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (!ONCE.has(name)) continue;
    if (seen.has(name)) throw new Refusal(400, "HEADER_TWICE", `The header ${name} comes twice.`);
    seen.add(name);
  }
  if (url.length > URL_CHARACTERS) {
    throw new Refusal(414, "URL_TOO_LONG", `The address has ${url.length} characters; it may have ${URL_CHARACTERS}.`);
  }
  if (!/^\/(?!\/)[\x21-\x7e]*$/.test(url) || url.includes("#")) {
    throw new Refusal(400, "BAD_ADDRESS", "The address must be a path that begins with one slash.");
  }
  const { host } = headers;
  if (host === undefined || host === "") throw new Refusal(400, "HOST_MISSING", "The header host is missing.");
  if (!isAllowedHost(host, request.socket)) {
    throw new Refusal(
      403,
      "HOST_NOT_ALLOWED",
      `${quoted(host)} is no name of this server. If it shall be one: allowedHosts (--allow-host) takes more names.`,
    );
  }
  const [path = "/", query = ""] = split(url);
  const isRead = method === "GET" || method === "HEAD";
  if (!isRead || path.startsWith("/api/")) checkOrigin(request, host);
  if (isRead && (Number(headers["content-length"] ?? 0) > 0 || headers["transfer-encoding"] !== undefined)) {
    throw new Refusal(413, "NO_BODY", `A ${method} request has no body here.`);
  }
  return { path, query };
}

/** Whoever changes something, or reads data, comes from a page of this server, or from no page at all. */
function checkOrigin({ headers }: IncomingMessage, host: string): void {
  const { origin, "sec-fetch-site": site } = headers;
  const isOwn = origin === undefined || origin.replace(/^https?:\/\//, "").toLowerCase() === host.toLowerCase();
  const isSameSite = site === undefined || site === "same-origin" || site === "none";
  if (isOwn && isSameSite) return;
  throw new Refusal(403, "OTHER_ORIGIN", "Pages of other origins get nothing from this server.");
}

function split(url: string): string[] {
  const at = url.indexOf("?");
  return at < 0 ? [url] : [url.slice(0, at), url.slice(at + 1)];
}
