import type { Clock } from "../core/clock.ts";

/** So much a second, with as much at once as comes together in `BURST_SECONDS`. */
export interface TokenBucket {
  /** Milliseconds until there is something again; 0 when there is now. */
  waitMs(): number;
  /** Takes even what is not there: what was already sent is paid for by the next. */
  take(amount: number): void;
}

const BURST_SECONDS = 2;

export function tokenBucket(perSecond: number, clock: Clock): TokenBucket {
  const most = perSecond * BURST_SECONDS;
  let amount = most;
  let filledAt = clock.monotonicMs();
  const fill = (): void => {
    const now = clock.monotonicMs();
    amount = Math.min(most, amount + ((now - filledAt) / 1_000) * perSecond);
    filledAt = now;
  };
  return {
    waitMs() {
      fill();
      return amount > 0 ? 0 : ((1 - amount) / perSecond) * 1_000;
    },
    take(used) {
      fill();
      amount -= used;
    },
  };
}
