import type { RootKind } from "../summarize.ts";
import type { SpanRow } from "../trace-store.ts";
import type { Previews } from "./chunk.ts";
import type { Value } from "./driver.ts";
import type { Dim } from "./vocabulary.ts";

const COLUMNS = [
  ..."id trace project span_id parent_span_id root seq dim user start_us duration_ns first_chunk_ns".split(" "),
  ..."unfinished level input_tokens output_tokens cache_read_tokens reasoning_tokens cost_usd http_status".split(" "),
  ..."error_message input_size output_size".split(" "),
];

export const INSERT_SPAN: string = `INSERT INTO span_rows (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})`;

/** Where a span belongs: the numbers of its trace, project, dim and user. */
export interface Belongs {
  readonly id: number;
  readonly trace: number;
  readonly project: number;
  readonly dim: number;
  readonly user: number | null;
}

export function spanValues(row: SpanRow, root: RootKind | undefined, belongs: Belongs): Value[] {
  return [
    belongs.id,
    belongs.trace,
    belongs.project,
    row.spanId,
    row.parentSpanId ?? null,
    root ?? null,
    row.seq,
    belongs.dim,
    belongs.user,
    row.startUs,
    row.durationNs,
    row.firstChunkNs ?? null,
    row.unfinished ? 1 : null,
    row.level === "DEFAULT" ? null : row.level,
    row.inputTokens ?? null,
    row.outputTokens ?? null,
    row.cacheReadTokens ?? null,
    row.reasoningTokens ?? null,
    row.costUsd ?? null,
    row.httpStatus ?? null,
    row.errorMessage ?? null,
    row.inputSize ?? null,
    row.outputSize ?? null,
  ];
}

export function dimOf(row: SpanRow, facts: { feature?: string; team?: string; environment?: string }): Dim {
  const { name, type, model = "", provider = "", status, errorType = "" } = row;
  const { feature = "", team = "", environment = "" } = facts;
  return [name, type, model, provider, feature, team, environment, status, errorType];
}

/** What a row of `span_rows` joined with its dim is read by. */
export const SPAN_COLUMNS: string = `s.*, d.name, d.type, d.model, d.provider, d.status, d.error_type`;

export function spanRowOf(stored: any, traceId: string, previews: Previews = [null, null]): SpanRow {
  const row: any = { traceId, spanId: stored.span_id };
  if (stored.parent_span_id !== null) row.parentSpanId = stored.parent_span_id;
  row.seq = stored.seq;
  row.name = stored.name;
  row.type = stored.type;
  row.status = stored.status;
  row.level = stored.level ?? "DEFAULT";
  row.startUs = stored.start_us;
  row.durationNs = stored.duration_ns;
  if (stored.first_chunk_ns !== null) row.firstChunkNs = stored.first_chunk_ns;
  if (stored.unfinished !== null) row.unfinished = true;
  if (stored.model !== "") row.model = stored.model;
  if (stored.provider !== "") row.provider = stored.provider;
  if (stored.input_tokens !== null) row.inputTokens = stored.input_tokens;
  if (stored.output_tokens !== null) row.outputTokens = stored.output_tokens;
  if (stored.cache_read_tokens !== null) row.cacheReadTokens = stored.cache_read_tokens;
  if (stored.reasoning_tokens !== null) row.reasoningTokens = stored.reasoning_tokens;
  if (stored.cost_usd !== null) row.costUsd = stored.cost_usd;
  if (stored.error_type !== "") row.errorType = stored.error_type;
  if (stored.error_message !== null) row.errorMessage = stored.error_message;
  if (stored.http_status !== null) row.httpStatus = stored.http_status;
  const [input, output] = previews;
  if (input !== null) row.inputPreview = input;
  if (output !== null) row.outputPreview = output;
  if (stored.input_size !== null) row.inputSize = stored.input_size;
  if (stored.output_size !== null) row.outputSize = stored.output_size;
  return row;
}
