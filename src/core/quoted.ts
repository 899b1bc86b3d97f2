import { IS_LITTLE_ENDIAN, nextMarked, readWords, wordShift } from "./window.ts";

/** All but what JSON shows as it is: it escapes halves of surrogate pairs where the other half is missing. */
const SPECIAL = /[^ !#-[\]-\ud7ff\ue000-\uffff]/;

/** Below so many characters the window costs more than it spares. */
const MANY = 64;

/** Of more characters to escape than one in so many, `JSON.stringify` makes a shorter job than slices do. */
const SPARSE = 32;

/** By two characters of one byte each, and by a character of two: 1 where something may have to be escaped. */
let pairs: Uint8Array | undefined;
let codes: Uint8Array | undefined;

/** What `JSON.stringify` gives for a text: a third of its time for a long one in which little has to be escaped. */
export function quoted(text: string): string {
  const { length } = text;
  if (length < MANY) return SPECIAL.test(text) ? JSON.stringify(text) : `"${text}"`;
  if (!IS_LITTLE_ENDIAN) return JSON.stringify(text);
  const shift = wordShift(text);
  const isOpen = shift === 1 ? (codes ??= table(isSpecial)) : (pairs ??= table(isSpecialPair));
  let line = '"';
  let done = 0;
  let left = length / SPARSE;
  for (let from = 0, to = 0; from < length; from = to) {
    to = readWords(text, from, shift, 0);
    const end = (to - from) >> shift;
    for (let i = nextMarked(isOpen, 0, end + 1); i <= end; i = nextMarked(isOpen, i + 1, end + 1)) {
      const at = from + (i << shift);
      const stop = Math.min(to, at + (1 << shift));
      for (let each = at; each < stop; each++) {
        const code = text.charCodeAt(each);
        if (!isSpecial(code)) continue;
        if (code >= 0xd800 || --left < 0) return JSON.stringify(text);
        line += text.slice(done, each) + JSON.stringify(text[each]).slice(1, -1);
        done = each + 1;
      }
    }
  }
  return `${line}${done === 0 ? text : text.slice(done)}"`;
}

function isSpecial(code: number): boolean {
  return code < 0x20 || code === 0x22 || code === 0x5c || (code >= 0xd800 && code <= 0xdfff);
}

function isSpecialPair(pair: number): boolean {
  return isSpecial(pair & 0xff) || isSpecial(pair >> 8);
}

function table(isOne: (index: number) => boolean): Uint8Array {
  const all = new Uint8Array(0x10000);
  for (let index = 0; index < all.length; index++) if (isOne(index)) all[index] = 1;
  return all;
}
