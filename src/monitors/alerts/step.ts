import type { AlertState } from "./alert.ts";
import type { Verdict } from "./judge.ts";
import type { Reason, Watched } from "./watched.ts";

/** Both readings of the clock, taken once for an evaluation. */
export interface Now {
  readonly epochMs: number;
  readonly monotonicMs: number;
}

/** Takes one alert one evaluation further. Durations are monotonic, what people are told is epoch. */
export function step(watched: Watched, verdict: Verdict | undefined, now: Now, staleMs: number): void {
  const { monotonicMs } = now;
  watched.reason = undefined;
  if (verdict === undefined || verdict.kind === "missing") {
    withoutData(watched, verdict, now, staleMs);
    return;
  }
  const { value, samples, traces = [] } = verdict.reading;
  Object.assign(watched, { value, samples, isStale: false, missingAt: undefined });
  if (watched.state === "firing") {
    // What shows the fault stays, when the figure is good again and its traces show nothing.
    if (verdict.kind !== "over" && traces.length > 0) watched.traces = traces;
    watched.overAt = verdict.kind === "over" ? (watched.overAt ?? monotonicMs) : undefined;
    const isOver = watched.overAt !== undefined && monotonicMs - watched.overAt >= (watched.rule.keepFiringMs ?? 0);
    if (isOver) enter(watched, "resolved", now);
    return;
  }
  watched.traces = traces;
  if (verdict.kind !== "bad") enter(watched, "inactive", now);
  else hold(watched, now);
}

/** Over, whatever its figure. */
export function end(watched: Watched, reason: Reason, now: Now): void {
  watched.reason = reason;
  enter(watched, "resolved", now);
}

function hold(watched: Watched, now: Now): void {
  const { monotonicMs, epochMs } = now;
  if (watched.restored !== undefined) watched.heldAt = monotonicMs - watched.restored.heldMs;
  if (watched.heldAt === undefined) {
    watched.heldAt = monotonicMs;
    watched.startedAt = epochMs;
    watched.firedAt = undefined;
    watched.resolvedAt = undefined;
  }
  watched.restored = undefined;
  enter(watched, monotonicMs - watched.heldAt >= (watched.rule.forMs ?? 0) ? "firing" : "pending", now);
}

function withoutData(watched: Watched, verdict: Verdict | undefined, now: Now, staleMs: number): void {
  const { monotonicMs } = now;
  if (watched.state === "firing") {
    watched.isStale = true;
    watched.overAt = undefined;
    watched.missingAt ??= monotonicMs;
    if (monotonicMs - watched.missingAt >= staleMs) end(watched, "stale", now);
    return;
  }
  // The windows of a new process are empty at first.
  if (watched.restored !== undefined && monotonicMs < watched.restored.untilAt) return;
  Object.assign(watched, { value: undefined, samples: verdict?.reading.samples ?? 0, traces: [] });
  enter(watched, "no_data", now);
}

function enter(watched: Watched, state: AlertState, { epochMs, monotonicMs }: Now): void {
  if (watched.state === state) return;
  const from = watched.state;
  watched.state = state;
  watched.since = epochMs;
  // Told times stay in order when the wall clock is set back.
  if (state === "firing") watched.firedAt = Math.max(epochMs, watched.startedAt ?? epochMs);
  if (state === "resolved") {
    watched.resolvedAt = Math.max(epochMs, watched.firedAt ?? epochMs);
    watched.endedAt = monotonicMs;
  }
  if (state === "pending" || state === "firing") return;
  Object.assign(watched, {
    heldAt: undefined,
    overAt: undefined,
    missingAt: undefined,
    restored: undefined,
    isStale: false,
  });
  if (from === "pending") watched.startedAt = undefined;
}
