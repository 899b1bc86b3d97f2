import type { SpanWords } from "./batch.ts";
import type { Connection } from "./connection.ts";
import { bitsFor, documentsOf, type RowWord, rowOf, rowWriter, wordsOf } from "./word-part.ts";
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
  /** Writes down what was taken; makes one part of many small ones. */
  flush(): void;
  forget(): void;
}

/** So many parts next to each other become one, */
const MERGED = 8;
/** unless they have so many spans: a search may look into each part, and a merge is written in one transaction. */
const LARGE = 2_048;
/** Words that a batch is expected to have. */
const WORDS = 32_768;

export function createWordBook(connection: Connection): WordBook {
  const { prepare } = connection;
  const table = createWordTable(WORDS);
  let taken: number[] = [];

  return {
    put(spans) {
      const [low, high] = [spans[0]![0], spans.at(-1)![0]];
      table.clear();
      for (const [id, { cut, ascii }] of spans) {
        table.read(id - low, utf8(cut), CUT);
        table.read(id - low, ascii);
      }
      const bits = bitsFor(table.posts());
      const part = { low, high, spans: spans.length, gone: 0, posts: table.posts(), first: nextRow(connection), bits };
      insertPart(connection, part);
      const documents = table.documents();
      const insert = insertWords(connection, part);
      for (const term of inRows(table, bits)) {
        const [hash, check] = table.hashes(term);
        const all = documents(term);
        insert.begin(hash, check, all.length);
        for (let i = 0; i < all.length; i++) insert.add(all[i]!);
        insert.end();
      }
      insert.close();
    },
    take: (id) => void taken.push(id),
    flush() {
      const count = prepare(
        "UPDATE word_parts SET gone = gone + 1 WHERE low = (SELECT max(low) FROM word_parts WHERE low <= ?)",
      );
      for (const id of taken) count.run(id);
      taken = [];
      for (let small = smallParts(connection); small.length > 0; small = smallParts(connection)) {
        mergeParts(connection, small);
      }
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
  const size = ({ spans }: Part) => Math.floor(Math.log2(spans) / 3);
  const small: Part[] = [];
  let last: Part | undefined;
  for (const part of prepare("SELECT * FROM word_parts ORDER BY low DESC").iterate() as Iterable<Part>) {
    const isBeforeLarge = last !== undefined && last.spans >= LARGE;
    last ??= part;
    if (part.spans >= LARGE && part !== last) break;
    if (!isBeforeLarge && size(part) > size(last)) break;
    if (part.spans < LARGE) small.push(part);
  }
  return small.length >= (last && last.spans >= LARGE ? 2 : MERGED) ? small.reverse() : [];
}

/** The words of a table, row after row. */
function inRows(table: WordTable, bits: number): number[] {
  const keys = Float64Array.from(
    { length: table.terms() },
    (_, term) => rowOf(table.hashes(term)[0], bits) * 2 ** 32 + term,
  );
  return Array.from(keys.sort(), (key) => key % 2 ** 32);
}

/** Makes one part of some that are next to each other, without the spans that are no more. */
export function mergeParts(connection: Connection, parts: readonly Part[]): void {
  const [low, high] = [parts[0]!.low, parts.at(-1)!.high];
  const spans = sum(parts, (part) => part.spans - part.gone);
  const posts = Math.ceil(sum(parts, (part) => (part.posts * (part.spans - part.gone)) / part.spans));
  // Those of all parts that have the same words, at a time.
  const shared = Math.max(...parts.map(({ bits }) => bits));
  const bits = Math.max(shared, bitsFor(posts));
  const merged = { low, high, spans, gone: 0, posts, first: nextRow(connection), bits };
  const isGone = goneBetween(connection, parts);
  const insert = insertWords(connection, merged);
  for (let share = 0; share < 2 ** shared && spans > 0; share++) {
    const words = parts.flatMap((part) => wordsBeside(connection, part, share, shared));
    words.sort((a, b) => (a.word.hash >>> 0) - (b.word.hash >>> 0) || a.word.check - b.word.check);
    for (let i = 0; i < words.length; ) {
      const { hash, check } = words[i]!.word;
      let next = i;
      while (next < words.length && words[next]!.word.hash === hash && words[next]!.word.check === check) next += 1;
      const same = words.slice(i, next);
      insert.begin(
        hash,
        check,
        sum(same, ({ word }) => word.to - word.from),
      );
      for (const { word, part } of same) {
        const documents = documentsOf(word);
        for (let k = 0; k < documents.length; k++) {
          const id = part.low + documents[k]!;
          if (!isGone?.has(id)) insert.add(id - low);
        }
      }
      insert.end();
      i = next;
    }
  }
  insert.close();
  for (const part of parts) removePart(connection, part);
  if (spans > 0) insertPart(connection, merged);
}

/** The words of a part of one row, if it had so many bits. */
function wordsBeside(
  { prepare }: Connection,
  part: Part,
  row: number,
  bits: number,
): { readonly word: RowWord; readonly part: Part }[] {
  const stored = prepare("SELECT words FROM span_words WHERE id = ?").get(part.first + (row >>> (bits - part.bits)));
  const words: { readonly word: RowWord; readonly part: Part }[] = [];
  if (stored) for (const word of wordsOf(stored.words)) if (rowOf(word.hash, bits) === row) words.push({ word, part });
  return words;
}

/** The numbers that are no spans any more, if there are any. */
function goneBetween({ prepare }: Connection, parts: readonly Part[]): ReadonlySet<number> | undefined {
  if (parts.every(({ gone }) => gone === 0)) return undefined;
  const [low, high] = [parts[0]!.low, parts.at(-1)!.high];
  const sql = "SELECT json_group_array(id) AS ids FROM span_rows WHERE id BETWEEN ? AND ?";
  const alive = new Set<number>(JSON.parse(prepare(sql).get(low, high).ids));
  const gone = new Set<number>();
  for (let id = low; id <= high; id++) if (!alive.has(id)) gone.add(id);
  return gone;
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

const writer = rowWriter();

/** Writes the words of a part, row after row; one part after the other. */
function insertWords({ prepare }: Connection, { first, bits }: Part) {
  const insert = prepare("INSERT INTO span_words VALUES (?, ?)");
  let row = 0;
  function close(): void {
    const words = writer.take();
    if (words) insert.run(first + row, words);
  }
  return {
    begin(hash: number, check: number, mostDocuments: number): void {
      if (rowOf(hash, bits) !== row) {
        close();
        row = rowOf(hash, bits);
      }
      writer.begin(hash, check, mostDocuments);
    },
    add: writer.add,
    end: writer.end,
    close,
  };
}

function sum<T>(all: readonly T[], numberOf: (one: T) => number): number {
  return all.reduce((sum, one) => sum + numberOf(one), 0);
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
