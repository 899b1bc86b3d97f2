/** P12 and P14 on the real clock, with the defaults of pipeline and sink. What fake time proves exactly is in delivery.test.ts. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { type FlakyServer, type FlakyStep, flakyServer } from "sightline/testing";
import { createPipeline, type Pipeline } from "../../src/pipeline/pipeline.ts";
import { httpSink } from "../../src/sinks/http.ts";
import { assertBooks, draft } from "../pipeline/rig.ts";

async function deliver(t: TestContext, steps: readonly FlakyStep[]): Promise<[FlakyServer, Pipeline]> {
  const server = await flakyServer(steps);
  const pipeline = createPipeline([httpSink({ url: server.url, name: "http" })], { suppress: (fn) => fn() });
  t.after(async () => {
    await pipeline.shutdown({ timeoutMs: 100 });
    assertBooks(pipeline, 256);
    await server.close();
  });
  for (let i = 0; i < 256; i++) pipeline.emit(draft(String(i)));
  return [server, pipeline];
}

/** Timers keep nothing alive here: this one does. */
async function until(isTrue: () => boolean): Promise<void> {
  for (const start = performance.now(); !isTrue(); ) {
    assert.ok(performance.now() - start < 40_000, "it never came true");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A node timer counts whole milliseconds, from the start of its turn. */
const SLACK_MS = 2;

describe("on the real clock", { concurrency: true }, () => {
  test("P12 429 with Retry-After in seconds, decimals and as a date: never earlier", async (t) => {
    const words = ["1", "2.5", new Date(Date.now() + 8_000).toUTCString()];
    const [server, pipeline] = await deliver(t, [
      ...words.map((retryAfter) => ({ status: 429, retryAfter })),
      { ok: true },
    ]);
    const wall: number[] = [];
    await until(() => {
      if (server.requests.length > wall.length) wall.push(Date.now());
      return pipeline.stats()["http"]!.written === 256;
    });
    const [a, b] = server.requests.map(({ at }, i) => (server.requests[i + 1]?.at ?? 0) - at) as [number, number];
    assert.ok(a >= 1_000 - SLACK_MS && b >= 2_500 - SLACK_MS, `${a} and ${b} ms`);
    assert.ok(wall[3]! >= Date.parse(words[2]!) - SLACK_MS, `${wall[3]} before ${words[2]}`);
    assert.equal(server.requests.length, 4);
    const late = [a - 1_000, b - 2_500, wall[3]! - Date.parse(words[2]!)].map((ms) => ms.toFixed(0)).join(", ");
    t.diagnostic(`figure: Retry-After 1 s, 2.5 s and a date kept, ${late} ms late`);
  });

  test("P12 P14 a hanging server is left after 10 s, and gets the same batch again", async (t) => {
    // Patience begins with the call; a busy machine may see the request arrive much later.
    const start = performance.now();
    const [server, pipeline] = await deliver(t, [{ hang: true }, { ok: true }]);
    await until(() => pipeline.stats()["http"]!.written === 256);
    const [first, second] = server.requests;
    const gap = second!.at - start;
    assert.ok(gap >= 10_500 - SLACK_MS, `${gap} ms: 10 s of patience and at least half a second of backoff`);
    assert.equal(first!.headers["x-sightline-batch"], second!.headers["x-sightline-batch"]);
    assert.equal(first!.body, second!.body);
    t.diagnostic(`figure: hang, again after ${gap.toFixed(0)} ms, 256 records counted once`);
  });

  test("P12 a 200 that drips is taken, once, and holds the lane up for a second at most", async (t) => {
    const [server, pipeline] = await deliver(t, [{ drip: 20 }, { ok: true }]);
    const start = performance.now();
    await until(() => pipeline.stats()["http"]!.written === 256);
    const waited = performance.now() - start;
    await new Promise((resolve) => setTimeout(resolve, 11_000));
    assert.equal(server.requests.length, 1);
    t.diagnostic(`figure: dripping 200 counted as written after ${waited.toFixed(0)} ms, 1 request`);
  });
});

for (const [what, step] of [
  ["4 GiB", { large: 4 * 1024 ** 3 }],
  ["a gzip bomb of 64 GiB", { bomb: 64 * 1024 ** 3 }],
] as const) {
  test(`P12 20 answers of ${what} cost no memory`, async (t) => {
    const server = await flakyServer([step]);
    t.after(server.close);
    const sink = httpSink({ url: server.url });
    const batch = [draft("1").record];
    const signal = new AbortController().signal;
    await sink.write(batch, signal);
    const before = process.memoryUsage.rss();
    let peak = before;
    for (let i = 0; i < 20; i++) {
      await sink.write(batch, signal);
      peak = Math.max(peak, process.memoryUsage.rss());
    }
    const grown = (peak - before) / 1024 ** 2;
    assert.ok(grown < 64, `${grown} MiB`);
    t.diagnostic(`figure: 20 answers of ${what}, RSS grew by ${grown.toFixed(0)} MiB`);
  });
}
