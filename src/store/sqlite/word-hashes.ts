import { SPACE } from "../words.ts";
import { WORD_HASHES } from "./word-hashes.wasm.ts";
import { hashWordsPlainly } from "./word-hashes-plain.ts";

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

let compiled: WebAssembly.Module | undefined;
let hashes: Hashes | undefined;
let isMissing = false;
/** The memory, as bytes and as pairs of hashes. */
let [bytes, pairs] = [new Uint8Array(0), new Int32Array(0)];

/**
 * Reads the words of a text in UTF-8, stretch by stretch, as both their hashes.
 *
 * @param isCut whether all bytes but spaces are letters, else those of ASCII's letters and digits in lower case
 * @param take gets both hashes of so many words, in pairs that are good until it returns
 */
export function hashWords(text: Uint8Array, isCut: boolean, take: (pairs: Int32Array, count: number) => void): void {
  const end = TEXT + text.length;
  const room = roomFor(end + text.length + AFTER);
  if (!room) {
    hashWordsPlainly(text, isCut, take);
    return;
  }
  const { hash, words } = room;
  bytes.set(text, TEXT);
  bytes.fill(SPACE, end, end + AFTER);
  for (let at = TEXT; at < end; ) {
    at = hash(at, Math.min(end, at + STRETCH), isCut ? 1 : 0);
    take(pairs, words.value);
  }
}

/** Undefined where WebAssembly is switched off (`--jitless`), or where addresses are few (`ulimit -v`): Node 20 reserves 10 GB of them. */
function roomFor(size: number): Hashes | undefined {
  if (isMissing) return undefined;
  try {
    return withRoom(size);
  } catch {
    // Else the memory cannot grow: the next text may be shorter.
    isMissing = hashes === undefined;
    hashes = undefined;
    return undefined;
  }
}

function withRoom(size: number): Hashes {
  if (hashes && size <= bytes.length && bytes.length <= MAX_KEPT) return hashes;
  if (!hashes || bytes.length > MAX_KEPT) {
    compiled ??= new WebAssembly.Module(Buffer.from(WORD_HASHES, "base64"));
    hashes = new WebAssembly.Instance(compiled).exports as unknown as Hashes;
  }
  const { memory } = hashes;
  const missing = size - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
  [bytes, pairs] = [new Uint8Array(memory.buffer), new Int32Array(memory.buffer)];
  return hashes;
}
