import { checkOptions, isBoolean } from "../../core/check-options.ts";
import type { Sample, Scorer, Verdict } from "./scorer.ts";

export interface JsonFormatOptions {
  /** JSON within one fence of markdown counts as JSON. Default: `false`, as a parser would fail at it. */
  allowFence?: boolean;
  /** Only an object or a list will do. Default: `true`; `"yes"` alone is JSON too. */
  structured?: boolean;
}

/**
 * 1 for an answer that is JSON, 0 for one that is not. Sees whether a parser takes it; not whether its fields are right, which
 * is what `jsonSchema` is for. Cannot judge an answer that was cut as it was recorded.
 *
 * @example
 * import { jsonFormat } from "sightline/monitors";
 * jsonFormat({ allowFence: true });
 */
export function jsonFormat(options: JsonFormatOptions = {}): Scorer {
  const isFlag = [isBoolean, "true or false"] as const;
  checkOptions("jsonFormat", options, { allowFence: isFlag, structured: isFlag });
  return {
    name: "json_format",
    higherIsBetter: true,
    score(sample) {
      const parsed = parsedOutput(sample, options);
      return "verdict" in parsed ? parsed.verdict : 1;
    },
  };
}

/** The value, or the verdict where there is none. Shared with `jsonSchema`. */
export function parsedOutput(
  { output, isCut }: Sample,
  { allowFence = false, structured = true }: JsonFormatOptions,
): { readonly value: unknown } | { readonly verdict: Verdict } {
  if (isCut) return { verdict: undefined };
  const text = output.trim();
  try {
    const value: unknown = JSON.parse(allowFence ? withoutFence(text) : text);
    if (!structured || (typeof value === "object" && value !== null)) return { value };
    return { verdict: { value: 0, reason: "JSON, but neither an object nor a list" } };
  } catch (error) {
    return { verdict: { value: 0, reason: text === "" ? "empty" : whyNot(text, error) } };
  }
}

/** What stands within the only fence of a text; else the text. */
export function withoutFence(text: string): string {
  if (!text.startsWith("```") || !text.endsWith("```") || text.length < 7) return text;
  const start = text.indexOf("\n");
  return start === -1 ? text : text.slice(start + 1, -3).trim();
}

/** The parser's own words would quote the answer. */
function whyNot(text: string, error: unknown): string {
  if (text.startsWith("```")) return "JSON within a fence of markdown, or text in it";
  const at = /position (\d+)/.exec((error as Error).message)?.[1];
  return at === undefined ? "no JSON" : `no JSON from position ${at} on`;
}
