import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { searchText } from "../../src/store/search-text.ts";
import { words } from "../../src/store/words.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { holds, wildText } from "../fuzz/property.ts";

/** What `words` is said to do, in one line. */
const plainly = (text: string) =>
  text
    .toLowerCase()
    .match(/[\p{L}\p{N}\p{M}]+/gu)
    ?.join(" ") ?? "";

test("words are runs of letters, digits and marks, in lower case", () => {
  const cases: [text: string, words: string][] = [
    ["", ""],
    [" \t!? ", ""],
    ["Solve 3x+11=14!", "solve 3x 11 14"],
    ["  a  b  ", "a b"],
    ["snake_case kebab-case camelCase", "snake case kebab case camelcase"],
    ["don’t — “quote” …\u00a0wide", "don t quote wide"],
    ["Straße ΟΔΟΣ İstanbul", "straße οδος i̇stanbul"],
    ["数学の先生、こんにちは", "数学の先生 こんにちは"],
    ["e\u0301té naïve", "e\u0301té naïve"],
    ["ª² x² Ⅳ", "ª² x² ⅳ"],
    ["nul\0byte", "nul byte"],
    ["half \ud800 pair 😀 done", "half pair done"],
    ["मराठी ٣٤", "मराठी ٣٤"],
  ];
  for (const [text, expected] of cases) assert.equal(words(text), expected, text);
});

test("the fast way for ASCII says the same as the plain one", (t) =>
  holds(
    t,
    fc.property(fc.oneof(fc.string({ maxLength: 60 }), wildText, fc.string({ unit: "binary" })), (text) => {
      assert.equal(words(text), plainly(text));
    }),
    3_000,
  ));

test("every character, alone between letters", () => {
  for (let code = 0; code < 0x11000; code++) {
    const text = `a${String.fromCodePoint(code)}B`;
    assert.equal(words(text), plainly(text), `U+${code.toString(16)}`);
  }
});

test("words of words are the same words", (t) =>
  holds(
    t,
    fc.property(wildText, (text) => assert.equal(words(words(text)), words(text))),
    1_000,
  ));

test("text larger than the buffer that is kept, and small text after it", () => {
  const large = "Word, ".repeat(500_000);
  assert.equal(words(large).length, 5 * 500_000 - 1);
  assert.equal(words("small One"), "small one");
});

test("searchText: name, error message, texts and numbers of payloads; no keys, no booleans", () => {
  const record = sampleSpan({
    name: "Tutor.answer",
    status: { code: "error", message: "not this, the error has one" },
    error: { type: "Hidden", message: "Socket hang-up" },
    input: [{ role: "user", content: [{ type: "text", text: "Löse" }], done: true, none: null }],
    output: { x: 3.5, list: [1, "two"] },
    metadata: { secret: "word" },
  });
  assert.equal(searchText(record), "tutor answer socket hang up user text löse 3 5 1 two");
  assert.equal(searchText(sampleSpan({ name: "a", status: { code: "error", message: "B!" } })), "a b");
  assert.equal(searchText(sampleSpan({ name: "", input: "", output: null })), "");
});

test("searchText: any depth", () => {
  const depth = 200_000;
  const input = JSON.parse(`${"[".repeat(depth)}"deep"${"]".repeat(depth)}`);
  assert.equal(searchText(sampleSpan({ name: "n", input })), "n deep");
});
