/** P14: what is sent twice can be recognised and counts once. P18: what we send ourselves is not traced. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import http from "node:http";
import { test } from "node:test";
import { configure, flush, memorySink, observe, type SpanRecord, shutdown, startSpan, stats } from "sightline";
import { buildTraces, type FlakyRequest, flakyServer } from "sightline/testing";
import { httpSink } from "../../src/sinks/http.ts";
import { draft } from "../pipeline/rig.ts";
import { assertBooks } from "../support/books.ts";
import { type Wire, wire } from "./lab/wire.ts";

const batchOf = ({ headers }: FlakyRequest) => headers["x-sightline-batch"];

/** What any reader that goes by ids makes of the records. */
function totals(records: Parameters<typeof buildTraces>[0]): { spans: number; tokens: number; usd: number } {
  const spans = buildTraces(records).flatMap((trace) => trace.findAll(() => true).map(({ record }) => record));
  return {
    spans: spans.length,
    tokens: spans.reduce((sum, { usage }) => sum + (usage?.totalTokens ?? 0), 0),
    usd: spans.reduce((sum, { cost }) => sum + (cost?.total ?? 0), 0),
  };
}

const PRICED: Partial<SpanRecord> = {
  usage: { totalTokens: 500 },
  cost: { currency: "USD", total: 0.25, source: "provided" },
};

/** Two priced records, whose server took them and did not say so in time. */
async function sentTwice(w: Wire): Promise<void> {
  for (const name of ["1", "2"]) w.emit(draft(name, 1_000, PRICED));
  await w.settle();
  await w.pass(300);
  await w.pass(1_000);
  assert.deepEqual([w.server.requests.length, w.server.records().length, w.lane().written], [2, 4, 2]);
}
const TIMEOUT = { sink: { timeoutMs: 300 }, lane: { batchRecords: 2 } };

test("P14 a timeout after the server has committed: the same ids and the same batch id, counted once", async (t) => {
  const w = await wire(t, [{ hang: true }, { ok: true }], TIMEOUT);
  await sentTwice(w);
  const [first, second] = w.server.requests;
  assert.match(batchOf(first!) as string, /^[0-9a-f]{32}$/);
  assert.equal(batchOf(first!), batchOf(second!));
  assert.equal(first!.body, second!.body);
  assert.deepEqual(totals(w.server.records()), { spans: 2, tokens: 1_000, usd: 0.5 });
  const memory = memorySink();
  memory.write(w.server.records());
  assert.deepEqual([memory.records.length, memory.all.length], [2, 4]);
  t.diagnostic("figure: 2 records sent twice, 4 arrived, 2 counted");
});

test("P14 two processes that replay the same records say the same batch id", async () => {
  await using server = await flakyServer();
  const read = [draft("1").record, draft("2").record];
  for (const name of ["one process", "another"]) {
    const records = read.map((record) => JSON.parse(JSON.stringify(record)));
    await httpSink({ url: server.url, name }).write(records, new AbortController().signal);
  }
  const [first, second] = server.requests;
  assert.equal(batchOf(first!), batchOf(second!));
});

test("P14 each part of a halved batch has an id of its own, the same when it is sent again", async (t) => {
  const whole = ({ records }: FlakyRequest) => ({ status: records.length > 1 ? 413 : 200 });
  const w = await wire(t, [{ status: 413 }, { status: 503 }, whole], { lane: { batchRecords: 2 } });
  w.emitMany(2);
  await w.settle();
  await w.pass(1_000);
  const [both, first, again, second] = w.server.requests.map(batchOf);
  assert.equal(first, again);
  assert.equal(new Set([both, first, second]).size, 3);
  assert.equal(w.lane().written, 2);
});

test("P14 a later record of the same span is no duplicate: the higher seq wins in any order", async (t) => {
  const w = await wire(t, [], { lane: { batchRecords: 1 } });
  w.emit(draft("1", 1_000, { seq: 1, unfinished: true }));
  w.emit(draft("1", 1_000, { ...PRICED, seq: 2 }));
  await w.settle();
  assert.equal(new Set(w.server.requests.map(batchOf)).size, 2);
  for (const records of [w.server.records(), w.server.records().reverse()]) {
    assert.deepEqual(totals(records), { spans: 1, tokens: 500, usd: 0.25 });
    assert.equal(buildTraces(records)[0]!.roots[0]!.record.unfinished, undefined);
  }
});

for (const name of ["otelite#254", "latitude#4534"]) {
  test(`museum ${name} a retry does not double tokens and cost`, async (t) => {
    const w = await wire(t, [{ hang: 301 }, { ok: true }], TIMEOUT);
    await sentTwice(w);
    assert.deepEqual(totals(w.server.records()), totals(w.server.accepted()));
  });
}

// https://github.com/langfuse/langfuse-python/issues/1803
test("museum langfuse-python#1803 a span that is in a batch twice does not take the batch along", async (t) => {
  const w = await wire(t, [], { lane: { batchRecords: 4 } });
  for (const [name, seq] of [
    ["1", 1],
    ["2", 1],
    ["1", 2],
    ["3", 1],
  ] as const) {
    w.emit(draft(name, 1_000, { seq }));
  }
  await w.settle();
  assert.deepEqual([w.server.accepted().length, w.lane().written, w.lane().dropped], [4, 4, {}]);
  assert.equal(totals(w.server.accepted()).spans, 3);
});

const names = (server: { records(): readonly unknown[] }) =>
  (server.records() as SpanRecord[]).map(({ name }) => name).sort();

test("P18 under a patched and observed fetch, retries included, our own requests leave no record", async (t) => {
  await using collector = await flakyServer([{ status: 503 }, { ok: true }]);
  await using app = await flakyServer();
  t.mock.method(globalThis, "fetch", observe("fetch", fetch));
  const memory = memorySink();
  configure({ sinks: [httpSink({ url: collector.url }), memory] });
  await observe("work", () => fetch(app.url))();
  assert.equal((await flush()).ok, true);
  // The host's own request is recorded: that is what would happen to ours.
  assert.deepEqual(names(collector), ["fetch", "fetch", "work", "work"]);
  assert.deepEqual(memory.records.length, 2);
  assert.deepEqual([stats().started, collector.requests.length], [2, 2]);
  await shutdown();
  assertBooks(stats());
});

/** A `fetch` by node:http, as a host may hand it to the sink. */
const byNodeHttp = (url: string, init: { method?: string; headers?: object; body?: Buffer }) =>
  new Promise<Response>((resolve, reject) => {
    const request = http.request(url, { method: init.method, headers: { ...init.headers } } as http.RequestOptions);
    request.on("response", (answer) => resolve(new Response(null, { status: answer.resume().statusCode! })));
    request.on("error", reject).end(init.body);
  });

test("P18 under a hook on node:http, and on the channels of fetch, our own requests leave no record", async (t) => {
  await using collector = await flakyServer();
  await using app = await flakyServer();
  t.mock.method(http, "request", observe("http.request", http.request));
  const hook = () => startSpan("undici").end();
  subscribe("undici:request:create", hook);
  t.after(() => unsubscribe("undici:request:create", hook));
  const viaHttp = httpSink({ url: collector.url, fetch: byNodeHttp as unknown as typeof fetch, name: "node:http" });
  const memory = memorySink();
  configure({ sinks: [viaHttp, httpSink({ url: collector.url, name: "fetch" }), memory] });
  await observe("work", async () => {
    await byNodeHttp(app.url, {});
    await fetch(app.url);
  })();
  assert.equal((await flush()).ok, true);
  const own = ["http.request", "undici", "work"];
  assert.deepEqual(names(collector), [...own, ...own].sort());
  assert.equal(memory.records.length, 3);
  assert.deepEqual([stats().started, collector.requests.length], [3, 2]);
  await shutdown();
  assertBooks(stats());
});
