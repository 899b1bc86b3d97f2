import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../src/core/errors.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { compareStores, storeContract } from "./contract.ts";

storeContract("memory", () => memoryStore(), {
  skip: { "sql: the sums of a summary, one row a trace": "it knows no SQL" },
});

test("a memory store agrees with itself, and every kind of question finds something", async (t) => {
  const counts = await compareStores(memoryStore(), memoryStore(), 1, { spans: 1_500, times: 0.3 });
  t.diagnostic(`figure: ${JSON.stringify(counts)}`);
  const kinds = [
    "traces",
    "text",
    "trace",
    "spans",
    "span",
    "aggregate",
    "percentiles",
    "sessions",
    "values",
    "stats",
    "prune",
  ];
  assert.deepEqual(Object.keys(counts).sort(), kinds.sort());
});

test("the comparison sees what is different, and names the question", async () => {
  const wrong = (part: (store: TraceStore) => Partial<TraceStore>): Promise<unknown> => {
    const store = memoryStore({ name: "wrong" });
    return compareStores(memoryStore(), { ...store, ...part(store) }, 1, { spans: 600, times: 0.2 });
  };
  await assert.rejects(
    wrong((store) => ({
      async spans(traceId, options) {
        const page = await store.spans(traceId, options);
        return { ...page, items: page.items.map((row) => ({ ...row, durationNs: row.durationNs + 1 })) };
      },
    })),
    /memory and wrong differ \(seed 1, half of the data\)\n {2}spans \{"traceId":.*\n {2}answer\[0\]\[0\]\.durationNs: /,
  );
  await assert.rejects(
    wrong((store) => ({ append: (records, options) => store.append(records.slice(1), options) })),
    /differ/,
  );
  await assert.rejects(
    wrong((store) => ({ prune: async () => store.prune({ beforeUs: 0 }) })),
    /prune/,
  );
});

test("a full store takes nothing of the batch, says when to come back, and has room after a prune", async () => {
  const store = memoryStore({ maxSpans: 2 });
  const one = sampleSpan();
  const two = sampleSpan({ spanId: "b7ad6b7169203331" });
  const three = sampleSpan({ spanId: "c7ad6b7169203331", traceId: "4bf92f3577b34da6a3ce929d0e0e4736" });
  await store.append([one]);
  await assert.rejects(store.append([two, three]), (error: StoreError) => {
    assert.ok(error instanceof StoreError);
    assert.equal(error.code, "STORE_FULL");
    assert.equal(error.retryAfterMs, 60_000);
    assert.match(error.message, /memory is full: it keeps 1 spans of at most 2/);
    return true;
  });
  assert.equal((await store.stats()).spans, 1);
  await store.append([two, two]);
  await store.append([{ ...one, seq: 9 }]);
  await assert.rejects(store.append([three]), { code: "STORE_FULL" });
  await store.prune({ beforeUs: Number.MAX_SAFE_INTEGER });
  await store.append([three]);
  assert.equal((await store.stats()).spans, 1);

  const small = memoryStore({ maxBytes: 2_000 });
  await assert.rejects(small.append([sampleSpan({ input: "x".repeat(2_000) })]), { code: "STORE_FULL" });
  assert.deepEqual(await small.traces(), { items: [] });
});

test("bytes are those of what is kept: back to nothing when nothing is", async () => {
  const store = memoryStore();
  await store.append([sampleSpan({ seq: 1, input: "some words" }), sampleSpan({ seq: 2 })]);
  const { bytes } = await store.stats();
  await store.append([sampleSpan({ seq: 3, input: "x".repeat(1_000) })]);
  assert.ok((await store.stats()).bytes! - bytes! > 1_900);
  await store.prune({ beforeUs: Number.MAX_SAFE_INTEGER });
  assert.equal((await store.stats()).bytes, 0);
});

test("what is kept is a copy", async () => {
  const store = memoryStore();
  const record = sampleSpan({ metadata: { a: 1 }, trace: { metadata: { plan: "pro" } } });
  const before = structuredClone(record);
  await store.append([record]);
  (record.metadata as { a: number }).a = 2;
  (record.trace.metadata as { plan: string }).plan = "free";
  const answer = await store.trace(record.traceId);
  assert.deepEqual(answer?.metadata, { plan: "pro" });
  (answer.metadata as { plan: string }).plan = "changed";
  assert.deepEqual((await store.trace(record.traceId))?.metadata, { plan: "pro" });
  assert.deepEqual(await store.span(record.traceId, record.spanId), before);
});

test("sql: says where SQL is to be had", async () => {
  await assert.rejects(memoryStore().sql("SELECT 1"), /knows no SQL\. Import the records into sqliteStore/);
});

test("options that make no sense are refused", () => {
  assert.throws(() => memoryStore({ maxSpans: 0 }), ConfigError);
  assert.throws(() => memoryStore({ path: "x" } as object), /memoryStore\(\) has no option "path"/);
});
