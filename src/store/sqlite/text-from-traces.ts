import type { Connection } from "./connection.ts";
import { COST, type Search, type Wanted } from "./text-search.ts";
import type { WordSearch } from "./word-search.ts";

/** Traces that are looked at in a turn, and how many spans they have together before another turn begins. */
const WINDOW = { least: 16, most: 512, spans: 8_192 };

/** Goes through the traces that the filters leave, newest first. */
export function* fromTraces(connection: Connection, { from, where, values, time, having, limit }: Wanted): Search {
  const { prepare } = connection;
  const found: number[] = [];
  const sql = `SELECT t.id, t.spans FROM ${from} WHERE ${where} ORDER BY ${time} DESC, t.trace_id DESC`;
  let size = Math.max(WINDOW.least, limit);
  let window: number[] = [];
  let spans = 0;
  const look = (): void => {
    found.push(...tracesHaving(connection, window, having));
    size = Math.min(2 * size, WINDOW.most);
    window = [];
    spans = 0;
  };
  for (const trace of prepare(sql).iterate(...values)) {
    window.push(trace.id);
    spans += trace.spans;
    if (window.length < size && spans < WINDOW.spans) continue;
    const took = window.length * COST.trace + spans * COST.spanOfTrace;
    look();
    if (found.length >= limit) break;
    yield took;
  }
  if (window.length > 0) look();
  return found.slice(0, limit);
}

/** Those of the traces that have a span with the words, in their order. */
export function tracesHaving({ prepare }: Connection, traces: readonly number[], having: WordSearch): number[] {
  const spans = prepare(
    `SELECT json_group_array(s.id) AS ids, json_group_array(s.trace) AS traces FROM json_each(?) j
      CROSS JOIN span_rows s INDEXED BY span_rows_by_id ON s.trace = j.value`,
  ).get(JSON.stringify(traces));
  const of: readonly number[] = JSON.parse(spans.traces);
  const hits = new Set<number>();
  for (const [i, id] of (JSON.parse(spans.ids) as number[]).entries()) {
    if (!hits.has(of[i]!) && having.has(id)) hits.add(of[i]!);
  }
  return traces.filter((trace) => hits.has(trace));
}
