/** Secrets that show by the name before them: `password: x`, `API_KEY=x`, `"api_key": "x"`, `?key=x`, `--token x`. */
import { LIMITS } from "./limits.ts";
import { COOKIE_LINE, NO_SECRET, SECRET_IN_QUOTES, SECRET_LINE, SECRET_VALUE, type Verdict } from "./names.ts";
import { BACKSLASH, closingQuote, lengthOf, type Quote, quoteAt, quoteBefore, quoted } from "./quotes.ts";
import {
  BLANK,
  chars,
  charsBut,
  codeAt,
  kindAt,
  kindOf,
  LETTER,
  matchEnd,
  NEWLINE,
  QUOTE,
  REDACTED,
  type Rule,
  redact,
  runEnd,
  runStart,
  type Scan,
  SPACE,
  tableOf,
  WORD,
} from "./scan.ts";
import { isPem, pem } from "./shapes.ts";

/** Secret as query parameters only. */
const QUERY = /^(?:key|sig|signature|x-amz-signature|x-goog-signature)$/i;
const LONGEST_QUERY = "x-goog-signature".length;

/** Unquoted values that give nothing away: type names, literals, references, the start of a block. */
const HARMLESS = new RegExp(
  "(?:null|undefined|none|nil|true|false|string|str|number|boolean|bool|any|unknown|object|required|optional|await|new" +
    "|process\\.env\\.\\w{1,64}|\\$\\{\\w{1,64}\\}|\\[redacted\\]|[{[])(?=[\\s,;&%)}\\]\"'`<\\\\]|$)",
  "iy",
);
const HARMLESS_FIRST = tableOf("nutfsbaorpNUTFSBAORP${[");

const COOKIE_NAME = tableOf(`${chars(WORD)}.!#$%&*+^|~`);
const LONGEST_COOKIE_NAME = 64;

/** The first word of a value of two: the secret is the second. */
const SCHEME = /(?:bearer|basic|digest|token|apikey) (?=[^\s"'`])/iy;
const SCHEME_FIRST = tableOf("bdtaBDTA");

/** `b"…"`, `f'…'`: the letters before a Python string. */
const STRING_PREFIX = /[bfru]{1,2}(?=\\{0,63}["'])/iy;
const STRING_PREFIX_FIRST = tableOf("bfruBFRU");

const COLON = 0x3a;
const EQUALS = 0x3d;
const SLASH = 0x2f;
const ESCAPED_EQUALS = "%3d";

/** `name: value`, `name = value`, `name := value`, `name => value`. */
function assignment(scan: Scan, at: number): boolean {
  const { text } = scan;
  // A name of one letter, as most colons of addresses and times have before them.
  if (scan.shortestName > 1 && (kindAt(text, at - 1) & WORD) !== 0 && (kindAt(text, at - 2) & WORD) === 0) return false;
  const operator = operatorEnd(scan, at);
  if (operator === -1) return false;
  let end = at;
  // `password : x`, `headers["x-api-key"] = x`
  while (end > at - 8 && (kindAt(text, end - 1) & SPACE) !== 0) end--;
  if (codeAt(text, end - 1) === 0x5d) end--;
  return given(scan, end, operator, text.charCodeAt(operator - 1) === EQUALS);
}

/** `token%3Dx`, where a URL is a parameter of another. */
function escapedParameter(scan: Scan, at: number): boolean {
  return scan.text.slice(at, at + 3).toLowerCase() === ESCAPED_EQUALS && given(scan, at, at + 3, true);
}

/** `--token x` */
function flag(scan: Scan, at: number): boolean {
  const { text } = scan;
  if (at < scan.flagEnd) return false;
  const end = (scan.flagEnd = runEnd(scan, at + 1, WORD, at + LIMITS.name));
  const verdict = codeAt(text, end) === 0x20 ? judgeName(scan, at + 1, end) : NO_SECRET;
  return verdict !== NO_SECRET && secretValue(scan, verdict, end + 1, 0, false);
}

/** Judges the name that ends at `end`, in quotes or not, and what `operator` gives to it. */
function given(scan: Scan, end: number, operator: number, isParameter: boolean): boolean {
  const { text } = scan;
  const nameQuote = quoteBefore(scan, end);
  const nameEnd = end - lengthOf(nameQuote);
  if ((kindAt(text, nameEnd - 1) & WORD) === 0) return false;
  const start = runStart(scan, nameEnd, WORD, Math.max(scan.done, nameEnd - LIMITS.name));
  if (nameEnd - start < scan.shortestName) return false;
  const verdict = judgeName(scan, start, nameEnd);
  return verdict !== NO_SECRET && secretValue(scan, verdict, operator, nameQuote, isParameter);
}

function judgeName(scan: Scan, start: number, end: number): Verdict {
  const { text } = scan;
  const before = codeAt(text, start - 1);
  const from = start + escapeLength(text, before, start);
  const isAmp = before === 0x3b && text.startsWith("&amp;", start - 5);
  const isQuery = from > start || before === 0x3f || before === 0x26 || isAmp;
  if (isQuery && end - from <= LONGEST_QUERY && QUERY.test(text.slice(from, end))) return SECRET_VALUE;
  // "API key: …" and "tokens per first token: …" are judged with the word before.
  const phrase = before === 0x20 ? runStart(scan, start - 1, LETTER, Math.max(0, start - 25)) : from;
  return scan.verdict(text, phrase, end);
}

/** What a name begins with that is not its own: of `%26sig%3D`, of `\u0026sig=` as some write JSON. `&amp;` ends before. */
function escapeLength(text: string, before: number, start: number): number {
  if (before === 0x25) return 2;
  return before === BACKSLASH && text.startsWith("u0026", start) ? 5 : 0;
}

function secretValue(scan: Scan, verdict: Verdict, operator: number, nameQuote: Quote, isParameter: boolean): boolean {
  const { text } = scan;
  let from = runEnd(scan, operator, BLANK, operator + 8);
  if (STRING_PREFIX_FIRST[codeAt(text, from)] === 1) from = Math.max(from, matchEnd(scan, STRING_PREFIX, from));
  const quote = quoteAt(scan, from);
  from += lengthOf(quote);
  if (quote !== 0) {
    const close = closingQuote(scan, from, quote);
    if (close !== -1) return close > from && redact(scan, from, close);
    if (verdict === SECRET_IN_QUOTES) return false;
    const line = lineEnd(scan, from);
    return line > from && redact(scan, from, line);
  }
  if (verdict === SECRET_IN_QUOTES) return false;
  const first = codeAt(text, from);
  if (nameQuote !== 0 && (first === 0x7b || first === 0x5b)) {
    return redact(scan, from, bracketEnd(scan, from, lengthOf(nameQuote) - 1), quoted(REDACTED, nameQuote));
  }
  if (HARMLESS_FIRST[first] === 1 && matchEnd(scan, HARMLESS, from) !== -1) return false;
  if (isPem(text, from)) return pem(scan, from);
  if (verdict === COOKIE_LINE && !isCookiePair(scan, from)) return false;
  const word = SCHEME_FIRST[first] === 1 ? Math.max(from, matchEnd(scan, SCHEME, from)) : from;
  const to = bareEnd(scan, word, verdict === SECRET_LINE || verdict === COOKIE_LINE, isParameter);
  return to > from && redact(scan, from, to, quoted(REDACTED, nameQuote));
}

function isCookiePair(scan: Scan, from: number): boolean {
  const { text } = scan;
  let end = from;
  while (end < from + LONGEST_COOKIE_NAME && COOKIE_NAME[codeAt(text, end)] === 1) end++;
  scan.steps += end - from + 1;
  return end > from && codeAt(text, end) === EQUALS;
}

/** The index after `:`, `:=`, `=` or `=>`, or -1. Comparisons, scopes and URLs are none. */
function operatorEnd(scan: Scan, at: number): number {
  const { text } = scan;
  const next = codeAt(text, at + 1);
  if (text.charCodeAt(at) === COLON) {
    return next === EQUALS ? at + 2 : next === SLASH && codeAt(text, at + 2) === SLASH ? -1 : at + 1;
  }
  if (next !== 0x3e) return at + 1;
  return quoteAt(scan, runEnd(scan, at + 2, BLANK, at + 10)) === 0 ? -1 : at + 2;
}

/** The end of an array or object of JSON; brackets in its strings are none. `level`: the backslashes before its quotes. */
function bracketEnd(scan: Scan, from: number, level: number): number {
  const { text } = scan;
  let open = 0;
  let inString = false;
  let slashes = 0;
  let end = from;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === 0x22 && slashes <= level) inString = !inString;
    else if (!inString && (code === 0x7b || code === 0x5b)) open++;
    else if (!inString && (code === 0x7d || code === 0x5d) && --open === 0) break;
    slashes = code === BACKSLASH ? slashes + 1 : 0;
  }
  scan.steps += end - from;
  return Math.min(end + 1, text.length);
}

function lineEnd(scan: Scan, from: number): number {
  let end = from;
  while (end < scan.text.length && kindAt(scan.text, end) !== NEWLINE) end++;
  scan.steps += end - from;
  return end;
}

/** What a backslash makes a mark of, which ends a value in a string. */
const ESCAPED = tableOf("nrt\"'\\");
const TRAILING = tableOf(",;.)}]");

/** The end of an unquoted value, without the punctuation of what is around it. */
function bareEnd(scan: Scan, from: number, wholeLine: boolean, isParameter: boolean): number {
  const { text } = scan;
  let end = from;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    const kind = kindOf(code);
    if (kind === NEWLINE || kind === QUOTE || (kind === BLANK && !wholeLine)) break;
    if (isParameter && (code === 0x26 || code === 0x3b || (code === 0x25 && text.startsWith("26", end + 1)))) break;
    if (code === BACKSLASH && ESCAPED[codeAt(text, end + 1)] === 1) break;
  }
  scan.steps += end - from + 1;
  if (!wholeLine) while (end > from && TRAILING[text.charCodeAt(end - 1)] === 1) end--;
  return end;
}

/** What a name may end with, before an operator. */
const NAME_END = `${chars(WORD | QUOTE | SPACE)}]`;

export const ASSIGNMENTS: readonly Rule[] = [
  { anchors: ":", before: NAME_END, after: charsBut(":"), judge: assignment },
  { anchors: "=", before: NAME_END, after: charsBut("="), judge: assignment },
  { anchors: "%", before: chars(WORD | QUOTE), after: "3", judge: escapedParameter },
  { anchors: "-", before: "-", after: chars(LETTER), judge: flag },
];
