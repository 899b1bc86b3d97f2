import { checkOptions } from "../../core/check-options.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Scorer } from "./scorer.ts";
import { wordsOf } from "./words.ts";

export interface TextLengthOptions {
  /** Default: 1. */
  minWords?: number;
  /** Default: none. */
  maxWords?: number;
}

/**
 * 1 for an answer of `minWords` to `maxWords` words; less the further it is from that: half at half the least, or at twice the
 * most. Sees words and nothing else. In scripts without spaces two letters that follow each other count as a word.
 *
 * @example
 * import { textLength } from "sightline/monitors";
 * textLength({ minWords: 10, maxWords: 5_000 });
 */
export function textLength(options: TextLengthOptions = {}): Scorer {
  const isCount = (value: unknown): boolean => typeof value === "number" && value >= 0;
  const count = [isCount, "a number of words"] as const;
  checkOptions("textLength", options, { minWords: count, maxWords: count });
  const { minWords = 1, maxWords = Number.POSITIVE_INFINITY } = options;
  if (minWords > maxWords) {
    throw new ConfigError("CONFIG_BAD_VALUE", `textLength(): minWords ${minWords} is more than maxWords ${maxWords}.`);
  }
  return {
    name: "length",
    higherIsBetter: true,
    score({ output, isCut }) {
      const words = wordsOf(output).length;
      if (words < minWords) return isCut ? undefined : { value: words / minWords, reason: `${words} words` };
      if (words > maxWords) return { value: maxWords / words, reason: `${words} words` };
      // There was more, and nobody knows how much.
      return isCut && maxWords < Number.POSITIVE_INFINITY ? undefined : 1;
    },
  };
}
