import { LETTERS, SPACE } from "../words.ts";

/**
 * Which documents have which words, in memory. A word is known by 64 bits of hash: two that share them are found for each
 * other, which is to be expected of one pair among five billion words.
 *
 * Documents come by ascending numbers.
 */
export interface WordTable {
  /** Adds the words of a text in UTF-8 to a document. With `letters` of `CUT` it is what `words` has made, else all of ASCII. */
  read(document: number, text: Uint8Array, letters?: Uint8Array): void;
  /** How many words there are; they are numbered from 0 on. */
  terms(): number;
  /** How many documents all words have together. */
  posts(): number;
  /** Both hashes of a word, as signed numbers of 32 bits. */
  hash(term: number): number;
  check(term: number): number;
  /** The documents of each word, ascending: those of one from its place in `begins` to the next one's. */
  documents(): { readonly numbers: Uint32Array; readonly begins: Uint32Array };
  clear(): void;
}

/** Letters of words that are cut out already: all bytes but the space. */
export const CUT: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** What is known of a word side by side: both hashes, the last document and one. */
const [HASH, CHECK, LAST, WIDTH] = [0, 1, 2, 4];
/** FNV's beginning and factor, and another factor for the second hash. */
const [BEGIN, FACTOR, OTHER_FACTOR] = [0x811c9dc5 | 0, 0x01000193, 0x5bd1e995];
/** Bytes that are read before there has to be room again for the words that they may have. */
const STRETCH = 4_096;
/** Numbers of 32 bits that are kept from one transaction to the next. */
const MAX_KEPT = 4 * 1024 * 1024;

/** @param room words that are expected, a power of two */
export function createWordTable(room: number): WordTable {
  /** By hash, twice as many as there is room for words: the number of a word and one. */
  let slots = new Int32Array(2 * room);
  let known = new Int32Array(room * WIDTH);
  /** In pairs: a word, a document. */
  let posted = new Int32Array(16 * room);
  let [terms, end] = [0, 0];

  /** Room for so many more words and documents of words. */
  function makeRoom(words: number, posts: number): void {
    while ((terms + words) * WIDTH > known.length) {
      known = extended(known, 2 * known.length);
      slots = new Int32Array(2 * slots.length);
      const mask = slots.length - 1;
      for (let term = 0; term < terms; term++) {
        let slot = known[term * WIDTH + HASH]! & mask;
        while (slots[slot] !== 0) slot = (slot + 1) & mask;
        slots[slot] = term + 1;
      }
    }
    while (end + 2 * posts > posted.length) posted = extended(posted, 2 * posted.length);
  }

  /** The number of a word, which may be new. */
  function termOf(inSlots: Int32Array, inKnown: Int32Array, hash: number, check: number): number {
    const mask = inSlots.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const term = inSlots[slot]! - 1;
      const at = term * WIDTH;
      if (term >= 0) {
        if (inKnown[at + HASH] === hash && inKnown[at + CHECK] === check) return term;
        continue;
      }
      inSlots[slot] = terms + 1;
      inKnown[terms * WIDTH + HASH] = hash;
      inKnown[terms * WIDTH + CHECK] = check;
      inKnown[terms * WIDTH + LAST] = 0;
      return terms++;
    }
  }

  return {
    read(document, text, letters = LETTERS) {
      let [hash, check] = [BEGIN, 0];
      for (let from = 0; from <= text.length; from += STRETCH) {
        makeRoom(STRETCH / 2 + 1, STRETCH / 2 + 1);
        const [inSlots, inKnown, inPosted] = [slots, known, posted];
        const to = Math.min(text.length + 1, from + STRETCH);
        for (let i = from; i < to; i++) {
          const letter = i < text.length ? letters[text[i]!]! : SPACE;
          if (letter !== SPACE) {
            hash = Math.imul(hash ^ letter, FACTOR);
            check = Math.imul(check + letter, OTHER_FACTOR);
            continue;
          }
          if (hash === BEGIN && check === 0) continue;
          const term = termOf(inSlots, inKnown, stirred(hash), check);
          const at = term * WIDTH;
          if (inKnown[at + LAST] !== document + 1) {
            inKnown[at + LAST] = document + 1;
            inPosted[end] = term;
            inPosted[end + 1] = document;
            end += 2;
          }
          hash = BEGIN;
          check = 0;
        }
      }
    },
    terms: () => terms,
    posts: () => end / 2,
    hash: (term) => known[term * WIDTH + HASH]!,
    check: (term) => known[term * WIDTH + CHECK]!,
    documents() {
      const begins = new Uint32Array(terms + 1);
      for (let i = 0; i < end; i += 2) begins[posted[i]! + 1]!++;
      for (let term = 0; term < terms; term++) begins[term + 1]! += begins[term]!;
      const ends = begins.slice();
      const numbers = new Uint32Array(end / 2);
      for (let i = 0; i < end; i += 2) numbers[ends[posted[i]!]!++] = posted[i + 1]!;
      return { numbers, begins };
    },
    clear() {
      if (known.length > MAX_KEPT || posted.length > MAX_KEPT) {
        slots = new Int32Array(2 * room);
        known = new Int32Array(room * WIDTH);
        posted = new Int32Array(16 * room);
      } else slots.fill(0);
      [terms, end] = [0, 0];
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
