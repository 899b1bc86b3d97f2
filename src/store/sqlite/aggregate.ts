import { aggregateRows, checkAggregate, percentile } from "../aggregate-rows.ts";
import { compareText, plainText } from "../plain-text.ts";
import type { AggregateField, AggregateQuery, AggregateRow } from "../trace-store.ts";
import type { Connection } from "./connection.ts";
import { WIDTHS } from "./rollups.ts";

/** Sums over some of a group's spans in a bucket. */
interface Part {
  count: number;
  errors: number;
  rateLimited: number;
  inputTokens: number;
  outputTokens: number;
  costUsd: number;
  unpriced: number;
  sum: number;
  durations: string[];
}

interface Group {
  /** Of the combination of dims. */
  readonly number: number;
  readonly user: number | null;
  count: number;
  readonly parts: Map<number, Part>;
}

/** The columns of `dims` that can be grouped by. */
const DIMS: { readonly [field in AggregateField]?: string } = {
  model: "model",
  provider: "provider",
  feature: "feature",
  team: "team",
  environment: "environment",
  name: "name",
  type: "type",
  status: "status",
  errorType: "error_type",
};

/**
 * Sums come from the roll-ups where whole hours are asked for, and from the spans at both ends; percentiles, users and
 * narrower buckets from the spans. Groups are few combinations of dims, so what is counted is counted by their numbers.
 */
export function aggregate(connection: Connection, project: number | undefined, query: AggregateQuery): AggregateRow[] {
  const { groupBy, where, limit } = checkAggregate(query);
  if (project === undefined) return [];
  if (query.of === "scores") return aggregateRows(scores(connection, project, query), query);
  const user = where.find(([field]) => field === "userId")?.[1];
  const userTerm = user === undefined ? undefined : userOf(connection, project, user);
  if (user !== undefined && user !== "" && userTerm === undefined) return [];

  const groups = groupsOf(connection, project, query, groupBy, where);
  if (groups.length === 0) return [];
  const scan: Scan = {
    ...{ connection, project, query },
    byUser: groupBy.includes("userId"),
    user: user === undefined ? undefined : (userTerm ?? null),
  };
  const counted = new Map<string, Group>();
  for (const row of rowsOf(scan)) add(counted, scan.byUser ? `${row.grp} ${row.user}` : String(row.grp), row);
  const valuesOf = ({ number, user }: Group) => {
    return scan.byUser ? withUser(connection, groups[number]!, groupBy, user) : groups[number]!;
  };
  return answer([...counted.values()], valuesOf, groupBy, limit, query);
}

interface Scan {
  readonly connection: Connection;
  readonly project: number;
  readonly query: AggregateQuery;
  readonly byUser: boolean;
  /** Null: those without. */
  readonly user: number | null | undefined;
}

function userOf({ prepare }: Connection, project: number, value: string): number | undefined {
  return prepare("SELECT id FROM terms WHERE project = ? AND field = 'userId' AND value = ?").get(
    project,
    plainText(value),
  )?.id;
}

function withUser(
  { prepare }: Connection,
  base: readonly string[],
  groupBy: readonly string[],
  user: number | null,
): string[] {
  const value = user === null ? "" : prepare("SELECT value FROM terms WHERE id = ?").get(user).value;
  return groupBy.map((field, i) => (field === "userId" ? value : base[i]!));
}

/**
 * Puts the dims that count into a temporary table, each with the number of its group, and gives the groups' values. Of a
 * CTE SQLite would think that it is short, and not look things up in it.
 */
function groupsOf(
  { db, prepare }: Connection,
  project: number,
  query: AggregateQuery,
  groupBy: readonly AggregateField[],
  where: readonly (readonly [AggregateField, string])[],
): string[][] {
  db.exec("CREATE TEMP TABLE IF NOT EXISTS groups (dim INTEGER PRIMARY KEY, grp INTEGER, is_error INTEGER)");
  prepare("DELETE FROM temp.groups").run();
  const wanted = where.filter(([field]) => DIMS[field]);
  const calls = query.of === "spans" ? "" : " AND type IN ('generation', 'embedding')";
  const from = `FROM dims WHERE project = ?${calls}${wanted.map(([field]) => ` AND ${DIMS[field]} = ?`).join("")}`;
  const given = [project, ...wanted.map(([, value]) => plainText(value))];
  const columns = groupBy.flatMap((field) => DIMS[field] ?? []).join(", ");
  const rank = columns === "" ? "0" : `dense_rank() OVER (ORDER BY ${columns}) - 1`;
  prepare(`INSERT INTO temp.groups SELECT id, ${rank}, status = 'error' ${from}`).run(...given);
  const groups = columns === "" ? `SELECT 1 ${from} LIMIT 1` : `SELECT DISTINCT ${columns} ${from} ORDER BY ${columns}`;
  return prepare(groups)
    .all(...given)
    .map((row) => groupBy.map((field) => (DIMS[field] ? (row[DIMS[field]] as string) : "")));
}

type Width = keyof typeof WIDTHS | "spans";

/** Whole days, at their ends whole hours, and spans at the ends of those. */
function rowsOf(scan: Scan): any[] {
  const { fromUs = 0, toUs = Number.MAX_SAFE_INTEGER, bucketUs, percentiles } = scan.query;
  const fits = (width: Exclude<Width, "spans">) => bucketUs === undefined || bucketUs % WIDTHS[width] === 0;
  const isSummed = !percentiles && !scan.byUser && scan.user === undefined;
  const widths: Width[] = ["spans"];
  if (isSummed && fits("hours")) widths.push("hours");
  if (isSummed && fits("days")) widths.push("days");
  return rowsBetween(scan, fromUs, toUs, widths);
}

/** By the widest of the sums that fit; the ends by narrower ones. */
function rowsBetween(scan: Scan, fromUs: number, toUs: number, widths: readonly Width[]): any[] {
  if (fromUs >= toUs) return [];
  const [width, narrower] = [widths.at(-1)!, widths.slice(0, -1)];
  if (width === "spans") return spansBetween(scan, fromUs, toUs);
  const us = WIDTHS[width];
  const [from, to] = [Math.ceil(fromUs / us), Math.floor(toUs / us)];
  if (from >= to) return rowsBetween(scan, fromUs, toUs, narrower);
  return [
    ...rowsBetween(scan, fromUs, from * us, narrower),
    ...sumsBetween(scan, width, from, to),
    ...rowsBetween(scan, to * us, toUs, narrower),
  ];
}

function spansBetween({ connection, project, query, byUser, user }: Scan, fromUs: number, toUs: number): any[] {
  const bucket = query.bucketUs === undefined ? "0" : `s.start_us / ${query.bucketUs}`;
  const ofUser = user === undefined ? "" : user === null ? " AND s.user IS NULL" : ` AND s.user = ${user}`;
  const calls = query.of === "spans" ? "IN (0, 1)" : "= 1";
  const sql = `SELECT g.grp, ${byUser ? "s.user" : "NULL AS user"}, ${bucket} AS bucket, count(*) AS count,
      sum(g.is_error) AS errors, sum(s.http_status IS 429) AS rate_limited,
      total(s.input_tokens) AS input_tokens, total(s.output_tokens) AS output_tokens, total(s.cost_usd) AS cost_usd,
      sum(s.cost_usd IS NULL AND coalesce(s.input_tokens, s.output_tokens) IS NOT NULL) AS unpriced,
      total(s.duration_ns) AS sum ${query.percentiles ? ", group_concat(s.duration_ns) AS durations" : ""}
    FROM span_rows s INDEXED BY span_rows_by_time CROSS JOIN temp.groups g ON g.dim = s.dim
    WHERE s.project = ? AND s.is_call ${calls} AND s.start_us >= ? AND s.start_us < ?${ofUser}
    GROUP BY g.grp, bucket${byUser ? ", s.user" : ""}`;
  return connection.prepare(sql).all(project, fromUs, toUs);
}

function sumsBetween(
  { connection, project, query }: Scan,
  width: Exclude<Width, "spans">,
  from: number,
  to: number,
): any[] {
  const wide = (query.bucketUs ?? 0) / WIDTHS[width];
  const sql = `SELECT g.grp, NULL AS user, ${wide === 0 ? "0" : `r.time / ${wide}`} AS bucket,
      sum(r.count) AS count, sum(g.is_error * r.count) AS errors, sum(r.rate_limited) AS rate_limited,
      total(r.input_tokens) AS input_tokens, total(r.output_tokens) AS output_tokens, sum(r.cost_usd) AS cost_usd,
      sum(r.unpriced) AS unpriced, total(r.duration_ns) AS sum
    FROM ${width} r CROSS JOIN temp.groups g ON g.dim = r.dim
    WHERE r.project = ? AND r.time >= ? AND r.time < ? GROUP BY g.grp, bucket`;
  return connection.prepare(sql).all(project, from, to);
}

function add(groups: Map<string, Group>, key: string, row: any): void {
  let group = groups.get(key);
  if (!group) groups.set(key, (group = { number: row.grp, user: row.user, count: 0, parts: new Map() }));
  group.count += row.count;
  const part = group.parts.get(row.bucket);
  if (part) addTo(part, partOf(row));
  else group.parts.set(row.bucket, partOf(row));
}

function partOf(row: any): Part {
  const { count, errors, unpriced, sum, durations } = row;
  return {
    ...{ count, errors, rateLimited: row.rate_limited, inputTokens: row.input_tokens },
    ...{ outputTokens: row.output_tokens, costUsd: row.cost_usd, unpriced, sum },
    durations: durations ? [durations] : [],
  };
}

function addTo(part: Part, more: Part): void {
  for (const key of Object.keys(part) as (keyof Part)[]) {
    if (key === "durations") part.durations.push(...more.durations);
    else part[key] += more[key];
  }
}

/** Only of groups that may be among the first are the values looked up: users are many. */
function answer(
  groups: readonly Group[],
  valuesOf: (group: Group) => readonly string[],
  groupBy: readonly AggregateField[],
  limit: number,
  query: AggregateQuery,
): AggregateRow[] {
  const least = groups.map(({ count }) => count).sort((a, b) => b - a)[limit - 1] ?? 0;
  const first = groups
    .filter(({ count }) => count >= least)
    .map((group) => ({ group, values: valuesOf(group) }))
    .sort((a, b) => b.group.count - a.group.count || compareValues(a.values, b.values));
  const rows = first.slice(0, limit).flatMap(({ group: { parts }, values }) => {
    const group = Object.fromEntries(groupBy.map((field, i) => [field, values[i]!]));
    return inTime(parts, query).map((figures) => ({ group, ...figures }));
  });
  const others = [...first.slice(limit).map(({ group }) => group), ...groups.filter(({ count }) => count < least)];
  const rest = new Map<number, Part>();
  for (const { parts } of others) {
    for (const [bucket, part] of parts) {
      const known = rest.get(bucket);
      if (known) addTo(known, part);
      else rest.set(bucket, part);
    }
  }
  return [...rows, ...inTime(rest, query).map((figures) => ({ group: {}, other: true as const, ...figures }))];
}

function inTime(
  parts: ReadonlyMap<number, Part>,
  { bucketUs, percentiles }: AggregateQuery,
): Omit<AggregateRow, "group">[] {
  return [...parts]
    .sort(([a], [b]) => a - b)
    .map(([bucket, { durations, ...sums }]) => ({
      ...(bucketUs !== undefined && { timeUs: bucket * bucketUs }),
      ...sums,
      ...(percentiles && percentilesOf(durations)),
    }));
}

function percentilesOf(durations: readonly string[]): { p50: number; p95: number; p99: number } {
  const sorted = Float64Array.from(durations.join(",").split(","), Number).sort();
  const at = (p: number) => percentile(sorted as unknown as readonly number[], p);
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function compareValues(a: readonly string[], b: readonly string[]): number {
  for (const [i, value] of a.entries()) {
    const order = compareText(value, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

function* scores(
  { prepare }: Connection,
  project: number,
  { fromUs = 0, toUs = Number.MAX_SAFE_INTEGER }: AggregateQuery,
) {
  const sql = `SELECT time_us, name, value, feature, team, user_id, environment FROM scores
    WHERE project = ? AND value IS NOT NULL AND time_us >= ? AND time_us < ?`;
  for (const row of prepare(sql).iterate(project, fromUs, toUs)) {
    const { feature, team, environment } = row;
    const fields = { name: row.name, feature: feature ?? "", team: team ?? "", userId: row.user_id ?? "" };
    yield { us: row.time_us, fields: { ...fields, environment: environment ?? "" }, figure: row.value };
  }
}
