import type { Connection } from "./connection.ts";
import { bitsFor, documentsOf, GONE, rowOf, rowsOf, wordsOf } from "./word-part.ts";
import { createWordTable, type WordTable } from "./word-table.ts";

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
  /** The words of the spans that come, by their place among these; whoever begins a transaction clears it. */
  readonly table: WordTable;
  /** Writes the table. @param ids the number of each document's span, ascending; 0 for one that is not kept */
  put(ids: Float64Array): void;
  /** A span is no more. */
  take(id: number): void;
  /** Writes down what was taken; makes one part of many small ones. */
  flush(): void;
  forget(): void;
}

/** So many parts next to each other become one, */
const MERGED = 8;
/** unless they have so many spans: a search may look into each part, and a merge is written in one transaction. */
const LARGE = 4_096;
/** Words that a batch is expected to have, and a row of a few parts. */
const ROOM = { batch: 32_768, row: 1_024 };

export function createWordBook(connection: Connection): WordBook {
  const { prepare } = connection;
  const table = createWordTable(ROOM.batch);
  let taken: number[] = [];

  return {
    table,
    put(ids) {
      const kept = ids.filter((id) => id > 0);
      const [low, high] = [kept[0]!, kept.at(-1)!];
      const bits = bitsFor(table.posts(), table.terms());
      const first = nextRow(connection);
      const numbers = Uint32Array.from(ids, (id) => (id > 0 ? id - low : GONE));
      insertRows(connection, first, rowsOf(table, bits, numbers));
      insertPart(connection, { low, high, spans: kept.length, gone: 0, posts: table.posts(), first, bits });
    },
    take: (id) => void taken.push(id),
    flush() {
      const count = prepare(
        "UPDATE word_parts SET gone = gone + 1 WHERE low = (SELECT max(low) FROM word_parts WHERE low <= ?)",
      );
      for (const id of taken) count.run(id);
      taken = [];
      const small = smallParts(connection);
      if (small.length >= MERGED) mergeParts(connection, small);
    },
    forget() {
      taken = [];
    },
  };
}

/** From the newest on those that are no larger than it, by the power of eight that their spans are. */
function smallParts({ prepare }: Connection): Part[] {
  const size = ({ spans }: Part) => Math.floor(Math.log2(spans) / 3);
  const small: Part[] = [];
  for (const part of prepare("SELECT * FROM word_parts ORDER BY low DESC").iterate() as Iterable<Part>) {
    if (part.spans >= LARGE || (small.length > 0 && size(part) > size(small[0]!))) break;
    small.push(part);
  }
  return small.reverse();
}

/** Makes one part of some that are next to each other, without the spans that are no more. */
export function mergeParts(connection: Connection, parts: readonly Part[]): void {
  const { prepare } = connection;
  const [low, high] = [parts[0]!.low, parts.at(-1)!.high];
  const numbers = Uint32Array.from({ length: high - low + 1 }, (_, document) => document);
  if (parts.some(({ gone }) => gone > 0)) markGone(connection, low, numbers);
  const spans = parts.reduce((sum, part) => sum + part.spans - part.gone, 0);
  const posts = parts.reduce((sum, part) => sum + part.posts * (1 - part.gone / part.spans), 0);
  // Some rows at a time: of all parts those that have the same words.
  const shared = Math.max(...parts.map(({ bits }) => bits));
  const bits = Math.max(shared, bitsFor(posts, 0));
  const first = nextRow(connection);
  const table = createWordTable(ROOM.row);
  const read = prepare("SELECT words FROM span_words WHERE id = ?");
  let kept = 0;
  for (let shares = 0; shares < 2 ** shared && spans > 0; shares++) {
    table.clear();
    for (const part of parts) {
      const stored = read.get(part.first + (shares >>> (shared - part.bits)));
      if (!stored) continue;
      for (const entry of wordsOf(stored.words)) {
        if (rowOf(entry.hash, shared) !== shares) continue;
        const term = table.term(entry.hash, entry.check);
        const documents = documentsOf(stored.words, entry);
        for (let i = 0; i < documents.length; i++) table.post(term, documents[i]! + part.low - low);
      }
    }
    insertRows(connection, first, rowsOf(table, bits, numbers));
    kept += table.posts();
  }
  for (const part of parts) removePart(connection, part);
  if (spans > 0) insertPart(connection, { low, high, spans, gone: 0, posts: kept, first, bits });
}

/** Of the numbers from `low` on those that are no spans any more are `GONE`. */
function markGone({ prepare }: Connection, low: number, numbers: Uint32Array): void {
  const sql = "SELECT json_group_array(id) AS ids FROM span_rows WHERE id BETWEEN ? AND ?";
  const alive = new Set<number>(JSON.parse(prepare(sql).get(low, low + numbers.length - 1).ids));
  for (let i = 0; i < numbers.length; i++) if (!alive.has(low + i)) numbers[i] = GONE;
}

/** Writes a part anew of which more than half is no more. @returns whether there was one */
export function clearPart(connection: Connection): boolean {
  const part: Part | undefined = connection
    .prepare("SELECT * FROM word_parts WHERE gone * 2 > spans ORDER BY low LIMIT 1")
    .get();
  if (part) mergeParts(connection, [part]);
  return part !== undefined;
}

/** Beyond the rows of all parts, also those that were left out. */
function nextRow({ prepare }: Connection): number {
  return prepare("SELECT coalesce(max(first + (1 << bits)), 1) AS next FROM word_parts").get().next;
}

function insertRows(
  { prepare }: Connection,
  first: number,
  rows: Iterable<readonly [row: number, words: Uint8Array]>,
): void {
  const insert = prepare("INSERT INTO span_words VALUES (?, ?)");
  for (const [row, words] of rows) insert.run(first + row, words);
}

function insertPart({ prepare }: Connection, part: Part): void {
  const { low, high, spans, gone, posts, first, bits } = part;
  prepare("INSERT INTO word_parts (low, high, spans, gone, posts, first, bits) VALUES (?, ?, ?, ?, ?, ?, ?)").run(
    ...[low, high, spans, gone, posts, first, bits],
  );
}

function removePart({ prepare }: Connection, { low, first, bits }: Part): void {
  prepare("DELETE FROM span_words WHERE id BETWEEN ? AND ?").run(first, first + 2 ** bits - 1);
  prepare("DELETE FROM word_parts WHERE low = ?").run(low);
}
