import { derivedSpanId, isSpanId, isTraceId } from "../../core/ids.ts";

/**
 * Langfuse's ids are any text. Those of OpenTelemetry's form stay; a UUID of a trace loses its dashes; others are hashed,
 * always to the same id.
 */
export function traceIdOf(id: string): string {
  const lower = id.toLowerCase();
  const isUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(lower);
  const plain = isUuid ? lower.replaceAll("-", "") : lower;
  return isTraceId(plain) ? plain : derivedSpanId("langfuse trace", id) + derivedSpanId("langfuse trace", id, "low");
}

export function spanIdOf(id: string): string {
  const plain = id.toLowerCase();
  return isSpanId(plain) ? plain : derivedSpanId("langfuse observation", id);
}

/** Of the span that stands for a trace, which Langfuse's older data has as a thing of its own. */
export function rootIdOf(traceId: string): string {
  return derivedSpanId("langfuse root", traceId);
}
