import type { FindingRecord, JsonObject, ScoreRecord, SpanRecord } from "../core/record.ts";
import { cutText } from "./cut-text.ts";
import { isoTime } from "./langfuse-metadata.ts";
import { langfuseEnvironment, type TraceDefaults } from "./langfuse-trace.ts";

const LEVELS = { info: "DEFAULT", warning: "WARNING", error: "ERROR" } as const;

/** A finding as an event below the span that it is about. Its id follows from the finding's: sent again, it is the same one. */
export function findingSpan(finding: FindingRecord): SpanRecord {
  const { traceId, spanId, time, severity, evidence } = finding;
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256").update(`${traceId} ${finding.id}`);
  return {
    record: "span",
    schema: finding.schema,
    traceId,
    spanId: hash.digest("hex").slice(0, 16),
    ...(spanId !== undefined && { parentSpanId: spanId }),
    traceFlags: 1,
    seq: finding.seq,
    name: finding.name,
    type: "event",
    kind: "internal",
    startTime: time,
    endTime: time,
    status: { code: "unset", message: finding.message },
    level: LEVELS[severity],
    metadata: { finding: finding.id, severity, nextStep: finding.nextStep, evidence },
    // Without a span it stands beside the root, and is none.
    attributes: { "langfuse.internal.is_app_root": false },
    trace: finding.trace,
  };
}

/** The most UTF-16 units of a score that is a text; Langfuse refuses more (`domain/scores.ts`). */
const MAX_TEXT = 500;

/**
 * The body of `POST /api/public/scores`. It takes one target, a trace with or without a span of it or a session; booleans as
 * 0 and 1; short texts, so the whole of a longer one goes into the metadata. It has no field for the time of a judgement.
 *
 * Source: Langfuse `packages/shared/src/features/scores/interfaces/api/shared.ts`, `utils/scores.ts`.
 */
export function scoreBody(score: ScoreRecord, defaults: TraceDefaults): JsonObject {
  const { id, name, value, dataType, traceId, spanId, sessionId, comment } = score;
  const isLong = dataType === "TEXT" && typeof value === "string" && value.length > MAX_TEXT;
  const environment = score.trace.environment ?? defaults.environment;
  return {
    id,
    name,
    value: typeof value === "boolean" ? Number(value) : isLong ? `${cutText(value, MAX_TEXT - 1)}…` : value,
    dataType,
    ...(traceId === undefined ? { sessionId: sessionId ?? null } : { traceId }),
    ...(traceId !== undefined && spanId !== undefined && { observationId: spanId }),
    ...(comment !== undefined && { comment }),
    metadata: {
      ...score.metadata,
      ...(isLong && { text: value }),
      scored_at: isoTime(score.time),
    },
    ...(environment !== undefined && { environment: langfuseEnvironment(environment) }),
  };
}
