/** Damaged files. Tearing at every byte is in `test/sinks/file.test.ts`. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileSink } from "sightline";
import { encode } from "../../src/core/record.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { figure } from "./lab/figures.ts";
import { host } from "./lab/host.ts";
import { readBack } from "./lab/read-back.ts";
import { flip, zero } from "./lab/tear.ts";

const root = mkdtempSync(join(tmpdir(), "sightline-fault-"));
after(() => rmSync(root, { recursive: true }));

let made = 0;
function freshPath(): string {
  const dir = join(root, String(made++));
  mkdirSync(dir);
  return join(dir, "traces.ndjson");
}

const RECORDS = ["first", "second", "third"].map((name) => sampleSpan({ spanId: name, name }));
const LINES = RECORDS.map((record) => Buffer.from(`${encode(record)}\n`));
const WHOLE = Buffer.concat(LINES);
const STARTS = [0, LINES[0]!.length, LINES[0]!.length + LINES[1]!.length];

function fileOf(bytes: Buffer): string {
  const path = freshPath();
  writeFileSync(path, bytes);
  return path;
}

/** Which of the three records are read as they were written, how many of other content, and how many lines are reported. */
async function survivors(path: string) {
  const { records, corrupt } = await readBack(path);
  const lines = new Set(records.map((record) => JSON.stringify(record)));
  const intact = RECORDS.filter((record) => lines.has(encode(record))).map(({ name }) => name);
  return { intact, changed: records.length - intact.length, corrupt: corrupt.length };
}

test("P8 a byte flipped at every offset of three records: only the damaged line is lost, and counted", async (t) => {
  for (let offset = 0; offset < WHOLE.length; offset++) {
    const damaged = STARTS.findLastIndex((start) => start <= offset);
    // Without its newline, a line and the next are one damaged line; the last line needs none to be whole.
    const isNewline = WHOLE[offset] === 10;
    const lost = isNewline ? [damaged, damaged + 1] : [damaged];
    const rest = RECORDS.filter((_, i) => !lost.includes(i)).map(({ name }) => name);
    const path = fileOf(WHOLE);
    flip(path, offset);
    assert.deepEqual(await survivors(path), { intact: rest, changed: 0, corrupt: 1 }, `at byte ${offset}`);

    if (!isNewline && offset % 16 > 0) continue;
    fileSink({ path }).writeSync!([sampleSpan({ name: "next" })]);
    const healed = await readBack(path);
    assert.equal(healed.records.at(-1)?.name, "next");
    assert.equal(healed.records.length, rest.length + 1);
    assert.equal(healed.corrupt.length, 1);
  }
  figure(
    t,
    `${WHOLE.length} offsets, 1 damaged line each, 0 others lost; without their newline (2 offsets), 2 records are 1 line`,
  );
});

test("P8 one bit flipped at every offset: no other line suffers, and what is left out is counted", async (t) => {
  let unseen = 0;
  for (let offset = 0; offset < WHOLE.length; offset++) {
    if (WHOLE[offset] === 10) continue;
    const damaged = STARTS.findLastIndex((start) => start <= offset);
    const path = fileOf(WHOLE);
    flip(path, offset, 1 << (offset % 8));
    const { intact, changed, corrupt } = await survivors(path);
    assert.deepEqual(
      intact,
      RECORDS.filter((_, i) => i !== damaged).map(({ name }) => name),
      `at byte ${offset}`,
    );
    // A new newline makes two damaged lines of one.
    assert.ok(changed === 1 ? corrupt === 0 : corrupt === 1 || corrupt === 2, `at byte ${offset}`);
    unseen += changed;
  }
  // Plain lines carry no checksum: a letter that became another one is for the spool to notice.
  assert.ok(unseen > 0);
  figure(
    t,
    `${WHOLE.length - 3} offsets, 0 other lines lost; ${unseen} times the line was still a record, of other content`,
  );
});

test("P8 a block of zeros in, over and behind the records: the lines it touches are lost, and counted", async () => {
  const middle = STARTS[1]! + 20;
  for (const [offset, length, intact, corrupt] of [
    [middle, 16, ["first", "third"], 1],
    [middle, LINES[1]!.length, ["first"], 1],
    [STARTS[1]!, WHOLE.length, ["first"], 1],
    [0, WHOLE.length, [], 1],
  ] as const) {
    const path = fileOf(WHOLE);
    zero(path, offset, length);
    assert.deepEqual(await survivors(path), { intact, changed: 0, corrupt });
  }
  // What a power failure leaves: the file has grown, the block was never written.
  const path = fileOf(Buffer.concat([WHOLE, Buffer.alloc(4096)]));
  assert.deepEqual((await survivors(path)).corrupt, 1);
  fileSink({ path }).writeSync!([sampleSpan({ name: "next" })]);
  const { records, corrupt } = await readBack(path);
  assert.deepEqual(
    records.map(({ name }) => name),
    ["first", "second", "third", "next"],
  );
  assert.deepEqual(
    corrupt.map(({ size }) => size),
    [4096],
  );
});

test("P8 the first write after a reopen begins with a newline exactly where the last byte is none", () => {
  for (const [before, isClosed] of [
    ["", true],
    ["\n", true],
    [WHOLE.toString(), true],
    [WHOLE.toString().trimEnd(), false],
    ["\0", false],
    ["{", false],
  ] as const) {
    const path = fileOf(Buffer.from(before));
    fileSink({ path }).writeSync!([RECORDS[0]!]);
    assert.equal(readFileSync(path, "utf8"), before + (isClosed ? "" : "\n") + LINES[0]);
  }
});

for (const durability of ["record", "batch"] as const) {
  const when = durability === "record" ? "is in the file" : "waits for its batch";
  test(`P7 as span.end() returns, a record ${when} with durability "${durability}"`, (t) => {
    const path = freshPath();
    const app = host(t, fileSink({ path, durability }));
    app.work(3);
    const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").length - 1 : 0;
    assert.deepEqual([lines, app.lane().queued], durability === "record" ? [3, 0] : [0, 3]);
  });
}
