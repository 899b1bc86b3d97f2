/** A record's line is what `JSON.stringify` makes of it, and how it is made shows nowhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { configure, encode, flush, generation, observe, startSpan, updateTrace, withSpan } from "sightline";
import { lineOf } from "../../src/core/line.ts";
import { quoted } from "../../src/core/quoted.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import { window } from "../../src/core/window.ts";
import { type MemorySink, memorySink, sampleRecords } from "../../src/testing/index.ts";

const PIECES = [
  ...['"', "\\", "\n", "\0", "\x1f", "\x7f", "é", "ÿ", "数", "\u2028", "😀"],
  ...["\ud83d", "\ude00", "\ue000", "\ud7ff"],
];

/** Each value as input, as output, inside both, and what is said of a span besides. */
const VALUES: readonly unknown[] = [
  ...[0, -0, 1.5, 1e21, 5e-324, true, false, null, "", "text", Number.NaN, 10n, Symbol("s"), () => 1],
  ...[[], {}, [[]], [1, -0, 1e300], ["a", 1, null, undefined], [undefined], { a: undefined, b: 1 }, [{ a: [{}] }]],
  ...[{ toJSON: "x" }, { toJSON: () => ({ a: 1 }) }, { 2: "b", 1: "a", "": "c" }, JSON.parse('{"__proto__":{"a":1}}')],
  ...[new Map([["k", { v: "数\n" }]]), new Set([1]), new Date(0), Buffer.from("abc"), new Error('"x"\n')],
  ...[Object.create(null), { [`${"n".repeat(70)}"`]: 1 }, { "a\nb": '"' }],
  ...PIECES.map((piece) => `${"a".repeat(70)}${piece}${"b".repeat(70)}`),
];

async function recordsOf(run: () => unknown): Promise<readonly SpanRecord[]> {
  const sink: MemorySink = memorySink();
  configure({ sinks: [sink] });
  await run();
  await flush();
  return sink.records as readonly SpanRecord[];
}

test("a text is quoted as JSON quotes it, wherever in it something is escaped", () => {
  for (const filler of ["a", "é", "数"]) {
    for (let length = 60; length < 72; length++) {
      for (const piece of PIECES) {
        for (let at = 0; at <= length; at++) {
          const text = filler.repeat(at) + piece + filler.repeat(length - at);
          assert.equal(quoted(text), JSON.stringify(text));
        }
      }
    }
    const end = (window.length - 1) << (filler === "数" ? 1 : 2);
    for (let length = end - 2; length < end + 3; length++) {
      for (const piece of PIECES) {
        const text = `${filler.repeat(length)}${piece}${filler.repeat(50)}${piece}`;
        assert.equal(quoted(text), JSON.stringify(text));
      }
    }
  }
  for (let each = 1; each < 100; each++) {
    for (const piece of PIECES) {
      const text = `${"x".repeat(each)}${piece}`.repeat(30);
      assert.equal(quoted(text), JSON.stringify(text));
    }
  }
});

test("the line of every span is what JSON.stringify gives, and is not made by it where nothing changed the record", async () => {
  const records = await recordsOf(() =>
    withSpan("root", { metadata: { a: ["数"] } }, () => {
      const echo = observe("echo", (value: unknown) => value);
      for (const value of VALUES) {
        echo(value);
        echo({ value, list: [value] });
        startSpan("more", { attributes: { value }, statusMessage: '"', level: "WARNING" }).end({ usage: { input: 1 } });
      }
      startSpan("remote", { parent: `00-${"a1".repeat(16)}-${"b2".repeat(8)}-01` }).end({ unfinished: true });
      startSpan("with\nlines", { links: [{ traceId: "a1".repeat(16), spanId: "b2".repeat(8) }] })
        .event("e", { x: 1 })
        .end();
      generation({ model: "gpt-4o-mini", usage: { input: 3, output: 4 }, input: "a", output: "b" });
      startSpan("nothing said after all").update({ usage: {} }).end();
      startSpan("failed")
        .fail(new Error("no", { cause: "数" }))
        .end({ output: 1 });
      updateTrace({ userId: "u", tags: ["a"], metadata: { n: 1 } });
    }),
  );
  assert.ok(records.some(({ cost }) => cost !== undefined));
  assert.ok(records.length > 3 * VALUES.length);
  for (const record of records) {
    assert.equal(lineOf(record), JSON.stringify(record));
    assert.equal(encode(record), JSON.stringify(record));
  }
});

test("a name that is no text, as any function may have, is none", async () => {
  const names = [{ toJSON: () => "odd" }, 10n, {}];
  const odd = names.map((value) => observe(Object.defineProperty(() => 1, "name", { value }) as () => number));
  const records = await recordsOf(() => odd.map((each) => each()));
  assert.deepEqual(new Set(records.map(({ name }) => name)), new Set(["anonymous"]));
  for (const record of records) assert.equal(encode(record), JSON.stringify(record));
});

test("a trace that is given and has no attributes is none", async () => {
  const traceId = "a1".repeat(16);
  const trace = { traceId, traceFlags: 1 } as never;
  const [record] = await recordsOf(() => startSpan("a", { parent: { traceId, trace } }).end());
  assert.deepEqual(record!.trace, {});
  assert.equal(encode(record!), JSON.stringify(record));
});

test("a copy of a record, and a record from elsewhere, have the line of what they hold", async () => {
  const [record] = await recordsOf(() => startSpan("a").end({ output: "b" }));
  const changed = { ...record!, spanId: 'no"id', extra: 10 } as SpanRecord;
  assert.equal(lineOf(changed), undefined);
  assert.equal(encode(changed), JSON.stringify(changed));
  for (const each of [...sampleRecords(), structuredClone(record!)]) {
    assert.equal(lineOf(each), undefined);
    assert.equal(encode(each), JSON.stringify(each));
  }
});

test("what tells us how to write a record shows nowhere on it, and a host's enumerable extras are not in its line", async () => {
  const [record] = await recordsOf(() => startSpan("a").end({ output: { b: { c: 1 } } }));
  const same = JSON.parse(JSON.stringify(record)) as SpanRecord;
  assert.deepEqual(Reflect.ownKeys(record!), Reflect.ownKeys(same));
  assert.deepStrictEqual(record, same);
  assert.deepEqual(structuredClone(record), same);
  assert.equal(inspect(record, { showHidden: true }), inspect(same, { showHidden: true }));
  assert.ok(Object.isFrozen(record));
  const line = encode(record!);
  Object.assign(Object.prototype, { extra: 1 });
  try {
    assert.equal(lineOf(record!), line);
  } finally {
    delete (Object.prototype as { extra?: number }).extra;
  }
});
