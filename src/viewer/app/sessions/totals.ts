import type { TraceSummary } from "../../../store/trace-store.ts";

/** What a session comes to. A figure that no trace has is unknown. */
export interface Totals {
  readonly traces: number;
  readonly errors: number;
  /** In which something of it ran: pauses between traces are none. */
  readonly busyNs: number;
  readonly fromUs: number;
  readonly toUs: number;
  readonly tokens: number | undefined;
  readonly costUsd?: number;
  /** Spans that used tokens and have no price: the session cost more than is known. */
  readonly unpriced: number;
  readonly models: readonly string[];
}

/** @param traces by start, the oldest first */
export function totals(traces: readonly TraceSummary[]): Totals {
  let [errors, unpriced, busyUs, reachedUs] = [0, 0, 0, 0];
  let tokens: number | undefined;
  let costUsd: number | undefined;
  const models = new Set<string>();
  for (const trace of traces) {
    if (trace.status === "error") errors++;
    const endUs = trace.startUs + trace.durationNs / 1_000;
    busyUs += Math.max(0, endUs - Math.max(reachedUs, trace.startUs));
    reachedUs = Math.max(reachedUs, endUs);
    if (trace.inputTokens !== undefined || trace.outputTokens !== undefined) {
      tokens = (tokens ?? 0) + (trace.inputTokens ?? 0) + (trace.outputTokens ?? 0);
    }
    if (trace.costUsd !== undefined) costUsd = (costUsd ?? 0) + trace.costUsd;
    unpriced += trace.unpriced ?? 0;
    for (const model of trace.models) models.add(model);
  }
  return {
    traces: traces.length,
    errors,
    busyNs: Math.round(busyUs * 1_000),
    fromUs: traces[0]?.startUs ?? 0,
    toUs: reachedUs,
    tokens,
    ...(costUsd !== undefined && { costUsd }),
    unpriced,
    models: [...models].sort(),
  };
}
