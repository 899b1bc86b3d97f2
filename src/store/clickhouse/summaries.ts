import type { FindingRecord } from "../../core/record.ts";
import type { TraceSummary } from "../trace-store.ts";
import { IS_UNPRICED } from "./conditions.ts";
import type { Database } from "./database.ts";
import { portions } from "./portions.ts";
import { FACT_COLUMNS } from "./rows.ts";

const READ = [
  ..."start_us duration_ns root name status is_unfinished model input_tokens output_tokens".split(" "),
  ..."cost_usd input_preview output_preview input_size output_size".split(" "),
  ...FACT_COLUMNS,
].join(", ");
const FACTS = FACT_COLUMNS.join(", ");
const fact = (column: string): string => `facts.${FACT_COLUMNS.indexOf(column) + 1}`;

const SUMMARY: readonly (readonly [column: string, expression: string])[] = [
  ["project", "{project:String}"],
  ["trace_id", "trace_id"],
  ["version", "seen"],
  ["is_moved", "a_day != live_day"],
  ["day", "a_day"],
  ["start_us", "start"],
  ["newest_us", "newest"],
  ["duration_ns", "end_ns - start * 1000"],
  ["status", "multiIf(open > 0, 'open', failed > 0, 'error', 'ok')"],
  ["is_root_missing", "locals = 0 AND remotes = 0"],
  ["name", `if(${fact("trace_name")} != '', ${fact("trace_name")}, lead.1)`],
  ["spans", "span_count"],
  ["errors", "error_count"],
  ["models", "all_models"],
  ["input_tokens", "sum_input"],
  ["output_tokens", "sum_output"],
  ["cost_usd", "sum_cost"],
  ["unpriced", "unpriced_count"],
  ["bytes", "sum_bytes"],
  ["input_preview", "lead.2"],
  ["output_preview", "lead.3"],
  ...FACT_COLUMNS.map((column) => [column, fact(column)] as const),
];

/** Of the roots that count: local ones, else those of another process, else what is said of all spans. */
const countByRoot = (what: string, none: string): string =>
  `multiIf(locals > 0, countIf(root = 'local' AND ${what}), remotes > 0, countIf(root = 'remote' AND ${what}), ${none})`;

const LEAD = "(name, input_preview, output_preview)";
const IS_ERROR = "status = 'error'";
const END = "(start_us * 1000 + duration_ns)";

/**
 * Summaries of traces out of all the rows that there are, old ones too: whoever has written last has seen everything, and
 * of two writers the one that has seen more has the higher version. The days of all rows of a trace are all days that a
 * summary of it may ever have been put under, so that those which it is no longer under can be told so.
 */
const REFRESH = (
  database: string,
): string => `INSERT INTO ${database}.trace_rows (${SUMMARY.map(([column]) => column).join(", ")})
SELECT ${SUMMARY.map(([, expression]) => expression).join(", ")}
FROM (
  SELECT trace_id, sum(toUInt128(v) + 1) AS seen, any(days) AS all_days, min(live) AS live_day,
    min(start_us) AS start, max(start_us) AS newest, max(${END}) AS end_ns,
    countIf(root = 'local') AS locals, countIf(root = 'remote') AS remotes,
    ${countByRoot("is_unfinished = 1", "0")} AS open,
    ${countByRoot(IS_ERROR, `countIf(${IS_ERROR})`)} AS failed,
    argMin(${LEAD}, (multiIf(root = 'local', 0, root = 'remote', 1, 2), start_us, span_id)) AS lead,
    argMax((${FACTS}), (${END}, v, span_id)) AS facts,
    count() AS span_count, countIf(${IS_ERROR}) AS error_count,
    arraySort(groupUniqArrayIf(toString(model), model != '')) AS all_models,
    sum(input_tokens) AS sum_input, sum(output_tokens) AS sum_output, sum(cost_usd) AS sum_cost,
    countIf(${IS_UNPRICED}) AS unpriced_count,
    sum(500 + ifNull(input_size, 0) + ifNull(output_size, 0)) AS sum_bytes
  FROM (
    SELECT trace_id, span_id, version AS v, day AS live, groupUniqArray(day) OVER (PARTITION BY trace_id) AS days, ${READ}
    FROM ${database}.span_rows
    WHERE project = {project:String} AND trace_id IN {ids:Array(String)}
    ORDER BY trace_id, span_id, version DESC
    LIMIT 1 BY trace_id, span_id
  )
  GROUP BY trace_id
)
ARRAY JOIN all_days AS a_day`;

/** Old rows of spans whose newest record starts on another day: only within a day does the database see by itself who wins. */
const MOVE = (
  database: string,
): string => `INSERT INTO ${database}.span_rows (project, trace_id, span_id, version, is_moved, day)
SELECT {project:String}, trace_id, span_id, v - 1, 1, a_day
FROM (
  SELECT trace_id, span_id, max(version) AS v, argMax(day, version) AS live, groupUniqArray(day) AS days
  FROM ${database}.span_rows
  WHERE project = {project:String} AND trace_id IN {ids:Array(String)}
  GROUP BY trace_id, span_id
  HAVING length(days) > 1
)
ARRAY JOIN days AS a_day
WHERE a_day != live`;

export async function refresh(db: Database, project: string, traceIds: readonly string[]): Promise<void> {
  const { database } = db.schema;
  for (const ids of portions(traceIds)) {
    const params = { project, ids };
    await db.fill(MOVE(database), params);
    await db.fill(REFRESH(database), params);
  }
}

export const SUMMARY_COLUMNS: string = [
  ..."trace_id name start_us duration_ns status is_root_missing spans errors models input_tokens output_tokens".split(
    " ",
  ),
  ..."cost_usd unpriced user_id session_id feature team environment release tags input_preview output_preview".split(
    " ",
  ),
].join(", ");

const TEXTS = [
  ["userId", "user_id"],
  ["sessionId", "session_id"],
  ["feature", "feature"],
  ["team", "team"],
  ["environment", "environment"],
  ["release", "release"],
] as const;

export interface FoundFindings {
  readonly count: number;
  readonly worst: FindingRecord["severity"];
}

export function summaryOf(stored: any, findings: FoundFindings | undefined): TraceSummary {
  const summary: any = {
    traceId: stored.trace_id,
    name: stored.name,
    startUs: stored.start_us,
    durationNs: stored.duration_ns,
    status: stored.status,
  };
  if (stored.is_root_missing) summary.isRootMissing = true;
  summary.spans = stored.spans;
  summary.errors = stored.errors;
  summary.models = stored.models;
  addSums(summary, stored);
  for (const [key, column] of TEXTS) if (stored[column] !== "") summary[key] = stored[column];
  if (stored.tags.length > 0) summary.tags = stored.tags;
  if (findings) summary.findings = findings;
  if (stored.input_preview !== "") summary.inputPreview = stored.input_preview;
  if (stored.output_preview !== "") summary.outputPreview = stored.output_preview;
  return summary;
}

/** A sum of nothing known is unknown. */
export function addSums(target: any, stored: any): void {
  if (stored.input_tokens !== null) target.inputTokens = stored.input_tokens;
  if (stored.output_tokens !== null) target.outputTokens = stored.output_tokens;
  if (stored.cost_usd !== null) target.costUsd = stored.cost_usd;
  if (stored.unpriced > 0) target.unpriced = stored.unpriced;
}
