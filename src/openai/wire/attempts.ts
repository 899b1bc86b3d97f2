import type { HttpAttempt } from "../../core/record.ts";
import { field, text } from "../fields.ts";
import type { SentRequest } from "./request.ts";

/** The longest time that `openai` waits of its own accord (0.5 s doubled up to this), and what the event loop may add. */
const LONGEST_WAIT_MS = 8000;
const LEEWAY_MS = 2000;

/** How long another attempt may be in coming. */
export function waitLimitMs(retryAfterMs: number | undefined): number {
  return Math.max(retryAfterMs ?? 0, LONGEST_WAIT_MS) + LEEWAY_MS;
}

/** Whether `openai` and its kin try again after this status; the server's own word counts before it. */
export function mayBeRetried(status: number, shouldRetry: boolean | undefined): boolean {
  return shouldRetry ?? (status === 408 || status === 409 || status === 429 || status >= 500);
}

/** Which attempt `openai` says that this is; 0 for the first, `undefined` for clients that do not say. */
export function retryCount(request: SentRequest): number | undefined {
  const count = Number.parseInt(request.header("x-stainless-retry-count") ?? "", 10);
  return Number.isNaN(count) ? undefined : count;
}

/**
 * Whether an abort was the client's own timeout. `openai` uses one signal for that and for the caller's abort, so only the
 * time that has gone by tells them apart; `undefined` where its limit is not known.
 */
export function isTimeout(
  request: SentRequest,
  durationMs: number,
  timeoutMs: number | undefined,
): boolean | undefined {
  const count = retryCount(request);
  // Other clients do not abort by themselves.
  if (count === undefined) return false;
  // In whole seconds, rounded down; of versions 5 and 6 only for requests with a timeout of their own.
  const stated = Number.parseInt(request.header("x-stainless-timeout") ?? "", 10) * 1000;
  const limitMs = Number.isNaN(stated) ? timeoutMs : stated;
  return limitMs === undefined ? undefined : durationMs >= limitMs - TIMER_SLACK_MS;
}

/** Timers may fire early by so much. */
const TIMER_SLACK_MS = 2;

export function failedAttempt(error: unknown, durationMs: number): HttpAttempt {
  const cause: unknown = field(error, "cause");
  const code = text(field(error, "code")) ?? text(field(cause, "code"));
  return { error: code ?? text(field(error, "name")) ?? "Error", durationMs };
}
