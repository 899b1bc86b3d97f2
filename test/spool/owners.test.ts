import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import fs, {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { encode } from "../../src/core/record.ts";
import { claimDead, ownersNamedIn } from "../../src/spool/claim.ts";
import { frame } from "../../src/spool/frame.ts";
import { isAlive, newBorn, nobodysName, ownName, parseOwner, SILENT_MS } from "../../src/spool/owner.ts";
import { replaySpool } from "../../src/spool/replay.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { bundlePrograms } from "../support/programs.ts";
import { cleanUp, crash, isDown, owners, place, replay, segments, span, spans, target, watched } from "./rig.ts";

const SOURCE = "test/spool/replayer.ts";
const programs = await bundlePrograms("owners", [SOURCE]);
after(() => programs.remove());

function run(t: TestContext, ...args: string[]): ChildProcess {
  const started = spawn(process.execPath, [programs.path(SOURCE), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => started.kill("SIGKILL"));
  return started;
}

test("the name of an owner says who it is, and survives host names of any kind", () => {
  const born = newBorn(1_767_225_600_000);
  const own = parseOwner(ownName(born))!;
  assert.equal(own.pid, process.pid);
  assert.equal(own.born, born);
  assert.equal(parseOwner(nobodysName(born))!.pid, 0);
  for (const name of ["", "x", "a-b-c-d-e", "a-1-2-3", "a-1-2-3-4-5", "-1-2-3-4", ".gitignore"]) {
    assert.equal(parseOwner(name), undefined, name);
  }
  assert.ok(newBorn(1) < newBorn(2) && newBorn(2) < newBorn(1_767_225_600_000), "in names, the oldest comes first");
});

test("P14 who lives: the same process id with another start is another process", async () => {
  const own = parseOwner(ownName("b"))!;
  assert.equal(isAlive({ ...own, pid: process.ppid, start: "1" }, 0), process.platform !== "linux");
  const parent = readFileSync(`/proc/${process.ppid}/stat`, "latin1");
  const start = parent.slice(parent.lastIndexOf(")") + 2).split(" ")[19]!;
  assert.equal(isAlive({ ...own, pid: process.ppid, start }, Number.POSITIVE_INFINITY), true);
  assert.equal(isAlive({ ...own, pid: 4_194_305 }, 0), false);
  assert.equal(isAlive({ ...own, pid: 0 }, 0), false);
  assert.equal(isAlive({ ...own, host: "elsewhere" }, SILENT_MS - 1), true);
  assert.equal(isAlive({ ...own, host: "elsewhere" }, SILENT_MS), false);
  assert.equal(isAlive(own, 0), true);
  assert.equal(isAlive(own, SILENT_MS), false, "a thread of ours that ended");
});

for (const count of [2, 4]) {
  test(`P14 ${count} processes replay one dead spool: each record is delivered by exactly one`, async (t) => {
    const dir = place(t);
    // Several dead owners, so that the processes have something to share.
    for (let owner = 0; owner < 6; owner++) {
      const path = join(dir, "target", `here-4194305-1-${owner}-born${owner}`);
      mkdirSync(path, { recursive: true });
      const lines = spans(200, `${owner}-`).map((record) => frame(encode(record)));
      for (let i = 0; i < 4; i++) {
        writeFileSync(join(path, `000000000${i + 1}.log`), lines.slice(i * 50, i * 50 + 50).join(""));
      }
    }
    const root = dirname(dir);
    const replayers = Array.from({ length: count }, (_, i) =>
      run(t, "replay", dir, join(root, `out${i}`), join(root, "go")),
    );
    await Promise.all(replayers.map((one) => once(one.stdout!, "data")));
    // An owner that no host knows is dead only after a silence.
    for (const owner of owners(dir)) utimesSync(owner, 1, 1);
    const ends = replayers.map((one) => once(one, "exit"));
    writeFileSync(join(root, "go"), "");
    for (const [code] of await Promise.all(ends)) assert.equal(code, 0);
    const shares = replayers.map((_, i) => {
      const out = join(root, `out${i}`);
      return existsSync(out) ? readFileSync(out, "utf8").trimEnd().split("\n") : [];
    });
    const all = shares.flat();
    assert.equal(all.length, 1_200, "none twice");
    assert.equal(new Set(all).size, 1_200, "none missing");
    assert.deepEqual(owners(dir), []);
    t.diagnostic(
      `figure: ${count} processes, 1,200 records, each delivered once; shares ${shares.map((one) => one.length).join(", ")}`,
    );
  });
}

test("P7 kill -9 while it writes: all that was acknowledged is delivered by the next process", async (t) => {
  const dir = place(t);
  const runs = 3;
  const acknowledged: string[] = [];
  for (let i = 0; i < runs; i++) {
    const writer = run(t, "write", join(dir, String(i)));
    let text = "";
    for await (const chunk of writer.stdout!) {
      text += chunk;
      if (text.length > 5_000 * (i + 1)) writer.kill("SIGKILL");
    }
    // Its files are closed before it is dead.
    if (writer.signalCode === null) await once(writer, "exit");
    const ids = text.slice(0, text.lastIndexOf("\n")).split("\n");
    const { ids: delivered, books } = await replay(join(dir, String(i)));
    const seen = new Set(delivered);
    assert.deepEqual(
      ids.filter((id) => !seen.has(id)),
      [],
    );
    assert.equal(seen.size, delivered.length);
    assert.equal(books.spooled, 0);
    acknowledged.push(...ids);
  }
  t.diagnostic(`figure: ${runs} kills, ${acknowledged.length} acknowledged records, 0 lost`);
});

test("P14 what a living process has is left alone", async (t) => {
  const dir = place(t);
  const { sink, write } = watched(target(isDown), { dir });
  cleanUp(t, sink);
  await write(spans(3));
  assert.deepEqual((await replay(dir)).ids, []);
  assert.equal(owners(dir).length, 1);
});

test("P7 two spools on one directory take over what a third left, once", async (t) => {
  const dir = place(t);
  const third = watched(target(isDown), { dir });
  await third.write(spans(50));
  await third.sink.close!();
  const [one, two] = [target(), target()];
  const both = [watched(one, { dir }), watched(two, { dir })];
  for (const { sink } of both) sink.open!();
  await Promise.all(both.map(({ sink }) => sink.flush!()));
  for (const { sink } of both) await sink.close!();
  assert.equal([...one.ids, ...two.ids].length, 50);
  assert.equal(
    both.reduce((sum, { books }) => sum + books().replayed, 0),
    50,
  );
});

test("P7 what a sibling leaves while we live is taken over within ten seconds", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const dir = place(t);
  const inner = target();
  const { sink, books } = watched(inner, { dir });
  cleanUp(t, sink);
  sink.open!();
  const sibling = watched(target(isDown), { dir });
  await sibling.write(spans(4));
  await sibling.sink.close!();
  t.mock.timers.tick(10_000);
  await sink.flush!();
  assert.equal(inner.ids.length, 4);
  assert.equal(books().replayed, 4);
});

test("P7 oldest first: what dead processes left comes before our own, by age", async (t) => {
  const dir = place(t);
  const clock = fakeClock();
  for (const age of ["old", "older", "oldest"].reverse()) {
    const { sink, write } = watched(target(isDown), { dir, clock });
    await write(spans(2, age));
    await sink.close!();
    clock.advance(1_000);
  }
  const { ids } = await replay(dir, target(), { clock });
  assert.deepEqual(ids, ["oldest0", "oldest1", "older0", "older1", "old0", "old1"]);
});

test("P7 claimed while we slept: nothing that we acknowledge later is lost", async (t) => {
  const dir = place(t);
  const inner = target(isDown);
  const { sink, write, books } = watched(inner, { dir });
  await write(spans(5));
  // Another host takes our directory for a dead one's.
  const [own] = owners(dir);
  const parts = basename(own!).split("-");
  const theirs = join(dirname(own!), ["elsewhere", 1, 1, "token", parts[4]].join("-"));
  renameSync(own!, theirs);
  await write(spans(3, "later"));
  assert.equal(owners(dir).length, 2, "a directory of our own again");
  const { spooled, dropped, written } = books();
  // The five are the other's to deliver, and in its books.
  assert.deepEqual({ spooled, dropped, written }, { spooled: 3, dropped: {}, written: 5 });
  const here = owners(dir).find((path) => path !== theirs)!;
  assert.match(readFileSync(segments(here)[0]!, "utf8"), /"later0".*\n.*"later1".*\n.*"later2"/);
  await sink.close!();
  utimesSync(theirs, 1, 1);
  const ids = (await replay(dir)).ids;
  for (const id of [...spans(5), ...spans(3, "later")]) assert.ok(ids.includes(id.spanId!), id.spanId);
});

test("P9 the directory is removed under our hands: what is not there is counted, what comes is kept", async (t) => {
  const dir = place(t);
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  const { sink, write, books } = watched(inner, { dir, clock });
  cleanUp(t, sink);
  await write(spans(5));
  rmSync(dir, { recursive: true });
  await write(spans(3, "later"));
  isUp = true;
  clock.advance(61_000);
  await sink.flush!();
  const { written, spooled, dropped } = books();
  assert.equal(spooled, 0);
  assert.equal(written + (dropped["corrupt"] ?? 0), 8);
  for (const id of ["later0", "later1", "later2"]) assert.ok(inner.ids.includes(id), id);
});

test("P9 the directory is removed while several segments are in flight: they arrive, and the books balance", async (t) => {
  const dir = place(t);
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => {
    go = resolve;
  });
  let read = 0;
  const { open } = fs.promises;
  t.mock.method(fs.promises, "open", async (...args: Parameters<typeof open>) => {
    const file = await open(...args);
    const close = file.close.bind(file);
    if (String(args[0]).endsWith(".log")) file.close = () => close().finally(() => read++);
    return file;
  });
  const inner = target(() => gate);
  const { sink, write, books } = watched(inner, { dir, segmentBytes: 1_000 });
  for (let i = 0; i < 4; i++) await write(spans(2, `${i}-`));
  const flushed = sink.flush!();
  while (read < 4) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(segments(owners(dir)[0]!).length, 4);
  rmSync(dir, { recursive: true });
  await write(spans(2, "later"));
  go();
  await flushed;
  await sink.flush!();
  await sink.close!();
  assert.equal(inner.ids.length, 10);
  assert.deepEqual(books(), { taken: 10, replayed: 0, written: 10, spooled: 0, dropped: {} });
  assert.deepEqual(owners(dir), []);
});

test("P9 the directory is removed and nothing is written: the next heartbeat counts what is gone", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
  const dir = place(t);
  const { sink, write, books } = watched(target(), { dir });
  await write(spans(5));
  rmSync(dir, { recursive: true });
  t.mock.timers.tick(10_000);
  t.mock.timers.reset();
  assert.deepEqual(books().dropped, { corrupt: 5 });
  await write(spans(2, "later"));
  await sink.flush!();
  await sink.close!();
  assert.deepEqual(books(), { taken: 7, replayed: 0, written: 2, spooled: 0, dropped: { corrupt: 5 } });
});

test("P14 one dead directory, claimed twice in one turn: one has it", (t) => {
  const dir = place(t);
  const path = join(dir, "target", "nobody-0-0-1-born");
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "0000000001.log"), frame(encode(span("a"))));
  const claim = () => claimDead(join(dir, "target"), ownersNamedIn(join(dir, "target")), Date.now());
  const [first, second] = [claim(), claim()];
  assert.equal(first.length, 1);
  assert.deepEqual(second, [], "it has a living owner now");
  assert.ok(Date.now() - statSync(first[0]!.path).mtimeMs < SILENT_MS, "and one that another host hears");
});

test("P7 replaySpool delivers what the dead left and says how much; a sink that is down stops it", async (t) => {
  const dir = place(t);
  const { sink, write } = watched(target(isDown), { dir });
  await write(spans(300));
  const copy = crash(dir);
  await sink.close!();

  const down = await replaySpool(copy, target(isDown));
  assert.deepEqual([down.found, down.delivered, down.waiting], [300, 0, 300]);
  assert.match(down.lastError!, /300 records wait on disk: connection refused/);
  const inner = target();
  const seen: number[] = [];
  const up = await replaySpool(copy, inner, ({ delivered }) => void seen.push(delivered));
  assert.deepEqual(up, { found: 300, delivered: 300, waiting: 0, dropped: {} });
  assert.equal(inner.ids.length, 300);
  assert.equal(seen.at(-1), 300);
  assert.deepEqual(await replaySpool(join(dir, "nothing"), target()), {
    found: 0,
    delivered: 0,
    waiting: 0,
    dropped: {},
  });
  assert.equal(readdirSync(dirname(dir)).includes("nothing"), false);
});
