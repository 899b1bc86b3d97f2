import type { CountedCall } from "../model-call.ts";

/** What is summed of model calls, by place. */
export const CALLS = 0;
/** HTTP requests. */
export const ATTEMPTS = 1;
export const TOKENS = 2;
/** Records that tell how many tokens. */
export const COUNTED = 3;
export const USD = 4;
/** Records with a cost. */
export const PRICED = 5;
/** From here on: what most calls have nothing of. */
export const RARE = 6;
/** Calls that failed in any way, timeouts and 429 among them. */
export const ERRORS = 6;
export const TIMEOUTS = 7;
export const RATE_LIMITED = 8;
export const SERVER_ERRORS = 9;
/** Records that cost what nobody knows. */
export const UNPRICED = 10;
export const COUNTERS = 11;

/** What one record adds, in `into` from `at` on. Returns how many of the counters it adds to: up to `RARE`, or all. */
export function countCall(call: CountedCall, into: Float64Array, at: number): number {
  const { isCall, status, totalTokens, costUsd } = call;
  const hasFailed = isCall && status !== "success";
  // A call that failed and tells no tokens is taken to have cost nothing.
  const isUnpriced = costUsd === undefined && (totalTokens !== undefined || (isCall && !hasFailed));
  into[at + CALLS] = isCall ? 1 : 0;
  into[at + ATTEMPTS] = call.attempts;
  into[at + TOKENS] = totalTokens ?? 0;
  into[at + COUNTED] = totalTokens === undefined ? 0 : 1;
  into[at + USD] = costUsd ?? 0;
  into[at + PRICED] = costUsd === undefined ? 0 : 1;
  if (!hasFailed && !isUnpriced && call.rateLimitedAttempts === 0 && call.serverErrorAttempts === 0) return RARE;
  into[at + ERRORS] = hasFailed ? 1 : 0;
  into[at + TIMEOUTS] = isCall && status === "timeout" ? 1 : 0;
  into[at + RATE_LIMITED] = call.rateLimitedAttempts;
  into[at + SERVER_ERRORS] = call.serverErrorAttempts;
  into[at + UNPRICED] = isUnpriced ? 1 : 0;
  return COUNTERS;
}
