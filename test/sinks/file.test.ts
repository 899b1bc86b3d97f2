import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import fs, {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { encode, type TraceRecord } from "../../src/core/record.ts";
import { fileSink } from "../../src/sinks/file.ts";
import { type CorruptLine, readRecords } from "../../src/sinks/read-records.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";

const root = mkdtempSync(join(tmpdir(), "sightline-file-"));
after(() => rmSync(root, { recursive: true }));

let made = 0;
function freshPath(): string {
  return join(root, String(made++), "traces.ndjson");
}

function span(name: string, input = ""): TraceRecord {
  return sampleSpan({ spanId: name, name, input });
}

async function read(path: string): Promise<{ names: string[]; corrupt: CorruptLine[] }> {
  const names: string[] = [];
  const corrupt: CorruptLine[] = [];
  for await (const record of readRecords(path, { onCorrupt: (line) => corrupt.push(line) })) names.push(record.name);
  return { names, corrupt };
}

/** Replaces `fs.writeSync` for this test, in every module. */
function onWriteSync(t: TestContext, write: (real: typeof fs.writeSync, ...args: [number, Buffer, number]) => number) {
  const real = fs.writeSync;
  const mocked = t.mock.method(fs, "writeSync", (...args: [number, Buffer, number]) => write(real, ...args));
  syncBuiltinESMExports();
  t.after(() => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  });
  return mocked.mock;
}

sinkContract(() => fileSink({ path: freshPath() }));

test("a batch is one write of one line for each record", (t) => {
  const path = freshPath();
  const sink = fileSink({ path });
  const calls = onWriteSync(t, (real, ...args) => real(...args));
  const records = sampleRecords();
  sink.write(records);
  assert.equal(calls.callCount(), 1);
  assert.equal(readFileSync(path, "utf8"), records.map((record) => `${encode(record)}\n`).join(""));
});

test("nothing is touched before the first write; then the directory has 0700 and the file 0600", () => {
  const before = process.umask(0);
  try {
    const path = freshPath();
    const sink = fileSink({ path: join(path, "deeper", "a.ndjson") });
    assert.equal(existsSync(path), false);
    sink.write([]);
    assert.equal(existsSync(path), false);
    sink.write([span("a")]);
    assert.equal(statSync(path).mode & 0o777, 0o700);
    assert.equal(statSync(join(path, "deeper")).mode & 0o777, 0o700);
    assert.equal(statSync(join(path, "deeper", "a.ndjson")).mode & 0o777, 0o600);
  } finally {
    process.umask(before);
  }
});

test("P8 a torn tail, at every byte offset of a 300-byte record: every other record is read back", async (t) => {
  const [first, torn, next] = [span("first"), span("torn"), span("next")];
  const lines = Buffer.from(`${encode(first)}\n${encode(torn)}\n`);
  const start = Buffer.byteLength(encode(first)) + 1;
  assert.ok(lines.length - start >= 300);
  for (let length = start; length <= lines.length; length++) {
    const path = freshPath();
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, lines.subarray(0, length));
    const isWhole = length >= lines.length - 1;

    const before = await read(path);
    assert.deepEqual(before.names, isWhole ? ["first", "torn"] : ["first"]);
    assert.deepEqual(
      before.corrupt.map(({ reason, line, offset, size }) => ({ reason, line, offset, size })),
      isWhole || length === start ? [] : [{ reason: "torn", line: 2, offset: start, size: length - start }],
    );

    fileSink({ path }).write([next]);
    const healed = await read(path);
    assert.deepEqual(healed.names, isWhole ? ["first", "torn", "next"] : ["first", "next"], `at byte ${length}`);
    assert.equal(healed.corrupt.length, isWhole || length === start ? 0 : 1);
  }
  t.diagnostic(`figure: ${lines.length - start + 1} offsets, 0 other records lost`);
});

test("a tail that another process tears while the file is open is healed too", async () => {
  const path = freshPath();
  const sink = fileSink({ path });
  sink.write([span("a")]);
  appendFileSync(path, encode(span("other")).slice(0, 40));
  sink.write([span("b")]);
  sink.write([span("c")]);
  const { names, corrupt } = await read(path);
  assert.deepEqual(names, ["a", "b", "c"]);
  assert.equal(corrupt.length, 1);
});

test("short writes go on until all is written", (t) => {
  const path = freshPath();
  const calls = onWriteSync(t, (real, fd, bytes, from) => real(fd, bytes, from, Math.min(100, bytes.length - from)));
  fileSink({ path }).write([span("a"), span("b")]);
  assert.equal(calls.callCount(), Math.ceil(statSync(path).size / 100));
  assert.equal(readFileSync(path, "utf8"), `${encode(span("a"))}\n${encode(span("b"))}\n`);
});

test("a disk that fills up in the middle of a batch leaves whole lines, and takes the batch when there is room", async (t) => {
  const path = freshPath();
  const sink = fileSink({ path });
  sink.write([span("before")]);
  let room = encode(span("a")).length + 30;
  const mock = onWriteSync(t, (real, fd, bytes, from) => {
    if (room === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    const length = Math.min(room, bytes.length - from);
    room -= length;
    return real(fd, bytes, from, length);
  });
  assert.throws(() => sink.write([span("a"), span("b")]), { name: "SinkError", retry: "later", message: /ENOSPC/ });
  assert.equal(mock.callCount(), 2);
  assert.equal(readFileSync(path, "utf8"), `${encode(span("before"))}\n${encode(span("a"))}\n`);
  assert.throws(() => sink.write([span("a"), span("b")]), { retry: "later" });
  room = 1e6;
  sink.write([span("a"), span("b")]);
  const { names, corrupt } = await read(path);
  assert.deepEqual(names, ["before", "a", "a", "b"]);
  assert.deepEqual(corrupt, []);
});

test("what another process appended behind a short write is not cut", (t) => {
  const path = freshPath();
  const sink = fileSink({ path });
  let calls = 0;
  onWriteSync(t, (real, fd, bytes, from) => {
    if (calls++ === 0) return real(fd, bytes, from, 20);
    appendFileSync(path, `\n${encode(span("other"))}\n`);
    throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
  });
  assert.throws(() => sink.write([span("a")]), { retry: "later" });
  assert.match(readFileSync(path, "utf8"), /"other"/);
});

test("a device without room is a state, not a crash", () => {
  const sink = fileSink({ path: "/dev/full" });
  assert.throws(() => sink.write([span("a")]), { name: "SinkError", retry: "later", message: /ENOSPC/ });
  assert.throws(() => sink.writeSync([span("a")]), { retry: "later" });
});

test("a file that was moved, removed, or lost with its directory is made anew", async () => {
  const path = freshPath();
  const sink = fileSink({ path });
  sink.write([span("a")]);
  renameSync(path, `${path}.old`);
  sink.write([span("b")]);
  assert.deepEqual((await read(path)).names, ["b"]);
  rmSync(path);
  writeFileSync(path, "");
  sink.write([span("c")]);
  assert.deepEqual((await read(path)).names, ["c"]);
  rmSync(join(path, ".."), { recursive: true });
  sink.write([span("d")]);
  assert.deepEqual((await read(path)).names, ["d"]);
  assert.equal(statSync(join(path, "..")).mode & 0o777, 0o700);
});

test("a full file is rotated before it would grow beyond maxBytes; readers see all in order", async () => {
  const path = freshPath();
  const maxBytes = 2_000;
  const sink = fileSink({ path, maxBytes, maxTotalBytes: 1e6 });
  const names = Array.from({ length: 40 }, (_, i) => `span ${i}`);
  for (const name of names) sink.write([span(name)]);
  const files = readdirSync(join(path, ".."));
  assert.ok(files.length > 5);
  assert.equal(sink.rotation().rotations, files.length - 1);
  for (const file of files) {
    assert.match(file, /^traces(-\d{8}T\d{9}Z-\d+-\d+)?\.ndjson$/);
    assert.ok(statSync(join(path, "..", file)).size <= maxBytes);
    assert.equal(statSync(join(path, "..", file)).mode & 0o777, 0o600);
  }
  assert.deepEqual(await read(path), { names, corrupt: [] });
});

test("a batch that is larger than maxBytes has a file of its own", async () => {
  const path = freshPath();
  const sink = fileSink({ path, maxBytes: 1_000, maxTotalBytes: 1e6 });
  sink.write([span("small")]);
  sink.write([span("large", "x".repeat(5_000))]);
  sink.write([span("last")]);
  assert.equal(readdirSync(join(path, "..")).length, 3);
  assert.deepEqual((await read(path)).names, ["small", "large", "last"]);
});

test("files rotated in the same millisecond have names of their own", async () => {
  const path = freshPath();
  const clock = { epochMs: () => 1_732_000_000_000, monotonicMs: () => 0 };
  const sink = fileSink({ path, maxBytes: 10, maxTotalBytes: 1e6, clock });
  const names = Array.from({ length: 12 }, (_, i) => String(i));
  for (const name of names) sink.write([span(name)]);
  assert.ok(existsSync(path.replace(".ndjson", `-20241119T070640000Z-${process.pid}-10.ndjson`)));
  assert.deepEqual((await read(path)).names, names);
});

test("another process that rotates first does no harm", async (t) => {
  const path = freshPath();
  const sink = fileSink({ path, maxBytes: 10, maxTotalBytes: 1e6 });
  sink.write([span("a")]);
  const real = fs.renameSync;
  const mocked = t.mock.method(fs, "renameSync", (from: string) => {
    real(from, path.replace(".ndjson", "-20241119T070640000Z-1-0.ndjson"));
    real(from, "nowhere");
  });
  syncBuiltinESMExports();
  t.after(() => {
    mocked.mock.restore();
    syncBuiltinESMExports();
  });
  sink.write([span("b")]);
  assert.deepEqual((await read(path)).names, ["a", "b"]);
  assert.equal(sink.rotation().rotations, 0);
});

test("an old file is rotated by the next batch", () => {
  const path = freshPath();
  let now = Date.now();
  const sink = fileSink({ path, maxAgeMs: 60_000, clock: { epochMs: () => now, monotonicMs: () => 0 } });
  sink.write([span("a")]);
  now += 59_000;
  sink.write([span("b")]);
  assert.equal(sink.rotation().rotations, 0);
  now += 2_000;
  sink.write([span("c")]);
  assert.equal(sink.rotation().rotations, 1);
  assert.equal(readFileSync(path, "utf8"), `${encode(span("c"))}\n`);
});

test("the oldest files are removed beyond maxTotalBytes, and counted; other files are not touched", async () => {
  const path = freshPath();
  const sink = fileSink({ path, maxBytes: 1_000, maxTotalBytes: 4_000 });
  sink.write([span("0")]);
  const others = ["traces-mine.ndjson", "traces.ndjson.bak", "other-20241119T070640000Z-1-0.ndjson"];
  for (const other of others) writeFileSync(join(path, "..", other), "x".repeat(9_000));
  for (let i = 1; i < 40; i++) sink.write([span(String(i))]);
  const files = readdirSync(join(path, "..")).filter((name) => !others.includes(name));
  const total = files.reduce((sum, name) => sum + statSync(join(path, "..", name)).size, 0);
  assert.ok(total <= 4_000 && total > 2_000, `${total} bytes`);
  const { names } = await read(path);
  assert.deepEqual(
    names,
    Array.from({ length: names.length }, (_, i) => String(40 - names.length + i)),
  );
  const { rotations, removedFiles, removedBytes } = sink.rotation();
  assert.equal(removedFiles, rotations + 1 - files.length);
  assert.ok(removedBytes > 0);
  for (const other of others) assert.equal(statSync(join(path, "..", other)).size, 9_000);
});

for (const maxBytes of [1e9, 200_000]) {
  test(`two processes append to one file, ${maxBytes} bytes a file: every record is there, whole, once`, async () => {
    const path = freshPath();
    const appender = fileURLToPath(new URL("appender.ts", import.meta.url));
    const run = async (id: string) => {
      const args = ["--import", "tsx", appender, path, id, "100", String(maxBytes)];
      const [code] = await once(spawn(process.execPath, args, { stdio: "inherit" }), "close");
      assert.equal(code, 0);
    };
    await Promise.all([run("a"), run("b")]);
    const seen: string[] = [];
    const corrupt: CorruptLine[] = [];
    for await (const record of readRecords(path, { onCorrupt: (line) => corrupt.push(line) }))
      seen.push(record.spanId!);
    assert.deepEqual(corrupt, []);
    assert.equal(seen.length, 2_000);
    assert.equal(new Set(seen).size, 2_000);
    if (maxBytes < 1e9) assert.ok(readdirSync(join(path, "..")).length > 10);
  });
}

test("a symbolic link is refused: at once where it is, by the write where it comes later", () => {
  const path = freshPath();
  mkdirSync(join(path, ".."), { recursive: true });
  const target = join(path, "..", "target");
  writeFileSync(target, "");
  const sink = fileSink({ path });
  symlinkSync(target, path);
  assert.throws(() => sink.write([span("a")]), { name: "SinkError", retry: "never", message: /ELOOP/ });
  assert.equal(statSync(target).size, 0);
  assert.throws(() => fileSink({ path }), { name: "ConfigError", code: "CONFIG_FILE_PATH", message: /symbolic link/ });
  assert.ok(lstatSync(path).isSymbolicLink());
});

test("a pipe is refused, not waited for", () => {
  const path = freshPath();
  mkdirSync(join(path, ".."), { recursive: true });
  execFileSync("mkfifo", [path]);
  assert.throws(() => fileSink({ path }).write([span("a")]), { name: "SinkError", retry: "never", message: /no file/ });
});

test("a path below a file can never be written", () => {
  const path = freshPath();
  const below = fileSink({ path: join(path, "b.ndjson") });
  fileSink({ path }).write([span("a")]);
  assert.throws(() => below.write([span("b")]), { name: "SinkError", retry: "never" });
  assert.throws(() => fileSink({ path: join(path, "b.ndjson") }), { name: "ConfigError", message: /below a file/ });
});

test("the path is taken where the program was when it said it", () => {
  const path = freshPath();
  const before = process.cwd();
  process.chdir(root);
  try {
    const sink = fileSink({ path: "relative.ndjson" });
    process.chdir(before);
    sink.write([span("a")]);
    assert.ok(existsSync(join(root, "relative.ndjson")));
  } finally {
    process.chdir(before);
  }
  assert.equal(existsSync(path), false);
});

test("options that make no sense are told at once", () => {
  const path = freshPath();
  const bad = (options: object) => () => fileSink(options as never);
  assert.throws(bad({}), { name: "ConfigError", code: "CONFIG_FILE_PATH" });
  assert.throws(bad({ path: "" }), { code: "CONFIG_FILE_PATH" });
  assert.throws(bad({ path: 1 }), { code: "CONFIG_FILE_PATH" });
  assert.throws(bad({ path: "a\0b" }), { code: "CONFIG_FILE_PATH" });
  assert.throws(bad({ path: root }), { code: "CONFIG_FILE_PATH", message: /directory/ });
  assert.throws(bad({ path: `${path}/` }), { code: "CONFIG_FILE_PATH", message: /directory/ });
  assert.throws(bad({ path, maxBytes: 0 }), { code: "CONFIG_SINK_OPTION" });
  assert.throws(bad({ path, maxBytes: "64MB" }), { code: "CONFIG_SINK_OPTION" });
  assert.throws(bad({ path, maxBytes: 2e9 }), { code: "CONFIG_SINK_OPTION", message: /maxTotalBytes/ });
  assert.throws(bad({ path, durability: "always" }), { code: "CONFIG_SINK_OPTION", message: /durability/ });
  assert.throws(bad({ path, maxSize: 5 }), { code: "CONFIG_UNKNOWN_OPTION" });
});

test("the name tells files apart", () => {
  assert.equal(fileSink({ path: freshPath() }).name, "file:traces.ndjson");
  assert.equal(fileSink({ path: freshPath(), name: "audit" }).name, "audit");
});

test("a folder that a special file system refuses is an error, not an endless loop", () => {
  const sink = fileSink({ path: "/proc/nope/deeper/traces.ndjson" });
  assert.throws(() => sink.writeSync(sampleRecords()), { name: "SinkError", retry: "later" });
});
