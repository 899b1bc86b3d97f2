/** Two shards of two replicas behind two collectors, with senders that try again: one replica dies during ingest. */
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Collector, collector } from "../../../src/collector/index.ts";
import { SinkError } from "../../../src/core/errors.ts";
import type { SpanRecord } from "../../../src/core/record.ts";
import { httpSink } from "../../../src/sinks/http.ts";
import { otlpSink } from "../../../src/sinks/otlp/index.ts";
import type { Sink } from "../../../src/sinks/sink.ts";
import { clickHouseStore } from "../../../src/store/clickhouse/index.ts";
import type { TraceStore } from "../../../src/store/trace-store.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";
import { until } from "../../collector/support.ts";
import { ask, CLUSTER, type Lab, type Server, twoByTwo } from "./lab.ts";

const DATABASE = "killed";
const BATCHES = 24;
const BATCH = 100;
const TRACE = 5;
const never = new AbortController().signal;

let lab: Lab;
before(async () => {
  lab = await twoByTwo();
});
after(() => lab.close());

/** By way of one of the nodes; of the others when that does not answer. */
function open(t: TestContext, entry: number): TraceStore {
  const order = [entry, ...[0, 1, 2, 3].filter((i) => i !== entry)];
  const url = order.map((i) => lab.servers[i]!.url);
  const store = clickHouseStore({ url, cluster: CLUSTER, database: DATABASE });
  t.after(() => store.close());
  return store;
}

async function over(t: TestContext, store: TraceStore): Promise<Collector> {
  const server = await collector({ store, port: 0, prices: false, log: () => {} });
  t.after(() => server.close({ timeoutMs: 0 }));
  return server;
}

/** Whole traces, on both shards; different for each number. */
function batch(n: number): SpanRecord[] {
  return Array.from({ length: BATCH }, (_, i) =>
    sampleSpan({
      traceId: ((n * BATCH) / TRACE + Math.floor(i / TRACE) + 1).toString(16).padStart(32, "0"),
      spanId: String((i % TRACE) + 1).repeat(16),
      ...(i % TRACE > 0 && { parentSpanId: "1".repeat(16) }),
      name: `span ${i % TRACE}`,
      type: "generation",
      genAi: { requestModel: "gpt-4.1" },
      usage: { inputTokens: 1 },
    }),
  );
}

test("a replica is killed during ingest: answers go on, collectors say 429 and place it later, nothing is lost or counts twice", async (t) => {
  const [victim, store] = [lab.servers[1]!, open(t, 0)];
  await store.stats();
  const [one, other] = [await over(t, store), await over(t, open(t, 2))];
  const senders: readonly Sink[] = [
    httpSink({ url: `${one.url}/v1/records`, timeoutMs: 60_000 }),
    otlpSink({ endpoint: other.url, protocol: "http/json", timeoutMs: 60_000 }),
  ];
  const acknowledged = new Set<number>();
  const refused = new Set<number>();

  /** As a lane does: the same again, until it is taken. */
  async function send(sink: Sink, n: number): Promise<void> {
    for (;;) {
      try {
        assert.deepEqual((await sink.write(batch(n), never))?.rejected ?? [], []);
        acknowledged.add(n);
        return;
      } catch (error) {
        assert.ok(error instanceof SinkError && error.retry === "later", String(error));
        assert.match(error.message, /answered 429$/);
        assert.ok(error.retryAfterMs! > 0);
        refused.add(n);
        await sleep(Math.min(200, error.retryAfterMs!));
      }
    }
  }

  async function sendAll(sink: Sink, from: number): Promise<void> {
    for (let n = from; n < BATCHES; n += senders.length) await send(sink, n);
  }
  let isOver = false;
  const sending = Promise.all(senders.map(sendAll)).finally(() => {
    isOver = true;
  });
  await until(() => isOver || acknowledged.size >= 6);
  await victim.kill();
  await until(() => isOver || refused.size === senders.length);

  // Whichever node is asked, and however: what was acknowledged is there.
  for (const entry of [0, 1, 2, 3]) await checkMeanwhile(open(t, entry), acknowledged.size);
  for (const { url } of [one, other]) {
    const { status } = await fetch(`${url}/api/traces?limit=50`);
    assert.equal(status, 200);
  }
  const before = acknowledged.size;
  assert.equal(before + senders.length <= BATCHES && refused.size, senders.length, "batches wait for the replica");

  await victim.start();
  await sending;
  assert.equal(acknowledged.size, BATCHES);
  // What was acknowledged comes again, by way of the other collector.
  for (const n of [0, 1, 2]) await send(httpSink({ url: `${other.url}/v1/records`, timeoutMs: 60_000 }), n);
  await checkAnswers(store, BATCHES * BATCH);
  for (const server of lab.servers) await checkReplica(server);
  const [a, b, c, d] = await Promise.all(lab.servers.map(contents));
  assert.equal(a, b, "the replicas of the first shard");
  assert.equal(c, d, "the replicas of the second shard");
  t.diagnostic(
    `figure: ${before} of ${BATCHES} batches were acknowledged before the replica was back, ${refused.size} heard 429`,
  );
});

async function checkMeanwhile(reader: TraceStore, batches: number): Promise<void> {
  const [row] = await reader.aggregate({ groupBy: ["model"] });
  assert.ok(row!.count >= batches * BATCH && row!.count <= BATCHES * BATCH, `${row!.count} of ${batches} batches`);
  const { items } = await reader.traces({ limit: 500 });
  assert.ok(items.length >= (batches * BATCH) / TRACE && items.every(({ spans }) => spans <= TRACE));
}

async function checkAnswers(store: TraceStore, spans: number): Promise<void> {
  const [row] = await store.aggregate({ groupBy: ["model"] });
  assert.deepEqual([row!.count, row!.inputTokens], [spans, spans]);
  const [bucketed] = await store.aggregate({ bucketUs: 3_600_000_000, percentiles: true });
  assert.equal(bucketed!.count, spans);
  const traces = spans / TRACE;
  const { items } = await store.traces({ limit: 500 });
  assert.deepEqual([items.length, new Set(items.map(({ traceId }) => traceId)).size], [traces, traces]);
  assert.ok(items.every((item) => item.spans === TRACE && item.inputTokens === TRACE));
  const stats = await store.stats();
  assert.deepEqual([stats.spans, stats.traces], [spans, traces]);
  assert.deepEqual(await store.values({ field: "model" }), [{ value: "gpt-4.1", traces }]);
}

/** Rows in its own tables: each of its shard's spans once, and its payload with it. */
async function checkReplica(server: Server): Promise<void> {
  const count = (table: string, key: string) =>
    ask(server, `SELECT count(), uniqExact(${key}) FROM ${DATABASE}.${table}_local FINAL`);
  const spans = await count("span_rows", "(trace_id, span_id)");
  assert.equal(await count("payloads", "(trace_id, span_id)"), spans);
  const [rows, keys] = spans.split("\t").map(Number);
  assert.ok(rows === keys && rows! > 0, `${server.url}: ${spans}`);
  assert.equal(await count("trace_rows", "trace_id"), `${rows! / TRACE}\t${rows! / TRACE}`);
}

function contents(server: Server): Promise<string> {
  const hash = (table: string, columns: string) =>
    `(SELECT (count(), groupBitXor(cityHash64(${columns}))) FROM ${DATABASE}.${table}_local FINAL)`;
  return ask(
    server,
    `SELECT ${hash("span_rows", "trace_id, span_id, version, name")}, ${hash("payloads", "trace_id, span_id, texts, doc")},
      ${hash("trace_rows", "trace_id, version, spans, status")}`,
  );
}
