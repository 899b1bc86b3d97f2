/** Files that are there and cannot be read, and directories that are somebody else's by now. */
import assert from "node:assert/strict";
import fs, { existsSync, renameSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { cleanUp, isDown, owners, place, replay, segments, spans, target, watched } from "./rig.ts";

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: injected, open`), { code });
}

/** Opening a segment fails for as long as `code` says one. */
function failReads(t: TestContext, codeFor: (path: string) => string | undefined): () => void {
  const open = fs.promises.open;
  const mocked = t.mock.method(fs.promises, "open", async (path: string, ...rest: [number]) => {
    const code = path.endsWith(".log") ? codeFor(path) : undefined;
    if (code !== undefined) throw failure(code);
    return open(path, ...rest);
  });
  return () => mocked.mock.restore();
}

/** Another owner takes the directory over. Returns its new path. */
function rob(owner: string): string {
  const theirs = join(dirname(owner), ["elsewhere", 1, 1, "token", basename(owner).split("-")[4]].join("-"));
  renameSync(owner, theirs);
  return theirs;
}

for (const code of ["EIO", "EBUSY", "EACCES", "ESTALE", "ETIMEDOUT", "EPERM", "EMFILE"]) {
  test(`P9 one ${code} as a segment is read: it is read again, and nothing is lost`, async (t) => {
    const inner = target();
    const { sink, write, books } = watched(inner, { dir: place(t) });
    cleanUp(t, sink);
    await write(spans(1_000));
    let left = 1;
    failReads(t, () => (left-- > 0 ? code : undefined));
    await assert.rejects(async () => sink.flush!(), new RegExp(`1000 records wait on disk: ${code}`));
    assert.equal(books().spooled, 1_000);
    await sink.flush!();
    assert.equal(inner.ids.length, 1_000);
    assert.deepEqual(books(), { taken: 1_000, replayed: 0, written: 1_000, spooled: 0, dropped: {} });
  });
}

test("P9 a read error passes: it is tried again by itself", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const inner = target();
  const { sink, write } = watched(inner, { dir: place(t) });
  cleanUp(t, sink);
  await write(spans(3));
  let left = 1;
  failReads(t, () => (left-- > 0 ? "EIO" : undefined));
  t.mock.timers.tick(1);
  while (left > 0) await new Promise((resolve) => setImmediate(resolve));
  for (const until = performance.now() + 60_000; inner.ids.length === 0 && performance.now() < until; ) {
    await new Promise((resolve) => setImmediate(resolve));
    t.mock.timers.tick(10);
  }
  assert.equal(inner.ids.length, 3);
});

test("P9 a segment that stays unreadable for a minute is counted and stepped over, and its file left to the next process", async (t) => {
  const dir = place(t);
  const clock = fakeClock();
  const inner = target();
  const { sink, write, books } = watched(inner, { dir, clock, segmentBytes: 2_000 });
  await write(spans(3, "first"));
  await write(spans(3, "second", "x".repeat(400)));
  const [path] = segments(owners(dir)[0]!);
  const heal = failReads(t, (asked) => (asked === path ? "EACCES" : undefined));
  await assert.rejects(async () => sink.flush!(), /6 records wait on disk: EACCES/);
  clock.advance(59_000);
  await assert.rejects(async () => sink.flush!(), /6 records wait on disk: EACCES/);
  clock.advance(1_000);
  await sink.flush!();
  assert.deepEqual(inner.ids, ["second0", "second1", "second2"]);
  assert.deepEqual(books(), { taken: 6, replayed: 0, written: 3, spooled: 0, dropped: { corrupt: 3 } });
  await write(spans(1, "third"));
  await sink.flush!();
  assert.equal(inner.ids.length, 4);
  assert.ok(existsSync(path!));
  await sink.close!();
  heal();
  const next = await replay(dir);
  assert.deepEqual(next.ids, ["first0", "first1", "first2"]);
  assert.deepEqual(next.books, { taken: 0, replayed: 3, written: 3, spooled: 0, dropped: {} });
  assert.deepEqual(owners(dir), []);
});

test("P9 the segment that is written to stays unreadable: it ends, and what comes later is delivered", async (t) => {
  const dir = place(t);
  const clock = fakeClock();
  const inner = target();
  const { sink, write, books } = watched(inner, { dir, clock });
  cleanUp(t, sink);
  await write(spans(2));
  const [path] = segments(owners(dir)[0]!);
  failReads(t, (asked) => (asked === path ? "EIO" : undefined));
  await assert.rejects(async () => sink.flush!(), /2 records wait/);
  clock.advance(60_000);
  await sink.flush!();
  await write(spans(2, "later"));
  await sink.flush!();
  assert.deepEqual(inner.ids, ["later0", "later1"]);
  assert.deepEqual(books().dropped, { corrupt: 2 });
  assert.ok(existsSync(path!));
});

test("P9 no file can be opened for ten minutes: nothing is stepped over", async (t) => {
  const clock = fakeClock();
  const inner = target();
  const { sink, write, books } = watched(inner, { dir: place(t), clock });
  cleanUp(t, sink);
  await write(spans(2));
  const heal = failReads(t, () => "EMFILE");
  for (let i = 0; i < 10; i++) {
    await assert.rejects(async () => sink.flush!(), /2 records wait on disk: EMFILE/);
    clock.advance(60_000);
  }
  heal();
  await sink.flush!();
  assert.deepEqual(books(), { taken: 2, replayed: 0, written: 2, spooled: 0, dropped: {} });
});

test("P14 a takeover that the reader sees first: the records are the other owner's, and not corrupt", async (t) => {
  const dir = place(t);
  const { sink, write, books } = watched(target(), { dir });
  cleanUp(t, sink);
  await write(spans(10));
  rob(owners(dir)[0]!);
  await sink.flush!();
  assert.deepEqual(books(), { taken: 10, replayed: 0, written: 10, spooled: 0, dropped: {} });
});

test("P14 taken over, and the next write fails: the file that is another's now is left as it is", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const dir = place(t);
  const { sink, write } = watched(target(isDown), { dir });
  cleanUp(t, sink);
  await write(spans(100));
  const theirs = segments(rob(owners(dir)[0]!))[0]!;
  const { size } = statSync(theirs);
  // The heartbeat sees it.
  t.mock.timers.tick(10_000);
  const full = t.mock.method(fs, "writeSync", () => {
    throw failure("ENOSPC");
  });
  await assert.rejects(() => write(spans(1, "later")));
  full.mock.restore();
  assert.equal(statSync(theirs).size, size);
  await write(spans(1, "later"));
  assert.equal(statSync(theirs).size, size, "and nothing is added to it");
  assert.equal(owners(dir).length, 2);
});
