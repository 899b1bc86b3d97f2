/** Personal data, masked where it is asked for: which kinds there are, and the rules that find them. */
import { ADDRESSES } from "./addresses.ts";
import { CARDS, IBANS, PHONES } from "./numbers.ts";
import { ALNUM, chars, codeAt, EDGE, kindOf, type Rule, redact, type Scan, tableOf } from "./scan.ts";

export { isCardNumber } from "./numbers.ts";

export const PERSONAL_DATA = ["email", "phone", "card", "iban", "ip"] as const;

/** A kind of personal data. */
export type PersonalData = (typeof PERSONAL_DATA)[number];

/** `true` is all kinds. */
export function personalKinds(pii: boolean | readonly PersonalData[] | undefined): readonly PersonalData[] {
  return pii === true ? PERSONAL_DATA : pii || [];
}

/** The rules of the kinds: what could be an address is tried as one first, then as a card and as a phone. */
export function personalRules(kinds: readonly PersonalData[]): readonly Rule[] {
  const rules = { ip: ADDRESSES, card: CARDS, phone: PHONES, iban: IBANS, email: EMAILS };
  return Object.entries(rules).flatMap(([kind, rules]) => (kinds.includes(kind as PersonalData) ? rules : []));
}

/** RFC 5321, 4.5.3.1: the longest local part, and the longest domain. */
const LOCAL = 64;
const DOMAIN = 255;

/** `name@domain.example`, and `name%40domain.example` in URLs. */
function email(scan: Scan, at: number): boolean {
  const { text } = scan;
  const isEscaped = text.charCodeAt(at) === 0x25;
  if (isEscaped && codeAt(text, at + 2) !== 0x30) return false;
  const end = domainEnd(scan, at + (isEscaped ? 3 : 1));
  if (end === -1) return false;
  const limit = Math.max(scan.done, at - LOCAL);
  let start = at;
  while (start > limit && isLocal(text.charCodeAt(start - 1))) start--;
  scan.steps += at - start + 1;
  while (start < at && text.charCodeAt(start) === 0x2e) start++;
  return start < at && redact(scan, start, end, "[email]");
}

const LOCAL_CHARS = `${chars(ALNUM)}._+-'!#&*`;
const IS_LOCAL = tableOf(LOCAL_CHARS);

function isLocal(code: number): boolean {
  return code < EDGE ? IS_LOCAL[code] === 1 : isLetterBeyondAscii(code);
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
    while (end < limit && isLabel(text.charCodeAt(end))) end++;
    if (end === start) break;
    if (start > from && end - start >= 2 && TOP_LABEL.test(text.slice(start, end))) good = end;
    if (codeAt(text, end) !== 0x2e) break;
    end++;
  }
  scan.steps += end - from + 1;
  return good;
}

function isLabel(code: number): boolean {
  return code < EDGE ? (kindOf(code) & ALNUM) !== 0 || code === 0x2d : isLetterBeyondAscii(code);
}

const BEYOND = String.fromCharCode(EDGE);

const EMAILS: readonly Rule[] = [
  { anchors: "@", before: LOCAL_CHARS + BEYOND, after: `${chars(ALNUM)}-${BEYOND}`, judge: email },
  { anchors: "%", before: LOCAL_CHARS + BEYOND, after: "4", judge: email },
];
