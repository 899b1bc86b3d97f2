/** Secrets in lists of names and values: `["Cookie", "a=b"]` in a list of headers, Node's flat `rawHeaders`. */
import { LIMITS } from "./limits.ts";
import { NO_SECRET, SECRET_IN_QUOTES } from "./names.ts";
import { BACKSLASH, closingQuote, lengthOf, quoteAt, quoteBefore } from "./quotes.ts";
import { chars, codeAt, kindAt, QUOTE, type Rule, redact, runStart, type Scan, SPACE, WORD } from "./scan.ts";

/** Names that only headers have; `token` and `password` in a list are more often words. */
const HEADER = /^(?:(?:proxy-)?authorization|(?:set-)?cookie|[a-z0-9]+(?:-[a-z0-9]+)+)$/i;
/** The next name of a list of names (`["authorization", "content-type"]`), and no value of a secret header. */
const BARE_NAME = /^[a-z]{1,20}(?:-[a-z]{1,20}){0,3}$/i;
const LONGEST_BARE = 83;
/** `authorization` */
const LONGEST_PLAIN = 13;
const UNDERSCORE = 0x5f;
const DASH = 0x2d;

/** Whether a secret name and the string after it, in a list of anything, are a header. */
export function isHeaderItem(name: string, value: string): boolean {
  return HEADER.test(name) && !BARE_NAME.test(value);
}

/** `"name","value"` in JSON, in JSON within JSON, and in what `inspect` prints; on one line or on several. */
function item(scan: Scan, at: number): boolean {
  const { text } = scan;
  const quote = quoteBefore(scan, at);
  const end = at - lengthOf(quote);
  const start = runStart(scan, end, WORD, Math.max(scan.done, end - LIMITS.name));
  const open = start - lengthOf(quote);
  if (start === end || quoteAt(scan, open) !== quote) return false;
  const verdict = scan.verdict(text, start, end);
  if (verdict === NO_SECRET || verdict === SECRET_IN_QUOTES) return false;
  const isHeader = isHeaderName(text, start, end);
  const nested = isNested(scan, open);
  if (!isHeader && !nested) return false;
  let from = afterBlanks(scan, at + 1);
  if (quoteAt(scan, from) !== quote) return false;
  from += lengthOf(quote);
  const close = closingQuote(scan, from, quote);
  const to = close === -1 ? text.length : close;
  if (to === from) return false;
  const isPair = nested && (close === -1 || codeAt(text, afterBlanks(scan, close + lengthOf(quote))) === 0x5d);
  return (isPair || (isHeader && !isBareName(text, from, to))) && redact(scan, from, to);
}

/** `HEADER` without a slice for most names: words with dashes between them, or what it lists. */
function isHeaderName(text: string, start: number, end: number): boolean {
  let dashes = 0;
  for (let at = start; at < end; at++) {
    const code = text.charCodeAt(at);
    if (code === UNDERSCORE) return false;
    if (code === DASH) dashes++;
  }
  return (dashes > 0 || end - start <= LONGEST_PLAIN) && HEADER.test(text.slice(start, end));
}

function isBareName(text: string, from: number, to: number): boolean {
  return to - from <= LONGEST_BARE && BARE_NAME.test(text.slice(from, to));
}

/** Whether the list that begins before `open` is in a list itself. */
function isNested(scan: Scan, open: number): boolean {
  const { text } = scan;
  const bracket = beforeBlanks(scan, open) - 1;
  if (codeAt(text, bracket) !== 0x5b) return false;
  const code = codeAt(text, beforeBlanks(scan, bracket) - 1);
  return code === 0x5b || code === 0x2c;
}

/** Indented lists have these between items: more is no indentation. */
const MAX_BLANKS = 64;

/** Past blanks and line ends, those too that are written `\n` in a string. */
function afterBlanks(scan: Scan, from: number): number {
  const { text } = scan;
  let at = from;
  while (at < from + MAX_BLANKS) {
    let end = at;
    while (codeAt(text, end) === BACKSLASH) end++;
    if ((kindAt(text, at) & SPACE) !== 0) at++;
    else if (end > at && codeAt(text, end) === 0x6e) at = end + 1;
    else break;
  }
  scan.steps += at - from + 1;
  return at;
}

function beforeBlanks(scan: Scan, to: number): number {
  const { text } = scan;
  let at = to;
  while (at > to - MAX_BLANKS) {
    if ((kindAt(text, at - 1) & SPACE) !== 0) at--;
    else if (codeAt(text, at - 1) === 0x6e && codeAt(text, at - 2) === BACKSLASH) {
      at -= 2;
      while (codeAt(text, at - 1) === BACKSLASH) at--;
    } else break;
  }
  scan.steps += to - at + 1;
  return at;
}

export const LISTS: readonly Rule[] = [{ anchors: ",", before: chars(QUOTE), judge: item }];
