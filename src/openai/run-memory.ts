import { perRuntime, type Runtime } from "../core/runtime.ts";
import type { Run } from "./shapes.ts";

/** What the API forgets about a run. */
export interface FirstSeen {
  /** Epoch seconds: the first `started_at`, which is rewritten whenever the run goes on after tool outputs. */
  readonly startedAt?: number;
  /** Epoch seconds: when the run was first seen as `cancelling`, for which the API has no time. */
  readonly cancellingSince?: number;
}

/** As many as there are objects remembered; a run that has been pushed out starts afresh. */
const MAX_RUNS = 10_000;

/** Notes what a run says now, and returns what it said first. */
export function firstSeen(runtime: Runtime, run: Run, observedMs: number): FirstSeen {
  const runs = runsOf(runtime);
  const before = runs.get(run.id);
  const startedAt = before?.startedAt ?? run.startedAt;
  const cancellingSince = before?.cancellingSince ?? (run.status === "cancelling" ? observedMs / 1000 : undefined);
  const seen: FirstSeen = {
    ...(startedAt !== undefined && { startedAt }),
    ...(cancellingSince !== undefined && { cancellingSince }),
  };
  runs.delete(run.id);
  runs.set(run.id, seen);
  if (runs.size > MAX_RUNS) {
    const [oldest] = runs.keys();
    runs.delete(oldest!);
  }
  return seen;
}

function runsOf(runtime: Runtime): Map<string, FirstSeen> {
  return perRuntime(runtime, "runsFirstSeen", () => new Map());
}
