/** Secrets that show by the name before them: `password: x`, `API_KEY=x`, `"api_key": "x"`, `?key=x`, `--token x`. */
import { LIMITS } from "./limits.ts";
import { COOKIE_LINE, NO_SECRET, SECRET_LINE, SECRET_VALUE, type Verdict } from "./names.ts";
import {
  BLANK,
  kindAt,
  LETTER,
  NEWLINE,
  QUOTE,
  REDACTED,
  type Rule,
  redact,
  runEnd,
  runStart,
  type Scan,
  SPACE,
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

const COOKIE_PAIR = /[\w.!#$%&*+^|~-]{1,64}=/y;
/** The first word of a value of two: the secret is the second. */
const SCHEME = /(?:bearer|basic|digest|token|apikey) (?=[^\s"'`])/iy;

/** `b"…"`, `f'…'`: the letters before a Python string. */
const STRING_PREFIX = /[bfru]{1,2}(?=\\{0,63}["'])/iy;

/** `{"pass":"…"}` is a password, `pass: 12` a count. */
const QUOTED_ONLY = /^pass$/i;

/** Backslashes before a quote: 2^n - 1 in a string within n strings. Six are more than programs nest. */
export const MAX_SLASHES = 63;

const COLON = 0x3a;
const EQUALS = 0x3d;
const ESCAPED_EQUALS = "%3d";

/** `name: value`, `name = value`, `name := value`, `name => value`. */
function assignment(scan: Scan, at: number): boolean {
  const { text } = scan;
  // What a name can end with: most colons of addresses and times go no further.
  if ((kindAt(text, at - 1) & (WORD | QUOTE | SPACE)) === 0 && text.charCodeAt(at - 1) !== 0x5d) return false;
  const operator = operatorEnd(scan, at);
  if (operator === -1) return false;
  let end = at;
  // `password : x`, `headers["x-api-key"] = x`
  while (end > at - 8 && (kindAt(text, end - 1) & SPACE) !== 0) end--;
  if (text.charCodeAt(end - 1) === 0x5d) end--;
  return given(scan, end, operator, text.charCodeAt(operator - 1) === EQUALS);
}

/** `token%3Dx`, where a URL is a parameter of another. */
function escapedParameter(scan: Scan, at: number): boolean {
  return scan.text.slice(at, at + 3).toLowerCase() === ESCAPED_EQUALS && given(scan, at, at + 3, true);
}

/** `--token x` */
function flag(scan: Scan, at: number): boolean {
  const { text } = scan;
  if (at < scan.flagEnd || text.charCodeAt(at - 1) !== 0x2d || (kindAt(text, at + 1) & LETTER) === 0) return false;
  const end = (scan.flagEnd = runEnd(scan, at + 1, WORD, at + LIMITS.name));
  const verdict = text.charCodeAt(end) === 0x20 ? judgeName(scan, at + 1, end) : NO_SECRET;
  return verdict !== NO_SECRET && secretValue(scan, verdict, end + 1, "", false);
}

/** Judges the name that ends at `end`, in quotes or not, and what `operator` gives to it. */
function given(scan: Scan, end: number, operator: number, isParameter: boolean): boolean {
  const { text } = scan;
  let nameEnd = end;
  let nameQuote = "";
  if (kindAt(text, end - 1) === QUOTE) {
    nameEnd--;
    while (nameEnd > end - MAX_SLASHES - 1 && text.charCodeAt(nameEnd - 1) === 0x5c) nameEnd--;
    nameQuote = text.slice(nameEnd, end);
  }
  if ((kindAt(text, nameEnd - 1) & WORD) === 0) return false;
  if (scan.shortestName > 1 && (kindAt(text, nameEnd - 2) & WORD) === 0) return false;
  const start = runStart(scan, nameEnd, WORD, Math.max(scan.done, nameEnd - LIMITS.name));
  if (nameEnd - start < scan.shortestName) return false;
  const verdict = judgeName(scan, start, nameEnd);
  if (verdict === NO_SECRET) return isQuotedPass(scan, start, nameEnd, operator);
  return secretValue(scan, verdict, operator, nameQuote, isParameter);
}

function judgeName(scan: Scan, start: number, end: number): Verdict {
  const { text } = scan;
  const before = text.charCodeAt(start - 1);
  const from = start + escapeLength(text, before, start);
  const isQuery = from > start || before === 0x3f || before === 0x26 || text.startsWith("&amp;", start - 5);
  if (isQuery && end - from <= LONGEST_QUERY && QUERY.test(text.slice(from, end))) return SECRET_VALUE;
  // "API key: …" and "tokens per first token: …" are judged with the word before.
  const phrase = before === 0x20 ? runStart(scan, start - 1, LETTER, Math.max(0, start - 25)) : from;
  return scan.verdict(text, phrase, end);
}

/** What a name begins with that is not its own: of `%26sig%3D`, of `\u0026sig=` as some write JSON. `&amp;` ends before. */
function escapeLength(text: string, before: number, start: number): number {
  if (before === 0x25) return 2;
  return before === 0x5c && text.startsWith("u0026", start) ? 5 : 0;
}

function isQuotedPass(scan: Scan, start: number, end: number, operator: number): boolean {
  if (end - start !== 4 || !QUOTED_ONLY.test(scan.text.slice(start, end))) return false;
  const from = runEnd(scan, operator, BLANK, operator + 8);
  const quote = quoteAt(scan, from);
  const close = quote === "" ? -1 : closingQuote(scan, from + quote.length, quote);
  return close > from + quote.length && redact(scan, from + quote.length, close);
}

function secretValue(scan: Scan, verdict: Verdict, operator: number, nameQuote: string, isParameter: boolean): boolean {
  const { text } = scan;
  let from = runEnd(scan, operator, BLANK, operator + 8);
  STRING_PREFIX.lastIndex = from;
  if (STRING_PREFIX.test(text)) from = STRING_PREFIX.lastIndex;
  const quote = quoteAt(scan, from);
  from += quote.length;
  if (quote !== "") {
    const close = closingQuote(scan, from, quote);
    if (close !== -1) return close > from && redact(scan, from, close);
    const line = lineEnd(scan, from);
    return line > from && redact(scan, from, line);
  }
  const shown = nameQuote + REDACTED + nameQuote;
  const first = text.charCodeAt(from);
  if (nameQuote !== "" && (first === 0x7b || first === 0x5b)) {
    return redact(scan, from, bracketEnd(scan, from, nameQuote.length - 1), shown);
  }
  HARMLESS.lastIndex = from;
  if (HARMLESS.test(text)) return false;
  if (isPem(text, from)) return pem(scan, from);
  COOKIE_PAIR.lastIndex = from;
  if (verdict === COOKIE_LINE && !COOKIE_PAIR.test(text)) return false;
  SCHEME.lastIndex = from;
  const word = SCHEME.test(text) ? SCHEME.lastIndex : from;
  const to = bareEnd(scan, word, verdict === SECRET_LINE || verdict === COOKIE_LINE, isParameter);
  return to > from && redact(scan, from, to, shown);
}

/** A quote with the backslashes that escape it in a string within a string; empty when there is none. */
export function quoteAt(scan: Scan, at: number): string {
  let end = at;
  while (end < at + MAX_SLASHES && scan.text.charCodeAt(end) === 0x5c) end++;
  scan.steps += end - at + 1;
  return kindAt(scan.text, end) === QUOTE ? scan.text.slice(at, end + 1) : "";
}

/** The index after `:`, `:=`, `=` or `=>`, or -1. Comparisons, scopes and URLs are none. */
function operatorEnd(scan: Scan, at: number): number {
  const { text } = scan;
  const next = text.charCodeAt(at + 1);
  if (text.charCodeAt(at) === COLON) {
    return next === EQUALS ? at + 2 : next === COLON || text.startsWith("//", at + 1) ? -1 : at + 1;
  }
  if (next === EQUALS) return -1;
  if (next !== 0x3e) return at + 1;
  return quoteAt(scan, runEnd(scan, at + 2, BLANK, at + 10)) === "" ? -1 : at + 2;
}

/**
 * Where the quoted value ends, or -1. With n backslashes before the opening quote, every n+1 before another are one level.
 * What nothing closes is looked for once.
 */
export function closingQuote(scan: Scan, from: number, quote: string): number {
  if (scan.unclosed.has(quote)) return -1;
  const { text } = scan;
  const level = quote.length - 1;
  const mark = quote.charCodeAt(level);
  let slashes = 0;
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === mark && (slashes < level || ((slashes - level) / (level + 1)) % 2 === 0)) {
      scan.steps += at - from;
      return at - Math.min(slashes, level);
    }
    slashes = code === 0x5c ? slashes + 1 : 0;
  }
  scan.steps += text.length - from;
  scan.unclosed.add(quote);
  return -1;
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
    slashes = code === 0x5c ? slashes + 1 : 0;
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

/** The end of an unquoted value, without the punctuation of what is around it. */
function bareEnd(scan: Scan, from: number, wholeLine: boolean, isParameter: boolean): number {
  const { text } = scan;
  let end = from;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    const kind = kindAt(text, end);
    if (kind === NEWLINE || kind === QUOTE || (kind === BLANK && !wholeLine)) break;
    if (isParameter && (code === 0x26 || code === 0x3b || (code === 0x25 && text.startsWith("26", end + 1)))) break;
    if (code === 0x5c && /[nrt"'\\]/.test(text[end + 1] ?? "")) break;
  }
  scan.steps += end - from + 1;
  if (!wholeLine) while (end > from && /[,;.)}\]]/.test(text[end - 1]!)) end--;
  return end;
}

export const ASSIGNMENTS: readonly Rule[] = [
  [":=", assignment],
  ["%", escapedParameter],
  ["-", flag],
];
