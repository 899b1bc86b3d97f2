import assert from "node:assert/strict";
import { test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import fc from "fast-check";
import type { SpanRecord } from "../../src/core/record.ts";
import { searchText } from "../../src/store/search-text.ts";
import { spanRow } from "../../src/store/span-row.ts";
import { putTogether, takeApart } from "../../src/store/sqlite/apart.ts";
import { readBatch, type SpanWords } from "../../src/store/sqlite/batch.ts";
import { CHUNK, unpack } from "../../src/store/sqlite/chunk.ts";
import { type Load, loadWriter } from "../../src/store/sqlite/load.ts";
import { createWordTable } from "../../src/store/sqlite/word-table.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { holds, wildText } from "../fuzz/property.ts";

const LONG = "A word, “quoted” and 3x+11=14. ".repeat(5);
const PLAIN = 'Plain words with "quotes", a \\ and\n a new line '.repeat(3);

const text = fc.oneof(
  fc.constantFrom("", "~", "~~", "short", LONG, PLAIN, `${PLAIN}\ud800`, "ÄÖÜ straße ".repeat(9), `${"x".repeat(63)}`),
  fc.string({ minLength: 60, maxLength: 200 }),
  wildText,
  fc.string({ unit: "binary", minLength: 64, maxLength: 90 }),
);
const { payload } = fc.letrec((tie) => ({
  payload: fc.oneof(
    { maxDepth: 4 },
    text,
    fc.constantFrom(null, true, 3.5, -0),
    fc.array(tie("payload"), { maxLength: 4 }),
    fc.dictionary(fc.oneof(fc.constantFrom("content", "role", "__proto__", "7", "toJSON"), text), tie("payload"), {
      maxKeys: 4,
    }),
  ),
}));

const asStored = (record: SpanRecord): SpanRecord => JSON.parse(JSON.stringify(record));
/** The words of a span, as hashes. */
function wordsIn({ cut, ascii }: SpanWords): string[] {
  const table = createWordTable(64);
  table.read(0, Buffer.from(cut), true);
  table.read(0, ascii, false);
  return Array.from({ length: table.terms() }, (_, term) => `${table.hash(term)} ${table.check(term)}`).sort();
}

const wordsOf = (cut: string) => wordsIn({ cut, ascii: new Uint8Array(0) });

function loadOf(records: readonly SpanRecord[]): Load {
  const writer = loadWriter("default");
  for (const record of records) writer.add(record);
  return writer.load();
}

test("a record is the same, to its last byte, after its texts stood apart", (t) =>
  holds(
    t,
    fc.property(fc.option(payload, { nil: undefined }), payload, (input: any, output: any) => {
      const record = sampleSpan({ input, output });
      const { json, texts } = takeApart(record);
      assert.equal(JSON.stringify(putTogether(json, texts)), JSON.stringify(record));
    }),
    3_000,
  ));

test("what is no plain data is written as JSON writes it", () => {
  class Money {
    amount = "~";
    text = LONG;
  }
  const deep = JSON.parse(`${"[".repeat(100)}"${"deep ".repeat(20)}"${"]".repeat(100)}`);
  const payloads: unknown[] = [
    new Date(0),
    [LONG, new Money()],
    { text: LONG, toJSON: () => "~" },
    { text: LONG, at: new Date(0) },
    Object.assign(Object.create({ inherited: LONG }), { text: LONG }),
    Object.assign(Object.create(null), { text: LONG }),
    [LONG, Object.assign(() => 1, { toJSON: () => "~" })],
    [LONG, undefined, () => 1, Symbol.iterator, new String("~")],
    { text: LONG, gone: undefined, call: () => 1 },
    // biome-ignore lint/suspicious/noSparseArray: as it may come
    [LONG, , "~"],
    deep,
    { text: `${LONG}\udc00` },
  ];
  for (const [i, input] of payloads.entries()) {
    const record = sampleSpan({ input: input as any, output: LONG });
    const { json, texts } = takeApart(record);
    assert.equal(JSON.stringify(putTogether(json, texts)), JSON.stringify(record), `payload ${i}`);
  }
});

test("what is read of a load is what its records say: rows, words, and the records again", (t) =>
  holds(
    t,
    fc.property(fc.array(fc.tuple(payload, payload), { minLength: 1, maxLength: 5 }), (payloads) => {
      const records = payloads.map(([input, output]: any, i) =>
        sampleSpan({ spanId: (i + 1).toString(16).padStart(16, "0"), name: "Ärger ~", input, output }),
      );
      const { spans, chunks, errors } = readBatch([loadOf(records)]);
      assert.deepEqual(errors, [undefined]);
      for (const [i, { row, words, place }] of [...spans.values()].entries()) {
        const record = asStored(records[i]!);
        assert.deepEqual(row, spanRow(record));
        assert.deepEqual(wordsIn(words), wordsOf(searchText(record)));
        const stored = unpack(chunks[Math.floor(place / CHUNK)]!)(place % CHUNK);
        assert.equal(JSON.stringify(stored), JSON.stringify(record));
      }
    }),
    500,
  ));

test("more spans than a chunk has, and a text larger than the room for a turn", () => {
  const records = Array.from({ length: 3 * CHUNK }, (_, i) => {
    const input = i === 70 ? "A large text. ".repeat(300_000) : i % 3 === 0 ? `${PLAIN} ${i}` : "short";
    return sampleSpan({ spanId: (i + 1).toString(16).padStart(16, "0"), input });
  });
  const { spans, chunks } = readBatch([loadOf(records.slice(0, 100)), loadOf(records.slice(100))]);
  const unpacked = chunks.map((chunk) => unpack(chunk));
  for (const [i, { place }] of [...spans.values()].entries()) {
    assert.deepEqual(unpacked[Math.floor(place / CHUNK)]!(place % CHUNK), asStored(records[i]!));
  }
  assert.equal(unpacked[0]!(CHUNK), undefined);
});

test("a payload that makes another load while it is written spoils neither", () => {
  const inner = sampleSpan({ input: `inner ${LONG}` });
  let load: Load | undefined;
  const first = sampleSpan({ input: `first ${LONG}` });
  const toJSON = () => {
    load = loadOf([inner]);
    return "seen";
  };
  const second = sampleSpan({ spanId: "00000000000000ff", input: { toJSON } as any });
  const outer = readBatch([loadOf([first, second])]);
  const recordsOf = ({ chunks }: typeof outer, count: number) =>
    Array.from({ length: count }, (_, place) => unpack(chunks[0]!)(place));
  assert.deepEqual(recordsOf(outer, 2), [first, second].map(asStored));
  assert.deepEqual(recordsOf(readBatch([load!]), 1), [asStored(inner)]);
});

test("a record that is none leaves no words to the next one, of another project", () => {
  const none = loadWriter("one");
  none.add({ ...sampleSpan({ input: LONG }), status: undefined } as any);
  const other = loadWriter("two");
  other.add(sampleSpan({ name: "other", input: "mine" }));
  const { spans, errors } = readBatch([none.load(), other.load()]);
  assert.ok(errors[0] instanceof TypeError && errors[1] === undefined);
  assert.deepEqual(
    [...spans.values()].map(({ words }) => wordsIn(words)),
    [wordsOf("mine other")],
  );
});

test("chunks of whole lines, as an earlier Sightline has packed them, are read", () => {
  const records = [sampleSpan({ input: "~" }), sampleSpan({ input: LONG })];
  const lines = brotliCompressSync(records.map((record) => JSON.stringify(record)).join("\n"));
  const unpacked = unpack({ codec: 1, lines });
  for (const [place, record] of records.entries()) assert.deepEqual(unpacked(place), asStored(record));
  assert.throws(() => unpack({ codec: 3, lines }), { code: "STORE_NEWER_SCHEMA" });
});
