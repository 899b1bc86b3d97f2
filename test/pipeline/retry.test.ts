import assert from "node:assert/strict";
import { test } from "node:test";
import { SinkError } from "../../src/core/errors.ts";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { draft, hang, recorder, rig, sizes, times } from "./rig.ts";

const later = (retryAfterMs?: number) => new SinkError("busy", { retry: "later", retryAfterMs });
const split = () => new SinkError("too large", { retry: "split" });
const never = () => new SinkError("bad key", { retry: "never" });

function fail(error: unknown): never {
  throw error;
}

test("failed attempts follow the schedule, and success ends it", async (t) => {
  const sink = recorder((call) => call <= 4 && fail(later()));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(20_000);
  assert.deepEqual(times(sink), [0, 1_000, 3_000, 7_000, 15_000]);
  assert.deepEqual([lane().written, lane().retries, lane().lastError], [1, 4, "busy"]);
  emitMany(1);
  await advance(10);
  assert.equal(sink.calls.at(-1)!.at, 20_000);
});

test("after a success the schedule starts anew", async (t) => {
  const sink = recorder((call) => [1, 2, 4].includes(call) && fail(later()));
  const { emitMany, advance } = rig(t, [sink], { batchRecords: 1 });
  emitMany(2);
  await advance(5_000);
  assert.deepEqual(times(sink), [0, 1_000, 3_000, 3_000, 4_000]);
});

test("a sink that takes its batch apart gets all of it again", async (t) => {
  const sink = recorder((call, batch) => {
    (batch as TraceRecord[]).length = 0;
    if (call === 1) throw later();
  });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 3 });
  emitMany(3);
  await advance(2_000);
  assert.deepEqual([sizes(sink), lane().written], [[3, 3], 3]);
});

test("jitter comes from the dice", async (t) => {
  const dice = [0, 0.5, 1];
  const sink = recorder((call) => call <= 3 && fail(later()));
  const { emitMany, advance } = rig(t, [sink], { batchRecords: 1, random: () => dice.shift()! });
  emitMany(1);
  await advance(10_000);
  assert.deepEqual(times(sink), [0, 500, 500 + 1_500, 2_000 + 4_000]);
});

test("the later of our own wait and the server's word counts", async (t) => {
  const words = [20_000, 100, 0, undefined];
  const sink = recorder((call) => call <= 4 && fail(later(words[call - 1])));
  const { emitMany, advance } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(50_000);
  assert.deepEqual(times(sink), [0, 20_000, 22_000, 26_000, 34_000]);
});

test("an absurd Retry-After is a quarter of an hour, not a retry storm", async (t) => {
  const sink = recorder((call) => call === 1 && fail(later(9_999_999_999_000)));
  const { emitMany, advance } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(901_000);
  assert.deepEqual(times(sink), [0, 900_000]);
});

test("any other error counts as later, a rejection too", async (t) => {
  const errors = [
    new TypeError("fetch failed", { cause: new Error("ECONNREFUSED") }),
    null,
    "text",
    Object.freeze(new Error("frozen")),
  ];
  const sink = recorder((call) => {
    if (call > 4) return undefined;
    if (call % 2 === 0) return Promise.reject(errors[call - 1]);
    throw errors[call - 1];
  });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(20_000);
  assert.deepEqual(times(sink), [0, 1_000, 3_000, 7_000, 15_000]);
  assert.equal(lane().written, 1);
});

test("never drops the batch, and the next one goes at once", async (t) => {
  const sink = recorder((call) => call === 1 && fail(never()));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 2 });
  emitMany(4);
  await advance(10);
  assert.deepEqual(times(sink), [0, 0]);
  assert.deepEqual([lane().dropped, lane().written], [{ rejected_by_sink: 2 }, 2]);
});

test("never with a Retry-After keeps the lane away for so long", async (t) => {
  const sink = recorder((call) => call === 1 && fail(new SinkError("quota", { retry: "never", retryAfterMs: 3_000 })));
  const { emitMany, advance } = rig(t, [sink], { batchRecords: 1 });
  emitMany(2);
  await advance(5_000);
  assert.deepEqual(times(sink), [0, 3_000]);
});

test("split halves down to the guilty record, which goes once stripped; its neighbours arrive", async (t) => {
  const isGuilty = (record: TraceRecord) => (record as SpanRecord).input !== undefined;
  const arrived: TraceRecord[] = [];
  const sink = recorder((_call, batch) => {
    if (batch.some(isGuilty)) throw split();
    arrived.push(...batch);
  });
  const { emit, advance, lane } = rig(t, [sink], { batchRecords: 8 });
  for (let i = 0; i < 8; i++) emit(draft(String(i), 1_000, i === 5 ? { input: "x".repeat(98), output: { a: 1 } } : {}));
  await advance(10);
  assert.deepEqual(
    sink.calls.map((call) => call.names.join("")),
    ["01234567", "0123", "4567", "45", "4", "5", "5", "67"],
  );
  assert.deepEqual(
    arrived.map((record) => record.name),
    ["0", "1", "2", "3", "4", "5", "6", "7"],
  );
  const stripped = arrived[5] as SpanRecord;
  assert.ok(!("input" in stripped) && !("output" in stripped));
  assert.deepEqual(stripped.cuts, [
    { path: "input", reason: "bytes", size: 100 },
    { path: "output", reason: "bytes", size: 7 },
  ]);
  assert.equal(lane().written, 8);
});

test("a record that is too large even stripped is dropped, alone", async (t) => {
  const sink = recorder((_call, batch) => batch.some((record) => record.name === "huge") && fail(split()));
  const { emit, emitMany, advance, lane } = rig(t, [sink], { batchRecords: 3 });
  emitMany(1);
  emit(draft("huge", 1_000, { output: "x" }));
  emitMany(1);
  await advance(10);
  assert.equal(sink.calls.filter((call) => call.names.join() === "huge").length, 2);
  assert.deepEqual([lane().dropped, lane().written], [{ too_large: 1 }, 2]);
});

test("a record without payload has nothing to strip", async (t) => {
  const sink = recorder(() => fail(split()));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(10);
  assert.deepEqual(sizes(sink), [1]);
  assert.deepEqual(lane().dropped, { too_large: 1 });
});

test("a batch that fails for five minutes is given up, and the next one is the probe", async (t) => {
  const sink = recorder(() => fail(later()));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(2);
  await advance(361_000);
  assert.deepEqual(times(sink).slice(0, 7), [0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000]);
  const first = sink.calls.filter((call) => call.names[0] === "0");
  assert.equal(first.at(-1)!.at, 301_000);
  assert.equal(sink.calls[first.length]!.names[0], "1");
  assert.equal(sink.calls[first.length]!.at, 331_000);
  assert.deepEqual([lane().dropped, lane().queued], [{ gave_up: 1 }, 1]);
});

test("with giveUpMs: Infinity a batch is never given up", async (t) => {
  const sink = recorder(() => fail(later()));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1, giveUpMs: Number.POSITIVE_INFINITY });
  emitMany(1);
  await advance(700_000);
  assert.deepEqual([lane().dropped, lane().queued], [{}, 1]);
});

test("a server's word longer than giveUpMs is waited for before giving up", async (t) => {
  const sink = recorder((call) => call === 1 && fail(later(600_000)));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(601_000);
  assert.deepEqual([times(sink), lane().written], [[0, 600_000], 1]);
});

test("a lane that is down stays down for a record that comes later", async (t) => {
  const sink = recorder((call) => call <= 2 && fail(later()));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1, giveUpMs: 500 });
  emitMany(1);
  await advance(1_500);
  assert.deepEqual([lane().dropped, lane().queued], [{ gave_up: 1 }, 0]);
  emitMany(1);
  await advance(2_000);
  assert.deepEqual(times(sink), [0, 1_000, 3_000]);
});

test("a hanging attempt is aborted after ten seconds, and what it says later is ignored", async (t) => {
  const signals: AbortSignal[] = [];
  let answerLate = (): void => {};
  const sink = {
    name: "sink",
    write(_batch: unknown, signal: AbortSignal) {
      signals.push(signal);
      return signals.length === 1 ? new Promise<void>((resolve) => (answerLate = resolve)) : undefined;
    },
  };
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(9_990);
  assert.equal(signals[0]!.aborted, false);
  await advance(10);
  assert.equal(signals[0]!.aborted, true);
  assert.equal(lane().lastError, "no answer within 10000 ms");
  answerLate();
  await advance(990);
  assert.deepEqual([signals.length, lane().written], [1, 0]);
  await advance(10);
  assert.deepEqual([signals.length, lane().written], [2, 1]);
  assert.equal(signals[1]!.aborted, false);
});

test("a clock that jumps back does not stop the lane for good", async (t) => {
  let jump = 1e12;
  const clock = { epochMs: () => 0, monotonicMs: () => Date.now() + jump };
  const sink = recorder((call) => call === 1 && fail(later()));
  const { emitMany, advance, flush, lane } = rig(t, [sink], { batchRecords: 1, clock });
  emitMany(1);
  await advance(100);
  jump = 0;
  void flush();
  await advance(900_100);
  assert.deepEqual([times(sink), lane().written], [[0, 900_100], 1]);
});

test("partial success is counted and not sent again", async (t) => {
  const sink = recorder(() => ({ rejected: [{ spanId: "1", reason: "bad" }] }));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 3 });
  emitMany(3);
  await advance(2_000);
  assert.equal(sink.calls.length, 1);
  assert.deepEqual([lane().written, lane().dropped], [2, { rejected_by_sink: 1 }]);
});

test("fifty lanes that fail together come back spread out", async (t) => {
  const sinks = Array.from({ length: 50 }, (_, i) => recorder((call) => call === 1 && fail(later()), `s${i}`));
  const { emitMany, advance } = rig(t, sinks, { batchRecords: 1, random: Math.random });
  emitMany(1);
  await advance(1_010);
  const seconds = sinks.map((sink) => times(sink)[1]!);
  assert.ok(seconds.every((at) => at >= 500 && at <= 1_010));
  assert.ok(new Set(seconds).size > 20, `${new Set(seconds).size} different steps of 10 ms`);
});

test("one hanging, one failing and one throwing sink do not delay a healthy one", async (t) => {
  const healthy = recorder(undefined, "healthy");
  const bad = [hang, () => fail(later()), () => Promise.reject(new Error("no")), () => fail(null)];
  const { emitMany, advance, lane } = rig(t, [...bad.map((answer) => recorder(answer)), healthy], { batchRecords: 5 });
  for (let i = 0; i < 20; i++) {
    emitMany(5);
    await advance(100);
  }
  assert.deepEqual(
    times(healthy),
    Array.from({ length: 20 }, (_, i) => i * 100),
  );
  assert.equal(lane("healthy").written, 100);
  assert.equal(lane("sink").queued, 100);
});
