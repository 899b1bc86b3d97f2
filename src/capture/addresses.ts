/** IP addresses. */
import { ALNUM, DIGIT, kindAt, redact, type Scan, WORD } from "./scan.ts";

/** `203.0.113.7`, found at its first digit. Not the start or end of a longer number, and no `120.0.0.0` of a browser. */
export function ipv4(scan: Scan, at: number): boolean {
  const { text } = scan;
  const end = ipv4End(scan, at);
  if (end === -1 || text.slice(at, end).endsWith(".0.0.0")) return false;
  return redact(scan, at, end, "[ip]");
}

function ipv4End(scan: Scan, at: number): number {
  const { text } = scan;
  let end = at;
  for (let part = 0; part < 4; part++) {
    if (part > 0 && text.charCodeAt(end++) !== DOT) return -1;
    const from = end;
    let octet = 0;
    for (; end < from + 4 && (kindAt(text, end) & DIGIT) !== 0; end++) octet = octet * 10 + text.charCodeAt(end) - ZERO;
    scan.steps += end - from + 1;
    if (end === from || octet > 255 || (text.charCodeAt(from) === ZERO && end - from > 1)) return -1;
  }
  const goesOn =
    (kindAt(text, end) & WORD) !== 0 || (text.charCodeAt(end) === DOT && (kindAt(text, end + 1) & ALNUM) !== 0);
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
export function ipv6(scan: Scan, at: number): boolean {
  const { text } = scan;
  if (at < scan.ipEnd) return false;
  let start = at;
  while (start > Math.max(scan.done, at - 5) && isHex(text.charCodeAt(start - 1))) start--;
  let colons = 1;
  let end = at + 1;
  for (; end < text.length && isPart(text.charCodeAt(end)); end++) if (text.charCodeAt(end) === COLON) colons++;
  scan.ipEnd = end;
  scan.steps += end - start;
  if (colons < 2 || end - start < SHORTEST) return false;
  if ((kindAt(text, start - 1) & WORD) !== 0 || (kindAt(text, end) & WORD) !== 0) return false;
  // The end of a sentence.
  while (end > start && (text.charCodeAt(end - 1) === DOT || isLoneColon(text, end - 1))) end--;
  if (end - start > LONGEST || !isIpv6(text.slice(start, end))) return false;
  return redact(scan, start, end, "[ip]");
}

function isLoneColon(text: string, at: number): boolean {
  return text.charCodeAt(at) === COLON && text.charCodeAt(at - 1) !== COLON;
}

function isHex(code: number): boolean {
  return (code >= 0x30 && code <= 0x39) || (code >= 0x61 && code <= 0x66) || (code >= 0x41 && code <= 0x46);
}

function isPart(code: number): boolean {
  return code === COLON || code === DOT || isHex(code);
}

/** Eight groups of up to four hexadecimal digits, or fewer with one `::`; the last two may be written as IPv4. */
function isIpv6(text: string): boolean {
  let groups = 0;
  let digits = 0;
  let gap = false;
  let decimal = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === DOT) {
      if (!IPV4_TAIL.test(text)) return false;
      groups++;
      break;
    }
    if (code !== COLON) {
      if (++digits > 4) return false;
      if (digits === 1) groups++;
      if (code < 0x3a) decimal = true;
      continue;
    }
    digits = 0;
    if (text.charCodeAt(i + 1) === COLON) {
      if (gap || text.charCodeAt(i + 2) === COLON) return false;
      gap = true;
      i++;
    } else if (i === 0) return false;
  }
  if (!gap) return groups === 8;
  return groups < 8 && decimal && (groups > 2 || text.indexOf(":") >= 3);
}
const IPV4_TAIL = /:(?:\d{1,3}\.){3}\d{1,3}$/;
