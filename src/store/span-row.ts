import type { SpanRecord } from "../core/record.ts";
import { preview } from "./preview.ts";
import type { SpanRow } from "./trace-store.ts";

const ERROR_CHARACTERS = 200;

/** The record without what only a single span's page shows. Keys that are unknown are left out. */
export function spanRow(record: SpanRecord): SpanRow {
  const { genAi, usage, error, http } = record;
  const start = BigInt(record.startTime);
  const row: { -readonly [key in keyof SpanRow]: SpanRow[key] } = {
    traceId: record.traceId,
    spanId: record.spanId,
    seq: record.seq,
    name: record.name,
    type: record.type,
    status: record.status.code,
    level: record.level,
    startUs: Number(start / 1_000n),
    durationNs: Math.max(0, Number(BigInt(record.endTime) - start)),
  };
  if (record.parentSpanId !== undefined && !record.parentIsExternal) row.parentSpanId = record.parentSpanId;
  if (record.firstChunkTime !== undefined) row.firstChunkNs = Number(BigInt(record.firstChunkTime) - start);
  if (record.unfinished) row.unfinished = true;
  const model = genAi?.responseModel ?? genAi?.requestModel;
  if (model !== undefined) row.model = model;
  if (genAi?.provider !== undefined) row.provider = genAi.provider;
  if (usage?.inputTokens !== undefined) row.inputTokens = usage.inputTokens;
  if (usage?.outputTokens !== undefined) row.outputTokens = usage.outputTokens;
  if (usage?.cacheReadInputTokens !== undefined) row.cacheReadTokens = usage.cacheReadInputTokens;
  if (usage?.reasoningOutputTokens !== undefined) row.reasoningTokens = usage.reasoningOutputTokens;
  if (record.cost?.total !== undefined) row.costUsd = record.cost.total;
  if (error !== undefined) row.errorType = error.type;
  const message = error?.message ?? record.status.message;
  if (message) row.errorMessage = message.slice(0, ERROR_CHARACTERS);
  const status = error?.status ?? http?.status;
  if (status !== undefined) row.httpStatus = status;
  const input = preview(record.input);
  if (input !== undefined) row.inputPreview = input;
  const output = preview(record.output);
  if (output !== undefined) row.outputPreview = output;
  if (record.input !== undefined) row.inputSize = JSON.stringify(record.input).length;
  if (record.output !== undefined) row.outputSize = JSON.stringify(record.output).length;
  return row;
}
