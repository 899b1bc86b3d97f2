import { checkOptions } from "../../core/check-options.ts";
import type { Scorer } from "./scorer.ts";
import { wordsOf } from "./words.ts";

export interface RepetitionOptions {
  /** Words in a row that make a piece. Default: 4. */
  words?: number;
}

/** Fewer pieces say nothing. */
const MIN_PIECES = 20;
/** A longer word is taken in parts of eight letters: `hahahaha…`, or a number that never ends. */
const LONG_WORD = 64;
const PART = 8;

/**
 * The share of an answer's pieces of four words that it has said before; lower is better. Prose is below 0.1, a model that
 * runs in circles near 1. Sees words that come back in the same order; tables and code repeat rightly, and an idea said again
 * in other words goes unseen. Cannot judge short answers.
 *
 * @example
 * import { repetition } from "sightline/monitors";
 * repetition({ words: 6 });
 */
export function repetition(options: RepetitionOptions = {}): Scorer {
  checkOptions("repetition", options, {
    words: [(value) => Number.isInteger(value) && (value as number) >= 1, "a whole number from 1 on"],
  });
  const { words: size = 4 } = options;
  return {
    name: "repetition",
    higherIsBetter: false,
    score({ output }) {
      const words = wordsOf(output).flatMap(parts);
      const pieces = words.length - size + 1;
      if (pieces < MIN_PIECES) return undefined;
      const seen = new Set<string>();
      for (let at = 0; at < pieces; at++) seen.add(words.slice(at, at + size).join(" "));
      return 1 - seen.size / pieces;
    },
  };
}

function parts(word: string): string | string[] {
  if (word.length <= LONG_WORD) return word;
  return Array.from({ length: Math.ceil(word.length / PART) }, (_, at) => word.slice(PART * at, PART * (at + 1)));
}
