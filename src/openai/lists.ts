import { field } from "./fields.ts";
import type { Listable } from "./shapes.ts";

/** The items of a list, and what is known to be missing from it. */
export interface Items {
  readonly items: readonly unknown[];
  /** The API lists newest first unless it is asked otherwise; arrays are taken to be in the order of time. */
  readonly newestFirst: boolean;
  /** Why this is not everything. */
  readonly missing?: string;
}

/** No thread has so many messages; an iterable without end must not fill the memory. */
const MAX_ITEMS = 10_000;

/**
 * The items of an array or page at once, of everything else by a promise that never rejects. A page is read as it is,
 * without asking the network for the next one.
 */
export function itemsOf(list: Listable<unknown> | null | undefined): Items | Promise<Items> {
  if (list === undefined || list === null) return { items: [], newestFirst: false, missing: "not given" };
  if (Array.isArray(list)) return { items: list, newestFirst: false };
  const data = field(list, "data");
  if (Array.isArray(data)) return pageOf(list, data);
  return later(list as PromiseLike<Listable<unknown>> | AsyncIterable<unknown>);
}

function pageOf(page: unknown, items: readonly unknown[]): Items {
  // openai's pages keep the request that they are the answer to.
  const order = field(field(field(page, "options"), "query"), "order");
  const hasMore = field(page, "has_more") === true;
  return { items, newestFirst: order !== "asc", ...(hasMore && { missing: "there are more pages" }) };
}

async function later(list: PromiseLike<Listable<unknown>> | AsyncIterable<unknown>): Promise<Items> {
  const items: unknown[] = [];
  try {
    if (typeof (list as PromiseLike<unknown>).then === "function") {
      return await itemsOf(await (list as PromiseLike<Listable<unknown>>));
    }
    for await (const item of list as AsyncIterable<unknown>) {
      if (items.push(item) >= MAX_ITEMS) return { items, newestFirst: false, missing: `only ${MAX_ITEMS} were read` };
    }
    return { items, newestFirst: false };
  } catch (error) {
    return { items, newestFirst: false, missing: String((error as Error)?.message ?? error) };
  }
}

/**
 * Oldest first. Times are whole seconds, so ties are common: the order of the list breaks them, and within one second
 * the order in which its source lists.
 */
export function ascending<T extends { readonly startMs: number | undefined }>(
  list: readonly T[],
  newestFirst: boolean,
): T[] {
  const time = ({ startMs = 0 }: T) => startMs;
  const [first, last] = [list[0], list.at(-1)];
  if (first === undefined || last === undefined) return [];
  const descending = time(first) === time(last) ? newestFirst : time(first) > time(last);
  const ordered = descending ? list.slice().reverse() : list.slice();
  return ordered.sort((a, b) => time(a) - time(b));
}
