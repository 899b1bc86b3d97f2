/** Secrets that show by the name before them: `password: x`, `API_KEY=x`, `"api_key": "x"`, `?key=x`, `--token x`. */
import { LIMITS } from "./limits.ts";
import {
  BLANK,
  kindAt,
  LETTER,
  NEWLINE,
  QUOTE,
  REDACTED,
  redact,
  runEnd,
  runStart,
  type Scan,
  SPACE,
  WORD,
} from "./scan.ts";

/**
 * A piece of every name that is worth a look. Four short alternatives each, because with more of them V8 stops skipping
 * ahead and reads every character: 0.5 ns a character instead of 1.6.
 */
export const NAME_ANCHORS: readonly string[] = [
  "[kK][eE][yY]|[oO][kK][eE][nN]|[cC][rR][eE][tTdD]|[pP][aA][sS][sS]",
  "[pP][wW][dD]|[oO][kK][iI][eE]|[rR][iI][zZ][aA]|[sS][iI][gG][=nN]",
];

/** Secret as query parameters only. */
const QUERY = /^(?:key|sig|signature|x-amz-signature|x-goog-signature)$/i;

/** Unquoted values that give nothing away: type names, literals, references, the start of a block. */
const HARMLESS = new RegExp(
  "(?:null|undefined|none|nil|true|false|string|str|number|boolean|bool|any|unknown|object|required|optional|await|new" +
    "|process\\.env\\.\\w{1,64}|\\$\\{\\w{1,64}\\}|\\[redacted\\]|[{[])(?=[\\s,;&)}\\]\"'`<\\\\]|$)",
  "iy",
);

/** Names whose value is the rest of the line. */
const HEADER = /(?:authorization|cookie)$/i;
const COOKIE_PAIR = /[\w.!#$%&*+^|~-]{1,64}=/y;

/** `b"…"`, `f'…'`: the letters before a Python string. */
const STRING_PREFIX = /[bfru]{1,2}(?=["'])/iy;

/** Judges the name that an anchor ends in. True when the value that is given to it is a secret and is redacted. */
export function assignment(scan: Scan, at: number): boolean {
  if (at < scan.nameEnd) return false;
  const { text } = scan;
  const start = runStart(scan, at, WORD, Math.max(scan.done, scan.nameEnd, at - LIMITS.name));
  const end = runEnd(scan, at, WORD);
  scan.nameEnd = end;

  const nameQuote = quoteAt(scan, end);
  const isFlag = text[end] === " " && text.startsWith("--", start);
  const operator = isFlag ? end + 1 : operatorEnd(scan, end + nameQuote.length);
  if (operator === -1 || !isSecretName(scan, start, end)) return false;

  let from = runEnd(scan, operator, BLANK, operator + 8);
  STRING_PREFIX.lastIndex = from;
  if (STRING_PREFIX.test(text)) from = STRING_PREFIX.lastIndex;
  const quote = quoteAt(scan, from);
  from += quote.length;
  const close = quote === "" ? -1 : closingQuote(scan, from, quote);
  if (close !== -1) return close > from && redact(scan, from, close);

  const shown = quote === "" ? nameQuote + REDACTED + nameQuote : REDACTED;
  if (nameQuote !== "" && (text[from] === "{" || text[from] === "[")) {
    return redact(scan, from, bracketEnd(scan, from), shown);
  }
  HARMLESS.lastIndex = from;
  if (HARMLESS.test(text)) return false;
  const header = HEADER.exec(text.slice(start, end))?.[0].toLowerCase();
  COOKIE_PAIR.lastIndex = from;
  if (header === "cookie" && !COOKIE_PAIR.test(text)) return false;
  const to = bareEnd(scan, from, header !== undefined, text[operator - 1] === "=");
  return to > from && redact(scan, from, to, shown);
}

function isSecretName(scan: Scan, start: number, end: number): boolean {
  const { text } = scan;
  const name = text.slice(start, end);
  const before = text[start - 1];
  if ((before === "?" || before === "&") && QUERY.test(name)) return true;
  // "API key: …" and "tokens per first token: …" are judged with the word before.
  const phrase = before === " " ? runStart(scan, start - 1, LETTER, Math.max(0, start - 25)) : start;
  return scan.isSecret(text.slice(phrase, end));
}

/** A quote with the backslashes that escape it in a string within a string; empty when there is none. */
function quoteAt(scan: Scan, at: number): string {
  let end = at;
  while (end < at + 8 && scan.text[end] === "\\") end++;
  scan.steps += end - at + 1;
  return kindAt(scan.text, end) === QUOTE ? scan.text.slice(at, end + 1) : "";
}

/** The index after `:`, `:=`, `=` or `=>` with its blanks, or -1. Comparisons, scopes and URLs are none. */
function operatorEnd(scan: Scan, from: number): number {
  const { text } = scan;
  const at = runEnd(scan, text[from] === "]" ? from + 1 : from, SPACE, from + 8);
  const next = text[at + 1];
  if (text[at] === ":") return next === "=" ? at + 2 : next === ":" || text.startsWith("//", at + 1) ? -1 : at + 1;
  if (text[at] !== "=" || next === "=") return -1;
  if (next !== ">") return at + 1;
  return quoteAt(scan, runEnd(scan, at + 2, BLANK, at + 10)) === "" ? -1 : at + 2;
}

/** Where the quoted value ends, or -1. With n backslashes before the opening quote, every n+1 before another are one level. */
function closingQuote(scan: Scan, from: number, quote: string): number {
  const { text } = scan;
  const level = quote.length - 1;
  const mark = quote[level];
  const limit = Math.min(text.length, from + LIMITS.margin);
  let slashes = 0;
  for (let at = from; at < limit; at++) {
    const char = text[at];
    if (char === mark && (slashes < level || ((slashes - level) / (level + 1)) % 2 === 0)) {
      scan.steps += at - from;
      return at - Math.min(slashes, level);
    }
    slashes = char === "\\" ? slashes + 1 : 0;
  }
  scan.steps += limit - from;
  return -1;
}

function bracketEnd(scan: Scan, from: number): number {
  const limit = Math.min(scan.text.length, from + LIMITS.margin);
  let open = 0;
  let end = from;
  while (end < limit) {
    const char = scan.text[end++];
    if (char === "{" || char === "[") open++;
    else if ((char === "}" || char === "]") && --open === 0) break;
  }
  scan.steps += end - from;
  return end;
}

/** The end of an unquoted value, without the punctuation of what is around it. */
function bareEnd(scan: Scan, from: number, wholeLine: boolean, isParameter: boolean): number {
  const { text } = scan;
  let end = from;
  for (; end < text.length; end++) {
    const kind = kindAt(text, end);
    if (kind === NEWLINE || kind === QUOTE || (kind === BLANK && !wholeLine)) break;
    const char = text[end];
    if (isParameter && (char === "&" || char === ";")) break;
    if (char === "\\" && /[nrt"'\\]/.test(text[end + 1] ?? "")) break;
  }
  scan.steps += end - from + 1;
  if (!wholeLine) while (end > from && /[,;.)}\]]/.test(text[end - 1]!)) end--;
  return end;
}
