import { checkOptions } from "../../core/check-options.ts";
import type { Scorer } from "./scorer.ts";
import { numbersOf, stem, wordsOf } from "./words.ts";

export interface ConsistencyOptions {
  /** Two questions that share so much are the same one, from 0 to 1. Default: 0.7. */
  similarity?: number;
  /** Questions that are remembered of each feature, the newest. 256 bytes each. Default: 200. */
  remember?: number;
}

/** Features of which questions are remembered; the one that was not asked for longest goes. 2.6 MB with the defaults. */
const MAX_FEATURES = 50;
/** Hashes of a signature: the likeness of two texts is told within 0.18 (one standard deviation, at worst). */
const HASHES = 32;
/** Answers to the same question that an answer is held against. */
const MAX_TWINS = 5;

interface Pair {
  readonly input: Uint32Array;
  /** Numbers decide which question it is: "2 + 2" is not "2 + 3". */
  readonly numbers: string;
  readonly output: Uint32Array;
}

/**
 * How alike the answers to like questions are: the mean likeness of an answer to the last ones that the same question got, by
 * the pairs of words that they share. Sees a model that says now this, now that; not which of them is right, and answers that
 * say the same in other words score low. Cannot judge a question that it has not seen before. Remembers within the process.
 *
 * @example
 * import { consistency } from "sightline/monitors";
 * consistency({ similarity: 0.8 });
 */
export function consistency(options: ConsistencyOptions = {}): Scorer {
  checkOptions("consistency", options, {
    similarity: [(value) => typeof value === "number" && value > 0 && value <= 1, "a share, above 0 and up to 1"],
    remember: [(value) => Number.isInteger(value) && (value as number) >= 1, "a whole number from 1 on"],
  });
  const { similarity = 0.7, remember = 200 } = options;
  const features = new Map<string, Pair[]>();

  const pairsOf = (feature: string): Pair[] => {
    const known = features.get(feature) ?? [];
    features.delete(feature);
    features.set(feature, known);
    if (features.size > MAX_FEATURES) features.delete(features.keys().next().value!);
    return known;
  };

  return {
    name: "consistency",
    higherIsBetter: true,
    score({ input, output, feature }) {
      const question = signature(input);
      const answer = signature(output);
      if (question === undefined || answer === undefined) return undefined;
      const pairs = pairsOf(feature ?? "");
      const numbers = numbersOf(input)
        .map(({ value }) => value)
        .join(" ")
        .slice(0, MAX_NUMBERS);
      const twins = pairs
        .filter((pair) => pair.numbers === numbers && likeness(pair.input, question) >= similarity)
        .slice(-MAX_TWINS);
      pairs.push({ input: question, numbers, output: answer });
      if (pairs.length > remember) pairs.shift();
      if (twins.length === 0) return undefined;
      const value = twins.reduce((sum, { output: other }) => sum + likeness(other, answer), 0) / twins.length;
      return { value, reason: `against ${twins.length} answers to the same question` };
    },
  };
}

/** Characters of a question's numbers that are kept. */
const MAX_NUMBERS = 100;

/** MinHash over words and pairs of words: the least of each of 32 hashes. `undefined` for a text without words. */
function signature(text: string): Uint32Array | undefined {
  const words = wordsOf(text).map(stem);
  if (words.length === 0) return undefined;
  const least = new Uint32Array(HASHES).fill(0xffffffff);
  const shingles = new Set<number>();
  let before = 0;
  for (const word of words) {
    const hash = hashOf(word);
    shingles.add(hash);
    if (before !== 0) shingles.add(Math.imul(before, 31) ^ hash);
    before = hash;
  }
  for (const shingle of shingles) {
    for (let i = 0; i < HASHES; i++) {
      const hash = mixed(shingle ^ Math.imul(i + 1, 0x9e3779b1));
      if (hash < least[i]!) least[i] = hash;
    }
  }
  return least;
}

function likeness(a: Uint32Array, b: Uint32Array): number {
  let same = 0;
  for (let i = 0; i < HASHES; i++) if (a[i] === b[i]) same++;
  return same / HASHES;
}

/** FNV-1a. */
function hashOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash;
}

/** The last steps of Murmur3: one bit in changes half of those out. */
function mixed(value: number): number {
  let hash = value;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
