import type { Json } from "../core/json.ts";
import type { SpanRecord } from "../core/record.ts";
import { jsonLength } from "./json-length.ts";
import { plainText, plainTextOf } from "./plain-text.ts";
import { preview } from "./preview.ts";
import type { SpanRow } from "./trace-store.ts";

const ERROR_CHARACTERS = 200;
const HALF_PAIR = /[\uD800-\uDBFF]$/;

/** Characters of the payloads' JSON, from whoever has encoded them anyway. */
export interface PayloadSizes {
  readonly input?: number;
  readonly output?: number;
}

/**
 * The record without what only a single span's page shows. Keys that are unknown are left out, as is what a foreign
 * record has under a name of ours and in another type. Texts are as `plainText` has them.
 */
export function spanRow(record: SpanRecord, sizes: PayloadSizes = {}): SpanRow {
  const { genAi, usage, error, http } = record;
  const row: { -readonly [key in keyof SpanRow]: SpanRow[key] } = {
    traceId: record.traceId,
    spanId: record.spanId,
    seq: record.seq,
    name: plainText(record.name),
    type: record.type,
    status: record.status.code,
    level: record.level,
    startUs: microseconds(record.startTime),
    durationNs: Math.max(0, nanosBetween(record.startTime, record.endTime)),
  };
  if (record.parentSpanId && !record.parentIsExternal) row.parentSpanId = record.parentSpanId;
  if (record.firstChunkTime !== undefined) {
    row.firstChunkNs = Math.max(0, nanosBetween(record.startTime, record.firstChunkTime));
  }
  if (record.unfinished) row.unfinished = true;
  if (genAi) {
    set(row, "model", plainTextOf(genAi.responseModel) ?? plainTextOf(genAi.requestModel));
    set(row, "provider", plainTextOf(genAi.provider));
  }
  if (usage) {
    set(row, "inputTokens", countOf(usage.inputTokens));
    set(row, "outputTokens", countOf(usage.outputTokens));
    set(row, "cacheReadTokens", countOf(usage.cacheReadInputTokens));
    set(row, "reasoningTokens", countOf(usage.reasoningOutputTokens));
  }
  const cost = record.cost?.total;
  if (Number.isFinite(cost)) row.costUsd = cost as number;
  if (error) set(row, "errorType", plainTextOf(error.type));
  const message = plainTextOf(error?.message ?? record.status.message);
  if (message !== undefined) row.errorMessage = head(message);
  set(row, "httpStatus", countOf(error?.status ?? http?.status));
  set(row, "inputPreview", preview(record.input));
  set(row, "outputPreview", preview(record.output));
  set(row, "inputSize", sizes.input ?? sizeOf(record.input));
  set(row, "outputSize", sizes.output ?? sizeOf(record.output));
  return row;
}

type Building = { -readonly [key in keyof SpanRow]: SpanRow[key] };

function set<K extends keyof SpanRow>(row: Building, key: K, value: SpanRow[K] | undefined): void {
  if (value !== undefined) row[key] = value;
}

/** The first characters, without half a surrogate pair at the cut. */
function head(text: string): string {
  return text.length <= ERROR_CHARACTERS ? text : text.slice(0, ERROR_CHARACTERS).replace(HALF_PAIR, "");
}

/** A whole number that is not negative; of a fraction the nearest. */
function countOf(value: unknown): number | undefined {
  if (typeof value !== "number" || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) return undefined;
  return Math.round(value);
}

function sizeOf(payload: Json | undefined): number | undefined {
  return payload === undefined ? undefined : jsonLength(payload);
}

/** Nanoseconds since 1970 as text, in whole microseconds. 0 for what is no such text. */
export function microseconds(nanos: string): number {
  const us = isNanos(nanos) ? Number(nanos.slice(0, -3)) : 0;
  return Number.isSafeInteger(us) ? us : 0;
}

/** From one time to another, exact as long as they are less than 104 days apart. */
function nanosBetween(start: string, end: string): number {
  const from = microseconds(start);
  const to = microseconds(end);
  return (to - from) * 1_000 + below(end, to) - below(start, from);
}

/** What microseconds leave of a time. */
function below(nanos: string, us: number): number {
  return us === 0 && !isNanos(nanos) ? 0 : Number(nanos.slice(-3));
}

const DIGITS = /^\d{1,19}$/;

function isNanos(text: unknown): text is string {
  return typeof text === "string" && DIGITS.test(text);
}
