import type { FindingRecord, ScoreRecord, SpanRecord } from "../core/record.ts";
import { attributeWriter } from "./attribute-writer.ts";
import { putError, putServer, putTrace } from "./common.ts";
import { hasContent, putContent } from "./content-attributes.ts";
import { putGenAi } from "./gen-ai.ts";
import type { LogEvent } from "./log-event.ts";
import { operationOf } from "./operation.ts";
import type { Profile } from "./profile.ts";
import { PREFIXES } from "./registry.ts";

/** OpenTelemetry's numbers for severities. */
const DEBUG = 5;
const SEVERITIES = { info: 9, warning: 13, error: 17 } as const;

/** What is no call of a model, or none that says what was said. */
const NOT_INFERENCE: ReadonlySet<string | undefined> = new Set([
  undefined,
  "embeddings",
  "retrieval",
  "fetch_response",
  "create_agent",
  "invoke_agent",
  "execute_tool",
  "invoke_workflow",
  "plan",
]);

/**
 * `gen_ai.client.inference.operation.details`: a model call with its messages, on an event of its own; `undefined` for
 * other spans and for calls without content. 1.36 did not have the event, and gets none.
 *
 * @example
 * const { contentEvent } = await import("sightline/semconv");
 * const spans = sink.records.filter((record) => record.record === "span");
 * const events = spans.flatMap((span) => contentEvent(span, "1.41") ?? []);
 */
export function contentEvent(record: SpanRecord, profile: Profile): LogEvent | undefined {
  if (profile === "1.36" || NOT_INFERENCE.has(operationOf(record)) || !hasContent(record)) return undefined;
  const out = attributeWriter(profile);
  putGenAi(out, record);
  putServer(out, record.http?.host);
  putError(out, record);
  putTrace(out, record.trace);
  putContent(out, record);
  return {
    name: "gen_ai.client.inference.operation.details",
    time: record.endTime,
    severity: DEBUG,
    traceId: record.traceId,
    spanId: record.spanId,
    traceFlags: record.traceFlags,
    attributes: out.attributes(),
  };
}

/**
 * `gen_ai.evaluation.result`, on the span or trace that was judged. A number is the score; a category its label; a boolean
 * both, 1 or 0 to count with and `true` or `false` to read; a text, which would be a label of too many values, the
 * explanation. The names are those of 1.41, and of `latest`; 1.36 had none.
 *
 * @example
 * const { scoreEvent } = await import("sightline/semconv");
 * const scores = sink.records.filter((record) => record.record === "score");
 * const events = scores.map(scoreEvent);
 */
export function scoreEvent(record: ScoreRecord): LogEvent {
  const { value, dataType, comment, traceId, spanId } = record;
  const out = attributeWriter("1.41");
  out.put("evaluationName", record.name);
  const isText = dataType === "TEXT";
  if (typeof value === "number") out.put("evaluationValue", value);
  else if (typeof value === "boolean") out.put("evaluationValue", value ? 1 : 0);
  if (typeof value !== "number" && !isText) out.put("evaluationLabel", String(value));
  out.put("evaluationExplanation", isText ? String(value) : comment);
  if (isText) out.put("scoreComment", comment);
  out.put("scoreId", record.id);
  out.put("scoreDataType", dataType);
  if (record.seq > 0) out.put("seq", record.seq);
  putTrace(out, record.trace);
  out.put("sessionId", record.sessionId);
  out.putEach(PREFIXES.metadata, record.metadata);
  return {
    name: "gen_ai.evaluation.result",
    time: record.time,
    ...(traceId !== undefined && { traceId }),
    ...(spanId !== undefined && { spanId }),
    attributes: out.attributes(),
  };
}

/**
 * `sightline.finding`: what went wrong as the body, the rule, the next step and the evidence as attributes.
 *
 * @example
 * const { findingEvent } = await import("sightline/semconv");
 * const found = sink.records.filter((record) => record.record === "finding");
 * const events = found.map(findingEvent);
 */
export function findingEvent(record: FindingRecord): LogEvent {
  const { traceId, spanId } = record;
  const out = attributeWriter("1.41");
  out.put("findingId", record.id);
  out.put("findingName", record.name);
  out.put("findingNextStep", record.nextStep);
  out.putEach(PREFIXES.evidence, record.evidence);
  if (record.seq > 0) out.put("seq", record.seq);
  putTrace(out, record.trace);
  return {
    name: "sightline.finding",
    time: record.time,
    severity: SEVERITIES[record.severity],
    body: record.message,
    traceId,
    ...(spanId !== undefined && { spanId }),
    attributes: out.attributes(),
  };
}
