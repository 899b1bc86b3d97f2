import type { TraceRecord } from "./record.ts";

const SPAN_TEXTS = ["traceId", "spanId", "name", "type", "startTime", "endTime"];
const SCORE_TEXTS = ["id", "name", "time"];
const FINDING_TEXTS = ["id", "traceId", "name", "severity", "message", "time"];

/** Whether parsed JSON has what every reader of records relies on. Newer schemas pass when they still have it. */
export function isRecord(value: unknown): value is TraceRecord {
  if (!isObject(value) || typeof value.seq !== "number" || !isObject(value.trace)) return false;
  if (value.record === "score") return SCORE_TEXTS.every((key) => typeof value[key] === "string");
  if (value.record === "finding") return FINDING_TEXTS.every((key) => typeof value[key] === "string");
  return value.record === "span" && SPAN_TEXTS.every((key) => typeof value[key] === "string") && isObject(value.status);
}

function isObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null;
}
