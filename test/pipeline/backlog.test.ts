import assert from "node:assert/strict";
import { test } from "node:test";
import { SinkError } from "../../src/core/errors.ts";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { draft, hang, type Recorder, type Rig, recorder, rig } from "./rig.ts";

const MIB = 1024 * 1024;

/** A sink that hangs until it is let go, then takes everything. */
function stuck(name = "sink"): { sink: Recorder; letGo: () => void } {
  let release: (() => void) | undefined;
  const gone = new Promise<void>((resolve) => (release = resolve));
  return { sink: recorder((call) => (call === 1 ? gone : undefined), name), letGo: () => release!() };
}

/** The thread pool packs in its own time. */
async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 30_000;
  while (!condition() && performance.now() < end) await new Promise((resolve) => setImmediate(resolve));
  assert.ok(condition());
}

async function drained({ advance, lane }: Rig): Promise<void> {
  for (let i = 0; i < 1_000 && lane().queued > 0; i++) await advance(100);
}

/** Bursts of 1,000 records, one in a turn. */
async function fill({ emitMany, advance }: Rig, bursts: number, bytes: number): Promise<void> {
  for (let i = 0; i < bursts; i++) {
    emitMany(1_000, bytes);
    await advance(0);
  }
}

test("P3 a backlog is packed, and arrives as it was, in order", async (t) => {
  const { sink, letGo } = stuck();
  const pipeline = rig(t, [sink]);
  const { lane } = pipeline;
  await fill(pipeline, 20, 1_000);
  await until(() => lane().bytes < 4 * MIB);
  assert.deepEqual([lane().queued, lane().dropped], [20_000, {}]);
  t.diagnostic(`figure: 20,000 records of 19.1 MiB kept in ${(lane().bytes / MIB).toFixed(1)} MiB`);
  letGo();
  await drained(pipeline);
  assert.equal(lane().written, 20_000);
  assert.ok(sink.records.every((record, i) => record.name === String(i)));
  const { record } = draft("19000");
  assert.deepEqual(sink.records[19_000], record);
  assert.ok(Object.isFrozen(sink.records[19_000]));
});

test("records that are no JSON are not packed: the host hears nothing of it, the sink decides", async (t) => {
  const { sink, letGo } = stuck();
  const pipeline = rig(t, [sink]);
  for (let i = 0; i < 4_000; i++) pipeline.emit(draft(String(i), 1_000, { input: 10n as never }));
  await pipeline.advance(0);
  await fill(pipeline, 4, 1_000);
  letGo();
  await drained(pipeline);
  assert.equal(pipeline.lane().written, 8_000);
});

test("P3 packing makes room: a hanging sink loses nothing up to 100,000 small records", async (t) => {
  const pipeline = rig(t, [recorder(hang)]);
  for (let i = 0; i < 100; i++) {
    pipeline.emitMany(1_000, 600);
    await until(() => pipeline.lane().bytes < 3 * MIB);
  }
  assert.deepEqual([pipeline.lane().queued, pipeline.lane().dropped], [100_000, {}]);
});

test("records of a trace that is still going on are not packed: updateTrace still reaches them", async (t) => {
  const { sink, letGo } = stuck();
  const pipeline = rig(t, [sink]);
  const trace = { info: {}, openSpans: 1 };
  const open = () => ({ ...draft("open", 10_000), trace });
  pipeline.emitMany(1);
  await pipeline.advance(1_000);
  for (let i = 0; i < 512; i++) pipeline.emit(open());
  await fill(pipeline, 8, 1_000);
  await until(() => pipeline.lane().bytes < 9 * MIB);
  trace.info = { userId: "late" };
  letGo();
  await drained(pipeline);
  const late = sink.records.filter(({ name }) => name === "open");
  assert.equal(late.length, 512);
  assert.ok(late.every((record) => record.trace.userId === "late"));
});

test("a packed batch is halved like any other, and its guilty record goes alone", async (t) => {
  const arrived: TraceRecord[] = [];
  let isStuck = true;
  const sink = recorder((_, batch) => {
    if (isStuck) return hang();
    if (batch.some((record) => (record as SpanRecord).output === "guilty")) {
      throw new SinkError("too large", { retry: "split" });
    }
    arrived.push(...batch);
  });
  const pipeline = rig(t, [sink]);
  await fill(pipeline, 5, 1_000);
  pipeline.emit(draft("guilty", 1_000, { output: "guilty" }));
  await fill(pipeline, 5, 1_000);
  await until(() => pipeline.lane().bytes < 3 * MIB);
  isStuck = false;
  await pipeline.advance(60_000);
  await drained(pipeline);
  assert.deepEqual([pipeline.lane().written, pipeline.lane().dropped], [10_001, {}]);
  assert.deepEqual(
    arrived.filter((record) => "cuts" in record).map(({ name }) => name),
    ["guilty"],
  );
});

test("memory that is full of one sink's packed backlog makes room for the others", async (t) => {
  const healthy = recorder(undefined, "healthy");
  const pipeline = rig(t, [recorder(hang, "hanging"), healthy], { queueBytes: 3 * MIB });
  await fill(pipeline, 30, 1_000);
  await pipeline.advance(2_000);
  assert.deepEqual([pipeline.lane("healthy").written, pipeline.lane("healthy").dropped], [30_000, {}]);
  assert.ok(pipeline.lane("hanging").bytes <= 3 * MIB);
});
