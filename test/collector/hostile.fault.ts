/** Clients that send slowly, send too much, or never read: others are served, and memory stays what it was. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { SpanRecord } from "../../src/core/record.ts";
import { httpSink } from "../../src/sinks/http.ts";
import { count, figure } from "../fault/lab/figures.ts";
import { batch, traceIdOf } from "./lab/batches.ts";
import { folder, type Served, serve, skip } from "./lab/served.ts";

const never = new AbortController().signal;

/** A connection that has said something and does not listen. */
async function deaf(t: TestContext, { url }: Served, text: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  t.after(() => socket.destroy());
  socket.on("error", () => {});
  socket.pause();
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.write(text);
  return socket;
}

function get({ url }: Served, path: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: ${new URL(url).host}\r\n\r\n`;
}

test("300 that send a byte at a time are cut off, and others are served meanwhile", {
  skip,
  timeout: 600_000,
}, async (t) => {
  const limits = { headersTimeoutMs: 1_500, requestTimeoutMs: 3_000 };
  const server = await serve(t, { path: join(folder(t), "traces.db"), limits });
  const { host } = new URL(server.url);
  const start = `POST /v1/records HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/x-ndjson\r\n`;
  const sockets = await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      deaf(t, server, i % 2 === 0 ? start : `${start}content-length: 100000\r\n\r\n`),
    ),
  );
  const startedAt = performance.now();
  let open = sockets.length;
  for (const socket of sockets) {
    socket.resume();
    socket.on("close", () => open--);
  }
  const dripping = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write("x");
  }, 100);
  t.after(() => clearInterval(dripping));
  const sink = httpSink({ url: `${server.url}/v1/records` });
  let served = 0;
  let slowestMs = 0;
  while (open > 0) {
    const before = performance.now();
    await sink.write(batch(served++), never);
    slowestMs = Math.max(slowestMs, performance.now() - before);
    assert.ok(performance.now() - startedAt < 20_000, `${open} are open still`);
  }
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  clearInterval(dripping);
  assert.ok(served > 2);
  figure(
    t,
    `300 slow senders were gone after ${seconds} s; ${served} requests beside them, the slowest ${Math.round(slowestMs)} ms`,
  );
});

test("10,000 header lines are refused, a thousand times", { skip, timeout: 600_000 }, async (t) => {
  const server = await serve(t, { path: join(folder(t), "traces.db") });
  const lines = Array.from({ length: 10_000 }, (_, i) => `x-${i}: ${"y".repeat(20)}\r\n`).join("");
  const before = await server.reset();
  const attempt = async (): Promise<string> => {
    const socket = await deaf(
      t,
      server,
      `GET /api/about HTTP/1.1\r\nhost: ${new URL(server.url).host}\r\n${lines}\r\n`,
    );
    let said = "";
    socket.on("data", (data) => (said += data)).resume();
    await new Promise((resolve) => socket.once("close", resolve));
    return said;
  };
  let told = 0;
  for (let i = 0; i < 50; i++) {
    for (const said of await Promise.all(Array.from({ length: 20 }, attempt))) {
      // A connection that is reset may lose the answer.
      if (said !== "") {
        assert.match(said, /^HTTP\/1\.1 431 /);
        told++;
      }
    }
  }
  assert.ok(told > 0);
  const { peakMiB } = await server.figures();
  assert.ok(peakMiB - before.rssMiB < 100, `${Math.round(before.rssMiB)} → ${Math.round(peakMiB)} MiB`);
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
});

test("views that never read what they are told cost nothing", { skip, timeout: 600_000 }, async (t) => {
  const server = await serve(t, { path: join(folder(t), "traces.db") });
  const sink = httpSink({ url: `${server.url}/v1/records` });
  let n = 0;
  const work = async (): Promise<number> => {
    await server.reset();
    for (let i = 0; i < 30; i++) {
      const spans = Array.from({ length: 100 }, () => batch(n++, 1)[0]!);
      await sink.write(spans, never);
    }
    return (await server.figures()).peakMiB;
  };
  await work();
  const without = await work();
  for (let i = 0; i < 50; i++) await deaf(t, server, get(server, "/api/tail"));
  while ((await server.metric("sightline_collector_tails")) !== 50) await sleep(20);
  const beside = await work();
  assert.ok(beside - without < 60, `${Math.round(without)} → ${Math.round(beside)} MiB`);
  assert.equal((await fetch(`${server.url}/api/tail`)).status, 503, "there is a limit");
  figure(t, `50 deaf live views beside 3,000 traces: peak RSS ${Math.round(without)} → ${Math.round(beside)} MiB`);
});

test("an export of 100,000 spans is written no faster than it is read", { skip, timeout: 600_000 }, async (t) => {
  const SPANS = 100_000;
  const server = await serve(t, { path: join(folder(t), "traces.db") });
  const sink = httpSink({ url: `${server.url}/v1/records`, timeoutMs: 60_000, maxBodyBytes: 16 * 2 ** 20 });
  const traceId = traceIdOf(0);
  for (let first = 0; first < SPANS; first += 5_000) {
    const spans = batch(first, 5_000, 200).map((span, i): SpanRecord => {
      const { parentSpanId: _, ...rest } = span;
      return { ...rest, traceId, spanId: (first + i + 1).toString(16).padStart(16, "0") };
    });
    await sink.write(spans, never);
  }
  const path = `/api/traces/${traceId}/export`;
  const before = await server.reset();
  for (let i = 0; i < 5; i++) await deaf(t, server, get(server, path));
  let lines = 0;
  const response = await fetch(server.url + path);
  for await (const chunk of response.body!) for (const byte of chunk) if (byte === 10) lines++;
  assert.equal(lines, SPANS);
  const { peakMiB, blockedMs } = await server.figures();
  assert.ok(peakMiB - before.rssMiB < 200, `${Math.round(before.rssMiB)} → ${Math.round(peakMiB)} MiB`);
  const startedAt = performance.now();
  while ((await server.metric("sightline_collector_connections"))! > 2) {
    assert.ok(performance.now() - startedAt < 100_000, "those who do not read are cut off");
    await sleep(1_000);
  }
  figure(
    t,
    `${count(SPANS)} spans exported beside 5 readers who do not read: RSS ${Math.round(before.rssMiB)} → at most ` +
      `${Math.round(peakMiB)} MiB, event loop held up for at most ${blockedMs.toFixed(1)} ms`,
  );
});
