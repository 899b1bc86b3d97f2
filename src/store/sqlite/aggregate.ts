import { aggregateRows, checkAggregate, percentile } from "../aggregate-rows.ts";
import { compareText, plainText } from "../plain-text.ts";
import type { AggregateField, AggregateQuery, AggregateRow } from "../trace-store.ts";
import type { Connection } from "./connection.ts";
import { figuresBetween, IS_CALL, IS_RATE_LIMITED } from "./figures.ts";
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
  /** Where percentiles are wanted. */
  durations: number[] | undefined;
}

interface Group {
  /** Of the combination of dims. */
  readonly number: number;
  readonly user: number | null;
  count: number;
  readonly parts: Map<number, Part>;
  /** The part that was counted last: the next span is often in it. */
  last: { readonly bucket: number; readonly part: Part } | undefined;
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
 * narrower buckets from the spans' figures. Groups are few combinations of dims, so what is counted is counted by their numbers.
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
  const counted = countedIn(groups.length, scan);
  const valuesOf = ({ number, user }: Group) => {
    return scan.byUser ? withUser(connection, groups[number]!, groupBy, user) : groups[number]!;
  };
  return answer([...counted], valuesOf, groupBy, limit, query);
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

/** Counts whole days, at their ends whole hours, and spans at the ends of those. */
function countedIn(groups: number, scan: Scan): Iterable<Group> {
  const { fromUs = 0, toUs = Number.MAX_SAFE_INTEGER, bucketUs, percentiles } = scan.query;
  const fits = (width: Exclude<Width, "spans">) => bucketUs === undefined || bucketUs % WIDTHS[width] === 0;
  const isSummed = !percentiles && !scan.byUser && scan.user === undefined;
  const widths: Width[] = ["spans"];
  if (isSummed && fits("hours")) widths.push("hours");
  if (isSummed && fits("days")) widths.push("days");
  const counted = createCounted(groups, scan.byUser);
  countBetween(scan, counted, fromUs, toUs, widths);
  return counted.all();
}

/** By the widest of the sums that fit; the ends by narrower ones. */
function countBetween(scan: Scan, counted: Counted, fromUs: number, toUs: number, widths: readonly Width[]): void {
  if (fromUs >= toUs) return;
  const [width, narrower] = [widths.at(-1)!, widths.slice(0, -1)];
  if (width === "spans") {
    countSpans(scan, counted, fromUs, toUs);
    return;
  }
  const us = WIDTHS[width];
  const [from, to] = [Math.ceil(fromUs / us), Math.floor(toUs / us)];
  if (from >= to) {
    countBetween(scan, counted, fromUs, toUs, narrower);
    return;
  }
  countBetween(scan, counted, fromUs, from * us, narrower);
  countSums(scan, counted, width, from, to);
  countBetween(scan, counted, to * us, toUs, narrower);
}

/** What has been counted so far. */
interface Counted {
  /** `user`: 0 for none. */
  group(number: number, user: number): Group;
  all(): Iterable<Group>;
}

function createCounted(groups: number, byUser: boolean): Counted {
  const all: Group[] = [];
  const ofGroups: (Group | undefined)[] = new Array(groups);
  const ofUsers: Map<number, Group>[] = Array.from({ length: byUser ? groups : 0 }, () => new Map());
  const made = (number: number, user: number | null): Group => {
    const group: Group = { number, user, count: 0, parts: new Map(), last: undefined };
    all.push(group);
    return group;
  };
  return {
    group(number, user) {
      if (!byUser) return (ofGroups[number] ??= made(number, null));
      let group = ofUsers[number]!.get(user);
      if (!group) ofUsers[number]!.set(user, (group = made(number, user === 0 ? null : user)));
      return group;
    },
    all: () => all,
  };
}

function partOf(group: Group, bucket: number): Part {
  if (group.last?.bucket === bucket) return group.last.part;
  let part = group.parts.get(bucket);
  if (!part) {
    part = {
      count: 0,
      errors: 0,
      rateLimited: 0,
      inputTokens: 0,
      outputTokens: 0,
      costUsd: 0,
      unpriced: 0,
      sum: 0,
      durations: undefined,
    };
    group.parts.set(bucket, part);
  }
  group.last = { bucket, part };
  return part;
}

function countSpans(scan: Scan, counted: Counted, fromUs: number, toUs: number): void {
  const { connection, project, query } = scan;
  const wanted = wantedDims(connection);
  const { bucketUs = 0, percentiles = false } = query;
  const user = scan.user === undefined ? undefined : (scan.user ?? 0);
  const wantedFlags = query.of === "spans" ? 0 : IS_CALL;
  for (const spans of figuresBetween(connection, project, fromUs, toUs)) {
    const { count, startUs, durationNs, inputTokens, outputTokens, costUsd, dim, user: users, flags } = spans;
    for (let i = 0; i < count; i++) {
      const us = startUs[i]!;
      if (us < fromUs || us >= toUs || (flags[i]! & wantedFlags) !== wantedFlags) continue;
      const place = wanted(dim[i]!);
      if (place < 0 || (user !== undefined && users[i] !== user)) continue;
      const group = counted.group(place >> 1, users[i]!);
      const part = partOf(group, bucketUs === 0 ? 0 : Math.floor(us / bucketUs));
      const [input, output, cost] = [inputTokens[i]!, outputTokens[i]!, costUsd[i]!];
      group.count += 1;
      part.count += 1;
      part.errors += place & 1;
      if (flags[i]! & IS_RATE_LIMITED) part.rateLimited += 1;
      const [hasInput, hasOutput] = [!Number.isNaN(input), !Number.isNaN(output)];
      if (hasInput) part.inputTokens += input;
      if (hasOutput) part.outputTokens += output;
      if (!Number.isNaN(cost)) part.costUsd += cost;
      else if (hasInput || hasOutput) part.unpriced += 1;
      part.sum += durationNs[i]!;
      if (percentiles) (part.durations ??= []).push(durationNs[i]!);
    }
  }
}

/** For a dim its group times two, plus one where it is an error; -1 for one that does not count. */
function wantedDims({ prepare }: Connection): (dim: number) => number {
  const { most } = prepare("SELECT max(dim) AS most FROM temp.groups").get();
  const places = new Int32Array(most + 1).fill(-1);
  for (const { dim, place } of prepare("SELECT dim, grp * 2 + is_error AS place FROM temp.groups").iterate()) {
    places[dim] = place;
  }
  return (dim) => (dim <= most ? places[dim]! : -1);
}

function countSums(
  { connection, project, query }: Scan,
  counted: Counted,
  width: Exclude<Width, "spans">,
  from: number,
  to: number,
): void {
  const wide = (query.bucketUs ?? 0) / WIDTHS[width];
  const sql = `SELECT g.grp, ${wide === 0 ? "0" : `r.time / ${wide}`} AS bucket,
      sum(r.count) AS count, sum(g.is_error * r.count) AS errors, sum(r.rate_limited) AS rateLimited,
      total(r.input_tokens) AS inputTokens, total(r.output_tokens) AS outputTokens, sum(r.cost_usd) AS costUsd,
      sum(r.unpriced) AS unpriced, total(r.duration_ns) AS sum
    FROM ${width} r CROSS JOIN temp.groups g ON g.dim = r.dim
    WHERE r.project = ? AND r.time >= ? AND r.time < ? GROUP BY g.grp, bucket`;
  for (const { grp, bucket, ...sums } of connection.prepare(sql).all(project, from, to)) {
    const group = counted.group(grp, 0);
    group.count += sums.count;
    addTo(partOf(group, bucket), { ...sums, durations: undefined });
  }
}

function addTo(part: Part, more: Part): void {
  part.count += more.count;
  part.errors += more.errors;
  part.rateLimited += more.rateLimited;
  part.inputTokens += more.inputTokens;
  part.outputTokens += more.outputTokens;
  part.costUsd += more.costUsd;
  part.unpriced += more.unpriced;
  part.sum += more.sum;
  if (!more.durations) return;
  part.durations ??= [];
  for (const duration of more.durations) part.durations.push(duration);
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
  const rest: Group = { number: -1, user: null, count: 0, parts: new Map(), last: undefined };
  for (const { parts } of others) for (const [bucket, part] of parts) addTo(partOf(rest, bucket), part);
  return [...rows, ...inTime(rest.parts, query).map((figures) => ({ group: {}, other: true as const, ...figures }))];
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
      ...(percentiles && percentilesOf(durations ?? [])),
    }));
}

function percentilesOf(durations: readonly number[]): { p50: number; p95: number; p99: number } {
  const sorted = Float64Array.from(durations).sort();
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
