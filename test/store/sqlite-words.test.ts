import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { memoryStore } from "../../src/store/memory-store.ts";
import { type Connection, connect } from "../../src/store/sqlite/connection.ts";
import { hasSqlite } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { createWordBook, type Part } from "../../src/store/sqlite/word-book.ts";
import { rowReader, rowWriter } from "../../src/store/sqlite/word-part.ts";
import { wordSearch } from "../../src/store/sqlite/word-search.ts";
import { createWordTable } from "../../src/store/sqlite/word-table.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { holds } from "../fuzz/property.ts";

function temporaryDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "sightline-words-"));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

const EMPTY = new Uint8Array(0);
const text = (words: readonly string[]) => ({ cut: words.join(" "), ascii: EMPTY });

test("a row says what was written to it", (t) =>
  holds(
    t,
    fc.property(
      fc.array(fc.tuple(fc.maxSafeNat(), fc.nat(0xffff), fc.uniqueArray(fc.nat(0xffff_fffe), { maxLength: 40 }))),
      (words) => {
        const writer = rowWriter();
        for (const [hash, check, documents] of words) {
          const numbers = Uint32Array.from([7, ...documents.toSorted((a, b) => a - b), 8]);
          writer.add(hash | 0, check, numbers, 1, numbers.length - 1);
        }
        const row = writer.take();
        const [reader, read] = [rowReader(row ?? EMPTY), [] as unknown[]];
        while (reader.next()) {
          const numbers = new Uint32Array(reader.most + 2);
          const end = reader.read(numbers, 2, 0);
          read.push([reader.hash, reader.check, [...numbers.subarray(2, end)]]);
        }
        const wanted = words
          .filter(([, , documents]) => documents.length > 0)
          .map(([hash, check, documents]) => [hash | 0, check, documents.toSorted((a, b) => a - b)]);
        assert.deepEqual(read, wanted);
        assert.equal(writer.take(), undefined);
      },
    ),
    500,
  ));

test("a table has each word once, with the documents it is in, however many words there are", () => {
  const table = createWordTable(64);
  const words = Array.from({ length: 30_000 }, (_, i) => `word${i}`);
  table.read(0, Buffer.from(words.join(" ")), true);
  table.read(7, Buffer.from("Word3, WORD4 (word3)\xff word29999", "latin1"), false);
  table.read(300, Buffer.from("word4"), true);
  assert.deepEqual([table.terms(), table.posts()], [30_000, 30_004]);
  const { distances, begins, ends } = table.documents();
  const having = (term: number) => [...distances.subarray(begins[term], ends[term])];
  // 293 in two bytes.
  assert.deepEqual([3, 4, 5, 29_999].map(having), [[0, 7], [0, 7, 0x80 | 37, 2], [0], [0, 7]]);
  table.clear();
  assert.deepEqual([table.terms(), table.posts()], [0, 0]);
});

test("spans are found by their words, in many small parts, after merges, and after spans are no more", (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const connection = connect({ path: `${temporaryDirectory(t)}/words.db`, use: "write" });
  t.after(() => connection.close());
  const book = createWordBook(connection);
  const parts = (): Part[] => connection.prepare("SELECT * FROM word_parts ORDER BY low").all();
  const spans = new Map<number, Set<string>>();
  let state = 1;
  const draw = (below: number) => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) % below;

  function check(): void {
    for (const wanted of ["all", "w1", "w3 w5", "w77", "all w2 w4", "never", "w1 never"]) {
      const search = wordSearch(connection, wanted);
      const having = [...spans]
        .filter(([, words]) => wanted.split(" ").every((word) => words.has(word)))
        .map(([id]) => id)
        .sort((a, b) => b - a);
      const isThere = (id: number) => spans.has(id);
      assert.deepEqual(search.before(Number.MAX_SAFE_INTEGER, 1e9).filter(isThere), having, wanted);
      const middle = having[having.length >> 1] ?? 0;
      assert.deepEqual(
        search.before(middle, 1e9).filter(isThere),
        having.filter((id) => id < middle),
        wanted,
      );
      assert.deepEqual(having.slice(0, 99).filter(search.has), having.slice(0, 99), wanted);
      for (const id of [...spans.keys()].slice(-99)) assert.equal(search.has(id), having.includes(id), wanted);
    }
  }

  for (let round = 0, next = 64; round < 300; round++) {
    connection.transaction(() => {
      const count = round % 50 === 49 ? 3_000 : 1 + draw(40);
      const come = Array.from({ length: count }, () => {
        const words = ["all", ...Array.from({ length: 5 }, () => `w${draw(draw(100) + 1)}`)];
        next += 1 + draw(3);
        spans.set(next, new Set(words));
        connection
          .prepare(
            "INSERT INTO span_rows (id, trace, project, span_id, seq, dim, start_us, duration_ns) VALUES (?, 0, 0, ?, 1, 0, 0, 0)",
          )
          .run(next, String(next));
        return [next, text(words)] as const;
      });
      book.put(come);
      for (const id of [...spans.keys()].filter(() => draw(200) === 0)) {
        spans.delete(id);
        connection.prepare("DELETE FROM span_rows WHERE id = ?").run(id);
        book.take(id);
      }
      book.flush();
    });
    if (round % 60 === 59) check();
  }
  check();
  const kept = parts();
  assert.ok(kept.length < 36, `${kept.length} parts`);
  assert.ok(kept.every(({ high }, i) => i + 1 === kept.length || high < kept[i + 1]!.low));
  const { rows } = connection.prepare("SELECT count(*) AS rows FROM span_words").get();
  assert.ok(rows <= kept.reduce((sum, { bits }) => sum + 2 ** bits, 0), "rows that belong to no part");
});

/** A file without spans, and spans that are put into it, each by itself or some together. */
function emptyIndex(t: TestContext) {
  const connection = connect({ path: `${temporaryDirectory(t)}/words.db`, use: "write" });
  t.after(() => connection.close());
  const insert = connection.prepare(
    "INSERT INTO span_rows (id, trace, project, span_id, seq, dim, start_us, duration_ns) VALUES (?, 0, 0, ?, 1, 0, 0, 0)",
  );
  return {
    connection,
    keep(spans: readonly (readonly [id: number, words: string])[], through: Connection = connection): void {
      const book = createWordBook(through);
      connection.transaction(() => {
        for (const [id] of spans) insert.run(id, String(id));
        book.put(spans.map(([id, words]) => [id, text([words])]));
        book.flush();
      });
    },
    remove(id: number): void {
      const book = createWordBook(connection);
      connection.prepare("DELETE FROM span_rows WHERE id = ?").run(id);
      book.take(id);
      book.flush();
    },
    having: (words: string) => wordSearch(connection, words).before(Number.MAX_SAFE_INTEGER, 1e9).reverse(),
    parts: () => connection.prepare("SELECT low, spans FROM word_parts ORDER BY low").all(),
  };
}

test("numbers may be far apart where all between them was deleted", (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  for (const gap of [2 ** 25, 2 ** 33]) {
    const { keep, remove, having } = emptyIndex(t);
    keep([
      [64, "old gone"],
      [65, "old here"],
    ]);
    const ids = Array.from({ length: 20 }, (_, i) => gap + 64 * i);
    remove(64);
    for (const id of ids) keep([[id, `new n${id}`]]);
    assert.deepEqual(having("old").slice(-1), [65]);
    assert.deepEqual(having("new"), ids);
    for (const id of ids) assert.deepEqual(having(`n${id}`), [id]);
  }
});

test("a transaction that failed leaves no words to the next", (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const { connection, keep, having } = emptyIndex(t);
  const many = Array.from({ length: 2_000 }, (_, i) => `many${i}`).join(" ");
  const ids = Array.from({ length: 7 }, (_, i) => 64 * i + 64);
  for (const id of ids) keep([[id, many]]);
  // The eighth is merged with them, and so many rows are read before one cannot be.
  for (const read of [0, 3, 7, 20]) {
    let left = read;
    const failing = (rows: any[]) => {
      left -= rows.length;
      if (left < 0) throw new Error("disk I/O error");
      return rows;
    };
    const prepare: Connection["prepare"] = (sql) => {
      const statement = connection.prepare(sql);
      if (!sql.includes("FROM span_words")) return statement;
      return { ...statement, all: (...values: any[]) => failing(statement.all(...values)) };
    };
    assert.throws(() => keep([[1_000, many]], { ...connection, prepare }), /disk I/);
    const id = 2_000 + read;
    connection.transaction(() => {
      createWordBook(connection).put([[id, text(["good"])]]);
    });
    assert.deepEqual(having("good"), [id]);
    assert.deepEqual(
      Array.from({ length: 200 }, (_, i) => having(`many${10 * i}`)).filter((found) => found.join() !== ids.join()),
      [],
    );
    connection.transaction(() => void connection.prepare("DELETE FROM word_parts WHERE low = ?").run(id));
    connection.prepare("DELETE FROM span_words WHERE id >= (SELECT max(first + (1 << bits)) FROM word_parts)").run();
  }
});

test("parts with many words are not merged, however few spans they have", (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const { keep, parts } = emptyIndex(t);
  keep([[64, Array.from({ length: 1_200_000 }, (_, i) => i.toString(36)).join(" ")]]);
  keep([[128, "small"]]);
  keep(Array.from({ length: 4_096 }, (_, i) => [192 + i, "large"] as const));
  assert.deepEqual(
    parts().map(({ low, spans }: Part) => [low, spans]),
    [
      [64, 1],
      [128, 1],
      [192, 4_096],
    ],
  );
});

test("what is pruned leaves no words behind, and what stays is found", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const path = `${temporaryDirectory(t)}/pruned.db`;
  const [memory, sqlite] = [memoryStore({ maxBytes: 1e9 }), sqliteStore({ path })];
  t.after(() => Promise.all([memory.close(), sqlite.close()]));
  for (let i = 0; i < 60; i++) {
    const records = Array.from({ length: 20 }, (_, k) =>
      sampleSpan({
        traceId: (i * 20 + k + 1).toString(16).padStart(32, "0"),
        startTime: `${1_732_000_000_000_000 + i}000`,
        endTime: `${1_732_000_000_000_001 + i}000`,
        input: `every one has words, this one ${i % 7} and “${k}”`,
      }),
    );
    for (const store of [memory, sqlite]) await store.append(records);
  }
  const rows = async () => (await sqlite.sql("SELECT coalesce(sum(length(words)), 0) FROM span_words")).rows[0]![0];
  const all = Number(await rows());
  for (const kept of [30, 1, 0]) {
    for (const store of [memory, sqlite]) await store.prune({ beforeUs: 1_732_000_000_000_000 + 61 - kept });
    for (const query of ["every 3", "words 12", "nothing"]) {
      assert.deepEqual(await sqlite.traces({ text: query }), await memory.traces({ text: query }), query);
    }
    assert.ok(Number(await rows()) <= (all * kept * 2) / 60, `${await rows()} of ${all} bytes for ${kept} of 60`);
  }
});
