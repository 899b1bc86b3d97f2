/**
 * A stretch of a text as words of four bytes. A loop over them sees four characters at a step, or two where some take two
 * bytes: a fifth to a third of what `charCodeAt` costs for each.
 */
export const window: Int32Array = new Int32Array(4 * 1024);

const bytes = Buffer.from(window.buffer);
export const IS_LITTLE_ENDIAN: boolean = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

// V8 answers at once for a text that it keeps in one byte a character.
const WIDE = /[^\0-\xff]/;

/** How many characters of the text a word holds, as a power of two: 2 for four of them, 1 for two. */
export function wordShift(text: string): number {
  return WIDE.test(text) ? 1 : 2;
}

/** Fills the window with the text from there on, and one `end` after it; returns where in the text the window ends. */
export function readWords(text: string, from: number, shift: number, end: number): number {
  const to = Math.min(text.length, from + ((window.length - 1) << shift));
  const part = to - from === text.length ? text : text.slice(from, to);
  const count = bytes.write(part, shift === 1 ? "utf16le" : "latin1");
  bytes[count] = end;
  return to;
}

/**
 * The first word from `from` to `end` of which a half is marked in the table; `end` when none is. Four words at a step, as a
 * step costs more than a look, above all on Node 24.
 */
export function nextMarked(table: Uint8Array, from: number, end: number): number {
  let i = from;
  while (i + 4 <= end && (marks(table, i) | marks(table, i + 1) | marks(table, i + 2) | marks(table, i + 3)) === 0)
    i += 4;
  while (i < end && marks(table, i) === 0) i++;
  return i;
}

function marks(table: Uint8Array, index: number): number {
  const word = window[index]!;
  return table[word & 0xffff]! | table[word >>> 16]!;
}
