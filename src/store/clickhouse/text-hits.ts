import type { Place } from "../paging.ts";
import type { TraceQuery } from "../trace-store.ts";
import { words } from "../words.ts";
import { type Conditions, joined, timeConditions } from "./conditions.ts";
import type { Database } from "./database.ts";
import { dayOf } from "./rows.ts";
import { WORDS } from "./schema.ts";

const HIT = `hasAllTokens(${WORDS}, {words:Array(String)})`;

/** Of more spans than this the traces are not gathered: the newest traces are looked through for the words instead. */
const RARE = 20_000;

/** The words are looked for in the newest day first, then in the four before, then in sixteen more. */
const DAYS_GROW = 4;

/** Days that are looked through at once; none of their traces starts in others. */
export interface Stretch {
  readonly ofTraces: Conditions;
  /** A span starts no earlier than its trace: where those of these traces are, and others too. */
  readonly ofSpans: Conditions;
}

export async function stretchesOf(
  db: Database,
  project: string,
  query: TraceQuery,
  place: Place | undefined,
): Promise<Stretch[]> {
  const { where, params } = joined([
    { where: "project = {project:String}", params: { project } },
    timeConditions("start_us", query.fromUs, query.toUs),
    place && { where: "day <= toDate({placeDay:UInt16})", params: { placeDay: dayOf(place.us) } },
  ]);
  const sql = `SELECT DISTINCT toUInt16(day) AS at FROM ${db.schema.database}.trace_rows WHERE ${where} ORDER BY at DESC`;
  const days: number[] = (await db.rows(sql, params)).map(({ at }) => at);
  const stretches: Stretch[] = [];
  for (let from = 0, count = 1; from < days.length; from += count, count *= DAYS_GROW) {
    const oldest = {
      where: "day >= toDate({oldest:UInt16})",
      params: { oldest: days[Math.min(from + count, days.length) - 1]! },
    };
    const newest = { where: "day <= toDate({newest:UInt16})", params: { newest: days[from]! } };
    stretches.push({ ofTraces: joined([oldest, newest]), ofSpans: oldest });
  }
  return stretches;
}

export interface TextSearch {
  readonly isEmpty: boolean;
  /** What a trace must be like whose spans, old records of them too, have the words; undefined where that holds for many. */
  readonly hits: Conditions | undefined;
  /** Which of these traces have the words: the newest record of a span counts. */
  among(traceIds: readonly string[]): Promise<ReadonlySet<string>>;
}

export async function searchOf(
  db: Database,
  project: string,
  wanted: readonly string[],
  { ofSpans }: Stretch,
): Promise<TextSearch> {
  const params = { project, words: wanted, ...ofSpans.params };
  const ofProject = `FROM ${db.schema.database}.payloads WHERE project = {project:String} AND ${ofSpans.where}`;
  const withWords = `${ofProject} AND ${HIT}`;

  // The index alone answers this.
  const [probe] = await db.rows(`SELECT count() AS hits FROM (SELECT 1 ${withWords} LIMIT ${RARE + 1})`, params);
  const hits = { where: `trace_id IN (SELECT trace_id ${withWords})`, params };

  return {
    isEmpty: probe.hits === 0,
    hits: probe.hits > RARE ? undefined : hits,
    async among(ids) {
      if (ids.length === 0) return new Set();
      const rows = await db.rows(
        `SELECT DISTINCT trace_id FROM (
  SELECT trace_id, span_id, max(version) AS v ${withWords} AND trace_id IN {ids:Array(String)} GROUP BY trace_id, span_id
)
WHERE (trace_id, span_id, v) IN (
  SELECT trace_id, span_id, max(version) ${ofProject} AND trace_id IN {ids:Array(String)} GROUP BY trace_id, span_id
)`,
        { ...params, ids },
      );
      return new Set(rows.map(({ trace_id }) => trace_id));
    },
  };
}

/** All traces that have the words, however many; for what must know them all. */
export const ALL_HITS = (database: string): string => `trace_id IN (
  SELECT trace_id FROM (
    SELECT trace_id, argMax(${HIT}, version) AS is_hit FROM ${database}.payloads
    WHERE project = {project:String} GROUP BY trace_id, span_id
  )
  WHERE is_hit
)`;

export function wordsOf(query: TraceQuery): string[] {
  return [
    ...new Set(
      words(query.text ?? "")
        .split(" ")
        .filter(Boolean),
    ),
  ];
}
