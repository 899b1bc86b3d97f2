import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { connect } from "../../src/store/sqlite/connection.ts";
import { hasSqlite } from "../../src/store/sqlite/driver.ts";
import { createWordBook } from "../../src/store/sqlite/word-book.ts";
import { bucketWriter, entriesOf, placesIn } from "../../src/store/sqlite/word-bytes.ts";
import { createWordCollector } from "../../src/store/sqlite/word-collector.ts";
import { wordSearch } from "../../src/store/sqlite/word-search.ts";
import { words } from "../../src/store/words.ts";
import { holds, wildText } from "../fuzz/property.ts";

const PROMPT = "You are a tutor, and you answer in whole sentences: ".repeat(4);

test("of any texts it collects the words that `words` finds, each with its spans", (t) =>
  holds(
    t,
    fc.property(fc.array(fc.array(fc.oneof(wildText, fc.constant(PROMPT), fc.constant(`${PROMPT}?`)))), (spans) => {
      const collector = createWordCollector();
      const expected = new Map<string, number[]>();
      for (const [place, texts] of spans.entries()) {
        collector.add(place, texts);
        const found = words(texts.join(" ")).split(" ");
        for (const word of new Set(found)) if (word !== "") expected.set(word, [...(expected.get(word) ?? []), place]);
      }
      const collected = collector
        .drain()
        .map(({ word, places }) => [Buffer.from(word).toString(), [...places]] as const);
      assert.equal(new Map(collected).size, collected.length);
      assert.deepEqual(new Map(collected), expected);
      assert.deepEqual(collector.drain(), []);
    }),
    300,
  ));

test("a bucket says what was written, as deltas and as bits", () => {
  const postings: [word: string, places: number[]][] = [
    ["one", [0]],
    ["far", [5, 300, 70_000, 3_000_000]],
    ["all", Array.from({ length: 1_000 }, (_, i) => i)],
    ["数学", Array.from({ length: 500 }, (_, i) => 3 * i + 1)],
    ["long".repeat(10_000), [17]],
  ];
  const writer = bucketWriter();
  for (const [word, places] of postings) writer.add({ word: Buffer.from(word), places: Uint32Array.from(places) });
  const bucket = writer.bytes();
  assert.equal([...entriesOf(bucket)].length, postings.length);
  for (const [word, places] of postings) assert.deepEqual(placesIn(bucket, Buffer.from(word)), places);
  assert.deepEqual(placesIn(bucket, Buffer.from("none")), []);
});

test("many small appends become few segments, and what is gone goes out of them", (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const directory = mkdtempSync(join(tmpdir(), "sightline-words-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const connection = connect({ path: join(directory, "traces.db"), use: "write" });
  const book = createWordBook(connection);
  const collector = createWordCollector();
  const insert =
    connection.prepare(`INSERT INTO span_rows (id, trace, project, span_id, seq, dim, start_us, duration_ns)
    VALUES (?, 1, 1, ?, 1, 1, 0, 0)`);
  const count = 700;
  for (let i = 1; i <= count; i++) {
    collector.add(0, [`every n${i} ${i % 2 ? "odd" : "even"}`]);
    insert.run(i * 64, String(i));
    book.put(i * 64, i * 64 + 63, 1, collector.drain());
  }
  const segments = () => connection.prepare("SELECT count(*) AS n FROM word_segments").get().n;
  const find = (wanted: string) => [...wordSearch(connection, wanted).spans()].map((id) => id / 64);
  assert.ok(segments() <= 30, `${segments()} segments`);
  assert.equal(find("every").length, count);
  assert.deepEqual(find("n77 odd"), [77]);
  assert.deepEqual(find("n77 even"), []);
  assert.deepEqual(
    find("odd"),
    Array.from({ length: count / 2 }, (_, i) => count - 1 - 2 * i),
  );

  const remove = (from: number, to: number) => {
    for (let i = from; i <= to; i++) {
      connection.prepare("DELETE FROM span_rows WHERE id = ?").run(i * 64);
      book.take(i * 64);
    }
    book.flush();
  };
  const bytes = () => connection.prepare("SELECT sum(length(bytes)) AS n FROM word_buckets").get().n;
  const before = bytes();
  remove(1, 400);
  assert.ok(bytes() < before * 0.6, `${bytes()} of ${before} bytes`);
  assert.equal(find("every").filter((i) => i > 400).length, 300);
  assert.deepEqual(find("n77"), []);
  remove(401, count);
  assert.equal(segments(), 0);
  assert.equal(bytes(), null);
  connection.close();
});
