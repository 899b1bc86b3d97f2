import assert from "node:assert/strict";
import { test } from "node:test";
import { SinkError } from "../../src/core/errors.ts";
import type { FlushResult } from "../../src/core/runtime.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { hang, recorder, rig, sizes, times, turns } from "./rig.ts";

const DONE: FlushResult = { ok: true, written: 0, pending: 0, spooled: 0, dropped: 0, errors: [] };

/** The result of a promise, or `undefined` while it is pending. */
function watch<T>(promise: Promise<T>): () => T | undefined {
  let result: T | undefined;
  promise.then((value) => (result = value));
  return () => result;
}

function down(): never {
  throw new Error("down");
}

test("flush delivers what is queued without waiting for a batch to fill, then flushes the sink", async (t) => {
  const order: string[] = [];
  const sink = recorder((call) => void order.push(`write ${call}`));
  sink.flush = async () => void order.push("flush");
  const { emitMany, flush, lane } = rig(t, [sink], { batchRecords: 10 });
  emitMany(25);
  assert.deepEqual(await flush(), { ...DONE, written: 25 });
  assert.deepEqual(
    [order, sizes(sink)],
    [
      ["write 1", "write 2", "write 3", "flush"],
      [10, 10, 5],
    ],
  );
  assert.equal(lane().queued, 0);
});

test("with nothing queued and with no sinks it succeeds", async (t) => {
  const { flush, shutdown } = rig(t, []);
  assert.deepEqual([await flush(), await flush(undefined), await shutdown()], [DONE, DONE, DONE]);
});

test("figures count since the previous result, each record once for every sink", async (t) => {
  const good = recorder(undefined, "good");
  const picky = recorder(() => ({ rejected: [{ spanId: "x", reason: "bad" }] }), "picky");
  const { emitMany, advance, flush } = rig(t, [good, picky], { queueRecords: 4 });
  emitMany(3);
  await advance(1_000);
  emitMany(5);
  const first = await flush();
  assert.deepEqual([first.ok, first.written, first.pending, first.dropped], [false, 12, 0, 4]);
  assert.deepEqual(await flush(), DONE);
});

test("all sinks are drained at the same time", async (t) => {
  const slow = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1_000));
  const { emitMany, flush, advance } = rig(t, [recorder(slow, "a"), recorder(slow, "b"), recorder(slow, "c")]);
  emitMany(1);
  const result = watch(flush());
  await advance(1_000);
  assert.deepEqual(result(), { ...DONE, written: 3 });
});

test("a hanging sink costs the deadline and no more, and the healthy one is done", async (t) => {
  const healthy = recorder(undefined, "healthy");
  const { emitMany, flush, advance } = rig(t, [recorder(hang, "hanging"), healthy]);
  emitMany(3);
  const result = watch(flush({ timeoutMs: 300 }));
  await advance(290);
  assert.equal(result(), undefined);
  assert.equal(healthy.calls.length, 1);
  await advance(10);
  assert.deepEqual(result(), {
    ok: false,
    written: 3,
    pending: 3,
    spooled: 0,
    dropped: 0,
    errors: ["hanging: not finished in time"],
  });
});

test("the deadline is five seconds by default, and nonsense means the default", async (t) => {
  for (const options of [undefined, {}, { timeoutMs: Number.NaN }, { timeoutMs: -1 }, null as never]) {
    await t.test(JSON.stringify(options) ?? "none", async (sub) => {
      const { emitMany, flush, advance } = rig(sub, [recorder(hang)]);
      emitMany(1);
      const result = watch(flush(options));
      await advance(4_990);
      assert.equal(result(), undefined);
      await advance(10);
      assert.equal(result()?.pending, 1);
    });
  }
});

test("an endless deadline does not end at once", async (t) => {
  const { emitMany, flush, advance } = rig(t, [recorder(hang)]);
  emitMany(1);
  const result = watch(flush({ timeoutMs: Number.POSITIVE_INFINITY }));
  await advance(5_000);
  assert.equal(result(), undefined);
});

test("no timer is set for longer than Node can", async (t) => {
  const { emitMany, flush, advance } = rig(t, [recorder(hang)], { batchMs: 1e12, attemptMs: Number.POSITIVE_INFINITY });
  const spy = t.mock.method(globalThis, "setTimeout");
  emitMany(1);
  void flush({ timeoutMs: 1e12 });
  await advance(0);
  const delays = spy.mock.calls.map((call) => call.arguments[1]);
  assert.deepEqual(delays, Array(3).fill(2 ** 31 - 1));
});

test("a transient failure is retried within the deadline", async (t) => {
  const sink = recorder((call) => call === 1 && down());
  const { emitMany, flush, advance } = rig(t, [sink]);
  emitMany(2);
  const result = watch(flush());
  await advance(1_000);
  assert.deepEqual(result(), { ...DONE, written: 2 });
  assert.deepEqual(times(sink), [0, 1_000]);
});

test("with a dead sink it returns as soon as no retry is due before the deadline", async (t) => {
  const sink = recorder(down);
  let flushed = 0;
  sink.flush = () => void flushed++;
  const { emitMany, flush, advance } = rig(t, [sink]);
  emitMany(2);
  const result = watch(flush());
  await advance(3_000);
  assert.deepEqual(times(sink), [0, 1_000, 3_000]);
  assert.deepEqual(result(), { ok: false, written: 0, pending: 2, spooled: 0, dropped: 0, errors: ["sink: down"] });
  assert.equal(flushed, 1);
});

test("it cuts a long wait of our own short, to one attempt a second", async (t) => {
  const sink = recorder(down);
  const { emitMany, flush, advance } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(20_000);
  const before = times(sink).length;
  const first = watch(flush({ timeoutMs: 100 }));
  await advance(0);
  assert.deepEqual(times(sink).slice(before), [20_000]);
  assert.equal(first()?.pending, 1);
  for (let i = 0; i < 5; i++) {
    void flush({ timeoutMs: 100 });
    await advance(100);
  }
  assert.deepEqual(times(sink).slice(before), [20_000]);
  await advance(500);
  assert.deepEqual(times(sink).slice(before), [20_000, 21_000]);
});

test("it never cuts the server's word short", async (t) => {
  const sink = recorder((call) => {
    if (call === 1) throw new SinkError("busy", { retry: "later", retryAfterMs: 60_000 });
  });
  const { emitMany, flush, advance } = rig(t, [sink], { batchRecords: 1 });
  emitMany(1);
  await advance(10);
  const result = watch(flush());
  await advance(0);
  assert.deepEqual([result()?.pending, times(sink)], [1, [0]]);
  await advance(60_000);
  assert.deepEqual(times(sink), [0, 60_000]);
});

test("it answers for what was there at the call, not for what came since", async (t) => {
  const sink = recorder((): any => {
    if (sink.calls.length < 50) emitMany(1);
  });
  const { emitMany, flush } = rig(t, [sink], { batchRecords: 1 });
  emitMany(3);
  const result = await flush();
  assert.deepEqual([result.ok, result.pending], [true, 0]);
  assert.ok(sink.calls.length < 50);
});

test("what is evicted after the call does not count as delivered", async (t) => {
  const healthy = recorder(undefined, "healthy");
  const { emitMany, flush, advance, lane } = rig(t, [recorder(hang), healthy], { queueBytes: 20_000, batchRecords: 5 });
  emitMany(17);
  await advance(10);
  const result = watch(flush({ timeoutMs: 100 }));
  emitMany(3);
  await advance(10);
  emitMany(3);
  assert.deepEqual(lane("sink").dropped, { queue_full: 6 });
  await advance(100);
  assert.equal(result()?.pending, 17);
});

test("concurrent flushes share the work and give the same figures", async (t) => {
  let flushed = 0;
  const sink = recorder();
  sink.flush = () => void flushed++;
  const { emitMany, flush } = rig(t, [sink]);
  emitMany(3);
  const results = await Promise.all([flush(), flush(), flush()]);
  assert.deepEqual(results, Array(3).fill({ ...DONE, written: 3 }));
  assert.deepEqual([flushed, sink.calls.length], [1, 1]);
  await Promise.all([flush(), flush()]);
  assert.deepEqual([flushed, sink.calls.length], [2, 1]);
});

test("flush never rejects, whatever the sink does", async (t) => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const thrower = (value: unknown) => () => {
    throw value;
  };
  const bad: { readonly [name: string]: Partial<Sink> & { write: () => any } } = {
    throws: { write: thrower(new Error("write")) },
    "throws null": { write: thrower(null) },
    "throws a revoked proxy": { write: thrower(revoked.proxy) },
    "throws what cannot be shown": { write: thrower(Object.create(null)) },
    "throws a SinkError with junk": {
      write: thrower(Object.assign(new SinkError("x", { retry: "later" }), { retry: 7, retryAfterMs: "soon" })),
    },
    rejects: { write: () => Promise.reject(undefined) },
    "gives a revoked proxy": { write: () => revoked.proxy },
    "gives a hostile thenable": {
      write: () => ({
        get then() {
          throw new Error("then");
        },
      }),
    },
    "gives a thenable that answers twice": {
      write: () => ({
        then(ok: () => void, no: () => void) {
          ok();
          no();
          throw new Error("again");
        },
      }),
    },
    "flush throws": { write() {}, flush: thrower(new Error("flush")) },
    "flush rejects": { write() {}, flush: () => Promise.reject(new Error("flush")) },
    "close throws": { write() {}, close: thrower(new Error("close")) },
  };
  for (const [name, sink] of Object.entries(bad)) {
    await t.test(name, async (sub) => {
      const { emitMany, flush, shutdown, advance } = rig(sub, [{ name: "bad", ...sink }]);
      emitMany(2);
      const flushed = watch(flush());
      await advance(5_000);
      const closed = watch(shutdown());
      await advance(5_000);
      const results = [flushed(), closed()];
      assert.ok(results.every((result) => result !== undefined));
      const ok = name === "gives a thenable that answers twice";
      assert.equal(
        results.some((result) => result!.errors.length > 0),
        !ok,
        JSON.stringify(results),
      );
    });
  }
});

test("junk as a result counts as written", async (t) => {
  const junk = [
    1,
    "x",
    null,
    {},
    { rejected: 5 },
    { rejected: [1, 2, 3, 4] },
    [],
    () => {},
    {
      get rejected() {
        throw new Error("no");
      },
    },
  ];
  const sink = recorder((call) => junk[call - 1]);
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 1 });
  emitMany(junk.length);
  await advance(100);
  assert.deepEqual([lane().written, lane().dropped, lane().queued], [junk.length - 1, { rejected_by_sink: 1 }, 0]);
});

test("a broken clock neither stops delivery nor makes it storm", async (t) => {
  for (const broken of [
    () => {
      throw new Error("clock");
    },
    () => Number.NaN,
    () => "noon" as never,
    () => 0,
  ]) {
    await t.test(String(broken), async (sub) => {
      const sink = recorder((call) => call <= 3 && down());
      const clock = { epochMs: broken, monotonicMs: broken };
      const { emitMany, advance, lane } = rig(sub, [sink], { clock, batchRecords: 1 });
      // What is read instead.
      sub.mock.method(performance, "now", () => Date.now());
      emitMany(1);
      await advance(8_000);
      assert.deepEqual([times(sink), lane().written], [[0, 1_000, 3_000, 7_000], 1]);
    });
  }
});

test("shutdown flushes, closes and is idempotent", async (t) => {
  const order: string[] = [];
  const sink = recorder(() => void order.push("write"));
  sink.flush = () => void order.push("flush");
  sink.close = async () => void order.push("close");
  const { emitMany, shutdown, flush, spillSync } = rig(t, [sink]);
  emitMany(2);
  const [first, second] = [shutdown(), shutdown({ timeoutMs: 1 })];
  assert.equal(first, second);
  assert.deepEqual(await first, { ...DONE, written: 2 });
  spillSync();
  assert.deepEqual([await shutdown(), await flush()], [{ ...DONE, written: 2 }, DONE]);
  assert.deepEqual(order, ["write", "flush", "close"]);
});

test("records after shutdown are counted as dropped", async (t) => {
  const sink = recorder();
  const { emitMany, shutdown, flush, spillSync, advance, lane } = rig(t, [sink]);
  emitMany(1);
  const closing = shutdown();
  emitMany(2);
  const result = await closing;
  emitMany(3);
  spillSync();
  await advance(2_000);
  assert.deepEqual([lane().written, lane().dropped], [1, { shutdown: 5 }]);
  assert.deepEqual([result.written, result.dropped], [1, 2]);
  assert.equal((await flush()).dropped, 3);
});

test("what cannot be delivered before the deadline of shutdown is aborted, spilled or dropped", async (t) => {
  let signal: AbortSignal | undefined;
  const hanging: Sink = {
    name: "hanging",
    write(_batch, given) {
      signal = given;
      return hang();
    },
  };
  const spilled: string[] = [];
  const spilling: Sink = {
    name: "spilling",
    write: hang,
    writeSync: (batch) => void spilled.push(...batch.map((record) => record.name)),
  };
  const { emitMany, shutdown, advance, lane } = rig(t, [hanging, spilling], { batchRecords: 2 });
  emitMany(5);
  const result = watch(shutdown({ timeoutMs: 100 }));
  await advance(100);
  assert.deepEqual([result()?.written, result()?.pending, result()?.dropped], [5, 0, 5]);
  assert.equal(signal?.aborted, true);
  assert.deepEqual(spilled, ["0", "1", "2", "3", "4"]);
  assert.deepEqual([lane("hanging").dropped, lane("spilling").written], [{ shutdown: 5 }, 5]);
  await advance(20_000);
});

test("a hanging close costs the deadline and no more, and delays no other sink's close", async (t) => {
  const closed: string[] = [];
  const sinks: Sink[] = [
    { name: "hangs on write", write: hang, close: () => void closed.push("first") },
    { name: "hangs on close", write() {}, close: hang },
    { name: "fine", write() {}, close: () => void closed.push("fine") },
  ];
  const { emitMany, shutdown, advance } = rig(t, sinks);
  emitMany(1);
  const result = watch(shutdown({ timeoutMs: 500 }));
  await advance(490);
  assert.deepEqual([closed, result()], [["fine"], undefined]);
  await advance(10);
  assert.deepEqual(closed, ["fine", "first"]);
  assert.deepEqual(result()?.errors, [
    "hangs on write: lost 1 (shutdown 1); not finished in time",
    "hangs on close: not closed in time",
  ]);
});

test("spillSync hands over what is queued and in flight, and later records at once", async (t) => {
  const spilled: string[] = [];
  const writeSync: Sink["writeSync"] = (batch) => void spilled.push(batch.map((record) => record.name).join(""));
  let answer = (): void => {};
  const sinks: Sink[] = [
    { name: "sync", write: () => new Promise<void>((resolve) => (answer = resolve)), writeSync },
    { name: "none", write: hang },
    { name: "throws", write: hang, writeSync: () => down() },
  ];
  const { emitMany, spillSync, advance, stats, lane } = rig(t, sinks, { batchRecords: 2 });
  emitMany(5);
  await advance(10);
  spillSync();
  emitMany(1);
  assert.deepEqual(spilled, ["01", "23", "4", "5"]);
  answer();
  await advance(2_000);
  assert.deepEqual([lane("sync").written, lane("none").dropped, lane("throws").dropped], [6, { exit: 6 }, { exit: 6 }]);
  assert.equal(stats()["throws"]!.lastError, "down");
});

test("a sink that emits from inside writeSync does not spill for ever", async (t) => {
  let calls = 0;
  const sink: Sink = { name: "sink", write: hang, writeSync: () => void (++calls && emitMany(1)) };
  const { emitMany, spillSync, lane } = rig(t, [sink]);
  emitMany(2);
  spillSync();
  await turns();
  assert.deepEqual([calls, lane().written], [1, 2]);
});
