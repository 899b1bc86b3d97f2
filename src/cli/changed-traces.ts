import type { ProjectOption, TraceQuery, TraceStore, TraceSummary } from "../store/trace-store.ts";
import { summariesOf } from "./records-of.ts";

/** Conditions: any but `limit` and `after`. */
type Conditions = Omit<TraceQuery, "limit" | "after">;

/** A page: most of what changes is among the newest, which are asked for together. */
const RECENT = 500;
/** Traces that are asked for one by one, so many at once. */
const AT_ONCE = 8;
const MINUTE_US = 60 * 1_000_000;
/** Each span of starts that is looked through reaches so many times as far back as the one before. */
const FACTOR = 8;
/** Beyond some 500 days nothing is looked for that has ended just now. */
const FARTHEST_US = FACTOR ** 7 * MINUTE_US;

/** Those of the named traces that the conditions find, as they are now, whenever they began. */
export async function namedTraces(
  store: TraceStore,
  query: Conditions,
  ids: ReadonlySet<string>,
): Promise<TraceSummary[]> {
  const project = query.project === undefined ? {} : { project: query.project };
  const recent = await store.traces({ ...project, limit: RECENT });
  const found = await matching(
    store,
    query,
    recent.items.filter(({ traceId }) => ids.has(traceId)),
  );
  if (recent.next === undefined) return found;
  const known = new Set(recent.items.map(({ traceId }) => traceId));
  const older = [...ids].filter((traceId) => !known.has(traceId));
  for (let i = 0; i < older.length; i += AT_ONCE) {
    const some = older.slice(i, i + AT_ONCE).map((traceId) => named(store, query, project, traceId));
    found.push(...(await Promise.all(some)).flat());
  }
  return found;
}

async function named(
  store: TraceStore,
  query: Conditions,
  project: ProjectOption,
  traceId: string,
): Promise<TraceSummary[]> {
  const trace = await store.trace(traceId, project);
  return trace === undefined ? [] : matching(store, query, [trace.summary]);
}

/** Those of the traces that the conditions find. */
async function matching(
  store: TraceStore,
  query: Conditions,
  traces: readonly TraceSummary[],
): Promise<TraceSummary[]> {
  const isAny = Object.keys(query).every((key) => key === "project");
  if (isAny || traces.length === 0) return [...traces];
  const starts = traces.map(({ startUs }) => startUs);
  const ids = new Set(traces.map(({ traceId }) => traceId));
  const among = between(query, Math.min(...starts), Math.max(...starts) + 1);
  return (await all(store, among)).filter(({ traceId }) => ids.has(traceId));
}

/**
 * The newest by start, and all that ended at or after a time, for where nobody can name what has changed. What began long
 * before can have ended since only if it took long: that is how it is asked for.
 *
 * @param newest how many of the newest at least
 */
export async function latestTraces(
  store: TraceStore,
  query: Conditions,
  sinceUs: number,
  newest: number = RECENT,
): Promise<TraceSummary[]> {
  const found = new Map<string, TraceSummary>();
  const add = (traces: readonly TraceSummary[]) => {
    for (const trace of traces) found.set(trace.traceId, trace);
  };
  add(await all(store, { ...query, limit: Math.max(RECENT, newest) }));
  add(await all(store, between(query, sinceUs - MINUTE_US, Infinity)));
  for (let age = MINUTE_US; age < FARTHEST_US; age *= FACTOR) {
    const minDurationMs = Math.max(age / 1_000, query.minDurationMs ?? 0);
    const slow = between({ ...query, minDurationMs }, sinceUs - FACTOR * age, sinceUs - age);
    add((await all(store, slow)).filter((trace) => endUs(trace) >= sinceUs));
  }
  return [...found.values()];
}

export function endUs({ startUs, durationNs }: TraceSummary): number {
  return startUs + durationNs / 1_000;
}

/** The conditions, and started at or after `fromUs` and before `toUs`. */
function between(query: Conditions, fromUs: number, toUs: number): Conditions {
  const from = Math.max(fromUs, query.fromUs ?? 0, 0);
  const to = Math.min(toUs, query.toUs ?? Infinity);
  return { ...query, fromUs: from, ...(to < Infinity && { toUs: to }) };
}

async function all(store: TraceStore, query: TraceQuery): Promise<TraceSummary[]> {
  const found: TraceSummary[] = [];
  for await (const trace of summariesOf(store, query)) found.push(trace);
  return found;
}
