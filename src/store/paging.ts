import { StoreError } from "./store-error.ts";
import type { Page } from "./trace-store.ts";

/** How many are asked for: more than `most` is `most`. */
export function limitOf(limit: number | undefined, usual: number, most: number): number {
  return Math.min(limit ?? usual, most);
}

/**
 * Where in an order by time and id a page has ended: opaque text for whoever asks. It names a place, not a row, so it
 * stays good when rows come and go.
 */
export interface Place {
  readonly us: number;
  readonly id: string;
}

export function cursorOf(place: Place): string {
  return Buffer.from(JSON.stringify([place.us, place.id])).toString("base64url");
}

/** @throws StoreError `STORE_BAD_QUERY` for what no page gave */
export function placeOf(cursor: string | undefined): Place | undefined {
  if (cursor === undefined) return undefined;
  try {
    const [us, id] = JSON.parse(Buffer.from(cursor, "base64url").toString()) as unknown[];
    if (Number.isSafeInteger(us) && typeof id === "string") return { us: us as number, id };
  } catch {
    // Said below.
  }
  throw new StoreError(
    "STORE_BAD_QUERY",
    "after takes the next of a page that this store gave; it got something else.",
  );
}

/** A page of `limit` out of up to one more, which says that there is a next page. */
export function pageOf<T>(found: readonly T[], limit: number, placeOfItem: (item: T) => Place): Page<T> {
  if (found.length <= limit) return { items: found };
  const items = found.slice(0, limit);
  return { items, next: cursorOf(placeOfItem(items.at(-1)!)) };
}
