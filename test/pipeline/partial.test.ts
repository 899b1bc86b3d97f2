/** A sink that took part of a batch before it failed: `remaining` of its error says what comes again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { SinkError } from "../../src/core/errors.ts";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { assertLane } from "../support/books.ts";
import { draft, type Recorder, recorder, rig } from "./rig.ts";

type Retry = SinkError["retry"];
type Batch = readonly TraceRecord[];

const partly = (retry: Retry, remaining: Batch, more: object = {}) =>
  new SinkError("partly", { retry, remaining, ...more });

const names = (sink: Recorder) => sink.calls.map((call) => call.names.join(""));

/** Of every second record of the first call the sink says that it has not been taken. */
const everySecond = (retry: Retry, more: object = {}) =>
  recorder((call, batch) => {
    if (call === 1) throw partly(retry, batch.filter((_, i) => i % 2 === 1), more); // biome-ignore format: one thought
  });

test("later: what remains comes again alone, the rest is written at once", async (t) => {
  const sink = everySecond("later");
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 4 });
  emitMany(6);
  await advance(500);
  assert.deepEqual([lane().written, lane().queued, lane().lastError], [2, 4, "partly"]);
  await advance(2_000);
  assert.deepEqual(names(sink), ["0123", "13", "45"]);
  assert.deepEqual([lane().written, lane().dropped, lane().retries], [6, {}, 1]);
});

test("split: what remains is halved, and the guilty record goes alone", async (t) => {
  const arrived: string[] = [];
  const sink = recorder((_, batch) => {
    const at = batch.findIndex(({ name }) => name === "5");
    arrived.push(...batch.slice(0, at === -1 ? batch.length : at).map(({ name }) => name as string));
    if (at !== -1) throw partly("split", batch.slice(at));
  });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 8 });
  emitMany(8);
  await advance(10);
  assert.deepEqual(names(sink), ["01234567", "5", "67"]);
  assert.equal(arrived.join(""), "0123467");
  assert.deepEqual([lane().written, lane().dropped], [7, { too_large: 1 }]);
});

test("never: what remains is dropped, the rest is written", async (t) => {
  const sink = everySecond("never");
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 4 });
  emitMany(5);
  await advance(2_000);
  assert.deepEqual(names(sink), ["0123", "4"]);
  assert.deepEqual([lane().written, lane().dropped], [3, { rejected_by_sink: 2 }]);
});

test("rejected: those of the taken that are refused for good; no more than were taken", async (t) => {
  const rejected = Array.from({ length: 9 }, () => ({ spanId: "x", reason: "bad" }));
  for (const [count, written] of [
    [1, 3],
    [9, 2],
  ] as const) {
    // biome-ignore format: a table
    const sink = everySecond("later", { rejected: rejected.slice(0, count) });
    const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 4 });
    emitMany(4);
    await advance(2_000);
    assert.deepEqual([lane().written, lane().dropped], [written, { rejected_by_sink: 4 - written }]);
    t.mock.timers.reset();
  }
});

test("the reason of a refusal is the last error", async (t) => {
  const { emitMany, advance, lane } = rig(t, [recorder(() => ({ rejected: [{ spanId: "0", reason: "too old" }] }))]);
  emitMany(2);
  await advance(1_000);
  assert.deepEqual([lane().written, lane().lastError], [1, "too old"]);
});

for (const retry of ["later", "split", "never"] as const) {
  test(`nothing remains (${retry}): the batch has been taken, and the error is told`, async (t) => {
    const sink = recorder((call) => {
      if (call === 1) throw partly(retry, []);
    });
    const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 2 });
    emitMany(4);
    await advance(2_000);
    assert.deepEqual(names(sink), ["01", "23"]);
    assert.deepEqual([lane().written, lane().dropped, lane().lastError], [4, {}, "partly"]);
  });
}

test("everything remains: as without it", async (t) => {
  const sink = recorder((call, batch) => {
    if (call === 1) throw partly("later", [...batch].reverse());
  });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 3 });
  emitMany(3);
  await advance(2_000);
  assert.deepEqual([names(sink), lane().written], [["012", "012"], 3]);
});

const junk: readonly (readonly [what: string, remaining: (batch: Batch) => unknown])[] = [
  ["no array", () => "02"],
  ["a number", () => 2],
  ["null", () => null],
  ["records of another batch", () => [draft("1").record]],
  ["copies", (batch) => structuredClone(batch.slice(1))],
  ["some of the batch and something else", (batch) => [batch[0], null]],
  ["a proxy that throws", () => new Proxy([], { get: () => assert.fail("looked at") })],
];
for (const [what, remaining] of junk) {
  test(`junk is ignored, and all comes again: ${what}`, async (t) => {
    const sink = recorder((call, batch) => {
      if (call === 1) throw partly("later", remaining(batch) as Batch);
    });
    const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 3 });
    emitMany(3);
    await advance(2_000);
    assert.deepEqual([names(sink), lane().written, lane().dropped], [["012", "012"], 3, {}]);
  });
}

test("a getter that throws, and a sink that takes its batch apart", async (t) => {
  const sink = recorder((call, batch) => {
    if (call === 1) {
      throw Object.defineProperty(partly("later", []), "rejected", { get: () => assert.fail("looked at") });
    }
    if (call === 2) throw partly("later", (batch as TraceRecord[]).splice(1));
  });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 3 });
  emitMany(6);
  await advance(10_000);
  assert.deepEqual([names(sink), lane().written], [["012", "345", "45"], 6]);
});

test("the records are not told with the error", () => {
  const error = partly("later", [draft("secret").record]);
  assert.doesNotMatch(inspect(error, { depth: 9 }) + JSON.stringify(error), /secret/);
});

test("what was taken does not count for giving up", async (t) => {
  const sink = recorder((_, batch) => {
    throw partly("later", batch.length > 1 ? batch.slice(1) : batch);
  });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 3, giveUpMs: 10_000 });
  emitMany(3);
  await advance(30_000);
  assert.deepEqual([lane().written, lane().dropped], [2, { gave_up: 1 }]);
});

test("shutdown: what was taken is written, what remained is dropped, or spilled where the sink can", async (t) => {
  for (const canSpill of [false, true]) {
    const sink = recorder((_, batch) => {
      throw partly("later", batch.slice(1));
    });
    const spilled: string[] = [];
    const writeSync = (batch: Batch) => void spilled.push(...batch.map(({ name }) => name as string));
    const { emitMany, advance, lane, shutdown } = rig(t, [canSpill ? { ...sink, writeSync } : sink], {
      batchRecords: 3,
    });
    emitMany(3);
    await advance(10);
    const closing = shutdown({ timeoutMs: 10 });
    await advance(100);
    await closing;
    assert.deepEqual(spilled, canSpill ? ["1", "2"] : []);
    assert.deepEqual([lane().written, lane().dropped], canSpill ? [3, {}] : [1, { shutdown: 2 }]);
    t.mock.timers.reset();
  }
});

test("a spill that was taken in part costs the rest alone", async (t) => {
  const writeSync = (batch: Batch) => {
    throw partly("later", batch.slice(1), { rejected: [{ spanId: "0", reason: "no" }] });
  };
  const { emitMany, advance, lane, shutdown } = rig(t, [{ ...recorder(), writeSync }], { batchRecords: 9 });
  emitMany(3);
  const closing = shutdown({ timeoutMs: 0 });
  await advance(100);
  await closing;
  const { written, dropped } = lane();
  assert.equal(written + Object.values(dropped).reduce((sum, count) => sum + count, 0), 3);
});

test('durability "record": a record that was taken although the call failed is written', async (t) => {
  const sink = recorder();
  const writeSync = () => {
    throw partly("never", []);
  };
  const { emitMany, advance, lane } = rig(t, [{ ...sink, writeSync, policy: { durability: "record" } }]);
  emitMany(1);
  await advance(2_000);
  assert.deepEqual([lane().written, sink.calls.length, lane().lastError], [1, 0, "partly"]);
});

test("an attempt that takes too long: what the aborted sink says was taken does not come again", async (t) => {
  const sink: Recorder = recorder();
  const write = (batch: Batch, signal: AbortSignal) => {
    sink.calls.push({ at: Date.now(), names: batch.map(({ name }) => name as string) });
    if (sink.calls.length > 1) return undefined;
    return new Promise<void>((_, reject) => {
      signal.addEventListener("abort", () => reject(partly("later", batch.slice(2))));
    });
  };
  const { emitMany, advance, lane } = rig(t, [{ ...sink, write }], { batchRecords: 4 });
  emitMany(4);
  await advance(10_000);
  assert.deepEqual([lane().written, lane().lastError], [2, "no answer within 10000 ms"]);
  await advance(1_000);
  assert.deepEqual([names(sink), lane().written], [["0123", "23"], 4]);
});

test("an aborted sink that claims to have taken all is not believed", async (t) => {
  const sink: Recorder = recorder();
  const write = (batch: Batch, signal: AbortSignal) => {
    sink.calls.push({ at: Date.now(), names: batch.map(({ name }) => name as string) });
    if (sink.calls.length > 1) return undefined;
    return new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  };
  const { emitMany, advance, lane } = rig(t, [{ ...sink, write }], { batchRecords: 1 });
  emitMany(1);
  await advance(11_000);
  assert.deepEqual([names(sink), lane().written], [["0", "0"], 1]);
});

test("a packed backlog: any part of a batch", async (t) => {
  const arrived: string[] = [];
  let isStuck = true;
  const sink = recorder((_, batch) => {
    if (isStuck) return new Promise(() => {});
    const left = batch.filter((record) => Number(record.name) % 3 === 0);
    arrived.push(...batch.filter((record) => !left.includes(record)).map(({ name }) => name as string));
    if (left.length < batch.length) throw partly("split", left);
    arrived.push(...left.map(({ name }) => name as string));
    return undefined;
  });
  const pipeline = rig(t, [sink]);
  for (let i = 0; i < 10; i++) {
    pipeline.emitMany(1_000, 1_000);
    await pipeline.advance(0);
  }
  for (let i = 0; i < 20_000 && pipeline.lane().bytes > 3 * 1024 ** 2; i++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(pipeline.lane().bytes < 3 * 1024 ** 2, "it is packed");
  isStuck = false;
  await pipeline.advance(60_000);
  for (let i = 0; i < 1_000 && pipeline.lane().queued > 0; i++) await pipeline.advance(100);
  assert.deepEqual([pipeline.lane().written, pipeline.lane().bytes], [10_000, 0]);
  assert.equal(arrived.length, 10_000);
  assert.equal(new Set(arrived).size, 10_000);
});

test("mask and filter in front: `remaining` are the records that the sink got", async (t) => {
  const sink = everySecond("later");
  const prepare = (record: TraceRecord) =>
    record.name === "0" ? undefined : ({ ...record, input: "***" } as SpanRecord);
  const { emitMany, advance, lane } = rig(t, [{ ...sink, policy: { prepare } }], { batchRecords: 4 });
  emitMany(4);
  await advance(3_000);
  assert.deepEqual(names(sink), ["123", "2"]);
  assert.deepEqual([lane().written, lane().sampledOut], [3, 1]);
});

const SEQUENCES = Number(process.env["SEQUENCES"] ?? 150);
const SEED = Number(process.env["SEED"] ?? 20_261_121);

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("random partial failures of random batches: every record arrives once or is counted, at every step", async (t) => {
  let records = 0;
  let partial = 0;
  for (let i = 0; i < SEQUENCES; i++) {
    const random = seeded(SEED + i);
    const arrived: string[] = [];
    let rejected = 0;
    const sink = recorder((_, batch) => {
      if (random() < 0.2) throw new SinkError("down", { retry: "later" });
      const left = batch.filter(() => random() < 0.4);
      const taken = batch.filter((record) => !left.includes(record));
      const refused = taken.filter(() => random() < 0.1);
      arrived.push(...taken.filter((record) => !refused.includes(record)).map(({ name }) => name as string));
      rejected += refused.length;
      const said = refused.map(({ spanId = "" }) => ({ spanId, reason: "no" }));
      if (left.length === 0 && random() < 0.5) return { rejected: said };
      partial++;
      const error = partly((["later", "later", "split", "never"] as const)[Math.floor(random() * 4)]!, left, {
        rejected: said,
      });
      if (random() < 0.5) throw error;
      return Promise.reject(error);
    });
    const giveUpMs = random() < 0.5 ? 5_000 : 300_000;
    const options = { batchRecords: 1 + Math.floor(random() * 12), giveUpMs, random };
    const pipeline = rig(t, [sink], options);
    for (let step = 0; step < 6; step++) {
      records += pipeline.emitMany(Math.floor(random() * 25)).length;
      await pipeline.advance(Math.floor(random() * 3_000));
      assertLane(`SEED=${SEED + i}`, pipeline.lane());
      assert.equal(pipeline.lane().written, arrived.length, `SEED=${SEED + i}`);
    }
    const closing = pipeline.shutdown({ timeoutMs: 100 });
    await pipeline.advance(200);
    await closing;
    const { written, queued, dropped } = pipeline.lane();
    assert.deepEqual([written, queued], [arrived.length, 0], `SEED=${SEED + i}`);
    assert.equal(new Set(arrived).size, arrived.length, `SEED=${SEED + i}: something came twice`);
    assert.ok((dropped.rejected_by_sink ?? 0) >= rejected);
    t.mock.timers.reset();
  }
  t.diagnostic(
    `figure: ${SEQUENCES} sequences from SEED=${SEED}, ${records} records, ${partial} batches taken in part`,
  );
});
