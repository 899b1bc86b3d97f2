import assert from "node:assert/strict";
import { test } from "node:test";
import { clean, columns, count, dollars, duration, fit, padEnd, padStart, wrap } from "../../src/sinks/console-text.ts";

test("durations take at most seven columns from microseconds to a day", () => {
  const cases: [number, string][] = [
    [0, "0µs"],
    [0.0121, "12µs"],
    [0.9994, "999µs"],
    [0.9996, "1.0ms"],
    [9.94, "9.9ms"],
    [9.96, "10ms"],
    [410, "410ms"],
    [999.4, "999ms"],
    [999.6, "1.00s"],
    [6_214, "6.21s"],
    [59_994, "59.99s"],
    [59_996, "1m 00s"],
    [125_000, "2m 05s"],
    [3_599_400, "59m 59s"],
    [3_599_600, "1h 00m"],
    [86_400_000, "24h 00m"],
  ];
  for (const [ms, text] of cases) assert.equal(duration(ms), text, String(ms));
});

test("money has two digits that count", () => {
  const cases: [number, string][] = [
    [0, "$0.00"],
    [12.3, "$12.30"],
    [1, "$1.00"],
    [0.0123, "$0.0123"],
    [0.001528, "$0.0015"],
    [0.000012, "$0.000012"],
    [1e-15, "$0.000000000000"],
    [-0.5, "$-0.5000"],
  ];
  for (const [amount, text] of cases) assert.equal(dollars(amount), text, String(amount));
  assert.equal(count(1_234_567), "1,234,567");
  assert.equal(count(7), "7");
});

test("columns as a terminal counts them", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["abc", 3],
    ["├─ é", 4],
    ["e\u0301", 1],
    ["数学", 4],
    ["한글", 4],
    ["ﾊﾝｶｸ", 4],
    ["🎓", 2],
    ["👩‍🏫", 2],
    ["🇩🇪", 2],
    ["❤️", 2],
    ["a\u200bb", 2],
  ];
  for (const [text, width] of cases) assert.equal(columns(text), width, JSON.stringify(text));
});

test("fit and pad count columns and cut between characters", () => {
  assert.equal(fit("abcdef", 6), "abcdef");
  assert.equal(fit("abcdef", 5), "abcd…");
  assert.equal(fit("abc def", 5), "abc…");
  assert.equal(fit("数学の先生", 6), "数学…");
  assert.equal(fit("👩‍🏫👩‍🏫👩‍🏫", 5), "👩‍🏫👩‍🏫…");
  assert.equal(fit("abc", 1), "…");
  assert.equal(fit("abc", 0), "");
  assert.equal(fit("abc", -3), "");
  assert.equal(padEnd("数", 4), "数  ");
  assert.equal(padStart("数", 4), "  数");
  assert.equal(padStart("long", 2), "long");
});

test("clean leaves one line of printable text", () => {
  assert.equal(clean("a\r\n\tb\u001b[31mc\u009bd\u202ee\u2028f"), "a b [31mc d e f");
  assert.equal(clean("lone \ud800"), "lone \ufffd");
  assert.equal(clean("👩‍🏫 e\u0301"), "👩‍🏫 e\u0301");
  assert.equal(clean("x".repeat(9_999)).length, 500);
});

test("wrap breaks between words, cuts what is wider, and ends at the last line", () => {
  assert.deepEqual(wrap("one two three", 7), ["one two", "three"]);
  assert.deepEqual(wrap("one two", 80), ["one two"]);
  assert.deepEqual(wrap("", 5), [""]);
  assert.deepEqual(wrap("a unbreakable b", 6), ["a", "unbre…", "b"]);
  assert.deepEqual(wrap("数学 の 先生", 7), ["数学 の", "先生"]);
  assert.deepEqual(wrap("a b c d e f", 3, 2), ["a b", "c…"]);
  assert.deepEqual(wrap("a b", 0), ["", ""]);
});
