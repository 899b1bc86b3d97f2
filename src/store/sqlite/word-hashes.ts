import { SPACE } from "../words.ts";
import { WORD_HASHES } from "./word-hashes.wasm.ts";

/** `word-hashes.wat`: it takes half the time of the same in JavaScript, as four words are hashed at a time. */
interface Hashes {
  readonly memory: WebAssembly.Memory;
  /** How many words the latest stretch has: both hashes of each, in pairs, are at the beginning of the memory. */
  readonly words: WebAssembly.Global;
  /** Hashes the words of a stretch. @returns where the next one begins */
  hash(from: number, to: number, isCut: 0 | 1): number;
}

/** Bytes of a text that are read at a time. */
const STRETCH = 4_096;
/** Where the text is in memory: after the places of the words, as many as there can be in a stretch. */
const TEXT = 5 * STRETCH;
/** Spaces after the text. */
const AFTER = 128;
const PAGE = 64 * 1024;
/** Memory that is kept from one text to the next. */
const MAX_KEPT = 4 * 1024 * 1024;

const module = new WebAssembly.Module(Buffer.from(WORD_HASHES, "base64"));
let { memory, words, hash } = instance();
let [bytes, pairs] = views();

/**
 * Reads the words of a text in UTF-8, stretch by stretch, as both their hashes.
 *
 * @param isCut whether all bytes but spaces are letters, else those of ASCII's letters and digits in lower case
 * @param take gets both hashes of so many words, in pairs that are good until it returns
 */
export function hashWords(text: Uint8Array, isCut: boolean, take: (pairs: Int32Array, count: number) => void): void {
  const end = TEXT + text.length;
  makeRoom(end + text.length + AFTER);
  bytes.set(text, TEXT);
  bytes.fill(SPACE, end, end + AFTER);
  for (let at = TEXT; at < end; ) {
    at = hash(at, Math.min(end, at + STRETCH), isCut ? 1 : 0);
    take(pairs, words.value);
  }
}

function makeRoom(size: number): void {
  if (size <= bytes.length && bytes.length <= MAX_KEPT) return;
  if (bytes.length > MAX_KEPT) ({ memory, words, hash } = instance());
  const missing = size - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  [bytes, pairs] = views();
}

function instance(): Hashes {
  return new WebAssembly.Instance(module).exports as unknown as Hashes;
}

function views(): [Uint8Array, Int32Array] {
  return [new Uint8Array(memory.buffer), new Int32Array(memory.buffer)];
}
