import type { Clock } from "../../core/clock.ts";

/**
 * Time for incidents that outlive processes, in milliseconds from the first of them: by the monotonic clock while the
 * process runs, and by the wall clock between two processes, never back. So nobody who sets the clock escalates an incident
 * or keeps it from escalating.
 */
export interface SteadyTime {
  nowMs(): number;
  /** What the next process goes on from. */
  saved(): SavedTime;
}

export interface SavedTime {
  readonly steadyMs: number;
  readonly epochMs: number;
}

export function steadyTime(clock: Clock, saved: SavedTime | undefined): SteadyTime {
  const downMs = saved === undefined ? 0 : Math.max(0, clock.epochMs() - saved.epochMs);
  const offset = (saved?.steadyMs ?? 0) + downMs - clock.monotonicMs();
  const nowMs = (): number => offset + clock.monotonicMs();
  return { nowMs, saved: () => ({ steadyMs: nowMs(), epochMs: clock.epochMs() }) };
}
