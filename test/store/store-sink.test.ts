import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, SinkError } from "../../src/core/errors.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { StoreError, type StoreErrorCode } from "../../src/store/store-error.ts";
import { storeSink } from "../../src/store/store-sink.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { rig } from "../pipeline/rig.ts";

sinkContract(() => storeSink(memoryStore()));

const never = new AbortController().signal;

function failing(error: Error): TraceStore {
  return { ...memoryStore(), append: () => Promise.reject(error) };
}

const failureOf = (error: Error): Promise<unknown> =>
  Promise.resolve(storeSink(failing(error)).write([sampleSpan()], never)).then(
    () => assert.fail("it was taken"),
    (reason: unknown) => reason,
  );

test("what is written can be asked for, in its project", async () => {
  const store = memoryStore({ name: "sqlite:traces.db" });
  const sink = storeSink(store, { project: "math", closesStore: false });
  assert.equal(sink.name, "sqlite:traces.db");
  await sink.write([sampleSpan(), sampleScore()], never);
  assert.equal((await store.stats({ project: "math" })).spans, 1);
  assert.equal((await store.stats()).spans, 0);
});

test("sinks of one store for two projects are two destinations", () => {
  const store = memoryStore();
  assert.notEqual(storeSink(store, { project: "a" }).destination, storeSink(store, { project: "b" }).destination);
});

test("a store that is full or away is tried again when it says", async () => {
  for (const code of ["STORE_FULL", "STORE_UNAVAILABLE"] as const) {
    const cause = new StoreError(code, "The store is away.", { retryAfterMs: 1_234 });
    const error = await failureOf(cause);
    assert.ok(error instanceof SinkError);
    assert.deepEqual(
      [error.retry, error.retryAfterMs, error.code, error.message, error.cause],
      ["later", 1_234, code, "The store is away.", cause],
    );
  }
});

test("in a pipeline: what a full store refused is there when it has room again", async (t) => {
  const store = memoryStore();
  let refusals = 0;
  const append: TraceStore["append"] = async (records, options) => {
    if (refusals++ === 0) throw new StoreError("STORE_FULL", "The store is full.", { retryAfterMs: 5_000 });
    return store.append(records, options);
  };
  const { emitMany, advance, lane } = rig(t, [storeSink({ ...store, append })]);
  emitMany(3);
  await advance(4_000);
  assert.deepEqual([refusals, lane().written], [1, 0]);
  await advance(8_000);
  assert.equal((await store.stats()).spans, 3);
  assert.equal(lane().written, 3);
});

test("other errors of a store do not come back; errors that are none of it stay what they are", async () => {
  for (const code of ["STORE_CLOSED", "STORE_NEWER_SCHEMA", "STORE_MISSING_DRIVER"] as StoreErrorCode[]) {
    const error = await failureOf(new StoreError(code, "No."));
    assert.deepEqual([(error as SinkError).retry, (error as SinkError).code], ["never", code]);
  }
  const bug = new TypeError("a bug");
  assert.equal(await failureOf(bug), bug);
});

test("close closes the store, unless it is somebody else's", async () => {
  const mine = memoryStore();
  await storeSink(mine).close?.();
  await assert.rejects(mine.stats(), { code: "STORE_CLOSED" });
  const theirs = memoryStore();
  await storeSink(theirs, { closesStore: false }).close?.();
  await theirs.stats();
});

test("options that make no sense are refused", () => {
  assert.throws(() => storeSink(memoryStore(), { project: "" }), ConfigError);
  assert.throws(() => storeSink(memoryStore(), { path: "x" } as object), ConfigError);
});
