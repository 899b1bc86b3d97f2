import type { Place } from "../paging.ts";
import { compareText } from "../plain-text.ts";
import { CHUNK } from "./chunk.ts";
import type { Conditions } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import { BLOCK } from "./keep-spans.ts";
import { type WordSearch, wordSearch } from "./word-search.ts";

/** So many traces are asked one by one whether they have the words: some 10 ms. */
const FEW = 500;
/** Spans of a trace, as they often are. */
const SPANS = 10;
/** Spans that are looked up at a time: the first time a few, as they often do. */
const FIRST = 256;
const MOST = 4_096;

/** The ids of the newest traces that have the words in one span. */
export function textHits(
  connection: Connection,
  conditions: Conditions,
  wanted: string,
  place: Place | undefined,
  limit: number,
): number[] {
  return connection.snapshot(() => {
    const search = wordSearch(connection, wanted);
    // How many traces have to be asked where all are alike.
    const asked = limit / Math.min(1, search.share() * SPANS);
    const found =
      conditions.most <= FEW || asked <= FEW ? amongTraces(connection, conditions, search, place, limit) : undefined;
    return found ?? amongSpans(connection, conditions, search, place, limit);
  });
}

function startingAfter(time: string, place: Place | undefined): { where: string; values: (string | number)[] } {
  if (!place) return { where: "", values: [] };
  return { where: ` AND ${time} <= ? AND (${time} < ? OR t.trace_id < ?)`, values: [place.us, place.us, place.id] };
}

/** Asks the newest traces one after the other. @returns undefined when those were too few to say */
function amongTraces(
  { prepare }: Connection,
  { from, where, values, time }: Conditions,
  search: WordSearch,
  place: Place | undefined,
  limit: number,
): number[] | undefined {
  const after = startingAfter(time, place);
  const sql = `SELECT t.id FROM ${from} WHERE ${where}${after.where} ORDER BY ${time} DESC, t.trace_id DESC LIMIT ?`;
  const found: number[] = [];
  let asked = 0;
  for (const { id } of prepare(sql).iterate(...values, ...after.values, FEW + 1)) {
    if (++asked > FEW) return undefined;
    if (search.hasTrace(id) && found.push(id) === limit) break;
  }
  return found;
}

interface Hit {
  readonly id: number;
  readonly start_us: number;
  readonly trace_id: string;
}

/**
 * Goes through the spans that have the words from the one that came last, until none that came earlier can belong to a
 * newer trace: a trace starts no later than its spans.
 */
function amongSpans(
  connection: Connection,
  { from, where, values, time }: Conditions,
  search: WordSearch,
  place: Place | undefined,
  limit: number,
): number[] {
  const after = startingAfter(time, place);
  const fits = connection.prepare(
    `SELECT t.id, t.start_us, t.trace_id FROM (
      SELECT DISTINCT s.trace FROM json_each(?) j CROSS JOIN span_rows s ON s.id = j.value
    ) h CROSS JOIN traces t ON t.id = h.trace ${from.startsWith("trace_terms") ? "CROSS JOIN trace_terms x ON x.trace = t.id AND x.start_us = t.start_us" : ""}
    WHERE ${where}${after.where}`,
  );
  const found = new Map<number, Hit>();
  let newest: Hit[] = [];
  let bounds: readonly Bound[] | undefined;
  let size = FIRST;
  let spans: number[] = [];
  const look = () => {
    for (const hit of fits.all(JSON.stringify(spans), ...values, ...after.values)) found.set(hit.id, hit);
    spans = [];
    newest = [...found.values()]
      .sort((a, b) => b.start_us - a.start_us || compareText(b.trace_id, a.trace_id))
      .slice(0, limit);
  };
  for (const id of search.spans()) {
    spans.push(id);
    if (spans.length < size) continue;
    look();
    size = Math.min(size * 2, MOST);
    if (newest.length < limit) continue;
    bounds ??= boundsOf(connection);
    if (newestBelow(bounds, id) < newest.at(-1)!.start_us) break;
  }
  if (spans.length > 0) look();
  return newest.map(({ id }) => id);
}

interface Bound {
  readonly block: number;
  /** The latest start in this block and all before. */
  readonly newestUs: number;
}

function boundsOf({ prepare }: Connection): Bound[] {
  let newestUs = 0;
  return prepare("SELECT id, newest_us FROM blocks ORDER BY id")
    .all()
    .map(({ id, newest_us }) => ({ block: id, newestUs: (newestUs = Math.max(newestUs, newest_us)) }));
}

/** The latest start of the spans that came before this one, or in its block. */
function newestBelow(bounds: readonly Bound[], id: number): number {
  const block = Math.floor(id / (CHUNK * BLOCK));
  return bounds.findLast((bound) => bound.block <= block)?.newestUs ?? 0;
}
