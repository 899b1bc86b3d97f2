/** What a ClickHouse's errors, and its absence, become. */
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { asStoreError } from "../../src/store/clickhouse/errors.ts";
import { clickHouseStore } from "../../src/store/clickhouse/index.ts";
import { SCHEMA_VERSION } from "../../src/store/clickhouse/schema.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { type Asked, fake } from "./support/fake-clickhouse.ts";

const failing = (code: number, text: string) => (_: Asked, response: ServerResponse) => {
  response.statusCode = 500;
  response.setHeader("X-ClickHouse-Exception-Code", String(code));
  response.end(`Code: ${code}. DB::Exception: ${text} (SOME_ERROR) (version 26.7.2.1)`);
  return true;
};

async function refusal(store: TraceStore): Promise<StoreError> {
  try {
    await store.append([sampleSpan()]);
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    return error;
  }
  throw new Error("the append was acknowledged");
}

test("what a server says becomes what a store says", async (t) => {
  const expected: readonly (readonly [number, string, string])[] = [
    [210, "STORE_UNAVAILABLE", "Connection refused (127.0.0.1:9000): while sending to a replica"],
    [252, "STORE_UNAVAILABLE", "Too many parts (300)"],
    [241, "STORE_UNAVAILABLE", "Memory limit (total) exceeded"],
    [159, "STORE_UNAVAILABLE", "Timeout exceeded"],
    [516, "STORE_UNAVAILABLE", "default: Authentication failed"],
    [243, "STORE_FULL", "Cannot reserve 1.00 MiB, not enough space"],
    [47, "STORE_BAD_QUERY", "Unknown expression identifier `x`"],
  ];
  for (const [code, kind, text] of expected) {
    let isOpen = false;
    const { url } = await fake(t, (asked, response) => {
      if (!isOpen && asked.query.includes("migrations")) return false;
      isOpen = true;
      return failing(code, text)(asked, response);
    });
    const store = clickHouseStore({ url });
    const error = await refusal(store);
    assert.equal(error.code, kind, `${code}: ${error.message}`);
    assert.equal(error.retryAfterMs !== undefined, kind !== "STORE_BAD_QUERY");
    assert.match(error.message, new RegExp(`clickhouse:127.0.0.1:\\d+ .*${text.slice(0, 12)}`));
    await store.close();
  }
});

test("a server that is not there, hangs up, or never answers: unavailable, and asked again by the next call", async (t) => {
  const gone = await fake(t);
  await new Promise((resolve) => gone.server.close(resolve));
  const nowhere = clickHouseStore({ url: gone.url });
  assert.equal((await refusal(nowhere)).code, "STORE_UNAVAILABLE");
  await nowhere.close();

  let isDown = true;
  const reset = await fake(t, (_, response) => {
    if (isDown) response.socket!.destroy();
    return isDown;
  });
  const store = clickHouseStore({ url: reset.url });
  const error = await refusal(store);
  assert.deepEqual([error.code, error.retryAfterMs], ["STORE_UNAVAILABLE", 1_000]);
  isDown = false;
  await store.append([sampleSpan()]);
  await store.close();

  const silent = await fake(t, (asked) => asked.query.startsWith("INSERT"));
  const waiting = clickHouseStore({ url: silent.url, requestTimeoutMs: 100 });
  const late = await refusal(waiting);
  assert.equal(late.code, "STORE_UNAVAILABLE");
  assert.match(late.message, /Timeout/);
  await waiting.close();
});

test("when one node does not answer the next is asked", async (t) => {
  const gone = await fake(t);
  await new Promise((resolve) => gone.server.close(resolve));
  const there = await fake(t);
  const store = clickHouseStore({ url: [gone.url, there.url] });
  t.after(() => store.close());
  assert.deepEqual(await store.traces(), { items: [] });
  assert.equal(there.asked.length, 1);
});

test("tables of a newer release are left alone", async (t) => {
  const { url } = await fake(t, (asked, response) => {
    if (!asked.query.includes("migrations")) return false;
    response.end(`{"version":${SCHEMA_VERSION + 1}}\n`);
    return true;
  });
  const store = clickHouseStore({ url });
  t.after(() => store.close());
  await assert.rejects(store.traces(), { code: "STORE_NEWER_SCHEMA" });
});

test("errors that are no server's are not taken for one", () => {
  const own = new StoreError("STORE_CLOSED", "closed");
  assert.equal(asStoreError(own, "x"), own);
  const plain = asStoreError(new Error("Code: 62. DB::Exception: Syntax error"), "x") as StoreError;
  assert.equal(plain.code, "STORE_BAD_QUERY");
});
