import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import fc from "fast-check";
import { wordHashesModule } from "../../scripts/wat.js";
import { hashWords } from "../../src/store/sqlite/word-hashes.ts";
import { LETTERS, SPACE } from "../../src/store/words.ts";
import { holds } from "../fuzz/property.ts";

/** The same in JavaScript: files that are there already have these hashes. */
function hashesOf(text: Uint8Array, isCut: boolean): number[] {
  const hashes: number[] = [];
  let [hash, check, length] = [0x811c9dc5 | 0, 0, 0];
  for (const byte of [...text, SPACE]) {
    const letter = isCut ? byte : LETTERS[byte]!;
    if (letter !== SPACE) {
      hash = Math.imul(hash ^ letter, 0x01000193);
      check = Math.imul(check + letter, 0x5bd1e995);
      length += 1;
    } else if (length > 0) {
      const x = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
      hashes.push(x ^ (x >>> 13), check);
      [hash, check, length] = [0x811c9dc5 | 0, 0, 0];
    }
  }
  return hashes;
}

function read(text: Uint8Array, isCut: boolean): number[] {
  const hashes: number[] = [];
  hashWords(text, isCut, (pairs, count) => hashes.push(...pairs.subarray(0, 2 * count)));
  return hashes;
}

const bytes = fc.uint8Array({ max: 255 });
const run = (max: number) =>
  fc.tuple(fc.constantFrom("a", "Z", "7", " ", "\xff", "@", "`", "{", "/", ":", "\x11", "ab "), fc.nat({ max }));

test("words have the hashes that they always had, whatever the bytes", (t) =>
  holds(
    t,
    fc.property(fc.oneof(bytes, fc.array(run(200)).map(repeated)), fc.boolean(), (text, isCut) => {
      assert.deepEqual(read(text, isCut), hashesOf(text, isCut));
    }),
    2_000,
  ));

test("texts and words may be longer than what is read at a time, and than what is kept", (t) =>
  holds(
    t,
    fc.property(fc.array(run(9_000), { minLength: 1, maxLength: 12 }).map(repeated), fc.boolean(), (text, isCut) => {
      assert.deepEqual(read(text, isCut), hashesOf(text, isCut));
    }),
    200,
  ));

test("a word of megabytes, and a short one after it", () => {
  for (const text of [
    repeated([["a", 5_000_000]]),
    repeated([
      ["ab ", 3],
      ["x", 3_000_000],
      [" b", 5_000],
    ]),
  ]) {
    assert.deepEqual(read(text, false), hashesOf(text, false));
  }
  assert.deepEqual(read(Buffer.from("short"), true), hashesOf(Buffer.from("short"), true));
});

test("the module is what its source says", async () => {
  const file = new URL("../../src/store/sqlite/word-hashes.wasm.ts", import.meta.url);
  assert.equal(await readFile(file, "utf8"), await wordHashesModule(), "npm run build:wat writes it");
});

function repeated(runs: readonly (readonly [text: string, times: number])[]): Buffer {
  return Buffer.from(runs.map(([text, times]) => text.repeat(times)).join(""), "latin1");
}
