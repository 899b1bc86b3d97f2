/** Texts are read a window of 8,192 characters at a time: where a window ends must not be seen in what is masked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, readCodes } from "../../src/capture/codes.ts";
import { createRedactor, REDACTED } from "../../src/capture/redact.ts";

const SECRET = "sk-proj-0123456789abcdefghijklmnopqrstuvwxyzABCDEF";

test("P19 a secret across the end of a window is masked whole, wherever it begins", () => {
  const redactor = createRedactor();
  for (const filler of ["x ", "é ", "数 "]) {
    for (let before = codes.length - SECRET.length - 2; before <= codes.length + 2; before++) {
      const start = filler.repeat(before).slice(0, before - 1);
      const masked = redactor.text(`${start} ${SECRET} end`);
      assert.equal(masked, `${start} ${REDACTED} end`, `${filler.trim()} at ${before}`);
    }
  }
});

test("a window holds the codes of its text, long or short, of one byte or two", () => {
  for (const text of ["abc", "a".repeat(100), "数é\ud800".repeat(50), "b1".repeat(9_000)]) {
    for (const from of [0, 1, Math.max(0, text.length - 2)]) {
      const to = readCodes(text, from);
      assert.equal(to, Math.min(text.length, from + codes.length));
      const read = Array.from(codes.subarray(0, to - from));
      assert.deepEqual(
        read,
        Array.from({ length: to - from }, (_, i) => text.charCodeAt(from + i)),
      );
    }
  }
});
