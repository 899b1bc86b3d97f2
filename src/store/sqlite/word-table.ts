import { hashWords } from "./word-hashes.ts";
import { lengthOf, writeNumber } from "./word-part.ts";

/**
 * Which documents have which words, in memory. A word is known by 64 bits of hash: two that share them are found for each
 * other, which is to be expected of one pair among five billion words.
 *
 * Documents come by ascending numbers.
 */
export interface WordTable {
  /** Adds the words of a text in UTF-8 to a document. `isCut`: it is what `words` has made; else all of ASCII, with other bytes between. */
  read(document: number, text: Uint8Array, isCut: boolean): void;
  /** How many words there are; they are numbered from 0 on. */
  terms(): number;
  /** How many documents all words have together. */
  posts(): number;
  /** Both hashes of a word, as signed numbers of 32 bits. */
  hash(term: number): number;
  check(term: number): number;
  /** The documents of each word, as a `WordRow` has them: those of one from its place in `begins` to that in `ends`. */
  documents(): { readonly distances: Uint8Array; readonly begins: Uint32Array; readonly ends: Uint32Array };
  clear(): void;
}

/** What is known of a word side by side: both hashes, the last document, how many it has. */
const [HASH, CHECK, LAST, COUNT, WIDTH] = [0, 1, 2, 3, 4];
/** Numbers of 32 bits that are kept from one transaction to the next. */
const MAX_KEPT = 4 * 1024 * 1024;

/** @param room words that are expected, a power of two */
export function createWordTable(room: number): WordTable {
  /** By hash, twice as many as there is room for words: the number of a word and one. */
  let slots = new Int32Array(2 * room);
  let known = new Int32Array(room * WIDTH);
  /** The words of one document after the other, and in pairs a document and where its words begin. */
  let posted = new Int32Array(8 * room);
  let documents: number[] = [];
  let [terms, posts] = [0, 0];

  /** Room for so many more words. */
  function makeRoom(words: number): void {
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
    while (posts + words >= posted.length) posted = extended(posted, 2 * posted.length);
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
      const end = terms * WIDTH;
      inKnown[end + HASH] = hash;
      inKnown[end + CHECK] = check;
      inKnown[end + LAST] = -1;
      inKnown[end + COUNT] = 0;
      return terms++;
    }
  }

  /** Of so many words their hashes in pairs. */
  function post(document: number, hashes: Int32Array, count: number): void {
    makeRoom(count);
    const [inSlots, inKnown, inPosted] = [slots, known, posted];
    for (let i = 0; i < 2 * count; i += 2) {
      const term = termOf(inSlots, inKnown, hashes[i]!, hashes[i + 1]!);
      const at = term * WIDTH;
      // Whether it is a new one nobody can guess: without a branch.
      const more = inKnown[at + LAST] === document ? 0 : 1;
      inPosted[posts] = term;
      posts += more;
      inKnown[at + COUNT]! += more;
      inKnown[at + LAST] = document;
    }
  }

  return {
    read(document, text, isCut) {
      if (documents.at(-2) !== document) documents.push(document, posts);
      hashWords(text, isCut, (hashes, count) => post(document, hashes, count));
    },
    terms: () => terms,
    posts: () => posts,
    hash: (term) => known[term * WIDTH + HASH]!,
    check: (term) => known[term * WIDTH + CHECK]!,
    documents() {
      const width = lengthOf(documents.at(-2) ?? 0);
      const begins = new Uint32Array(terms);
      let size = 0;
      for (let term = 0; term < terms; term++) {
        begins[term] = size;
        size += known[term * WIDTH + COUNT]! * width;
      }
      const ends = begins.slice();
      const last = new Uint32Array(terms);
      const distances = new Uint8Array(size);
      for (let i = 0; i < documents.length; i += 2) {
        const document = documents[i]!;
        const end = documents[i + 3] ?? posts;
        for (let k = documents[i + 1]!; k < end; k++) {
          const term = posted[k]!;
          ends[term] = writeNumber(distances, ends[term]!, document - last[term]!);
          last[term] = document;
        }
      }
      return { distances, begins, ends };
    },
    clear() {
      if (known.length > MAX_KEPT || posted.length > MAX_KEPT) {
        slots = new Int32Array(2 * room);
        known = new Int32Array(room * WIDTH);
        posted = new Int32Array(8 * room);
      } else slots.fill(0);
      documents = [];
      [terms, posts] = [0, 0];
    },
  };
}

function extended(numbers: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const more = new Int32Array(length);
  more.set(numbers);
  return more;
}
