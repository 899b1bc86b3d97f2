import type { Span } from "../../core/span.ts";
import { retryCount } from "./attempts.ts";
import type { Exchange } from "./exchange.ts";
import type { SentRequest } from "./request.ts";

/** What a call is told from others by. */
export interface WaitingCall {
  readonly exchange: Pick<Exchange, "parent">;
  readonly request: SentRequest;
  /** How many attempts have an outcome. */
  readonly attempts: number;
  /** It waits no longer. */
  end(): void;
}

/** Calls whose last attempt has failed, and which another attempt may follow. */
export interface WaitingCalls<Call extends WaitingCall> {
  /** Ends the call that has waited longest where too many do. */
  add(call: Call): void;
  delete(call: Call): void;
  /** The call that this request goes on with, which waits no longer then. */
  take(request: SentRequest, parent: Span | undefined): Call | undefined;
}

/** Each keeps its request's body. A client that has more calls failing at once has its attempts apart. */
const MAX_WAITING = 1000;

export function waitingCalls<Call extends WaitingCall>(): WaitingCalls<Call> {
  /** Oldest first, with the key at which each is found. */
  const keys = new Map<Call, string>();
  const byKey = new Map<string, Set<Call>>();

  const remove = (call: Call): void => {
    const key = keys.get(call);
    if (key === undefined) return;
    keys.delete(call);
    const alike = byKey.get(key)!;
    alike.delete(call);
    if (alike.size === 0) byKey.delete(key);
  };

  return {
    add(call) {
      remove(call);
      if (keys.size >= MAX_WAITING) {
        const [oldest] = keys.keys();
        remove(oldest!);
        oldest!.end();
      }
      const key = keyOf(call.request, call.exchange.parent);
      keys.set(call, key);
      const alike = byKey.get(key);
      if (alike === undefined) byKey.set(key, new Set([call]));
      else alike.add(call);
    },
    delete: remove,
    take(request, parent) {
      if (keys.size === 0 || !mayGoOn(request, parent)) return undefined;
      const alike = byKey.get(keyOf(request, parent));
      const found = alike && chosen([...alike].reverse(), request, parent);
      if (found !== undefined) remove(found);
      return found;
    },
  };
}

/** Whether it can ever be told that a later request goes on with a call under `parent` whose last attempt was `request`. */
export function mayBeFollowed(request: SentRequest, parent: Span | undefined): boolean {
  return retryCount(request) !== undefined || (isSpan(parent) && typeof request.body === "string");
}

/** A client that counts says which requests are new calls. */
function mayGoOn(request: SentRequest, parent: Span | undefined): boolean {
  return retryCount(request) !== 0 && mayBeFollowed(request, parent);
}

/** Of calls with the same key, newest first. An older one has more likely been given up by its caller. */
function chosen<Call extends WaitingCall>(
  calls: readonly Call[],
  request: SentRequest,
  parent: Span | undefined,
): Call | undefined {
  const count = retryCount(request);
  const isAlike = (call: Call): boolean =>
    isSameParent(call.exchange.parent, parent) && call.request.body === request.body;
  const isSameUser = (call: Call): boolean =>
    CREDENTIALS.every((name) => call.request.header(name) === request.header(name));
  if (count === undefined) return calls.find((call) => isSameUser(call) && isAlike(call));
  const fitting = calls.filter(({ attempts, exchange }) => attempts === count && isSameParent(exchange.parent, parent));
  if (!isComparable(request)) return fitting.length === 1 ? fitting[0] : undefined;
  // A key that a function gives may be another at each attempt.
  return (
    fitting.find((call) => isSameUser(call) && isAlike(call)) ?? fitting.find(isAlike) ?? only(calls.filter(isAlike))
  );
}

/** Where the counts differ, some attempts have not been seen here, or the client is not the only one that tries again. */
function only<Call>(calls: readonly Call[]): Call | undefined {
  return calls.length === 1 ? calls[0] : undefined;
}

const CREDENTIALS = ["authorization", "api-key"];

/** Forms and streams are made anew for each attempt, and bytes may be another file. */
function isComparable({ method, body }: SentRequest): boolean {
  return typeof body === "string" || (body === undefined && (method === "GET" || method === "HEAD"));
}

function isSameParent(one: Span | undefined, other: Span | undefined): boolean {
  return one === other || (isSpan(one) && one.spanId === other?.spanId && one.traceId === other.traceId);
}

/** Where there are only attributes for traces to come, the id is all zeros. */
function isSpan(parent: Span | undefined): parent is Span {
  return parent !== undefined && !/^0*$/.test(parent.spanId);
}

const EDGE = 128;
const SAMPLES = 16;
const SAMPLE = 16;

/** Different for most requests that differ, and cheap for the longest bodies. */
function keyOf(request: SentRequest, parent: Span | undefined): string {
  const place = isSpan(parent) ? `${parent.traceId} ${parent.spanId}` : "";
  const body = isComparable(request) ? sampled(String(request.body ?? "")) : "?";
  return `${request.method} ${request.url.href} ${place} ${body}`;
}

/** Its length, both ends and some places between them. */
function sampled(body: string): string {
  const { length } = body;
  if (length <= 2 * EDGE + SAMPLES * SAMPLE) return body;
  const step = (length - 2 * EDGE) / SAMPLES;
  const parts = Array.from({ length: SAMPLES }, (_, i) => {
    const start = Math.floor(EDGE + i * step);
    return body.slice(start, start + SAMPLE);
  });
  return `${length} ${body.slice(0, EDGE)}${parts.join("")}${body.slice(-EDGE)}`;
}
