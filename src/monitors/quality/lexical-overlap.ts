import { checkOptions } from "../../core/check-options.ts";
import { isCommon } from "./language.ts";
import type { Scorer } from "./scorer.ts";
import { stem, wordsOf } from "./words.ts";

export interface LexicalOverlapOptions {
  /** The share of the question's words that is enough for 1. Default: 2/3, as the course's factor of 1.5 has it. */
  enough?: number;
  /** With fewer words that say something a question cannot be judged by. Default: 2. */
  minWords?: number;
}

/**
 * How much of what the question is about the answer mentions: the share of the question's words that are in the answer, common
 * words left out and endings cut off. A stand-in for relevance that sees words and no meaning: an answer in other words, in
 * another language, or a right "no" scores low; one that repeats the question scores 1.
 *
 * @example
 * import { lexicalOverlap } from "sightline/monitors";
 * lexicalOverlap({ enough: 0.5 });
 */
export function lexicalOverlap(options: LexicalOverlapOptions = {}): Scorer {
  checkOptions("lexicalOverlap", options, {
    enough: [(value) => typeof value === "number" && value > 0 && value <= 1, "a share, above 0 and up to 1"],
    minWords: [(value) => Number.isInteger(value) && (value as number) >= 1, "a whole number from 1 on"],
  });
  const { enough = 2 / 3, minWords = 2 } = options;
  return {
    name: "lexical_overlap",
    higherIsBetter: true,
    score({ input, output }) {
      const asked = telling(input);
      if (asked.size < minWords) return undefined;
      const answered = telling(output);
      let found = 0;
      for (const word of asked) if (answered.has(word)) found++;
      const value = Math.min(1, found / asked.size / enough);
      return { value, reason: `${found} of ${asked.size} words of the question` };
    },
  };
}

/** Words of one letter say nothing, digits do: `2` and `3` are what a sum is about. */
function telling(text: string): Set<string> {
  const words = new Set<string>();
  for (const word of wordsOf(text)) {
    if ((word.length > 1 || /\p{Nd}/u.test(word)) && !isCommon(word)) words.add(stem(word));
  }
  return words;
}
