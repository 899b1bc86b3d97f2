import { type Runtime, shared } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import type { SpanRef } from "../core/start.ts";

/** What is remembered of a run that has been recorded. */
export interface RecordedState {
  /** Decided by the first recording. Without a `spanId` the run is the root of its trace. */
  readonly parent: Span | SpanRef;
  readonly traceId: string;
  readonly spanId: string;
  readonly seq: number;
  readonly status: string;
}

/** A run is recorded again within minutes; one that has been pushed out starts afresh. */
const MAX_RUNS = 10_000;

/** The state of a run under this configuration, by run id; the one asked for becomes the newest. */
export function recallRun(runtime: Runtime, runId: string): RecordedState | undefined {
  const runs = runsOf(runtime);
  const state = runs.get(runId);
  if (state === undefined) return undefined;
  runs.delete(runId);
  runs.set(runId, state);
  return state;
}

export function rememberRun(runtime: Runtime, runId: string, state: RecordedState): void {
  const runs = runsOf(runtime);
  runs.delete(runId);
  runs.set(runId, state);
  if (runs.size <= MAX_RUNS) return;
  const [oldest] = runs.keys();
  runs.delete(oldest!);
}

function runsOf(runtime: Runtime): Map<string, RecordedState> {
  const byRuntime = shared("recordedRuns", () => new WeakMap<Runtime, Map<string, RecordedState>>());
  let runs = byRuntime.get(runtime);
  if (runs === undefined) byRuntime.set(runtime, (runs = new Map()));
  return runs;
}
