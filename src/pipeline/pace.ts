import { backoff, FIRST_DELAY_MS, serverDelay } from "./backoff.ts";
import type { LaneTools } from "./options.ts";

/**
 * When a lane may send again. Failures in a row are counted across batches, so a lane with one attempt in flight is its
 * own circuit breaker: a sink that is down sees one probe per step of the backoff.
 */
export interface Pace {
  /** The later of our own wait and the server's word, on the lane's clock; in the past when nothing stands in the way. */
  readonly dueAt: number;
  succeeded(): void;
  /** `isDown`: the sink could not take anything; else it answered, and only a server's word makes us wait. */
  failed(isDown: boolean, retryAfterMs: unknown): void;
  /** Cuts our own wait short, to one attempt a second at most. The server's word stands. */
  hasten(): void;
}

export function createPace({ now, random }: Pick<LaneTools, "now" | "random">): Pace {
  let failures = 0;
  let ownDelay = 0;
  let failedAt = Number.NEGATIVE_INFINITY;
  let notBefore = Number.NEGATIVE_INFINITY;

  return {
    get dueAt() {
      return Math.max(failedAt + ownDelay, notBefore);
    },
    succeeded() {
      failures = ownDelay = 0;
      notBefore = Number.NEGATIVE_INFINITY;
    },
    failed(isDown, retryAfterMs) {
      failures = isDown ? failures + 1 : 0;
      ownDelay = isDown ? backoff(failures, random) : 0;
      failedAt = now();
      notBefore = failedAt + serverDelay(retryAfterMs);
    },
    hasten() {
      ownDelay = Math.min(ownDelay, FIRST_DELAY_MS);
    },
  };
}
