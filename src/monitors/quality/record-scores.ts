import { toNanos } from "../../core/clock.ts";
import { guard } from "../../core/guard.ts";
import { SCHEMA_VERSION, type ScoreRecord } from "../../core/record.ts";
import { activeRuntime } from "../../core/runtime.ts";
import type { Scored } from "./scoring.ts";

/** Estimated heap bytes of a score without its comment. */
const RECORD_BYTES = 600;

/**
 * Writes the scores of an answer as records of its trace. Their ids are made of the span's, so that one that is scored again
 * replaces them; the trace's flags go along, so that they go where the trace goes.
 */
export function recordScores({ sample, judged, composite }: Scored): void {
  const scores = judged.map(({ entry, value, reason }) => ({ name: `quality_${entry.scorer.name}`, value, reason }));
  if (composite !== undefined) scores.push({ name: "quality", value: composite, reason: undefined });
  for (const score of scores) guard(() => emit(sample.record, score), undefined);
}

function emit(
  { traceId, spanId, trace, traceFlags }: Scored["sample"]["record"],
  { name, value, reason }: { name: string; value: number; reason: string | undefined },
): void {
  const runtime = activeRuntime();
  if (runtime === null) return;
  const comment = reason === undefined ? undefined : runtime.capture.text(reason);
  const record: ScoreRecord = {
    record: "score",
    schema: SCHEMA_VERSION,
    id: `${traceId}-${spanId}-${name}`,
    seq: 0,
    traceId,
    spanId,
    time: toNanos(runtime.clock.epochMs()),
    name,
    value,
    dataType: "NUMERIC",
    ...(comment !== undefined && { comment }),
    trace,
  };
  runtime.emit({ record, trace: { info: trace, traceFlags }, bytes: RECORD_BYTES + 2 * (comment?.length ?? 0) });
}
