import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { configure, currentSpan, flush, generation, score, shutdown, spool, startSpan, stats } from "sightline";
import { SinkError } from "../../src/core/errors.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import { spanNameOf } from "../../src/semconv/span.ts";
import { type OtlpSinkOptions, otlpSink } from "../../src/sinks/otlp/index.ts";
import { VERSION } from "../../src/sinks/otlp/scope.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { sampleFinding, sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { assertBooks } from "../support/books.ts";
import { type OtlpServer, otlpServer, partialAnswer } from "../support/otlp-server.ts";

const signal = new AbortController().signal;
const SECRET = "sk-live-4f3c2b1a9d8e7f6a";

async function setUp(t: TestContext, options: Partial<OtlpSinkOptions> = {}) {
  const server = await otlpServer();
  t.after(server.close);
  return { server, sink: otlpSink({ endpoint: server.url, ...options }, {}) };
}

async function errorOf(run: () => unknown): Promise<SinkError> {
  try {
    await run();
  } catch (error) {
    assert.ok(error instanceof SinkError, inspect(error));
    return error;
  }
  throw new assert.AssertionError({ message: "it did not fail" });
}

const span = (n: number, part: Partial<SpanRecord> = {}): SpanRecord =>
  sampleSpan({ spanId: n.toString(16).padStart(16, "0"), ...part });
const idsOf = (server: OtlpServer) => server.spans().map(({ spanId }) => Number.parseInt(spanId, 16));

const contractServers: OtlpServer[] = [];
for (const protocol of ["http/protobuf", "http/json"] as const) {
  sinkContract(
    async () => {
      contractServers.push(await otlpServer());
      return otlpSink({ endpoint: contractServers.at(-1)!.url, protocol }, {});
    },
    { cleanUp: () => contractServers.pop()?.close() },
  );
}

test("spans go to /v1/traces, scores and findings to /v1/logs, in both forms with the same content", async (t) => {
  const batch = sampleRecords();
  const read: unknown[] = [];
  for (const protocol of ["http/protobuf", "http/json"] as const) {
    const { server, sink } = await setUp(t, { protocol });
    await sink.write(batch, signal);
    await sink.flush!();
    assert.deepEqual(
      server.requests.map(({ path }) => path),
      ["/v1/traces", "/v1/logs"],
    );
    for (const { headers } of server.requests) {
      assert.equal(headers["content-type"], protocol === "http/json" ? "application/json" : "application/x-protobuf");
      assert.equal(headers["user-agent"], `sightline/${VERSION}`);
      assert.equal(headers["content-encoding"], undefined);
    }
    const spans = batch.filter((record) => record.record === "span" && record.unfinished !== true) as SpanRecord[];
    assert.deepEqual(
      server
        .spans()
        .map(({ name }) => name ?? "")
        .sort(),
      spans.map((record) => spanNameOf(record)).sort(),
    );
    assert.deepEqual(
      server.logRecords().map(({ eventName }) => eventName),
      ["gen_ai.evaluation.result", "gen_ai.evaluation.result", "gen_ai.evaluation.result", "sightline.finding"],
    );
    read.push(server.requests.map(({ message }) => message));
  }
  assert.deepEqual(read[0], read[1]);
});

test("headers are sent with lower case names, over our own; gzip where it is asked for", async (t) => {
  const headers = { "X-Api-Key": SECRET, "User-Agent": "mine/1" };
  const { server, sink } = await setUp(t, { headers, compression: "gzip" });
  await sink.write([span(1, { input: "x".repeat(2_000) })], signal);
  const [{ headers: sent, message }] = server.requests as [OtlpServer["requests"][0]];
  assert.equal(sent["x-api-key"], SECRET);
  assert.equal(sent["user-agent"], "mine/1");
  assert.equal(sent["content-encoding"], "gzip");
  assert.equal(message!["resourceSpans"][0].scopeSpans[0].spans.length, 1);
});

test("an empty batch sends nothing, a batch of one signal sends one request", async (t) => {
  const { server, sink } = await setUp(t);
  await sink.write([], signal);
  await sink.write([span(1)], signal);
  await sink.write([sampleScore()], signal);
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ["/v1/traces", "/v1/logs"],
  );
});

test("a base address keeps its path and query; own addresses are taken as they are", async (t) => {
  const paths = async (options: (url: string) => OtlpSinkOptions) => {
    const server = await otlpServer();
    t.after(server.close);
    await otlpSink(options(server.url), {}).write([span(1), sampleScore()], signal);
    return server.requests.map(({ path }) => path);
  };
  assert.deepEqual(await paths((url) => ({ endpoint: `${url}/otel/` })), ["/otel/v1/traces", "/otel/v1/logs"]);
  assert.deepEqual(await paths((url) => ({ endpoint: `${url}/a?b=c` })), ["/a/v1/traces?b=c", "/a/v1/logs?b=c"]);
  assert.deepEqual(await paths((url) => ({ tracesEndpoint: `${url}/p/v1/traces?q=1` })), [
    "/p/v1/traces?q=1",
    "/p/v1/logs?q=1",
  ]);
  assert.deepEqual(await paths((url) => ({ endpoint: url, tracesEndpoint: `${url}/here` })), ["/here", "/v1/logs"]);
  assert.deepEqual(await paths((url) => ({ tracesEndpoint: `${url}/here`, logsEndpoint: `${url}/there` })), [
    "/here",
    "/there",
  ]);
  assert.deepEqual(await paths((url) => ({ endpoint: url, logsEndpoint: `${url}/there` })), ["/v1/traces", "/there"]);
  // Where log records go is not known then, and they go nowhere.
  assert.deepEqual(await paths((url) => ({ tracesEndpoint: `${url}/here` })), ["/here"]);
});

// OTLP: 429, 502, 503 and 504 may pass; nothing else is sent again. 413 is halved. Of 407 `fetch` makes a failed
// connection, and 421 it sends again itself, once: both by its specification.
for (let status = 300; status <= 599; status++) {
  const retry = [407, 429, 502, 503, 504].includes(status) ? "later" : status === 413 ? "split" : "never";
  test(`${status} means ${retry}`, async (t) => {
    const { server, sink } = await setUp(t, { headers: { "x-api-key": SECRET } });
    server.answer(() => ({ status, headers: { "retry-after": "7", location: `/${SECRET}` } }));
    const error = await errorOf(() => sink.write([span(1)], signal));
    assert.equal(error.retry, retry);
    assert.doesNotMatch(inspect(error), new RegExp(SECRET));
    assert.equal(server.requests.length, status === 421 ? 2 : 1);
    if (status === 407) return;
    assert.equal(error.retryAfterMs, retry === "later" ? 7_000 : undefined);
    assert.match(error.message, new RegExp(`answered ${status}`));
  });
}

test("a lost connection, an answer that does not come and an abort mean later", async (t) => {
  const { server, sink } = await setUp(t, { timeoutMs: 50 });
  server.answer(() => ({ reset: true }));
  assert.equal((await errorOf(() => sink.write([span(1)], signal))).retry, "later");
  server.answer(() => ({ hang: true }));
  const late = await errorOf(() => sink.write([span(1)], signal));
  assert.equal(late.retry, "later");
  assert.match(late.message, /no answer within 50 ms/);
  assert.equal((await errorOf(() => sink.write([span(1)], AbortSignal.abort()))).retry, "later");
  await server.close();
  assert.equal((await errorOf(() => sink.write([span(1)], signal))).retry, "later");
});

const PARTIAL: readonly (readonly [form: string, body: (n: number, message: string) => string | Buffer])[] = [
  ["protobuf", (n, message) => partialAnswer("traces", n, message)],
  ["JSON", (n, errorMessage) => JSON.stringify({ partialSuccess: { rejectedSpans: String(n), errorMessage } })],
  ["JSON with numbers", (n, errorMessage) => JSON.stringify({ partialSuccess: { rejectedSpans: n, errorMessage } })],
];
for (const [form, body] of PARTIAL) {
  test(`partial success in ${form}: as many as were rejected are counted and never sent again`, async (t) => {
    const { server, sink } = await setUp(t);
    server.answer(() => ({ body: body(2, "too old") }));
    const result = await sink.write([span(1), span(2), span(3)], signal);
    assert.deepEqual(
      result!.rejected!.map(({ reason }) => reason),
      ["too old", "too old"],
    );
    server.answer(() => ({ body: body(0, "mind the gap") }));
    assert.equal(await sink.write([span(4)], signal), undefined);
    server.answer(() => ({ body: body(9, "") }));
    assert.deepEqual(await sink.write([span(5)], signal), {
      rejected: [{ spanId: "0000000000000005", reason: "rejected" }],
    });
    assert.equal(server.requests.length, 3);
  });
}

test("an answer that is no such message rejects nothing", async (t) => {
  const { server, sink } = await setUp(t);
  const bodies = ["{", "null", "[]", "<html>", Buffer.from([10, 200]), Buffer.from([255, 255]), Buffer.from([8, 1])];
  const odd = ['{"partialSuccess":null}', '{"partialSuccess":{"rejectedSpans":"x"}}', '{"partialSuccess":7}'];
  for (const body of [...bodies, ...odd, '{"partialSuccess":{"rejectedSpans":-1}}']) {
    server.answer(() => ({ body }));
    assert.equal(await sink.write([span(1)], signal), undefined, inspect(body));
  }
});

test("rejected log records are counted too", async (t) => {
  const { server, sink } = await setUp(t);
  server.answer(({ path }) => (path === "/v1/logs" ? { body: partialAnswer("logs", 1, "bad score") } : undefined));
  const result = await sink.write([span(1), sampleScore(), sampleFinding()], signal);
  assert.deepEqual(
    result!.rejected!.map(({ reason }) => reason),
    ["bad score"],
  );
});

test("spans that are through are not sent again because log records are not", async (t) => {
  const { server, sink } = await setUp(t);
  const batch = [span(1), span(2), sampleScore()];
  server.answer(({ path }) => {
    if (path === "/v1/traces") return { body: partialAnswer("traces", 1, "too old") };
    return { status: 503, headers: { "retry-after": "1" } };
  });
  const error = await errorOf(() => sink.write(batch, signal));
  assert.deepEqual([error.retry, error.retryAfterMs], ["later", 1_000]);
  assert.deepEqual(error.remaining, [batch[2]]);
  assert.equal(error.rejected!.length, 1, "what was rejected is told with what was taken");
  assert.equal((await errorOf(() => sink.write(error.remaining!, signal))).retry, "later");
  server.answer(() => undefined);
  assert.equal(await sink.write(error.remaining!, signal), undefined);
  assert.deepEqual(idsOf(server), [1, 2]);
  assert.equal(server.logRecords().length, 1);
  // Nothing is kept: who writes it again means it.
  await sink.write([span(1)], signal);
  assert.deepEqual(idsOf(server), [1, 2, 1]);
});

const chat = (n: number) =>
  span(n, {
    type: "generation",
    genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1" },
    input: [{ role: "user", parts: [{ type: "text", content: `question ${n}` }] }],
  });

test("contents that are events come again without their spans", async (t) => {
  const { server, sink } = await setUp(t, { content: "events" });
  const batch = [chat(1), span(2, { input: undefined, output: undefined }), sampleScore()];
  server.answer(({ path }) => {
    return path === "/v1/logs" ? { status: 503 } : { body: partialAnswer("traces", 1, "too old") };
  });
  const error = await errorOf(() => sink.write(batch, signal));
  assert.deepEqual(
    error.remaining!.map(({ record }) => record),
    ["span", "score"],
  );
  assert.equal(error.rejected, undefined, "the first span is rejected, and its contents are not through");
  server.answer(() => undefined);
  const result = await sink.write(error.remaining!, signal);
  assert.deepEqual(result!.rejected, [{ spanId: batch[0]!.spanId, reason: "too old" }]);
  assert.deepEqual([idsOf(server), server.logRecords().length], [[1, 2], 2]);
});

test("contents that are refused for good are told; their span and the scores are in the books", async (t) => {
  const { server, sink } = await setUp(t, { content: "events", name: "otlp" });
  server.answer(({ path }) => (path === "/v1/logs" ? { status: 401 } : undefined));
  const error = await errorOf(() => sink.write([chat(1), sampleScore()], signal));
  assert.deepEqual([error.retry, error.remaining, error.rejected!.length], ["never", [], 1]);
  configure({ sinks: [sink], signals: false });
  generation({ name: "g", model: "m", input: "hi", output: "x" });
  await flush({ timeoutMs: 5_000 });
  await shutdown();
  assertBooks(stats());
  const { written, dropped, lastError } = stats().sinks["otlp"]!;
  assert.deepEqual([written, dropped], [1, {}]);
  assert.match(lastError!, /answered 401/);
});

test("contents that are too large as events cost no second span", async (t) => {
  const { server, sink } = await setUp(t, { content: "events" });
  server.answer(({ path }) => (path === "/v1/logs" ? { status: 413 } : undefined));
  const batch = [chat(1), chat(2)];
  const error = await errorOf(() => sink.write(batch, signal));
  assert.deepEqual([error.retry, error.remaining], ["split", batch]);
  for (const one of batch) assert.deepEqual((await errorOf(() => sink.write([one], signal))).remaining, []);
  assert.deepEqual(idsOf(server), [1, 2]);
});

for (const status of [404, 405, 501]) {
  test(`a receiver whose /v1/logs answers ${status} gets the spans, and is asked again after ten minutes`, async (t) => {
    const clock = fakeClock();
    const { server, sink } = await setUp(t, { clock });
    server.answer(({ path }) => (path === "/v1/logs" ? { status } : undefined));
    const logs = () => server.requests.filter(({ path }) => path === "/v1/logs").length;
    for (let n = 1; n <= 3; n++) {
      const result = await sink.write([span(n), sampleScore(), sampleFinding()], signal);
      assert.equal(result!.rejected!.length, 2);
    }
    const alone = await sink.write([sampleScore()], signal);
    assert.equal(alone!.rejected!.length, 1);
    assert.deepEqual([idsOf(server), logs()], [[1, 2, 3], 1]);
    clock.advance(600_000);
    server.answer(() => undefined);
    assert.equal(await sink.write([sampleScore()], signal), undefined);
    assert.equal(logs(), 2);
  });
}

test("log records that are refused otherwise cost no span; alone, their error is told", async (t) => {
  const { server, sink } = await setUp(t);
  server.answer(({ path }) => (path === "/v1/logs" ? { status: 400 } : undefined));
  const result = await sink.write([span(1), sampleScore()], signal);
  assert.match(result!.rejected![0]!.reason, /answered 400/);
  assert.equal((await errorOf(() => sink.write([sampleScore()], signal))).retry, "never");
});

test("logs: false leaves scores and findings out, and says so in its policy", async (t) => {
  const { server, sink } = await setUp(t, { logs: false, name: "otlp" });
  configure({ sinks: [sink], signals: false });
  const root = startSpan("root");
  score({ traceId: root.traceId, name: "good", value: 1 });
  root.end();
  await shutdown();
  const books = stats();
  assertBooks(books);
  assert.deepEqual([books.sinks["otlp"]!.written, books.sinks["otlp"]!.sampledOut], [1, 1]);
  assert.equal(server.requests.length, 1);
});

test("content: on spans, as events, both or nowhere", async (t) => {
  const call = span(1, {
    name: "chat",
    type: "generation",
    genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1" },
    input: [{ role: "user", parts: [{ type: "text", content: "Solve it" }] }],
    output: [{ role: "assistant", parts: [{ type: "text", content: "x = 1" }], finish_reason: "stop" }],
  });
  for (const content of ["spans", "events", "both", "none"] as const) {
    const { server, sink } = await setUp(t, { content, protocol: "http/json" });
    await sink.write([call], signal);
    const text = (path: string) => String(server.requests.find((request) => request.path === path)?.bytes ?? "");
    assert.equal(text("/v1/traces").includes("Solve it"), content === "spans" || content === "both", content);
    assert.equal(text("/v1/logs").includes("Solve it"), content === "events" || content === "both", content);
  }
});

test("OpenInference's attributes are added where they are asked for", async (t) => {
  for (const openInference of [true, false]) {
    const { server, sink } = await setUp(t, { openInference });
    await sink.write([span(1, { type: "tool" })], signal);
    const keys = server.spans()[0]!["attributes"].map(({ key }: { key: string }) => key);
    assert.equal(keys.includes("openinference.span.kind"), openInference);
  }
});

test("a body above maxBodyBytes asks for halves before it is sent", async (t) => {
  const { server, sink } = await setUp(t, { maxBodyBytes: 10_000 });
  const error = await errorOf(() => sink.write([span(1, { input: "x".repeat(20_000) })], signal));
  assert.deepEqual([error.retry, error.reason], ["split", "too_large"]);
  assert.equal(server.requests.length, 0);
});

// Through the pipeline: the books.

const write = (count: number) => {
  for (let n = 0; n < count; n++) startSpan(`span ${n}`).end();
};

async function through(t: TestContext, answer: Parameters<OtlpServer["answer"]>[0], count = 8) {
  const { server, sink } = await setUp(t, { name: "otlp" });
  server.answer(answer);
  configure({ sinks: [sink], signals: false });
  write(count);
  const result = await flush({ timeoutMs: 5_000 });
  await shutdown({ timeoutMs: 1_000 });
  const books = stats();
  assertBooks(books);
  return { server, result, lane: books.sinks["otlp"]! };
}

test("413 halves until the span at fault stands alone", async (t) => {
  const { server, lane } = await through(t, ({ message }) => {
    const names = message!["resourceSpans"].flatMap((group: any) => group.scopeSpans[0].spans.map((s: any) => s.name));
    return names.includes("span 5") ? { status: 413 } : undefined;
  });
  assert.deepEqual([lane.written, lane.dropped], [7, { too_large: 1 }]);
  assert.equal(server.spans().length, 7);
});

test("partial success in the books", async (t) => {
  const { lane } = await through(t, () => ({ body: partialAnswer("traces", 3, "no") }));
  assert.deepEqual([lane.written, lane.dropped], [5, { rejected_by_sink: 3 }]);
});

test("400 costs the batch and is not tried again", async (t) => {
  const { server, lane } = await through(t, () => ({ status: 400 }));
  assert.deepEqual([lane.written, lane.dropped, server.requests.length], [0, { rejected_by_sink: 8 }, 1]);
});

test("503 with Retry-After is tried again until it is taken", async (t) => {
  let left = 2;
  const { server, lane } = await through(t, () =>
    left-- > 0 ? { status: 503, headers: { "retry-after": "0" } } : undefined,
  );
  assert.deepEqual([lane.written, lane.retries, server.spans().length], [8, 2, 8]);
});

test("a lost connection is tried again", async (t) => {
  let left = 1;
  const { server, lane } = await through(t, () => (left-- > 0 ? { reset: true } : undefined));
  assert.deepEqual([lane.written, lane.retries, server.spans().length], [8, 1, 8]);
});

test("a spool over it keeps what the receiver does not take now", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-otlp-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { server, sink } = await setUp(t, { name: "otlp" });
  server.answer(() => ({ status: 503, headers: { "retry-after": "60" } }));
  configure({ sinks: [spool(sink, { dir })], signals: false });
  write(3);
  await flush({ timeoutMs: 500 });
  await shutdown({ timeoutMs: 500 });
  assertBooks(stats());
  assert.equal(stats().sinks["spool(otlp)"]!.spooled, 3);

  server.answer(() => undefined);
  configure({ sinks: [spool(otlpSink({ endpoint: server.url, name: "otlp" }, {}), { dir })], signals: false });
  await flush();
  await shutdown();
  assertBooks(stats());
  assert.equal(server.spans().length, 3);
});

test("a spool waits where a key is refused, and goes on where the records are", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-otlp-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { server, sink } = await setUp(t, { name: "otlp" });
  configure({ sinks: [spool(sink, { dir })], signals: false });
  const lane = () => {
    assertBooks(stats());
    const { spooled, written, dropped } = stats().sinks["spool(otlp)"]!;
    return { spooled, written, dropped };
  };
  server.answer(() => ({ status: 400 }));
  write(3);
  await flush({ timeoutMs: 2_000 });
  assert.deepEqual(lane(), { spooled: 0, written: 0, dropped: { rejected_by_sink: 3 } });
  server.answer(() => ({ status: 401 }));
  write(2);
  await flush({ timeoutMs: 300 });
  assert.deepEqual(lane(), { spooled: 2, written: 0, dropped: { rejected_by_sink: 3 } });
  server.answer(() => undefined);
  await flush({ timeoutMs: 5_000 });
  await shutdown();
  assert.deepEqual(lane(), { spooled: 0, written: 2, dropped: { rejected_by_sink: 3 } });
});

test("log records that are not taken until the end: the span is written, the score alone is dropped", async (t) => {
  const { server, sink } = await setUp(t, { name: "otlp" });
  server.answer(({ path }) => (path === "/v1/logs" ? { status: 503 } : undefined));
  configure({ sinks: [sink], signals: false });
  const root = startSpan("root");
  score({ traceId: root.traceId, name: "good", value: 1 });
  root.end();
  await flush({ timeoutMs: 500 });
  while (stats().sinks["otlp"]!.written === 0) await sleep(5);
  await shutdown({ timeoutMs: 500 });
  assertBooks(stats());
  const { written, dropped } = stats().sinks["otlp"]!;
  assert.deepEqual([server.spans().length, written, dropped], [1, 1, { shutdown: 1 }]);
});

test("a receiver that hangs at /v1/logs gets the spans once", async (t) => {
  const { server, sink } = await setUp(t, { name: "otlp" });
  server.answer(({ path }) => (path === "/v1/logs" ? { hang: true } : undefined));
  configure({ sinks: [sink], delivery: { attemptMs: 1_000 }, signals: false });
  const root = startSpan("root");
  score({ traceId: root.traceId, name: "good", value: 1 });
  root.end();
  await flush({ timeoutMs: 2_000 });
  server.answer(() => undefined);
  await flush({ timeoutMs: 5_000 });
  await shutdown();
  assertBooks(stats());
  const { written, dropped } = stats().sinks["otlp"]!;
  assert.deepEqual([server.spans().length, server.logRecords().length, written, dropped], [1, 1, 2, {}]);
});

test("a spool: log records refused for good cost themselves, alone too, where spans are taken", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-otlp-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { server, sink } = await setUp(t, { name: "otlp" });
  server.answer(({ path }) => (path === "/v1/logs" ? { status: 401 } : undefined));
  configure({ sinks: [spool(sink, { dir })], signals: false });
  score({ traceId: "1".repeat(32), name: "alone", value: 1 });
  await flush({ timeoutMs: 5_000 });
  const root = startSpan("root");
  score({ traceId: root.traceId, name: "good", value: 1 });
  root.end();
  await flush({ timeoutMs: 5_000 });
  await shutdown();
  assertBooks(stats());
  const { written, spooled, dropped, lastError } = stats().sinks["spool(otlp)"]!;
  assert.deepEqual([server.spans().length, written, spooled, dropped], [1, 1, 0, { rejected_by_sink: 2 }]);
  assert.match(lastError!, /answered 401/);
});

test("a spool: spans that are through are not sent by the next process", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-otlp-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const { server, sink } = await setUp(t, { name: "otlp" });
  const logsFail = ({ path }: { path: string }) =>
    path === "/v1/logs" ? { status: 503, headers: { "retry-after": "60" } } : undefined;
  server.answer(logsFail);
  configure({ sinks: [spool(sink, { dir })], signals: false });
  for (let n = 0; n < 3; n++) {
    const root = startSpan(`root ${n}`);
    score({ traceId: root.traceId, name: "good", value: 1 });
    root.end();
  }
  await flush({ timeoutMs: 500 });
  while (server.spans().length < 3) await sleep(5);
  await shutdown({ timeoutMs: 500 });
  assertBooks(stats());
  assert.deepEqual([server.spans().length, stats().sinks["spool(otlp)"]!.spooled], [3, 3]);
  server.answer(() => undefined);
  configure({ sinks: [spool(otlpSink({ endpoint: server.url, name: "otlp" }, {}), { dir })], signals: false });
  await flush();
  await shutdown();
  assertBooks(stats());
  assert.deepEqual([server.spans().length, server.logRecords().length], [3, 3]);
});

test("two sinks for one address are two, and nothing of ours is traced by itself", async (t) => {
  const server = await otlpServer();
  t.after(server.close);
  const sinks = ["a", "b"].map((name) => otlpSink({ endpoint: server.url, name }, {}));
  let seen: unknown = "nothing";
  const watching: typeof fetch = (...args) => {
    seen = currentSpan();
    return fetch(...args);
  };
  configure({ sinks: [...sinks, otlpSink({ endpoint: server.url, fetch: watching }, {})], signals: false });
  startSpan("root").end();
  await flush();
  await shutdown();
  assert.equal(server.spans().length, 3);
  assert.equal(seen, undefined);
});

test("options that make no sense are refused as the sink is made, without telling secrets", () => {
  const refused: readonly (readonly [options: object, message: RegExp])[] = [
    [{ endpint: "http://localhost" }, /otlpSink has no option "endpint"; it has .*endpoint/],
    [{ endpoint: "localhost:4318" }, /otlpSink: the address must be absolute and begin with http/],
    [{ endpoint: "https://c.example/v1/traces" }, /otlpSink: endpoint is the address that "\/v1\/traces" is added to/],
    [{ endpoint: "http://c.example", headers: { "x-api-key": SECRET } }, /credentials over plain http.*insecure: true/],
    [{ endpoint: "http://c.example", headers: { a: "b\n" } }, /header "a" must be one line/],
    [{ protocol: "grpc" }, /protocol must be "http\/protobuf" or "http\/json"/],
    [{ compression: "br" }, /compression must be/],
    [{ timeoutMs: 0 }, /timeoutMs must be a number above zero/],
    [{ profile: "1.30" }, /profile must be/],
    [{ content: "all" }, /content must be/],
    [{ resource: { "service.name": { nested: 1 } } }, /resource: "service.name" must be a string/],
  ];
  for (const [options, message] of refused) {
    assert.throws(
      () => otlpSink(options as OtlpSinkOptions, {}),
      (error: Error) => error.name === "ConfigError" && message.test(error.message) && !inspect(error).includes(SECRET),
      inspect(options),
    );
  }
  // In a cluster: without credentials, and with consent.
  otlpSink({ endpoint: "http://otel-collector:4318" }, {});
  const sink = otlpSink({ endpoint: "http://c.example", headers: { "x-api-key": SECRET }, insecure: true }, {});
  assert.ok(!inspect(sink, { depth: 9, getters: true }).includes(SECRET));
});
