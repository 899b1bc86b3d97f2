import { guard } from "./guard.ts";
import type { TraceInfo } from "./record.ts";
import type { Runtime } from "./runtime.ts";
import { isHashedUserId, keptUserIdHasher } from "./user-id.ts";

const TEXTS = ["name", "userId", "sessionId", "feature", "team", "release", "version", "environment"] as const;

/** The trace attributes that baggage may carry. */
export type BaggageTarget = (typeof TEXTS)[number] | "tags" | `metadata.${string}`;

/** Which entries of W3C baggage are which trace attributes, in both directions; all others are neither read nor sent. */
export type BaggageRules = { readonly [key: string]: BaggageTarget };

export function isBaggageTarget(value: unknown): value is BaggageTarget {
  if (typeof value !== "string") return false;
  return value === "tags" || /^metadata\../.test(value) || (TEXTS as readonly string[]).includes(value);
}

/**
 * The trace attributes of baggage that arrived; `undefined` when none is allowed. Texts are masked as everywhere. A user id
 * is hashed where `userIdKey` is set, unless it is 32 hex digits: then the sender has done so.
 */
export function traceInfoFrom(
  { baggage, capture }: Pick<Runtime, "baggage" | "capture">,
  read: (key: string) => string | undefined,
): TraceInfo | undefined {
  const info: Record<string, unknown> = {};
  for (const [key, target] of Object.entries(baggage)) {
    const value = guard(() => read(key), undefined);
    if (value === undefined || value === "") continue;
    const text = target === "userId" ? userIdOf(value, capture) : capture.text(value);
    if (target === "tags") info["tags"] = tagsOf(text);
    else if (target.startsWith("metadata."))
      info["metadata"] = { ...(info["metadata"] as object), [target.slice("metadata.".length)]: text };
    else info[target] = text;
  }
  return Object.keys(info).length === 0 ? undefined : info;
}

/** As many as baggage has entries. */
const MAX_TAGS = 64;

/** Tags travel as one text with commas between them. */
function withoutComma(tag: unknown): string {
  return String(tag).replace(/[%,]/g, (mark) => (mark === "," ? "%2C" : "%25"));
}

function tagsOf(text: string): string[] {
  const tags = text.split(",").filter((tag) => tag !== "");
  return tags.slice(0, MAX_TAGS).map((tag) => tag.replace(/%2C/gi, ",").replaceAll("%25", "%"));
}

function userIdOf(value: string, capture: Runtime["capture"]): string {
  return keptUserIdHasher() !== undefined && isHashedUserId(value) ? value : capture.userId(value);
}

/** The entries of baggage that trace attributes make, for `formatBaggage`. */
export function baggageFrom(rules: BaggageRules, info: TraceInfo): Record<string, string> {
  const entries: Record<string, string> = {};
  for (const [key, target] of Object.entries(rules)) {
    const value = target.startsWith("metadata.")
      ? info.metadata?.[target.slice("metadata.".length)]
      : info[target as Exclude<BaggageTarget, `metadata.${string}`>];
    if (value === undefined || value === null) continue;
    entries[key] = Array.isArray(value)
      ? value.slice(0, MAX_TAGS).map(withoutComma).join(",")
      : typeof value === "object"
        ? JSON.stringify(value)
        : String(value);
  }
  return entries;
}
