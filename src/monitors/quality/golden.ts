import { ConfigError } from "../../core/errors.ts";
import type { Scorer } from "./scorer.ts";
import { wordsOf } from "./words.ts";

export interface GoldenOptions {
  /**
   * How an answer is held against the expected one. `exact`: the same characters. `normalised`: the same words, whatever their
   * case and punctuation. `levenshtein`: 1 less the share of characters to change. `token_f1`: how many words they share, as in
   * SQuAD. Default: `token_f1`.
   */
  by?: "exact" | "normalised" | "levenshtein" | "token_f1";
}

/** Characters of each text that are compared one by one: four million steps, some 10 ms. */
const MAX_COMPARED = 2_000;

const COMPARE: { readonly [by in NonNullable<GoldenOptions["by"]>]: (a: string, b: string) => number } = {
  exact: (a: string, b: string) => Number(a.trim() === b.trim()),
  normalised: (a: string, b: string) => Number(normal(a) === normal(b)),
  levenshtein: (a: string, b: string) => closeness(a.slice(0, MAX_COMPARED), b.slice(0, MAX_COMPARED)),
  token_f1: tokenF1,
};

/**
 * How close an answer is to the expected one of a golden set, which is found by its question, whatever the case and the
 * punctuation; or to the `expected` of `quality`. Sees likeness of words; an answer that is as right in others scores low.
 * Cannot judge a question that is not in the set: replay the set now and then, as a check after each deployment.
 *
 * @param set questions with what should be answered; 100,000 at most
 * @example
 * import { golden } from "sightline/monitors";
 * golden([{ input: "Solve 3x + 11 = 14.", expected: "x = 1" }], { by: "normalised" });
 */
export function golden(
  set: readonly { readonly input: string; readonly expected: string }[],
  options: GoldenOptions = {},
): Scorer {
  const { by = "token_f1" } = options;
  const compare = Object.hasOwn(COMPARE, by) ? COMPARE[by] : undefined;
  if (compare === undefined) {
    throw bad(`golden(): by "${String(by)}" is not known. It takes: ${Object.keys(COMPARE).join(", ")}.`);
  }
  if (!Array.isArray(set) || set.length > 100_000)
    throw bad("golden() takes a list of at most 100,000 { input, expected }.");
  const answers = new Map<string, string>();
  for (const [at, entry] of set.entries()) {
    const { input, expected } = entry ?? {};
    if (typeof input !== "string" || typeof expected !== "string") {
      throw bad(`golden(): entry ${at} must be { input, expected }, both texts.`);
    }
    answers.set(normal(input), expected);
  }
  return {
    name: "golden",
    higherIsBetter: true,
    score({ input, output, expected = answers.get(normal(input)) }) {
      return expected === undefined ? undefined : compare(output, expected);
    },
  };
}

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_SCORER", message);
}

/** Signs count where there are no words: `+` is not `-`. */
function normal(text: string): string {
  return wordsOf(text).join(" ") || text.trim();
}

function tokenF1(output: string, expected: string): number {
  const [said, wanted] = [wordsOf(output), wordsOf(expected)];
  if (said.length === 0 || wanted.length === 0) return Number(normal(output) === normal(expected));
  const left = new Map<string, number>();
  for (const word of wanted) left.set(word, (left.get(word) ?? 0) + 1);
  let shared = 0;
  for (const word of said) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    shared++;
  }
  return (2 * shared) / (said.length + wanted.length);
}

/** 1 less Levenshtein's distance as a share of the longer text. */
function closeness(a: string, b: string): number {
  if (a === b) return 1;
  const row = Uint16Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    let diagonal = row[0]!;
    row[0] = i;
    for (let j = 1; j <= b.length; j++) {
      const above = row[j]!;
      const changed = diagonal + Number(a.charCodeAt(i - 1) !== b.charCodeAt(j - 1));
      row[j] = Math.min(above + 1, row[j - 1]! + 1, changed);
      diagonal = above;
    }
  }
  return 1 - row[b.length]! / Math.max(a.length, b.length);
}
