import { limitOf } from "../paging.ts";
import { plainText } from "../plain-text.ts";
import type { ValuesQuery } from "../trace-store.ts";
import type { Connection } from "./connection.ts";

/** The values that traces have in a field, those of most traces first. */
export function listValues(
  { prepare }: Connection,
  project: number | undefined,
  query: ValuesQuery,
): { value: string; traces: number }[] {
  const { field, fromUs } = query;
  const limit = limitOf(query.limit, 20, 1_000);
  if (project === undefined) return [];
  const prefix = plainText(query.prefix ?? "").toLowerCase();
  const begins = prefix === "" ? "" : " AND folded >= ? AND folded < ?";
  const given = prefix === "" ? [] : [prefix, `${prefix}\u{10FFFF}`];
  const sql =
    fromUs === undefined
      ? `SELECT value, traces FROM terms WHERE project = ? AND field = ?${begins} AND traces > 0 AND value <> ''
          ORDER BY traces DESC, value LIMIT ?`
      : `SELECT value, traces FROM (
          SELECT value, (SELECT count(*) FROM trace_terms x WHERE x.term = terms.id AND x.start_us >= ?) AS traces
            FROM terms WHERE project = ? AND field = ?${begins} AND terms.traces > 0 AND value <> ''
        ) WHERE traces > 0 ORDER BY traces DESC, value LIMIT ?`;
  const from = fromUs === undefined ? [] : [fromUs];
  return prepare(sql)
    .all(...from, project, field, ...given, limit)
    .map(({ value, traces }) => ({ value, traces }));
}
