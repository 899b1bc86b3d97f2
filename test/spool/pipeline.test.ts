/** A spool in a configuration: what `stats()`, `flush()` and `shutdown()` say of it. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { afterEach, test } from "node:test";
import { configure, flush, shutdown, stats } from "../../src/configure.ts";
import type { LaneStats } from "../../src/core/runtime.ts";
import { startSpan } from "../../src/observe/manual.ts";
import { spool } from "../../src/spool/spool.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { assertBooks } from "../support/books.ts";
import { isDown, owners, place, replay, segments, target } from "./rig.ts";

afterEach(() => shutdown());

function end(count: number): void {
  for (let i = 0; i < count; i++) startSpan(`span ${i}`, { input: "x".repeat(200) }).end();
}

function lane(): LaneStats {
  const now = stats();
  assertBooks(now);
  return now.sinks["spool(target)"]!;
}

test("P7 spans are on disk with their batch and delivered by flush", async (t) => {
  const dir = place(t);
  const inner = target();
  configure({ sinks: [spool(inner, { dir })] });
  end(600);
  assert.deepEqual(owners(dir), [], "nothing is written in the caller's turn");
  const result = await flush();
  assert.deepEqual([result.ok, result.errors], [true, []]);
  assert.equal(inner.ids.length, 600);
  const { emitted, written, spooled } = lane();
  assert.deepEqual([emitted, written, spooled], [600, 600, 0]);
});

test('P7 durability "record": a span is on disk when end() has returned', async (t) => {
  const dir = place(t);
  const inner = target();
  configure({ sinks: [spool(inner, { dir, durability: "record" })] });
  for (let i = 1; i <= 20; i++) {
    end(1);
    const lines = fs
      .readFileSync(segments(owners(dir)[0]!)[0]!, "utf8")
      .trimEnd()
      .split("\n");
    assert.equal(lines.length, i);
  }
  assert.equal(lane().spooled, 20);
  assert.equal((await flush()).ok, true);
  assert.equal(inner.ids.length, 20);
  assert.deepEqual([lane().written, lane().spooled], [20, 0]);
  assert.deepEqual(inner.batches, [20], "one after the other on disk, together over the wire");
});

test("P22 a sink that is down: flush says how many wait on disk, the next configuration delivers them", async (t) => {
  const dir = place(t);
  configure({ sinks: [spool(target(isDown), { dir })] });
  end(30);
  const result = await flush();
  assert.equal(result.ok, false);
  assert.match(result.errors.join(), /30 records wait on disk: connection refused/);
  assert.deepEqual([lane().queued, lane().spooled, lane().written], [0, 30, 0]);
  await shutdown();
  assert.deepEqual([lane().spooled, lane().dropped], [30, {}], "waiting is not lost");

  const inner = target();
  configure({ sinks: [spool(inner, { dir })] });
  end(5);
  assert.equal((await flush()).ok, true);
  const { emitted, replayed, written, spooled } = lane();
  assert.deepEqual({ emitted, replayed, written, spooled }, { emitted: 5, replayed: 30, written: 35, spooled: 0 });
});

test("P9 disk full and sink down: the lane in front keeps the records, and nothing is lost when either comes back", async (t) => {
  const dir = place(t);
  const full = t.mock.method(fs, "mkdirSync", () => {
    throw Object.assign(new Error("ENOSPC: no space left on device, mkdir"), { code: "ENOSPC" });
  });
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  configure({ sinks: [spool(inner, { dir, clock })], clock });
  end(10);
  await flush();
  assert.deepEqual([lane().queued, lane().spooled], [10, 0], "in memory");
  full.mock.restore();
  clock.advance(61_000);
  await flush();
  assert.deepEqual([lane().queued, lane().spooled], [0, 10], "on disk");
  isUp = true;
  clock.advance(61_000);
  await flush();
  assert.equal(inner.ids.length, 10);
  assert.deepEqual([lane().written, lane().dropped], [10, {}]);
});

test("P22 damaged lines of an earlier process are in the books of this one", async (t) => {
  const dir = place(t);
  configure({ sinks: [spool(target(isDown), { dir })] });
  end(10);
  await flush();
  await shutdown();
  const [path] = segments(owners(dir)[0]!);
  const bytes = fs.readFileSync(path!);
  bytes[bytes.length >> 1]! ^= 1;
  fs.writeFileSync(path!, bytes);
  const inner = target();
  configure({ sinks: [spool(inner, { dir })] });
  const result = await flush();
  const { replayed, written, dropped } = lane();
  assert.deepEqual({ replayed, written, dropped }, { replayed: 10, written: 9, dropped: { corrupt: 1 } });
  assert.match(result.errors.join(), /corrupt 1/);
  await shutdown();
  assert.deepEqual((await replay(dir)).ids, []);
});
