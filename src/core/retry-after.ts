/** A server's word is taken for at most 15 minutes; longer, and one bad header would silence a sink for days. */
export const MAX_RETRY_AFTER_MS: number = 15 * 60_000;

/** The three HTTP date forms of RFC 9110, 5.6.7. `Date.parse` alone would take `soon 5` for the first of May. */
const HTTP_DATE =
  /^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? (?:\d\d[ -][A-Z][a-z]{2}[ -]\d{2,4}|[A-Z][a-z]{2} [ \d]\d) \d\d:\d\d:\d\d (?:GMT|\d{4})$/;

/** Decimals are not in the RFC, but on the wire. */
const SECONDS = /^\d+(?:\.\d+)?$/;

/**
 * Reads a `Retry-After` header (RFC 9110, 10.2.3): seconds or an HTTP date. Of a header that came twice in seconds, once
 * from a server and once from its proxy, the longer wait counts.
 *
 * @returns milliseconds from `nowMs`, between 0 and 15 minutes; `undefined` when the header is missing or unreadable.
 */
export function parseRetryAfter(value: string | null | undefined, nowMs: number): number | undefined {
  const text = value?.trim() ?? "";
  const parts = text.split(",").map((part) => part.trim());
  if (parts.every((part) => SECONDS.test(part))) {
    return Math.min(Math.max(...parts.map(Number)) * 1000, MAX_RETRY_AFTER_MS);
  }
  if (!HTTP_DATE.test(text)) return undefined;
  const waitMs = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), MAX_RETRY_AFTER_MS);
}
