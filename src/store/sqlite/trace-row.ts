import { compareText } from "../plain-text.ts";
import type { RootKind } from "../summarize.ts";
import type { TraceFacts } from "../trace-facts.ts";
import type { SpanRow, TraceSummary } from "../trace-store.ts";
import { isUnpriced } from "../unpriced.ts";
import type { Value } from "./driver.ts";

/**
 * A trace as its row has it: what a list shows, and what is needed to take in one more span without looking at those
 * before. `lead`: the root, or the earliest span. `last`: the span that has the last word on the trace.
 */
export interface TraceRow {
  id: number;
  readonly project: number;
  readonly trace_id: string;
  name: string;
  start_us: number;
  duration_ns: number;
  status: string;
  root: RootKind | null;
  spans: number;
  errors: number;
  models: string[];
  input_tokens: number | null;
  output_tokens: number | null;
  cost_usd: number | null;
  unpriced: number;
  user_id: string | null;
  session_id: string | null;
  feature: string | null;
  team: string | null;
  environment: string | null;
  release: string | null;
  tags: string[] | null;
  metadata: TraceFacts["metadata"] | null;
  findings: number;
  worst_finding: string | null;
  finding_names: string[];
  input_preview: string | null;
  output_preview: string | null;
  own_name: string | null;
  lead_us: number;
  lead_span: string;
  lead_name: string;
  root_errors: number;
  root_open: number;
  last_us: number;
  last_ns: number;
  last_seq: number;
  last_span: string;
  /** Ascending. */
  terms: number[];
}

const COLUMNS = [
  ..."project trace_id name start_us duration_ns status root spans errors models input_tokens output_tokens".split(" "),
  ..."cost_usd unpriced user_id session_id feature team environment release tags metadata findings".split(" "),
  ..."worst_finding finding_names input_preview output_preview own_name lead_us lead_span lead_name".split(" "),
  ..."root_errors root_open last_us last_ns last_seq last_span terms".split(" "),
] as (keyof TraceRow)[];
const LISTS = ["models", "tags", "metadata", "finding_names", "terms"] as const;

export const INSERT_TRACE: string = `INSERT INTO traces (${COLUMNS.join(", ")}) VALUES (${COLUMNS.map(() => "?").join(", ")})`;
/** The project and the id of a trace stay. */
export const UPDATE_TRACE: string = `UPDATE traces SET ${COLUMNS.slice(2)
  .map((name) => `${name} = ?`)
  .join(", ")} WHERE id = ?`;

export function traceValues(trace: TraceRow): Value[] {
  return COLUMNS.map((name) => {
    const value = trace[name] ?? null;
    return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
  });
}

/** Of what the database gave. */
export function traceRow(stored: any): TraceRow {
  for (const name of LISTS) if (stored[name] !== null) stored[name] = JSON.parse(stored[name]);
  return stored;
}

/** A span as a trace takes it in. */
export interface SpanOfTrace {
  readonly row: SpanRow;
  readonly root: RootKind | undefined;
  /** Not known where it is read back: only the newest's are needed then. */
  readonly facts?: TraceFacts;
}

export function newTrace(project: number, traceId: string): TraceRow {
  return Object.assign(
    { id: 0, project, trace_id: traceId, terms: [], findings: 0, worst_finding: null, finding_names: [] },
    noSpans(),
  );
}

/** One literal: put together of several, V8 takes 140 µs for so many fields instead of 5. */
const noSpans = () => ({
  name: "",
  start_us: 0,
  duration_ns: 0,
  status: "ok",
  root: null,
  spans: 0,
  errors: 0,
  models: [],
  input_tokens: null,
  output_tokens: null,
  cost_usd: null,
  unpriced: 0,
  user_id: null,
  session_id: null,
  feature: null,
  team: null,
  environment: null,
  release: null,
  tags: null,
  metadata: null,
  input_preview: null,
  output_preview: null,
  own_name: null,
  lead_us: 0,
  lead_span: "",
  lead_name: "",
  root_errors: 0,
  root_open: 0,
  last_us: 0,
  last_ns: 0,
  last_seq: 0,
  last_span: "",
});

/** As if no span had come yet; findings and terms stay. */
export function clearSpans(trace: TraceRow): void {
  Object.assign(trace, noSpans());
}

const RANK = { local: 2, remote: 1 };

/** Takes the span in: it is not in the trace yet. The same answers as `summarize` over all of them. */
export function takeIn(trace: TraceRow, { row, root, facts }: SpanOfTrace): void {
  const isFirst = trace.spans === 0;
  const endNs = (row.startUs - trace.start_us) * 1_000 + row.durationNs;
  if (isFirst) {
    trace.start_us = row.startUs;
    trace.duration_ns = row.durationNs;
  } else if (row.startUs < trace.start_us) {
    trace.duration_ns = Math.max(trace.duration_ns + (trace.start_us - row.startUs) * 1_000, row.durationNs);
    trace.start_us = row.startUs;
  } else if (endNs > trace.duration_ns) trace.duration_ns = endNs;

  lead(trace, row, root, isFirst);
  if (isFirst || isLater(trace, row)) {
    trace.last_us = row.startUs;
    trace.last_ns = row.durationNs;
    trace.last_seq = row.seq;
    trace.last_span = row.spanId;
    if (facts) learn(trace, facts);
  }
  trace.spans += 1;
  if (row.status === "error") trace.errors += 1;
  if (row.inputTokens !== undefined) trace.input_tokens = (trace.input_tokens ?? 0) + row.inputTokens;
  if (row.outputTokens !== undefined) trace.output_tokens = (trace.output_tokens ?? 0) + row.outputTokens;
  if (row.costUsd !== undefined) trace.cost_usd = (trace.cost_usd ?? 0) + row.costUsd;
  else if (isUnpriced(row)) trace.unpriced += 1;
  if (row.model !== undefined && !trace.models.includes(row.model)) {
    trace.models = [...trace.models, row.model].sort(compareText);
  }
}

/** What the trace's newest record says of it. */
export function learn(trace: TraceRow, facts: TraceFacts): void {
  trace.own_name = facts.name ?? null;
  trace.user_id = facts.userId ?? null;
  trace.session_id = facts.sessionId ?? null;
  trace.feature = facts.feature ?? null;
  trace.team = facts.team ?? null;
  trace.environment = facts.environment ?? null;
  trace.release = facts.release ?? null;
  trace.tags = facts.tags ? [...facts.tags] : null;
  trace.metadata = facts.metadata ?? null;
}

/** Name and status follow from the rest. */
export function conclude(trace: TraceRow): void {
  trace.name = trace.own_name ?? trace.lead_name;
  const errors = trace.root === null ? trace.errors : trace.root_errors;
  trace.status = trace.root_open > 0 ? "open" : errors > 0 ? "error" : "ok";
}

function lead(trace: TraceRow, row: SpanRow, root: RootKind | undefined, isFirst: boolean): void {
  const [rank, known] = [root ? RANK[root] : 0, trace.root ? RANK[trace.root] : 0];
  if (rank < known) return;
  if (rank > known) {
    trace.root = root ?? null;
    trace.root_errors = 0;
    trace.root_open = 0;
  }
  if (root) {
    if (row.status === "error") trace.root_errors += 1;
    if (row.unfinished) trace.root_open += 1;
  }
  const order = row.startUs - trace.lead_us || compareText(row.spanId, trace.lead_span);
  if (!isFirst && rank === known && order > 0) return;
  trace.lead_us = row.startUs;
  trace.lead_span = row.spanId;
  trace.lead_name = row.name;
  trace.input_preview = row.inputPreview ?? null;
  trace.output_preview = row.outputPreview ?? null;
}

function isLater(trace: TraceRow, row: SpanRow): boolean {
  const later = (row.startUs - trace.last_us) * 1_000 + (row.durationNs - trace.last_ns);
  return (later || row.seq - trace.last_seq || compareText(row.spanId, trace.last_span)) > 0;
}

/** What a list selects of `traces`. */
export const SUMMARY_COLUMNS: string = [
  ..."trace_id name start_us duration_ns status root spans errors models input_tokens output_tokens cost_usd".split(
    " ",
  ),
  ..."unpriced user_id session_id feature team environment release tags findings worst_finding".split(" "),
  ..."input_preview output_preview".split(" "),
]
  .map((name) => `t.${name}`)
  .join(", ");

export function summaryOf(row: any): TraceSummary {
  const summary: any = {
    traceId: row.trace_id,
    name: row.name,
    startUs: row.start_us,
    durationNs: row.duration_ns,
    status: row.status,
  };
  if (row.root === null) summary.isRootMissing = true;
  summary.spans = row.spans;
  summary.errors = row.errors;
  summary.models = JSON.parse(row.models);
  if (row.input_tokens !== null) summary.inputTokens = row.input_tokens;
  if (row.output_tokens !== null) summary.outputTokens = row.output_tokens;
  if (row.cost_usd !== null) summary.costUsd = row.cost_usd;
  if (row.unpriced > 0) summary.unpriced = row.unpriced;
  if (row.user_id !== null) summary.userId = row.user_id;
  if (row.session_id !== null) summary.sessionId = row.session_id;
  for (const key of ["feature", "team", "environment", "release"]) if (row[key] !== null) summary[key] = row[key];
  if (row.tags !== null) summary.tags = JSON.parse(row.tags);
  if (row.findings > 0) summary.findings = { count: row.findings, worst: row.worst_finding };
  if (row.input_preview !== null) summary.inputPreview = row.input_preview;
  if (row.output_preview !== null) summary.outputPreview = row.output_preview;
  return summary;
}
