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

/**
 * Where nothing else is asked, a page is looked for in so many spans a trace at first, those of the newest days: what is older is
 * read if they were not enough.
 */
const HITS_A_TRACE = 40;
const NOT_ASKED: ReadonlySet<string> = new Set(["project", "fromUs", "toUs", "text", "limit", "after"]);

export interface TextSearch {
  /** What a trace must be like. */
  readonly ofTraces: Conditions;
  /** Whether many are like that and have not the words; else all have, or one of their old records has. */
  readonly isVague: boolean;
  /** Which of these traces have the words: the newest record of a span counts. */
  among(traceIds: readonly string[]): Promise<ReadonlySet<string>>;
}

/** One after the other, the traces of the newest days first; none where nothing has the words. */
export async function searchesOf(
  db: Database,
  project: string,
  query: TraceQuery,
  place: Place | undefined,
  wanted: readonly string[],
  limit: number,
): Promise<TextSearch[]> {
  const { database } = db.schema;
  const ofProject = { where: "project = {project:String}", params: { project, words: wanted } };
  const inTime = query.fromUs === undefined ? undefined : since("spans", dayOf(query.fromUs));
  const all = joined([ofProject, inTime]);

  // The index alone answers this.
  const days: Day[] = await db.rows(
    `SELECT toUInt16(day) AS day_number, count() AS hits FROM ${database}.payloads WHERE ${all.where} AND ${HIT}
GROUP BY day_number ORDER BY day_number DESC`,
    all.params,
  );
  const total = days.reduce((sum, { hits }) => sum + hits, 0);
  if (total === 0) return [];
  const isPlain = Object.entries(query).every(([key, value]) => value === undefined || NOT_ASKED.has(key));
  const newest = isPlain ? newestOf(days, dayOf(place?.us ?? query.toUs ?? Infinity), HITS_A_TRACE * limit) : undefined;
  if (newest === undefined) return [search(all, undefined, total)];
  const day = since("newest", newest.day_number);
  const before = { where: `NOT (${day.where})`, params: day.params };
  // A span starts no earlier than its trace, but maybe on a later day.
  return [search(joined([all, day]), day, newest.hits), search(all, before, total)];

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

interface Day {
  readonly day_number: number;
  readonly hits: number;
}

/** The day since which there are enough, and how many; undefined where that is all of them. */
function newestOf(days: readonly Day[], last: number, enough: number): Day | undefined {
  let [hits, wanted] = [0, 0];
  for (const day of days.slice(0, -1)) {
    hits += day.hits;
    if (day.day_number <= last) wanted += day.hits;
    if (wanted >= enough) return { ...day, hits };
  }
  return undefined;
}

function since(name: string, day: number): Conditions {
  return { where: `day >= toDate({${name}Day:UInt16})`, params: { [`${name}Day`]: day } };
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
