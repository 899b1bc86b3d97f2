import assert from "node:assert/strict";
import { test } from "node:test";
import { HASH, idWindow } from "../../src/monitors/id-window.ts";

const COUNT = 300_000;
const hex = (value: number, length: number): string => value.toString(16).padStart(length, "0");
const front = (value: number, length: number): string => hex(value, 8).padEnd(length, "0");

/** Ids as they come from those who count instead of drawing them: the hardest for a hash. */
const FORMS: { readonly [form: string]: (i: number) => readonly [traceId: string, spanId: string] } = {
  "counted spans of one trace": (i) => [hex(7, 32), hex(i, 16)],
  "counted traces of one span": (i) => [hex(i, 32), hex(7, 16)],
  "both counted": (i) => [hex(i >> 10, 32), hex(i & 1_023, 16)],
  "counted at the front": (i) => [front(i >> 10, 32), front(i & 1_023, 16)],
  "both ends alike": (i) => [`00${hex(i >> 10, 28)}00`, `00${hex(i & 1_023, 12)}00`],
  "decimal, of any length": (i) => [`run-${i >> 10}`, String(i & 1_023)],
};

for (const [form, idsOf] of Object.entries(FORMS))
  test(`Ids that count up are told apart, and found again: ${form}`, () => {
    const ids = idWindow(COUNT);
    let added = 0;
    for (let i = 0; i < COUNT; i++) if (ids.add(...idsOf(i))) added++;
    assert.equal(added, COUNT);
    for (let i = 0; i < COUNT; i += 97) assert.equal(ids.add(...idsOf(i)), false);
  });

test("Ids that count up are spread over the chains as drawn ones are", () => {
  const chains = 2 ** 19;
  const hashes = new Int32Array(HASH);
  for (const [form, idsOf] of Object.entries(FORMS)) {
    const ids = idWindow();
    const used = new Set<number>();
    for (let i = 0; i < COUNT; i++) {
      ids.prepare(...idsOf(i), hashes, 0);
      used.add(hashes[0]! & (chains - 1));
    }
    const expected = chains * (1 - Math.exp(-COUNT / chains));
    assert.ok(
      Math.abs(used.size / expected - 1) < 0.02,
      `${form}: ${used.size} chains, ${Math.round(expected)} expected`,
    );
  }
});

test("A trace's id and a span's are not taken for each other", () => {
  const ids = idWindow();
  assert.equal(ids.add("ab", "cd"), true);
  assert.equal(ids.add("abcd", ""), true);
  assert.equal(ids.add("", "abcd"), true);
  assert.equal(ids.add("cd", "ab"), true);
  assert.equal(ids.add("ab", "cd"), false);
});
