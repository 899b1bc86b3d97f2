/** IP addresses. */
import { APART, standsApart } from "./numbers.ts";
import {
  ALNUM,
  chars,
  charsBut,
  codeAt,
  DIGIT,
  HEX,
  kindAt,
  kindOf,
  type Rule,
  redact,
  type Scan,
  WORD,
} from "./scan.ts";

/** `203.0.113.7`, found at its first digit. Not the start or end of a longer number, and no `120.0.0.0` of a browser. */
function ipv4(scan: Scan, at: number): boolean {
  const { text } = scan;
  const end = standsApart(text, at) ? ipv4End(scan, at) : -1;
  if (end === -1 || text.startsWith(".0.0.0", end - 6)) return false;
  return redact(scan, at, end, "[ip]");
}

function ipv4End(scan: Scan, at: number): number {
  const { text } = scan;
  let end = at;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && codeAt(text, end++) !== DOT) return -1;
    const from = end;
    let octet = 0;
    for (; end < from + 4 && (kindAt(text, end) & DIGIT) !== 0; end++) octet = octet * 10 + text.charCodeAt(end) - ZERO;
    scan.steps += end - from + 1;
    if (end === from || octet > 255 || (end - from > 1 && text.charCodeAt(from) === ZERO)) return -1;
  }
  const goesOn =
    (kindAt(text, end) & WORD) !== 0 || (codeAt(text, end) === DOT && (kindAt(text, end + 1) & ALNUM) !== 0);
  return goesOn ? -1 : end;
}

const DOT = 0x2e;
const ZERO = 0x30;

/** RFC 4291, 2.2: the longest has a tail of IPv4. */
const LONGEST = 45;
/** `fe80::1` */
const SHORTEST = 7;
const COLON = 0x3a;

/** `2001:db8::7`, found at its first colon. `::1` and `a::b`, which are this machine and code, stay. */
function ipv6(scan: Scan, at: number): boolean {
  const { text } = scan;
  if (at < scan.ipEnd) return false;
  const limit = Math.max(scan.done, at - 5);
  let start = at;
  while (start > limit && (kindAt(text, start - 1) & HEX) !== 0) start--;
  let colons = 0;
  let end = at;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === COLON) colons++;
    else if (code !== DOT && (kindOf(code) & HEX) === 0) break;
  }
  scan.ipEnd = end;
  scan.steps += end - start;
  if (colons < 2 || end - start < SHORTEST) return false;
  if ((kindAt(text, start - 1) & WORD) !== 0 || (kindAt(text, end) & WORD) !== 0) return false;
  // The end of a sentence.
  while (end > start && (text.charCodeAt(end - 1) === DOT || isLoneColon(text, end - 1))) end--;
  if (end - start > LONGEST || !isIpv6(text, start, end)) return false;
  return redact(scan, start, end, "[ip]");
}

function isLoneColon(text: string, at: number): boolean {
  return text.charCodeAt(at) === COLON && codeAt(text, at - 1) !== COLON;
}

/** Eight groups of up to four hexadecimal digits, or fewer with one `::`; the last two may be written as IPv4. */
function isIpv6(text: string, from: number, to: number): boolean {
  let groups = 0;
  let digits = 0;
  let first = -1;
  let gap = false;
  let decimal = false;
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (!IPV4_TAIL.test(text.slice(from, to))) return false;
      groups++;
      break;
    }
    if (code !== COLON) {
      if (++digits > 4) return false;
      if (digits === 1) groups++;
      if (code < COLON) decimal = true;
      continue;
    }
    digits = 0;
    if (first === -1) first = at - from;
    if (codeAt(text, at + 1) === COLON) {
      if (gap || codeAt(text, at + 2) === COLON) return false;
      gap = true;
      at++;
    } else if (at === from) return false;
  }
  if (!gap) return groups === 8;
  return groups < 8 && decimal && (groups > 2 || first >= 3);
}
const IPV4_TAIL = /:(?:\d{1,3}\.){3}\d{1,3}$/;

export const ADDRESSES: readonly Rule[] = [
  { anchors: chars(DIGIT), before: APART, after: `${chars(DIGIT)}.`, judge: ipv4 },
  { anchors: ":", before: charsBut(":"), after: `${chars(HEX)}:.`, judge: ipv6 },
];
