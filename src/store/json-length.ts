import type { Json } from "../core/json.ts";

/**
 * Characters of a value's JSON, where what JSON escapes counts as one: to look for that at each character would take 4 % of
 * what storing a span takes, and a text with line breaks would be written as JSON for it. At any depth.
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
  return text.length + 2;
}
