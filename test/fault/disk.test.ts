/** Disks that fill up, turn read-only or vanish: a state, not a crash. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileSink } from "sightline";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { figure } from "./lab/figures.ts";
import { host } from "./lab/host.ts";
import { readBack } from "./lab/read-back.ts";
import { TINY_DISKS, tmpfs } from "./lab/tiny-disk.ts";

const root = mkdtempSync(join(tmpdir(), "sightline-fault-"));
after(() => rmSync(root, { recursive: true }));

let made = 0;
function freshPath(): string {
  const dir = join(root, String(made++));
  mkdirSync(dir);
  return join(dir, "traces.ndjson");
}

for (const { how, make } of TINY_DISKS) {
  test(`P9 a full disk is a state (${how}): the application goes on, whole lines stay, all is written when there is space`, async (t) => {
    const { path, fill, free } = make(t);
    const app = host(t, fileSink({ path }));
    app.work(20);
    await app.advance(2_000);
    assert.equal(app.lane().written, 20);

    fill();
    app.work(30);
    await app.advance(20_000);
    assert.equal(app.lane().written, 20);
    assert.equal(app.lane().queued, 30);
    assert.match(app.lane().lastError!, /ENOSPC|EFBIG/);
    const full = readFileSync(path, "utf8");
    assert.ok(full.endsWith("\n"), "a short write was cut back to the last newline");
    const { corrupt, records } = await readBack(path);
    assert.deepEqual(corrupt, []);
    assert.ok(records.length > 20, "the disk took a part of the batch");

    app.work(30);
    free();
    await app.advance(31_000);
    assert.equal(app.lane().written, 80);
    const names = new Set((await readBack(path)).records.map(({ name }) => name));
    assert.deepEqual(
      [...names],
      Array.from({ length: 80 }, (_, i) => `work ${i}`),
    );
    figure(t, `80 records, 0 lost, ${app.lane().retries} retries`);
  });

  test(`P9 a disk that stays full (${how}): what is given up is counted, what comes later is written`, async (t) => {
    const { path, fill, free } = make(t);
    const app = host(t, fileSink({ path }));
    app.work(1);
    await app.advance(2_000);
    fill();
    app.work(30);
    await app.advance(6 * 60_000);
    assert.deepEqual(app.lane().dropped, { gave_up: 30 });
    free();
    app.work(10);
    await app.advance(31_000);
    assert.equal(app.lane().written, 11);
    const { records, corrupt } = await readBack(path);
    assert.deepEqual(corrupt, []);
    assert.deepEqual(
      records.slice(-10).map(({ name }) => name),
      Array.from({ length: 10 }, (_, i) => `work ${31 + i}`),
    );
  });
}

for (const { how, make } of TINY_DISKS.slice(0, 1)) {
  test(`P9 a full disk (${how}) with durability "record": spans wait in memory, and are written when there is space`, async (t) => {
    const { path, fill, free } = make(t);
    const app = host(t, fileSink({ path, durability: "record" }));
    app.work(5);
    assert.equal(app.lane().written, 5);
    fill();
    app.work(40);
    assert.ok(app.lane().queued > 0);
    free();
    await app.advance(31_000);
    app.work(1);
    assert.deepEqual([app.lane().written, app.lane().queued], [46, 0]);
    const { records } = await readBack(path);
    assert.equal(new Set(records.map(({ name }) => name)).size, 46);
  });
}

if (TINY_DISKS.some(({ how }) => how.startsWith("tmpfs"))) {
  test("P9 a file system that turns read-only (tmpfs, remounted): records wait, and are written once it is writable", async (t) => {
    const { path, fill, free, remount } = tmpfs(t);
    const app = host(t, fileSink({ path }));
    app.work(5);
    await app.advance(2_000);
    // After a failure the sink lets go of the file, without which no file system can be made read-only.
    fill();
    app.work(50);
    await app.advance(2_000);
    free();
    remount("ro");
    await app.advance(20_000);
    assert.match(app.lane().lastError!, /EROFS/);
    assert.equal(app.lane().queued, 50);
    remount("rw");
    await app.advance(31_000);
    assert.equal(app.lane().written, 55);
    const { records, corrupt } = await readBack(path);
    assert.equal(new Set(records.map(({ name }) => name)).size, 55);
    assert.deepEqual(corrupt, []);
  });
}

test("P9 a deleted directory is made anew; what was in it is gone, what comes is not", async (t) => {
  const path = freshPath();
  const app = host(t, fileSink({ path }));
  app.work(5);
  await app.advance(2_000);
  rmSync(dirname(path), { recursive: true });
  app.work(5);
  await app.advance(2_000);
  assert.equal(app.lane().written, 10);
  assert.deepEqual(
    (await readBack(path)).records.map(({ name }) => name),
    ["work 5", "work 6", "work 7", "work 8", "work 9"],
  );
});

test("P9 a file in the directory's place: records are dropped and counted until it is gone", async (t) => {
  const path = freshPath();
  const app = host(t, fileSink({ path }));
  rmSync(dirname(path), { recursive: true });
  writeFileSync(dirname(path), "in the way");
  app.work(5);
  await app.advance(2_000);
  assert.deepEqual(app.lane().dropped, { rejected_by_sink: 5 });
  assert.match(app.lane().lastError!, /ENOTDIR/);
  rmSync(dirname(path));
  app.work(5);
  await app.advance(2_000);
  assert.equal(app.lane().written, 5);
  assert.equal((await readBack(path)).records.length, 5);
});

if (existsSync("/dev/full")) {
  test("P9 a device without room (/dev/full): the application goes on, the records wait", async (t) => {
    const app = host(t, fileSink({ path: "/dev/full" }));
    app.work(10);
    await app.advance(10_000);
    assert.equal(app.lane().queued, 10);
    assert.match(app.lane().lastError!, /ENOSPC/);
  });
}

test("P9 rotated files that are small and many: the oldest beyond 1,000 are removed, by the next process too", () => {
  const path = freshPath();
  const stamp = (n: number) => `traces-20241119T07064${String(n).padStart(4, "0")}Z-1-0.ndjson`;
  for (let n = 0; n < 1_200; n++) writeFileSync(join(dirname(path), stamp(n)), "{}\n");
  const sink = fileSink({ path });
  sink.writeSync!([sampleSpan()]);
  assert.deepEqual(readdirSync(dirname(path)).sort(), [
    ...Array.from({ length: 1_000 }, (_, i) => stamp(200 + i)),
    "traces.ndjson",
  ]);
  assert.equal(sink.rotation().removedFiles, 200);
});

test("P9 maxTotalBytes and maxBytes hold for what an earlier process left and for one large batch", () => {
  const path = freshPath();
  for (const n of [1, 2, 3])
    writeFileSync(join(dirname(path), `traces-20241119T070640000Z-1-${n}.ndjson`), "x".repeat(9_000));
  const sink = fileSink({ path, maxBytes: 2_000, maxTotalBytes: 13_000 });
  sink.writeSync!(Array.from({ length: 20 }, (_, i) => sampleSpan({ name: `é ${i}` })));
  const sizes = readdirSync(dirname(path)).map((name) => readFileSync(join(dirname(path), name)).length);
  assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 13_000, String(sizes));
  assert.deepEqual(
    sizes.filter((size) => size > 2_000),
    [],
  );
});
