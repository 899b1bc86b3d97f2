import { LETTERS, SPACE } from "../words.ts";

/**
 * Which documents have which words, in memory. A word is known by 64 bits of hash: two that share them are found for each
 * other, which of 20 million words is to be expected for one pair in 100,000 stores.
 *
 * Documents come by ascending numbers.
 */
export interface WordTable {
  /** Begins the next document. @returns its number, from 0 on */
  begin(): number;
  /**
   * Adds the words of a text to the document that was begun. It has only ASCII, or is what `words` has made, in UTF-8, and
   * its letters are `CUT`.
   *
   * @returns whether JSON escapes anything in it, as a number that is 0 or not
   */
  read(text: Uint8Array, letters?: Uint16Array): number;
  /** The number of a word, which may be new. */
  term(hash: number, check: number): number;
  /** That the document has the word; once more says nothing new. */
  post(term: number, document: number): void;
  /** How many documents were begun. */
  begun(): number;
  /** How many words there are; they are numbered from 0 on. */
  terms(): number;
  /** How many documents all words have together. */
  posts(): number;
  /** Both hashes of a word, as signed numbers of 32 bits. */
  hashes(term: number): readonly [hash: number, check: number];
  /** The documents of each word, ascending; good until more is added. */
  documents(): (term: number) => Uint32Array;
  clear(): void;
}

/** Letters of words that are cut out already: all bytes but the space. */
export const CUT: Uint16Array = Uint16Array.from({ length: 256 }, (_, byte) => byte);

/** What of a word stands side by side: its number and one, both hashes, the last document and one. */
const [NUMBER, HASH, CHECK, LAST, CELL] = [0, 1, 2, 3, 4];
/** FNV's beginning and factor, and another factor for the second hash. */
const [BEGIN, FACTOR, OTHER_FACTOR] = [0x811c9dc5 | 0, 0x01000193, 0x5bd1e995];
/** Numbers of 32 bits that are kept from one transaction to the next. */
const MAX_KEPT = 4 * 1024 * 1024;

/** @param room words that are expected, a power of two */
export function createWordTable(room: number): WordTable {
  let slots = 2 * room;
  let cells = new Int32Array(slots * CELL);
  /** For each word where its cell is, and how many documents it has. */
  let [places, counts] = [new Int32Array(room), new Int32Array(room)];
  /** In pairs: a word, a document. */
  let posted = new Int32Array(16 * room);
  let [terms, end, begun] = [0, 0, 0];

  function find(hash: number, check: number): number {
    let at = (hash & (slots - 1)) * CELL;
    for (;;) {
      const number = cells[at + NUMBER]!;
      if (number === 0) return add(at, hash, check);
      if (cells[at + HASH] === hash && cells[at + CHECK] === check) return at;
      at = (at + CELL) & (slots * CELL - 1);
    }
  }

  function add(at: number, hash: number, check: number): number {
    if (terms === places.length) {
      grow();
      return find(hash, check);
    }
    cells[at + HASH] = hash;
    cells[at + CHECK] = check;
    cells[at + LAST] = 0;
    places[terms] = at;
    counts[terms] = 0;
    cells[at + NUMBER] = ++terms;
    return at;
  }

  function grow(): void {
    const [old, known] = [cells, places];
    slots *= 2;
    cells = new Int32Array(slots * CELL);
    places = new Int32Array(slots / 2);
    counts = extended(counts, slots / 2);
    for (let term = 0; term < terms; term++) {
      const from = known[term]!;
      let at = (old[from + HASH]! & (slots - 1)) * CELL;
      while (cells[at + NUMBER] !== 0) at = (at + CELL) & (slots * CELL - 1);
      cells.set(old.subarray(from, from + CELL), at);
      places[term] = at;
    }
  }

  function postAt(at: number, document: number): void {
    if (cells[at + LAST] === document + 1) return;
    cells[at + LAST] = document + 1;
    if (end === posted.length) posted = extended(posted, 2 * end);
    const term = cells[at + NUMBER]! - 1;
    counts[term]!++;
    posted[end] = term;
    posted[end + 1] = document;
    end += 2;
  }

  return {
    begin: () => begun++,
    read(text, letters = LETTERS) {
      const document = begun - 1;
      let [seen, hash, check] = [0, BEGIN, 0];
      for (let i = 0; i <= text.length; i++) {
        const plain = i < text.length ? letters[text[i]!]! : SPACE;
        seen |= plain;
        const letter = plain & 0xff;
        if (letter !== SPACE) {
          hash = Math.imul(hash ^ letter, FACTOR);
          check = Math.imul(check + letter, OTHER_FACTOR);
        } else if (hash !== BEGIN || check !== 0) {
          postAt(find(stirred(hash), check), document);
          hash = BEGIN;
          check = 0;
        }
      }
      return seen >> 8;
    },
    term: (hash, check) => cells[find(hash, check) + NUMBER]! - 1,
    post: (term, document) => postAt(places[term]!, document),
    begun: () => begun,
    terms: () => terms,
    posts: () => end / 2,
    hashes: (term) => [cells[places[term]! + HASH]!, cells[places[term]! + CHECK]!],
    documents() {
      const ends = new Uint32Array(terms);
      for (let term = 0, sum = 0; term < terms; term++) {
        ends[term] = sum;
        sum += counts[term]!;
      }
      const sorted = new Uint32Array(end / 2);
      for (let i = 0; i < end; i += 2) sorted[ends[posted[i]!]!++] = posted[i + 1]!;
      return (term) => sorted.subarray(ends[term]! - counts[term]!, ends[term]!);
    },
    clear() {
      if (cells.length > MAX_KEPT || posted.length > MAX_KEPT) {
        slots = 2 * room;
        cells = new Int32Array(slots * CELL);
        [places, counts, posted] = [new Int32Array(room), new Int32Array(room), new Int32Array(16 * room)];
      } else cells.fill(0);
      [terms, end, begun] = [0, 0, 0];
    },
  };
}

function extended(numbers: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(length);
  more.set(numbers);
  return more;
}

/** FNV's upper bits are those of a word's beginning: all bits shall depend on all letters. */
function stirred(hash: number): number {
  let x = hash ^ (hash >>> 15);
  x = Math.imul(x, 0x85ebca6b);
  return x ^ (x >>> 13);
}
