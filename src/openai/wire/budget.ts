/** What may still be kept of one answer that is put together from events. */
export interface Budget {
  /** The text, or as much of it as there is room for. */
  take(text: string): string;
  /** Whether there is room for a value as it came. */
  has(value: unknown): boolean;
  readonly exceeded: boolean;
}

/** Characters of one answer. */
const MAX_CHARACTERS = 1024 * 1024;

export function createBudget(characters: number = MAX_CHARACTERS): Budget {
  let left = characters;
  let exceeded = false;
  return {
    take(text) {
      if (text.length <= left) {
        left -= text.length;
        return text;
      }
      exceeded = true;
      const kept = text.slice(0, left);
      left = 0;
      return kept;
    },
    has(value) {
      const size = sizeOf(value);
      if (size <= left) {
        left -= size;
        return true;
      }
      exceeded = true;
      return false;
    },
    get exceeded() {
      return exceeded;
    },
  };
}

/** Deeper than any payload. */
const MAX_DEPTH = 64;

/** About how many characters a parsed JSON value has. */
export function sizeOf(value: unknown, depth: number = 0): number {
  if (typeof value === "string") return value.length;
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return 4;
  let size = 8;
  for (const key in value) size += key.length + sizeOf((value as Record<string, unknown>)[key], depth + 1);
  return size;
}
