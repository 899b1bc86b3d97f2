import { checkAggregate } from "../aggregate-rows.ts";
import type { AggregateField, AggregateQuery, AggregateRow } from "../trace-store.ts";
import { timeConditions } from "./conditions.ts";
import type { Database } from "./database.ts";
import type { Params } from "./driver.ts";
import { grouped } from "./grouped.ts";

const OF_SPANS: { readonly [field in AggregateField]: string } = {
  model: "model",
  provider: "provider",
  feature: "feature",
  team: "team",
  userId: "user_id",
  environment: "environment",
  name: "name",
  type: "type",
  status: "status",
  errorType: "error_type",
};
const OF_SCORES: typeof OF_SPANS = {
  ...OF_SPANS,
  ...{ model: "''", provider: "''", type: "''", status: "''", errorType: "''" },
};
const SPAN_FIGURES = `count() AS counted, countIf(status = 'error') AS errors,
  countIf(ifNull(http_status, 0) = 429) AS rate_limited, sum(ifNull(input_tokens, 0)) AS sum_input,
  sum(ifNull(output_tokens, 0)) AS sum_output, sum(ifNull(cost_usd, 0)) AS sum_cost,
  countIf(isNull(cost_usd) AND (isNotNull(input_tokens) OR isNotNull(output_tokens))) AS unpriced,
  sum(duration_ns) AS total`;
const SCORE_FIGURES = `count() AS counted, 0 AS errors, 0 AS rate_limited, 0 AS sum_input, 0 AS sum_output,
  0 AS sum_cost, 0 AS unpriced, sum(ifNull(value, 0)) AS total`;

/** Each span and score once: `FINAL`, within the days that are asked for. */
export async function aggregate(db: Database, project: string, query: AggregateQuery): Promise<AggregateRow[]> {
  const { groupBy, where, limit } = checkAggregate(query);
  const isScores = query.of === "scores";
  const { database } = db.schema;
  const columns = isScores ? OF_SCORES : OF_SPANS;
  const time = isScores ? "time_us" : "start_us";
  const params: { [name: string]: string | number | readonly string[] } = { project };
  const conditions = ["project = {project:String}", isScores ? "isNotNull(value)" : "is_moved = 0"];
  if (!isScores && query.of !== "spans") conditions.push("type IN ('generation', 'embedding')");
  const between = timeConditions(time, query.fromUs, query.toUs, !isScores);
  if (between) {
    conditions.push(between.where);
    Object.assign(params, between.params);
  }
  for (const [i, [field, value]] of where.entries()) {
    conditions.push(`${columns[field]} = {where${i}:String}`);
    params[`where${i}`] = value;
  }
  const from = `FROM ${database}.${isScores ? "scores" : "span_rows"} FINAL WHERE ${conditions.join(" AND ")}`;
  const groups = groupBy.map((field, i) => `toString(${columns[field]}) AS g${i}`);
  const names = groupBy.map((_, i) => `g${i}`);
  const quantiles = query.percentiles
    ? `, quantilesExactInclusive(0.5, 0.95, 0.99)(${isScores ? "assumeNotNull(value)" : "duration_ns"}) AS quantiles`
    : "";
  const figures = (isScores ? SCORE_FIGURES : SPAN_FIGURES) + quantiles;
  const { bucketUs } = query;
  const bucket = bucketUs === undefined ? [] : [`intDiv(${time}, {bucket:UInt64}) * {bucket:UInt64} AS bucket`];
  if (bucketUs !== undefined) params["bucket"] = bucketUs;

  const asked = (select: readonly string[], by: readonly string[], order: readonly string[], more: string, most = "") =>
    `SELECT ${[...select, figures].join(", ")}
${from}${more}
${by.length > 0 ? `GROUP BY ${by.join(", ")}` : "HAVING counted > 0"}${order.length > 0 ? `\nORDER BY ${order.join(", ")}` : ""}${most}`;
  const inBuckets = bucket.length > 0 ? ["bucket"] : [];

  if (groupBy.length === 0) {
    const rows = await db.rows(asked(bucket, inBuckets, inBuckets, ""), params);
    return rows.map((row) => rowOf(row, {}, query));
  }

  const ranked = ["counted DESC", ...names];
  if (bucketUs === undefined) {
    const rows = await db.rows(asked(groups, names, ranked, "", ` LIMIT ${limit + 1}`), params);
    const first = rows.slice(0, limit);
    const answer = first.map((row) => rowOf(row, groupOf(row, groupBy), query));
    if (rows.length <= limit) return answer;
    const [rest] = await db.rows(asked([], [], [], ` AND ${keyOf(groupBy, columns)} NOT IN {keys:Array(String)}`), {
      ...params,
      keys: keysOf(first, groupBy),
    });
    return [...answer, { ...rowOf(rest, {}, query), other: true }];
  }

  const top = await db.rows(
    `SELECT ${groups.join(", ")}, count() AS counted ${from} GROUP BY ${names.join(", ")} ORDER BY ${ranked.join(", ")} LIMIT ${limit + 1}`,
    params,
  );
  const first = top.slice(0, limit);
  const keys: Params = { ...params, keys: keysOf(first, groupBy) };
  const isCut = top.length > limit;
  const known = isCut ? ` AND ${keyOf(groupBy, columns)} IN {keys:Array(String)}` : "";
  const rows = await db.rows(
    asked([...groups, ...bucket], [...names, "bucket"], ["bucket"], known),
    isCut ? keys : params,
  );
  const byKey = grouped(rows, (row) => keyOfRow(row, groupBy));
  const answer = first.flatMap((row) =>
    (byKey.get(keyOfRow(row, groupBy)) ?? []).map((part) => rowOf(part, groupOf(row, groupBy), query)),
  );
  if (!isCut) return answer;
  const rest = await db.rows(
    asked(bucket, ["bucket"], ["bucket"], ` AND ${keyOf(groupBy, columns)} NOT IN {keys:Array(String)}`),
    keys,
  );
  return [...answer, ...rest.map((row) => ({ ...rowOf(row, {}, query), other: true as const }))];
}

/** The values of a group as one text that no other group has. */
function keyOf(groupBy: readonly AggregateField[], columns: typeof OF_SPANS): string {
  const parts = groupBy.map((field) => `toString(length(${columns[field]})), ':', toString(${columns[field]})`);
  return `concat(${parts.join(", ")})`;
}

function keysOf(rows: readonly any[], groupBy: readonly AggregateField[]): string[] {
  return rows.map((row) => keyOfRow(row, groupBy));
}

function keyOfRow(row: any, groupBy: readonly AggregateField[]): string {
  return groupBy.map((_, i) => `${Buffer.byteLength(row[`g${i}`])}:${row[`g${i}`]}`).join("");
}

function groupOf(row: any, groupBy: readonly AggregateField[]): AggregateRow["group"] {
  return Object.fromEntries(groupBy.map((field, i) => [field, row[`g${i}`]]));
}

function rowOf(row: any, group: AggregateRow["group"], query: AggregateQuery): AggregateRow {
  const figures = {
    group,
    ...(query.bucketUs !== undefined && { timeUs: row.bucket }),
    count: row.counted,
    errors: row.errors,
    rateLimited: row.rate_limited,
    inputTokens: row.sum_input,
    outputTokens: row.sum_output,
    costUsd: row.sum_cost,
    unpriced: row.unpriced,
    sum: row.total,
  };
  if (!query.percentiles) return figures;
  const [p50, p95, p99] = row.quantiles;
  return { ...figures, p50, p95, p99 };
}
