import type { Place } from "../paging.ts";
import type { Conditions } from "./conditions.ts";
import type { Connection } from "./connection.ts";
import { fromTraces } from "./text-from-traces.ts";
import { fromWords, SAMPLE } from "./text-from-words.ts";
import { COST, type Wanted } from "./text-search.ts";
import { wordSearch } from "./word-search.ts";

/**
 * The ids of the newest traces that have the words in one span. Rare words are quickest found from the words on, frequent
 * ones from the traces on. The search that promises to be quicker begins; when it has taken twice as long as it promised,
 * as words and filters depend on each other, both go on in turns. The first that ends has the answer.
 */
export function textHits(
  connection: Connection,
  conditions: Conditions,
  text: string,
  place: Place | undefined,
  limit: number,
): number[] {
  const { time, values } = conditions;
  const after = place ? ` AND ${time} <= ? AND (${time} < ? OR t.trace_id < ?)` : "";
  const wanted: Wanted = {
    ...conditions,
    where: conditions.where + after,
    values: [...values, ...(place ? [place.us, place.us, place.id] : [])],
    ...{ having: wordSearch(connection, text), limit },
  };
  const sample = wanted.having.before(Number.MAX_SAFE_INTEGER, SAMPLE);
  if (sample.length === 0) return [];
  const all = connection.prepare("SELECT sum(spans) AS spans, sum(traces) AS traces FROM projects").get();
  const { last } = connection.prepare("SELECT max(id) AS last FROM span_rows").get();
  /** Of so many numbers of spans one has the words. */
  const distance = (last - sample.at(-1)! + 1) / sample.length;
  const having = sample.length < SAMPLE ? sample.length : last / distance;
  const promised = promises(wanted, all, having);
  const words = { search: fromWords(connection, wanted, sample), took: 0, promised: promised.words };
  const traces = { search: fromTraces(connection, wanted), took: 0, promised: promised.traces };
  const [leading, other] = words.promised <= traces.promised ? [words, traces] : [traces, words];
  try {
    for (;;) {
      const isLeading = leading.took <= 2 * leading.promised || leading.took <= other.took;
      const next = isLeading ? leading : other;
      const { done, value } = next.search.next();
      if (done) return value;
      next.took += value;
    }
  } finally {
    for (const { search } of [words, traces]) search.return([]);
  }
}

/** About what each search takes if words, filters and time have nothing to do with each other. */
function promises(
  { most, limit }: Wanted,
  all: { readonly spans: number; readonly traces: number },
  having: number,
): { readonly words: number; readonly traces: number } {
  const ofTrace = all.spans / all.traces;
  const share = Math.min(1, most / all.traces);
  const chance = 1 - (1 - Math.min(1, having / all.spans)) ** ofTrace;
  const spans = Math.min(having, (limit * Math.max(1, having / (all.traces * chance))) / share);
  const traces = Math.min(most, all.traces, limit / chance);
  return { words: spans * COST.span, traces: traces * (COST.trace + COST.spanOfTrace * ofTrace) };
}
