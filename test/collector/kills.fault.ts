/** What a collector promises when it dies: what it has acknowledged is kept, and counts once. Children run the built package. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { configure, flush, type LaneStats, observe, type Sink, shutdown, spool, stats } from "sightline";
import { httpSink } from "../../src/sinks/http.ts";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { count, figure } from "../fault/lab/figures.ts";
import { seed, seeded } from "../fault/lab/random.ts";
import { assertBooks } from "../support/books.ts";
import { assertOnce, batch, sizeOf } from "./lab/batches.ts";
import { folder, serve, skip } from "./lab/served.ts";

const KILLS = 50;
const SENDERS = 4;
const never = new AbortController().signal;

test(`kill -9 during ingest, ${KILLS} times: no acknowledged span is lost, none counts twice`, { skip }, async (t) => {
  t.diagnostic(`SEED=${seed}`);
  const random = seeded(seed);
  const path = join(folder(t), "traces.db");
  const acknowledged = new Set<number>();
  const unanswered: number[] = [];
  let next = 0;
  let again = 0;
  let inFlight = 0;

  async function live(afterMs: number | undefined): Promise<void> {
    const server = await serve(t, { path });
    const sink = httpSink({ url: `${server.url}/v1/records` });
    let isOver = false;
    const had = acknowledged.size;
    const send = async (): Promise<void> => {
      while (!isOver) {
        const n = unanswered.shift() ?? (afterMs === undefined ? undefined : next++);
        if (n === undefined) return;
        inFlight++;
        try {
          await sink.write(batch(n), never);
          acknowledged.add(n);
        } catch {
          again++;
          unanswered.push(n);
        }
        inFlight--;
      }
    };
    const senders = Array.from({ length: SENDERS }, send);
    if (afterMs !== undefined) {
      while (acknowledged.size === had) await sleep(2);
      await sleep(afterMs);
      assert.ok(inFlight > 0, "it is killed while it takes records");
      isOver = true;
      await server.kill();
    }
    await Promise.all(senders);
    if (afterMs === undefined) assert.equal((await server.stop()).code, 0);
  }

  for (let run = 0; run < KILLS; run++) {
    await live(random() * 400);
    if (run % 10 !== 9) continue;
    const store = sqliteStore({ path, thread: false });
    await assertOnce(store, acknowledged);
    await store.close();
  }
  assert.ok(again > 0, "some were on their way");
  const before = acknowledged.size;
  await live(undefined);
  assert.equal(acknowledged.size, next);

  const store = sqliteStore({ path, thread: false });
  t.after(() => store.close());
  const spans = await assertOnce(store, acknowledged);
  const sent = Array.from({ length: next }, (_, n) => sizeOf(n)).reduce((sum, size) => sum + size, 0);
  assert.equal(spans, sent, "what was sent again after its answer was lost counts once");
  figure(
    t,
    `${KILLS} kills: ${count(before)} requests acknowledged before the last, ${again} cut off and sent again; ` +
      `${count(spans)} spans are there, 0 lost, 0 twice`,
  );
});

test("spool(httpSink) to a collector that is killed and started again: nothing is lost, nothing counts twice", {
  skip,
  timeout: 600_000,
}, async (t) => {
  const random = seeded(seed);
  const directory = folder(t);
  const path = join(directory, "traces.db");
  const port = await freePort();
  let server = await serve(t, { path, port });
  const sink = httpSink({ url: `${server.url}/v1/records`, timeoutMs: 5_000 });
  let failed = 0;
  const counting: Sink = {
    ...sink,
    async write(records, signal) {
      try {
        return await sink.write(records, signal);
      } catch (error) {
        failed++;
        throw error;
      }
    },
  };
  configure({
    sinks: [spool(counting, { dir: join(directory, "spool"), delivery: { batchRecords: 50, batchMs: 20 } })],
  });
  t.after(() => shutdown());
  let made = 0;
  let isOver = false;
  const working = (async () => {
    while (!isOver) {
      for (let i = 0; i < 10; i++) {
        const n = made++;
        observe({ name: `work ${n}` }, (input: string) => input.length)(`${n} ${"x".repeat(400)}`);
      }
      await sleep(10);
    }
  })();
  const lane = (): LaneStats => Object.values(stats().sinks)[0]!;
  for (let run = 0; run < 10; run++) {
    const { written } = lane();
    while (lane().written === written) await sleep(5);
    await sleep(random() * 100);
    await server.kill();
    await sleep(random() * 300);
    server = await serve(t, { path, port });
  }
  isOver = true;
  await working;
  while (!(await flush()).ok) await sleep(100);
  assertBooks(stats());
  const { dropped, queued, spooled } = lane();
  assert.deepEqual([dropped, queued, spooled], [{}, 0, 0]);
  await shutdown();
  assert.equal((await server.stop()).code, 0);

  const store = sqliteStore({ path, thread: false });
  t.after(() => store.close());
  const names = new Map<string, number>();
  for (let after: string | undefined; ; ) {
    const page = await store.traces({ limit: 500, ...(after !== undefined && { after }) });
    for (const { name, spans } of page.items) names.set(name, (names.get(name) ?? 0) + spans);
    after = page.next;
    if (after === undefined) break;
  }
  const missing = Array.from({ length: made }, (_, n) => `work ${n}`).filter((name) => names.get(name) !== 1);
  assert.deepEqual(missing, [], "each is there once");
  assert.equal((await store.stats()).spans, made);
  assert.equal((await store.aggregate({ of: "spans" }))[0]!.count, made);
  figure(t, `10 kills under spool(httpSink): ${count(made)} spans made, all there once, ${failed} attempts failed`);
  assert.ok(failed > 0);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
