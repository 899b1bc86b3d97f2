import { limitOf, pageOf, placeOf } from "../paging.ts";
import type { Page, SessionSummary, TraceQuery } from "../trace-store.ts";
import { words } from "../words.ts";
import { conditionsOf } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import type { Value } from "./driver.ts";
import { hoursOf } from "./peaks.ts";
import { tracesHaving } from "./text-from-traces.ts";
import { type WordSearch, wordSearch } from "./word-search.ts";

/** The sessions of the traces that the query finds; those of the latest traces first. */
export function listSessions(
  connection: Connection,
  project: number | undefined,
  query: TraceQuery,
): Page<SessionSummary> {
  // What has words is found in several steps.
  return connection.transaction(() => sessionsOf(connection, project, query), "DEFERRED");
}

function sessionsOf(connection: Connection, project: number | undefined, query: TraceQuery): Page<SessionSummary> {
  const { prepare } = connection;
  const limit = limitOf(query.limit, 50, 500);
  const place = placeOf(query.after);
  const conditions = project === undefined ? undefined : conditionsOf(connection, project, query);
  if (project === undefined || !conditions) return { items: [] };
  const wanted = words(query.text ?? "");
  const having = wanted === "" ? undefined : wordSearch(connection, wanted);
  if (having?.before(Number.MAX_SAFE_INTEGER, 1).length === 0) return { items: [] };
  const { from, where, values, time } = conditions;

  const summaries: SessionSummary[] = [];
  const seen = new Set<string>();
  const hours = hoursOf(project, query, conditions);
  const newest = `SELECT t.id, ${time} AS start_us, t.session_id FROM ${hours.from}${from}
    WHERE ${hours.where}${where} AND t.session_id IS NOT NULL ${place ? `AND ${time} <= ?` : ""}
    ORDER BY ${hours.order}${time} DESC`;
  for (const trace of prepare(newest).iterate(...hours.values, ...values, ...(place ? [place.us] : []))) {
    const { id: number, start_us: startUs, session_id: id } = trace;
    if (summaries.length > limit && startUs < summaries.at(-1)!.lastUs) break;
    if (seen.has(id) || (having && tracesHaving(connection, [number], having).length === 0)) continue;
    seen.add(id);
    const session = summaryOf(connection, project, { ...query, sessionId: id }, having);
    const isLater = place && (session.lastUs > place.us || (session.lastUs === place.us && !isBefore(id, place.id)));
    if (!isLater) summaries.push(session);
  }
  summaries.sort((a, b) => b.lastUs - a.lastUs || (isBefore(a.sessionId, b.sessionId) ? 1 : -1));
  return pageOf(summaries, limit, ({ lastUs, sessionId }) => ({ us: lastUs, id: sessionId }));
}

function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

function summaryOf(
  connection: Connection,
  project: number,
  query: TraceQuery,
  having: WordSearch | undefined,
): SessionSummary {
  const { from, where, values, time } = conditionsOf(connection, project, query)!;
  let all = `FROM ${from} WHERE ${where}`;
  const given: Value[] = [...values];
  if (having) {
    const { ids } = connection.prepare(`SELECT json_group_array(t.id) AS ids ${all}`).get(...given);
    all += " AND t.id IN (SELECT value FROM json_each(?))";
    given.push(JSON.stringify(tracesHaving(connection, JSON.parse(ids), having)));
  }
  const row = connection
    .prepare(
      `SELECT count(*) AS traces, sum(t.status = 'error') AS errors, min(${time}) AS first_us, max(${time}) AS last_us,
        sum(t.input_tokens) AS input_tokens, sum(t.output_tokens) AS output_tokens, sum(t.cost_usd) AS cost_usd,
        sum(t.unpriced) AS unpriced ${all}`,
    )
    .get(...given);
  const user = connection
    .prepare(`SELECT t.user_id ${all} AND t.user_id IS NOT NULL ORDER BY ${time} DESC, t.trace_id DESC LIMIT 1`)
    .get(...given);
  return {
    sessionId: query.sessionId!,
    ...(user && { userId: user.user_id }),
    traces: row.traces,
    errors: row.errors,
    firstUs: row.first_us,
    lastUs: row.last_us,
    ...(row.input_tokens !== null && { inputTokens: row.input_tokens }),
    ...(row.output_tokens !== null && { outputTokens: row.output_tokens }),
    ...(row.cost_usd !== null && { costUsd: row.cost_usd }),
    ...(row.unpriced > 0 && { unpriced: row.unpriced }),
  };
}
