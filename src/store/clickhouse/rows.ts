import { encode, type FindingRecord, type ScoreRecord, type SpanRecord } from "../../core/record.ts";
import { plainText } from "../plain-text.ts";
import { microseconds, spanRow } from "../span-row.ts";
import { rootKind } from "../summarize.ts";
import { metadataTexts, type TraceFacts, traceFacts } from "../trace-facts.ts";
import type { SpanRow } from "../trace-store.ts";
import type { Row } from "./tab-separated.ts";
import { textColumns } from "./text-columns.ts";

const DAY_US = 86_400_000_000;
/** 2149-06-06, the last that a `Date` holds. */
const LAST_DAY = 65_535;

/** Days since 1970, the number that a `Date` is kept as. */
export function dayOf(us: number): number {
  return Math.min(LAST_DAY, Math.max(0, Math.floor(us / DAY_US)));
}

let lastDate = { day: 0, text: "1970-01-01" };

/** The same as text, `2026-11-22`. Most are that of the one before. */
function dateText(day: number): string {
  if (day !== lastDate.day) lastDate = { day, text: new Date(day * (DAY_US / 1_000)).toISOString().slice(0, 10) };
  return lastDate.text;
}

export const FACT_COLUMNS: readonly string[] =
  "trace_name user_id session_id feature team environment release tags metadata meta".split(" ");

export const SPAN_COLUMNS: readonly string[] = [
  ..."project trace_id span_id version is_moved day start_us duration_ns first_chunk_ns parent_span_id root".split(" "),
  ..."name type status level is_unfinished model provider input_tokens output_tokens cache_read_tokens".split(" "),
  ..."reasoning_tokens cost_usd error_type error_message http_status input_preview output_preview".split(" "),
  ..."input_size output_size".split(" "),
  ...FACT_COLUMNS,
];
export const PAYLOAD_COLUMNS: readonly string[] = "project trace_id span_id version day texts doc".split(" ");
export const SCORE_COLUMNS: readonly string[] =
  "project id version trace_id time_us name value feature team user_id environment line".split(" ");
export const FINDING_COLUMNS: readonly string[] = "project id version trace_id time_us name severity line".split(" ");

/** Twice the `seq`, plus one, exactly, also above 2^52. */
function versionOf(seq: number): number | string {
  return seq < 2 ** 51 ? seq * 2 + 1 : String(BigInt(Math.trunc(seq)) * 2n + 1n);
}

export function spanValues(record: SpanRecord, project: string): { span: Row; payload: Row } {
  const row = spanRow(record);
  const version = versionOf(record.seq);
  const day = dateText(dayOf(row.startUs));
  const traceId = plainText(record.traceId);
  const spanId = plainText(record.spanId);
  const { texts, words, line } = textColumns(record);
  return {
    span: [
      ...[project, traceId, spanId, version, 0, day, row.startUs, row.durationNs, row.firstChunkNs ?? null],
      ...[row.parentSpanId ?? "", rootKind(record) ?? "", row.name, row.type, row.status, row.level],
      ...[row.unfinished ? 1 : 0, row.model ?? "", row.provider ?? "", row.inputTokens ?? null],
      ...[row.outputTokens ?? null, row.cacheReadTokens ?? null, row.reasoningTokens ?? null, row.costUsd ?? null],
      ...[row.errorType ?? "", row.errorMessage ?? "", row.httpStatus ?? null, row.inputPreview ?? ""],
      ...[row.outputPreview ?? "", row.inputSize ?? null, row.outputSize ?? null],
      ...factValues(traceFacts(record)),
    ],
    payload: [project, traceId, spanId, version, day, texts, `${words}\n${line}`],
  };
}

const NONE: ReadonlyMap<string, string> = new Map();

function factValues(facts: TraceFacts): Row {
  const { name = "", userId = "", sessionId = "", feature = "", team = "", environment = "", release = "" } = facts;
  const texts = [name, userId, sessionId, feature, team, environment, release];
  const { tags = [], metadata } = facts;
  if (metadata === undefined) return [...texts, tags, "", NONE];
  return [...texts, tags, JSON.stringify(metadata), new Map(metadataTexts(metadata))];
}

export function scoreValues(record: ScoreRecord, project: string): Row {
  const { feature = "", team = "", userId = "", environment = "" } = traceFacts(record);
  const value = typeof record.value === "boolean" ? Number(record.value) : record.value;
  return [
    ...[project, plainText(record.id), versionOf(record.seq), plainText(record.traceId ?? "")],
    ...[microseconds(record.time), plainText(record.name), typeof value === "number" ? value : null],
    ...[feature, team, userId, environment, encode(record)],
  ];
}

export function findingValues(record: FindingRecord, project: string): Row {
  return [
    ...[project, plainText(record.id), versionOf(record.seq), plainText(record.traceId ?? "")],
    ...[microseconds(record.time), plainText(record.name), record.severity, encode(record)],
  ];
}

/** What a span is read by, and `spanRowOf` makes a row of. */
export const ROW_COLUMNS: string = SPAN_COLUMNS.slice(
  SPAN_COLUMNS.indexOf("start_us"),
  SPAN_COLUMNS.indexOf("trace_name"),
)
  .concat("trace_id", "span_id", "intDiv(version, 2) AS seq")
  .join(", ");

export function spanRowOf(stored: any): SpanRow {
  const row: any = { traceId: stored.trace_id, spanId: stored.span_id };
  if (stored.parent_span_id !== "") row.parentSpanId = stored.parent_span_id;
  row.seq = Number(stored.seq);
  row.name = stored.name;
  row.type = stored.type;
  row.status = stored.status;
  row.level = stored.level;
  row.startUs = stored.start_us;
  row.durationNs = stored.duration_ns;
  if (stored.first_chunk_ns !== null) row.firstChunkNs = stored.first_chunk_ns;
  if (stored.is_unfinished) row.unfinished = true;
  for (const [key, column] of TEXTS) if (stored[column] !== "") row[key] = stored[column];
  for (const [key, column] of FIGURES) if (stored[column] !== null) row[key] = stored[column];
  return row;
}

const TEXTS = [
  ["model", "model"],
  ["provider", "provider"],
  ["errorType", "error_type"],
  ["errorMessage", "error_message"],
  ["inputPreview", "input_preview"],
  ["outputPreview", "output_preview"],
] as const;
const FIGURES = [
  ["inputTokens", "input_tokens"],
  ["outputTokens", "output_tokens"],
  ["cacheReadTokens", "cache_read_tokens"],
  ["reasoningTokens", "reasoning_tokens"],
  ["costUsd", "cost_usd"],
  ["httpStatus", "http_status"],
  ["inputSize", "input_size"],
  ["outputSize", "output_size"],
] as const;
