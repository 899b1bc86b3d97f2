import { Readable } from "node:stream";

/** What a column takes; null where nothing is known. */
export type Cell = string | number | null | undefined | readonly string[] | ReadonlyMap<string, string>;
export type Row = readonly Cell[];

/** Rows as they are sent. Texts of rows would outlive the collector's young space, so they become bytes early. */
export interface Rows {
  readonly count: number;
  add(row: Row): void;
  /** The bytes of all, as often as they are wanted. */
  stream(): Readable;
}

/** Characters that become bytes at a time. */
const PIECE = 64 * 1024;
const WITHIN = /[\\'\t\n]/;
const ALL_WITHIN = /[\\'\t\n]/g;
const ESCAPED: { readonly [character: string]: string } = { "\\": "\\\\", "'": "\\'", "\t": "\\t", "\n": "\\n" };

/**
 * Rows in ClickHouse's `TabSeparated`, where a JSON text stays nearly as it is: within JSON, each of its quotes would be
 * escaped, and read again one by one.
 */
export function tabSeparated(): Rows {
  const pieces: Buffer[] = [];
  let text = "";
  let count = 0;
  const flush = () => {
    if (text !== "") pieces.push(Buffer.from(text));
    text = "";
  };
  return {
    get count() {
      return count;
    },
    add(row) {
      text += cellOf(row[0]);
      for (let i = 1; i < row.length; i++) text += `\t${cellOf(row[i])}`;
      text += "\n";
      count += 1;
      if (text.length >= PIECE) flush();
    },
    stream() {
      flush();
      return Readable.from(pieces, { objectMode: false });
    },
  };
}

function cellOf(value: Cell): string {
  if (typeof value === "string") return escaped(value);
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "\\N";
  if (value === null || value === undefined) return "\\N";
  if (Array.isArray(value)) return `[${value.map(quoted).join(",")}]`;
  let entries = "";
  for (const [key, inside] of value as ReadonlyMap<string, string>) {
    entries += `${entries && ","}${quoted(key)}:${quoted(inside)}`;
  }
  return `{${entries}}`;
}

/** To look for one character is quick, also in long texts. */
function escaped(text: string): string {
  let safe = text.includes("\\") ? text.replaceAll("\\", "\\\\") : text;
  if (safe.includes("\t")) safe = safe.replaceAll("\t", "\\t");
  return safe.includes("\n") ? safe.replaceAll("\n", "\\n") : safe;
}

function quoted(text: string): string {
  return WITHIN.test(text) ? `'${text.replace(ALL_WITHIN, (character) => ESCAPED[character]!)}'` : `'${text}'`;
}
