import { cutText } from "../../semconv/cut-text.ts";

/** Everything that is no text for people, except line feeds and tabs: it could move a terminal's cursor. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;
const LONE_SURROGATES = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** More than any vendor takes of one text. Cut first: what follows reads every character several times. */
const MAX_TEXT = 32_000;
const MAX_LINE = 4_000;

/** Text that every vendor takes: well-formed Unicode with `\n` between lines. */
export function plain(text: unknown): string {
  if (typeof text !== "string") return "";
  return cutText(text, MAX_TEXT).replace(/\r\n?/g, "\n").replace(CONTROLS, " ").replace(LONE_SURROGATES, "\ufffd");
}

/** The same in one line: for titles, subjects and headers. */
export function oneLine(text: unknown): string {
  return typeof text === "string" ? plain(cutText(text, MAX_LINE)).replace(/\s+/g, " ").trim() : "";
}

/** At most `max` UTF-16 units, with `…` for what is left out. */
export function clip(text: string, max: number): string {
  return text.length <= max ? text : `${cutText(text, max - 1)}…`;
}

/** Escaped as it is cut, so that no escape is cut in two and the result is within `max`. */
export function clipEscaped(text: string, max: number, escapes: { readonly [character: string]: string }): string {
  let escaped = "";
  let fitting = 0;
  for (const character of text) {
    const next = escapes[character] ?? character;
    if (escaped.length + next.length > max) return `${escaped.slice(0, fitting)}…`;
    escaped += next;
    if (escaped.length < max) fitting = escaped.length;
  }
  return escaped;
}

/** An address that may be made a link: `http:` or `https:`, in ASCII. */
export function linkHref(href: unknown): string | undefined {
  if (typeof href !== "string" || href.length > MAX_LINE || !URL.canParse(href)) return undefined;
  const url = new URL(href);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  // What Slack's and Jira's link syntax ends at.
  return url.href.replace(/[|<>"'\\^`{}[\]\s]/g, (character) => encodeURIComponent(character).replace("'", "%27"));
}

/** The same 16 hex digits for the same text. */
export function shortHash(text: string): string {
  return process.getBuiltinModule("node:crypto").createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** ISO 8601 in UTC; the nearest time that a `Date` can hold. */
export function isoTime(epochMs: unknown): string {
  const ms = typeof epochMs === "number" && Number.isFinite(epochMs) ? epochMs : 0;
  // Beyond the year 9999 the form is another one, which vendors refuse.
  return new Date(Math.min(Math.max(ms, 0), 253_402_300_799_999)).toISOString();
}
