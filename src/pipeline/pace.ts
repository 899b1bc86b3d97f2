import { backoff, FIRST_DELAY_MS, serverDelay } from "./backoff.ts";
import type { LaneTools } from "./options.ts";

/**
 * When a lane may send again. Failures in a row are counted across batches, and a sink that is down sees one attempt at a
 * time, so a lane is its own circuit breaker: one probe per step of the backoff.
 */
export interface Pace {
  /** The later of our own wait and the server's word, on the lane's clock; in the past when nothing stands in the way. */
  readonly dueAt: number;
  /** The sink has taken something, and since its last failure too. Until then it gets one attempt at a time. */
  readonly isProven: boolean;
  /** Changes with each failure that makes us wait. What an attempt tells counts by the round in which it began. */
  readonly round: number;
  /** Of an earlier round: the sink has failed since, and the wait stands. */
  succeeded(round: number): void;
  /**
   * `isDown`: the sink could not take anything; else it answered, and only a server's word makes us wait. Of an earlier
   * round: the same failure once more, which is no step of the backoff.
   */
  failed(isDown: boolean, retryAfterMs: unknown, round: number): void;
  /** Cuts our own wait short, to one attempt a second at most. The server's word stands. */
  hasten(): void;
}

export function createPace({ now, random }: Pick<LaneTools, "now" | "random">): Pace {
  let round = 0;
  let failures = 0;
  let isProven = false;
  let ownDelay = 0;
  let failedAt = Number.NEGATIVE_INFINITY;
  let notBefore = Number.NEGATIVE_INFINITY;

  return {
    get dueAt() {
      return Math.max(failedAt + ownDelay, notBefore);
    },
    get isProven() {
      return isProven;
    },
    get round() {
      return round;
    },
    succeeded(began) {
      if (began !== round) return;
      failures = ownDelay = 0;
      isProven = true;
      notBefore = Number.NEGATIVE_INFINITY;
    },
    failed(isDown, retryAfterMs, began) {
      const until = now() + serverDelay(retryAfterMs);
      if (began !== round) {
        notBefore = Math.max(notBefore, until);
        return;
      }
      if (isDown || until > now()) round++;
      failures = isDown ? failures + 1 : 0;
      isProven &&= !isDown;
      ownDelay = isDown ? backoff(failures, random) : 0;
      failedAt = now();
      notBefore = until;
    },
    hasten() {
      ownDelay = Math.min(ownDelay, FIRST_DELAY_MS);
    },
  };
}
