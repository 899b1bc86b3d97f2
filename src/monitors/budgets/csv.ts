/** By RFC 4180, with CRLF and quotes where they are needed. */
export function csv(rows: readonly (readonly (string | number)[])[]): string {
  return rows.map((row) => `${row.map(cellOf).join(",")}\r\n`).join("");
}

/**
 * A name that a spreadsheet would take for a formula begins with `'`, as OWASP advises: names come from requests, and
 * `=HYPERLINK(…)` would run at whoever opens the file. Numbers are ours.
 */
function cellOf(value: string | number): string {
  if (typeof value === "number") return plain(value);
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** `0.000000000001`, as not every program reads `1e-12`. */
function plain(value: number): string {
  const text = String(value);
  return text.includes("e-") ? value.toFixed(12).replace(/0+$/, "").replace(/\.$/, "") : text;
}
