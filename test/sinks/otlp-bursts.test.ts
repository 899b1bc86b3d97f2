/** Bursts into OTLP over real sockets, with the defaults: a server that is slow, fails and dies costs no span. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import { otlpSink } from "../../src/sinks/otlp/otlp-sink.ts";
import { assertBooks, draft } from "../pipeline/rig.ts";

type Answer = (response: ServerResponse, call: number) => boolean;

/** Says how many requests it had at once, and which spans it has accepted how often. `answer`: whether it accepts. */
async function receiver(t: TestContext, answer: Answer) {
  const seen = { calls: 0, now: 0, most: 0, spans: new Map<string, number>() };
  const server = createServer((request, response) => {
    const call = ++seen.calls;
    seen.most = Math.max(seen.most, ++seen.now);
    response.on("close", () => seen.now--);
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      if (!answer(response, call)) return;
      for (const [, id] of Buffer.concat(chunks)
        .toString()
        .matchAll(/"spanId":"(\w+)"/g)) {
        seen.spans.set(id!, (seen.spans.get(id!) ?? 0) + 1);
      }
      setTimeout(() => response.end("{}"), 20);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { seen, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function bursts(t: TestContext, answer: Answer) {
  const { seen, url } = await receiver(t, answer);
  const sink = otlpSink({ endpoint: url, protocol: "http/json" }, {});
  const pipeline = createPipeline([sink], { suppress: (fn) => fn() });
  const count = 60_000;
  for (let i = 1; i <= count; i++) {
    pipeline.emit(draft(String(i), 900, { traceId: "1".repeat(32) }));
    if (i % 5_000 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const result = await pipeline.flush({ timeoutMs: 60_000 });
  assert.deepEqual([result.ok, result.written, result.dropped], [true, count, 0], result.errors.join());
  assert.equal(seen.spans.size, count);
  assertBooks(pipeline, count);
  return { ...seen, retries: Object.values(pipeline.stats())[0]!.retries };
}

test("60,000 spans, 5,000 a turn without quiet: all arrive once, eight requests at once at most", async (t) => {
  const { most, spans, retries } = await bursts(t, () => true);
  assert.ok(most > 1 && most <= 8, `${most} at once`);
  assert.deepEqual([retries, [...spans.values()].every((times) => times === 1)], [0, true]);
});

test("the same into a server that is busy, hangs up and dies in between", async (t) => {
  const { retries } = await bursts(t, (response, call) => {
    if (call === 3) response.writeHead(503, { "retry-after": "1" }).end();
    else if (call === 5) response.destroy();
    else if (call === 14) response.socket!.resetAndDestroy();
    return ![3, 5, 14].includes(call);
  });
  // A connection that was kept, and is reset, is replaced at once: that is no retry.
  assert.ok(retries >= 1 && retries <= 3, `${retries} retries`);
});
