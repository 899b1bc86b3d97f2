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
}

/** Calls whose last attempt has failed, and which another attempt may follow. */
export interface WaitingCalls<Call extends WaitingCall> {
  add(call: Call): void;
  delete(call: Call): void;
  /** The call that this request goes on with, which waits no longer then. */
  take(request: SentRequest, parent: Span | undefined): Call | undefined;
}

export function waitingCalls<Call extends WaitingCall>(): WaitingCalls<Call> {
  const calls = new Set<Call>();
  return {
    add: (call) => calls.add(call),
    delete: (call) => calls.delete(call),
    take(request, parent) {
      if (calls.size === 0) return undefined;
      const count = retryCount(request);
      // A client that counts says that this call is a new one.
      if (count === 0) return undefined;
      const alike = [...calls].filter((call) => isAlike(call, request, parent));
      // Of calls that are the same in all, the one whose turn it is.
      const found = alike.find(({ attempts }) => attempts === count) ?? alike[0];
      if (found !== undefined) calls.delete(found);
      return found;
    },
  };
}

function isAlike({ request: before, exchange }: WaitingCall, request: SentRequest, parent: Span | undefined): boolean {
  const sameParent = exchange.parent?.spanId === parent?.spanId && exchange.parent?.traceId === parent?.traceId;
  if (!sameParent || before.method !== request.method || before.url.href !== request.url.href) return false;
  // Forms and streams are made anew for each attempt.
  return typeof before.body !== "string" || before.body === request.body;
}
