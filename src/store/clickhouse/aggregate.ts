import { aggregateParts } from "../aggregate-rows.ts";
import type { AggregateField, AggregateQuery, AggregateRow } from "../trace-store.ts";
import { IS_UNPRICED, timeConditions } from "./conditions.ts";
import type { Database } from "./database.ts";

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
  countIf(${IS_UNPRICED}) AS unpriced,
  sum(duration_ns) AS total`;
const SCORE_FIGURES = `count() AS counted, 0 AS errors, 0 AS rate_limited, 0 AS sum_input, 0 AS sum_output,
  0 AS sum_cost, 0 AS unpriced, sum(ifNull(value, 0)) AS total`;

const FIGURES = "counted errors rate_limited sum_input sum_output sum_cost unpriced total".split(" ");
const QUANTILES = (step: "State" | "Merge"): string => `quantilesExactInclusive${step}(0.5, 0.95, 0.99)`;

/**
 * Each span and score once: `FINAL`, within the days that are asked for. The groups that have most are told apart from
 * the others when all are known, so that rows are read once.
 */
export async function aggregate(db: Database, project: string, query: AggregateQuery): Promise<AggregateRow[]> {
  const { groupBy, where, limit } = aggregateParts(query);
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
  const { bucketUs } = query;
  if (bucketUs !== undefined) params["bucket"] = bucketUs;
  const bucket = bucketUs === undefined ? [] : ["bucket"];
  const keys = groupBy.map((_, i) => `key${i}`);
  const parts = [...keys, ...bucket];
  const select = [
    ...groupBy.map((field, i) => `toString(${columns[field]}) AS key${i}`),
    ...bucket.map(() => `intDiv(${time}, {bucket:UInt64}) * {bucket:UInt64} AS bucket`),
    isScores ? SCORE_FIGURES : SPAN_FIGURES,
    ...(query.percentiles
      ? [`${QUANTILES("State")}(${isScores ? "assumeNotNull(value)" : "duration_ns"}) AS state`]
      : []),
  ];
  const isRanked = keys.length > 0;
  const rows = await db.rows(
    `SELECT ${[
      "least(rank, {limit:UInt32} + 1) AS place",
      ...bucket,
      ...keys.map((key) => `any(${key}) AS of_${key}`),
      ...FIGURES.map((figure) => `sum(${figure}) AS all_${figure}`),
      ...(query.percentiles ? [`${QUANTILES("Merge")}(state) AS quantiles`] : []),
    ].join(", ")}
FROM (
  SELECT *, ${isRanked ? `dense_rank() OVER (ORDER BY of_group DESC, ${keys.join(", ")})` : "1"} AS rank
  FROM (
    SELECT *, ${isRanked ? `sum(counted) OVER (PARTITION BY ${keys.join(", ")})` : "0"} AS of_group
    FROM (
      SELECT ${select.join(", ")}
      FROM ${database}.${isScores ? "scores" : "span_rows"} FINAL
      WHERE ${conditions.join(" AND ")}
      ${parts.length > 0 ? `GROUP BY ${parts.join(", ")}` : "HAVING counted > 0"}
    )
  )
)
GROUP BY ${["place", ...bucket].join(", ")}
ORDER BY ${["place", ...bucket].join(", ")}`,
    { ...params, limit },
  );
  return rows.map((row) =>
    row.place > limit ? { ...rowOf(row, {}, query), other: true as const } : rowOf(row, groupOf(row, groupBy), query),
  );
}

function groupOf(row: any, groupBy: readonly AggregateField[]): AggregateRow["group"] {
  return Object.fromEntries(groupBy.map((field, i) => [field, row[`of_key${i}`]]));
}

function rowOf(row: any, group: AggregateRow["group"], query: AggregateQuery): AggregateRow {
  const figures = {
    group,
    ...(query.bucketUs !== undefined && { timeUs: row.bucket }),
    count: row.all_counted,
    errors: row.all_errors,
    rateLimited: row.all_rate_limited,
    inputTokens: row.all_sum_input,
    outputTokens: row.all_sum_output,
    costUsd: row.all_sum_cost,
    unpriced: row.all_unpriced,
    sum: row.all_total,
  };
  if (!query.percentiles) return figures;
  const [p50, p95, p99] = row.quantiles;
  return { ...figures, p50, p95, p99 };
}
