/** P13: one bad sink harms only itself, and a sink that is down is asked rarely and by few. */
import assert from "node:assert/strict";
import { createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { SinkError, type TraceRecord } from "sightline";
import { fakeClock } from "sightline/testing";
import { backoff } from "../../src/pipeline/backoff.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import { httpSink } from "../../src/sinks/http.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { assertBooks, draft, hang, recorder, rig, sizes, times, turns } from "../pipeline/rig.ts";
import { seeded } from "./lab/random.ts";
import { wire } from "./lab/wire.ts";

const later = () => new SinkError("down", { retry: "later" });
const fail = (error: unknown) => (): never => {
  throw error;
};
const reject = (error: unknown) => () => Promise.reject(error);

/** How many turns of the event loop until a synchronous and an asynchronous sink have 1,000 records, next to a bad one. */
async function turnsToDeliver(write: Sink["write"] | undefined, clock = fakeClock()): Promise<number> {
  const got = { b: 0, c: 0 };
  const count = (name: "b" | "c", batch: readonly TraceRecord[]) => void (got[name] += batch.length);
  const healthy: Sink[] = [
    { name: "b", write: (batch) => count("b", batch) },
    { name: "c", write: async (batch) => count("c", batch) },
  ];
  const sinks = write === undefined ? healthy : [{ name: "a", write }, ...healthy];
  const pipeline = createPipeline(sinks, { clock, suppress: (fn) => fn(), batchRecords: 10 });
  for (let i = 0; i < 1_000; i++) pipeline.emit(draft(String(i)));
  let passed = 0;
  while (got.b + got.c < 2_000 && passed < 5_000) {
    await new Promise((resolve) => setImmediate(resolve));
    passed++;
  }
  assert.deepEqual(got, { b: 1_000, c: 1_000 });
  assertBooks(pipeline, 1_000);
  await pipeline.shutdown({ timeoutMs: 0 });
  return passed;
}

test("P13 beside a sink that hangs, is dead, throws or is slow, others need not one turn more", async (t) => {
  const alone = await turnsToDeliver(undefined);
  const clock = fakeClock();
  const bad: { [what: string]: Sink["write"] } = {
    hangs: hang,
    "is dead": reject(later()),
    throws: fail(new Error("bug")),
    "throws a TypeError": fail(new TypeError("bug")),
    "refuses everything": fail(new SinkError("no", { retry: "never" })),
    "halves everything": fail(new SinkError("no", { retry: "split" })),
    "is slow and synchronous": () => void clock.advance(20),
  };
  for (const [what, write] of Object.entries(bad)) {
    assert.equal(await turnsToDeliver(write, clock), alone, `a sink that ${what}`);
  }
  const kinds = Object.keys(bad).length;
  t.diagnostic(`figure: beside ${kinds} kinds of bad sink, ${alone} turns for 2,000 records as without, 0 lost`);
});

test("P13 a hanging sink fills the shared memory at its own cost", async () => {
  const healthy = recorder(undefined, "healthy");
  const sinks = [{ name: "hangs", write: hang }, healthy];
  const pipeline = createPipeline(sinks, { suppress: (fn) => fn(), batchRecords: 10, queueBytes: 100_000 });
  for (let i = 0; i < 1_000; i++) {
    pipeline.emit(draft(String(i), 1_000));
    if (i % 10 === 9) await turns();
  }
  assert.equal(healthy.records.length, 1_000);
  const { hangs } = pipeline.stats();
  assert.ok(hangs!.dropped.queue_full! >= 900 && hangs!.bytes <= 100_000, JSON.stringify(hangs));
  assertBooks(pipeline, 1_000);
  await pipeline.shutdown({ timeoutMs: 0 });
});

/** Kolmogorov and Smirnov: the largest distance between the sample's distribution and the uniform one on 0 to 1. */
function distanceToUniform(sample: readonly number[]): number {
  const sorted = sample.toSorted((a, b) => a - b);
  return Math.max(...sorted.map((x, i) => Math.max(x - i / sorted.length, (i + 1) / sorted.length - x)));
}

test("P13 fifty lanes that fail together come back spread evenly, and no two of them in step", async (t) => {
  const sinks = Array.from({ length: 50 }, (_, i) => recorder(fail(later()), `s${i}`));
  const { emitMany, advance } = rig(t, sinks, { batchRecords: 1, random: seeded(20_261_121) });
  emitMany(1);
  await advance(32_000);
  const spread = sinks.flatMap((sink) =>
    [1_000, 2_000, 4_000, 8_000].map((ceiling, i) => {
      const delay = times(sink)[i + 1]! - times(sink)[i]!;
      assert.ok(delay >= ceiling / 2 && delay <= ceiling + 10, `step ${i}: ${delay} ms`);
      return Math.min(1, (delay / ceiling - 0.5) * 2);
    }),
  );
  // 5 % of even samples are farther off than this.
  const limit = 1.36 / Math.sqrt(spread.length);
  const distance = distanceToUniform(spread);
  assert.ok(distance < limit, `${distance} from even, limit ${limit}`);
  assert.ok(distanceToUniform(spread.map((x) => x / 2 + 0.5)) > limit, "half the jitter would be seen");

  assert.equal(new Set(sinks.map((sink) => times(sink).join())).size, 50);
  const firsts = sinks.map((sink) => times(sink)[1]!);
  const most = Math.max(...firsts.map((at) => firsts.filter((other) => other === at).length));
  assert.ok(most <= 5, `${most} of 50 within 10 ms`);
  t.diagnostic(
    `figure: 50 lanes, ${spread.length} delays, ${distance.toFixed(3)} from even (5 % limit ${limit.toFixed(3)}), at most ${most} lanes in 10 ms`,
  );
});

test("P13 a sink that is down sees one probe for each step, whatever comes; when it is back, all goes at once", async (t) => {
  let isDown = true;
  const sink = recorder(() => (isDown ? Promise.reject(later()) : undefined));
  const { emitMany, advance, lane } = rig(t, [sink], { batchRecords: 10, giveUpMs: Number.POSITIVE_INFINITY });
  emitMany(1_000);
  for (let i = 0; i < 6; i++) {
    await advance(100_000);
    emitMany(100);
  }
  // 0, 1, 3, 7, 15 and 31 seconds, then every 30.
  assert.equal(sink.calls.length, 6 + 18);
  assert.ok(sink.calls.every(({ names }) => names[0] === "0"));
  isDown = false;
  await advance(1_010);
  assert.deepEqual([lane().written, lane().queued], [1_600, 0]);
  assert.equal(new Set(times(sink).slice(24)).size, 1, "the rest goes in no time");
  t.diagnostic(`figure: 600 s down with 1,600 records waiting, 24 requests, then all in ${sizes(sink).length - 24}`);
});

test("P13 those who flush again and again do not make it more than one request a second", async (t) => {
  const sink = recorder(fail(later()));
  const { emitMany, advance, flush } = rig(t, [sink], { batchRecords: 10 });
  emitMany(100);
  for (let i = 0; i < 100; i++) {
    void flush();
    await advance(100);
  }
  const gaps = times(sink).map((at, i) => at - (times(sink)[i - 1] ?? Number.NEGATIVE_INFINITY));
  assert.ok(sink.calls.length <= 11 && Math.min(...gaps) >= 1_000, String(gaps));
});

// https://github.com/elizaOS/eliza/issues/23797, https://github.com/Azure/azure-sdk-for-js/pull/39130
for (const [name, retryAfter] of [
  ["elizaOS#23797", "9999999999"],
  ["Azure#39130", String(2 ** 31 / 1_000)],
]) {
  test(`museum ${name} Retry-After: ${retryAfter} waits, where a timer would overflow to 1 ms`, async (t) => {
    const w = await wire(t, [{ status: 429, retryAfter: retryAfter! }, { ok: true }]);
    w.emitMany(1);
    await w.pass(10);
    await w.pass(15 * 60_000 - 1);
    assert.equal(w.server.requests.length, 1);
    await w.pass(1);
    assert.deepEqual([w.server.requests.length, w.lane().written], [2, 1]);
  });
}

// https://github.com/fluent/fluent-logger-forward-node/issues/44
test("museum fluent-logger#44 however many attempts have failed, the delay fits a timer", () => {
  for (let failures = 1; failures < 3_000; failures++) {
    const delay = backoff(failures, () => 1);
    assert.ok(delay >= 1_000 && delay <= 30_000, `${delay} after ${failures}`);
  }
});

/** Runs `play` and returns what nobody handled meanwhile. */
async function unhandled(t: TestContext, play: () => Promise<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  const note = (error: unknown) => void found.push(error);
  for (const event of ["unhandledRejection", "uncaughtException"]) process.on(event, note);
  t.after(() => ["unhandledRejection", "uncaughtException"].map((event) => process.off(event, note)));
  await play();
  await turns();
  return found;
}

// https://github.com/openclaw/openclaw/issues/80284
test("museum openclaw#80284 a collector that goes away or says 410 leaves no rejection behind", async (t) => {
  const w = await wire(t, [{ status: 410 }, { reset: "mid-headers" }, { hang: true }], { lane: { batchRecords: 1 } });
  const play = async () => {
    w.emitMany(3);
    await w.pass(1_000);
    await w.server.close();
    await w.advance(20_000);
    await w.shutdown({ timeoutMs: 0 });
  };
  assert.deepEqual(await unhandled(t, play), []);
  assert.deepEqual(w.lane().dropped, { rejected_by_sink: 1, shutdown: 2 });
});

// https://github.com/open-telemetry/opentelemetry-js/issues/5101
test("museum otel-js#5101 a connection that is cut while we write to it raises no event of its own", async (t) => {
  const server = createServer((socket) => void socket.once("data", () => socket.resetAndDestroy())).listen(0);
  t.after(() => server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const sink = httpSink({ url: `http://127.0.0.1:${port}/`, gzip: false, maxBodyBytes: 1e9 });
  const batch = [draft("1", 1_000, { input: "x".repeat(20_000_000) }).record];
  const write = async () => sink.write(batch, new AbortController().signal);
  assert.deepEqual(await unhandled(t, () => assert.rejects(write(), { name: "SinkError", retry: "later" })), []);
});

// https://github.com/open-telemetry/opentelemetry-js/issues/1498, 1561 and 1617
// https://github.com/openai/openai-agents-js/issues/1796
test("museum otel-js#1498 #1561 #1617 openai-agents-js#1796 whatever a sink rejects with, in whatever call", async (t) => {
  for (const reason of [4, null, undefined, "no", Symbol("no"), Object.create(null), new Error("no")]) {
    const no = reject(reason);
    const sink: Sink = { name: "rejects", write: no, flush: no, close: no };
    const pipeline = createPipeline([sink], { suppress: (fn) => fn(), batchRecords: 1 });
    const play = async () => {
      pipeline.emit(draft("1"));
      const result = await pipeline.flush({ timeoutMs: 20 });
      assert.deepEqual([result.ok, result.pending], [false, 1]);
      await pipeline.shutdown({ timeoutMs: 20 });
    };
    assert.deepEqual(await unhandled(t, play), []);
    assertBooks(pipeline, 1);
  }
});

// https://github.com/microsoft/ApplicationInsights-JS/issues/2757
test("museum AppInsights-JS#2757 a flush that failed says so, with the sink's name and reason", async () => {
  const sink: Sink = { name: "http:collector", write: reject(later()) };
  const pipeline = createPipeline([sink], { suppress: (fn) => fn() });
  pipeline.emit(draft("1"));
  // Long enough for the first attempt also on a busy machine.
  const { ok, pending, errors } = await pipeline.flush({ timeoutMs: 500 });
  assert.deepEqual({ ok, pending, errors }, { ok: false, pending: 1, errors: ["http:collector: down"] });
  await pipeline.shutdown({ timeoutMs: 0 });
});

// https://github.com/open-telemetry/opentelemetry-rust/issues/956
test("museum otel-rust#956 a collector that is down costs no hot loop and no memory without bound", async (t) => {
  const w = await wire(t, [], { lane: { queueRecords: 500, batchRecords: 100 } });
  await w.server.close();
  for (let i = 0; i < 12; i++) {
    w.emitMany(100);
    await w.advance(10_000);
  }
  assert.deepEqual(w.attempts, [0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000]);
  assert.deepEqual([w.lane().queued, w.lane().dropped], [500, { queue_full: 700 }]);
});

// https://github.com/open-telemetry/opentelemetry-js/issues/3740
test("museum otel-js#3740 exports that time out do not pile up: one at a time, the rest bounded", async (t) => {
  const w = await wire(t, [{ hang: true }], { lane: { queueRecords: 500, batchRecords: 100 } });
  for (let i = 0; i < 12; i++) {
    w.emitMany(100);
    await w.advance(10_000);
    assert.ok(w.server.requests.filter(({ isOver }) => !isOver).length <= 1);
  }
  assert.deepEqual([w.lane().queued, w.lane().dropped], [500, { queue_full: 700 }]);
});
