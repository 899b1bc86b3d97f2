import { sizeOf } from "./budget.ts";
import type { Wire } from "./chunk-head.ts";

/** API objects by their id, of which only so many characters are kept. */
export interface Shelf {
  readonly size: number;
  readonly characters: number;
  /** Something has been left out. */
  readonly isFull: boolean;
  get(id: string): Wire | undefined;
  /** Keeps the object; an older one with this id goes. True: it says something that the older one did not. */
  put(id: string, value: Wire): boolean;
  /** As much of a text as there is room for, which becomes part of an object that is here. */
  take(text: string): string;
  values(): Wire[];
}

const MAX_CHARACTERS = 2 * 1024 * 1024;
const MAX_OBJECTS = 2000;

export function createShelf(): Shelf {
  const objects = new Map<string, { readonly value: Wire; readonly size: number }>();
  let characters = 0;
  let isFull = false;
  return {
    get size() {
      return objects.size;
    },
    get characters() {
      return characters;
    },
    get isFull() {
      return isFull;
    },
    get: (id) => objects.get(id)?.value,
    put(id, value) {
      const older = objects.get(id);
      const size = sizeOf(value);
      const hasRoom = characters + size - (older?.size ?? 0) <= MAX_CHARACTERS;
      if (!hasRoom || (older === undefined && objects.size >= MAX_OBJECTS)) {
        isFull = true;
        return false;
      }
      characters += size - (older?.size ?? 0);
      objects.set(id, { value, size });
      return older === undefined || !isSame(older.value, value);
    },
    take(text) {
      const kept = text.slice(0, Math.max(0, MAX_CHARACTERS - characters));
      characters += kept.length;
      if (kept.length < text.length) isFull = true;
      return kept;
    },
    values: () => [...objects.values()].map(({ value }) => value),
  };
}

/** Whether two objects of the API say the same. What cannot be written as JSON is never the same. */
export function isSame(one: unknown, other: unknown): boolean {
  try {
    return JSON.stringify(one) === JSON.stringify(other);
  } catch {
    return false;
  }
}
