/** What must not grow with what lies on disk, and what the clocks of others must not change. */
import assert from "node:assert/strict";
import fs, { mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encode } from "../../src/core/record.ts";
import { createBacklog } from "../../src/spool/backlog.ts";
import { frame } from "../../src/spool/frame.ts";
import { newBorn, ownName, SILENT_MS } from "../../src/spool/owner.ts";
import { pack } from "../../src/spool/pack.ts";
import { newSegment, newShelf, type Segment } from "../../src/spool/shelf.ts";
import { cleanUp, deadOwner, drain, isDown, owners, place, replay, span, spans, target, watched } from "./rig.ts";

test("P1 a write looks at no directory of the dead, however many there are", (t) => {
  const backlog = createBacklog(1e9, assert.ifError);
  const root = place(t);
  let looks = 0;
  for (let i = 0; i < 500; i++) {
    const shelf = newShelf(join(root, String(i)), String(i).padStart(6, "0"));
    mkdirSync(shelf.path, { recursive: true });
    Object.assign(newSegment(shelf, 1), { bytes: 100, waiting: 2 });
    const list: Segment[] = shelf.segments;
    Object.defineProperty(shelf, "segments", {
      get() {
        looks++;
        return list;
      },
    });
    backlog.add(shelf, 2);
  }
  looks = 0;
  for (let i = 0; i < 100; i++) {
    backlog.makeRoom(1_000, assert.fail);
    assert.equal(backlog.spooled, 1_000);
    assert.equal(backlog.stats().spooled, 1_000);
    assert.ok(backlog.next());
  }
  assert.equal(looks, 100, "the next segment is in the first");
});

test("P3 the bound holds after deliveries, losses and takeovers: the running totals are the sums", async (t) => {
  const dir = place(t);
  const { sink, write, books } = watched(target(isDown), { dir, maxBytes: 64 * 1024 });
  cleanUp(t, sink);
  for (let i = 0; i < 40; i++) {
    await write(spans(4, `b${i}-`, "x".repeat(500)));
    const onDisk = owners(dir)
      .flatMap((owner) => fs.readdirSync(owner).map((name) => join(owner, name)))
      .filter((path) => path.endsWith(".log"));
    const lines = onDisk.reduce((sum, path) => sum + fs.readFileSync(path, "utf8").split("\n").length - 1, 0);
    assert.equal(books().spooled, lines);
    assert.ok(onDisk.reduce((sum, path) => sum + statSync(path).size, 0) <= 64 * 1024);
  }
});

test("P1 300 dead owners: 64 are taken over in the caller's turn, all of them soon", async (t) => {
  const dir = place(t);
  for (let i = 0; i < 300; i++) {
    writeFileSync(
      join(deadOwner(dir, `born${String(i).padStart(3, "0")}`), "0000000001.log"),
      frame(encode(span(`s${i}`))),
    );
  }
  const renamed = t.mock.method(fs, "renameSync");
  const inner = target();
  const { sink, books } = watched(inner, { dir });
  sink.open!();
  assert.equal(renamed.mock.callCount(), 64);
  await drain(sink, () => inner.ids.length);
  await sink.close!();
  assert.deepEqual(
    inner.ids,
    spans(300).map(({ spanId }) => spanId),
    "oldest first",
  );
  assert.deepEqual(books(), { taken: 0, replayed: 300, written: 300, spooled: 0, dropped: {} });
});

test("P7 closed while it takes over the dead: the others are left to the next process", async (t) => {
  const dir = place(t);
  for (let i = 0; i < 200; i++) {
    writeFileSync(join(deadOwner(dir, `born${i}`), "0000000001.log"), frame(encode(span(`s${i}`))));
  }
  const { sink } = watched(target(isDown), { dir });
  sink.open!();
  await sink.close!();
  assert.equal(owners(dir).filter((path) => /nobody-0-0-/.test(path)).length, 200);
  assert.equal((await replay(dir)).ids.length, 200);
});

test("P1 a batch that is larger than the spool is made into bytes once", (t) => {
  const from = t.mock.method(Buffer, "from");
  const { lines, records, lostByReason } = pack(spans(2_000, "s", "x".repeat(4_000)), 65_536);
  assert.equal(from.mock.callCount(), 1);
  assert.equal(records + lostByReason.spool_full!, 2_000);
  const texts = lines.toString().trimEnd().split("\n");
  assert.equal(texts.length, records);
  assert.match(texts[0]!, /^[0-9a-f]{8} [0-9a-f]{8} \{/);
  assert.match(texts.at(-1)!, /"s1999"/);
  assert.ok(lines.length <= 65_536 && lines.length > 60_000);
});

test("P1 who we are is asked once", (t) => {
  ownName(newBorn(1));
  const links = t.mock.method(fs, "readlinkSync");
  const names = t.mock.method(process.getBuiltinModule("node:os"), "hostname");
  for (let i = 0; i < 10; i++) ownName(newBorn(i));
  assert.deepEqual([links.mock.callCount(), names.mock.callCount()], [0, 0]);
});

for (const minutes of [-10, 10]) {
  test(`P14 a host whose clock is ${minutes} minutes off neither robs the living nor looks dead`, async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const dir = place(t);
    const clock = { epochMs: () => Date.now() + minutes * 60_000, monotonicMs: () => performance.now() };
    const living = join(dir, "target", "elsewhere-1-1-token-born1");
    const dead = join(dir, "target", "elsewhere-2-1-token-born2");
    for (const path of [living, dead]) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, "0000000001.log"), frame(encode(span(path.slice(-5)))));
    }
    const silent = (Date.now() - SILENT_MS - 1_000) / 1_000;
    utimesSync(dead, silent, silent);
    const inner = target();
    const { sink, write } = watched(inner, { dir, clock });
    cleanUp(t, sink);
    await write(spans(1));
    t.mock.timers.tick(10_000);
    const ours = owners(dir).filter((path) => !path.includes("elsewhere"));
    assert.equal(ours.length, 2, "our own, and the dead one's");
    for (const path of ours) {
      assert.ok(Math.abs(statSync(path).mtimeMs - Date.now()) < 10_000, "touched by the clock that all share");
    }
    await sink.flush!();
    assert.deepEqual(inner.ids.toSorted(), ["born2", "s0"]);
    assert.deepEqual(owners(dir).includes(living), true);
    assert.deepEqual(
      fs.readdirSync(join(dir, "target")).filter((name) => name.startsWith(".")),
      [],
    );
  });
}
