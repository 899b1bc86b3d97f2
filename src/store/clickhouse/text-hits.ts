import type { Place } from "../paging.ts";
import type { TraceQuery } from "../trace-store.ts";
import { words } from "../words.ts";
import { type Conditions, joined } from "./conditions.ts";
import type { Database } from "./database.ts";
import { dayOf } from "./rows.ts";
import { WORDS } from "./schema.ts";

const HIT = `hasAllTokens(${WORDS}, {words:Array(String)})`;

/** Of more spans than this the traces are not gathered: the newest traces are looked through for the words instead. */
const RARE = 20_000;

/** Where nothing else is asked, a page is looked for in the newest days alone if they have so many spans with the words for each trace. */
const HITS_A_TRACE = 10;
const NOT_ASKED: ReadonlySet<string> = new Set(["project", "fromUs", "toUs", "text", "limit", "after"]);

export interface TextSearch {
  /** What a trace must be like. */
  readonly ofTraces: Conditions;
  /** Whether many are like that and have not the words; else all have, or one of their old records has. */
  readonly isVague: boolean;
  /** Which of these traces have the words: the newest record of a span counts. */
  among(traceIds: readonly string[]): Promise<ReadonlySet<string>>;
}

/** The traces of the newest days first, where that promises a page; none where nothing has the words. */
export async function* searchesOf(
  db: Database,
  project: string,
  query: TraceQuery,
  place: Place | undefined,
  wanted: readonly string[],
  limit: number,
): AsyncGenerator<TextSearch> {
  const { database } = db.schema;
  const all = joined([
    { where: "project = {project:String}", params: { project, words: wanted } },
    query.fromUs === undefined
      ? undefined
      : { where: "day >= toDate({sinceDay:UInt16})", params: { sinceDay: dayOf(query.fromUs) } },
  ]);
  const isPlain = Object.entries(query).every(([key, value]) => value === undefined || NOT_ASKED.has(key));
  const newest = isPlain ? await newestDays() : undefined;
  if (newest === undefined || newest.hits < HITS_A_TRACE * limit) {
    const hits = await hitsOf(all);
    if (hits > 0) yield search(all, undefined, hits);
    return;
  }
  const { days } = newest;
  // A span starts no earlier than its trace, but maybe on a later day.
  yield search(joined([all, days]), days, newest.hits);
  yield search(all, { where: `NOT (${days.where})`, params: days.params }, await hitsOf(all));

  /** The last day that traces may be of, and the one before. */
  async function newestDays(): Promise<{ readonly days: Conditions; readonly hits: number }> {
    const last = {
      where: "day <= toDate({lastDay:UInt16})",
      params: { lastDay: dayOf(place?.us ?? query.toUs ?? Infinity) },
    };
    const { where, params } = joined([all, last]);
    const [found] = await db.rows(
      `SELECT toUInt16(max(day)) AS day_number FROM ${database}.trace_rows WHERE ${where}`,
      params,
    );
    const days = {
      where: "day >= toDate({newestDay:UInt16})",
      params: { newestDay: Math.max(0, found.day_number - 1) },
    };
    return { days, hits: await hitsOf(joined([all, days])) };
  }

  /** The index alone answers this. */
  async function hitsOf({ where, params }: Conditions): Promise<number> {
    const sql = `SELECT count() AS hits FROM (SELECT 1 FROM ${database}.payloads WHERE ${where} AND ${HIT} LIMIT ${RARE + 1})`;
    const [found] = await db.rows(sql, params);
    return found.hits;
  }

  function search({ where, params }: Conditions, ofDays: Conditions | undefined, hits: number): TextSearch {
    const spans = `FROM ${database}.payloads WHERE ${where}`;
    const isVague = hits > RARE;
    const known = { where: `trace_id IN (SELECT trace_id ${spans} AND ${HIT})`, params };
    return {
      ofTraces: joined([ofDays, isVague ? undefined : known]),
      isVague,
      async among(ids) {
        if (ids.length === 0) return new Set();
        const ofIds = "trace_id IN {ids:Array(String)}";
        const rows = await db.rows(
          `SELECT DISTINCT trace_id FROM (
  SELECT trace_id, span_id, max(version) AS v ${spans} AND ${HIT} AND ${ofIds} GROUP BY trace_id, span_id
)
WHERE (trace_id, span_id, v) IN (SELECT trace_id, span_id, max(version) ${spans} AND ${ofIds} GROUP BY trace_id, span_id)`,
          { ...params, ids },
        );
        return new Set(rows.map(({ trace_id }) => trace_id));
      },
    };
  }
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
