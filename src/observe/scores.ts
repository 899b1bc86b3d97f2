import { type TimeInput, toEpochMs, toNanos } from "../core/clock.ts";
import { contextSpan } from "../core/context.ts";
import { guard } from "../core/guard.ts";
import { uuid } from "../core/ids.ts";
import type { NonRecordingSpan } from "../core/non-recording-span.ts";
import { type JsonObject, SCHEMA_VERSION, type ScoreRecord } from "../core/record.ts";
import { clean } from "../core/recording-span.ts";
import { activeRuntime, perRuntime, type Runtime } from "../core/runtime.ts";
import { currentSpan, currentTraceId } from "./manual.ts";

export interface ScoreOptions {
  name: string;
  /** A number, a category, a text, or yes and no. */
  value: number | string | boolean;
  /**
   * What a string is: `CATEGORICAL`, one of a few words, which is the default, or `TEXT`, free words. A number is
   * `NUMERIC` and a boolean `BOOLEAN` whatever is said here, but for 0 and 1 with `BOOLEAN`, which are no and yes.
   */
  dataType?: ScoreRecord["dataType"];
  comment?: string;
  metadata?: Record<string, unknown>;
  /** What is judged: a span at hand, or the ids that `generation` and `event` give back. */
  span?: { readonly traceId: string; readonly spanId: string };
  /** Or by ids, at any time later; where they are given and empty nothing is judged. Default: the current span and its trace. */
  traceId?: string | undefined;
  /** A span of the trace `traceId`, or of the current trace. */
  spanId?: string | undefined;
  /** Alone, a whole session is judged. */
  sessionId?: string | undefined;
  /** Give the same id to replace a score, from whichever process. Default: a new one. */
  id?: string;
  /** When it was judged. Default: now. */
  time?: TimeInput;
}

/**
 * Records a judgement on the current span, on a span at hand, or on the trace, span or session that is named by its id;
 * at once or days later, also by another process. Outside of all these there is nothing to judge, and nothing happens.
 *
 * @example
 * score({ name: "helpful", value: true, traceId });
 * const answered = generation({ model: "gpt-4.1", input: question, output: answer });
 * score({ name: "correct", value: 0.9, comment: "one sign is wrong", span: answered });
 */
export function score(options: ScoreOptions): void {
  const runtime = activeRuntime();
  if (runtime !== null) guard(() => emitScore(runtime, options), undefined);
}

interface Target {
  readonly traceId?: string | undefined;
  readonly spanId?: string | undefined;
  readonly sessionId?: string | undefined;
}

function emitScore(runtime: Runtime, options: ScoreOptions): void {
  const { comment, metadata, time } = options;
  // By its fields and not by its class: a span may be another loaded copy's.
  const context = contextSpan(runtime) as Partial<NonRecordingSpan> | undefined;
  if (context?.reason === "suppressed") return;
  const target = targetOf(runtime, options, context);
  if (target === undefined) return;
  const { traceId, spanId, sessionId } = target;
  if (traceId === undefined && sessionId === undefined) {
    throw new TypeError("score() takes a traceId, a sessionId or a span where no span is current");
  }
  const name = nameOf(runtime, options.name);
  const { value, dataType } = typed(runtime, options);
  const id = idOf(runtime, options.id);
  const text = comment === undefined || comment === null ? undefined : runtime.capture.text(String(comment));
  const captured = isPlain(metadata) ? runtime.capture.value(metadata, "metadata") : undefined;
  // The trace that goes on here, or the span's own, says whether it is sampled; of one that is named by its id nobody knows.
  const known = [(options.span as Partial<NonRecordingSpan> | undefined)?.trace, context?.trace];
  const trace = known.find((one) => one !== undefined && one.traceId === traceId) ?? { info: runtime.traceDefaults };
  const record: ScoreRecord = {
    record: "score",
    schema: SCHEMA_VERSION,
    id: id ?? uuid(),
    seq: id === undefined ? 0 : nextSeq(runtime),
    ...(traceId !== undefined && { traceId }),
    ...(spanId !== undefined && { spanId }),
    ...(sessionId !== undefined && { sessionId }),
    time: toNanos(toEpochMs(time) ?? runtime.clock.epochMs()),
    name,
    value,
    dataType,
    ...(text !== undefined && { comment: text }),
    ...(captured && { metadata: captured.value as JsonObject }),
    trace: trace.info,
  };
  const texts = (text?.length ?? 0) + (typeof value === "string" ? value.length : 0);
  runtime.emit({ record, trace, bytes: RECORD_BYTES + 2 * texts + (captured?.bytes ?? 0) });
}

/** What is judged; `undefined` for a span that is no one's, such as one that was started while tracing was off. */
function targetOf(
  runtime: Runtime,
  options: ScoreOptions,
  context: Partial<NonRecordingSpan> | undefined,
): Target | undefined {
  const { span } = options;
  if (span !== undefined && span !== null) {
    const { traceId, spanId } = span;
    return isNobody(traceId) ? undefined : { traceId: idOf(runtime, traceId), spanId: idOf(runtime, spanId) };
  }
  const traceId = idOf(runtime, options.traceId);
  const spanId = idOf(runtime, options.spanId);
  const sessionId = idOf(runtime, options.sessionId);
  if (isNobody(traceId)) return undefined;
  if (spanId !== undefined) return { traceId: traceId ?? currentTraceId(), spanId, sessionId };
  if (traceId !== undefined || sessionId !== undefined) return { traceId, sessionId };
  // Meant for something that is not known, and not for whatever is going on here: a click on an answer without ids.
  if ("traceId" in options || "spanId" in options || "sessionId" in options) return {};
  if (context?.reason === "seed") return { sessionId: context.info?.sessionId };
  const current = currentSpan();
  return { traceId: current?.traceId ?? currentTraceId(), spanId: current?.spanId };
}

/** Estimated heap bytes of a score without its texts. */
const RECORD_BYTES = 600;

/** `null` and an empty id are none, as where a variable was never set. */
function idOf(runtime: Runtime, id: unknown): string | undefined {
  return id === undefined || id === null || id === "" ? undefined : clean(runtime, id);
}

function nameOf(runtime: Runtime, name: unknown): string {
  if (typeof name !== "string" || name.trim() === "") throw new TypeError("score() takes a name");
  return clean(runtime, name);
}

/** The id of a span that stands for none: tracing was off when it was started. */
function isNobody(traceId: unknown): boolean {
  return typeof traceId === "string" && /^0+$/.test(traceId);
}

function isPlain(metadata: unknown): boolean {
  return typeof metadata === "object" && metadata !== null && !Array.isArray(metadata);
}

function typed(runtime: Runtime, { value, dataType }: ScoreOptions): Pick<ScoreRecord, "value" | "dataType"> {
  if (typeof value === "boolean") return { value, dataType: "BOOLEAN" };
  if (typeof value === "string") {
    return { value: runtime.capture.text(value), dataType: dataType === "TEXT" ? "TEXT" : "CATEGORICAL" };
  }
  if (!Number.isFinite(value)) {
    throw new TypeError("score() takes a finite number, a string or a boolean as its value");
  }
  if (dataType === "BOOLEAN" && (value === 0 || value === 1)) return { value: value === 1, dataType };
  // -0 would come back from JSON as another number.
  return { value: value + 0, dataType: "NUMERIC" };
}

/**
 * Of two scores with one id readers take the one with the higher `seq`. Milliseconds since 1970: nobody knows how often
 * another process has said it.
 */
function nextSeq(runtime: Runtime): number {
  const last = perRuntime(runtime, "score.seq", () => ({ seq: 0 }));
  last.seq = Math.max(Math.floor(runtime.clock.epochMs()), last.seq + 1);
  return last.seq;
}
