import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { inspect } from "node:util";
import { ConfigError, client, configure, hashUserId, shutdown, updateTrace, withSpan, withTrace } from "sightline";
import { slot } from "../../src/core/runtime.ts";
import { traced } from "../support/traced.ts";

const key = ["user", "id", "key", "0123456789"].join("-");
const hashed = createHmac("sha256", key).update("user 42").digest("hex").slice(0, 32);

test("P19 hashUserId is HMAC-SHA256 under the key, 32 hex digits", () => {
  assert.equal(hashUserId("user 42", key), hashed);
  assert.match(hashUserId("用户 42", key), /^[0-9a-f]{32}$/);
  assert.notEqual(hashUserId("user 42", `${key}x`), hashed);
  assert.notEqual(hashUserId("user 43", key), hashed);
});

test("P19 every way by which a user id enters a trace is hashed", async () => {
  const sink = await traced(
    () => {
      withSpan("late", () => updateTrace({ userId: "user 42" }));
      withTrace({ userId: "user 42" }, () => withSpan("seeded", () => {}));
      withSpan("outer", () => withTrace({ userId: "user 42" }, () => withSpan("inner", () => {})));
      client.endTrace(client.startTrace({ agentId: "by id", userId: "user 42" }).id);
    },
    { userIdKey: key },
  );
  assert.equal(sink.records.length, 5);
  for (const record of sink.records) assert.equal(record.trace.userId, hashed);
  assert.ok(!JSON.stringify(sink.records).includes("user 42"));
});

test("P19 without a key user ids stay", async () => {
  const sink = await traced(() => withTrace({ userId: "user 42" }, () => withSpan("a", () => {})));
  assert.equal(sink.get("a").record.trace.userId, "user 42");
});

test("P19 a key that is short or none is refused, and not shown", () => {
  const short = "short-key-12345";
  for (const bad of [short, "", 1234567890123456, null, { key }]) {
    for (const call of [
      () => configure({ sinks: [], userIdKey: bad as string }),
      () => hashUserId("u", bad as string),
    ]) {
      assert.throws(call, (error: Error) => {
        assert.ok(error instanceof ConfigError);
        assert.equal(error.code, "CONFIG_USER_ID_KEY");
        assert.ok(!inspect(error, { depth: Infinity, showHidden: true }).includes(short), error.message);
        assert.ok(!error.message.includes("1234567890123456"));
        return true;
      });
    }
  }
});

test("P19 the key is nowhere in what can be printed of the configuration", async () => {
  configure({ sinks: [{ name: "none", write() {} }], userIdKey: key });
  try {
    const shown = inspect(slot, { depth: Infinity, showHidden: true, getters: true }) + JSON.stringify(slot.runtime);
    assert.ok(!shown.includes(key));
  } finally {
    await shutdown();
  }
});
