import { MAX_RETRY_AFTER_MS } from "../core/retry-after.ts";

/** The step that the schedule starts with, and the least distance between two attempts after a failure. */
export const FIRST_DELAY_MS = 1_000;

/** Rarer probes would leave a recovered server unnoticed, more frequent ones add load to a struggling one. */
const MAX_DELAY_MS = 30_000;

/**
 * Milliseconds to wait after so many failed attempts in a row: 1 s, 2 s, 4 s … up to 30 s, of which a random 50 to
 * 100 % is taken, so that many lanes that failed together do not come back together, and none comes back at once.
 */
export function backoff(failures: number, random: () => number = Math.random): number {
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.max(0, failures - 1));
  return ceiling * (0.5 + random() / 2);
}

/** The wait that a server asked for, in milliseconds from 0 to 15 minutes; 0 when it asked for nothing readable. */
export function serverDelay(retryAfterMs: unknown): number {
  return typeof retryAfterMs === "number" && retryAfterMs > 0 ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) : 0;
}
