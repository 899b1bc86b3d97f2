/** Secrets in lists of names and values: `["Cookie", "a=b"]` in a list of headers, Node's flat `rawHeaders`. */
import { closingQuote, MAX_SLASHES, quoteAt } from "./assignments.ts";
import { LIMITS } from "./limits.ts";
import { NO_SECRET } from "./names.ts";
import { kindAt, QUOTE, type Rule, redact, runStart, type Scan, SPACE, WORD } from "./scan.ts";

/** Names that only headers have; `token` and `password` in a list are more often words. */
const HEADER = /^(?:(?:proxy-)?authorization|(?:set-)?cookie|[a-z0-9]+(?:-[a-z0-9]+)+)$/i;
/** The next name of a list of names (`["authorization", "content-type"]`), and no value of a secret header. */
const BARE_NAME = /^[a-z]{1,20}(?:-[a-z]{1,20}){0,3}$/i;

/** Whether a secret name and the string after it, in a list of anything, are a header. */
export function isHeaderItem(name: string, value: string): boolean {
  return HEADER.test(name) && !BARE_NAME.test(value);
}

/** `"name","value"` in JSON, in JSON within JSON, and in what `inspect` prints; on one line or on several. */
function item(scan: Scan, at: number): boolean {
  const { text } = scan;
  if (kindAt(text, at - 1) !== QUOTE) return false;
  let end = at - 1;
  while (end > at - MAX_SLASHES - 1 && text.charCodeAt(end - 1) === 0x5c) end--;
  const quote = text.slice(end, at);
  const start = runStart(scan, end, WORD, Math.max(scan.done, end - LIMITS.name));
  const open = start - quote.length;
  if (start === end || !text.startsWith(quote, open)) return false;
  if (scan.verdict(text, start, end) === NO_SECRET) return false;
  let from = afterBlanks(scan, at + 1);
  if (quoteAt(scan, from) !== quote) return false;
  from += quote.length;
  const close = closingQuote(scan, from, quote);
  const to = close === -1 ? text.length : close;
  const isPair =
    isNested(scan, open) && (close === -1 || text.charCodeAt(afterBlanks(scan, close + quote.length)) === 0x5d);
  const value = text.slice(from, Math.min(to, from + LIMITS.name));
  return to > from && (isPair || isHeaderItem(text.slice(start, end), value)) && redact(scan, from, to);
}

/** Whether the list that begins before `open` is in a list itself. */
function isNested(scan: Scan, open: number): boolean {
  const { text } = scan;
  const bracket = beforeBlanks(scan, open) - 1;
  if (text.charCodeAt(bracket) !== 0x5b) return false;
  const code = text.charCodeAt(beforeBlanks(scan, bracket) - 1);
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
    while (text.charCodeAt(end) === 0x5c) end++;
    if ((kindAt(text, at) & SPACE) !== 0) at++;
    else if (end > at && text.charCodeAt(end) === 0x6e) at = end + 1;
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
    else if (text.charCodeAt(at - 1) === 0x6e && text.charCodeAt(at - 2) === 0x5c) {
      at -= 2;
      while (text.charCodeAt(at - 1) === 0x5c) at--;
    } else break;
  }
  scan.steps += to - at + 1;
  return at;
}

export const LISTS: readonly Rule[] = [[",", item]];
