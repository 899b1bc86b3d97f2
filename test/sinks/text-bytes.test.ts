import assert from "node:assert/strict";
import { test } from "node:test";
import { textBytes } from "../../src/sinks/text-bytes.ts";

const BATCHES: readonly (readonly string[])[] = [
  [],
  [""],
  ["a\n"],
  ["short\n", "größer\n", "日本語\n", "😀\n", "half \ud83d of one\n"],
  Array.from({ length: 3_000 }, (_, i) => `{"line":${i},"text":"${"ü".repeat(i % 700)}"}\n`),
  ["x".repeat(5_000_000), "日".repeat(100_000)],
  ["less than before\n"],
];

test("the bytes of texts are those of the texts together, however large a batch and the one before it", () => {
  for (const batch of [...BATCHES, ...BATCHES.toReversed()]) {
    assert.ok(textBytes(batch).equals(Buffer.from(batch.join(""))));
  }
});

test("texts that are made while others are written leave those alone", () => {
  function* texts() {
    yield "outer 1\n";
    textBytes(["inner, which is longer\n"]);
    yield "outer 2\n";
  }
  textBytes(["room for all\n".repeat(100)]);
  assert.equal(String(textBytes(texts())), "outer 1\nouter 2\n");
});
