import type { SpanWords } from "./batch.ts";
import type { Connection } from "./connection.ts";
import { bitsFor, readRow, rowOf, rowWriter } from "./word-part.ts";
import { CUT, createWordTable, type WordTable } from "./word-table.ts";

/** The words of spans whose numbers are next to each other; a part's numbers are from `low` on. */
export interface Part {
  readonly low: number;
  readonly high: number;
  /** How many there were when it was written, how many of them are no more. */
  readonly spans: number;
  readonly gone: number;
  readonly posts: number;
  /** The number of its first row, and the bits of a hash that tell its rows apart. */
  readonly first: number;
  readonly bits: number;
}

/** The index of words, as a transaction changes it. */
export interface WordBook {
  /** Spans have come, in the order of their numbers. */
  put(spans: readonly (readonly [id: number, words: SpanWords])[]): void;
  /** A span is no more. */
  take(id: number): void;
  /** Writes a part anew of which more than half is no more. @returns whether there was one */
  clearPart(): boolean;
  /** Writes down what was taken; makes one part of many small ones. */
  flush(): void;
  forget(): void;
}

/** So many parts next to each other become one, */
const MERGED = 8;
/** unless they are large already: a search may look into each part, and a merge is written in one transaction. */
const LARGE = { spans: 2_048, posts: 500_000 };
/** Distances between numbers are of 32 bits. */
const MAX_RANGE = 2 ** 31;
/** Words that a batch is expected to have. */
const WORDS = 32_768;

export function createWordBook(connection: Connection): WordBook {
  const { prepare } = connection;
  const table = createWordTable(WORDS);
  let taken: number[] = [];

  /** Makes one part of some that are next to each other, without the spans that are no more. */
  function merge(parts: readonly Part[]): void {
    const [low, high] = [parts[0]!.low, parts.at(-1)!.high];
    const alive = aliveIn(connection, parts);
    table.clear();
    for (const part of parts) {
      for (const { words } of rowsOf(connection, part)) {
        readRow(words, (hash, check, document) => {
          const id = part.low + document;
          if (!alive || alive.has(id)) table.add(id - low, hash, check);
        });
      }
      removePart(connection, part);
    }
    const spans = parts.reduce((sum, part) => sum + part.spans - part.gone, 0);
    if (spans > 0) insertPart(connection, { low, high, spans }, table);
  }

  return {
    put(spans) {
      const [low, high] = [spans[0]![0], spans.at(-1)![0]];
      table.clear();
      for (const [id, { cut, ascii }] of spans) {
        table.read(id - low, utf8(cut), CUT);
        table.read(id - low, ascii);
      }
      insertPart(connection, { low, high, spans: spans.length }, table);
    },
    take: (id) => void taken.push(id),
    clearPart() {
      const part: Part | undefined = prepare(
        "SELECT * FROM word_parts WHERE gone * 2 > spans ORDER BY low LIMIT 1",
      ).get();
      if (part) merge([part]);
      return part !== undefined;
    },
    flush() {
      const count = prepare(
        "UPDATE word_parts SET gone = gone + 1 WHERE low = (SELECT max(low) FROM word_parts WHERE low <= ?)",
      );
      for (const id of taken) count.run(id);
      taken = [];
      for (let small = smallParts(connection); small.length > 0; small = smallParts(connection)) merge(small);
    },
    forget() {
      taken = [];
    },
  };
}

const room = Buffer.allocUnsafeSlow(64 * 1024);

/** Good until the next. */
function utf8(text: string): Uint8Array {
  return 3 * text.length <= room.length ? room.subarray(0, room.write(text)) : Buffer.from(text);
}

/**
 * What is to be merged: the latest parts that are no larger than the last one, by the power of eight that their spans are; before a
 * large one, as nothing more comes to them, all that are small.
 */
function smallParts({ prepare }: Connection): Part[] {
  const isLarge = ({ spans, posts }: Part) => spans >= LARGE.spans || posts >= LARGE.posts;
  const size = ({ spans }: Part) => Math.floor(Math.log2(spans) / 3);
  const small: Part[] = [];
  let last: Part | undefined;
  for (const part of prepare("SELECT * FROM word_parts ORDER BY low DESC").iterate() as Iterable<Part>) {
    if (!last) {
      last = part;
      if (isLarge(part)) continue;
    }
    if (isLarge(part) || (small[0]?.high ?? part.high) - part.low > MAX_RANGE) break;
    if (!isLarge(last) && size(part) > size(last)) break;
    small.push(part);
  }
  return small.length >= (last && isLarge(last) ? 2 : MERGED) ? small.reverse() : [];
}

/** The words of a table, row after row. */
function inRows(table: WordTable, bits: number): Uint32Array {
  const places = new Uint32Array(2 ** bits + 1);
  for (let term = 0; term < table.terms(); term++) places[rowOf(table.hash(term), bits) + 1]!++;
  for (let row = 0; row < 2 ** bits; row++) places[row + 1]! += places[row]!;
  const terms = new Uint32Array(table.terms());
  for (let term = 0; term < terms.length; term++) terms[places[rowOf(table.hash(term), bits)]!++] = term;
  return terms;
}

/** The spans of the parts that are there still; undefined: all. */
function aliveIn({ prepare }: Connection, parts: readonly Part[]): ReadonlySet<number> | undefined {
  if (parts.every(({ gone }) => gone === 0)) return undefined;
  const sql = "SELECT json_group_array(id) AS ids FROM span_rows WHERE id BETWEEN ? AND ?";
  return new Set<number>(JSON.parse(prepare(sql).get(parts[0]!.low, parts.at(-1)!.high).ids));
}

/** Beyond the rows of all parts, also those that were left out. */
function nextRow({ prepare }: Connection): number {
  return prepare("SELECT coalesce(max(first + (1 << bits)), 1) AS next FROM word_parts").get().next;
}

/** Writes the words of a table as a part. */
function insertPart(
  connection: Connection,
  { low, high, spans }: Pick<Part, "low" | "high" | "spans">,
  table: WordTable,
): void {
  const { prepare } = connection;
  const [posts, first] = [table.posts(), nextRow(connection)];
  const bits = bitsFor(posts);
  prepare("INSERT INTO word_parts (low, high, spans, gone, posts, first, bits) VALUES (?, ?, ?, 0, ?, ?, ?)").run(
    ...[low, high, spans, posts, first, bits],
  );
  const insert = prepare("INSERT INTO span_words VALUES (?, ?)");
  const documents = table.documents();
  // What a transaction that failed has left is nobody's.
  writer.take();
  let row = 0;
  const close = (): void => {
    const words = writer.take();
    if (words) insert.run(first + row, words);
  };
  for (const term of inRows(table, bits)) {
    const hash = table.hash(term);
    if (rowOf(hash, bits) !== row) {
      close();
      row = rowOf(hash, bits);
    }
    const all = documents(term);
    writer.begin(hash, table.check(term), all.length);
    for (let i = 0; i < all.length; i++) writer.add(all[i]!);
    writer.end();
  }
  close();
}

const writer = rowWriter();

function rowsOf({ prepare }: Connection, { first, bits }: Part): Iterable<{ readonly words: Uint8Array }> {
  const sql = "SELECT words FROM span_words WHERE id BETWEEN ? AND ? ORDER BY id";
  return prepare(sql).iterate(first, first + 2 ** bits - 1);
}

function removePart({ prepare }: Connection, { low, first, bits }: Part): void {
  prepare("DELETE FROM span_words WHERE id BETWEEN ? AND ?").run(first, first + 2 ** bits - 1);
  prepare("DELETE FROM word_parts WHERE low = ?").run(low);
}
