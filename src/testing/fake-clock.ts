import type { Clock } from "../core/clock.ts";

/** A clock that stands still until it is told otherwise. */
export interface FakeClock extends Clock {
  /** Time passes: both clocks move on by `ms` milliseconds. */
  advance(ms: number): void;
  /** Somebody sets the wall clock: it alone moves, forwards or back. */
  jump(ms: number): void;
}

/** 2026-01-01T00:00:00Z. */
const DEFAULT_START = 1_767_225_600_000;

/**
 * A clock for tests. Starts at `startEpochMs` (epoch milliseconds; default 2026-01-01) with the monotonic clock at zero.
 *
 * @example
 * const clock = fakeClock();
 * configure({ sinks: [memorySink()], clock });
 * clock.advance(250);
 */
export function fakeClock(startEpochMs: number = DEFAULT_START): FakeClock {
  let epoch = startEpochMs;
  let monotonic = 0;
  return {
    epochMs: () => epoch,
    monotonicMs: () => monotonic,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`advance(${ms}): time does not go back; jump() sets the wall clock`);
      epoch += ms;
      monotonic += ms;
    },
    jump(ms) {
      epoch += ms;
    },
  };
}
