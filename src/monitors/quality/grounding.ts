import { checkOptions } from "../../core/check-options.ts";
import type { Sample, Scorer } from "./scorer.ts";
import { numbersOf, wordsOf } from "./words.ts";

export interface GroundingOptions {
  /** What the answer may draw on. Default: the question and the context: instructions, earlier messages, what tools answered. */
  sources?: (sample: Sample) => string;
  /** Numbers of fewer digits are no claims: `2` is everywhere. Default: 2. */
  minDigits?: number;
}

/** Characters of a quotation that is held against the source; longer ones are not looked for. */
const MAX_QUOTE = 200;
const QUOTES: readonly (readonly [open: string, close: string])[] = [
  ['"', '"'],
  ["“", "”"],
  ["„", "“"],
  ["«", "»"],
  ["「", "」"],
];

/**
 * The share of an answer's claims that stand in what the model was given: its numbers (years, dates, amounts, shares) and
 * what it puts in quotation marks. Sees invented figures and quotations where there is a source, such as retrieved documents;
 * not claims in plain words, and a figure that was rightly worked out counts as not grounded. Cannot judge answers without
 * claims, or without a source.
 *
 * @example
 * import { grounding } from "sightline/monitors";
 * grounding({ sources: ({ context }) => context });
 */
export function grounding(options: GroundingOptions = {}): Scorer {
  checkOptions("grounding", options, {
    sources: [(value) => typeof value === "function", "a function, (sample) => text"],
    minDigits: [(value) => Number.isInteger(value) && (value as number) >= 1, "a whole number from 1 on"],
  });
  const { sources = ({ input, context }: Sample) => `${input}\n${context}`, minDigits = 2 } = options;
  return {
    name: "grounding",
    higherIsBetter: true,
    score(sample) {
      const source = sources(sample);
      if (typeof source !== "string" || source.trim() === "") return undefined;
      const figures = claimedNumbers(sample.output, minDigits);
      const quotes = quotesIn(sample.output);
      const claims = figures.length + quotes.length;
      if (claims === 0) return undefined;
      const known = new Set(numbersOf(source).map(({ value }) => value));
      const words = ` ${wordsOf(source).join(" ")} `;
      const grounded =
        figures.filter((figure) => known.has(figure)).length +
        quotes.filter((quote) => words.includes(` ${quote} `)).length;
      return { value: grounded / claims, reason: `${grounded} of ${claims} claims are in the source` };
    },
  };
}

/** Each one once: an answer that repeats a figure does not claim more. */
function claimedNumbers(text: string, minDigits: number): string[] {
  const values = numbersOf(text).map(({ value }) => value);
  return [...new Set(values.filter((value) => value.replace(".", "").length >= minDigits))];
}

function quotesIn(text: string): string[] {
  const found = new Set<string>();
  for (const [open, close] of QUOTES) {
    for (let at = text.indexOf(open); at !== -1; ) {
      const end = text.indexOf(close, at + 1);
      if (end === -1) break;
      const quote = end - at <= MAX_QUOTE ? wordsOf(text.slice(at + 1, end)).join(" ") : "";
      if (quote.length > 1) found.add(quote);
      at = text.indexOf(open, end + 1);
    }
  }
  return [...found];
}
