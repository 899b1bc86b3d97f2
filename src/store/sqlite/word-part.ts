/**
 * A row of the index: words whose hashes begin with the same bits, ascending as numbers without a sign, then by check. Of each: both hashes, how many bytes
 * follow, and the numbers of its documents, each as the distance from the one before; numbers of seven bits a byte.
 */
export type WordRow = Uint8Array;

const HASHES = 8;
/** Of a number of 32 bits. */
const MAX_BYTES = 5;
/** What a row shall have: many are in a page, so that little of it is left over. */
const ROW_BYTES = 1_000;

/** With how many bits of the hash a part should tell its rows apart. */
export function bitsFor(posts: number): number {
  return Math.min(20, Math.max(0, Math.ceil(Math.log2((1.3 * posts) / ROW_BYTES))));
}

/** The number of the row that a word is in. */
export function rowOf(hash: number, bits: number): number {
  return bits === 0 ? 0 : hash >>> (32 - bits);
}

/** Writes rows, word after word, into room that is used again. */
export interface RowWriter {
  begin(hash: number, check: number): void;
  /** The numbers of a word's documents ascend. */
  add(document: number): void;
  /** A word without documents is left out. */
  end(): void;
  /** The row, good until the next word, and begins another; undefined: there is no word. */
  take(): WordRow | undefined;
}

export function rowWriter(): RowWriter {
  let bytes = new Uint8Array(64 * 1024);
  let [begun, start, at, before] = [0, 0, 0, 0];

  function makeRoom(size: number): void {
    if (size <= bytes.length) return;
    const larger = new Uint8Array(2 * size);
    larger.set(bytes);
    bytes = larger;
  }

  function write(number: number): void {
    let rest = number;
    for (; rest > 127; rest >>>= 7) bytes[at++] = (rest & 127) | 128;
    bytes[at++] = rest;
  }

  return {
    begin(hash, check) {
      // The length is written last: as many bytes as it may take are left for it.
      start = begun + HASHES + MAX_BYTES;
      makeRoom(start);
      for (let i = 0; i < 4; i++) {
        bytes[begun + i] = hash >>> (8 * i);
        bytes[begun + 4 + i] = check >>> (8 * i);
      }
      at = start;
      before = 0;
    },
    add(document) {
      makeRoom(at + MAX_BYTES);
      write(document - before);
      before = document;
    },
    end() {
      if (at === start) return;
      const length = at - start;
      at = begun + HASHES;
      write(length);
      bytes.copyWithin(at, start, start + length);
      begun = at + length;
    },
    take() {
      const row = begun === 0 ? undefined : bytes.subarray(0, begun);
      begun = 0;
      return row;
    },
  };
}

/** Goes through the words of a row. */
export interface RowReader {
  hash: number;
  check: number;
  /** @returns whether there is a word */
  next(): boolean;
  /** Calls with each of the word's documents, ascending. */
  each(action: (document: number) => void): void;
  /** The word's documents. */
  documents(): Uint32Array;
}

export function rowReader(row: WordRow): RowReader {
  let [from, to] = [0, 0];

  function int32(at: number): number {
    return row[at]! | (row[at + 1]! << 8) | (row[at + 2]! << 16) | (row[at + 3]! << 24);
  }

  const reader: RowReader = {
    hash: 0,
    check: 0,
    next() {
      if (to >= row.length) return false;
      reader.hash = int32(to);
      reader.check = int32(to + 4);
      from = to + HASHES;
      let length = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = row[from++]!;
        length |= (byte & 127) << shift;
        if (byte < 128) break;
      }
      to = from + length;
      return true;
    },
    each(action) {
      let [number, rest, shift] = [0, 0, 0];
      for (let i = from; i < to; i++) {
        const byte = row[i]!;
        rest |= (byte & 127) << shift;
        shift += 7;
        if (byte > 127) continue;
        number += rest >>> 0;
        action(number);
        rest = 0;
        shift = 0;
      }
    },
    documents() {
      const documents = new Uint32Array(to - from);
      let count = 0;
      reader.each((document) => {
        documents[count++] = document;
      });
      return documents.subarray(0, count);
    },
  };
  return reader;
}

const SIGN = 0x8000_0000 | 0;

/** As rows have their words. */
export function compareWords(a: { hash: number; check: number }, b: { hash: number; check: number }): number {
  if (a.hash !== b.hash) return (a.hash ^ SIGN) < (b.hash ^ SIGN) ? -1 : 1;
  return a.check - b.check;
}
