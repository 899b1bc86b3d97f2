/** How fast one channel may be used. On the monotonic clock. */
export interface Pace {
  /** The time from which on the next one may go. */
  nextMs(nowMs: number): number;
  taken(nowMs: number): void;
}

const MINUTE_MS = 60_000;

/** At least `intervalMs` between two, and at most so many in any minute: a few at once may go at once. */
export function pace(intervalMs: number, maxPerMinute: number): Pace {
  const times: number[] = [];
  return {
    nextMs(nowMs) {
      while (times.length > 0 && times[0]! <= nowMs - MINUTE_MS) times.shift();
      const last = times.at(-1);
      const spaced = last === undefined ? 0 : last + intervalMs;
      const full = times.length < maxPerMinute ? 0 : times[times.length - maxPerMinute]! + MINUTE_MS;
      return Math.max(spaced, full);
    },
    taken: (nowMs) => void times.push(nowMs),
  };
}
