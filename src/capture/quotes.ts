/** Quotes with the backslashes that escape them in a string within a string. */
import { codeAt, kindAt, kindOf, QUOTE, type Scan } from "./scan.ts";

/** Backslashes before a quote: 2^n - 1 in a string within n strings. Six are more than programs nest. */
const MAX_SLASHES = 63;
export const BACKSLASH = 0x5c;

/** The mark, and above its eight bits how many characters it is with its backslashes; 0 is no quote. */
export type Quote = number;

export function lengthOf(quote: Quote): number {
  return quote >> 8;
}

/** The value in such quotes. */
export function quoted(value: string, quote: Quote): string {
  if (quote === 0) return value;
  const written = "\\".repeat(lengthOf(quote) - 1) + String.fromCharCode(quote & 0xff);
  return written + value + written;
}

/** The quote that begins here. */
export function quoteAt(scan: Scan, at: number): Quote {
  const { text } = scan;
  let end = at;
  while (end < at + MAX_SLASHES && codeAt(text, end) === BACKSLASH) end++;
  scan.steps += end - at + 1;
  const mark = codeAt(text, end);
  return (kindOf(mark) & QUOTE) === 0 ? 0 : ((end + 1 - at) << 8) | mark;
}

/** The quote that ends here. */
export function quoteBefore(scan: Scan, end: number): Quote {
  const { text } = scan;
  if ((kindAt(text, end - 1) & QUOTE) === 0) return 0;
  let at = end - 1;
  while (at >= end - MAX_SLASHES && codeAt(text, at - 1) === BACKSLASH) at--;
  scan.steps += end - at;
  return ((end - at) << 8) | text.charCodeAt(end - 1);
}

/**
 * Where the quoted value ends, or -1. With n backslashes before the opening quote, every n+1 before another are one level.
 * What nothing closes is looked for once.
 */
export function closingQuote(scan: Scan, from: number, quote: Quote): number {
  if (scan.unclosed?.has(quote)) return -1;
  const { text } = scan;
  const level = lengthOf(quote) - 1;
  const mark = quote & 0xff;
  let slashes = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === mark && (slashes < level || ((slashes - level) / (level + 1)) % 2 === 0)) {
      scan.steps += at - from;
      return at - Math.min(slashes, level);
    }
    slashes = code === BACKSLASH ? slashes + 1 : 0;
  }
  scan.steps += text.length - from;
  (scan.unclosed ??= new Set()).add(quote);
  return -1;
}
