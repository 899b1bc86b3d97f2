import type { WordTable } from "./word-table.ts";

/**
 * A row of the index: the words whose hashes begin with the same bits, one after the other. Of each: both hashes, how many bytes
 * follow, and the numbers of its documents, each as the distance from the one before; numbers of seven bits a byte.
 */
export type WordRow = Uint8Array;

const HASHES = 8;
/** Of a number of 32 bits. */
const MAX_BYTES = 5;
/** What a row shall have: many are in a page, so that little of it is left over. */
const ROW_BYTES = 1_000;

/** With how many bits of the hash a part should tell its rows apart. */
export function bitsFor(posts: number, terms: number): number {
  const bytes = 1.1 * posts + 10 * terms;
  return Math.min(20, Math.max(0, Math.ceil(Math.log2(bytes / ROW_BYTES))));
}

/** The number of the row that a word is in. */
export function rowOf(hash: number, bits: number): number {
  return bits === 0 ? 0 : hash >>> (32 - bits);
}

let bytes = new Uint8Array(64 * 1024);

/** Instead of a document's number: it is not kept. */
export const GONE = 0xffff_ffff;

/**
 * The rows of a table, ascending; those without words are left out. A row is good until the next.
 *
 * @param numbers for each document its number in the row, ascending as they are, or `GONE`
 */
export function* rowsOf(
  table: WordTable,
  bits: number,
  numbers: Uint32Array,
): Generator<readonly [row: number, words: WordRow]> {
  const documents = table.documents();
  const order = Float64Array.from(
    { length: table.terms() },
    (_, term) => rowOf(table.hashes(term)[0], bits) * 2 ** 32 + term,
  );
  order.sort();
  let [row, end] = [-1, 0];
  for (const key of order) {
    const next = Math.floor(key / 2 ** 32);
    if (next !== row && end > 0) {
      yield [row, bytes.subarray(0, end)];
      end = 0;
    }
    row = next;
    const term = key % 2 ** 32;
    end = writeWord(table.hashes(term), documents(term), numbers, end);
  }
  if (end > 0) yield [row, bytes.subarray(0, end)];
}

/** @returns where it ends; where it began, if none of its documents is kept */
function writeWord(
  [hash, check]: readonly [number, number],
  documents: Uint32Array,
  numbers: Uint32Array,
  begin: number,
): number {
  // The length is written last: as many bytes as it may take are left for it.
  const start = begin + HASHES + MAX_BYTES;
  const most = start + MAX_BYTES * documents.length;
  if (most > bytes.length) {
    const larger = new Uint8Array(Math.max(most, 2 * bytes.length));
    larger.set(bytes.subarray(0, begin));
    bytes = larger;
  }
  let [end, before] = [start, 0];
  for (let i = 0; i < documents.length; i++) {
    const number = numbers[documents[i]!]!;
    if (number === GONE) continue;
    end = writeNumber(number - before, end);
    before = number;
  }
  if (end === start) return begin;
  for (let i = 0; i < 4; i++) {
    bytes[begin + i] = hash >>> (8 * i);
    bytes[begin + 4 + i] = check >>> (8 * i);
  }
  const to = writeNumber(end - start, begin + HASHES);
  bytes.copyWithin(to, start, end);
  return to + end - start;
}

function writeNumber(number: number, at: number): number {
  let rest = number;
  let end = at;
  for (; rest > 127; rest >>>= 7) bytes[end++] = (rest & 127) | 128;
  bytes[end++] = rest;
  return end;
}

/** A word of a row, and where its documents are. */
export interface WordEntry {
  readonly hash: number;
  readonly check: number;
  readonly from: number;
  readonly to: number;
}

export function* wordsOf(row: WordRow): Generator<WordEntry> {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  for (let at = 0; at < row.length; ) {
    let [from, length] = [at + HASHES, 0];
    for (let shift = 0; ; shift += 7) {
      const byte = row[from++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    yield { hash: view.getInt32(at, true), check: view.getInt32(at + 4, true), from, to: from + length };
    at = from + length;
  }
}

/** The documents of a word, ascending. */
export function documentsOf(row: WordRow, { from, to }: WordEntry): Uint32Array {
  const documents = new Uint32Array(to - from);
  let [count, number, rest, shift] = [0, 0, 0, 0];
  for (let i = from; i < to; i++) {
    const byte = row[i]!;
    rest |= (byte & 127) << shift;
    shift += 7;
    if (byte > 127) continue;
    number += rest;
    documents[count++] = number;
    [rest, shift] = [0, 0];
  }
  return documents.subarray(0, count);
}
