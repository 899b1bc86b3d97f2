/** Disks that are full, broken, read-only or without power. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs, { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { cleanUp, crash, isDown, owners, place, replay, segments, spans, target, watched } from "./rig.ts";

/** A file system of so many KiB of its own. */
function tmpfs(t: TestContext, kib: number): string {
  const path = mkdtempSync(join(tmpdir(), "sightline-tmpfs-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${kib}k`, "tmpfs", path]);
  t.after(() => {
    execFileSync("umount", ["-l", path]);
    rmSync(path, { recursive: true });
  });
  return path;
}

/** Some containers give root no right to mount. */
function canMount(): boolean {
  const path = mkdtempSync(join(tmpdir(), "sightline-tmpfs-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", path], { stdio: "ignore" });
    execFileSync("umount", ["-l", path]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(path, { recursive: true });
  }
}

/** `write` fails with ENOSPC after so many bytes; before that it is short, as a disk that fills up is. */
function limitWrites(t: TestContext, room: { bytes: number }): void {
  const real = fs.writeSync;
  t.mock.method(fs, "writeSync", (fd: number, bytes: Buffer, from: number) => {
    const count = Math.min(bytes.length - from, room.bytes);
    if (count === 0) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    room.bytes -= count;
    return real(fd, bytes, from, count);
  });
}

async function fillUp(t: TestContext, dir: string, makeRoom: () => void): Promise<void> {
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  const { sink, write, books } = watched(inner, { dir, clock });
  cleanUp(t, sink);
  let onDisk = 0;
  let refused = 0;
  for (let i = 0; i < 60; i++) {
    try {
      // With the sink down too, the lane in front gets the sink's error and keeps the batch in memory.
      await write(spans(10, `b${i}-`, "x".repeat(500)));
      onDisk += 10;
    } catch (error) {
      assert.match((error as Error).message, /connection refused/);
      refused += 10;
    }
  }
  assert.ok(onDisk > 0 && refused > 0, `${onDisk} on disk, ${refused} refused`);
  assert.equal(books().spooled, onDisk, "all that was taken, and nothing of what was not");
  assert.match(sink.stats!().lastError!, /ENOSPC/);
  for (const path of segments(owners(dir)[0]!)) {
    const text = readFileSync(path, "utf8");
    assert.ok(text === "" || text.endsWith("\n"), "cut back to whole lines");
  }

  isUp = true;
  // Larger than what was refused: that it does not fit either is sure.
  await write(spans(10, "direct", "x".repeat(2_000)));
  assert.deepEqual(
    inner.ids,
    spans(10, "direct").map(({ spanId }) => spanId),
    "delivered without the disk",
  );
  makeRoom();
  await write(spans(5, "again"));
  assert.equal(books().spooled, onDisk + 5, "the disk is used again by the next write");
  clock.advance(61_000);
  await sink.flush!();
  assert.deepEqual(books(), { taken: onDisk + 15, replayed: 0, written: onDisk + 15, spooled: 0, dropped: {} });
  assert.equal(new Set(inner.ids).size, onDisk + 15);
  t.diagnostic(`figure: ${onDisk} records on disk when it was full, ${refused} refused to the lane, 0 lost`);
}

if (process.platform === "linux" && process.getuid!() === 0 && canMount()) {
  test("P9 disk full (tmpfs of 256 KiB): a state, not a crash, and it passes", async (t) => {
    const root = tmpfs(t, 256);
    const ballast = join(root, "ballast");
    writeFileSync(ballast, Buffer.alloc(64 * 1024));
    await fillUp(t, join(root, "spool"), () => rmSync(ballast));
  });

  test("P9 remounted read-only (tmpfs): records go to the sink directly, and to disk again later", async (t) => {
    const root = tmpfs(t, 1_024);
    // The system may still be busy with a file that has just been closed.
    const remount = async (how: string): Promise<void> => {
      for (let left = 100; ; left--) {
        try {
          execFileSync("mount", ["-o", `remount,${how}`, root], { stdio: "pipe" });
          return;
        } catch (error) {
          if (left === 0 || !String(error).includes("busy")) throw error;
          await sleep(20);
        }
      }
    };
    const dir = join(root, "spool");
    const inner = target();
    const { sink, write, books } = watched(inner, { dir, segmentBytes: 1_000 });
    cleanUp(t, sink);
    await write(spans(2, "before"));
    await sink.flush!();
    // Not while a segment is open for writing.
    await sink.close!();
    await remount("ro");
    const second = watched(inner, { dir });
    cleanUp(t, second.sink);
    await second.write(spans(3));
    assert.deepEqual(inner.ids.slice(2), ["s0", "s1", "s2"]);
    assert.match(second.sink.stats!().lastError!, /EROFS/);
    await remount("rw");
    await second.write(spans(3, "after"));
    assert.equal(second.books().spooled, 3);
    await second.sink.flush!();
    assert.equal(inner.ids.length, 8);
    assert.equal(books().written, 2);
  });
}

test("P9 disk full (injected short writes and ENOSPC): cut back, and it passes", async (t) => {
  const room = { bytes: 150_000 };
  limitWrites(t, room);
  await fillUp(t, place(t), () => void (room.bytes = 1e9));
});

test("P9 a torn write that cannot be cut back: the next one begins a new segment", async (t) => {
  const dir = place(t);
  const room = { bytes: 10_000 };
  limitWrites(t, room);
  const inner = target();
  const { sink, write, books } = watched(inner, { dir });
  await write(spans(5, "a", "x".repeat(500)));
  t.mock.method(fs, "ftruncateSync", () => {
    throw Object.assign(new Error("EIO: i/o error, ftruncate"), { code: "EIO" });
  });
  await write(spans(10, "direct", "x".repeat(500)));
  room.bytes = 1e9;
  await write(spans(5, "b"));
  assert.equal(segments(owners(dir)[0]!).length, 2);
  const { ids, books: replayed } = await replay(crash(dir));
  assert.deepEqual(
    ids.filter((id) => /^[ab]/.test(id)),
    [...spans(5, "a"), ...spans(5, "b")].map(({ spanId }) => spanId),
  );
  assert.equal(replayed.dropped["corrupt"], 1, "the torn one was never acknowledged from disk");
  await sink.flush!();
  await sink.close!();
  assert.deepEqual(books(), { taken: 20, replayed: 0, written: 20, spooled: 0, dropped: {} });
});

test("P9 a file in place of the directory: records go to the sink directly until it is gone", async (t) => {
  const dir = place(t);
  const inner = target();
  const { sink, write, books } = watched(inner, { dir });
  cleanUp(t, sink);
  writeFileSync(dir, "in the way");
  await write(spans(2));
  assert.deepEqual(inner.ids, ["s0", "s1"]);
  rmSync(dir);
  await write(spans(2, "later"));
  assert.equal(books().spooled, 2);
  await sink.flush!();
  assert.deepEqual(inner.ids, ["s0", "s1", "later0", "later1"]);
});

test("P9 writeSync on a full disk: the sink's writeSync, or an error for the lane", async (t) => {
  limitWrites(t, { bytes: 0 });
  const direct: number[] = [];
  const able = watched({ ...target(), writeSync: (batch) => void direct.push(batch.length) }, { dir: place(t) });
  cleanUp(t, able.sink);
  able.sink.writeSync!(spans(3));
  assert.deepEqual(direct, [3]);
  const unable = watched(target(), { dir: place(t) });
  cleanUp(t, unable.sink);
  assert.throws(() => unable.sink.writeSync!(spans(3)), /ENOSPC/);
  assert.equal(unable.books().spooled, 0);
});

test("P9 what the sink answers to a batch that missed the disk is the lane's to hear", async (t) => {
  limitWrites(t, { bytes: 0 });
  const answer = { rejected: [{ spanId: "s0", reason: "no" }] };
  const { sink } = watched(
    target(() => answer),
    { dir: place(t) },
  );
  cleanUp(t, sink);
  assert.deepEqual(await sink.write(spans(2), AbortSignal.timeout(1_000)), answer);
});

test("P9 the process runs out of files: delivery goes on when there are some again", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const dir = place(t);
  const inner = target();
  const { sink, write, books } = watched(inner, { dir });
  cleanUp(t, sink);
  await write(spans(3));
  const emfile = Object.assign(new Error("EMFILE: too many open files, open"), { code: "EMFILE" });
  const open = t.mock.method(fs.promises, "open", () => Promise.reject(emfile));
  t.mock.timers.tick(1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(open.mock.callCount(), 1);
  open.mock.restore();
  t.mock.timers.tick(1_000);
  for (const until = performance.now() + 60_000; inner.ids.length === 0 && performance.now() < until; ) {
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(1);
  }
  assert.equal(inner.ids.length, 3);
  assert.equal(books().written, 3);
});

test("P7 power cut: only what came after the last sync is lost, and that was at most 500 ms old", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  /** Sizes that the disk has for sure, by inode. */
  const synced = new Map<number, number>();
  let syncs = 0;
  t.mock.method(fs, "fdatasync", (fd: number, done: (error: null) => void) => {
    const { ino, size } = fs.fstatSync(fd);
    synced.set(ino, size);
    syncs++;
    done(null);
  });
  // Syncs of directories take real time, which this clock does not have.
  const open = fs.promises.open;
  t.mock.method(fs.promises, "open", (path: string, ...rest: [number]) =>
    path.endsWith(".log") ? open(path, ...rest) : Promise.resolve({ sync: async () => {}, close: async () => {} }),
  );
  const dir = place(t);
  const { sink, write } = watched(target(isDown), { dir, segmentBytes: 20_000 });
  const writtenAt = new Map<string, number>();
  const cuts: { readonly now: number; readonly copy: string }[] = [];
  for (let now = 37; now < 20_000; now += 37) {
    t.mock.timers.tick(37);
    await new Promise((resolve) => setImmediate(resolve));
    if (now % 111 !== 0) {
      const batch = spans(2, `${now}-`, "x".repeat(300));
      await write(batch);
      for (const { spanId } of batch) writtenAt.set(spanId!, now);
    }
    if (now % 999 !== 0) continue;
    const originals = segments(owners(dir)[0]!);
    const copy = crash(dir);
    for (const [i, path] of segments(owners(copy)[0]!).entries()) {
      truncateSync(path, synced.get(statSync(originals[i]!).ino) ?? 0);
    }
    cuts.push({ now, copy });
  }
  t.mock.timers.reset();
  await sink.close!();
  let lost = 0;
  let oldest = 0;
  for (const { now, copy } of cuts) {
    const survived = new Set((await replay(copy)).ids);
    for (const [id, at] of writtenAt) {
      if (at > now || survived.has(id)) continue;
      lost++;
      oldest = Math.max(oldest, now - at);
    }
  }
  assert.ok(oldest <= 500, `${oldest} ms`);
  assert.ok(lost > 0, "the model would lose something");
  assert.ok(syncs < 100, "one sync for many writes");
  t.diagnostic(
    `figure: ${cuts.length} power cuts, ${writtenAt.size} records, the oldest lost one ${oldest} ms old, ${syncs} syncs`,
  );
});

test("P7 a sync that fails is not asked again: a new segment begins", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const dir = place(t);
  const asked: number[] = [];
  const mocked = t.mock.method(fs, "fdatasync", (fd: number, done: (error: Error | null) => void) => {
    asked.push(fs.fstatSync(fd).ino);
    done(asked.length === 1 ? Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" }) : null);
  });
  const { sink, write } = watched(target(isDown), { dir });
  await write(spans(1, "a"));
  t.mock.timers.tick(500);
  await new Promise((resolve) => setImmediate(resolve));
  assert.match(sink.stats!().lastError!, /EIO/);
  await write(spans(1, "b"));
  assert.equal(segments(owners(dir)[0]!).length, 2);
  t.mock.timers.reset();
  mocked.mock.restore();
  await sink.close!();
  assert.deepEqual((await replay(dir)).ids, ["a0", "b0"]);
});

test("P9 a disk that takes nothing at all: no directory is left half made", async (t) => {
  const dir = place(t);
  mkdirSync(dir);
  t.mock.method(fs, "mkdirSync", () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, mkdir"), { code: "ENOSPC" });
  });
  const inner = target();
  const { sink, write } = watched(inner, { dir });
  cleanUp(t, sink);
  for (let i = 0; i < 3; i++) await write(spans(1, `${i}-`));
  assert.equal(inner.ids.length, 3);
  assert.deepEqual(owners(dir), []);
});
