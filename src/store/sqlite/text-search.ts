import { CHUNK } from "./chunk.ts";
import type { Conditions } from "./conditions.ts";

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

/** What is looked for: so many of the newest traces that fulfil the conditions and have the words. */
export interface Wanted extends Conditions {
  readonly match: string;
  readonly limit: number;
}

/** Ends with the ids of the newest traces that have the words; before, each turn says what it cost. */
export type Search = Generator<number, number[]>;

/** About how many µs a span that has the words takes, a trace, and to ask the index once. */
export const COST = { span: 5, trace: 10, ask: 60 };
