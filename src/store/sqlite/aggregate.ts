import { aggregateParts, aggregateRows, compareValues } from "../aggregate-rows.ts";
import { plainText } from "../plain-text.ts";
import type { AggregateField, AggregateQuery, AggregateRow } from "../trace-store.ts";
import { countRollups } from "./aggregate/count-rollups.ts";
import { scoresOf } from "./aggregate/count-scores.ts";
import { countSpans } from "./aggregate/count-spans.ts";
import { groupsOf } from "./aggregate/groups.ts";
import type { Scan } from "./aggregate/scan.ts";
import { type Member, Tally } from "./aggregate/tally.ts";
import type { Connection } from "./connection.ts";
import { WIDTHS, type Width } from "./rollups.ts";

/**
 * Sums come from the roll-ups where whole hours are asked for, and from the spans at both ends; percentiles, users and
 * narrower buckets from the spans' figures.
 */
export function aggregate(connection: Connection, project: number | undefined, query: AggregateQuery): AggregateRow[] {
  const { groupBy, where, limit } = aggregateParts(query);
  if (project === undefined) return [];
  if (query.of === "scores") return aggregateRows(scoresOf(connection, project, query), query);
  const name = where.find(([field]) => field === "userId")?.[1];
  // What has no user has the number 0.
  const user = name === undefined ? undefined : name === "" ? 0 : userOf(connection, project, name);
  if (name !== undefined && user === undefined) return [];
  const groups = groupsOf(connection, project, query, groupBy, where);
  if (groups.values.length === 0) return [];
  const byUser = groupBy.includes("userId");
  const scan: Scan = { connection, project, query, groups, byUser, user, tally: new Tally(byUser) };
  count(scan);
  return answer(scan, groupBy, limit);
}

function userOf({ prepare }: Connection, project: number, value: string): number | undefined {
  const sql = "SELECT id FROM terms WHERE project = ? AND field = 'userId' AND value = ?";
  return prepare(sql).get(project, plainText(value))?.id;
}

/** Counts whole days, at their ends whole hours, and spans at the ends of those. */
function count(scan: Scan): void {
  const { fromUs = 0, toUs = Number.MAX_SAFE_INTEGER, bucketUs, percentiles } = scan.query;
  const isSummed = !percentiles && !scan.byUser && scan.user === undefined;
  const fits = (width: Width) => bucketUs === undefined || bucketUs % WIDTHS[width] === 0;
  const widths = isSummed ? (["hours", "days"] as const).filter(fits) : [];
  countBetween(scan, fromUs, toUs, widths);
}

/** By the widest of the sums; the ends by narrower ones. */
function countBetween(scan: Scan, fromUs: number, toUs: number, widths: readonly Width[]): void {
  if (fromUs >= toUs) return;
  const width = widths.at(-1);
  if (width === undefined) {
    countSpans(scan, fromUs, toUs);
    return;
  }
  const narrower = widths.slice(0, -1);
  const us = WIDTHS[width];
  const [from, to] = [Math.ceil(fromUs / us), Math.floor(toUs / us)];
  if (from >= to) {
    countBetween(scan, fromUs, toUs, narrower);
    return;
  }
  countBetween(scan, fromUs, from * us, narrower);
  countRollups(scan, width, from, to);
  countBetween(scan, to * us, toUs, narrower);
}

/** Only of groups that may be among the first are the values looked up: users are many. */
function answer(scan: Scan, groupBy: readonly AggregateField[], limit: number): AggregateRow[] {
  const { tally, query } = scan;
  const members = tally.members.map((member) => ({ member, count: tally.count(member) }));
  const least = members.map(({ count }) => count).sort((a, b) => b - a)[limit - 1] ?? 0;
  const first = members
    .filter(({ count }) => count >= least)
    .map(({ member, count }) => ({ member, count, values: valuesOf(scan, groupBy, member) }))
    .sort((a, b) => b.count - a.count || compareValues(a.values, b.values));
  const rowOf = tally.rows(query.percentiles ?? false);
  const rows: AggregateRow[] = [];
  const addRows = (all: readonly Member[], group: AggregateRow["group"], isOther: boolean) => {
    for (const [bucket, parts] of [...partsByBucket(all)].sort(([a], [b]) => a - b)) {
      const row = rowOf(group, parts);
      if (isOther) row.other = true;
      if (query.bucketUs !== undefined) row.timeUs = bucket * query.bucketUs;
      rows.push(row);
    }
  };
  for (const { member, values } of first.slice(0, limit)) {
    addRows([member], Object.fromEntries(groupBy.map((field, i) => [field, values[i]!])), false);
  }
  const others = [...first.slice(limit), ...members.filter(({ count }) => count < least)];
  addRows(
    others.map(({ member }) => member),
    {},
    true,
  );
  return rows;
}

function valuesOf({ connection, groups }: Scan, groupBy: readonly AggregateField[], { group, user }: Member): string[] {
  const name = user === 0 ? "" : connection.prepare("SELECT value FROM terms WHERE id = ?").get(user).value;
  return groupBy.map((field, i) => (field === "userId" ? name : groups.values[group]![i]!));
}

function partsByBucket(members: readonly Member[]): Map<number, number[]> {
  const buckets = new Map<number, number[]>();
  for (const { parts } of members) {
    for (const [bucket, part] of parts) {
      const known = buckets.get(bucket);
      if (known) known.push(part);
      else buckets.set(bucket, [part]);
    }
  }
  return buckets;
}
