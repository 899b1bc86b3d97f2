import type { FindingRecord, ScoreRecord, SpanRecord, TraceInfo } from "../core/record.ts";
import { buildTraces } from "../core/tree.ts";
import type { Picture } from "../sinks/console-gather.ts";
import type { SpanRow, StoredTrace, TraceSummary } from "../store/trace-store.ts";

/** Spans of a stored trace as the console draws them. `records` are those that are known in whole. */
export function pictureOf(
  trace: StoredTrace,
  rows: readonly SpanRow[],
  records: ReadonlyMap<string, SpanRecord>,
): Picture {
  const { summary } = trace;
  const info = infoOf(summary);
  const spans = rows.map((row) => records.get(row.spanId) ?? recordOf(row, info));
  const [tree] = buildTraces([...spans, ...(trace.scores as ScoreRecord[]), ...(trace.findings as FindingRecord[])]);
  const start = summary.startUs / 1_000;
  return {
    title: `trace ${summary.traceId}`,
    info,
    roots: tree?.roots ?? [],
    scores: tree?.scores ?? [],
    findings: tree?.findings ?? [],
    axis: { start, end: start + summary.durationNs / 1e6 },
  };
}

function infoOf({ name, userId, sessionId, environment, feature, team, release, tags }: TraceSummary): TraceInfo {
  return {
    name,
    ...(userId !== undefined && { userId }),
    ...(sessionId !== undefined && { sessionId }),
    ...(environment !== undefined && { environment }),
    ...(feature !== undefined && { feature }),
    ...(team !== undefined && { team }),
    ...(release !== undefined && { release }),
    ...(tags !== undefined && { tags }),
  };
}

/** As much of the record as a row tells. */
function recordOf(row: SpanRow, trace: TraceInfo): SpanRecord {
  const { traceId, spanId, parentSpanId, seq, name, type, status, level, startUs, durationNs } = row;
  const { model, inputTokens, outputTokens, costUsd, errorType, errorMessage, httpStatus } = row;
  const startTime = BigInt(startUs) * 1_000n;
  const message = errorMessage === undefined ? {} : { message: errorMessage };
  return {
    record: "span",
    schema: 1,
    traceId,
    spanId,
    ...(parentSpanId !== undefined && { parentSpanId }),
    traceFlags: 1,
    seq,
    name,
    type,
    kind: "internal",
    startTime: String(startTime),
    endTime: String(startTime + BigInt(durationNs)),
    ...(row.unfinished && { unfinished: true }),
    status: { code: status, ...message },
    level,
    ...(errorType !== undefined && {
      error: { type: errorType, ...message, ...(httpStatus !== undefined && { status: httpStatus }) },
    }),
    ...(model !== undefined && { genAi: { responseModel: model } }),
    ...((inputTokens !== undefined || outputTokens !== undefined) && {
      usage: {
        ...(inputTokens !== undefined && { inputTokens }),
        ...(outputTokens !== undefined && { outputTokens }),
      },
    }),
    ...(costUsd !== undefined && { cost: { currency: "USD", total: costUsd, source: "computed" } }),
    trace,
  };
}
