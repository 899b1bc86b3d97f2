import { checkOptions } from "../../core/check-options.ts";
import { languageOf } from "./language.ts";
import type { Scorer } from "./scorer.ts";

export interface LanguageMatchOptions {
  /** ISO 639-1 code of the language that every answer must have. Default: that of the question. */
  language?: string;
}

/**
 * 1 for an answer in the language of its question, 0 for one in another. Sees 22 languages: by script ar, el, fa, he, hi, ja, ko,
 * th, zh; by common words de, en, es, fr, it, nl, pl, pt, ru, sv, tr, uk, vi. Cannot judge what is too short or unclear, and
 * is wrong for features that translate: say `language` there, or leave them out.
 *
 * @example
 * import { languageMatch } from "sightline/monitors";
 * languageMatch({ language: "de" });
 */
export function languageMatch(options: LanguageMatchOptions = {}): Scorer {
  checkOptions("languageMatch", options, {
    language: [(value) => typeof value === "string" && /^[a-z]{2}$/.test(value), 'a code such as "de"'],
  });
  return {
    name: "language_match",
    higherIsBetter: true,
    score({ input, output }) {
      const wanted = options.language ?? languageOf(input);
      const found = wanted === undefined ? undefined : languageOf(output);
      if (found === undefined) return undefined;
      return found === wanted ? 1 : { value: 0, reason: `${found} and not ${wanted}` };
    },
  };
}
