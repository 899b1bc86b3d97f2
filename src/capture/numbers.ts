/** Personal data that is numbers. Each pattern starts at a given place and reads a bounded stretch. */
import { ALNUM, DIGIT, kindAt, LETTER, redact, type Scan, WORD } from "./scan.ts";

/** As printed on cards: 4-4-4-4 with up to three digits more, 4-6-5, 4-6-4; or in one piece. */
const CARD = /(?:[2-6]\d{3}([ -])(?:\d{4}\1\d{4}\1\d{4}(?:\1\d{3})?|\d{6}\1\d{4,5})|[2-6]\d{12,18})(?![\w]|-\d|\.\d)/y;

/** ITU-T E.123 and E.164: a plus and 8 to 15 digits, with up to two blanks or signs between them. */
const INTERNATIONAL = /\+[1-9](?:[ \u00a0./()-]{0,2}\d){7,14}(?!\w)/y;
const SEPARATORS = " \u00a0./()-";
/** North America: `(212) 555-1234`, `212.555.1234`, `1-212-555-1234`. */
const NORTH_AMERICAN = /(?:1[ .-])?\(?[2-9]\d\d(?:\) ?|[ .-])[2-9]\d\d[ .-]\d{4}(?![\w]|[-.]\d)/y;
/** With a trunk prefix: `030 901820`, `0171/123 45 67`, `01 23 45 67 89`, `020 7946 0958`, `0049 30 901820`. */
const TRUNK = /0\d{1,4}(?:[./-] ?| )\d{2,8}(?:([ .-])\d{2,8}(?:\1\d{2,4}){0,3})?(?:-\d{1,4})?(?![\w]|[-.:]\d)/y;
/** With an area code in brackets: `(030) 901820`, `(11) 98765-4321`. */
const BRACKETED = /\(\d{2,5}\) ?\d{3,8}(?:[ -]\d{1,5}){0,3}(?![\w]|[-.:]\d)/y;

/** Where the pattern that starts here ends, or -1. */
function match(scan: Scan, pattern: RegExp, at: number): number {
  pattern.lastIndex = at;
  const end = pattern.test(scan.text) ? pattern.lastIndex : -1;
  scan.steps += end === -1 ? 8 : end - at;
  return end;
}

/** Not inside an id, a decimal or a path: `run_41…`, `a1b2-41…`, `0.41…`, `%2041…`. */
export function standsApart(text: string, at: number): boolean {
  const before = text.charCodeAt(at - 1);
  if (before === 0x25 || before === 0x5f || (kindAt(text, at - 1) & ALNUM) !== 0) return false;
  return (before !== 0x2d && before !== 0x2e) || (kindAt(text, at - 2) & WORD) === 0;
}

export function card(scan: Scan, at: number): boolean {
  const { text } = scan;
  const first = text.charCodeAt(at);
  if (first < 0x32 || first > 0x36 || (kindAt(text, at + 3) & DIGIT) === 0) return false;
  const end = match(scan, CARD, at);
  return end !== -1 && isCard(text.slice(at, end).replace(/[ -]/g, "")) && redact(scan, at, end, "[card]");
}

/** A card number that is a number. */
export function isCardNumber(value: number): boolean {
  return value >= 1e12 && Number.isSafeInteger(value) && isCard(String(value));
}

/** ISO/IEC 7812: issuers start with 2.2 to 2.7, 3, 4, 5 or 6 (which no time of this age does), and the last digit is Luhn's. */
function isCard(digits: string): boolean {
  if (!/^(?:2[2-7]|[3-6])\d{11,18}$/.test(digits)) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charCodeAt(digits.length - 1 - i) - 0x30;
    const weighed = i % 2 === 0 ? digit : digit * 2;
    sum += weighed > 9 ? weighed - 9 : weighed;
  }
  return sum % 10 === 0 && !/^(\d)\1+$/.test(digits);
}

export function phone(scan: Scan, at: number): boolean {
  const end = phoneEnd(scan, at);
  return end !== -1 && redact(scan, at, end, "[phone]");
}

/** A number with its country, or with a bracket first; others are found at their first digit. */
export function signedPhone(scan: Scan, at: number): boolean {
  const { text } = scan;
  if ((kindAt(text, at + 1) & DIGIT) === 0) return false;
  // An area code has two digits and more.
  if (text.charCodeAt(at) === 0x28 && (kindAt(text, at + 2) & DIGIT) === 0) return false;
  return standsApart(text, at) && phone(scan, at);
}

/** A look at the second and third character spares most texts the patterns. */
function phoneEnd(scan: Scan, at: number): number {
  const { text } = scan;
  const first = text.charCodeAt(at);
  const second = kindAt(text, at + 1) & DIGIT;
  const third = kindAt(text, at + 2) & DIGIT;
  if (first === 0x2b)
    return third !== 0 || SEPARATORS.includes(text[at + 2] ?? "+") ? match(scan, INTERNATIONAL, at) : -1;
  // A later group of a longer number.
  if (text.charCodeAt(at - 1) === 0x20 && (kindAt(text, at - 2) & DIGIT) !== 0) return -1;
  if (first === 0x30) return second === 0 ? -1 : trunkEnd(scan, at);
  if (first === 0x28) {
    const end = match(scan, BRACKETED, at);
    if (end !== -1 && hasDigits(text.slice(at, end), 9, 12)) return end;
  }
  if (first !== 0x31) return second !== 0 && third !== 0 ? match(scan, NORTH_AMERICAN, at) : -1;
  const joiner = text.charCodeAt(at + 1);
  const isJoined = joiner === 0x20 || joiner === 0x2d || joiner === 0x2e;
  return isJoined && (kindAt(text, at + 3) & DIGIT) !== 0 ? match(scan, NORTH_AMERICAN, at) : -1;
}

function trunkEnd(scan: Scan, at: number): number {
  const { text } = scan;
  const end = match(scan, TRUNK, at);
  if (end === -1) return -1;
  // Abroad is dialled with two zeros, and groups after them; a number padded with zeros has none.
  const isAbroad = text.charCodeAt(at + 1) === 0x30;
  const found = text.slice(at, end);
  return hasDigits(found, 9, isAbroad ? 15 : 12) && (!isAbroad || found.split(/\D+/).length > 2) ? end : -1;
}

function hasDigits(found: string, min: number, max: number): boolean {
  const { length } = found.replace(/\D/g, "");
  return length >= min && length <= max;
}

/** The IBAN registry: the country and its length. */
const IBAN_LENGTHS: ReadonlyMap<string, number> = new Map(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 " +
    "FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 " +
    "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 " +
    "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** ISO 13616: `DE89 3704 0044 0532 0130 00`, found at its first digit. */
export function iban(scan: Scan, at: number): boolean {
  const { text } = scan;
  const start = at - 2;
  if (start < scan.done || (kindAt(text, at - 1) & LETTER) === 0 || (kindAt(text, start - 1) & ALNUM) !== 0)
    return false;
  const length = IBAN_LENGTHS.get(text.slice(start, at).toUpperCase());
  if (length === undefined) return false;
  let count = 0;
  let end = start;
  for (; count < length; end++) {
    if ((kindAt(text, end) & ALNUM) !== 0) count++;
    else if ((text.charCodeAt(end) !== 0x20 && text.charCodeAt(end) !== 0x2d) || (kindAt(text, end + 1) & ALNUM) === 0)
      break;
  }
  scan.steps += end - start;
  if (count < length || (kindAt(text, end) & ALNUM) !== 0 || !isIban(text.slice(start, end))) return false;
  return redact(scan, start, end, "[iban]");
}

/** Division is slow: it waits until there is something to divide. */
const MANY = 1e9;

/** ISO 7064, mod 97-10: letters are 10 to 35, the first four characters come last. */
function isIban(text: string): boolean {
  let rest = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt((i + 4) % text.length);
    if (code < 0x30) continue;
    rest = code < 0x3a ? rest * 10 + code - 0x30 : rest * 100 + (code & 0x1f) + 9;
    if (rest > MANY) rest %= 97;
  }
  return rest % 97 === 1;
}
