import type { Place } from "../paging.ts";
import { compareText } from "../plain-text.ts";
import { CHUNK } from "./chunk.ts";
import type { Conditions } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import { BLOCK } from "./keep-spans.ts";

/** Spans that are looked at in a turn. */
const SPANS = { first: 256, most: 1_024 };
/** Traces that are asked in a turn: one takes 300 µs, as long as 100 spans. */
const TRACES = 16;
/** Spans that are looked at before the first trace is asked, and where the filters promise that more will do, most. */
const LEAD = { least: 512, most: 8_192 };

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

/** Ends with the ids of the newest traces that have the words; before, it lets others have their turn. */
type Search = Generator<void, number[]>;

/**
 * The ids of the newest traces that have the words in one span. Rare words are quickest found from the words on, frequent
 * ones from the traces on; which they are with these filters is not known. So both searches go on in turns, and the
 * first that ends has the answer.
 */
export function textHits(
  connection: Connection,
  conditions: Conditions,
  wanted: string,
  place: Place | undefined,
  limit: number,
): number[] {
  const { time, values } = conditions;
  const after = place ? ` AND ${time} <= ? AND (${time} < ? OR t.trace_id < ?)` : "";
  const asked: Asked = {
    ...conditions,
    where: conditions.where + after,
    values: [...values, ...(place ? [place.us, place.us, place.id] : [])],
    ...{ match: matchOf(wanted), limit },
  };
  const searches = [fromWords(connection, asked), fromTraces(connection, asked)];
  try {
    for (;;) {
      for (const search of searches) {
        const { done, value } = search.next();
        if (done) return value;
      }
    }
  } finally {
    for (const search of searches) search.return([]);
  }
}

interface Asked extends Conditions {
  readonly match: string;
  readonly limit: number;
}

/** Asks one trace after the other, newest first. */
function* fromTraces({ prepare }: Connection, { from, where, values, time, match, limit }: Asked): Search {
  const found: number[] = [];
  const sql = `SELECT t.id, ${HAS_WORDS} AS hasWords FROM ${from} WHERE ${where} ORDER BY ${time} DESC, t.trace_id DESC`;
  let asked = 0;
  for (const { id, hasWords } of prepare(sql).iterate(match, ...values)) {
    if (hasWords && found.push(id) === limit) break;
    if (++asked % TRACES === 0) yield;
  }
  return found;
}

/**
 * Goes through the spans that have the words from the one that came last, until none that came earlier can belong to a
 * newer trace: a trace starts no later than its spans.
 */
function* fromWords(connection: Connection, { from, where, values, most, match, limit }: Asked): Search {
  const { prepare } = connection;
  const { spans: all, traces } = prepare("SELECT sum(spans) AS spans, sum(traces) AS traces FROM projects").get();
  // Enough when every trace has the words.
  const enough = 2 * limit * (all / Math.min(most, traces));
  const lead = enough > LEAD.most ? LEAD.least : enough;
  let seen = 0;
  const fits = prepare(
    `SELECT t.id, t.start_us, t.trace_id FROM (
      SELECT DISTINCT s.trace FROM json_each(?) j CROSS JOIN span_rows s ON s.id = j.value
    ) h CROSS JOIN traces t ON t.id = h.trace ${from.startsWith("trace_terms") ? "CROSS JOIN trace_terms x ON x.trace = t.id AND x.start_us = t.start_us" : ""}
    WHERE ${where}`,
  );
  const found = new Map<number, Hit>();
  let newest: Hit[] = [];
  let bounds: readonly Bound[] | undefined;
  let size = SPANS.first;
  let spans: number[] = [];
  const look = () => {
    for (const hit of fits.all(JSON.stringify(spans), ...values)) found.set(hit.id, hit);
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
    bounds ??= boundsOf(connection);
    if (newest.length === limit && newestBelow(bounds, id) < newest.at(-1)!.start_us) break;
    seen += size;
    if (seen >= lead) yield;
    size = Math.min(size * 2, SPANS.most);
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
