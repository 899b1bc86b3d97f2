import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { wordHashesModule } from "../../scripts/wat.js";
import { hashWords } from "../../src/store/sqlite/word-hashes.ts";
import { hashWordsPlainly } from "../../src/store/sqlite/word-hashes-plain.ts";
import { holds } from "../fuzz/property.ts";

/** Files that are there already have these hashes. */
function hashesOf(text: Uint8Array, isCut: boolean): number[] {
  return read(text, isCut, hashWordsPlainly);
}

function read(text: Uint8Array, isCut: boolean, hash = hashWords): number[] {
  const hashes: number[] = [];
  hash(text, isCut, (pairs, count) => hashes.push(...pairs.subarray(0, 2 * count)));
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

test("words have these hashes in files that are there", () => {
  const text = Buffer.from("Why does the RUN fail? 42 x\xe9y", "latin1");
  const known = [
    1380844607, -649328896, 1074972638, -659247341, 1754049556, 1670312277, 1572169676, -808826979, 328891833,
    -322942768, -852288569, 614794414, -934640621, 174423512, -1297073911, 1714906989,
  ];
  assert.deepEqual(read(text, false), known);
  assert.deepEqual(hashesOf(text, false), known);
});

test("without WebAssembly, or addresses for its memory, words are hashed in JavaScript", async () => {
  const program = `
    import { hashWords } from "./src/store/sqlite/word-hashes.ts";
    const hashes = [];
    hashWords(Buffer.from("why it fails"), true, (pairs, count) => hashes.push(...pairs.subarray(0, 2 * count)));
    console.log(JSON.stringify([typeof WebAssembly, hashes]));`;
  for (const [kind, start] of [
    ["undefined", "delete globalThis.WebAssembly;"],
    ["object", "WebAssembly.Instance = class { constructor() { throw new RangeError('no room'); } };"],
  ] as const) {
    const args = [
      "--conditions=@sightline/source",
      "--import",
      "tsx",
      "--input-type=module",
      "--eval",
      start + program,
    ];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: new URL("../..", import.meta.url) });
    assert.deepEqual(JSON.parse(stdout), [kind, hashesOf(Buffer.from("why it fails"), true)]);
  }
});

test("the module is what its source says", async () => {
  const file = new URL("../../src/store/sqlite/word-hashes.wasm.ts", import.meta.url);
  assert.equal(await readFile(file, "utf8"), await wordHashesModule(), "npm run build:wat writes it");
});

function repeated(runs: readonly (readonly [text: string, times: number])[]): Buffer {
  return Buffer.from(runs.map(([text, times]) => text.repeat(times)).join(""), "latin1");
}
