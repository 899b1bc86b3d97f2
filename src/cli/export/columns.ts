import type { SpanRecord } from "../../core/record.ts";
import { totalUsd } from "../../core/usd.ts";
import { spanRow } from "../../store/span-row.ts";

type Kind = "text" | "time" | "integer" | "number" | "flag" | "json";

interface SpanColumn {
  readonly name: string;
  readonly kind: Kind;
  /** Times in microseconds. */
  readonly of: (span: SpanRecord, row: ReturnType<typeof spanRow>) => string | number | boolean | undefined;
}

const json = (value: unknown): string | undefined =>
  value === undefined ? undefined : typeof value === "string" ? value : JSON.stringify(value);

/** A span as a row of a table, in CSV and in Parquet alike. */
export const SPAN_COLUMNS: readonly SpanColumn[] = [
  { name: "trace_id", kind: "text", of: (span) => span.traceId },
  { name: "span_id", kind: "text", of: (span) => span.spanId },
  { name: "parent_span_id", kind: "text", of: (span) => span.parentSpanId },
  { name: "trace_name", kind: "text", of: (span) => span.trace.name },
  { name: "name", kind: "text", of: (span) => span.name },
  { name: "type", kind: "text", of: (span) => span.type },
  { name: "status", kind: "text", of: (span) => span.status.code },
  { name: "started", kind: "time", of: (_, row) => row.startUs },
  { name: "duration_ms", kind: "number", of: (_, row) => row.durationNs / 1e6 },
  {
    name: "first_chunk_ms",
    kind: "number",
    of: (_, { firstChunkNs: ns }) => (ns === undefined ? undefined : ns / 1e6),
  },
  { name: "unfinished", kind: "flag", of: (span) => span.unfinished ?? false },
  { name: "provider", kind: "text", of: (_, row) => row.provider },
  { name: "model", kind: "text", of: (_, row) => row.model },
  { name: "input_tokens", kind: "integer", of: (_, row) => row.inputTokens },
  { name: "output_tokens", kind: "integer", of: (_, row) => row.outputTokens },
  { name: "cost_usd", kind: "number", of: (span) => totalUsd(span.cost) },
  { name: "error_type", kind: "text", of: (_, row) => row.errorType },
  { name: "error_message", kind: "text", of: (span) => span.error?.message ?? span.status.message },
  { name: "http_status", kind: "integer", of: (_, row) => row.httpStatus },
  { name: "user_id", kind: "text", of: (span) => span.trace.userId },
  { name: "session_id", kind: "text", of: (span) => span.trace.sessionId },
  { name: "feature", kind: "text", of: (span) => span.trace.feature },
  { name: "team", kind: "text", of: (span) => span.trace.team },
  { name: "environment", kind: "text", of: (span) => span.trace.environment },
  { name: "release", kind: "text", of: (span) => span.trace.release },
  { name: "tags", kind: "text", of: (span) => span.trace.tags?.join(" ") },
  { name: "metadata", kind: "json", of: (span) => json(span.trace.metadata) },
  { name: "input", kind: "json", of: (span) => json(span.input) },
  { name: "output", kind: "json", of: (span) => json(span.output) },
];

export function cellsOf(span: SpanRecord): (string | number | boolean | undefined)[] {
  const row = spanRow(span);
  return SPAN_COLUMNS.map(({ of }) => of(span, row));
}
