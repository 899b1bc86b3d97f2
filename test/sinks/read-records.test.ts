import assert from "node:assert/strict";
import { mkdtempSync, promises, renameSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encode, type TraceRecord } from "../../src/core/record.ts";
import { fileSink } from "../../src/sinks/file.ts";
import { lineSplitter } from "../../src/sinks/lines.ts";
import { type CorruptLine, type ReadOptions, readRecords } from "../../src/sinks/read-records.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";

const root = mkdtempSync(join(tmpdir(), "sightline-read-"));
after(() => rmSync(root, { recursive: true }));

let made = 0;
function fileOf(...parts: (string | Buffer)[]): string {
  const path = join(root, `${made++}.ndjson`);
  writeFileSync(path, Buffer.concat(parts.map((part) => Buffer.from(part as string))));
  return path;
}

function line(name: string): string {
  return `${encode(sampleSpan({ name, spanId: name }))}\n`;
}

async function read(path: string, options: ReadOptions = {}) {
  const records: TraceRecord[] = [];
  const corrupt: CorruptLine[] = [];
  for await (const record of readRecords(path, { ...options, onCorrupt: (bad) => corrupt.push(bad) }))
    records.push(record);
  return { records, names: records.map(({ name }) => name), reasons: corrupt.map(({ reason }) => reason), corrupt };
}

test("what the file sink wrote comes back as it was, every kind of record", async () => {
  const path = join(root, "all.ndjson");
  const records = sampleRecords();
  fileSink({ path }).write(records);
  const { records: back, reasons } = await read(path);
  assert.deepEqual(
    back,
    records.map((record) => JSON.parse(encode(record))),
  );
  assert.deepEqual(reasons, []);
  assert.equal(({} as { polluted?: true }).polluted, undefined);
});

test("lines longer than a chunk, and lines that end exactly with it", async () => {
  for (const size of [65_534, 65_535, 65_536, 65_537, 200_000]) {
    const overhead = line("").length;
    const path = fileOf(line("x".repeat((size - overhead) / 2)), line("b"), line("c"));
    assert.deepEqual((await read(path)).names.slice(1), ["b", "c"]);
  }
});

test("a damaged line is left out and reported with its place, the others are read", async () => {
  const [a, b, c] = [line("a"), line("b"), line("c")];
  const cases: [string, Buffer, string][] = [
    ["a flipped byte in the structure", Buffer.from(b.replace('"record"', '"recorD"')), "record"],
    ["a lost quote", Buffer.from(b.replace('"', "")), "json"],
    [
      "a byte that is not UTF-8",
      Buffer.concat([Buffer.from(b).subarray(0, 30), Buffer.of(0xff), Buffer.from(b).subarray(31)]),
      "utf8",
    ],
    ["a block of zeros", Buffer.concat([Buffer.alloc(4096), Buffer.from("\n")]), "json"],
    ["JSON that is no record", Buffer.from('{"record":"span","name":1}\n'), "record"],
    ["a list", Buffer.from("[]\n"), "record"],
    ["null", Buffer.from("null\n"), "record"],
    ["an unknown kind", Buffer.from(b.replace('"span"', '"other"')), "record"],
    ["nesting without end", Buffer.from(`${"[".repeat(100_000)}\n`), "json"],
  ];
  for (const [what, bytes, reason] of cases) {
    const path = fileOf(a, bytes, c);
    const { names, corrupt } = await read(path);
    assert.deepEqual(names, ["a", "c"], what);
    assert.deepEqual(corrupt, [{ path, line: 2, offset: a.length, size: bytes.length - 1, reason }], what);
  }
});

test("blank lines, also of Windows, are nothing", async () => {
  const { names, reasons } = await read(fileOf("\n", line("a"), "\n\r\n", line("b").replace("\n", "\r\n"), "\n"));
  assert.deepEqual(names, ["a", "b"]);
  assert.deepEqual(reasons, []);
});

test("a line beyond the limit is skipped without being kept, wherever it ends", async () => {
  const limit = 100_000;
  const fits = line("").length - 1;
  const exact = line("x".repeat(10)).length - 1;
  assert.ok(exact > fits);
  assert.deepEqual((await read(fileOf(line("x".repeat(10))), { maxLineBytes: exact })).reasons, []);
  assert.deepEqual((await read(fileOf(line("x".repeat(10))), { maxLineBytes: exact - 1 })).reasons, ["too_long"]);
  const long = "x".repeat(1_000_000);
  assert.deepEqual(
    await read(fileOf(line("a"), `${long}\n`, line("b")), { maxLineBytes: limit }).then((r) => r.names),
    ["a", "b"],
  );
  assert.deepEqual((await read(fileOf(line("a"), long), { maxLineBytes: limit })).corrupt[0]?.size, 1_000_000);
});

test("the last line without a newline counts when it is whole", async () => {
  const { names, reasons } = await read(fileOf(line("a"), line("b").trimEnd()));
  assert.deepEqual(names, ["a", "b"]);
  assert.deepEqual(reasons, []);
});

test("without the file and without rotated ones it throws what the file system says", async () => {
  await assert.rejects(read(join(root, "none.ndjson")), { code: "ENOENT" });
  await assert.rejects(read(join(root, "no", "directory.ndjson")), { code: "ENOENT" });
});

test("rotated files alone are read too", async () => {
  const path = join(root, "rotating.ndjson");
  writeFileSync(join(root, "rotating-20241119T070640000Z-1-0.ndjson"), line("a") + line("b"));
  assert.deepEqual((await read(path)).names, ["a", "b"]);
});

test("a file that is rotated while it is read comes once", async (t) => {
  const path = join(root, "moving.ndjson");
  const rotated = join(root, "moving-20241119T070640000Z-1-0.ndjson");
  writeFileSync(path, line("a") + line("b"));
  const real = promises.open;
  const mocked = t.mock.method(promises, "open", async (from: string) => {
    const file = await real(from);
    if (from === path) renameSync(path, rotated);
    return file;
  });
  syncBuiltinESMExports();
  t.after(() => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  });
  assert.deepEqual((await read(path)).names, ["a", "b"]);
});

test("what lies beyond the limit of a line is not kept", async () => {
  setFlagsFromString("--expose-gc");
  const splitter = lineSplitter(1_000);
  const push = () => {
    const chunk = Buffer.alloc(100_000, "x");
    splitter.push(chunk);
    return new WeakRef(chunk.buffer);
  };
  const chunks = Array.from({ length: 10 }, push);
  await new Promise(setImmediate);
  runInNewContext("gc")();
  assert.equal(chunks.filter((chunk) => chunk.deref()).length, 0);
  assert.deepEqual(splitter.end(), { bytes: undefined, size: 1_000_000, offset: 0, number: 1 });
});

test("a reader that stops early leaves no file open", async (t) => {
  const path = fileOf(line("a"), line("b"));
  const opened = t.mock.method(promises, "open").mock;
  syncBuiltinESMExports();
  t.after(() => {
    opened.restore();
    syncBuiltinESMExports();
  });
  for await (const _ of readRecords(path)) break;
  assert.equal(opened.callCount(), 1);
  const handle = (await opened.calls[0]!.result) as { fd: number };
  assert.equal(handle.fd, -1);
});
