import type { TraceQuery } from "../trace-store.ts";
import { words } from "../words.ts";
import type { Conditions } from "./conditions.ts";
import type { Database } from "./database.ts";
import { WORDS } from "./schema.ts";

const HIT = `hasAllTokens(${WORDS}, {words:Array(String)})`;

/** Of more spans than this the traces are not gathered: the newest traces are looked through for the words instead. */
const RARE = 20_000;

export interface TextSearch {
  /** What a trace must be like whose spans, old records of them too, have the words; undefined where that holds for many. */
  readonly hits: Conditions | undefined;
  /** Which of these traces have the words: the newest record of a span counts. */
  among(traceIds: readonly string[]): Promise<ReadonlySet<string>>;
}

/** Undefined when the query has no words. */
export async function searchOf(db: Database, project: string, query: TraceQuery): Promise<TextSearch | undefined> {
  const wanted = wordsOf(query);
  if (wanted.length === 0) return undefined;
  const { database } = db.schema;
  const params = { project, words: wanted };
  const withWords = `FROM ${database}.payloads WHERE project = {project:String} AND ${HIT}`;

  // The index alone answers this.
  const [probe] = await db.rows(`SELECT count() AS hits FROM (SELECT 1 ${withWords} LIMIT ${RARE + 1})`, params);
  const hits = { where: `trace_id IN (SELECT trace_id ${withWords})`, params };

  return {
    hits: probe.hits > RARE ? undefined : hits,
    async among(ids) {
      if (ids.length === 0) return new Set();
      const rows = await db.rows(
        `SELECT DISTINCT trace_id FROM (
  SELECT trace_id, span_id, max(version) AS v ${withWords} AND trace_id IN {ids:Array(String)} GROUP BY trace_id, span_id
)
WHERE (trace_id, span_id, v) IN (
  SELECT trace_id, span_id, max(version) FROM ${database}.payloads
  WHERE project = {project:String} AND trace_id IN {ids:Array(String)} GROUP BY trace_id, span_id
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
