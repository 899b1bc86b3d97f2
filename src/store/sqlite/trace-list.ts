import { limitOf, type Place, pageOf, placeOf } from "../paging.ts";
import type { Page, TraceQuery, TraceSummary } from "../trace-store.ts";
import { words } from "../words.ts";
import { type Conditions, conditionsOf } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import { type Hours, hoursOf } from "./peaks.ts";
import { textHits } from "./text-hits.ts";
import { SUMMARY_COLUMNS, summaryOf } from "./trace-row.ts";

/** The traces that the query finds, newest first. */
export function listTraces(connection: Connection, project: number | undefined, query: TraceQuery): Page<TraceSummary> {
  const limit = limitOf(query.limit, 50, 500);
  const place = placeOf(query.after);
  const conditions = project === undefined ? undefined : conditionsOf(connection, project, query);
  if (project === undefined || !conditions) return { items: [] };
  const wanted = words(query.text ?? "");
  const rows =
    wanted === ""
      ? select(connection, conditions, hoursOf(project, query, conditions), place, limit + 1)
      : find(connection, conditions, wanted, place, limit + 1);
  return pageOf(rows.map(summaryOf), limit, ({ startUs, traceId }) => ({ us: startUs, id: traceId }));
}

function select(
  { prepare }: Connection,
  conditions: Conditions,
  hours: Hours,
  place: Place | undefined,
  limit: number,
): any[] {
  const { from, where, time, values } = conditions;
  const after = place ? ` AND ${time} <= ? AND (${time} < ? OR t.trace_id < ?)` : "";
  const sql = `SELECT ${SUMMARY_COLUMNS} FROM ${hours.from}${from} WHERE ${hours.where}${where}${after}
    ORDER BY ${hours.order}${time} DESC, t.trace_id DESC LIMIT ?`;
  return prepare(sql).all(...hours.values, ...values, ...(place ? [place.us, place.us, place.id] : []), limit);
}

function find(
  connection: Connection,
  conditions: Conditions,
  wanted: string,
  place: Place | undefined,
  limit: number,
): any[] {
  // A span that is replaced meanwhile has another number.
  return connection.transaction(() => {
    const ids = textHits(connection, conditions, wanted, place, limit);
    const sql = `SELECT ${SUMMARY_COLUMNS} FROM json_each(?) j CROSS JOIN traces t ON t.id = j.value
      ORDER BY t.start_us DESC, t.trace_id DESC`;
    return connection.prepare(sql).all(JSON.stringify(ids));
  }, "DEFERRED");
}
