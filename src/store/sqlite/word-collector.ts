import { PLAIN, words } from "../words.ts";

/** A word, and the places of the spans that have it, ascending. Both are valid until the next word is collected. */
export interface Posting {
  readonly word: Uint8Array;
  readonly places: Uint32Array;
}

/** Which spans have which words. */
export interface WordCollector {
  /** The texts of one span; the places of spans ascend. */
  add(place: number, texts: readonly string[]): void;
  /** All that was collected, each word once; then it begins anew. */
  drain(): Posting[];
}

const SPACE = 32;
const FNV_PRIME = 0x01000193;
/** Of our own in each process: nobody can choose words that all meet in one slot. */
const FNV_BASIS: number = (Math.random() * 2 ** 32) | 0;
/** A word's numbers, side by side as memory is what takes the time; `LAST` is the last text that has it. */
const [HASH, BEGIN, LENGTH, LAST, SIZE] = [0, 1, 2, 3, 4];
/** Prompts, and messages of conversations, come again and again: what longer texts are made of is remembered for a while. */
const LONG = 128;
const REMEMBERED = 256;
/** Entries of an array that is kept for the next time. */
const MAX_KEPT = 2 ** 21;
const encoder = new TextEncoder();

/** Where in the stream the words of a text are. */
type Range = readonly [from: number, to: number];

interface Remembered {
  readonly value: string;
  readonly range: Range;
}

export function createWordCollector(): WordCollector {
  let text = new Uint8Array(2 ** 14);
  let slots = new Uint32Array(2 ** 12);
  let known = new Uint32Array(2 ** 11 * SIZE);
  let size = 0;
  let bytes = new Uint8Array(2 ** 16);
  let used = 0;
  /** The words of texts, each once in a text, one text after the other. */
  let stream = new Uint32Array(2 ** 12);
  let length = 0;
  /** For each text of each span the span's place, and where the text's words are. */
  let parts: number[] = [];
  let texts = 0;
  let newer = new Map<number, Remembered>();
  let older = newer;

  /** These bytes of `text`, in lower case, are a word. */
  function take(begin: number, end: number, hash: number): void {
    const mask = slots.length - 1;
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (let word = slots[slot]!; word !== 0; word = slots[slot]!) {
      const at = word * SIZE;
      if (known[at] === hash && known[at + LENGTH] === end - begin && isSame(known[at + BEGIN]!, begin, end)) {
        if (known[at + LAST] !== texts) put(word);
        return;
      }
      slot = (slot + 1) & mask;
    }
    slots[slot] = ++size;
    learn(begin, end, hash);
    put(size);
  }

  function isSame(at: number, begin: number, end: number): boolean {
    while (begin < end) if (bytes[at++] !== text[begin++]) return false;
    return true;
  }

  function put(word: number): void {
    known[word * SIZE + LAST] = texts;
    if (length === stream.length) stream = grown(stream, length + 1);
    stream[length++] = word;
  }

  function learn(begin: number, end: number, hash: number): void {
    const at = size * SIZE;
    if (at + SIZE > known.length) known = grown(known, at + SIZE);
    if (used + end - begin > bytes.length) bytes = grown(bytes, used + end - begin);
    bytes.set(text.subarray(begin, end), used);
    known[at + HASH] = hash;
    known[at + BEGIN] = used;
    known[at + LENGTH] = end - begin;
    used += end - begin;
    if (size * 2 > slots.length) rehash();
  }

  function rehash(): void {
    slots = new Uint32Array(slots.length * 2);
    const mask = slots.length - 1;
    for (let word = 1; word <= size; word++) {
      const hash = known[word * SIZE]!;
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = word;
    }
  }

  function encode(value: string): number {
    if (value.length * 3 > text.length) text = new Uint8Array(value.length * 3);
    return encoder.encodeInto(value, text).written;
  }

  /** @returns false at a character that is not ASCII; the words before it are taken */
  function addAscii(end: number): boolean {
    const chars = text;
    let begin = 0;
    let hash = FNV_BASIS;
    for (let i = 0; i < end; i++) {
      const code = chars[i]!;
      if (code > 127) return false;
      const plain = PLAIN[code]!;
      if (plain !== SPACE) {
        chars[i] = plain;
        hash = Math.imul(hash ^ plain, FNV_PRIME);
      } else {
        if (begin < i) take(begin, i, hash >>> 0);
        begin = i + 1;
        hash = FNV_BASIS;
      }
    }
    if (begin < end) take(begin, end, hash >>> 0);
    return true;
  }

  function addAny(value: string): void {
    const end = encode(words(value));
    let begin = 0;
    let hash = FNV_BASIS;
    for (let i = 0; i < end; i++) {
      if (text[i] !== SPACE) hash = Math.imul(hash ^ text[i]!, FNV_PRIME);
      else {
        take(begin, i, hash >>> 0);
        begin = i + 1;
        hash = FNV_BASIS;
      }
    }
    if (begin < end) take(begin, end, hash >>> 0);
  }

  function read(value: string): Range {
    const from = length;
    texts++;
    if (!addAscii(encode(value))) addAny(value);
    return [from, length];
  }

  function remembered(value: string): Range {
    const key = printOf(value);
    const known = newer.get(key) ?? older.get(key);
    const range = known?.value === value ? known.range : read(value);
    if (newer.size >= REMEMBERED) {
      older = newer;
      newer = new Map();
    }
    newer.set(key, { value, range });
    return range;
  }

  function drain(): Posting[] {
    const ends = new Uint32Array(size + 1);
    for (let i = 0; i < parts.length; i += 3) {
      for (let at = parts[i + 1]!; at < parts[i + 2]!; at++) ends[stream[at]!]!++;
    }
    let total = 0;
    for (let word = 1; word <= size; word++) {
      const count = ends[word]!;
      ends[word] = total;
      total += count;
    }
    const begins = ends.slice();
    const places = new Uint32Array(total);
    for (let i = 0; i < parts.length; i += 3) {
      const place = parts[i]!;
      for (let at = parts[i + 1]!; at < parts[i + 2]!; at++) {
        const word = stream[at]!;
        const end = ends[word]!;
        if (end > begins[word]! && places[end - 1] === place) continue;
        places[end] = place;
        ends[word] = end + 1;
      }
    }
    const all: Posting[] = [];
    for (let word = 1; word <= size; word++) {
      const begin = known[word * SIZE + BEGIN]!;
      all.push({
        word: bytes.subarray(begin, begin + known[word * SIZE + LENGTH]!),
        places: places.subarray(begins[word], ends[word]),
      });
    }
    clear();
    return all;
  }

  function clear(): void {
    slots.fill(0);
    known.fill(0, 0, (size + 1) * SIZE);
    size = used = length = texts = 0;
    parts = [];
    newer = older = new Map();
    if (slots.length > MAX_KEPT) slots = new Uint32Array(2 ** 12);
    if (known.length > MAX_KEPT) known = new Uint32Array(2 ** 11 * SIZE);
    if (stream.length > MAX_KEPT) stream = new Uint32Array(2 ** 12);
    if (text.length > MAX_KEPT) text = new Uint8Array(2 ** 14);
  }

  return {
    add(place, all) {
      for (const value of all) {
        const [from, to] = value.length < LONG ? read(value) : remembered(value);
        if (from < to) parts.push(place, from, to);
      }
    },
    drain,
  };
}

/** The same for the same text, from a few of its characters: to hash all of them takes as long as a tenth of its words. */
function printOf(text: string): number {
  let print = text.length;
  for (let i = 0; i < LONG; i += 8) print = Math.imul(print ^ text.charCodeAt(i), FNV_PRIME);
  for (let i = 1; i <= 8; i++) print = Math.imul(print ^ text.charCodeAt(text.length - i * 7), FNV_PRIME);
  return print;
}

function grown<T extends Uint8Array | Uint32Array>(array: T, wanted: number): T {
  const larger = new (array.constructor as new (length: number) => T)(Math.max(wanted, array.length * 2));
  larger.set(array);
  return larger;
}
