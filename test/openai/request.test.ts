import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { configure, hashUserId, memorySink, SightlineError, shutdown, suppress, withSpan, withTrace } from "sightline";
import { type RequestParamsOptions, requestParams } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { traced } from "../support/traced.ts";

const KEY = "a key of more than sixteen characters";
const OTHER_KEY = "another key of more than sixteen";
const HASH = hashUserId("jane@example.org", KEY);
const CONTEXT = { userId: "jane@example.org", sessionId: "s-1", feature: "hints", environment: "staging" };

/** `requestParams` must throw a `SightlineError` with this code; returns its message. */
function refused(options: RequestParamsOptions, code: string): string {
  try {
    requestParams(options);
  } catch (error) {
    assert.ok(error instanceof SightlineError);
    assert.equal(error.code, code);
    return error.message;
  }
  throw new assert.AssertionError({ message: `not refused: ${code}` });
}

test("the user goes out as a keyed hash, never as it is", () => {
  const params = requestParams({ ...CONTEXT, hashKey: KEY, promptCacheKey: "tutor-v3" });
  assert.deepEqual(params, {
    metadata: { session_id: "s-1", user_id: HASH, feature: "hints", environment: "staging" },
    safety_identifier: HASH,
    prompt_cache_key: "tutor-v3",
  });
  assert.deepEqual(requestParams({ userId: "jane@example.org", hashKey: KEY, metadata: false, legacyUser: true }), {
    user: HASH,
  });
  assert.deepEqual(requestParams(), { metadata: {} });
});

test("without a key a user is refused, and the message says what to do", () => {
  const message = refused({ userId: "jane@example.org" }, "REQUEST_NO_USER_ID_KEY");
  assert.match(message, /hashKey.*userIdKey.*SIGHTLINE_USER_ID_KEY/);
  assert.doesNotMatch(message, /jane/);
  refused({ userId: "jane", hashKey: "short" }, "CONFIG_USER_ID_KEY");
});

test("the key comes from configure, or from the environment", async () => {
  await traced(() => assert.equal(requestParams({ userId: "jane@example.org" }).safety_identifier, HASH), {
    userIdKey: KEY,
  });
  process.env["SIGHTLINE_USER_ID_KEY"] = KEY;
  try {
    assert.equal(requestParams({ userId: "jane@example.org" }).safety_identifier, HASH);
  } finally {
    delete process.env["SIGHTLINE_USER_ID_KEY"];
  }
});

test("what is not given comes from the context", async () => {
  await traced(
    () => {
      withTrace(CONTEXT, () => {
        const metadata = { session_id: "s-1", user_id: HASH, feature: "hints", environment: "staging" };
        assert.deepEqual(requestParams(), { metadata, safety_identifier: HASH });
        withSpan("work", ({ traceId }) => {
          assert.deepEqual(requestParams().metadata, { trace_id: traceId, ...metadata });
          const own = requestParams({
            feature: "other",
            metadata: { trace_id: "mine", n: 3, ok: true, none: undefined },
          });
          assert.deepEqual(own.metadata, { ...metadata, feature: "other", trace_id: "mine", n: "3", ok: "true" });
          assert.equal(requestParams({ userId: "joe" }).safety_identifier, hashUserId("joe", KEY));
          // The hash of the traces, whatever key is given for others.
          assert.equal(requestParams({ hashKey: OTHER_KEY }).safety_identifier, HASH);
        });
      });
      suppress(() => assert.deepEqual(requestParams(), { metadata: { environment: "test" } }));
    },
    { userIdKey: KEY, environment: "test" },
  );
});

test("a user of the context that is not hashed is hashed by the key at hand, or left out", async () => {
  await traced(() =>
    withTrace({ userId: "jane@example.org" }, () => {
      assert.deepEqual(requestParams(), { metadata: {} });
      assert.deepEqual(requestParams({ hashKey: KEY }), { metadata: { user_id: HASH }, safety_identifier: HASH });
    }),
  );
});

test("OpenAI's limits are checked: which key, how long, how long it may be", () => {
  const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, "v"]));
  assert.equal(Object.keys(requestParams({ metadata: pairs(16) }).metadata).length, 16);
  assert.match(refused({ metadata: pairs(17) }, "REQUEST_METADATA_LIMIT"), /17 pairs.*at most 16/);
  assert.match(refused({ metadata: pairs(16), sessionId: "s" }, "REQUEST_METADATA_LIMIT"), /17 pairs/);
  const [key, value] = ["k".repeat(64), "😀".repeat(512)];
  assert.deepEqual(requestParams({ metadata: { [key]: value } }).metadata, { [key]: value });
  assert.match(refused({ metadata: { [`${key}k`]: "v" } }, "REQUEST_METADATA_LIMIT"), /"k+…" has 65 .* 64/);
  assert.match(refused({ metadata: { topic: `${value}a` } }, "REQUEST_METADATA_LIMIT"), /"topic" has 513 .* 512/);
  assert.match(refused({ sessionId: "s".repeat(513) }, "REQUEST_METADATA_LIMIT"), /"session_id" has 513 .* 512/);
  assert.match(refused({ promptCacheKey: "p".repeat(65) }, "REQUEST_CACHE_KEY_LIMIT"), /65 .* 64/);
  assert.match(refused({ metadata: { list: [1] } as any }, "REQUEST_BAD_VALUE"), /"list".*an array/);
  assert.match(refused({ userId: {} as any }, "REQUEST_BAD_VALUE"), /userId.*type object/);
});

test("what comes from the context never makes it throw: it is left out", async () => {
  await traced(() =>
    withTrace({ sessionId: "s".repeat(513), feature: "hints" }, () => {
      assert.deepEqual(requestParams().metadata, { feature: "hints" });
      const full = Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`k${i}`, "v"]));
      assert.deepEqual(requestParams({ metadata: full }).metadata, full);
    }),
  );
});

test("with tracing off, what is given still goes out", async () => {
  configure({ sinks: [memorySink()], enabled: false });
  await shutdown();
  assert.equal(requestParams({ userId: "jane@example.org", hashKey: KEY }).safety_identifier, HASH);
});

test("the types fit the calls of every client, and the parameters arrive", async () => {
  await using server = await fakeOpenAI();
  const { apiKey, baseURL } = server;
  const params = requestParams({ ...CONTEXT, hashKey: KEY, promptCacheKey: "tutor" });
  const bare = requestParams({ ...CONTEXT, hashKey: KEY, metadata: false });
  const { metadata } = params;
  const messages = [{ role: "user" as const, content: "Solve 3x + 11 = 14." }];
  const [four, five, six] = [
    new OpenAI4({ apiKey, baseURL }),
    new OpenAI5({ apiKey, baseURL }),
    new OpenAI({ apiKey, baseURL }),
  ];
  await four.chat.completions.create({ model: "gpt-4o", messages, store: true, ...params });
  await four.responses.create({ model: "gpt-4o", input: "q", ...params });
  await five.chat.completions.create({ model: "gpt-4o", messages, store: true, ...params });
  await five.responses.create({ model: "gpt-4o", input: "q", ...params });
  await six.chat.completions.create({ model: "gpt-4o", messages, store: true, ...params });
  await six.responses.create({ model: "gpt-4o", input: "q", ...params });
  await six.chat.completions.create({ model: "gpt-4o", messages, ...bare });
  for (const { path, body } of server.requests.slice(0, 6)) {
    assert.deepEqual(body.metadata, metadata, path);
    assert.equal(body.safety_identifier, HASH, path);
    assert.equal(body.prompt_cache_key, "tutor", path);
  }
  assert.equal(server.requests[6]!.body.metadata, undefined);
  assert.equal(server.requests[6]!.body.safety_identifier, HASH);

  const assistant = await six.beta.assistants.create({ model: "gpt-4o", name: "Tutor" });
  const thread = await six.beta.threads.create({ messages });
  const { threads: old } = four.beta;
  for (const run of [
    await old.runs.create(thread.id, { assistant_id: assistant.id, metadata }),
    await five.beta.threads.runs.create((await five.beta.threads.create({ messages })).id, {
      assistant_id: assistant.id,
      metadata,
    }),
    await six.beta.threads.runs.create((await six.beta.threads.create({ messages })).id, {
      assistant_id: assistant.id,
      metadata,
    }),
  ]) {
    assert.deepEqual(run.metadata, metadata);
  }
});

test("an option that does not exist, and a number that is none, are told", () => {
  assert.throws(() => requestParams({ user: "j" } as never), {
    code: "REQUEST_UNKNOWN_OPTION",
    message: /"user".*userId/,
  });
  assert.throws(() => requestParams({ metadata: { note: Number.NaN } }), { code: "REQUEST_BAD_VALUE", message: /NaN/ });
});
