/** Failures of other disk buffers, each played on ours. */
import assert from "node:assert/strict";
import fs, { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encode } from "../../src/core/record.ts";
import { frame } from "../../src/spool/frame.ts";
import { spool } from "../../src/spool/spool.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import {
  cleanUp,
  crash,
  deadOwner,
  isDown,
  owners,
  place,
  replay,
  segments,
  signal,
  span,
  spans,
  target,
  watched,
} from "./rig.ts";

const lines = (count: number, prefix: string): string =>
  spans(count, prefix)
    .map((record) => frame(encode(record)))
    .join("");

// https://github.com/fluent/fluent-bit/issues/10952
test("museum fluent-bit#10952: a kill in the middle of a write discards nothing that was acknowledged before", async (t) => {
  const dir = place(t);
  const path = deadOwner(dir);
  // No header or trailer of the file speaks for all its records: the torn one is the only one lost.
  writeFileSync(join(path, "0000000001.log"), lines(500, "acknowledged") + lines(1, "torn").slice(0, -20));
  const { ids, books } = await replay(dir);
  assert.deepEqual(
    ids,
    spans(500, "acknowledged").map(({ spanId }) => spanId),
  );
  assert.deepEqual(books.dropped, { corrupt: 1 });
});

// https://github.com/fluent/fluent-bit/issues/11847
test("museum fluent-bit#11847: corrupt files at the start leave a spool that works", async (t) => {
  const dir = place(t);
  for (let i = 0; i < 20; i++)
    writeFileSync(join(deadOwner(dir, `born${i}`), "0000000001.log"), Buffer.alloc(5_000, i * 13));
  const inner = target();
  const { sink, write, books } = watched(inner, { dir });
  cleanUp(t, sink);
  sink.open!();
  await write(spans(3));
  await sink.flush!();
  assert.deepEqual(inner.ids, ["s0", "s1", "s2"]);
  assert.equal(books().dropped["corrupt"], 20);
});

// https://github.com/fluent/fluent-bit/issues/2472
test("museum fluent-bit#2472: a corrupt file is deleted once it has been read and counted", async (t) => {
  const dir = place(t);
  const path = deadOwner(dir);
  writeFileSync(join(path, "0000000001.log"), "no line at all");
  writeFileSync(join(path, "0000000002.log"), `${lines(2, "s").replace("Tutor", "Tudor")}`);
  const { books } = await replay(dir);
  assert.equal(books.replayed, 3);
  assert.deepEqual(owners(dir), []);
});

// https://github.com/fluent/fluent-bit/issues/2566
test("museum fluent-bit#2566: many files never mean many open ones", async (t) => {
  const dir = place(t);
  for (let owner = 0; owner < 20; owner++) {
    const path = deadOwner(dir, `born${String(owner).padStart(2, "0")}`);
    for (let i = 1; i <= 20; i++)
      writeFileSync(join(path, `${String(i).padStart(10, "0")}.log`), lines(2, `${owner}-${i}-`));
  }
  let open = 0;
  let most = 0;
  const real = fs.promises.open;
  t.mock.method(fs.promises, "open", async (...args: Parameters<typeof real>) => {
    const file = await real(...args);
    most = Math.max(most, ++open);
    const close = file.close.bind(file);
    file.close = async () => {
      open--;
      await close();
    };
    return file;
  });
  const { ids } = await replay(dir);
  assert.equal(ids.length, 800);
  assert.ok(most <= 2, `${most} files open at once`);
});

// https://github.com/vectordotdev/vector/issues/17644
test("museum vector#17644: a partial write in the middle makes no loop, and neither does a restart after it", async (t) => {
  const dir = place(t);
  const path = deadOwner(dir);
  const torn = lines(1, "torn");
  for (const [i, cut] of [1, 10, 18, 100].entries()) {
    writeFileSync(join(path, `000000000${i + 1}.log`), lines(3, `${i}-`) + torn.slice(0, cut) + (i % 2 ? "\n" : ""));
  }
  const opened = t.mock.method(fs.promises, "open");
  const first = await replay(dir);
  assert.equal(first.ids.length, 12);
  assert.equal(first.books.dropped["corrupt"], 4);
  // Four segments, each counted once and delivered once, and what ends with the window read in a second step.
  assert.ok(opened.mock.callCount() <= 16, `${opened.mock.callCount()} reads`);
  const reads = opened.mock.callCount();
  assert.equal((await replay(dir)).books.replayed, 0);
  assert.equal(opened.mock.callCount(), reads);
});

// https://github.com/vectordotdev/vector/pull/24511
test("museum vector#24511: a file that vanishes while it waits is counted, and the rest goes on", async (t) => {
  const dir = place(t);
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  // Batches larger than what the lane holds at once, so that the second waits on disk alone.
  const { sink, write, books } = watched(inner, { dir, clock, segmentBytes: 100_000 });
  cleanUp(t, sink);
  for (let i = 0; i < 30; i++) await write(spans(1, `${i}-`, "x".repeat(90_000)));
  await assert.rejects(async () => sink.flush!(), /30 records wait on disk/);
  const files = segments(owners(dir)[0]!);
  assert.equal(files.length, 30);
  rmSync(files[25]!);
  isUp = true;
  clock.advance(61_000);
  await sink.flush!();
  assert.equal(inner.ids.length, 29);
  assert.ok(!inner.ids.includes("25-0"));
  assert.deepEqual(books().dropped, { corrupt: 1 });
});

// https://github.com/vectordotdev/vector/pull/25570
test("museum vector#25570: a death between deleting a segment and saying so makes no crash loop", async (t) => {
  const dir = place(t);
  const path = deadOwner(dir);
  writeFileSync(join(path, "0000000003.log"), lines(2, "s"));
  // The checkpoint names a segment that is gone already, and one that never was.
  for (const segment of [1, 2, 3]) {
    writeFileSync(join(path, "checkpoint"), frame(JSON.stringify({ segment, offset: segment === 3 ? 0 : 4_000 })));
    assert.deepEqual((await replay(crash(dir))).ids, ["s0", "s1"], `segment ${segment}`);
  }
  writeFileSync(join(path, "checkpoint"), frame(JSON.stringify({ segment: 9, offset: 12 })));
  const { ids, books } = await replay(dir);
  assert.deepEqual([ids, books.replayed], [[], 0], "all before the checkpoint has been delivered");
  assert.deepEqual(owners(dir), []);
});

// https://github.com/vectordotdev/vector/pull/25768
test("museum vector#25768: a new segment that the checkpoint does not know of is read", async (t) => {
  const dir = place(t);
  const path = deadOwner(dir);
  writeFileSync(join(path, "0000000001.log"), lines(2, "a"));
  writeFileSync(join(path, "0000000002.log"), lines(2, "b"));
  writeFileSync(join(path, "checkpoint"), frame(JSON.stringify({ segment: 1, offset: lines(2, "a").length })));
  assert.deepEqual((await replay(dir)).ids, ["b0", "b1"]);
});

// https://github.com/vectordotdev/vector/issues/26035
test("museum vector#26035: a large spool is replayed piece by piece, never loaded whole", async (t) => {
  const dir = place(t, existsSync("/dev/shm") ? "/dev/shm" : undefined);
  const path = deadOwner(dir);
  const line = frame(encode(span("s", "x".repeat(8_000))));
  const perSegment = 400;
  const total = 12;
  for (let i = 1; i <= total; i++) {
    writeFileSync(join(path, `${String(i).padStart(10, "0")}.log`), line.repeat(perSegment));
  }
  const megabytes = Math.round((line.length * perSegment * total) / 1024 ** 2);
  // What the lane holds is what has been read and has not arrived.
  let read = 0;
  let arrived = 0;
  let most = 0;
  const parse = JSON.parse;
  t.mock.method(JSON, "parse", (text: string) => {
    if (text.length > 8_000) most = Math.max(most, ++read - arrived);
    return parse(text);
  });
  const inner = target((batch) => void (arrived += batch.length));
  const { books } = await replay(dir, inner);
  assert.equal(books.written, perSegment * total);
  const held = Math.ceil((most * line.length) / 1024 ** 2);
  assert.ok(held <= 3, `${held} MiB`);
  t.diagnostic(`figure: ${megabytes} MiB on disk replayed with at most ${held} MiB in memory`);
});

// https://github.com/open-telemetry/opentelemetry-collector/issues/6692
test("museum collector#6692: what was delivered before an orderly end does not come again", async (t) => {
  const dir = place(t);
  const inner = target();
  const { sink, write } = watched(inner, { dir });
  await write(spans(300));
  await sink.flush!();
  await sink.close!();
  assert.equal(inner.ids.length, 300);
  assert.deepEqual((await replay(dir)).ids, []);
});

// https://github.com/open-telemetry/opentelemetry-collector/issues/6771
test("museum collector#6771: what was in flight and failing at an orderly end comes again", async (t) => {
  const dir = place(t);
  const { sink, write, books } = watched(
    target((_) => new Promise<void>((_, reject) => setTimeout(() => reject(new Error("cut off")), 20))),
    { dir },
  );
  await write(spans(10));
  await new Promise((resolve) => setTimeout(resolve, 10));
  await sink.close!();
  assert.equal(books().spooled, 10);
  assert.equal((await replay(dir)).ids.length, 10);
});

// https://github.com/open-telemetry/opentelemetry-collector/issues/11056
test("museum collector#11056: what is sent twice has the ids it had", async (t) => {
  const dir = place(t);
  let copy = "";
  const seen: string[] = [];
  const inner = target((batch) => {
    seen.push(...batch.map(encode));
    copy ||= crash(dir);
  });
  const { sink, write } = watched(inner, { dir });
  await write(spans(5));
  await sink.flush!();
  await sink.close!();
  const again: string[] = [];
  await replay(
    copy,
    target((batch) => void again.push(...batch.map(encode))),
  );
  assert.deepEqual(again, seen);
});

// https://github.com/open-telemetry/opentelemetry-collector/issues/9451
test("museum collector#9451: a spool that holds more than is allowed now still starts", async (t) => {
  const dir = place(t);
  const path = deadOwner(dir);
  for (let i = 1; i <= 10; i++) {
    const records = spans(20, `${i}-`, "x".repeat(1_000));
    writeFileSync(
      join(path, `${String(i).padStart(10, "0")}.log`),
      records.map((record) => frame(encode(record))).join(""),
    );
  }
  const { ids, books } = await replay(dir, target(), { maxBytes: 64 * 1024 });
  assert.equal(ids.length + books.dropped["spool_full"]!, 200);
  assert.ok(ids.length >= 20, `${ids.length}`);
  assert.equal(ids.at(-1), "10-19", "the newest are kept");
});

// https://github.com/vectordotdev/vector/issues/8763
test("museum vector#8763: no space left is no crash, and what was there before is delivered", async (t) => {
  const dir = place(t);
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  const sink = spool(inner, { dir, clock });
  cleanUp(t, sink);
  await sink.write(spans(10), signal);
  const full = t.mock.method(fs, "writeSync", () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  });
  await assert.rejects(async () => sink.write(spans(1, "late"), signal), /connection refused/);
  full.mock.restore();
  isUp = true;
  clock.advance(61_000);
  await sink.flush!();
  assert.equal(inner.ids.length, 10);
  assert.deepEqual(sink.stats!().dropped, {});
});

test("a directory that is no owner's is nobody's business", async (t) => {
  const dir = place(t);
  mkdirSync(join(dir, "target", "backup"), { recursive: true });
  writeFileSync(join(dir, "target", "backup", "0000000001.log"), lines(1, "s"));
  writeFileSync(join(dir, "target", "a-1-2-3-b"), "a file with an owner's name");
  assert.deepEqual((await replay(dir)).ids, []);
  assert.ok(existsSync(join(dir, "target", "backup", "0000000001.log")));
});
