/** Two shards of two replicas, real servers: the contract, and what happens when a replica dies. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { SpanRecord } from "../../../src/core/record.ts";
import { clickHouseStore } from "../../../src/store/clickhouse/index.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import type { TraceStore } from "../../../src/store/trace-store.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";
import { compareStores, storeContract } from "../../store/contract.ts";
import { ask, CLUSTER, type Lab, type Server, twoByTwo } from "./lab.ts";

/** Under load, servers out of the library die in the code that switches stacks while it waits for others. */
const WITHOUT_FIBERS = { use_hedged_requests: 0, async_socket_for_remote: 0, async_query_sending_for_remote: 0 };

let lab: Lab;
let databases = 0;

before(async () => {
  lab = await twoByTwo();
});
after(() => lab.close());

/** Entered by any of the nodes: the first of `order`. */
function open(database = `c${databases++}`, order = [0, 1, 2, 3]): TraceStore {
  return clickHouseStore({
    ...{ url: order.map((i) => lab.servers[i]!.url), cluster: CLUSTER, database },
    client: { clickhouse_settings: WITHOUT_FIBERS },
  });
}

storeContract("clickhouse, 2 shards by 2 replicas", () => open());

test("a cluster answers as memory does", async (t) => {
  const store = open();
  t.after(() => store.close());
  const counts = await compareStores(memoryStore(), store, 7, { spans: 1_000, times: 0.2 });
  t.diagnostic(`figure: ${JSON.stringify(counts)}`);
  assert.ok(Object.values(counts).every((count) => count > 0));
});

/** A batch of traces of 5 spans, different for each number. */
function batch(n: number): SpanRecord[] {
  return Array.from({ length: 100 }, (_, i) => {
    const trace = n * 20 + Math.floor(i / 5);
    const parent = i % 5 === 0 ? {} : { parentSpanId: "1".repeat(16) };
    return sampleSpan({
      traceId: trace.toString(16).padStart(32, "0"),
      spanId: String((i % 5) + 1).repeat(16),
      ...parent,
      name: `span ${i % 5}`,
      type: "generation",
      genAi: { requestModel: "gpt-4.1" },
      usage: { inputTokens: 1 },
    });
  });
}

test("a replica is killed during ingest: answers go on, what cannot be placed is refused, nothing is lost or counts twice", async (t) => {
  const database = `c${databases++}`;
  const store = open(database);
  t.after(() => store.close());
  const victim = lab.servers[1]!;
  const refused: number[] = [];
  let acknowledged = 0;

  async function place(n: number): Promise<boolean> {
    try {
      await store.append(batch(n));
      acknowledged += 100;
      return true;
    } catch (error) {
      assert.ok(error instanceof StoreError, String(error));
      assert.equal(error.code, "STORE_UNAVAILABLE");
      assert.ok(error.retryAfterMs! > 0);
      return false;
    }
  }

  for (let n = 0; n < 6; n++) assert.equal(await place(n), true, `batch ${n}`);
  // In the middle of a batch.
  const under = place(6);
  await victim.kill();
  if (!(await under)) refused.push(6);
  for (let n = 7; n < 12; n++) if (!(await place(n))) refused.push(n);
  assert.ok(refused.length >= 5, `refused: ${refused}`);

  // Whichever node is asked that is there.
  for (const entry of [0, 2, 3]) {
    const reader = open(database, [entry, ...[0, 1, 2, 3].filter((i) => i !== entry)]);
    const [row] = await reader.aggregate({ groupBy: ["model"] });
    assert.ok(row!.count >= acknowledged && row!.count <= 1_200, `${row!.count} of ${acknowledged}`);
    assert.ok((await reader.traces({ limit: 500 })).items.length >= acknowledged / 5);
    await reader.close();
  }
  // One whose entry is the dead node asks the next.
  const late = open(database, [1, 0, 2, 3]);
  assert.equal((await late.traces({ limit: 1 })).items.length, 1);
  await late.close();

  await victim.start();
  for (const n of refused) assert.equal(await place(n), true, `batch ${n} again`);
  // What was acknowledged may come again as well.
  await store.append(batch(3));
  await checkAnswers(store, 1_200);
  for (const server of lab.servers) await checkReplica(server, database);
  const [a, b, c, d] = await Promise.all(lab.servers.map((server) => contents(server, database)));
  assert.equal(a, b, "the replicas of the first shard");
  assert.equal(c, d, "the replicas of the second shard");
  t.diagnostic(`figure: ${refused.length} of 12 batches were refused while a replica was away`);
});

async function checkAnswers(store: TraceStore, spans: number): Promise<void> {
  const [row] = await store.aggregate({ groupBy: ["model"] });
  assert.deepEqual([row!.count, row!.inputTokens], [spans, spans]);
  const [bucketed] = await store.aggregate({ bucketUs: 3_600_000_000, percentiles: true });
  assert.equal(bucketed!.count, spans);
  const { items } = await store.traces({ limit: 500 });
  assert.deepEqual([items.length, new Set(items.map(({ traceId }) => traceId)).size], [spans / 5, spans / 5]);
  assert.ok(items.every((item) => item.spans === 5 && item.inputTokens === 5));
  const stats = await store.stats();
  assert.deepEqual([stats.spans, stats.traces], [spans, spans / 5]);
  assert.deepEqual(await store.values({ field: "model" }), [{ value: "gpt-4.1", traces: spans / 5 }]);
}

/** Rows in its own tables: each of its shard's spans once, and its payload with it. */
async function checkReplica(server: Server, database: string): Promise<void> {
  const count = (table: string, key: string) =>
    ask(server, `SELECT count(), uniqExact(${key}) FROM ${database}.${table}_local FINAL`);
  const spans = await count("span_rows", "(trace_id, span_id)");
  assert.equal(await count("payloads", "(trace_id, span_id)"), spans);
  const [rows, keys] = spans.split("\t").map(Number);
  assert.ok(rows === keys && rows! > 0, `${server.url}: ${spans}`);
}

function contents(server: Server, database: string): Promise<string> {
  const hash = (table: string, columns: string) =>
    `(SELECT (count(), groupBitXor(cityHash64(${columns}))) FROM ${database}.${table}_local FINAL)`;
  return ask(
    server,
    `SELECT ${hash("span_rows", "trace_id, span_id, version, name")}, ${hash("payloads", "trace_id, span_id, doc")},
      ${hash("trace_rows", "trace_id, version, spans, status")}`,
  );
}
