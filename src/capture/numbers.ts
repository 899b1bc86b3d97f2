/** Personal data that is numbers. Each pattern starts at a given place and reads a bounded stretch. */
import {
  ALNUM,
  chars,
  charsBut,
  codeAt,
  DIGIT,
  kindAt,
  kindOf,
  LETTER,
  matchEnd,
  type Rule,
  redact,
  type Scan,
  tableOf,
  WORD,
} from "./scan.ts";

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

/** What stands before a number of its own, and not inside an id, a decimal or a path: `run_41…`, `a1b2-41…`, `0.41…`, `%2041…`. */
export const APART: string = charsBut(`${chars(ALNUM)}%_`);

/** The same, of the character before that one. */
export function standsApart(text: string, at: number): boolean {
  const before = codeAt(text, at - 1);
  return (before !== 0x2d && before !== 0x2e) || (kindAt(text, at - 2) & WORD) === 0;
}

function card(scan: Scan, at: number): boolean {
  const { text } = scan;
  // In one piece and in groups, these two are digits.
  if ((kindAt(text, at + 3) & DIGIT) === 0 || (kindAt(text, at + 5) & DIGIT) === 0) return false;
  if (!standsApart(text, at)) return false;
  const end = matchEnd(scan, CARD, at);
  return end !== -1 && isCard(text, at, end) && redact(scan, at, end, "[card]");
}

/** A card number that is a number. */
export function isCardNumber(value: number): boolean {
  return value >= 1e12 && Number.isSafeInteger(value) && isCard(String(value));
}

/** ISO/IEC 7812: issuers start with 2.2 to 2.7, 3, 4, 5 or 6 (which no time of this age does), and the last digit is Luhn's. */
function isCard(text: string, from = 0, to: number = text.length): boolean {
  const first = text.charCodeAt(from);
  const second = text.charCodeAt(from + 1);
  if (first === TWO ? second < TWO || second > 0x37 : first < TWO || first > 0x36) return false;
  let sum = 0;
  let isWeighed = false;
  let isVaried = false;
  for (let at = to - 1; at >= from; at--) {
    const code = text.charCodeAt(at);
    if (code < ZERO) continue;
    const digit = code - ZERO;
    sum += isWeighed ? 2 * digit - (digit > 4 ? 9 : 0) : digit;
    isWeighed = !isWeighed;
    if (code !== first) isVaried = true;
  }
  return isVaried && sum % 10 === 0;
}

/** A number at its first digit. */
function phone(scan: Scan, at: number): boolean {
  if (!standsApart(scan.text, at)) return false;
  const end = phoneEnd(scan, at);
  return end !== -1 && redact(scan, at, end, "[phone]");
}

/** A number with its country, or with a bracket first: an area code has two digits and more. */
function signedPhone(scan: Scan, at: number): boolean {
  const { text } = scan;
  if (text.charCodeAt(at) === BRACKET && (kindAt(text, at + 2) & DIGIT) === 0) return false;
  return phone(scan, at);
}

/** A look at some characters spares most texts the patterns. */
function phoneEnd(scan: Scan, at: number): number {
  const { text } = scan;
  const first = text.charCodeAt(at);
  if (first === PLUS) {
    const goesOn = (kindAt(text, at + 2) & DIGIT) !== 0 || SEPARATORS.includes(text[at + 2] ?? "+");
    return goesOn ? matchEnd(scan, INTERNATIONAL, at) : -1;
  }
  // A later group of a longer number.
  if (codeAt(text, at - 1) === 0x20 && (kindAt(text, at - 2) & DIGIT) !== 0) return -1;
  if (first === ZERO) return trunkEnd(scan, at);
  if (first === BRACKET) {
    const end = matchEnd(scan, BRACKETED, at);
    if (end !== -1 && hasDigits(text.slice(at, end), 9, 12)) return end;
  }
  const country = first === ONE ? at + 2 : at;
  const area = codeAt(text, country) === BRACKET ? country + 1 : country;
  const isArea = (kindAt(text, area + 2) & DIGIT) !== 0 && AFTER_AREA[codeAt(text, area + 3)] === 1;
  return isArea ? matchEnd(scan, NORTH_AMERICAN, at) : -1;
}

const ZERO = 0x30;
const ONE = 0x31;
const TWO = 0x32;
const PLUS = 0x2b;
const BRACKET = 0x28;
const AFTER_AREA = tableOf(") .-");

function trunkEnd(scan: Scan, at: number): number {
  const { text } = scan;
  const end = matchEnd(scan, TRUNK, at);
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
const COUNTRIES =
  "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 " +
  "FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 " +
  "LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 " +
  "SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30";

/** Five bits for each letter of a country, whatever its case. */
function countryAt(text: string, at: number): number {
  return ((codeAt(text, at) & 31) << 5) | (codeAt(text, at + 1) & 31);
}

let ibanLengths: Uint8Array | undefined;

/** By country; 0 for what is none. */
function readCountries(): Uint8Array {
  const lengths = new Uint8Array(1024);
  for (const entry of COUNTRIES.split(" ")) lengths[countryAt(entry, 0)] = Number(entry.slice(2));
  return lengths;
}

/** ISO 13616: `DE89 3704 0044 0532 0130 00`, found at its first digit. */
function iban(scan: Scan, at: number): boolean {
  const { text } = scan;
  const start = at - 2;
  ibanLengths ??= readCountries();
  const length = ibanLengths[countryAt(text, start)]!;
  if (length === 0 || start < scan.done) return false;
  if ((kindAt(text, start) & LETTER) === 0 || (kindAt(text, start - 1) & ALNUM) !== 0) return false;
  let count = 0;
  let end = start;
  for (; count < length; end++) {
    const code = codeAt(text, end);
    if ((kindOf(code) & ALNUM) !== 0) count++;
    else if ((code !== 0x20 && code !== 0x2d) || (kindAt(text, end + 1) & ALNUM) === 0) break;
  }
  scan.steps += end - start;
  if (count < length || (kindAt(text, end) & ALNUM) !== 0 || !isIban(text, start, end)) return false;
  return redact(scan, start, end, "[iban]");
}

/** Division is slow: it waits until there is something to divide. */
const MANY = 1e9;

/** ISO 7064, mod 97-10: letters are 10 to 35, the first four characters come last. */
function isIban(text: string, from: number, to: number): boolean {
  return weigh(text, from, from + 4, weigh(text, from + 4, to, 0)) % 97 === 1;
}

function weigh(text: string, from: number, to: number, before: number): number {
  let rest = before;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code < ZERO) continue;
    rest = code < 0x3a ? rest * 10 + code - ZERO : rest * 100 + (code & 0x1f) + 9;
    if (rest > MANY) rest %= 97;
  }
  return rest;
}

const DIGITS = chars(DIGIT);

export const CARDS: readonly Rule[] = [{ anchors: "23456", before: APART, after: DIGITS, judge: card }];

export const PHONES: readonly Rule[] = [
  { anchors: "1", before: APART, after: " -.", judge: phone },
  { anchors: "023456789", before: APART, after: DIGITS, judge: phone },
  { anchors: "+(", before: APART, after: DIGITS, judge: signedPhone },
];

export const IBANS: readonly Rule[] = [{ anchors: DIGITS, before: chars(LETTER), judge: iban }];
