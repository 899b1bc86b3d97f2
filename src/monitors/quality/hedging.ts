import { checkOptions } from "../../core/check-options.ts";
import { languageOf } from "./language.ts";
import type { Scorer } from "./scorer.ts";
import { numbersOf, sentencesOf, wordsOf } from "./words.ts";

export interface Markers {
  /** Words, or words in a row, that leave room for doubt. */
  readonly hedges: readonly string[];
  /** Those that leave none. */
  readonly absolutes: readonly string[];
}

export interface HedgingOptions {
  /** Markers of a language by its ISO 639-1 code, instead of ours or for one that has none: en, de, fr and es have. */
  markers?: { readonly [language: string]: Markers };
}

const MARKERS: { readonly [language: string]: Markers } = {
  en: {
    hedges: [
      "may",
      "might",
      "could",
      "possibly",
      "likely",
      "approximately",
      "it appears",
      "based on",
      "according to",
      "generally",
      "perhaps",
      "probably",
    ],
    absolutes: ["always", "never", "definitely", "certainly", "all", "everyone knows", "it is a fact", "undoubtedly"],
  },
  de: {
    hedges: [
      "könnte",
      "könnten",
      "möglicherweise",
      "vielleicht",
      "vermutlich",
      "wahrscheinlich",
      "etwa",
      "ungefähr",
      "laut",
      "in der regel",
      "offenbar",
      "anscheinend",
    ],
    absolutes: ["immer", "nie", "niemals", "definitiv", "sicherlich", "alle", "jeder weiß", "zweifellos", "garantiert"],
  },
  fr: {
    hedges: [
      "peut",
      "pourrait",
      "pourraient",
      "peut être",
      "probablement",
      "environ",
      "selon",
      "il semble",
      "généralement",
      "éventuellement",
    ],
    absolutes: [
      "toujours",
      "jamais",
      "certainement",
      "absolument",
      "tous",
      "tout le monde sait",
      "indubitablement",
      "sans aucun doute",
    ],
  },
  es: {
    hedges: [
      "puede",
      "podría",
      "podrían",
      "quizás",
      "tal vez",
      "posiblemente",
      "probablemente",
      "aproximadamente",
      "según",
      "parece",
      "generalmente",
    ],
    absolutes: [
      "siempre",
      "nunca",
      "jamás",
      "definitivamente",
      "ciertamente",
      "todos",
      "todo el mundo sabe",
      "indudablemente",
      "sin duda",
    ],
  },
};

/** What one marker in each sentence does to the score; the course's numbers. */
const ABSOLUTE = 0.3;
const FIGURE = 0.1;
const HEDGE = 0.1;

/**
 * How carefully an answer speaks: 1 less the density of absolute words and of bare figures, plus that of hedges, by sentence.
 * The course calls this hallucination risk. It is not: it sees the manner of speaking, and a confident truth scores below a
 * hedged untruth. Good for noticing that the manner has changed. Cannot judge languages without markers.
 *
 * @example
 * import { hedging } from "sightline/monitors";
 * hedging({ markers: { it: { hedges: ["forse", "circa"], absolutes: ["sempre", "mai"] } } });
 */
export function hedging(options: HedgingOptions = {}): Scorer {
  checkOptions("hedging", options, { markers: [isMarkers, "{ [language]: { hedges: [words], absolutes: [words] } }"] });
  const markers = new Map(
    Object.entries({ ...MARKERS, ...options.markers }).map(([language, { hedges, absolutes }]) => [
      language,
      { hedges: hedges.map(phrase), absolutes: absolutes.map(phrase) },
    ]),
  );
  return {
    name: "hedging",
    higherIsBetter: true,
    score({ output }) {
      const words = wordsOf(output);
      const found = markers.get(languageOf(output) ?? "");
      if (found === undefined || words.length === 0) return undefined;
      const said = phrase(words.join(" "));
      const sentences = sentencesOf(output);
      const [hedges, absolutes] = [times(said, found.hedges), times(said, found.absolutes)];
      const figures = figuresIn(output);
      const value = 1 - (ABSOLUTE * absolutes + FIGURE * figures - HEDGE * hedges) / sentences;
      const reason = `in ${sentences} sentences ${absolutes} absolute words, ${figures} figures, ${hedges} hedges`;
      return { value: Math.max(0, Math.min(1, value)), reason };
    },
  };
}

/** Words with a space at both ends, so that they are found whole. */
function phrase(words: string): string {
  return ` ${wordsOf(words).join(" ")} `;
}

function times(text: string, phrases: readonly string[]): number {
  let count = 0;
  for (const each of phrases) {
    // The space at the end of one is that at the start of the next.
    for (let at = text.indexOf(each); at !== -1; at = text.indexOf(each, at + each.length - 1)) count++;
  }
  return count;
}

/** Years, shares in percent and amounts of money: what sounds exact. */
function figuresIn(text: string): number {
  return numbersOf(text).filter(({ value, start, end }) => {
    const before =
      text
        .slice(Math.max(0, start - 2), start)
        .trimEnd()
        .at(-1) ?? "";
    const after = text.slice(end, end + 2).trimStart()[0] ?? "";
    return /[$€£¥₹]/.test(before) || /[%‰€£¥₹]/.test(after) || /^(?:1[5-9]|20)\d\d$/.test(value);
  }).length;
}

function isMarkers(value: unknown): boolean {
  const isWords = (words: unknown): boolean =>
    Array.isArray(words) && words.every((word) => typeof word === "string" && wordsOf(word).length > 0);
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((each) => isWords(each?.hedges) && isWords(each?.absolutes))
  );
}
