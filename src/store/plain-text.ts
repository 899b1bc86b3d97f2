const NUL = /\0/g;

/** What TypeScript knows from ES2024 on, and Node from 20 on. */
type Text = string & { isWellFormed(): boolean; toWellFormed(): string };

/**
 * The text as every database keeps it: a NUL and each half of a surrogate pair that stands alone becomes U+FFFD. For
 * what is listed and compared; payloads and whole records stay as they are, inside JSON.
 */
export function plainText(text: string): string {
  const whole = isWellFormed(text) ? text : (text as Text).toWellFormed();
  return whole.includes("\0") ? whole.replace(NUL, "\uFFFD") : whole;
}

/** Without half of a surrogate pair that stands alone. */
export function isWellFormed(text: string): boolean {
  return (text as Text).isWellFormed();
}

/** The plain text of what should be one; undefined for what is empty or no text. */
export function plainTextOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? plainText(value) : undefined;
}

/** By code points: the order of UTF-8 bytes, which is that of databases. JavaScript's `<` goes by UTF-16 units. */
export function compareText(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return place(x) - place(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for what comes after all other units. */
function place(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}
