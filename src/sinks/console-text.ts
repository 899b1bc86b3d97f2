/** Text for a terminal: how wide it is, how it is cut, how numbers read. */

/** Made at first use: each Unicode class costs a quarter of a millisecond, which importing us should not. */
function lazily(source: string, flags: string): () => RegExp {
  let made: RegExp | undefined;
  return () => (made ??= new RegExp(source, flags));
}

/** Controls, line breaks, direction marks: a name or a message must not move the cursor or repaint the screen. */
const unsafe = lazily(String.raw`[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]+`, "gu");
/** A character with what belongs to it: flags, marks, skin tones, joined emoji. `Intl.Segmenter` takes 28 ms to start. */
const graphemes = lazily(String.raw`\p{RI}\p{RI}|\P{M}(?:\u200d\P{M}|[\p{M}\p{Cf}\u{1f3fb}-\u{1f3ff}])*|\p{M}+`, "gsu");
const zeroWidth = lazily(String.raw`^[\p{M}\p{Cf}]+$`, "u");
const doubleWidth = lazily(
  String.raw`\p{Emoji_Presentation}|\ufe0f|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]`,
  "u",
);
/** Latin, Greek, Cyrillic and what trees are drawn with: one column each. */
const SIMPLE =
  /^[\x20-\x7e\xa1-\xac\xae-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2190-\u2193\u2500-\u259f\u2605\u2691\u2717]*$/;

/** One line that is safe to print, from at most `limit` characters. */
export function clean(text: string, limit = 500): string {
  return text
    .slice(0, limit)
    .replace(unsafe(), " ")
    .replace(/[\ud800-\udfff]/gu, "\ufffd");
}

/** Columns that the text takes. East Asian and emoji characters take two, combining marks none. */
export function columns(text: string): number {
  if (SIMPLE.test(text)) return text.length;
  return (text.match(graphemes()) ?? []).reduce((sum, grapheme) => sum + cells(grapheme), 0);
}

function cells(grapheme: string): number {
  return zeroWidth().test(grapheme) ? 0 : doubleWidth().test(grapheme) ? 2 : 1;
}

/** The text in at most `max` columns, ending in `…` when cut. */
export function fit(text: string, max: number): string {
  if (columns(text) <= max) return text;
  let kept = "";
  let used = 1;
  for (const grapheme of text.match(graphemes()) ?? []) {
    used += cells(grapheme);
    if (used > max) break;
    kept += grapheme;
  }
  return max < 1 ? "" : `${kept.trimEnd()}…`;
}

/** The text in lines of at most `max` columns, broken between words; at most so many lines, the last ending in `…` when cut. */
export function wrap(text: string, max: number, lines = 6): string[] {
  const wrapped: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (columns(longer) <= max || line === "") line = longer;
    else {
      wrapped.push(line);
      line = word;
    }
  }
  wrapped.push(line);
  const rest = wrapped.slice(lines - 1).join(" ");
  return (wrapped.length > lines ? [...wrapped.slice(0, lines - 1), rest] : wrapped).map((each) => fit(each, max));
}

export function padEnd(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - columns(text)));
}

export function padStart(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - columns(text))) + text;
}

/** `412µs`, `35ms`, `1.24s`, `2m 05s`, `1h 03m`. */
export function duration(ms: number): string {
  if (ms < 0.9995) return `${Math.round(ms * 1000)}µs`;
  if (ms < 9.95) return `${ms.toFixed(1)}ms`;
  if (ms < 999.5) return `${Math.round(ms)}ms`;
  if (ms < 59_995) return `${(ms / 1000).toFixed(2)}s`;
  const seconds = Math.round(ms / 1000);
  const [big, small, units] = seconds < 3600 ? [60, 1, "ms"] : [3600, 60, "hm"];
  return `${Math.floor(seconds / big)}${units![0]} ${String(Math.floor((seconds % big) / small)).padStart(2, "0")}${units![1]}`;
}

/** `12,304`. By hand, as `toLocaleString` takes 40 ms to start. */
export function count(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

/** `$12.30`, `$0.0123`, `$0.000012`: two digits that count, at least. */
export function dollars(amount: number): string {
  const size = Math.abs(amount);
  if (size === 0 || size >= 1) return `$${amount.toFixed(2)}`;
  return `$${amount.toFixed(Math.min(12, Math.max(4, 1 - Math.floor(Math.log10(size)))))}`;
}
