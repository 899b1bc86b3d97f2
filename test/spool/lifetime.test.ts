/** The beginnings and ends of a spool, of its segments and of its configurations. */
import assert from "node:assert/strict";
import fs, { readdirSync } from "node:fs";
import { after, test } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { configure, flush, shutdown, stats } from "../../src/configure.ts";
import { ConfigError } from "../../src/core/errors.ts";
import { startSpan } from "../../src/observe/manual.ts";
import { keepIf } from "../../src/policy/keep-if.ts";
import { httpSink } from "../../src/sinks/http.ts";
import { spool } from "../../src/spool/spool.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { assertBooks } from "../support/books.ts";
import { cleanUp, crash, isDown, owners, place, replay, segments, signal, spans, target, watched } from "./rig.ts";

after(() => shutdown());

test("P7 close while a file waits to be opened: what is in it stays, and the next process delivers it", async (t) => {
  const dir = place(t);
  let isAsked = false;
  let go = () => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  // As a busy thread pool has it.
  const open = fs.promises.open;
  const busy = t.mock.method(fs.promises, "open", async (path: string, ...rest: [number]) => {
    if (path.endsWith(".log")) {
      isAsked = true;
      await gate;
    }
    return open(path, ...rest);
  });
  const { sink, write, books } = watched(target(), { dir });
  await write(spans(100));
  while (!isAsked) await sleep(1);
  const closed = sink.close!();
  await Promise.race([closed, sleep(50)]);
  go();
  await closed;
  await sleep(5);
  busy.mock.restore();
  assert.deepEqual(books(), { taken: 100, replayed: 0, written: 0, spooled: 100, dropped: {} });
  const { ids } = await replay(dir);
  assert.equal(ids.length, 100);
  t.diagnostic("figure: closed while its file was being opened: 100 records, 0 lost");
});

test("P7 a segment that is delivered before it ends is deleted as it ends, and does not come again", async (t) => {
  const dir = place(t);
  const inner = target();
  const { sink, write, books } = watched(inner, { dir, segmentBytes: 2_000 });
  cleanUp(t, sink);
  for (let i = 0; i < 30; i++) {
    await write(spans(1, `b${i}-`, "x".repeat(500)));
    await sink.flush!();
  }
  assert.equal(owners(dir).length, 1);
  assert.equal(segments(owners(dir)[0]!).length, 1);
  assert.equal(inner.ids.length, 30);
  assert.deepEqual((await replay(crash(dir))).ids, []);
  assert.deepEqual(books(), { taken: 30, replayed: 0, written: 30, spooled: 0, dropped: {} });
});

test("P7 one spool in two configurations: the end of the first does not close it for the second", async (t) => {
  const inner = target();
  let opened = 0;
  let closed = 0;
  const dir = place(t);
  const sink = spool({ ...inner, open: () => void opened++, close: () => void closed++ }, { dir });
  const written = () => {
    const now = stats();
    assertBooks(now);
    return now.sinks["spool(target)"]!.written;
  };
  configure({ sinks: [sink], signals: false });
  startSpan("a").end();
  assert.equal((await flush()).ok, true);
  configure({ sinks: [sink], signals: false, environment: "other" });
  // The first has shut down by then.
  await sleep(50);
  startSpan("b").end();
  assert.equal((await flush()).ok, true);
  assert.deepEqual([inner.ids.length, written(), opened, closed], [2, 1, 1, 0]);
  assert.equal((await shutdown()).ok, true);
  assert.equal(closed, 1);
  configure({ sinks: [sink], signals: false });
  startSpan("c").end();
  assert.equal((await flush()).ok, true, "and again after a shutdown");
  assert.deepEqual([inner.ids.length, written()], [3, 1]);
  await shutdown();
  assert.deepEqual([opened, closed], [2, 2]);
  assert.deepEqual(owners(dir), []);
});

test("P22 what waits as a spool is opened again is in the books of the one that has it now", async (t) => {
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  const sink = spool(inner, { dir: place(t), clock });
  const figures = () => {
    const { replayed, spooled, dropped } = sink.stats!();
    return { replayed, spooled, dropped };
  };
  sink.open!();
  await sink.write(spans(4), signal);
  sink.open!();
  assert.deepEqual(figures(), { replayed: 4, spooled: 4, dropped: {} });
  await sink.close!();
  await sink.write(spans(2, "later"), signal);
  assert.equal(figures().spooled, 6);
  await sink.close!();
  await assert.rejects(async () => sink.write(spans(1), signal), /is closed/);
  isUp = true;
  clock.advance(61_000);
  sink.open!();
  await sink.flush!();
  assert.deepEqual(figures(), { replayed: 6, spooled: 0, dropped: {} });
  assert.equal(inner.ids.length, 6);
  await sink.close!();
});

test("P7 opened again before it has closed: what it leaves is taken over at once", async (t) => {
  const dir = place(t);
  const inner = target(() => new Promise<void>(() => {}));
  let isHanging = true;
  const sink = spool(
    {
      name: "target",
      write: (batch, signal) => (isHanging ? inner.write(batch, signal) : arrived.write(batch, signal)),
    },
    { dir },
  );
  const arrived = target();
  sink.open!();
  await sink.write(spans(3), signal);
  const closed = sink.close!();
  isHanging = false;
  sink.open!();
  await closed;
  await turn();
  await sink.flush!();
  assert.equal(arrived.ids.length, 3);
  await sink.close!();
  assert.deepEqual(owners(dir), []);
});

test("P11 a flush of a sink that hangs does not keep the process alive by itself", async (t) => {
  const { sink, write } = watched(
    target(() => new Promise<void>(() => {})),
    { dir: place(t) },
  );
  await write(spans(1));
  const timers: NodeJS.Timeout[] = [];
  const set = globalThis.setTimeout;
  const mocked = t.mock.method(globalThis, "setTimeout", (...args: Parameters<typeof set>) => {
    const timer = set(...args);
    timers.push(timer);
    return timer;
  });
  const flushed = assert.rejects(async () => sink.flush!(), /1 records wait on disk/);
  for (let i = 0; i < 200 && timers.length < 3; i++) await turn();
  mocked.mock.restore();
  assert.ok(timers.length > 0);
  assert.deepEqual(
    timers.filter((timer) => timer.hasRef()),
    [],
  );
  await sink.close!();
  await flushed;
});

test('P2 durability "record" over keepIf() is refused, as the other way round', (t) => {
  const dir = place(t);
  const kept = keepIf(target(), { error: true });
  assert.throws(
    () => spool(kept, { dir, durability: "record" }),
    (error) =>
      error instanceof ConfigError && /durability "record" is not for a sink with keepIf\(\)/.test(error.message),
  );
  assert.throws(() => keepIf(spool(target(), { dir, durability: "record" }), { error: true }), ConfigError);
  assert.ok(spool(kept, { dir }).policy?.tail);
});

for (const [title, random] of [
  [
    "throws",
    () => {
      throw new Error("no chance");
    },
  ],
  ["is not a number", () => Number.NaN],
  ["is below 0", () => -5],
] as const) {
  test(`P12 a random() that ${title}: attempts keep their distance, and delivery goes on`, async (t) => {
    const clock = fakeClock();
    let attempts = 0;
    let isUp = false;
    const inner = target(() => {
      attempts++;
      if (!isUp) throw new Error("down");
    });
    const { sink, write } = watched(inner, { dir: place(t), clock, random });
    cleanUp(t, sink);
    await write(spans(2));
    while (attempts === 0) await sleep(1);
    for (let i = 0; i < 50; i++) await turn();
    assert.equal(attempts, 1);
    isUp = true;
    // Within the longest wait after a first failure.
    clock.advance(1_000);
    await sink.flush!();
    assert.equal(inner.ids.length, 2);
  });
}

test("P7 a second sync that waits behind a failing one does not reach a file that was closed meanwhile", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const dir = place(t);
  const asked: number[] = [];
  let fail = () => {};
  const synced = t.mock.method(fs, "fdatasync", (fd: number, done: (error: Error | null) => void) => {
    asked.push(fs.fstatSync(fd).ino);
    if (asked.length > 1) return done(null);
    fail = () => done(Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO" }));
  });
  const closedFds = t.mock.method(fs, "close");
  const { sink, write } = watched(target(isDown), { dir });
  await write(spans(1, "a"));
  t.mock.timers.tick(500);
  await turn();
  await write(spans(1, "b"));
  t.mock.timers.tick(500);
  assert.equal(asked.length, 1, "the second waits");
  const { ino } = fs.statSync(segments(owners(dir)[0]!)[0]!);
  fail();
  t.mock.timers.reset();
  while (asked.length < 2) await turn();
  assert.deepEqual(asked, [ino, ino]);
  await write(spans(1, "c"));
  assert.equal(segments(owners(dir)[0]!).length, 2);
  await sink.close!();
  synced.mock.restore();
  assert.equal(closedFds.mock.callCount(), 2, "each file once");
  assert.equal(readdirSync(dir).length, 2);
  assert.deepEqual((await replay(dir)).ids, ["a0", "b0", "c0"]);
});

test("P22 two spools in one place are refused: each would send the other's records", (t) => {
  const dir = place(t);
  const to = (url: string, name?: string) => spool(httpSink({ url, ...(name && { name }) }), { dir });
  assert.throws(() => configure({ sinks: [to("http://127.0.0.1:9/a"), to("http://127.0.0.1:9/a")] }), {
    code: "CONFIG_SAME_SPOOL",
  });
  configure({ sinks: [to("http://127.0.0.1:9/a"), to("http://127.0.0.1:9/b"), to("http://127.0.0.1:9/a", "c")] });
});
