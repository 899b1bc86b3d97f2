/** Personal data, masked where it is asked for: which kinds there are, and the rules that find them. */
import { ipv4, ipv6 } from "./addresses.ts";
import { card, iban, phone, signedPhone, standsApart } from "./numbers.ts";
import { ALNUM, DIGIT, type Judge, kindAt, LETTER, type Rule, redact, type Scan } from "./scan.ts";

export { isCardNumber } from "./numbers.ts";

export const PERSONAL_DATA = ["email", "phone", "card", "iban", "ip"] as const;

/** A kind of personal data. */
export type PersonalData = (typeof PERSONAL_DATA)[number];

/** `true` is all kinds. */
export function personalKinds(pii: boolean | readonly PersonalData[] | undefined): readonly PersonalData[] {
  return pii === true ? PERSONAL_DATA : pii || [];
}

export function personalRules(kinds: readonly PersonalData[]): Rule[] {
  const has = (kind: PersonalData) => kinds.includes(kind);
  const rules: Rule[] = [];
  const numbers: Judge[] = [];
  if (has("ip")) numbers.push(ipv4);
  if (has("card")) numbers.push(card);
  if (has("phone")) numbers.push(phone);
  if (has("iban") || numbers.length > 0) rules.push(["0123456789", firstDigit(numbers, has("iban"))]);
  if (has("email")) rules.push(["@%", email]);
  if (has("phone")) rules.push(["+(", signedPhone]);
  if (has("ip")) rules.push([":", ipv6]);
  return rules;
}

/** Numbers are judged once, at their first digit: after letters as an IBAN, after anything else as the others. */
function firstDigit(judges: readonly Judge[], withIban: boolean): Judge {
  return (scan, at) => {
    const before = kindAt(scan.text, at - 1);
    if ((before & DIGIT) !== 0) return false;
    if ((before & LETTER) !== 0) return withIban && iban(scan, at);
    if (!goesOn(scan.text, at + 1) || !standsApart(scan.text, at)) return false;
    for (let i = 0; i < judges.length; i++) if (judges[i]!(scan, at)) return true;
    return false;
  };
}

/** With a digit, a dot, a blank or a dash: no number here has another second character. */
function goesOn(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return (kindAt(text, at) & DIGIT) !== 0 || code === 0x2e || code === 0x20 || code === 0x2d;
}

/** RFC 5321, 4.5.3.1: the longest local part, and the longest domain. */
const LOCAL = 64;
const DOMAIN = 255;

/** `name@domain.example`, and `name%40domain.example` in URLs. */
function email(scan: Scan, at: number): boolean {
  const { text } = scan;
  const isEscaped = text.charCodeAt(at) === 0x25;
  if (isEscaped && !text.startsWith("40", at + 1)) return false;
  const limit = Math.max(scan.done, at - LOCAL);
  let start = at;
  while (start > limit && isLocal(text.charCodeAt(start - 1))) start--;
  scan.steps += at - start + 1;
  while (start < at && text.charCodeAt(start) === 0x2e) start++;
  const end = start === at ? -1 : domainEnd(scan, at + (isEscaped ? 3 : 1));
  return end !== -1 && redact(scan, start, end, "[email]");
}

const LOCAL_CHARS = new Uint8Array(128);
for (const char of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-'!#&*") {
  LOCAL_CHARS[char.charCodeAt(0)] = 1;
}

function isLocal(code: number): boolean {
  return code < 128 ? LOCAL_CHARS[code] === 1 : isLetterBeyondAscii(code);
}

/** Not the blanks, quotes and full-width marks beyond ASCII. */
function isLetterBeyondAscii(code: number): boolean {
  return code >= 0xc0 && (code < 0x2000 || code > 0x206f) && (code < 0x3000 || code > 0x303f) && code < 0xff00;
}

const TOP_LABEL = /^(?:[a-z\u0080-\uffff]+|xn--[a-z0-9-]+)$/i;

/** Where the domain ends, at its last label that may be a top one, or -1. */
function domainEnd(scan: Scan, from: number): number {
  const { text } = scan;
  const limit = Math.min(text.length, from + DOMAIN);
  let end = from;
  let good = -1;
  for (;;) {
    const start = end;
    while (end < limit && isLabel(text, end)) end++;
    if (end === start) break;
    if (start > from && end - start >= 2 && TOP_LABEL.test(text.slice(start, end))) good = end;
    if (text.charCodeAt(end) !== 0x2e) break;
    end++;
  }
  scan.steps += end - from + 1;
  return good;
}

function isLabel(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code < 128 ? (kindAt(text, at) & ALNUM) !== 0 || code === 0x2d : isLetterBeyondAscii(code);
}
