import type { Conditions } from "./conditions.ts";
import type { WordSearch } from "./word-search.ts";

/** What is looked for: so many of the newest traces that fulfil the conditions and have the words in one span. */
export interface Wanted extends Conditions {
  readonly having: WordSearch;
  readonly limit: number;
}

/** Ends with the ids of the newest traces that have the words; before, each turn says what it cost. */
export type Search = Generator<number, number[]>;

/** About how many µs a span that has the words takes, and a trace with each of its spans. */
export const COST = { span: 5, trace: 10, spanOfTrace: 0.7 };
