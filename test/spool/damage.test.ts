/** What a crash, a bad disk or a bad hand does to the files. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs, {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { encode } from "../../src/core/record.ts";
import { frame } from "../../src/spool/frame.ts";
import { spoolStatus } from "../../src/spool/status.ts";
import { crash, deadOwner, isDown, owners, place, replay, segments, span, spans, target, watched } from "./rig.ts";

const line = (id: string, input = ""): Buffer => Buffer.from(frame(encode(span(id, input))));
const name = (n: number): string => `${String(n).padStart(10, "0")}.log`;

/** A line of exactly so many bytes. */
function lineOf(bytes: number, id: string): Buffer {
  const exact = line(id, "x".repeat(bytes - line(id).length));
  assert.equal(exact.length, bytes);
  return exact;
}

/** A dead owner with these segments. */
function dead(dir: string, files: readonly Buffer[]): string {
  const path = deadOwner(dir);
  for (const [i, bytes] of files.entries()) writeFileSync(join(path, name(i + 1)), bytes);
  return path;
}

test("P8 torn tail at every byte of a 600-byte record: every other record is read back", async (t) => {
  const dir = place(t);
  const size = 600;
  const torn = Array.from({ length: size }, (_, n) =>
    Buffer.concat([lineOf(size, `${n}-a`), lineOf(size, `${n}-b`), lineOf(size, `${n}-c`).subarray(0, n)]),
  );
  dead(dir, torn);
  const { ids, books } = await replay(dir);
  const expected = torn.flatMap((_, n) => [`${n}-a`, `${n}-b`, ...(n === size - 1 ? [`${n}-c`] : [])]);
  assert.deepEqual(ids, expected, "only the newline missing is no damage");
  assert.deepEqual(books, {
    taken: 0,
    replayed: 2 * size + size - 1,
    written: 2 * size + 1,
    spooled: 0,
    dropped: { corrupt: size - 2 },
  });
  assert.deepEqual(owners(dir), []);
  t.diagnostic(
    `figure: ${size} torn tails, ${ids.length} of ${expected.length} whole records read back, ${size - 2} corrupt counted`,
  );
});

test("P8 a byte changed at every offset of a segment of three records: the other two are read back", async (t) => {
  let checked = 0;
  const changes: ((byte: number) => number)[] = [
    (b) => b ^ 1,
    (b) => b ^ 0x20,
    (b) => b ^ 0xff,
    () => 10,
    () => 0,
    () => 48,
  ];
  for (const change of changes) {
    const dir = place(t);
    const size = 460;
    const lines = (n: number) => [lineOf(size, `${n}-a`), lineOf(size, `${n}-b`), lineOf(size, `${n}-c`)];
    const expected: string[] = [];
    const files: Buffer[] = [];
    let corrupt = 0;
    for (let n = 0; n < 3 * size; n++) {
      const bytes = Buffer.concat(lines(n));
      const isSame = change(bytes[n]!) === bytes[n];
      bytes[n] = change(bytes[n]!);
      files.push(bytes);
      const isNewline = n % size === size - 1;
      const hit = isSame || isNewline ? -1 : Math.floor(n / size);
      if (hit !== -1) corrupt++;
      expected.push(...["a", "b", "c"].filter((_, i) => i !== hit).map((part) => `${n}-${part}`));
    }
    // In one file: damage must not reach beyond its own line either.
    dead(dir, [Buffer.concat(files)]);
    const { ids, books } = await replay(dir);
    assert.deepEqual(ids, expected);
    assert.deepEqual(books.dropped, corrupt > 0 ? { corrupt } : {}, "exactly the damaged record");
    assert.equal(books.spooled, 0);
    checked += files.length;
  }
  t.diagnostic(`figure: ${checked} changed bytes, every undamaged record read back, every damaged one counted`);
});

test("P8 a block of zeros: what it does not touch is read back", async (t) => {
  const dir = place(t);
  const bytes = Buffer.concat(Array.from({ length: 100 }, (_, i) => lineOf(500, `r${i}`)));
  bytes.fill(0, 20_480, 24_576);
  dead(dir, [bytes]);
  const { ids, books } = await replay(dir);
  const first = Math.floor(20_480 / 500);
  const last = Math.floor(24_575 / 500);
  assert.deepEqual(
    ids,
    [...Array(100).keys()].filter((i) => i < first || i > last).map((i) => `r${i}`),
  );
  assert.deepEqual(books.dropped, { corrupt: 1 }, "one stretch; how many lines it held cannot be known");
});

test("P8 a file that ends in zeros, as a power cut may leave it", async (t) => {
  const dir = place(t);
  dead(dir, [Buffer.concat([line("a"), line("b"), Buffer.alloc(1_000_000)])]);
  const { ids, books } = await replay(dir);
  assert.deepEqual(ids, ["a", "b"]);
  assert.deepEqual(books.dropped, { corrupt: 1 });
});

test("P8 missing, duplicate, empty and foreign segments", async (t) => {
  const dir = place(t);
  const path = dead(dir, [line("a"), line("b"), line("c"), Buffer.alloc(0)]);
  rmSync(join(path, name(2)));
  copyFileSync(join(path, name(3)), join(path, name(9)));
  mkdirSync(join(path, name(5)));
  symlinkSync("/etc/passwd", join(path, name(6)));
  writeFileSync(join(path, "notes.txt"), "not ours");
  const { ids, books } = await replay(dir);
  assert.deepEqual(ids, ["a", "c", "c"], "twice with the same ids");
  assert.deepEqual(books.dropped, {});
  const [left] = owners(dir);
  assert.deepEqual(readdirSync(left!).sort(), [name(5), name(6), "notes.txt"], "what is not ours stays");
  assert.deepEqual((await replay(dir)).ids, []);
});

test("P8 garbage in place of a checkpoint: from the beginning, duplicates and no losses", async (t) => {
  const position = frame(JSON.stringify({ segment: 1, offset: line("a").length }));
  const cases: [string, Buffer | string, string[]][] = [
    ["whole", position, ["b", "c"]],
    ["empty", "", ["a", "b", "c"]],
    ["text", "segment 1", ["a", "b", "c"]],
    ["flipped", position.replace("segment", "segmenu"), ["a", "b", "c"]],
    ["cut", position.slice(0, -4), ["a", "b", "c"]],
    ["numbers that make no sense", frame(JSON.stringify({ segment: -1, offset: 1e300 })), ["a", "b", "c"]],
    ["other JSON", frame("null"), ["a", "b", "c"]],
    ["large", Buffer.alloc(10_000_000, 120), ["a", "b", "c"]],
    ["beyond the file", frame(JSON.stringify({ segment: 1, offset: 10_000_000 })), ["c"]],
  ];
  for (const [title, checkpoint, expected] of cases) {
    const dir = place(t);
    const path = dead(dir, [Buffer.concat([line("a"), line("b")]), line("c")]);
    writeFileSync(join(path, "checkpoint"), checkpoint);
    assert.deepEqual((await replay(dir)).ids, expected, title);
  }
});

test("P8 a checkpoint that is a directory", async (t) => {
  const dir = place(t);
  mkdirSync(join(dead(dir, [line("a")]), "checkpoint"));
  const { ids, books } = await replay(dir);
  assert.deepEqual(ids, ["a"]);
  assert.equal(books.written, 1);
});

test("P8 a pipe in place of a checkpoint blocks nothing", async (t) => {
  const dir = place(t);
  execFileSync("mkfifo", [join(dead(dir, [line("a")]), "checkpoint")]);
  assert.deepEqual((await replay(dir)).ids, ["a"]);
});

test("P8 a line of two gigabytes is passed in bounded memory", async (t) => {
  // Where holes cost nothing to read, if there is such a place: elsewhere they fill the page cache, for ten seconds.
  const dir = place(t, existsSync("/dev/shm") ? "/dev/shm" : undefined);
  const path = dead(dir, [line("a")]);
  // Sparse: it takes no room on disk.
  const fd = openSync(join(path, name(1)), "r+");
  writeSync(fd, "7fffffff 7fffffff {", line("a").length);
  ftruncateSync(fd, 2 ** 31);
  closeSync(fd);
  appendFileSync(join(path, name(1)), Buffer.concat([Buffer.from("\n"), line("b")]));
  const before = process.memoryUsage();
  let most = 0;
  const timer = setInterval(() => {
    const { heapUsed, external } = process.memoryUsage();
    most = Math.max(most, heapUsed + external - before.heapUsed - before.external);
  }, 5);
  // The bound of the spool is above the file's size, or it would be given up unread.
  const { ids, books } = await replay(dir, target(), { maxBytes: 2 ** 33 });
  clearInterval(timer);
  assert.deepEqual(ids, ["a", "b"]);
  assert.deepEqual(books.dropped, { corrupt: 1 });
  assert.ok(most < 64 * 1024 ** 2, `${most} bytes`);
  t.diagnostic(`figure: a line of 2,048 MiB passed with ${Math.ceil(most / 1024 ** 2)} MiB`);
});

test("P8 lengths that lie do not swallow their neighbours", async (t) => {
  const dir = place(t);
  const lying = (length: number) => Buffer.from(`00000000 ${length.toString(16).padStart(8, "0")} {}\n`);
  dead(
    dir,
    [0, 1, 50, 460, 1_000, 300_000, 16 * 1024 ** 2, 2 ** 31].map((length, n) =>
      Buffer.concat([line(`${n}-a`), lying(length), line(`${n}-b`), line(`${n}-c`)]),
    ),
  );
  const { ids, books } = await replay(dir);
  assert.equal(ids.length, 24);
  assert.deepEqual(books.dropped, { corrupt: 8 });
});

test("P8 whole lines that hold no record are counted", async (t) => {
  const dir = place(t);
  const texts = ["{}", "null", "[]", '{"record":"span"}', "not json", ""];
  dead(dir, [Buffer.from(texts.map(frame).join("") + line("a").toString())]);
  const { ids, books } = await replay(dir);
  assert.deepEqual(ids, ["a"]);
  assert.deepEqual(books.dropped, { corrupt: texts.length });
});

test("P6 __proto__ keys in a line pollute nothing and survive as data", async (t) => {
  const dir = place(t);
  const json = encode(span("a")).replace(
    '"input":""',
    '"input":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}},"__proto__":{"polluted":1}',
  );
  dead(dir, [Buffer.from(frame(json))]);
  writeFileSync(join(owners(dir)[0]!, "checkpoint"), frame('{"segment":0,"offset":0,"__proto__":{"polluted":1}}'));
  const lines: string[] = [];
  const { ids } = await replay(
    dir,
    target((batch) => void lines.push(...batch.map(encode))),
  );
  assert.deepEqual(ids, ["a"]);
  assert.equal(({} as any).polluted, undefined);
  assert.match(lines[0]!, /"input":\{"__proto__":\{"polluted":1\}/);
});

test("P22 a live segment that is damaged under our hands is counted, and flush ends", async (t) => {
  const dir = place(t);
  let isFirst = true;
  const inner = target(() => {
    if (isFirst) isFirst = false;
  });
  const { sink, write, books } = watched(inner, { dir });
  t.after(() => sink.close!());
  await write(spans(3));
  const [path] = segments(owners(dir)[0]!);
  const fd = openSync(path!, "r+");
  writeSync(fd, "#", 700);
  closeSync(fd);
  await sink.flush!();
  await write(spans(2, "later"));
  await sink.flush!();
  const { written, spooled, dropped } = books();
  assert.deepEqual({ written, spooled, dropped }, { written: 4, spooled: 0, dropped: { corrupt: 1 } });
});

test("P22 what has been read and is not yet in flight is not taken for damaged", async (t) => {
  const dir = place(t);
  dead(dir, [Buffer.concat(Array.from({ length: 400 }, (_, i) => lineOf(1_000, `r${i}`)))]);
  // The first window is delivered while the second has been read and its file is still being closed.
  const open = fs.promises.open;
  t.mock.method(fs.promises, "open", async (...args: Parameters<typeof open>) => {
    const file = await open(...args);
    const close = file.close.bind(file);
    file.close = () => new Promise<void>((resolve) => setTimeout(resolve, 30)).then(close);
    return file;
  });
  const { ids, books } = await replay(dir);
  assert.equal(ids.length, 400);
  assert.deepEqual(books, { taken: 0, replayed: 400, written: 400, spooled: 0, dropped: {} });
});

test("P22 a live segment that is cut short under our hands", async (t) => {
  const dir = place(t);
  const { sink, write, books } = watched(target(), { dir });
  t.after(() => sink.close!());
  await write(spans(4));
  truncateSync(segments(owners(dir)[0]!)[0]!, 100);
  await sink.flush!();
  const { written, spooled, dropped } = books();
  assert.deepEqual({ written, spooled, dropped }, { written: 0, spooled: 0, dropped: { corrupt: 4 } });
});

test("the checksum is the usual CRC-32 of length and JSON", () => {
  const [crc, ...rest] = frame('{"é":1}').trimEnd().split(" ");
  assert.equal(crc, crc32(rest.join(" ")).toString(16).padStart(8, "0"));
  assert.equal(Number.parseInt(rest[0]!, 16), Buffer.byteLength('{"é":1}'));
});

test("status says who has what, and changes nothing", async (t) => {
  const dir = place(t);
  assert.deepEqual(await spoolStatus(dir), []);
  const { sink, write } = watched(target(isDown), { dir, segmentBytes: 1_000 });
  await write(spans(3));
  await write(spans(2, "more"));
  dead(dir, [Buffer.concat([line("a"), Buffer.from("damaged\n")])]);
  const before = readdirSync(join(dir, "target")).sort();
  const [old, own] = await spoolStatus(dir);
  assert.deepEqual([old!.isLiving, old!.pid, old!.segments, old!.waiting], [false, 0, 1, 2]);
  assert.deepEqual([own!.isLiving, own!.pid, own!.segments, own!.waiting], [true, process.pid, 2, 5]);
  assert.equal(own!.sink, "target");
  assert.equal(
    own!.bytes,
    segments(own!.path).reduce((sum, path) => sum + readFileSync(path).length, 0),
  );
  assert.deepEqual(readdirSync(join(dir, "target")).sort(), before);
  await sink.close!();
  assert.equal((await spoolStatus(crash(dir))).length, 2);
});
