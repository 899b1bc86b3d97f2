/** Epoch nanoseconds, decimal, of ISO 8601 with up to nine digits behind the second; `undefined` for anything else. */
export function isoNanos(text: string): string | undefined {
  const match = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:?\d\d)?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, seconds, fraction = "", zone = "Z"] = match;
  const ms = Date.parse(`${seconds!.replace(" ", "T")}${zone.replace(/^([+-]\d\d)(\d\d)$/, "$1:$2")}`);
  return Number.isNaN(ms) || ms < 0 ? undefined : `${ms / 1_000}${fraction.padEnd(9, "0")}`.replace(/^0+(?=\d)/, "");
}

/** The clock's time in epoch nanoseconds. */
export function nowNanos(): string {
  return `${Date.now()}000000`;
}
