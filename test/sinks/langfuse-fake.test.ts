/** The scripted Langfuse by itself, with bodies written by hand: what it makes of a span owes nothing to the sink. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type FakeLangfuse, fakeLangfuse, type Observation } from "../support/fake-langfuse/server.ts";

const TRACE = "0193489c5a7e7c3e9f2e4d7a1b2c3d4e";
const SPAN = "00f067aa0ba902b7";

type Value = string | number | boolean | readonly string[] | { readonly [kind: string]: unknown };

function keyValue([key, value]: [string, Value]): object {
  if (typeof value === "string") return { key, value: { stringValue: value } };
  if (typeof value === "boolean") return { key, value: { boolValue: value } };
  if (typeof value === "number") return { key, value: { intValue: String(value) } };
  if (Array.isArray(value))
    return { key, value: { arrayValue: { values: value.map((stringValue) => ({ stringValue })) } } };
  return { key, value };
}

function bodyWith(
  attributes: { readonly [name: string]: Value },
  part: object = {},
  resource: { readonly [name: string]: Value } = {},
) {
  const span = {
    traceId: TRACE,
    spanId: SPAN,
    name: "step",
    startTimeUnixNano: "1732000000000999999",
    endTimeUnixNano: "1732000000250000001",
    attributes: Object.entries(attributes).map(keyValue),
    ...part,
  };
  return {
    resourceSpans: [
      {
        resource: { attributes: Object.entries(resource).map(keyValue) },
        scopeSpans: [{ scope: { name: "x" }, spans: [span] }],
      },
    ],
  };
}

async function post(fake: FakeLangfuse, body: string | Buffer | object, headers: { [name: string]: string } = {}) {
  const basic = Buffer.from(`${fake.publicKey}:${fake.secretKey}`).toString("base64");
  const response = await fetch(`${fake.baseUrl}/api/public/otel/v1/traces`, {
    method: "POST",
    headers: {
      authorization: `Basic ${basic}`,
      "content-type": "application/json",
      "x-langfuse-ingestion-version": "4",
      ...headers,
    },
    body: typeof body === "string" || Buffer.isBuffer(body) ? (body as string) : JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.status;
}

async function read(
  attributes: { readonly [name: string]: Value },
  part: object = {},
  resource: { readonly [name: string]: Value } = {},
): Promise<Observation> {
  await using fake = await fakeLangfuse();
  assert.equal(await post(fake, bodyWith(attributes, part, resource)), 200);
  return fake.observations[0]!;
}

test("a span without attributes", async () => {
  const seen = await read({}, { parentSpanId: "ffffffffffffffff" });
  assert.equal(seen.id, SPAN);
  assert.equal(seen.traceId, TRACE);
  assert.equal(seen.parentId, "ffffffffffffffff");
  assert.equal(seen.name, "step");
  assert.equal(seen.type, "SPAN");
  assert.equal(seen.level, "DEFAULT");
  assert.equal(seen.environment, "default");
  assert.equal(seen.startTime, "2024-11-19T07:06:40.000Z", "below a millisecond is cut off");
  assert.equal(seen.endTime, "2024-11-19T07:06:40.250Z");
  assert.deepEqual([seen.model, seen.usage, seen.cost, seen.input], [undefined, {}, {}, undefined]);
});

test("type: ours, OpenInference's, the operation, a tool, a model, in this order", async () => {
  const all = {
    "langfuse.observation.type": "guardrail",
    "openinference.span.kind": "CHAIN",
    "gen_ai.operation.name": "embeddings",
    "gen_ai.tool.call.id": "call_1",
    "gen_ai.request.model": "gpt-4.1",
  };
  const expected = ["GUARDRAIL", "CHAIN", "EMBEDDING", "TOOL", "GENERATION", "SPAN"];
  const names = Object.keys(all);
  for (const [i, type] of expected.entries()) {
    const left = Object.fromEntries(Object.entries(all).filter(([name]) => names.indexOf(name) >= i));
    assert.equal((await read(left)).type, type);
  }
  assert.equal((await read({ "gen_ai.operation.name": "retrieval" })).type, "SPAN", "not in the table");
});

test("the name of a tool is put over the span's", async () => {
  assert.equal((await read({ "gen_ai.tool.name": "search" })).name, "search");
});

test("invoke_agent and agent_step lose model, usage and cost", async () => {
  for (const operation of ["invoke_agent", "agent_step"]) {
    const seen = await read({
      "gen_ai.operation.name": operation,
      "langfuse.observation.model.name": "gpt-4.1",
      "langfuse.observation.usage_details": '{"input":1}',
      "langfuse.observation.cost_details": '{"total":1}',
    });
    assert.deepEqual([seen.model, seen.usage, seen.cost], [undefined, {}, {}]);
  }
});

test("usage: its own table as it is, OpenAI's made exclusive, gen_ai's with names it does not know counted twice", async () => {
  const own = await read({ "langfuse.observation.usage_details": '{"input":10,"output":2,"total":12}' });
  assert.deepEqual(own.usage, { input: 10, output: 2, total: 12 });
  const openAi = await read({
    "langfuse.observation.usage_details":
      '{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4}}',
  });
  assert.deepEqual(openAi.usage, { input: 6, input_cached_tokens: 4, output: 5, total: 15 });
  const generic = await read({
    "gen_ai.usage.input_tokens": 10,
    "gen_ai.usage.output_tokens": 5,
    "gen_ai.usage.cache_read.input_tokens": 4,
    "gen_ai.usage.reasoning.output_tokens": 3,
    "gen_ai.usage.cache_write.input_tokens": 2,
  });
  assert.deepEqual(generic.usage, {
    input: 6,
    output: 2,
    input_cached_tokens: 4,
    output_reasoning_tokens: 3,
    "cache_write.input_tokens": 2,
  });
});

test("usage with one value that is no whole number from 0 on is lost", async () => {
  for (const bad of ["1.5", "-1", '"3"', "null"]) {
    const seen = await read({ "langfuse.observation.usage_details": `{"input":10,"seconds":${bad}}` });
    assert.equal(seen.usage, undefined);
  }
});

test("tokens are estimated where a model has no usage and no error", async () => {
  const model = { "langfuse.observation.model.name": "gpt-4.1" };
  assert.equal((await read(model)).isUsageEstimated, true);
  assert.equal((await read(model, { status: { code: 2 } })).isUsageEstimated, false);
  assert.equal((await read({ ...model, "langfuse.observation.usage_details": '{"input":1}' })).isUsageEstimated, false);
});

test("cost: its own table, else the total of gen_ai", async () => {
  assert.deepEqual((await read({ "langfuse.observation.cost_details": '{"input":0.1,"total":0.3}' })).cost, {
    input: 0.1,
    total: 0.3,
  });
  assert.deepEqual((await read({ "gen_ai.usage.cost": { doubleValue: 0.25 } })).cost, { total: 0.25 });
});

test("input and output: one of Langfuse's own is enough to silence all others; a kvlist is not decoded", async () => {
  const others = { "input.value": "a", "gen_ai.output.messages": "b" };
  const own = await read({ "langfuse.observation.output": "out", ...others });
  assert.deepEqual([own.input, own.output], [undefined, "out"]);
  const value = await read(others);
  assert.deepEqual([value.input, value.output], ["a", undefined]);
  const kvlist = await read({ "langfuse.observation.input": { kvlistValue: { values: [] } } });
  assert.equal(kvlist.input, '{"kvlistValue":{"values":[]}}');
});

test("model, parameters, first token", async () => {
  const seen = await read({
    "gen_ai.request.model": "asked",
    "gen_ai.response.model": "answered",
    "gen_ai.request.max_tokens": 7,
    "gen_ai.request.stop_sequences": ["a"],
    "gen_ai.response.time_to_first_chunk": { doubleValue: 0.5 },
  });
  assert.equal(seen.model, "answered");
  assert.deepEqual(seen.modelParameters, { max_tokens: 7, stop_sequences: '["a"]' });
  assert.equal(seen.completionStartTime, undefined);
  const own = await read({ "langfuse.observation.model.parameters": '{"temperature":0,"stream":true}' });
  assert.deepEqual(own.modelParameters, { temperature: 0, stream: "true" });
});

test("prompt: name and whole version, on a generation", async () => {
  const prompt = { "langfuse.observation.prompt.name": "tutor", "langfuse.observation.prompt.version": 3 };
  const generation = await read({ ...prompt, "langfuse.observation.type": "generation" });
  assert.deepEqual([generation.promptName, generation.promptVersion], ["tutor", 3]);
  assert.equal((await read({ ...prompt, "langfuse.observation.type": "span" })).promptName, undefined);
  const text = { ...prompt, "langfuse.observation.type": "generation", "langfuse.observation.prompt.version": "v3" };
  assert.equal((await read(text)).promptName, undefined);
});

test("trace attributes, metadata, what is left over", async () => {
  const seen = await read(
    {
      "user.id": "u",
      "gen_ai.conversation.id": "thread_1",
      "langfuse.trace.name": "tutor",
      "langfuse.trace.tags": ["a", "b"],
      "langfuse.trace.public": true,
      "langfuse.internal.is_app_root": true,
      "langfuse.release": "r",
      "langfuse.observation.metadata.k": "observation",
      "langfuse.observation.metadata.constructor": "gone",
      "langfuse.trace.metadata.k": "trace",
      other: 7,
    },
    {},
    { "service.version": "2", "deployment.environment.name": "Staging" },
  );
  assert.deepEqual([seen.userId, seen.sessionId, seen.traceName], ["u", "thread_1", "tutor"]);
  assert.deepEqual([seen.tags, seen.public, seen.isAppRoot], [["a", "b"], true, true]);
  assert.deepEqual([seen.version, seen.release, seen.environment], ["2", "r", "staging"]);
  assert.deepEqual(seen.metadata, { k: "trace" });
  assert.deepEqual(seen.leftOver, { other: 7 });
  assert.equal((await read({}, {}, { "deployment.environment": "my env" })).environment, "default");
});

test("level and status message", async () => {
  const status = { status: { code: 2, message: "went wrong" } };
  const derived = await read({}, status);
  assert.deepEqual([derived.level, derived.statusMessage], ["ERROR", "went wrong"]);
  const own = await read(
    { "langfuse.observation.level": "WARNING", "langfuse.observation.status_message": "m" },
    status,
  );
  assert.deepEqual([own.level, own.statusMessage], ["WARNING", "m"]);
});

test("one bad span refuses the whole batch", async () => {
  await using fake = await fakeLangfuse();
  const bad = [{ traceId: undefined }, { spanId: "short" }, { attributes: { a: 1 } }, { events: {} }];
  for (const part of bad) {
    const body = bodyWith({});
    body.resourceSpans[0]!.scopeSpans[0]!.spans.push({
      ...body.resourceSpans[0]!.scopeSpans[0]!.spans[0]!,
      ...(part as object),
    });
    assert.equal(await post(fake, body), 400);
  }
  assert.equal(await post(fake, { resourceSpans: [{ scopeSpans: {} }] }), 400);
  assert.equal(fake.observations.length, 0);
});

test("key, version of ingestion, content type, gzip, unknown paths", async () => {
  await using fake = await fakeLangfuse();
  assert.equal(await post(fake, bodyWith({}), { authorization: "Basic eDp5" }), 401);
  assert.equal(await post(fake, bodyWith({}), { "x-langfuse-ingestion-version": "5" }), 400);
  assert.equal(await post(fake, bodyWith({}), { "content-type": "text/plain" }), 400);
  assert.equal(await post(fake, "{"), 400);
  assert.equal(fake.observations.length, 0);
  assert.equal(await post(fake, bodyWith({}), { "x-langfuse-ingestion-version": "3" }), 200);
  assert.equal(fake.delayed.length, 1, "the slow way");
  assert.equal(await post(fake, gzipSync(JSON.stringify(bodyWith({}))), { "content-encoding": "gzip" }), 200);
  assert.equal(fake.observations.length, 2);
  const legacy = await fetch(`${fake.baseUrl}/api/public/ingestion`, { method: "POST", body: "{}" });
  assert.equal(legacy.status, 401);
});

test("protobuf", async () => {
  await using fake = await fakeLangfuse();
  const bytes = (...parts: (number[] | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)));
  const field = (tag: number, content: Buffer): Buffer => bytes([tag, content.length], content);
  const text = (tag: number, value: string): Buffer => field(tag, Buffer.from(value));
  const attribute = bytes(text(0x0a, "langfuse.observation.type"), field(0x12, text(0x0a, "tool")));
  const span = bytes(
    field(0x0a, Buffer.from(TRACE, "hex")),
    field(0x12, Buffer.from(SPAN, "hex")),
    text(0x2a, "from bytes"),
    field(0x4a, attribute),
  );
  const body = field(0x0a, field(0x12, field(0x12, span)));
  assert.equal(await post(fake, body, { "content-type": "application/x-protobuf" }), 200);
  assert.equal(fake.observation("from bytes").type, "TOOL");
  assert.equal(fake.observation("from bytes").id, SPAN);
  assert.equal(await post(fake, Buffer.from([0xff]), { "content-type": "application/x-protobuf" }), 400);
});

test("scores: exactly one target, a value of its type, the last of an id", async () => {
  await using fake = await fakeLangfuse();
  const authorization = `Basic ${Buffer.from(`${fake.publicKey}:${fake.secretKey}`).toString("base64")}`;
  const score = async (body: object): Promise<number> => {
    const response = await fetch(`${fake.baseUrl}/api/public/scores`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ id: "s", name: "n", value: 1, dataType: "NUMERIC", traceId: TRACE, ...body }),
    });
    await response.arrayBuffer();
    return response.status;
  };
  const refused = [
    { name: "" },
    { value: "1" },
    { dataType: "BOOLEAN", value: true },
    { dataType: "BOOLEAN", value: 2 },
    { dataType: "TEXT", value: "" },
    { dataType: "TEXT", value: "x".repeat(501) },
    { sessionId: "both" },
    { traceId: undefined },
    { traceId: undefined, sessionId: "s", observationId: SPAN },
    { environment: "Production" },
    { environment: "langfuse-x" },
  ];
  for (const body of refused) assert.equal(await score(body), 400, JSON.stringify(body));
  assert.equal(fake.scores.length, 0);
  assert.equal(await score({}), 200);
  assert.equal(await score({ value: 0.5, observationId: SPAN }), 200);
  assert.deepEqual(
    fake.scores.map(({ id, value, observationId }) => [id, value, observationId]),
    [["s", 0.5, SPAN]],
  );
});

test("a script answers instead, with or without taking the request", async () => {
  let turn = 0;
  await using fake = await fakeLangfuse(() => {
    turn++;
    if (turn === 1) return { status: 429, headers: { "retry-after": "7" } };
    return turn === 2 ? { status: 502, taken: true } : undefined;
  });
  assert.equal(await post(fake, bodyWith({})), 429);
  assert.equal(fake.observations.length, 0);
  assert.equal(await post(fake, bodyWith({})), 502);
  assert.equal(fake.observations.length, 1);
  assert.equal(await post(fake, bodyWith({})), 200);
  assert.deepEqual(
    fake.requests.map(({ status, spans }) => [status, spans.length]),
    [
      [429, 1],
      [502, 1],
      [200, 1],
    ],
  );
});
