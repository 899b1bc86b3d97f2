import { LETTERS, SPACE } from "../words.ts";

/** FNV's beginning and factor, and another factor for the second hash. */
const [BEGIN, FACTOR, OTHER_FACTOR] = [0x811c9dc5 | 0, 0x01000193, 0x5bd1e995];
/** Words at a time. */
const WORDS = 1_024;
const pairs = new Int32Array(2 * WORDS);

/** `hashWords` in JavaScript, for a process without WebAssembly or without addresses for its memory. It takes twice as long. */
export function hashWordsPlainly(
  text: Uint8Array,
  isCut: boolean,
  take: (pairs: Int32Array, count: number) => void,
): void {
  let [hash, check, count] = [BEGIN, 0, 0];
  let isOpen = false;
  for (let i = 0; i <= text.length; i++) {
    const byte = i < text.length ? text[i]! : SPACE;
    const letter = isCut ? byte : LETTERS[byte]!;
    if (letter !== SPACE) {
      hash = Math.imul(hash ^ letter, FACTOR);
      check = Math.imul(check + letter, OTHER_FACTOR);
      isOpen = true;
      continue;
    }
    if (!isOpen) continue;
    pairs[2 * count] = stirred(hash);
    pairs[2 * count + 1] = check;
    count += 1;
    if (count === WORDS) {
      take(pairs, count);
      count = 0;
    }
    [hash, check, isOpen] = [BEGIN, 0, false];
  }
  take(pairs, count);
}

/** FNV's upper bits are those of a word's beginning: all bits shall depend on all letters. */
function stirred(hash: number): number {
  let x = hash ^ (hash >>> 15);
  x = Math.imul(x, 0x85ebca6b);
  return x ^ (x >>> 13);
}
