import { toNanos } from "../core/clock.ts";
import { contextSpan } from "../core/context.ts";
import { guard } from "../core/guard.ts";
import { uuid } from "../core/ids.ts";
import type { NonRecordingSpan } from "../core/non-recording-span.ts";
import { type JsonObject, SCHEMA_VERSION, type ScoreRecord } from "../core/record.ts";
import { clean } from "../core/recording-span.ts";
import { activeRuntime, type Runtime } from "../core/runtime.ts";
import { currentSpan, currentTraceId } from "./manual.ts";

export interface ScoreOptions {
  name: string;
  /** A number, a category, or yes and no. */
  value: number | string | boolean;
  comment?: string;
  metadata?: Record<string, unknown>;
  /** What is judged. Default: the current span and its trace. */
  traceId?: string;
  spanId?: string;
  sessionId?: string;
  /** Give the same id to replace a score. Default: a new one. */
  id?: string;
}

/**
 * Records a judgement on the current span, or on the trace, span or session that is named.
 *
 * @example
 * score({ name: "helpful", value: true, traceId });
 */
export function score(options: ScoreOptions): void {
  const runtime = activeRuntime();
  if (runtime !== null) guard(() => emitScore(runtime, options), undefined);
}

function emitScore(runtime: Runtime, options: ScoreOptions): void {
  const isNamed = options.traceId !== undefined || options.spanId !== undefined || options.sessionId !== undefined;
  const span = currentSpan();
  const idOf = (id: unknown): string | undefined =>
    id === undefined || id === null ? undefined : clean(runtime, id as string);
  const traceId = isNamed ? idOf(options.traceId) : currentTraceId();
  const spanId = isNamed ? idOf(options.spanId) : span?.spanId;
  const sessionId = idOf(options.sessionId);
  const { value, comment, metadata } = options;
  if (!isValue(value)) throw new TypeError("score() takes a finite number, a string or a boolean as its value");
  // The trace that goes on here says whether it is sampled; of one that is named by its id alone nobody knows.
  const current = (contextSpan(runtime) as Partial<NonRecordingSpan> | undefined)?.trace;
  const trace = current !== undefined && current.traceId === traceId ? current : { info: runtime.traceDefaults };
  const record: ScoreRecord = {
    record: "score",
    schema: SCHEMA_VERSION,
    id: idOf(options.id) ?? uuid(),
    seq: 0,
    ...(traceId !== undefined && { traceId }),
    ...(spanId !== undefined && { spanId }),
    ...(sessionId !== undefined && { sessionId }),
    time: toNanos(runtime.clock.epochMs()),
    name: clean(runtime, options.name),
    value: typeof value === "string" ? runtime.capture.text(value) : typeof value === "number" ? value + 0 : value,
    dataType: typeof value === "number" ? "NUMERIC" : typeof value === "boolean" ? "BOOLEAN" : "CATEGORICAL",
    ...(comment !== undefined && { comment: runtime.capture.text(String(comment)) }),
    ...(metadata && { metadata: runtime.capture.value(metadata, "metadata").value as JsonObject }),
    trace: trace.info,
  };
  runtime.emit({ record, trace, bytes: 600 });
}

function isValue(value: unknown): boolean {
  return typeof value === "number" ? Number.isFinite(value) : typeof value === "string" || typeof value === "boolean";
}
