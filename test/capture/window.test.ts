/** Texts are read a window of words at a time: where either ends must not be seen in what is masked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedactor, REDACTED } from "../../src/capture/redact.ts";
import { nextMarked, readWords, window, wordShift } from "../../src/core/window.ts";

const SECRET = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEF";

/** Secrets that end the text, the last of them at an anchor. */
const SEEN: readonly (readonly [string, string])[] = [
  [SECRET, REDACTED],
  ["pwd=abc", `pwd=${REDACTED}`],
  ["a@b.co", "[email]"],
  ["4242 4242 4242 4242", "[card]"],
  ["https://u:p@h", `https://u:${REDACTED}@h`],
];

test("P19 a secret across the end of a window is masked whole, wherever it begins", () => {
  const redactor = createRedactor();
  for (const filler of ["x ", "é ", "数 "]) {
    const length = (window.length - 1) << wordShift(filler);
    for (let before = length - SECRET.length - 2; before <= length + 2; before++) {
      const start = filler.repeat(before).slice(0, before - 1);
      const masked = redactor.text(`${start} ${SECRET} end`);
      assert.equal(masked, `${start} ${REDACTED} end`, `${filler.trim()} at ${before}`);
    }
  }
});

test("a window holds the codes of its text, of one byte or two, and the end after it", () => {
  for (const text of [
    "a".repeat(101),
    "é".repeat(99),
    "数é\ud800".repeat(50),
    "b1".repeat(18_000),
    "数2".repeat(9_001),
  ]) {
    const shift = wordShift(text);
    assert.equal(shift, text.includes("数") ? 1 : 2);
    const codes = shift === 1 ? new Uint16Array(window.buffer) : new Uint8Array(window.buffer);
    for (const from of [0, 1, text.length - 2]) {
      const to = readWords(text, from, shift, 0x80);
      assert.equal(to, Math.min(text.length, from + ((window.length - 1) << shift)));
      const expected = Array.from({ length: to - from }, (_, i) => text.charCodeAt(from + i));
      assert.deepEqual(Array.from(codes.subarray(0, to - from)), expected);
      assert.equal(new Uint8Array(window.buffer)[(to - from) * codes.BYTES_PER_ELEMENT], 0x80);
    }
  }
});

test("P19 a secret is seen at every place of a word, after what the window held before, and at the very end", () => {
  const redactor = createRedactor({ pii: true });
  for (const filler of ["x ", "é ", "数 "]) {
    for (let before = 60; before < 72; before++) {
      const start = filler.repeat(before).slice(0, before);
      redactor.text("a".repeat(200));
      for (const [secret, shown] of SEEN) {
        assert.equal(redactor.text(`${start} ${secret}`), `${start} ${shown}`, `${filler.trim()} at ${before}`);
      }
    }
  }
});

test("the next marked word is found wherever it is and wherever the search begins and ends", () => {
  const table = new Uint8Array(0x10000);
  table["b".charCodeAt(0) | ("a".charCodeAt(0) << 8)] = 1;
  for (let length = 4; length <= 64; length += 4) {
    for (let at = 0; at < length; at += 2) {
      const text = `${"a".repeat(at)}ba${"a".repeat(length - at - 2)}`;
      readWords(text, 0, 2, 0);
      for (let from = 0; from <= length >> 2; from++) {
        for (let end = from; end <= length >> 2; end++) {
          const word = at >> 2;
          assert.equal(nextMarked(table, from, end), word >= from && word < end ? word : end);
        }
      }
    }
  }
});
