import type { HttpCall, RateLimit } from "../../core/record.ts";
import { compact, fromJsonText, isObject } from "../json-value.ts";
import type { Bag } from "./bag.ts";
import { NAMES } from "./names.ts";

/** Of HTTP spans by others, the newest names first; those of before 1.20 last. */
const METHODS = [...NAMES.httpMethod, "http.method"];
const ROUTES = [...NAMES.httpRoute, "http.route", "url.path", "http.target"];

/** The HTTP exchange, where both method and path are said; else their attributes stay. */
export function httpOf(bag: Bag): HttpCall | undefined {
  const route = ROUTES.find((name) => typeof bag.peek(name) === "string");
  const method = METHODS.find((name) => typeof bag.peek(name) === "string");
  if (route === undefined || method === undefined) return undefined;
  const attempts = jsonList(bag, NAMES.httpAttempts) as HttpCall["attempts"];
  // It follows from the attempts.
  if (attempts !== undefined && bag.peek("http.request.resend_count") === attempts.length - 1)
    bag.drop(NAMES.httpResends);
  const count = bag.number(NAMES.httpPollCount);
  const maxPerSecond = bag.number(NAMES.httpPollRate);
  return compact<HttpCall>({
    method: bag.text([method]),
    route: bag.text([route]),
    host: hostOf(bag),
    status: bag.number([...NAMES.httpStatus, "http.status_code"]),
    requestId: bag.text(NAMES.httpRequestId),
    processingMs: bag.number(NAMES.httpProcessingMs),
    rateLimit: rateLimitOf(bag),
    attempts,
    polls: count === undefined ? undefined : { count, maxPerSecond: maxPerSecond ?? 0 },
    stream: streamOf(bag),
    requestBytes: bag.number(NAMES.httpRequestBytes),
    responseBytes: bag.number(NAMES.httpResponseBytes),
  });
}

/** Without the port that https has. */
function hostOf(bag: Bag): string | undefined {
  const address = bag.text(NAMES.serverAddress);
  const port = bag.number(NAMES.serverPort);
  if (address === undefined) return undefined;
  const host = address.includes(":") ? `[${address}]` : address;
  return port === undefined || port === 443 ? host : `${host}:${port}`;
}

function jsonList(bag: Bag, names: readonly string[]): readonly unknown[] | undefined {
  const value = bag.any(names);
  const list = value === undefined ? undefined : fromJsonText(value);
  return Array.isArray(list) && list.every(isObject) ? list : undefined;
}

function rateLimitOf(bag: Bag): RateLimit | undefined {
  return compact<RateLimit>({
    limitRequests: bag.number(NAMES.limitRequests),
    remainingRequests: bag.number(NAMES.remainingRequests),
    resetRequestsMs: bag.number(NAMES.resetRequestsMs),
    limitTokens: bag.number(NAMES.limitTokens),
    remainingTokens: bag.number(NAMES.remainingTokens),
    resetTokensMs: bag.number(NAMES.resetTokensMs),
  });
}

function streamOf(bag: Bag): HttpCall["stream"] | undefined {
  const events = bag.number(NAMES.httpStreamEvents);
  if (events === undefined) return undefined;
  const mismatch = bag.any(NAMES.httpStreamMismatch);
  const given = mismatch === undefined ? undefined : fromJsonText(mismatch);
  type Stream = NonNullable<HttpCall["stream"]>;
  return compact<Stream>({
    events,
    end: (bag.text(NAMES.httpStreamEnd) ?? "completed") as Stream["end"],
    mismatch: isObject(given) ? (given as unknown as Stream["mismatch"]) : undefined,
    truncated: bag.flag(NAMES.httpStreamTruncated) === true ? true : undefined,
  });
}
