import type { Connection } from "./connection.ts";
import type { Part } from "./word-book.ts";
import { rowOf, rowReader } from "./word-part.ts";
import { createWordTable } from "./word-table.ts";

/**
 * The spans that have all of some words. Good inside one transaction, as parts are merged and spans replaced meanwhile; a span
 * that is no more may be among them.
 */
export interface WordSearch {
  /** The last ones whose number is lower, from the last on: so many if there are. */
  before(id: number, count: number): number[];
  has(id: number): boolean;
}

/** @param wanted words as `words` makes them, at least one */
export function wordSearch({ prepare }: Connection, wanted: string): WordSearch {
  const parts: readonly Part[] = prepare("SELECT * FROM word_parts ORDER BY low").all();
  const hashes = hashesOf(wanted);
  const read = prepare("SELECT words FROM span_words WHERE id = ?");
  const found = new Map<Part, Uint32Array>();

  function inPart(part: Part): Uint32Array {
    const known = found.get(part);
    if (known) return known;
    const spans = hashes.reduce<Uint32Array | undefined>((having, hash) => {
      if (having?.length === 0) return having;
      const more = havingWord(read.get(part.first + rowOf(hash[0], part.bits))?.words, hash);
      return having ? both(having, more) : more;
    }, undefined)!;
    found.set(part, spans);
    return spans;
  }

  /** The last part that begins before, or -1. */
  function partOf(id: number): number {
    return lastBelow(parts.length, (i) => parts[i]!.low <= id);
  }

  return {
    before(id, count) {
      const ids: number[] = [];
      for (let i = partOf(id - 1); i >= 0 && ids.length < count; i--) {
        const { low } = parts[i]!;
        const spans = inPart(parts[i]!);
        const last = lastBelow(spans.length, (k) => low + spans[k]! < id);
        for (let k = last; k >= 0 && ids.length < count; k--) ids.push(low + spans[k]!);
      }
      return ids;
    },
    has(id) {
      const part = parts[partOf(id)];
      if (!part || id > part.high) return false;
      const spans = inPart(part);
      return spans[lastBelow(spans.length, (k) => part.low + spans[k]! <= id)] === id - part.low;
    },
  };
}

function hashesOf(wanted: string): (readonly [hash: number, check: number])[] {
  const table = createWordTable(64);
  table.read(0, Buffer.from(wanted), true);
  return Array.from({ length: table.terms() }, (_, term) => [table.hash(term), table.check(term)] as const);
}

const NONE = new Uint32Array(0);

function havingWord(row: Uint8Array | undefined, [hash, check]: readonly [number, number]): Uint32Array {
  if (!row) return NONE;
  const words = rowReader(row);
  while (words.next()) {
    if (words.hash !== hash || words.check !== check) continue;
    const documents = new Uint32Array(words.most);
    return documents.subarray(0, words.read(documents, 0, 0));
  }
  return NONE;
}

function both(a: Uint32Array, b: Uint32Array): Uint32Array {
  const having = new Uint32Array(Math.min(a.length, b.length));
  let count = 0;
  for (let i = 0, k = 0; i < a.length && k < b.length; ) {
    if (a[i] === b[k]) having[count++] = a[i]!;
    if (a[i]! <= b[k]!) i += 1;
    else k += 1;
  }
  return having.subarray(0, count);
}

/** The last of so many places, of which the first ones are below, that is; -1: none is. */
function lastBelow(count: number, isBelow: (place: number) => boolean): number {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if (isBelow(middle)) from = middle + 1;
    else to = middle;
  }
  return from - 1;
}
