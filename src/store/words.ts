/** A run of letters, digits and the marks on them. */
const WORD = /[\p{L}\p{N}\p{M}]+/gu;
export const SPACE = 32;
/** For each byte what stands for it: a letter or digit of ASCII in lower case, or a space. */
export const LETTERS: Uint8Array = Uint8Array.from({ length: 256 }, (_, code) => {
  const lower = code > 127 ? " " : String.fromCharCode(code).toLowerCase();
  return /[a-z0-9]/.test(lower) ? lower.charCodeAt(0) : SPACE;
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
    const plain = code > 127 ? SPACE : LETTERS[code]!;
    bytes[end] = plain;
    end += ((plain ^ SPACE) | (last ^ SPACE)) === 0 ? 0 : 1;
    last = plain;
  }
  return decoder.decode(bytes.subarray(0, last === SPACE && end > 0 ? end - 1 : end));
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
