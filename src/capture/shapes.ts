/** Secrets that show by their own shape: JSON Web Tokens, PEM blocks, URL passwords, authorization schemes. */
import { LIMITS } from "./limits.ts";
import {
  ALNUM,
  chars,
  codeAt,
  kindAt,
  kindOf,
  QUOTE,
  type Rule,
  redact,
  runEnd,
  type Scan,
  SPACE,
  TOKEN68,
  WORD,
} from "./scan.ts";

const DOT = 0x2e;

/** `header.payload.signature`; the signature may be missing, and encrypted tokens have two parts more. */
function jwt(scan: Scan, at: number): boolean {
  const { text } = scan;
  const start = at - 2;
  if (start < scan.jwtEnd || !text.startsWith("ey", start) || (kindAt(text, start - 1) & ALNUM) !== 0) return false;
  let end = (scan.jwtEnd = runEnd(scan, start, WORD));
  if (end - start < 10 || codeAt(text, end) !== DOT) return false;
  const payloadEnd = runEnd(scan, end + 1, WORD);
  if (payloadEnd - end < 5) return false;
  end = payloadEnd;
  while (codeAt(text, end) === DOT) {
    const next = runEnd(scan, end + 1, WORD);
    if (next === end + 1) break;
    end = next;
  }
  return redact(scan, start, end);
}

const BEGIN = "-----BEGIN ";
const LABEL = /[A-Z0-9 ]{1,64}-----/y;

export function isPem(text: string, at: number): boolean {
  if (codeAt(text, at + 5) !== 0x42 || !text.startsWith(BEGIN, at)) return false;
  LABEL.lastIndex = at + BEGIN.length;
  return LABEL.test(text);
}

/** Found at the last of its five dashes. */
function pemAt(scan: Scan, at: number): boolean {
  return at - 4 >= scan.done && pem(scan, at - 4);
}

/** A PEM block to its end line, or, where that is cut off, as far as its body can go. */
export function pem(scan: Scan, start: number): boolean {
  const { text } = scan;
  if (!isPem(text, start)) return false;
  if (scan.pemEnd < start) {
    const found = text.indexOf("-----END ", start);
    scan.pemEnd = found === -1 ? Number.POSITIVE_INFINITY : found;
    scan.steps += (found === -1 ? text.length : found) - start;
  }
  if (scan.pemEnd - start <= LIMITS.margin) {
    const label = scan.pemEnd + "-----END ".length;
    const dashes = text.slice(label, label + 64).indexOf("-----");
    return redact(scan, start, dashes === -1 ? label : label + dashes + 5);
  }
  let end = start;
  while ((kindAt(text, end) & (WORD | TOKEN68 | SPACE)) !== 0 || codeAt(text, end) === 0x5c) end++;
  scan.steps += end - start;
  return redact(scan, start, end);
}

/** `Bearer …` and `Basic …`. Prose goes on with a word, a header with a token. */
function authScheme(scan: Scan, at: number): boolean {
  const { text } = scan;
  const isBearer = (codeAt(text, at + 1) | 0x20) === 0x65;
  const word = isBearer ? "bearer " : "basic ";
  const from = at + word.length;
  // JSON of other languages and URLs write the blank otherwise.
  if (codeAt(text, from - 1) !== 0x20 || text.slice(at, from).toLowerCase() !== word) return false;
  const end = runEnd(scan, from, WORD | TOKEN68);
  const token = text.slice(from, Math.min(end, from + LIMITS.authority));
  const isSecret = isBearer
    ? token.length >= 20 || (token.length >= 8 && /\d|[a-z][A-Z]/.test(token))
    : isUserAndPassword(token);
  return isSecret && redact(scan, from, end);
}

/** `QWxhZGRpbjpvcGVuIHNlc2FtZQ==` is `Aladdin:open sesame`. */
function isUserAndPassword(base64: string): boolean {
  if (base64.length < 8) return false;
  const plain = Buffer.from(base64, "base64").toString("latin1");
  return plain.includes(":") && /^[\x20-\x7e]+$/.test(plain);
}

/** Addresses that are secrets themselves: whoever knows them may post. */
const WEBHOOKS = ["hooks.slack.com/services/", "discord.com/api/webhooks/", "discordapp.com/api/webhooks/"] as const;

const SLASH = 0x2f;

/** The password of `scheme://user:password@host`, and the path of a webhook. */
function url(scan: Scan, at: number): boolean {
  const { text } = scan;
  if (codeAt(text, at + 2) !== SLASH) return false;
  const from = at + 3;
  const first = codeAt(text, from);
  for (const webhook of WEBHOOKS) {
    if (first !== webhook.charCodeAt(0) || !text.startsWith(webhook, from)) continue;
    const path = from + webhook.length;
    const end = runEnd(scan, path, WORD | TOKEN68);
    return end > path && redact(scan, path, end);
  }
  let colon = -1;
  let sign = -1;
  let end = from;
  // No address before has read this far: it would have met the slashes.
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code === SLASH || (kindOf(code) & (SPACE | QUOTE)) !== 0) break;
    if (code === 0x40) sign = end;
    else if (code === 0x3a && colon === -1) colon = end;
  }
  scan.steps += end - from + 1;
  return colon !== -1 && sign > colon + 1 && redact(scan, colon + 1, sign);
}

export const SHAPES: readonly Rule[] = [
  { anchors: "J", before: "y", after: chars(WORD), judge: jwt },
  { anchors: "-", before: "-", after: "B", judge: pemAt },
  { anchors: "bB", after: "eEaA", judge: authScheme },
  { anchors: ":", after: "/", judge: url },
];
