import type { Json } from "../core/json.ts";

const LENGTH = 120;
const SPACE = /\s+/g;

/**
 * The first 120 characters of what a person would read in a payload, on one line: a text as it is; of messages the last
 * one's content; of an object its `content`, `text`, `output_text`, `input`, `output`, `message`, `query` or `question`,
 * where that is such a thing; of anything else its JSON.
 */
export function preview(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return cut(readable(value, 0) ?? JSON.stringify(value).slice(0, 4 * LENGTH));
}

const KEYS = [
  "content",
  "text",
  "output_text",
  "input",
  "output",
  "message",
  "messages",
  "query",
  "question",
  "choices",
];

function readable(value: Json, depth: number): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  if (typeof value !== "object" || value === null || depth > 4) return undefined;
  if (Array.isArray(value)) {
    const last = value.at(-1);
    return last === undefined || typeof last !== "object" ? undefined : readable(last, depth + 1);
  }
  for (const key of KEYS) {
    const inside = (value as { readonly [key: string]: Json })[key];
    const found = inside === undefined ? undefined : readable(inside, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Without the lone half of a pair that the cut may leave: it would not survive UTF-8. */
function cut(text: string): string {
  const line = text.slice(0, 4 * LENGTH).replace(SPACE, " ").trim();
  return line.slice(0, LENGTH).replace(/[\uD800-\uDBFF]$/, "");
}
