/**
 * A row of the index: words whose hashes begin with the same bits, one after the other. Of each: both hashes, how many bytes
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
  begin(hash: number, check: number, mostDocuments: number): void;
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

  function write(number: number): void {
    let rest = number;
    for (; rest > 127; rest >>>= 7) bytes[at++] = (rest & 127) | 128;
    bytes[at++] = rest;
  }

  return {
    begin(hash, check, mostDocuments) {
      // The length is written last: as many bytes as it may take are left for it.
      start = begun + HASHES + MAX_BYTES;
      const most = start + MAX_BYTES * mostDocuments;
      if (most > bytes.length) {
        const larger = new Uint8Array(Math.max(most, 2 * bytes.length));
        larger.set(bytes.subarray(0, begun));
        bytes = larger;
      }
      for (let i = 0; i < 4; i++) {
        bytes[begun + i] = hash >>> (8 * i);
        bytes[begun + 4 + i] = check >>> (8 * i);
      }
      at = start;
      before = 0;
    },
    add(document) {
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

/** A word of a row, and where its documents are. */
export interface RowWord {
  readonly hash: number;
  readonly check: number;
  readonly row: WordRow;
  readonly from: number;
  readonly to: number;
}

export function* wordsOf(row: WordRow): Generator<RowWord> {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  for (let at = 0; at < row.length; ) {
    let [from, length] = [at + HASHES, 0];
    for (let shift = 0; ; shift += 7) {
      const byte = row[from++]!;
      length |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    yield { hash: view.getInt32(at, true), check: view.getInt32(at + 4, true), row, from, to: from + length };
    at = from + length;
  }
}

/** The documents of a word, ascending. */
export function documentsOf({ row, from, to }: RowWord): Uint32Array {
  const documents = new Uint32Array(to - from);
  let [count, number, rest, shift] = [0, 0, 0, 0];
  for (let i = from; i < to; i++) {
    const byte = row[i]!;
    rest |= (byte & 127) << shift;
    shift += 7;
    if (byte > 127) continue;
    number += rest;
    documents[count++] = number;
    rest = 0;
    shift = 0;
  }
  return documents.subarray(0, count);
}

/** All words of a row with each of their documents: an object and a list for each word would take several times as long. */
export function readRow(row: WordRow, post: (hash: number, check: number, document: number) => void): void {
  const view = new DataView(row.buffer, row.byteOffset, row.length);
  let at = 0;
  function number(): number {
    let read = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = row[at++]!;
      read |= (byte & 127) << shift;
      if (byte < 128) return read >>> 0;
    }
  }
  while (at < row.length) {
    const [hash, check] = [view.getInt32(at, true), view.getInt32(at + 4, true)];
    at += HASHES;
    const length = number();
    const end = at + length;
    for (let document = 0; at < end; ) post(hash, check, (document += number()));
  }
}
