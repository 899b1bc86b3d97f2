import type { Place } from "../paging.ts";
import { compareText } from "../plain-text.ts";
import { CHUNK } from "./chunk.ts";
import type { Conditions } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import { BLOCK } from "./keep-spans.ts";

/** So few traces are asked one by one whether they have the words. */
const FEW = 200;
/** Spans that are looked up at a time: the first time a few, as they often do. */
const FIRST = 256;
const MOST = 4_096;

/** A query for all the words, each as it is. */
export function matchOf(wanted: string): string {
  return wanted
    .split(" ")
    .map((word) => `"${word}"`)
    .join(" ");
}

/**
 * Whether a span of `t` has the words. The index is asked for each chunk that the trace has spans in: to ask for each span
 * takes ten times as long where the words are rare.
 */
export const HAS_WORDS: string = `EXISTS (
  SELECT 1 FROM (SELECT DISTINCT id / ${CHUNK} * ${CHUNK} AS first FROM span_rows WHERE trace = t.id) c
    CROSS JOIN span_words w ON w.rowid BETWEEN c.first AND c.first + ${CHUNK - 1}
    CROSS JOIN span_rows s ON s.id = w.rowid
  WHERE w.span_words MATCH ? AND s.trace = t.id)`;

interface Hit {
  readonly id: number;
  readonly start_us: number;
  readonly trace_id: string;
}

/**
 * The ids of the newest traces that have the words in one span. Goes through the spans that have them from the one that
 * came last, until none that came earlier can belong to a newer trace: a trace starts no later than its spans.
 */
export function textHits(
  connection: Connection,
  conditions: Conditions,
  wanted: string,
  place: Place | undefined,
  limit: number,
): number[] {
  const { prepare } = connection;
  const { from, where, values, time, most } = conditions;
  const after = place ? ` AND ${time} <= ? AND (${time} < ? OR t.trace_id < ?)` : "";
  const given = [...values, ...(place ? [place.us, place.us, place.id] : [])];
  const match = matchOf(wanted);
  if (most <= FEW) {
    const sql = `SELECT t.id FROM ${from} WHERE ${where}${after} AND ${HAS_WORDS}
      ORDER BY ${time} DESC, t.trace_id DESC LIMIT ?`;
    return prepare(sql)
      .all(...given, match, limit)
      .map(({ id }) => id);
  }
  const fits = prepare(
    `SELECT t.id, t.start_us, t.trace_id FROM (
      SELECT DISTINCT s.trace FROM json_each(?) j CROSS JOIN span_rows s ON s.id = j.value
    ) h CROSS JOIN traces t ON t.id = h.trace ${from.startsWith("trace_terms") ? "CROSS JOIN trace_terms x ON x.trace = t.id AND x.start_us = t.start_us" : ""}
    WHERE ${where}${after}`,
  );
  const found = new Map<number, Hit>();
  let newest: Hit[] = [];
  let bounds: readonly Bound[] | undefined;
  let size = FIRST;
  let spans: number[] = [];
  const look = () => {
    for (const hit of fits.all(JSON.stringify(spans), ...given)) found.set(hit.id, hit);
    spans = [];
    newest = [...found.values()]
      .sort((a, b) => b.start_us - a.start_us || compareText(b.trace_id, a.trace_id))
      .slice(0, limit);
  };
  const matching = prepare("SELECT rowid AS id FROM span_words WHERE span_words MATCH ? ORDER BY rowid DESC");
  for (const { id } of matching.iterate(match)) {
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
