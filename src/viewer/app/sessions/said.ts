import type { Json } from "../../../core/json.ts";
import { payloadText } from "../parts/payload-text.ts";

/** Beyond this a turn is read on its trace's page. */
const MOST = 6_000;

/** What was said in a turn, for people: the last message of a list of them, the one text of an object, else all of it. */
export function said(payload: Json | undefined): { readonly text: string; readonly isCut: boolean } {
  const text = textOf(payload) ?? payloadText(payload);
  return { text: text.slice(0, MOST), isCut: text.length > MOST };
}

const KEYS = ["content", "text", "question", "prompt", "message", "input", "output", "answer", "query"] as const;
const DEPTH = 4;

function textOf(value: Json | undefined, depth = 0): string | undefined {
  if (typeof value === "string") return value;
  if (value === null || typeof value !== "object" || depth > DEPTH) return undefined;
  if (Array.isArray(value)) {
    const parts = value.map((each) => textOf(each, depth + 1));
    // Parts of one message belong together; of several messages the last one is the turn.
    const isMessages = value.some((each) => typeof each === "object" && each !== null && "role" in each);
    if (isMessages) return parts.findLast((part) => part !== undefined);
    return parts.length > 0 && parts.every((part) => part !== undefined) ? parts.join("\n") : undefined;
  }
  for (const key of KEYS) {
    const inner = Object.hasOwn(value, key) ? textOf(value[key], depth + 1) : undefined;
    if (inner !== undefined) return inner;
  }
  return undefined;
}
