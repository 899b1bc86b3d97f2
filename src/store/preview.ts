import type { Json } from "../core/json.ts";
import { plainText } from "./plain-text.ts";

const LENGTH = 120;
/** Enough for a line of 120 characters out of text that is indented. */
const READ = 4 * LENGTH;
const SPACE = /\s+/g;
/** Space that a line does not show as it is. */
const WILD = /[^\S ]| {2}|^ /;
const MAX_DEPTH = 4;
const MAX_PARTS = 10;

/**
 * The first 120 characters of what a person would read in a payload, as plain text on one line: a text as it is; of
 * messages the last one's content; of the parts of a content the last one with a text; of an object its `content`, `text`,
 * `output_text`, `input`, `output`, `message`, `messages`, `query`, `question` or `choices`, where that is such a thing;
 * of anything else its JSON. Undefined where nothing is to be read.
 */
export function preview(value: Json | undefined): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const text = readable(value, 0) ?? jsonHead(value);
  const start = text.slice(0, LENGTH);
  const line = WILD.test(start) ? text.slice(0, READ).replace(SPACE, " ").trim().slice(0, LENGTH) : start;
  const whole = plainText(withoutHalfPair(line).trimEnd());
  return whole === "" ? undefined : whole;
}

/** A cut may have gone through a surrogate pair. */
function withoutHalfPair(line: string): string {
  const last = line.charCodeAt(line.length - 1);
  return last >= 0xd800 && last < 0xdc00 ? line.slice(0, -1) : line;
}

const KEYS = [
  ...["content", "text", "output_text", "input", "output"],
  ...["message", "messages", "query", "question", "choices"],
];

function readable(value: Json | undefined, depth: number): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return lastReadable(value, depth);
  for (const key of KEYS) {
    if (!Object.hasOwn(value, key)) continue;
    const found = readable(value[key], depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A list of anything but objects is best seen whole. */
function lastReadable(list: readonly Json[], depth: number): string | undefined {
  for (let i = list.length - 1; i >= Math.max(0, list.length - MAX_PARTS); i--) {
    const part = list[i]!;
    if (typeof part !== "object" || part === null) return undefined;
    const found = readable(part, depth + 1);
    // A message that has only tool calls is not to be mistaken for the one before it.
    if (found !== undefined || "role" in part) return found;
  }
  return undefined;
}

/** The beginning of the value's JSON, made no further than it is shown. */
function jsonHead(value: Json): string {
  let text = "";
  const write = (inside: Json | undefined): void => {
    if (text.length > READ) return;
    if (typeof inside === "string") text += JSON.stringify(inside.slice(0, READ));
    else if (typeof inside !== "object" || inside === null) text += JSON.stringify(inside) ?? "null";
    else if (Array.isArray(inside)) {
      text += "[";
      for (let i = 0; i < inside.length && text.length <= READ; i++) {
        if (i > 0) text += ",";
        write(inside[i]);
      }
      text += "]";
    } else {
      let separator = "{";
      for (const key in inside) {
        if (text.length > READ) break;
        if (!Object.hasOwn(inside, key)) continue;
        text += `${separator}${JSON.stringify(key)}:`;
        separator = ",";
        write(inside[key]);
      }
      text += separator === "{" ? "{}" : "}";
    }
  };
  write(value);
  return text;
}
