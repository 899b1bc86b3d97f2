import { compareText } from "../plain-text.ts";
import { CHUNK } from "./chunk.ts";
import type { Connection } from "./connection.ts";
import { BLOCK } from "./keep-spans.ts";
import { COST, type Search, type Wanted } from "./text-search.ts";

/** The first spans that are looked at: they also say how frequent the words are. */
export const SAMPLE = 256;
/** Spans that are looked at in a turn. */
const MOST = 1_024;

interface Hit {
  readonly id: number;
  readonly start_us: number;
  readonly trace_id: string;
}

/**
 * Goes through the spans that have the words from the one that came last, until none that came earlier can belong to a
 * newer trace: a trace starts no later than its spans.
 *
 * @param first the last `SAMPLE` of them, or all
 */
export function* fromWords(
  connection: Connection,
  { from, where, values, having, limit }: Wanted,
  first: readonly number[],
): Search {
  const isByTerm = from.startsWith("trace_terms");
  const fits = connection.prepare(
    `SELECT t.id, t.start_us, t.trace_id FROM (
      SELECT DISTINCT s.trace FROM json_each(?) j CROSS JOIN span_rows s ON s.id = j.value
    ) h CROSS JOIN traces t ON t.id = h.trace ${isByTerm ? "CROSS JOIN trace_terms x ON x.trace = t.id AND x.start_us = t.start_us" : ""}
    WHERE ${where}`,
  );
  const found = new Map<number, Hit>();
  let newest: Hit[] = [];
  let bounds: readonly Bound[] | undefined;
  let size = SAMPLE;
  for (let next = first; next.length > 0; next = having.before(next.at(-1)!, size)) {
    // A list of JSON: as rows they would take ten times as long.
    for (const hit of fits.all(JSON.stringify(next), ...values)) found.set(hit.id, hit);
    newest = [...found.values()]
      .sort((a, b) => b.start_us - a.start_us || compareText(b.trace_id, a.trace_id))
      .slice(0, limit);
    if (next.length < size) break;
    bounds ??= boundsOf(connection);
    if (newest.length === limit && newestBelow(bounds, next.at(-1)!) < newest.at(-1)!.start_us) break;
    yield next.length * COST.span;
    size = Math.min(size * 2, MOST);
  }
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
