/** A disk that fills up under a collector. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { SinkError } from "../../src/core/errors.ts";
import { httpSink } from "../../src/sinks/http.ts";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { count, figure } from "../fault/lab/figures.ts";
import { TINY_DISKS } from "../fault/lab/tiny-disk.ts";
import { assertOnce, batch, traceIdOf } from "./lab/batches.ts";
import { serve, skip } from "./lab/served.ts";

const canMount = TINY_DISKS.some(({ how }) => how.startsWith("tmpfs"));
const why = skip || (canMount ? false : "no tmpfs can be mounted here");
const never = new AbortController().signal;

/** 96 MiB of which a file has half. */
function disk(t: TestContext): { readonly path: string; free(): void } {
  const directory = mkdtempSync(join(tmpdir(), "sightline-tmpfs-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=96m", "sightline", directory]);
  t.after(() => {
    execFileSync("umount", ["--lazy", directory]);
    rmSync(directory, { recursive: true });
  });
  const ballast = join(directory, "ballast");
  writeFileSync(ballast, Buffer.alloc(48 * 2 ** 20));
  return { path: join(directory, "traces.db"), free: () => rmSync(ballast) };
}

test("a full disk is 429 and says so, what was acknowledged stays, and it goes on by itself when there is room", {
  skip: why,
  timeout: 600_000,
}, async (t) => {
  const { path, free } = disk(t);
  const server = await serve(t, { path });
  const sink = httpSink({ url: `${server.url}/v1/records` });
  const acknowledged = new Set<number>();
  const refused = new Set<number>();
  let next = 0;
  const post = (n: number): Promise<Response> =>
    fetch(`${server.url}/v1/records`, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson" },
      body: batch(n)
        .map((record) => `${JSON.stringify(record)}\n`)
        .join(""),
    });
  const ready = (): Promise<Response> => fetch(`${server.url}/readyz`);
  assert.equal((await ready()).status, 200);
  assert.equal(await server.metric("sightline_collector_store_writing"), 1);

  const take = async (n: number): Promise<void> => {
    try {
      await sink.write(batch(n), never);
      acknowledged.add(n);
    } catch (error) {
      assert.ok(error instanceof SinkError && error.retry === "later", String(error));
      assert.ok(error.retryAfterMs! >= 1_000, "the sink was told when to come again");
      refused.add(n);
    }
  };
  const fillUp = async (): Promise<void> => {
    while (refused.size < 8) await take(next++);
  };
  await Promise.all([fillUp(), fillUp(), fillUp(), fillUp()]);
  assert.ok(acknowledged.size > 10);

  // What is small may still fit.
  let answer = await post(next);
  for (; answer.status === 200; answer = await post(++next)) acknowledged.add(next);
  refused.add(next);
  assert.equal(answer.status, 429);
  assert.equal((await answer.json()).error.code, "STORE_FULL");
  assert.ok(Number(answer.headers.get("retry-after")) >= 1);
  const state = await ready();
  assert.equal(state.status, 503);
  assert.match(await state.text(), /STORE_FULL/);
  assert.ok(Number(state.headers.get("retry-after")) >= 1);
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200, "starting it anew would not help");
  assert.equal(await server.metric("sightline_collector_store_writing"), 0);
  assert.ok((await server.metric('sightline_collector_refused_total{code="STORE_FULL"}'))! >= refused.size);
  const list = await fetch(`${server.url}/api/traces?limit=5`);
  assert.equal((await list.json()).items.length, 5, "it can be looked at");
  const [some] = acknowledged;
  assert.equal((await fetch(`${server.url}/api/traces/${traceIdOf(some!)}`)).status, 200);

  free();
  const wanted = refused.size;
  for (const n of [...refused]) await take(n);
  for (const n of refused) assert.ok(acknowledged.has(n), `batch ${n} is taken now`);
  assert.equal((await ready()).status, 200);
  assert.equal(await server.metric("sightline_collector_store_writing"), 1);
  const { code, stderr } = await server.stop();
  assert.equal(code, 0);
  const said = stderr.split("\n").filter((line) => line !== "");
  assert.match(said[0]!, /nothing can be kept: There is no room left/);
  assert.match(said.at(-1)!, /records are kept again/);
  assert.ok(said.length <= 2 * refused.size, "a line when it changes, not one for each request");

  const store = sqliteStore({ path, thread: false });
  t.after(() => store.close());
  const spans = await assertOnce(store, acknowledged);
  figure(t, `full disk: ${count(spans)} spans are there, ${wanted} requests were 429 and came again, 0 lost`);
});

test("without senders, it is ready again when they were told to come", { skip: why, timeout: 600_000 }, async (t) => {
  const { path } = disk(t);
  const server = await serve(t, { path });
  const sink = httpSink({ url: `${server.url}/v1/records` });
  await assert.rejects(async () => {
    for (let n = 0; ; n++) await sink.write(batch(n), never);
  });
  const answer = await fetch(`${server.url}/readyz`);
  assert.equal(answer.status, 503);
  await sleep(Number(answer.headers.get("retry-after")) * 1_000 + 100);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200, "a balancer sends again, and it turns out");
});
