import type { HttpAttempt } from "../../core/record.ts";
import { field, text } from "../fields.ts";
import type { SentRequest } from "./request.ts";

/** The longest time that `openai` waits of its own accord (0.5 s doubled up to this), and what the event loop may add. */
const LONGEST_WAIT_MS = 8000;
const LEEWAY_MS = 2000;
/** The longest that `openai` 4 and 5 wait when the server asks for it. Later ones obey, but no failure is kept back longer. */
const LONGEST_RETRY_AFTER_MS = 60_000;

/** How long another attempt may be in coming. */
export function waitLimitMs(retryAfterMs: number | undefined): number {
  return Math.min(Math.max(retryAfterMs ?? 0, LONGEST_WAIT_MS), LONGEST_RETRY_AFTER_MS) + LEEWAY_MS;
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
  return limitMs === undefined ? undefined : durationMs >= limitMs - Math.min(TIMER_SLACK_MS, limitMs / 4);
}

/** Timers count from the beginning of the event loop's turn that they are set in, so they fire early by what it took till then. */
const TIMER_SLACK_MS = 50;

export function failedAttempt(error: unknown, durationMs: number): HttpAttempt {
  const cause: unknown = field(error, "cause");
  const code = text(field(error, "code")) ?? text(field(cause, "code"));
  return { error: code ?? text(field(error, "name")) ?? "Error", durationMs };
}
