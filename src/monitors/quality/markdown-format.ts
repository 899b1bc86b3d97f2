import { createRequire } from "node:module";
import { checkOptions, isBoolean, isFunction } from "../../core/check-options.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Scorer, Verdict } from "./scorer.ts";

export interface MarkdownFormatOptions {
  /** Has a heading. Default: `true`, unless `sections` are asked for. */
  headings?: boolean;
  /** Has a list. Default: `true`, unless `sections` are asked for. */
  lists?: boolean;
  /** Has headings with these words in them, whatever their case. */
  sections?: readonly string[];
  /** `marked.lexer`, or what works like it. Default: that of the package `marked`, loaded at the first use. */
  lexer?: Lexer;
}

/** Markdown to tokens: `{ type: "heading", text }`, `{ type: "list" }`, … */
export type Lexer = (markdown: string) => readonly { readonly type: string; readonly text?: string }[];

/** Characters that are read. Hostile markdown costs with the square of its length: 0.1 s of these. */
const READ = 10_000;

/**
 * The share of what was asked for that an answer in markdown has: headings, lists, sections. Sees structure by a parser of
 * markdown, so that a `#` in code is no heading; not whether what stands under a heading belongs there.
 *
 * @throws ConfigError when `marked` is not installed and no `lexer` is given
 * @example
 * import { markdownFormat } from "sightline/monitors";
 * markdownFormat({ sections: ["Summary", "Next steps"] });
 */
export function markdownFormat(options: MarkdownFormatOptions = {}): Scorer {
  const isFlag = [isBoolean, "true or false"] as const;
  const isTexts = (value: unknown): boolean =>
    Array.isArray(value) && value.every((each) => typeof each === "string" && each.trim() !== "");
  checkOptions("markdownFormat", options, {
    headings: isFlag,
    lists: isFlag,
    sections: [isTexts, "a list of titles"],
    lexer: [isFunction, "a function such as marked.lexer"],
  });
  const { sections = [] } = options;
  const { headings = sections.length === 0, lists = sections.length === 0 } = options;
  if (!headings && !lists && sections.length === 0) {
    throw new ConfigError(
      "CONFIG_BAD_VALUE",
      "markdownFormat() has nothing to look for: ask for headings, lists or sections.",
    );
  }
  if (options.lexer === undefined) assertInstalled();
  let { lexer } = options;
  let loading: Promise<Lexer> | undefined;

  const judge = (output: string, lex: Lexer): Verdict => {
    const tokens = lex(output.slice(0, READ));
    const titles = tokens.filter(({ type }) => type === "heading").map(({ text }) => (text ?? "").toLowerCase());
    const checks: [isThere: boolean, name: string][] = sections.map((section) => [
      titles.some((title) => title.includes(section.toLowerCase())),
      `the section "${section}"`,
    ]);
    if (headings) checks.push([titles.length > 0, "a heading"]);
    if (lists) checks.push([tokens.some(({ type }) => type === "list"), "a list"]);
    const missing = checks.filter(([isThere]) => !isThere).map(([, name]) => name);
    const value = 1 - missing.length / checks.length;
    if (missing.length > 0 && output.length > READ) return undefined;
    return missing.length === 0 ? value : { value, reason: `without ${missing.join(", ")}` };
  };

  return {
    name: "markdown_format",
    higherIsBetter: true,
    score({ output, isCut }) {
      // What is missing may stand in what was cut off.
      if (isCut) return undefined;
      if (lexer !== undefined) return judge(output, lexer);
      // Blocks alone: what stands within a paragraph is not asked for, and hostile emphasis takes a second.
      // With a second handler bundlers take it as something that may be missing.
      loading ??= import("marked").then(
        ({ Lexer: Marked }) => (lexer = (text) => new Marked().blockTokens(text, [])),
        missing,
      );
      return loading.then((lex) => judge(output, lex));
    },
  };
}

/** Where it cannot be found out, as in a bundle, the first use says so. */
function assertInstalled(): void {
  try {
    createRequire(import.meta.url).resolve("marked");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") missing(error);
  }
}

function missing(cause: unknown): never {
  const way = "npm install marked, or give markdownFormat({ lexer }) where it is part of a bundle";
  throw new ConfigError("CONFIG_MISSING_PACKAGE", `markdownFormat() needs the package "marked": ${way}.`, { cause });
}
