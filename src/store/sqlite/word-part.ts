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
  /** A word and its documents, of which the numbers between two places ascend; without any it is left out. */
  add(hash: number, check: number, documents: Uint32Array, from: number, to: number): void;
  /** The same of documents that are written already, as distances. */
  addWritten(hash: number, check: number, distances: Uint8Array, from: number, to: number): void;
  /** The row, good until the next word, and begins another; undefined: there is no word. */
  take(): WordRow | undefined;
}

export function rowWriter(): RowWriter {
  let bytes = new Uint8Array(64 * 1024);
  let size = 0;

  function makeRoom(more: number): void {
    if (size + more <= bytes.length) return;
    const larger = new Uint8Array(2 * (size + more));
    larger.set(bytes);
    bytes = larger;
  }

  function writeHashes(hash: number, check: number): void {
    for (let i = 0; i < 4; i++) {
      bytes[size + i] = hash >>> (8 * i);
      bytes[size + 4 + i] = check >>> (8 * i);
    }
    size += HASHES;
  }

  return {
    add(hash, check, documents, from, to) {
      if (from === to) return;
      makeRoom(HASHES + MAX_BYTES * (to - from + 1));
      writeHashes(hash, check);
      // The length comes first and is known last: one byte is left for it, which mostly is enough.
      const end = writeDistances(bytes, size + 1, documents, from, to);
      const length = end - size - 1;
      const more = lengthOf(length) - 1;
      if (more > 0) bytes.copyWithin(size + 1 + more, size + 1, end);
      writeNumber(bytes, size, length);
      size = end + more;
    },
    addWritten(hash, check, distances, from, to) {
      makeRoom(HASHES + MAX_BYTES + to - from);
      writeHashes(hash, check);
      size = writeNumber(bytes, size, to - from);
      for (let i = from; i < to; i++) bytes[size++] = distances[i]!;
    },
    take() {
      const row = size === 0 ? undefined : bytes.subarray(0, size);
      size = 0;
      return row;
    },
  };
}
/** @returns where they end */
function writeDistances(bytes: Uint8Array, begin: number, documents: Uint32Array, from: number, to: number): number {
  let at = begin;
  let before = 0;
  for (let i = from; i < to; i++) {
    const document = documents[i]!;
    const distance = document - before;
    before = document;
    if (distance < 128) bytes[at++] = distance;
    else at = writeNumber(bytes, at, distance);
  }
  return at;
}

/** Seven bits a byte. @returns where it ends */
export function writeNumber(bytes: Uint8Array, begin: number, number: number): number {
  let at = begin;
  let rest = number;
  for (; rest > 127; rest >>>= 7) bytes[at++] = (rest & 127) | 128;
  bytes[at++] = rest;
  return at;
}

/** How many bytes a number takes. */
export function lengthOf(number: number): number {
  let bytes = 1;
  for (let rest = number; rest > 127; rest >>>= 7) bytes++;
  return bytes;
}

/** Goes through the words of a row. */
export interface RowReader {
  hash: number;
  check: number;
  /** Documents are no more than this. */
  most: number;
  /** @returns whether there is a word */
  next(): boolean;
  /** Writes the numbers of the word's documents, ascending, each so much more, from a place on. @returns where they end */
  read(into: Uint32Array, from: number, more: number): number;
}

export function rowReader(row: WordRow): RowReader {
  let [from, to] = [0, 0];

  function int32(at: number): number {
    return row[at]! | (row[at + 1]! << 8) | (row[at + 2]! << 16) | (row[at + 3]! << 24);
  }

  const reader: RowReader = {
    hash: 0,
    check: 0,
    most: 0,
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
      reader.most = length;
      return true;
    },
    read(into, begin, more) {
      let [at, number, rest, shift] = [begin, more, 0, 0];
      for (let i = from; i < to; i++) {
        const byte = row[i]!;
        rest |= (byte & 127) << shift;
        shift += 7;
        if (byte > 127) continue;
        number += rest >>> 0;
        into[at++] = number;
        rest = 0;
        shift = 0;
      }
      return at;
    },
  };
  return reader;
}

const SIGN = 0x8000_0000 | 0;

/** As rows have their words. */
export function compareWords(a: { hash: number; check: number }, b: { hash: number; check: number }): number {
  return compareHashes(a.hash, a.check, b.hash, b.check);
}

export function compareHashes(hash: number, check: number, otherHash: number, otherCheck: number): number {
  if (hash !== otherHash) return (hash ^ SIGN) < (otherHash ^ SIGN) ? -1 : 1;
  return check - otherCheck;
}
