import assert from "node:assert/strict";
import { test } from "node:test";
import { draft, hang, recorder, rig } from "./rig.ts";

const MIB = 1024 * 1024;

test("a burst of 20,000 records in one turn loses nothing, in any of three sinks", async (t) => {
  const sinks = ["a", "b", "c"].map((name) => recorder(name === "b" ? async () => {} : undefined, name));
  const { emitMany, flush, stats } = rig(t, sinks);
  emitMany(20_000, 1_500);
  const result = await flush();
  assert.deepEqual([result.ok, result.written, result.dropped], [true, 60_000, 0]);
  for (const sink of sinks) {
    assert.equal(stats()[sink.name]!.written, 20_000);
    assert.ok(sink.calls.length >= 79);
    assert.ok(sink.records.every((record, i) => record.name === String(i)));
  }
});

test("a lane holds 100,000 records, then drops the newest", async (t) => {
  const sink = recorder(hang);
  const { emitMany, lane } = rig(t, [sink]);
  emitMany(100_500, 10);
  assert.deepEqual([lane().queued, lane().dropped], [100_000, { queue_full: 500 }]);
});

test("the bound on records is an option, and room that was made is used again", async (t) => {
  const sink = recorder();
  const { emitMany, advance, lane } = rig(t, [sink], { queueRecords: 3 });
  emitMany(5);
  await advance(1_000);
  emitMany(1);
  await advance(1_000);
  assert.deepEqual(
    sink.records.map((record) => record.name),
    ["0", "1", "2", "5"],
  );
  assert.deepEqual([lane().written, lane().dropped], [4, { queue_full: 2 }]);
});

test("all lanes together hold 32 MiB, and a record in three lanes counts once", async (t) => {
  const sinks = ["a", "b", "c"].map((name) => recorder(hang, name));
  const { emitMany, stats } = rig(t, sinks);
  emitMany(70, MIB / 2);
  for (const lane of Object.values(stats())) {
    assert.deepEqual([lane.queued, lane.bytes, lane.dropped], [64, 32 * MIB, { queue_full: 6 }]);
  }
});

test("memory is free again when the last lane has let go", async (t) => {
  let release = (): void => {};
  const slow = recorder(() => new Promise<void>((resolve) => (release = resolve)), "slow");
  const fast = recorder(undefined, "fast");
  const { emitMany, advance, lane } = rig(t, [fast, slow], { queueBytes: 10_000, batchRecords: 10 });
  emitMany(10);
  await advance(10);
  assert.equal(lane("fast").written, 10);
  emitMany(1);
  assert.deepEqual([lane("fast").dropped, lane("slow").dropped], [{ queue_full: 1 }, { queue_full: 1 }]);
  release();
  await advance(10);
  emitMany(10);
  assert.deepEqual([lane("fast").queued, lane("slow").queued], [10, 10]);
});

test("a hanging sink that fills the memory loses its own newest records, and no other sink loses any", async (t) => {
  const hanging = recorder(hang, "hanging");
  const healthy = recorder(undefined, "healthy");
  const { emitMany, advance, lane } = rig(t, [hanging, healthy], { queueBytes: 100_000, batchRecords: 10 });
  for (let i = 0; i < 40; i++) {
    emitMany(10);
    await advance(10);
  }
  assert.deepEqual([lane("healthy").written, lane("healthy").dropped], [400, {}]);
  // 100 are held at most; a burst of the other took the place of some.
  assert.ok(lane("hanging").queued >= 80 && lane("hanging").queued <= 100, `${lane("hanging").queued}`);
  assert.equal(lane("hanging").dropped.queue_full, 400 - lane("hanging").queued);
});

test("a backlog shared by two sinks is given up by the one that holds more", async (t) => {
  const dead = recorder(hang, "dead");
  const slow = recorder((call) => call > 1 && hang(), "slow");
  const { emitMany, advance, lane } = rig(t, [dead, slow], { queueBytes: 100_000, batchRecords: 50 });
  emitMany(50);
  await advance(10);
  assert.deepEqual([lane("dead").queued, lane("slow").queued], [50, 0]);
  emitMany(50);
  emitMany(200);
  const [held, kept] = [lane("dead").queued, lane("slow").queued];
  assert.ok(kept >= 50 && held >= 50 && held + kept <= 200, `${held} and ${kept}`);
});

test("a record larger than all memory is dropped", async (t) => {
  const sink = recorder();
  const { emit, emitMany, flush, lane } = rig(t, [sink], { queueBytes: 10_000 });
  emitMany(2);
  emit(draft("large", 10_001));
  const result = await flush();
  assert.deepEqual([lane().written, lane().dropped], [2, { queue_full: 1 }]);
  assert.equal(result.ok, false);
});

test("no array of records is moved as the queue shrinks: work per record does not grow with its length", async (t) => {
  const sink = recorder(async () => {});
  const { emitMany, flush, lane } = rig(t, [sink], { queueBytes: 1e9 });
  const { shift, splice } = Array.prototype;
  t.after(() => Object.assign(Array.prototype, { shift, splice }));
  let moved = 0;
  const counting = (original: Function) =>
    function (this: unknown[], ...args: unknown[]) {
      moved += this.length;
      return original.apply(this, args);
    };
  Object.defineProperties(Array.prototype, {
    shift: { value: counting(shift), writable: true, configurable: true },
    splice: { value: counting(splice), writable: true, configurable: true },
  });
  emitMany(100_000, 100);
  await flush();
  assert.equal(lane().written, 100_000);
  // 391 batches, each shifted off an array of at most 391.
  assert.ok(moved > 391 && moved < 100_000, `${moved} elements moved`);
});
