import assert from "node:assert/strict";
import { createHook } from "node:async_hooks";
import { test } from "node:test";
import { mergeTraceInfo } from "../../src/core/trace.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import { assertBooks, draft, hang, recorder, rig, sizes, times, turns } from "./rig.ts";

test("a batch that is not full leaves one second after its first record", async (t) => {
  const sink = recorder();
  const { emitMany, advance } = rig(t, [sink]);
  emitMany(2);
  await advance(500);
  emitMany(1);
  await advance(490);
  assert.deepEqual(sink.calls, []);
  await advance(10);
  assert.deepEqual(sink.calls, [{ at: 1_000, names: ["0", "1", "2"] }]);
});

test("a full batch leaves at once, but not in the caller's turn", async (t) => {
  const sink = recorder();
  const { emitMany, lane } = rig(t, [sink]);
  emitMany(256);
  await Promise.resolve();
  assert.deepEqual(sink.calls, []);
  assert.equal(lane().queued, 256);
  await turns();
  assert.deepEqual(sizes(sink), [256]);
  assert.deepEqual(times(sink), [0]);
});

test("a batch is full at 1 MiB", async (t) => {
  const sink = recorder();
  const { emitMany, advance } = rig(t, [sink]);
  emitMany(5, 400_000);
  await advance(0);
  assert.deepEqual(sizes(sink), [2, 2]);
  await advance(1_000);
  assert.deepEqual(sizes(sink), [2, 2, 1]);
});

test("a record larger than a batch goes alone", async (t) => {
  const sink = recorder();
  const { emitMany, emit, advance } = rig(t, [sink]);
  emitMany(1);
  emit(draft("large", 2_000_000));
  emitMany(1);
  await advance(1_000);
  assert.deepEqual(
    sink.calls.map((call) => call.names),
    [["0"], ["large"], ["1"]],
  );
});

test("batch limits are options", async (t) => {
  const sink = recorder();
  const { emitMany, advance } = rig(t, [sink], { batchRecords: 2, batchMs: 50 });
  emitMany(3);
  await advance(40);
  assert.deepEqual(sizes(sink), [2]);
  await advance(20);
  assert.deepEqual(sizes(sink), [2, 1]);
});

test("one attempt is in flight, and records keep their order", async (t) => {
  let running = 0;
  let most = 0;
  const sink = recorder(async () => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 100));
    running--;
  });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 10 });
  emitMany(30);
  await advance(1_000);
  assert.equal(most, 1);
  assert.deepEqual(
    sink.records.map((record) => record.name),
    Array.from({ length: 30 }, (_, i) => String(i)),
  );
  assert.equal(lane().written, 30);
});

test("a late update of the trace reaches what is queued, for every sink", async (t) => {
  const [fast, slow] = [
    recorder(undefined, "fast"),
    recorder((call) => call === 1 && new Promise((r) => setTimeout(r, 5_000)), "slow"),
  ];
  const { emitMany, advance } = rig(t, [fast, slow], { batchRecords: 2 });
  const drafts = emitMany(4);
  await advance(10);
  for (const one of drafts) {
    (one.trace as { info: object }).info = mergeTraceInfo(one.trace.info, { userId: "ada" });
  }
  await advance(6_000);
  const users = (sink: typeof fast) => sink.records.map((record) => record.trace.userId);
  assert.deepEqual(users(fast), [undefined, undefined, undefined, undefined]);
  assert.deepEqual(users(slow), [undefined, undefined, "ada", "ada"]);
  assert.ok(slow.records.every((record) => Object.isFrozen(record)));
});

test("a retry sends the very same records, whatever became of the trace since", async (t) => {
  const sink = recorder((call) => {
    if (call === 1) throw new Error("down");
  });
  const { emitMany, advance } = rig(t, [sink], { batchRecords: 1 });
  const [one] = emitMany(1);
  await advance(10);
  (one!.trace as { info: object }).info = { userId: "ada" };
  await advance(2_000);
  assert.equal(sink.records.length, 2);
  assert.equal(sink.records[0], sink.records[1]);
});

test("a synchronous sink costs no promise, an asynchronous one does", async () => {
  const calm = recorder(undefined, "calm");
  const eager = recorder(async () => {}, "eager");
  const made = { calm: 0, eager: 0 };
  for (const sink of [calm, eager]) {
    const pipeline = createPipeline([sink], { suppress: (fn) => fn(), batchRecords: 10 });
    const hook = createHook({
      init(_id, type) {
        if (type === "PROMISE" && new Error().stack!.includes("/src/pipeline/")) made[sink.name as "calm" | "eager"]++;
      },
    });
    hook.enable();
    for (let i = 0; i < 100; i++) pipeline.emit(draft(String(i)));
    while (sink.calls.length < 10) await turns();
    hook.disable();
    assertBooks(pipeline, 100);
  }
  assert.equal(made.calm, 0);
  assert.ok(made.eager >= 10);
});

test("a synchronous sink gets several batches in a turn, for five milliseconds", async (t) => {
  let ms = 0;
  const clock = { epochMs: () => ms, monotonicMs: () => ms };
  const sink = recorder(() => void (ms += 2));
  const { emitMany } = rig(t, [sink], { batchRecords: 10, clock });
  emitMany(80);
  const byTurn: number[] = [];
  for (let turn = 0; turn < 3; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    byTurn.push(sink.calls.length);
  }
  assert.deepEqual(byTurn, [3, 6, 8]);
});

test("with a clock that stands still, a sink that feeds itself does not keep the turn", async (t) => {
  const sink = recorder(() => void emitMany(1));
  const clock = { epochMs: () => 0, monotonicMs: () => 0 };
  const { emitMany } = rig(t, [sink], { batchRecords: 1, clock });
  emitMany(4);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sink.calls.length, 4);
  sink.write = () => {};
});

test("a sink that emits from inside write is served later, without recursion", async (t) => {
  let depth = 0;
  const sink = recorder((call) => {
    assert.equal(++depth, 1);
    if (call <= 3) emitMany(1);
    depth--;
  });
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(100);
  assert.deepEqual(sizes(sink), [1, 1, 1, 1]);
  assert.equal(lane().written, 4);
});

test("no timer keeps the process alive but that of a flush", async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const sinks = [recorder(hang, "in flight"), recorder(() => Promise.reject(new Error("down")), "in backoff")];
  const pipeline = createPipeline(sinks, { suppress: (fn) => fn(), batchRecords: 2 });
  for (let i = 0; i < 2; i++) pipeline.emit(draft(String(i)));
  await turns();
  const gathering = createPipeline([recorder()], { suppress: (fn) => fn() });
  gathering.emit(draft("0"));
  assert.equal(timers(), before);
  const closing = [pipeline.shutdown({ timeoutMs: 10 }), gathering.shutdown()];
  assert.equal(timers(), before + 2);
  await Promise.all(closing);
  assertBooks(pipeline, 2);
  assertBooks(gathering, 1);
});

test("a sink works inside suppress", async (t) => {
  let depth = 0;
  const seen: string[] = [];
  const note = (what: string) => () => void seen.push(`${what} ${depth}`);
  const sink = {
    name: "sink",
    write: note("write"),
    flush: note("flush"),
    close: note("close"),
    writeSync: note("writeSync"),
  };
  const suppress = <T>(fn: () => T): T => {
    depth++;
    try {
      return fn();
    } finally {
      depth--;
    }
  };
  const { emitMany, flush, spillSync, shutdown } = rig(t, [sink], { suppress });
  emitMany(1);
  await flush();
  emitMany(1);
  spillSync();
  await shutdown();
  assert.deepEqual(seen, ["write 1", "flush 1", "writeSync 1", "close 1", "flush 1", "close 1"]);
});

test("sinks of one name are told apart", async (t) => {
  const names = ["http", "http", "file", "http", "http#2"];
  const { stats } = rig(
    t,
    names.map((name) => recorder(undefined, name)),
  );
  assert.deepEqual(Object.keys(stats()), ["http", "http#2", "file", "http#3", "http#2#2"]);
});
