/** Several batches on their way at once, for a sink whose policy says so. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { SinkError } from "../../src/core/errors.ts";
import type { TraceRecord } from "../../src/core/record.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { seeded } from "../fault/lab/random.ts";
import { assertLane } from "../support/books.ts";
import { assertBooks, draft, recorder, rig, times, turns } from "./rig.ts";

const down = (retryAfterMs?: number) => new SinkError("down", { retry: "later", retryAfterMs });

const FIRST = "first";

/** A sink whose calls end when the test says so. */
function open(concurrency: number, more: Partial<Sink> = {}) {
  const ends: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const sink = recorder((_, [first]) =>
    first!.name === FIRST ? undefined : new Promise<void>((resolve, reject) => ends.push({ resolve, reject })),
  );
  return Object.assign(sink, more, { policy: { concurrency }, ends });
}

/** With a first record taken: before that it gets one batch at a time. */
async function proven(t: TestContext, sink: ReturnType<typeof open>, options: Parameters<typeof rig>[2]) {
  const lab = rig(t, [sink], options);
  lab.emit(draft(FIRST));
  const flushed = lab.flush();
  await lab.advance(0);
  await flushed;
  sink.calls.length = 0;
  return lab;
}

const names = (sink: ReturnType<typeof open>) => sink.calls.map((call) => call.names.join(""));

test("as many as the policy says are in flight, in order, and the next follows whichever ends first", async (t) => {
  const sink = open(3);
  const { emitMany, advance, lane } = await proven(t, sink, { batchRecords: 2 });
  emitMany(10);
  await advance(0);
  assert.deepEqual(names(sink), ["01", "23", "45"]);
  sink.ends[1]!.resolve();
  await advance(0);
  assert.deepEqual([names(sink).at(-1), lane().written, lane().queued], ["67", 3, 8]);
  for (const { resolve } of sink.ends) resolve();
  await advance(0);
  assert.equal(sink.calls.length, 5);
  sink.ends[4]!.resolve();
  await advance(0);
  assert.deepEqual([lane().written, lane().queued], [11, 0]);
});

test("a batch that is not full waits for its time, however often another ends meanwhile", async (t) => {
  const sink = open(3);
  const { emitMany, advance } = await proven(t, sink, { batchRecords: 2, batchMs: 100 });
  emitMany(5);
  await advance(60);
  sink.ends[0]!.resolve();
  await advance(30);
  assert.equal(sink.calls.length, 2);
  await advance(10);
  assert.deepEqual(names(sink), ["01", "23", "4"]);
  for (const { resolve } of sink.ends) resolve();
  await advance(0);
});

test("what is taken while another fails does not cut the wait short; one probe, then all again", async (t) => {
  const sink = open(3);
  const { emitMany, advance, lane } = await proven(t, sink, { batchRecords: 1 });
  emitMany(6);
  await advance(0);
  sink.ends[0]!.reject(down(5_000));
  await advance(0);
  sink.ends[1]!.resolve();
  sink.ends[2]!.resolve();
  await advance(4_990);
  assert.deepEqual([names(sink), lane().written], [["0", "1", "2"], 3]);
  await advance(10);
  assert.deepEqual(names(sink).slice(3), ["0"], "one probe, the oldest");
  sink.ends[3]!.resolve();
  await advance(0);
  assert.deepEqual(names(sink).slice(4), ["3", "4", "5"]);
  for (const { resolve } of sink.ends) resolve();
  await advance(0);
  assert.deepEqual([lane().written, lane().retries], [7, 1]);
});

test("failures of one round are one step of the backoff, and the longest word of the server stands", async (t) => {
  const sink = open(3);
  const { emitMany, advance } = await proven(t, sink, { batchRecords: 1 });
  emitMany(3);
  await advance(0);
  for (const { reject } of sink.ends) reject(down());
  await advance(990);
  assert.equal(sink.calls.length, 3);
  await advance(10);
  assert.deepEqual(times(sink), [0, 0, 0, 1_000]);
  sink.ends[3]!.reject(down());
  await advance(2_000);
  assert.deepEqual(times(sink).slice(4), [3_000], "the second step, not the fourth");
  sink.ends[4]!.resolve();
  await advance(0);
  sink.ends[5]!.reject(down(1_000));
  sink.ends[6]?.reject(down(7_000));
  await advance(6_990);
  assert.equal(sink.calls.length, 7);
  await advance(10);
  assert.equal(sink.calls.length, 8);
  sink.ends[7]!.resolve();
  await advance(0);
  sink.ends[8]!.resolve();
  await advance(0);
});

test("a batch that is halved does not stop the wait that another has caused", async (t) => {
  const sink = open(2);
  const { emitMany, advance, lane } = await proven(t, sink, { batchRecords: 2 });
  emitMany(4);
  await advance(0);
  sink.ends[0]!.reject(new SinkError("too large", { retry: "split" }));
  sink.ends[1]!.reject(down());
  await advance(990);
  // The halves may go until the sink is known to be down.
  const before = sink.calls.length;
  for (const { resolve } of sink.ends) resolve();
  await advance(10);
  assert.ok(before <= 4);
  for (let i = 0; i < 6; i++) {
    for (const { resolve } of sink.ends) resolve();
    await advance(1_000);
  }
  assert.deepEqual([lane().written, lane().queued], [5, 0]);
});

test("flush waits for what was there at the call, though what came later is through", async (t) => {
  const sink = open(2);
  const { emitMany, advance, flush, lane } = await proven(t, sink, { batchRecords: 2 });
  emitMany(2);
  await advance(0);
  const flushed = flush({ timeoutMs: 500 });
  emitMany(4);
  await advance(10);
  sink.ends[1]!.resolve();
  await advance(10);
  sink.ends[2]!.resolve();
  await advance(10);
  assert.deepEqual([lane().written, lane().queued], [5, 2]);
  await advance(500);
  const { ok, pending } = await flushed;
  assert.deepEqual([ok, pending], [false, 2]);
  sink.ends[0]!.resolve();
  await advance(0);
});

test("shutdown calls all off and counts all; what they say later changes nothing", async (t) => {
  const sink = open(4);
  const { emitMany, advance, shutdown, lane } = await proven(t, sink, { batchRecords: 2 });
  emitMany(10);
  await advance(0);
  sink.ends[2]!.resolve();
  const closed = shutdown({ timeoutMs: 100 });
  await advance(100);
  await closed;
  assert.deepEqual([lane().written, lane().dropped, lane().queued], [3, { shutdown: 8 }, 0]);
  for (const { resolve } of sink.ends) resolve();
  await advance(10);
  assert.equal(lane().written, 3);
});

test("a sink that writes synchronously gets one after the other", async (t) => {
  const sink = open(4, { writeSync() {} });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(3);
  await advance(0);
  assert.equal(sink.calls.length, 1);
  for (let i = 0; i < 3; i++) {
    sink.ends[i]!.resolve();
    await advance(0);
  }
  assert.equal(lane().written, 3);
});

test("until the sink has taken something it gets one batch at a time", async (t) => {
  const sink = open(4);
  const { emitMany, advance } = rig(t, [sink], { batchRecords: 1 });
  emitMany(6);
  await advance(1_000);
  assert.deepEqual(names(sink), ["0"]);
  sink.ends[0]!.resolve();
  await advance(0);
  assert.deepEqual(names(sink), ["0", "1", "2", "3", "4"]);
  for (const { resolve } of sink.ends) resolve();
  await advance(0);
});

test("junk for a number is one", async (t) => {
  for (const concurrency of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "4"]) {
    const sink = open(concurrency as number);
    const { emitMany, advance } = rig(t, [sink], { batchRecords: 1 });
    emitMany(3);
    await advance(0);
    assert.equal(sink.calls.length, 1, String(concurrency));
    t.mock.timers.reset();
  }
});

test("a burst of twice the memory in one turn: what waits is packed, and nothing is lost", async () => {
  const arrived = new Set<string>();
  const write = async (batch: readonly TraceRecord[]) => {
    await new Promise((resolve) => setImmediate(resolve));
    for (const { name } of batch) arrived.add(name as string);
  };
  const sink = { name: "sink", write, policy: { concurrency: 4 } };
  const pipeline = createPipeline([sink], { suppress: (fn) => fn(), batchRecords: 100, queueBytes: 2_000_000 });
  for (let i = 0; i < 4_000; i++) pipeline.emit(draft(String(i)));
  assert.ok(pipeline.stats()["sink"]!.bytes <= 2_000_000);
  const { ok, written } = await pipeline.flush({ timeoutMs: 30_000 });
  assert.deepEqual([ok, written, arrived.size], [true, 4_000, 4_000]);
  assertBooks(pipeline, 4_000);
});

test("whatever the answers and their order, nothing is lost or comes twice, and the books balance", async (t) => {
  const SEED = 20_261_122;
  for (let i = 0; i < 60; i++) {
    const random = seeded(SEED + i);
    const arrived: string[] = [];
    const take = (records: readonly TraceRecord[]) => arrived.push(...records.map(({ name }) => name as string));
    const answer = (batch: readonly TraceRecord[]) => {
      const dice = random();
      if (dice < 0.5) return take(batch);
      if (dice < 0.65) throw down(random() < 0.3 ? random() * 3_000 : undefined);
      if (dice < 0.75) throw new SinkError("large", { retry: "split" });
      if (dice < 0.8) throw new SinkError("no", { retry: "never" });
      const remaining = batch.filter(() => random() < 0.4);
      take(batch.filter((record) => !remaining.includes(record)));
      throw new SinkError("partly", { retry: random() < 0.5 ? "later" : "split", remaining });
    };
    const sink = recorder(async (_, batch) => {
      await new Promise((resolve) => setTimeout(resolve, random() * 400));
      answer(batch);
    });
    const policy = { concurrency: 1 + Math.floor(random() * 6) };
    const pipeline = rig(t, [{ ...sink, policy }], { batchRecords: 1 + Math.floor(random() * 9), random });
    let records = 0;
    for (let step = 0; step < 5; step++) {
      records += pipeline.emitMany(Math.floor(random() * 25)).length;
      await pipeline.advance(Math.floor(random() * 3_000));
      assertLane(`SEED=${SEED + i}`, pipeline.lane());
      assert.equal(pipeline.lane().written, arrived.length, `SEED=${SEED + i}`);
    }
    for (let step = 0; pipeline.lane().queued > 0 && step < 100; step++) await pipeline.advance(5_000);
    const { written, dropped } = pipeline.lane();
    const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
    assert.equal(written + lost, records, `SEED=${SEED + i}`);
    assert.equal(new Set(arrived).size, arrived.length, `SEED=${SEED + i}: something came twice`);
    t.mock.timers.reset();
  }
  await turns();
});
