import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, carrier, configure, hashUserId, withContext, withSpan, withTrace } from "sightline";
import { type BaggageRules, baggageFrom, isBaggageTarget, traceInfoFrom } from "../../src/core/baggage.ts";
import { formatBaggage, parseBaggage } from "../../src/core/traceparent.ts";
import { traced } from "../support/traced.ts";

const RULES: BaggageRules = {
  "user.id": "userId",
  "session.id": "sessionId",
  "app.name": "name",
  "app.tags": "tags",
  "app.plan": "metadata.plan",
  "app.region": "metadata.region",
  "app.feature": "feature",
  "app.team": "team",
  "app.release": "release",
  "app.version": "version",
  "app.environment": "environment",
};
const INFO = {
  userId: "u-1",
  sessionId: "s 9",
  name: "größe, 100 %",
  tags: ["beta", "eu"],
  metadata: { plan: "pro", region: 'a="b";c' },
  feature: "chat",
  team: "core",
  release: "r1",
  version: "1.2.3",
  environment: "production",
};
const plain = {
  baggage: RULES,
  capture: { userId: (id: string) => id, text: (text: string) => text } as Parameters<
    typeof traceInfoFrom
  >[0]["capture"],
};

test("every target goes out as baggage and comes back as it was", () => {
  const header = formatBaggage(baggageFrom(RULES, INFO));
  const entries = parseBaggage(header, Object.keys(RULES));
  assert.deepEqual(
    traceInfoFrom(plain, (key) => entries[key]),
    INFO,
  );
  assert.match(header!, /^[!-~]+$/, "printable ASCII");
});

test("what no rule names is neither sent nor read", () => {
  assert.deepEqual(baggageFrom({ "user.id": "userId" }, INFO), { "user.id": "u-1" });
  const read = (key: string) => ({ "session.id": "s" })[key];
  assert.equal(traceInfoFrom({ ...plain, baggage: { "user.id": "userId" } }, read), undefined);
  assert.equal(
    traceInfoFrom(plain, () => ""),
    undefined,
  );
});

test("metadata of any shape is sent as text", () => {
  const rules: BaggageRules = { a: "metadata.a", b: "metadata.b", c: "metadata.c", d: "metadata.d" };
  const metadata = { a: 1, b: { deep: [true] }, c: null };
  assert.deepEqual(baggageFrom(rules, { metadata }), { a: "1", b: '{"deep":[true]}' });
});

test("tags keep their commas and per cents, and are no more than 64", () => {
  const rules: BaggageRules = { "app.tags": "tags" };
  const trip = (tags: readonly string[]) => {
    const entries = parseBaggage(formatBaggage(baggageFrom(rules, { tags: [...tags] })), ["app.tags"]);
    return traceInfoFrom({ ...plain, baggage: rules }, (key) => entries[key])?.tags;
  };
  const tags = ["a,b", "100 %", "%2C", "%252C,", ",", "größe"];
  assert.deepEqual(trip(tags), tags);
  const many = Array.from({ length: 2_000 }, (_, index) => `t${index}`);
  assert.deepEqual(trip(many), many.slice(0, 64));
  const arrived = traceInfoFrom({ ...plain, baggage: rules }, () => many.join(","));
  assert.equal(arrived?.tags?.length, 64);
});

test("a reader that throws costs its entry alone", () => {
  const read = (key: string): string => {
    if (key === "user.id") throw new Error("no");
    return "x";
  };
  assert.equal(traceInfoFrom(plain, read)?.userId, undefined);
  assert.equal(traceInfoFrom(plain, read)?.sessionId, "x");
});

test("targets", () => {
  for (const target of Object.values(RULES)) assert.equal(isBaggageTarget(target), true, target);
  for (const target of ["", "metadata", "metadata.", "public", "userid", 5, null]) {
    assert.equal(isBaggageTarget(target), false, String(target));
  }
  assert.throws(() => configure({ sinks: [], baggage: { "user.id": "user" as "userId" } }), ConfigError);
});

test("carrier() sends what the trace has at that moment, withContext() gives it to the trace that it joins", async () => {
  const sink = await traced(
    () => {
      const sent = withTrace({ userId: "ada", tags: ["a", "b"], metadata: { plan: "pro" } }, () =>
        withSpan("sender", () => carrier()),
      );
      assert.equal(sent.baggage, "user.id=ada,app.tags=a%2Cb,app.plan=pro");
      withContext(JSON.parse(JSON.stringify(sent)), () => withSpan("receiver", () => {}));
    },
    { baggage: { "user.id": "userId", "app.tags": "tags", "app.plan": "metadata.plan" } },
  );
  const { trace } = sink.get("receiver").record;
  assert.deepEqual(trace, { userId: "ada", tags: ["a", "b"], metadata: { plan: "pro" } });
});

test("baggage of others stops here", async () => {
  const header = "secret=s3cr3t,user.id=ada;property=1,other=2";
  await traced(
    () => {
      const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      const passed = withContext({ traceparent, baggage: header }, () => carrier());
      assert.deepEqual(passed, { traceparent, baggage: "user.id=ada" });
    },
    { baggage: { "user.id": "userId" } },
  );
});

test("without rules no baggage is read or sent", async () => {
  await traced(() => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    withContext({ traceparent, baggage: "user.id=ada" }, () => {
      withTrace({ userId: "bob" }, () => assert.deepEqual(carrier(), { traceparent }));
    });
  });
});

test("texts that arrive are masked as any others", async () => {
  const sink = await traced(
    () => withContext({ baggage: "app.plan=sk-proj-abcdefghijklmnopqrstuvwxyz012345" }, () => withSpan("a", () => {})),
    { baggage: { "app.plan": "metadata.plan" } },
  );
  assert.doesNotMatch(JSON.stringify(sink.get("a").record.trace), /abcdefghijkl/);
});

test("a user id travels hashed, and is not hashed again by the next process", async () => {
  const userIdKey = "sixteen characters and more";
  const hashed = hashUserId("ada", userIdKey);
  const options = { userIdKey, baggage: { "user.id": "userId" } } as const;
  const sink = await traced(() => {
    const sent = withTrace({ userId: "ada" }, () => withSpan("sender", () => carrier()));
    assert.equal(sent.baggage, `user.id=${hashed}`);
    withContext(sent, () => withSpan("receiver", () => {}));
    withContext({ ...sent, baggage: "user.id=ada" }, () => withSpan("from one without a key", () => {}));
    withContext({ ...sent, baggage: `user.id=${hashed.toUpperCase()}` }, () => withSpan("no hash", () => {}));
  }, options);
  for (const name of ["sender", "receiver", "from one without a key"]) {
    assert.equal(sink.get(name).record.trace.userId, hashed, name);
  }
  assert.equal(sink.get("no hash").record.trace.userId, hashUserId(hashed.toUpperCase(), userIdKey));
});

test("more than 64 entries and 8,192 bytes are not sent", async () => {
  const rules = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, `metadata.k${i}` as const] as const));
  const metadata = Object.fromEntries(Object.keys(rules).map((key) => [key, "v"]));
  await traced(() => withTrace({ metadata }, () => assert.equal(carrier().baggage?.split(",").length, 64)), {
    baggage: rules,
  });
  await traced(
    () =>
      withTrace({ metadata: { k0: "é".repeat(4000), k1: "short" } }, () => assert.equal(carrier().baggage, "k1=short")),
    { baggage: rules },
  );
});
