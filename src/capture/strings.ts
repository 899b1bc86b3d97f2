import { grouped } from "../core/grouped.ts";
import type { Limits } from "./limits.ts";
import { DIGIT, kindAt, LETTER, QUOTE, SPACE, TOKEN68, WORD } from "./scan.ts";

const BASE64 = ";base64,";
const TOKEN = WORD | TOKEN68;
const APART = SPACE | QUOTE;

/**
 * Keeps the start and the end of a long text, with a marker between them that gives its length. Each side is cleaned
 * twice, as it is and with a margin beyond its cut, and shown as far as both agree: where a secret lies across the cut
 * they do not. The result shares no memory with the text.
 */
export function shorten(text: string, keep: number, limits: Limits, clean: (text: string) => string): string {
  const { margin } = limits;
  const { length } = text;
  const tail = Math.floor((keep * limits.tail) / limits.string);
  const head = keep - tail;
  let front: string;
  let back: string;
  if (length <= keep + 2 * margin) {
    front = back = clean(text);
    if (front.length <= keep) return front;
  } else {
    front = agreedStart(clean(text.slice(0, head)), clean(text.slice(0, head + margin)));
    const from = afterSecret(text, length - tail, margin);
    back = agreedEnd(clean(text.slice(from)), clean(text.slice(Math.min(from, length - tail) - margin)));
  }
  let end = Math.min(head, front.length);
  if ((front.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
  let start = Math.max(0, back.length - tail);
  if ((back.charCodeAt(start) & 0xfc00) === 0xdc00) start++;
  // Joining an array copies; slices and `+` would keep the whole text alive behind the pieces.
  const marker = `…[cut ${grouped(length)} characters to ${grouped(keep)}]…`;
  return [front.slice(0, end), marker, back.slice(start)].join("");
}

/**
 * Where a text may be shown from, at `cut` or later: past the end of a private key or of a token whose beginning lies more
 * than `margin` before. Without beginning or blank nothing else would tell them from text.
 */
function afterSecret(text: string, cut: number, margin: number): number {
  const before = text.slice(cut - margin);
  const end = before.indexOf("-----END ");
  if (end !== -1 && before.lastIndexOf("-----BEGIN ", end) === -1) {
    return Math.max(cut, cut - margin + end + "-----END ".length);
  }
  let seen = 0;
  let at = cut - margin;
  for (; at < text.length; at++) {
    const kind = kindAt(text, at);
    if ((kind & APART) !== 0) break;
    seen |= kind;
  }
  return at > cut && (seen & DIGIT) !== 0 && (seen & LETTER) !== 0 ? at : cut;
}

function agreedStart(a: string, b: string): string {
  if (b.startsWith(a)) return a;
  let end = 0;
  while (a.charCodeAt(end) === b.charCodeAt(end)) end++;
  return a.slice(0, end);
}

function agreedEnd(a: string, b: string): string {
  if (b.endsWith(a)) return a;
  let length = 0;
  while (a.charCodeAt(a.length - 1 - length) === b.charCodeAt(b.length - 1 - length)) length++;
  return a.slice(a.length - length);
}

/** A data URI without its content, or undefined when the text is none of more than `limits.base64` characters. */
export function dataUri(text: string, limits: Limits): string | undefined {
  if (!text.startsWith("data:") || text.length <= limits.base64) return undefined;
  const mark = text.slice(0, limits.name).indexOf(BASE64);
  if (mark === -1) return undefined;
  const start = mark + BASE64.length;
  return [text.slice(0, start), `[cut ${grouped(text.length - start)} characters]`].join("");
}

/** Leaves out the content of data URIs inside a text; the text itself when there are none of `limits.base64` characters. */
export function withoutBase64(text: string, limits: Limits): string {
  let mark = text.indexOf(BASE64);
  if (mark === -1) return text;
  const pieces: string[] = [];
  let done = 0;
  while (mark !== -1) {
    const start = mark + BASE64.length;
    let end = start;
    while ((kindAt(text, end) & TOKEN) !== 0) end++;
    if (end - start > limits.base64) {
      pieces.push(text.slice(done, start), `[cut ${grouped(end - start)} characters]`);
      done = end;
    }
    mark = text.indexOf(BASE64, end);
  }
  if (done === 0) return text;
  pieces.push(text.slice(done));
  return pieces.join("");
}
