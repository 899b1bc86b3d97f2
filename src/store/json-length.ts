import type { Json } from "../core/json.ts";

/** What JSON writes as more than one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them
const ESCAPED = /["\\\0-\x1f\ud800-\udfff]/;

/**
 * `JSON.stringify(value).length`, without making that text where it can be told from the parts, and at any depth. For
 * what is plain data: no `toJSON`, no `undefined`.
 */
export function jsonLength(value: Json): number {
  let length = 0;
  const stack: Json[] = [value];
  while (stack.length > 0) {
    const inside = stack.pop()!;
    if (typeof inside === "string") length += textLength(inside);
    else if (typeof inside !== "object" || inside === null) length += JSON.stringify(inside).length;
    else if (Array.isArray(inside)) {
      length += 2 + Math.max(0, inside.length - 1);
      for (const item of inside) stack.push(item);
    } else {
      const keys = Object.keys(inside);
      length += 2 + Math.max(0, keys.length - 1);
      for (const key of keys) {
        length += textLength(key) + 1;
        stack.push(inside[key]!);
      }
    }
  }
  return length;
}

function textLength(text: string): number {
  return ESCAPED.test(text) ? JSON.stringify(text).length : text.length + 2;
}
