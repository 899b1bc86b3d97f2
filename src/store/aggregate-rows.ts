import { limitOf } from "./paging.ts";
import { compareText, plainText } from "./plain-text.ts";
import type { AggregateField, AggregateQuery, AggregateRow } from "./trace-store.ts";

/** One span or score as it is counted. */
export interface Counted {
  readonly us: number;
  readonly fields: { readonly [field in AggregateField]?: string };
  readonly isError?: boolean;
  readonly isRateLimited?: boolean;
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly costUsd?: number | undefined;
  readonly isUnpriced?: boolean;
  /** The duration, or the score's value. */
  readonly figure: number;
}

/** What an aggregate can be grouped by, and what its conditions are about. */
export const AGGREGATE_FIELDS: readonly AggregateField[] = [
  "model",
  "provider",
  "feature",
  "team",
  "userId",
  "environment",
  "name",
  "type",
  "status",
  "errorType",
];

/** The parts of a query that has been checked, each field once. */
export function aggregateParts(query: AggregateQuery): {
  readonly groupBy: readonly AggregateField[];
  readonly where: readonly (readonly [field: AggregateField, value: string])[];
  readonly limit: number;
} {
  const groupBy = [...new Set(query.groupBy)];
  const where = Object.entries(query.where ?? {}).filter(([, value]) => value !== undefined);
  const met = where.map(([field, value]) => [field as AggregateField, plainText(value)] as const);
  return { groupBy, where: met, limit: limitOf(query.limit, 50, 1_000) };
}

/** The rows of an aggregate over everything that may count: straight, one pass, nothing kept. */
export function aggregateRows(counted: Iterable<Counted>, query: AggregateQuery): AggregateRow[] {
  const { groupBy, where, limit } = aggregateParts(query);
  const { fromUs = Number.NEGATIVE_INFINITY, toUs = Number.POSITIVE_INFINITY } = query;
  const groups = new Map<string, Counted[]>();
  for (const one of counted) {
    if (one.us < fromUs || one.us >= toUs) continue;
    if (where.some(([field, value]) => (one.fields[field] ?? "") !== value)) continue;
    const key = JSON.stringify(groupBy.map((field) => one.fields[field] ?? ""));
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  const ordered = [...groups.values()]
    .map((members) => ({ members, values: groupBy.map((field) => members[0]!.fields[field] ?? "") }))
    .sort((a, b) => b.members.length - a.members.length || compareValues(a.values, b.values));
  const rows = ordered.slice(0, limit).flatMap(({ members, values }) => {
    const group = Object.fromEntries(groupBy.map((field, i) => [field, values[i]!]));
    return inTime(members, query).map(({ timeUs, part }) => ({ group, ...rowOf(part, timeUs, query) }));
  });
  const rest = ordered.slice(limit).flatMap(({ members }) => members);
  if (rest.length === 0) return rows;
  const other = inTime(rest, query).map(({ timeUs, part }) => ({
    group: {},
    other: true as const,
    ...rowOf(part, timeUs, query),
  }));
  return [...rows, ...other];
}

/** The order of groups that count alike. */
export function compareValues(a: readonly string[], b: readonly string[]): number {
  for (const [i, value] of a.entries()) {
    const order = compareText(value, b[i]!);
    if (order !== 0) return order;
  }
  return 0;
}

function inTime(
  members: readonly Counted[],
  { bucketUs }: AggregateQuery,
): { timeUs?: number; part: readonly Counted[] }[] {
  if (bucketUs === undefined) return [{ part: members }];
  const buckets = new Map<number, Counted[]>();
  for (const one of members) {
    const timeUs = Math.floor(one.us / bucketUs) * bucketUs;
    const bucket = buckets.get(timeUs);
    if (bucket) bucket.push(one);
    else buckets.set(timeUs, [one]);
  }
  return [...buckets].sort(([a], [b]) => a - b).map(([timeUs, part]) => ({ timeUs, part }));
}

function rowOf(
  part: readonly Counted[],
  timeUs: number | undefined,
  query: AggregateQuery,
): Omit<AggregateRow, "group"> {
  const sum = (figure: (one: Counted) => number | undefined) =>
    part.reduce((total, one) => total + (figure(one) ?? 0), 0);
  const sorted = query.percentiles ? part.map(({ figure }) => figure).sort((a, b) => a - b) : [];
  return {
    ...(timeUs !== undefined && { timeUs }),
    count: part.length,
    errors: part.filter(({ isError }) => isError).length,
    rateLimited: part.filter(({ isRateLimited }) => isRateLimited).length,
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    costUsd: sum(({ costUsd }) => costUsd),
    unpriced: part.filter(({ isUnpriced }) => isUnpriced).length,
    sum: sum(({ figure }) => figure),
    ...(query.percentiles && {
      p50: percentile(sorted, 0.5),
      p95: percentile(sorted, 0.95),
      p99: percentile(sorted, 0.99),
    }),
  };
}

/** `percentile_cont`: linear between the two neighbours of the place `p · (n − 1)`. */
export function percentile(sorted: readonly number[], p: number): number {
  const place = p * (sorted.length - 1);
  const below = sorted[Math.floor(place)]!;
  return below + (sorted[Math.ceil(place)]! - below) * (place - Math.floor(place));
}
