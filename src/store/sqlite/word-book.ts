import type { SpanWords } from "./batch.ts";
import type { Connection } from "./connection.ts";
import { bitsFor, compareHashes, compareWords, type RowReader, rowOf, rowReader, rowWriter } from "./word-part.ts";
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
/** unless they are large already: a merge is written in one transaction. */
const LARGE = { spans: 4_096, posts: 1_200_000 };
/** Distances between numbers are of 32 bits. */
const MAX_RANGE = 2 ** 31;
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
        table.read(id - low, utf8(cut), true);
        table.read(id - low, ascii, false);
      }
      const bits = bitsFor(table.posts());
      const part = { low, high, spans: spans.length, gone: 0, posts: table.posts(), first: nextRow(connection), bits };
      insertPart(connection, part);
      const { distances, begins, ends } = table.documents();
      const insert = insertWords(connection, part);
      for (const term of inOrder(table)) {
        insert.addWritten(table.hash(term), table.check(term), distances, begins[term]!, ends[term]!);
      }
      insert.close();
    },
    take: (id) => void taken.push(id),
    clearPart() {
      const sql = "SELECT * FROM word_parts WHERE gone * 2 > spans ORDER BY low LIMIT 1";
      const part: Part | undefined = prepare(sql).get();
      if (part) mergeParts(connection, [part]);
      return part !== undefined;
    },
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

/** The words of a table as a row has them. */
function inOrder(table: WordTable): Uint32Array {
  const terms = new Uint32Array(table.terms());
  // By so many first bits of their hashes that few share them, then by all.
  const others = Math.clz32(terms.length);
  const places = new Uint32Array(2 ** (32 - others) + 1);
  for (let term = 0; term < terms.length; term++) places[(table.hash(term) >>> others) + 1]!++;
  for (let i = 1; i < places.length; i++) places[i]! += places[i - 1]!;
  for (let term = 0; term < terms.length; term++) terms[places[table.hash(term) >>> others]!++] = term;
  const isBefore = (a: number, b: number) =>
    compareHashes(table.hash(a), table.check(a), table.hash(b), table.check(b)) < 0;
  for (let i = 1; i < terms.length; i++) {
    const term = terms[i]!;
    let place = i;
    for (; place > 0 && isBefore(term, terms[place - 1]!); place--) terms[place] = terms[place - 1]!;
    terms[place] = term;
  }
  return terms;
}

/** Makes one part of some that are next to each other, without the spans that are no more. */
function mergeParts(connection: Connection, parts: readonly Part[]): void {
  const [low, high] = [parts[0]!.low, parts.at(-1)!.high];
  const spans = sum(parts, (part) => part.spans - part.gone);
  const posts = Math.ceil(sum(parts, (part) => (part.posts * (part.spans - part.gone)) / part.spans));
  const merged = { low, high, spans, gone: 0, posts, first: nextRow(connection), bits: bitsFor(posts) };
  const alive = aliveIn(connection, parts);
  const insert = insertWords(connection, merged);
  let numbers = new Uint32Array(spans);
  let open = parts.map((part) => wordsOf(connection, part)).filter((words) => words.next());
  while (open.length > 0) {
    const { hash, check } = open.reduce((first, words) => (compareWords(words.now, first.now) < 0 ? words : first)).now;
    let [size, isOver] = [0, false];
    for (const words of open) {
      if (words.now.hash !== hash || words.now.check !== check) continue;
      if (size + words.now.most > numbers.length) numbers = extended(numbers, 2 * (size + words.now.most));
      size = words.now.read(numbers, size, words.low - low);
      isOver = !words.next() || isOver;
    }
    if (alive) size = keepOnly(numbers, size, (number) => alive.has(number + low));
    insert.add(hash, check, numbers, 0, size);
    if (isOver) open = open.filter(({ isOpen }) => isOpen());
  }
  insert.close();
  for (const part of parts) removePart(connection, part);
  if (spans > 0) insertPart(connection, merged);
}

/** @returns how many there are, at the beginning */
function keepOnly(numbers: Uint32Array, size: number, isKept: (number: number) => boolean): number {
  let kept = 0;
  for (let i = 0; i < size; i++) if (isKept(numbers[i]!)) numbers[kept++] = numbers[i]!;
  return kept;
}

function extended(numbers: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const more = new Uint32Array(length);
  more.set(numbers);
  return more;
}

/** Rows of a part that are read at a time. */
const READ = 32;
const NONE = rowReader(new Uint8Array(0));

/** Goes through the words of a part. */
interface PartWords {
  readonly low: number;
  now: RowReader;
  next(): boolean;
  isOpen(): boolean;
}

function wordsOf({ prepare }: Connection, { low, first, bits }: Part): PartWords {
  const read = prepare("SELECT id, words FROM span_words WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?");
  let rows: { id: number; words: Uint8Array }[] = [];
  let [next, at, isOpen] = [first, 0, true];
  const words: PartWords = {
    low,
    now: NONE,
    next() {
      while (!words.now.next()) {
        if (at === rows.length) {
          rows = read.all(next, first + 2 ** bits - 1, READ);
          if (rows.length === 0) return (isOpen = false);
          next = rows.at(-1)!.id + 1;
          at = 0;
        }
        words.now = rowReader(rows[at++]!.words);
      }
      return true;
    },
    isOpen: () => isOpen,
  };
  return words;
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

const writer = rowWriter();

/** Writes the words of a part, row after row; one part after the other. */
function insertWords({ prepare }: Connection, { first, bits }: Part) {
  const insert = prepare("INSERT INTO span_words VALUES (?, ?)");
  // What a transaction that failed has left is nobody's.
  writer.take();
  let row = 0;
  function close(): void {
    const words = writer.take();
    if (words) insert.run(first + row, words);
  }
  function turnTo(hash: number): void {
    if (rowOf(hash, bits) === row) return;
    close();
    row = rowOf(hash, bits);
  }
  return {
    add(hash: number, check: number, documents: Uint32Array, from: number, to: number): void {
      turnTo(hash);
      writer.add(hash, check, documents, from, to);
    },
    addWritten(hash: number, check: number, distances: Uint8Array, from: number, to: number): void {
      turnTo(hash);
      writer.addWritten(hash, check, distances, from, to);
    },
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
