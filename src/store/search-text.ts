import type { Json } from "../core/json.ts";
import type { SpanRecord } from "../core/record.ts";
import { words } from "./words.ts";

/**
 * The words that full-text search finds a span by: those of its name, its error's message (else its status's), and of
 * the texts and numbers inside input and output. Names of keys are not among them.
 */
export function searchText(record: SpanRecord): string {
  const parts = [record.name];
  const message = record.error?.message ?? record.status.message;
  if (typeof message === "string") parts.push(message);
  gather(record.input, parts);
  gather(record.output, parts);
  return words(parts.join(" "));
}

/** Without recursion: what was not captured here may be nested as deep as a parser goes. */
function gather(payload: Json | undefined, parts: string[]): void {
  const stack: (Json | undefined)[] = [payload];
  while (stack.length > 0) {
    const value = stack.pop();
    if (typeof value === "string") parts.push(value);
    else if (typeof value === "number") parts.push(String(value));
    else if (typeof value === "object" && value !== null) {
      const inside = Array.isArray(value) ? value : Object.values(value);
      for (let i = inside.length - 1; i >= 0; i--) stack.push(inside[i]);
    }
  }
}
