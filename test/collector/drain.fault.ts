/** A collector that is told to end while everyone sends. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { count, figure } from "../fault/lab/figures.ts";
import { assertOnce, batch, traceIdOf } from "./lab/batches.ts";
import { folder, serve, skip } from "./lab/served.ts";

const ROUNDS = 5;
const SENDERS = 16;

test(`SIGTERM under load, ${ROUNDS} times: what was acknowledged is what is there`, {
  skip,
  timeout: 600_000,
}, async (t) => {
  const path = join(folder(t), "traces.db");
  const acknowledged = new Set<number>();
  const refused = new Set<number>();
  let next = 0;
  let longestMs = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const server = await serve(t, { path });
    let isOver = false;
    const send = async (): Promise<void> => {
      while (!isOver) {
        const n = next++;
        const body = batch(n)
          .map((record) => `${JSON.stringify(record)}\n`)
          .join("");
        const headers = { "content-type": "application/x-ndjson" };
        try {
          const response = await fetch(`${server.url}/v1/records`, { method: "POST", headers, body });
          await response.text();
          if (response.status === 200) acknowledged.add(n);
          else {
            assert.equal(response.status, 503);
            assert.ok(Number(response.headers.get("retry-after")) >= 1);
            refused.add(n);
          }
        } catch (error) {
          if (error instanceof assert.AssertionError) throw error;
          // Nobody listens any more, or its connection was closed before it said anything.
          refused.add(n);
        }
      }
    };
    const had = acknowledged.size;
    const senders = Array.from({ length: SENDERS }, send);
    while (acknowledged.size < had + 5) await sleep(5);
    const startedAt = performance.now();
    const { code, stderr } = await server.stop();
    longestMs = Math.max(longestMs, performance.now() - startedAt);
    isOver = true;
    await Promise.all(senders);
    assert.deepEqual([code, stderr], [0, ""]);
  }
  const store = sqliteStore({ path, thread: false });
  t.after(() => store.close());
  const spans = await assertOnce(store, acknowledged);
  for (const n of refused) assert.equal(await store.trace(traceIdOf(n)), undefined, `batch ${n} was not acknowledged`);
  assert.equal((await store.stats()).traces, acknowledged.size);
  figure(
    t,
    `SIGTERM under load: ${count(spans)} spans acknowledged and there, the process ended within ${Math.round(longestMs)} ms`,
  );
});
