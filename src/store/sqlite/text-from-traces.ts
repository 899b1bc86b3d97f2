import type { Connection } from "./connection.ts";
import { COST, type Search, type Wanted } from "./text-search.ts";

/** Traces that are asked in a turn, and how many spans they have together before another turn begins. */
const WINDOW = { least: 16, most: 512, spans: 8_192 };
/** Spans with the words that are read in the time that it takes to ask the index once more. */
const ASK = 500;
/** Further than this the words may be as frequent as they like. */
const FAR = 65_536;

/**
 * Goes through the traces that the filters leave, newest first. The index is asked for the numbers from the first to the last of
 * their spans, and once more after each gap in which there are many spans of others that have the words.
 *
 * @param distance of so many numbers of spans one has the words
 */
export function* fromTraces(
  connection: Connection,
  { from, where, values, time, match, limit }: Wanted,
  distance: number,
): Search {
  const { prepare } = connection;
  const found: number[] = [];
  const sql = `SELECT t.id, t.spans FROM ${from} WHERE ${where} ORDER BY ${time} DESC, t.trace_id DESC`;
  const gap = Math.min(FAR, ASK * distance);
  let size = Math.max(WINDOW.least, limit);
  let window: number[] = [];
  let spans = 0;
  const look = (): number => {
    const { having, asked } = tracesWithWords(connection, window, match, gap);
    found.push(...window.filter((id) => having.has(id)));
    const took = window.length * COST.trace + asked * COST.ask;
    size = Math.min(2 * size, WINDOW.most);
    window = [];
    spans = 0;
    return took;
  };
  for (const trace of prepare(sql).iterate(...values)) {
    window.push(trace.id);
    spans += trace.spans;
    if (window.length < size && spans < WINDOW.spans) continue;
    const took = look();
    if (found.length >= limit) break;
    yield took;
  }
  if (window.length > 0) look();
  return found.slice(0, limit);
}

/** Which of the traces have a span with the words, and how often the index was asked. */
function tracesWithWords(
  { prepare }: Connection,
  traces: readonly number[],
  match: string,
  gap: number,
): { readonly having: ReadonlySet<number>; readonly asked: number } {
  const spans = prepare(
    `SELECT json_group_array(s.id) AS ids, json_group_array(s.trace) AS traces FROM json_each(?) j
      CROSS JOIN span_rows s INDEXED BY span_rows_by_id ON s.trace = j.value`,
  ).get(JSON.stringify(traces));
  const of: readonly number[] = JSON.parse(spans.traces);
  const traceOf = new Map((JSON.parse(spans.ids) as number[]).map((id, i) => [id, of[i]!]));
  const ids = Float64Array.from(traceOf.keys()).sort();
  const between = prepare(
    "SELECT json_group_array(rowid) AS ids FROM span_words WHERE span_words MATCH ? AND rowid BETWEEN ? AND ?",
  );
  const having = new Set<number>();
  let asked = 0;
  for (let first = 0, last = 0; first < ids.length; first = last + 1) {
    for (last = first; last + 1 < ids.length && ids[last + 1]! - ids[last]! <= gap; ) last += 1;
    asked += 1;
    for (const id of JSON.parse(between.get(match, ids[first]!, ids[last]!).ids)) {
      const trace = traceOf.get(id);
      if (trace !== undefined) having.add(trace);
    }
  }
  return { having, asked };
}
