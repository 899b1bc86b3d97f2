/** What is kept in memory, and for how long, while sinks are down. Spans that do not end: `open.test.ts`. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { syncBuiltinESMExports } from "node:module";
import { test } from "node:test";
import { configure, encode, observe, type Sink, type TraceRecord } from "sightline";
import { hang } from "../pipeline/rig.ts";
import { count, figure } from "./lab/figures.ts";
import { host } from "./lab/host.ts";

/** Remembers how often it was tried, and takes a batch when `answer` lets it. */
function counting(answer: (signal: AbortSignal) => unknown): Sink & { attempts: number; records: TraceRecord[] } {
  return {
    name: "sink",
    attempts: 0,
    records: [],
    async write(batch, signal) {
      this.attempts++;
      await answer(signal);
      this.records.push(...batch);
    },
  };
}

test("P3 a burst of 20,000 spans in one turn into a slow sink loses nothing", async (t) => {
  const sink = counting(() => new Promise((resolve) => setTimeout(resolve, 100)));
  const app = host(t, sink);
  app.work(20_000, 20);
  assert.equal(sink.attempts, 0);
  await app.advance(20_000);
  assert.deepEqual([app.lane().written, app.lane().dropped], [20_000, {}]);
  assert.equal(new Set(sink.records.map(({ name }) => name)).size, 20_000);
  figure(t, "20,000 spans, 0 lost");
});

test("P3 a sink that is dead for ten minutes: few attempts, bounded memory, what is left arrives", async (t) => {
  let isDead = true;
  const sink = counting(() => {
    if (isDead) throw new Error("connection refused");
  });
  const app = host(t, sink, { delivery: { queueRecords: 5_000 } });
  const MINUTES = 10;
  for (let minute = 0; minute < MINUTES; minute++) {
    app.work(1_000, 20);
    await app.advance(60_000);
    assert.ok(app.lane().queued <= 5_000);
    assert.ok(app.lane().bytes <= 32 * 1024 ** 2);
  }
  const { queued, dropped } = app.lane();
  assert.equal(queued + Object.values(dropped).reduce((sum, n) => sum + n, 0), MINUTES * 1_000);
  // 1 s, 2 s, 4 s … 30 s, each at least halved by chance.
  assert.ok(sink.attempts >= 20 && sink.attempts <= 60, `${sink.attempts} attempts`);
  isDead = false;
  const { attempts } = sink;
  await app.advance(60_000);
  assert.deepEqual([app.lane().queued, app.lane().written], [0, queued]);
  figure(
    t,
    `${attempts} attempts in ${MINUTES} min, ${count(queued)} records delivered after it, ${count(MINUTES * 1_000 - queued)} counted as lost`,
  );
});

// https://github.com/pinojs/pino/issues/2106
test("museum pino#2106 a sink that has died for good: records do not pile up behind it", async (t) => {
  const sink: Sink = {
    name: "worker",
    write() {
      throw new Error("the worker has exited");
    },
  };
  const app = host(t, sink, { delivery: { queueRecords: 2_000 } });
  app.work(10_000, 20);
  await app.advance(10 * 60_000);
  assert.deepEqual(app.lane().dropped["queue_full"], 8_000);
  assert.equal(app.lane().written, 0);
  assert.ok(app.lane().queued <= 2_000);
});

// https://github.com/getsentry/sentry-javascript/issues/4470
test("museum sentry#4470 an argument of 300 MB costs its sight, not its size", async (t) => {
  const sink = counting(() => {});
  const app = host(t, sink);
  const megabyte = "x".repeat(1024 ** 2);
  const huge = { parts: Array.from({ length: 300 }, (_, n) => megabyte + n), name: "upload" };
  const size = observe({ name: "upload" }, (value: typeof huge) => value.parts.length);
  assert.equal(size(huge), 300);
  await app.advance(2_000);
  const line = encode(sink.records[0]!);
  assert.ok(line.length < 1024 ** 2, `${line.length} characters`);
  const [record] = sink.records;
  const cuts = record?.record === "span" ? record.cuts! : [];
  assert.ok(cuts.length > 0);
  figure(t, `300 MB captured in ${count(line.length)} characters, ${cuts.length} cuts named`);
});

test("museum openclaw#141132 whatever is configured, retried and ended, no AsyncLocalStorage is made beside the one", async (t) => {
  const hooks = process.getBuiltinModule("node:async_hooks");
  const Real = hooks.AsyncLocalStorage;
  let made = 0;
  // A getter from Node 24 on.
  const replace = (value: typeof Real) => {
    Object.defineProperty(hooks, "AsyncLocalStorage", { value, configurable: true, writable: true, enumerable: true });
    syncBuiltinESMExports();
  };
  replace(
    class<T> extends Real<T> {
      constructor() {
        super();
        made++;
      }
    },
  );
  t.after(() => replace(Real));
  new AsyncLocalStorage();
  assert.equal(made, 1, "the test sees those that are made");
  for (let n = 0; n < 10; n++) configure({ sinks: [{ name: "earlier", write: () => {} }] });
  const sink = counting(() => Promise.reject(new Error("503")));
  const app = host(t, sink);
  app.work(1_000, 20);
  await app.advance(30_000);
  assert.ok(sink.attempts > 3);
  assert.equal(made, 1);
});

test("P22 a sink that hangs for good: every record is named when the process lets go", async (t) => {
  const app = host(t, { name: "sink", write: hang });
  app.work(1_000, 20);
  await app.advance(60_000);
  assert.equal(app.lane().queued, 1_000);
});
