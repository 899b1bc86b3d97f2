import assert from "node:assert/strict";
import { test } from "node:test";
import { createSseParser } from "../../../src/openai/wire/sse.ts";

type Seen = [string | undefined, string];

/** The events of a text whose bytes come in pieces of `size`. */
function events(text: string | Uint8Array, size = Number.POSITIVE_INFINITY, maxEventBytes?: number) {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const seen: Seen[] = [];
  const options = maxEventBytes === undefined ? {} : { maxEventBytes };
  const parser = createSseParser((name, data) => seen.push([name, data]), options);
  for (let at = 0; at < bytes.length; at += Math.min(size, bytes.length)) {
    const piece = bytes.slice(at, at + Math.min(size, bytes.length));
    parser.push(piece);
    // What has been pushed belongs to the reader, who may overwrite it.
    piece.fill(0x21);
  }
  parser.end();
  return { seen, truncated: parser.truncated };
}

const STREAM = [
  "\uFEFF: a comment",
  "event: thread.run.created",
  'data: {"text":"Grüße 👋🏽"}',
  "",
  "data:one",
  "data: two",
  "data:  three",
  "data",
  "id: 7",
  "retry: 10",
  "database: no field",
  "",
  "event: without data",
  "",
  "event:done",
  "data: [DONE]",
  "",
  "data:",
  "",
  "data: never finished",
];

const SEEN: Seen[] = [
  ["thread.run.created", '{"text":"Grüße 👋🏽"}'],
  [undefined, "one\ntwo\n three\n"],
  ["done", "[DONE]"],
  [undefined, ""],
];

test("the events of the rules, whatever ends a line and wherever the bytes are cut", () => {
  for (const lineEnd of ["\n", "\r", "\r\n"]) {
    for (const size of [1, 2, 3, 5, 7, 64, Number.POSITIVE_INFINITY]) {
      assert.deepEqual(events(STREAM.join(lineEnd), size).seen, SEEN, `${JSON.stringify(lineEnd)} by ${size}`);
    }
  }
});

test("line ends may be mixed", () => {
  assert.deepEqual(events("data: a\r\ndata: b\n\rdata: c\r\r").seen, [
    [undefined, "a\nb"],
    [undefined, "c"],
  ]);
});

test("a byte order mark is dropped only at the beginning", () => {
  assert.deepEqual(events("data: a\n\n\uFEFFdata: b\n\ndata: \uFEFFc\n\n").seen, [
    [undefined, "a"],
    [undefined, "\uFEFFc"],
  ]);
});

test("an event that is too large is skipped and counted, the next one is not", () => {
  const large = `event: big\ndata: ${"x".repeat(5000)}\n\n`;
  const lines = `event: many\n${`data: ${"y".repeat(100)}\n`.repeat(50)}\n`;
  for (const size of [1, 100, 1024, Number.POSITIVE_INFINITY]) {
    const { seen, truncated } = events(`data: a\n\n${large}data: b\n\n${lines}event: c\ndata: c\n\n`, size, 1000);
    assert.deepEqual(
      seen.filter(([, data]) => data.length < 1000),
      [
        [undefined, "a"],
        [undefined, "b"],
        ["c", "c"],
      ],
      `by ${size}`,
    );
    assert.equal(seen.length, 3, `by ${size}`);
    assert.equal(truncated, 2, `by ${size}`);
  }
});

test("a line without end takes no more memory than the cap", () => {
  const parser = createSseParser(() => assert.fail("no event"), { maxEventBytes: 64 * 1024 });
  const piece = new Uint8Array(16 * 1024).fill(0x61);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 4000; i++) parser.push(piece);
  assert.ok(process.memoryUsage().arrayBuffers - before < 8 * 1024 * 1024);
  assert.equal(parser.truncated, 1);
});

test("bytes that are no UTF-8 become replacement characters", () => {
  const bytes = Uint8Array.from([...Buffer.from("data: a"), 0xff, 0xc3, ...Buffer.from("\n\n")]);
  assert.deepEqual(events(bytes, 1).seen, [[undefined, "a\uFFFD\uFFFD"]]);
});

test("of an event that is too large its name and both ends are told, in constant memory", () => {
  const body = `{"id":"x","data":"${"é".repeat(50_000)}","usage":1}`;
  const texts: Record<string, string> = {
    "one line": `event: big\ndata: ${body}\n\n`,
    "its name after it": `data: ${body}\r\nevent: big\r\n\r\n`,
    "several lines": `event: big\ndata: ${body.slice(0, 60_000)}\ndata: ${body.slice(60_000)}\n\n`,
  };
  for (const [name, text] of Object.entries(texts)) {
    for (const size of [7, 999, 1_000_000]) {
      const told: [string | undefined, string, string][] = [];
      const seen: Seen[] = [];
      const parser = createSseParser((event, data) => seen.push([event, data]), {
        maxEventBytes: 4000,
        onLong: (...event) => told.push(event),
      });
      const bytes = Buffer.from(`: ${"c".repeat(5000)}\n\n${text}data: after\n\n`);
      for (let at = 0; at < bytes.length; at += size) parser.push(bytes.subarray(at, at + size));
      const label = `${name}, ${size}`;
      assert.equal(told.length, 1, label);
      const [event, head, tail] = told[0]!;
      assert.equal(event, "big", label);
      assert.ok(head.startsWith('{"id":"x","data":"é'), label);
      assert.ok(tail.trimEnd().endsWith('é","usage":1}'), label);
      assert.ok(head.length <= 16_384 && tail.length <= 16_384, label);
      assert.deepEqual(seen, [[undefined, "after"]], label);
    }
  }
});
