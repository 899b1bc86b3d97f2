import { Readable } from "node:stream";

/** Texts and numbers, as columns. */
export type Line = readonly (string | number)[];

/** Beyond, a request is made of more pieces than it is worth; a piece is some 300 KB. */
const LINES_A_PIECE = 64;
/**
 * Lines in ClickHouse's `TabSeparated`, where a JSON text stays nearly as it is: within JSON, each of its quotes would be
 * escaped, and read again one by one. A piece is made when the one before has gone out.
 */
export function tabSeparated(lines: readonly Line[]): Readable {
  return Readable.from(pieces(lines), { objectMode: false });
}

function* pieces(lines: readonly Line[]): Generator<Buffer> {
  for (let i = 0; i < lines.length; i += LINES_A_PIECE) {
    const piece = lines.slice(i, i + LINES_A_PIECE);
    yield Buffer.concat(piece.map((line) => Buffer.from(`${line.map(escaped).join("\t")}\n`)));
  }
}

function escaped(value: string | number): string | number {
  if (typeof value === "number") return value;
  return value.replaceAll("\\", "\\\\").replaceAll("\t", "\\t").replaceAll("\n", "\\n");
}
