/** A run of letters, digits and the marks on them. */
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
const SPACE = 32;
/** What a byte of a text can be besides its letter: more than ASCII; what JSON writes as more than one character. */
export const IS_WIDE = 0x100;
export const IS_ESCAPED = 0x200;
/** For each byte the one that stands for it, a letter or digit in lower case or a space, and what it is. */
const PLAIN: Uint16Array = Uint16Array.from({ length: 256 }, (_, code) => {
  if (code > 127) return SPACE | IS_WIDE;
  const lower = String.fromCharCode(code).toLowerCase();
  if (/[a-z0-9]/.test(lower)) return lower.charCodeAt(0);
  return code < 32 || lower === '"' || lower === "\\" ? SPACE | IS_ESCAPED : SPACE;
});
const MAX_KEPT = 1024 * 1024;
const decoder = new TextDecoder();
let buffer = new Uint8Array(16 * 1024);

/**
 * The words of a text in lower case, separated by single spaces; the same for what is stored and what is asked for, so
 * that all stores find the same. A database's own rules must split it at the spaces and change nothing more: no folding
 * of letters, no accents taken off.
 */
export function words(text: string): string {
  return asciiWords(text) ?? text.toLowerCase().match(WORD)?.join(" ") ?? "";
}

/**
 * Of a text whose words are all ASCII, in a third of the time; undefined for others. Every character is written, and stays
 * unless it is a space after a space: to branch at each would take longer.
 */
function asciiWords(text: string): string | undefined {
  const { length } = text;
  const bytes = length <= buffer.length ? buffer : room(length);
  let end = 0;
  let last = SPACE;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127 && !isPunctuation(code)) return undefined;
    const plain = code > 127 ? SPACE : PLAIN[code]! & 0xff;
    bytes[end] = plain;
    end += ((plain ^ SPACE) | (last ^ SPACE)) === 0 ? 0 : 1;
    last = plain;
  }
  return decoder.decode(bytes.subarray(0, last === SPACE && end > 0 ? end - 1 : end));
}

/**
 * The words of a text that is in bytes, written to others.
 *
 * @returns how many, and what has been seen: if `IS_WIDE` is in that, the words are not those of `words`
 */
export function asciiWordBytes(text: Uint8Array, to: Uint8Array): { readonly size: number; readonly seen: number } {
  let [size, last, seen] = [0, SPACE, 0];
  for (let i = 0; i < text.length; i++) {
    const plain = PLAIN[text[i]!]!;
    seen |= plain;
    const letter = plain & 0xff;
    to[size] = letter;
    size += ((letter ^ SPACE) | (last ^ SPACE)) === 0 ? 0 : 1;
    last = letter;
  }
  return { size: last === SPACE && size > 0 ? size - 1 : size, seen: seen & (IS_WIDE | IS_ESCAPED) };
}

/** What stands in English text beside ASCII: dashes, quotes, the wide space; blocks without letters, digits and marks. */
function isPunctuation(code: number): boolean {
  return (code >= 0x2000 && code < 0x2070) || (code >= 0x80 && code < 0xaa);
}

function room(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (length <= MAX_KEPT) buffer = bytes;
  return bytes;
}
