import assert from "node:assert/strict";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { configure, flush, shutdown, startSpan, stats } from "sightline";
import { OBSERVATION_TYPES, type SpanRecord, type TraceRecord } from "../../src/core/record.ts";
import { type LangfuseSinkOptions, langfuseSink } from "../../src/sinks/langfuse.ts";
import { sampleFinding, sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { fullRecord } from "../semconv/full-record.ts";
import { assertBooks } from "../support/books.ts";
import { type FakeLangfuse, fakeLangfuse, type Script } from "../support/fake-langfuse/server.ts";

const { signal } = new AbortController();

function sinkFor(fake: FakeLangfuse, options: LangfuseSinkOptions = {}) {
  const { baseUrl, publicKey, secretKey } = fake;
  return langfuseSink({ baseUrl, publicKey, secretKey, ...options });
}

/** Records as Langfuse has them. */
async function sent(records: readonly TraceRecord[], options: LangfuseSinkOptions = {}) {
  await using fake = await fakeLangfuse();
  const sink = sinkFor(fake, options);
  assert.equal(await sink.write(records, signal), undefined);
  return fake;
}

const spanNumber = (n: number, part: Partial<SpanRecord> = {}) =>
  sampleSpan({ spanId: n.toString(16).padStart(16, "0"), name: `span ${n}`, ...part });

const fakes: FakeLangfuse[] = [];
sinkContract(
  async () => {
    const fake = await fakeLangfuse();
    fakes.push(fake);
    return sinkFor(fake);
  },
  { cleanUp: () => fakes.pop()?.close() },
);
after(() => Promise.all(fakes.map((fake) => fake.close())));

for (const type of OBSERVATION_TYPES) {
  test(`a ${type} arrives whole`, async () => {
    const record = sampleSpan({
      type,
      name: `my ${type}`,
      parentSpanId: "ffffffffffffffff",
      firstChunkTime: "1732000000060123456",
      status: { code: "error", message: "it went wrong" },
      level: "WARNING",
      input: { question: "3x + 11 = 14" },
      output: "x = 1",
      genAi: {
        operation: type === "agent" ? "invoke_agent" : "chat",
        requestModel: "gpt-4.1",
        responseModel: "gpt-4.1-2025-04-14",
        parameters: { temperature: 0.5, max_tokens: 100 },
        tool: { name: "never my name" },
        prompt: { name: "tutor", version: 3 },
      },
      usage: { inputTokens: 412, outputTokens: 88, totalTokens: 500, cacheReadInputTokens: 12 },
      cost: { currency: "USD", input: 0.000824, output: 0.000704, total: 0.001528, source: "computed" },
      metadata: { attempt: 2 },
      trace: {
        name: "lesson",
        userId: "user_42",
        sessionId: "algebra-7",
        tags: ["algebra", "été"],
        metadata: { plan: "pro" },
        feature: "tutor",
        team: "learning",
        release: "1.2.3",
        version: "2",
        environment: "test",
        public: true,
      },
    });
    const fake = await sent([record]);
    const seen = fake.observation(`my ${type}`);
    assert.equal(seen.type, type.toUpperCase());
    assert.deepEqual([seen.id, seen.traceId, seen.parentId], [record.spanId, record.traceId, "ffffffffffffffff"]);
    assert.deepEqual([seen.startTime, seen.endTime], ["2024-11-19T07:06:40.000Z", "2024-11-19T07:06:40.250Z"]);
    assert.equal(seen.completionStartTime, "2024-11-19T07:06:40.060Z");
    assert.equal(seen.model, "gpt-4.1-2025-04-14");
    assert.deepEqual(seen.modelParameters, { temperature: 0.5, max_tokens: 100 });
    assert.deepEqual(seen.usage, { input: 400, input_cached_tokens: 12, output: 88, total: 500 });
    assert.deepEqual(seen.cost, { input: 0.000824, output: 0.000704, total: 0.001528 });
    assert.equal(seen.isUsageEstimated, false);
    assert.deepEqual([seen.input, seen.output], ['{"question":"3x + 11 = 14"}', "x = 1"]);
    assert.deepEqual([seen.level, seen.statusMessage], ["WARNING", "it went wrong"]);
    const isLinked = type === "generation";
    assert.deepEqual([seen.promptName, seen.promptVersion], isLinked ? ["tutor", 3] : [undefined, undefined]);
    assert.deepEqual([seen.metadata["prompt_name"], seen.metadata["attempt"]], ["tutor", "2"]);
    assert.deepEqual([seen.traceName, seen.userId, seen.sessionId], ["lesson", "user_42", "algebra-7"]);
    assert.deepEqual([seen.tags, seen.public, seen.isAppRoot], [["algebra", "été"], true, false]);
    assert.deepEqual([seen.release, seen.version, seen.environment], ["1.2.3", "2", "test"]);
    const { plan, feature, team } = seen.metadata;
    assert.deepEqual([plan, feature, team], ["pro", "tutor", "learning"]);
    assert.deepEqual(seen.leftOver, {}, "nothing that Langfuse does not read");
    assert.equal(fake.delayed.length, 0, "at once, not in 15 minutes");
  });
}

test("every sample is taken in one batch, and each span as it is in the end", async () => {
  await using fake = await fakeLangfuse();
  const sink = sinkFor(fake);
  const records = sampleRecords();
  await sink.write(records, signal);
  const spans = records.filter((record) => record.record === "span" && record.unfinished !== true);
  assert.equal(fake.observations.length, spans.length + records.filter(({ record }) => record === "finding").length);
  assert.equal(new Set(fake.observations.map(({ id }) => id)).size, fake.observations.length);
  assert.equal(fake.scores.length, 3);
  assert.equal(fake.requests.filter(({ path }) => path.endsWith("/v1/traces")).length, 1);
  assert.ok(fake.requests.every(({ path }) => !path.includes("/ingestion")));
});

test("the request: where to, by whom, in which version", async () => {
  const fake = await sent([sampleSpan({ input: "x".repeat(2_000) })]);
  const [{ path, method, headers, body }] = fake.requests as [(typeof fake.requests)[0]];
  assert.deepEqual([method, path], ["POST", "/api/public/otel/v1/traces"]);
  assert.equal(headers["x-langfuse-ingestion-version"], "4");
  assert.equal(headers["x-langfuse-sdk-name"], "sightline");
  assert.equal(headers["x-langfuse-public-key"], fake.publicKey);
  assert.equal(headers["content-encoding"], "gzip");
  assert.equal(headers["content-type"], "application/json");
  assert.equal(body.resourceSpans[0].scopeSpans[0].scope.name, "sightline");
  const plain = await sent([sampleSpan({ input: "x".repeat(2_000) })], { gzip: false });
  assert.equal(plain.requests[0]!.headers["content-encoding"], undefined);
});

test("no integer and no kvlist: older servers read neither", async () => {
  const fake = await sent([...sampleRecords(), { ...fullRecord, unfinished: undefined } as never]);
  for (const { body, path } of fake.requests) {
    if (!path.endsWith("/v1/traces")) continue;
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const spans = scopeSpans.flatMap((scope: any) => scope.spans);
      const attributes = [resource, ...spans].flatMap((holder: any) => holder.attributes);
      for (const { key, value } of attributes) {
        const [kind] = Object.keys(value);
        assert.ok(["stringValue", "boolValue", "arrayValue", "doubleValue"].includes(kind!), `${key}: ${kind}`);
      }
    }
  }
});

test("a user's own attributes spring none of the traps", async () => {
  const attributes = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.tool.name": "hammer",
    "gen_ai.usage.cache_write.input_tokens": 7,
    "llm.token_count.prompt": 9,
    "input.value": "not the input",
    model: "Tesla",
    "langfuse.experiment.id": "e1",
  };
  const usage = { inputTokens: 3, outputTokens: 2, totalTokens: 5 };
  const fake = await sent([
    spanNumber(1, { type: "agent", attributes, usage, genAi: { operation: "invoke_agent", responseModel: "m" } }),
    spanNumber(2, { type: "span", attributes }),
  ]);
  const agent = fake.observation("span 1");
  assert.deepEqual([agent.type, agent.model, agent.usage], ["AGENT", "m", { input: 3, output: 2, total: 5 }]);
  const span = fake.observation("span 2");
  assert.deepEqual([span.type, span.model, span.usage, span.input], ["SPAN", undefined, {}, undefined]);
  assert.equal(span.metadata["gen_ai.tool.name"], "hammer");
  assert.equal(span.leftOver["langfuse.experiment.id"], "e1");
});

test("a session id of more than 200 characters is sent all the same", async () => {
  const fake = await sent([sampleSpan({ name: "s", trace: { sessionId: "s".repeat(250) } })]);
  assert.equal(fake.observation("s").sessionId, "s".repeat(250));
});

test("environment and release of the sink, where the trace has none", async () => {
  const fake = await sent([spanNumber(1, { trace: {} }), spanNumber(2, { trace: { environment: "Own" } })], {
    environment: "Langfuse Staging",
    release: "r1",
  });
  assert.deepEqual([fake.observation("span 1").environment, fake.observation("span 1").release], ["staging", "r1"]);
  assert.equal(fake.observation("span 2").environment, "own");
});

test("without content", async () => {
  const record = sampleSpan({ name: "s", type: "generation", input: "secret", output: "secret", metadata: { a: "b" } });
  const fake = await sent([record], { content: false });
  assert.deepEqual([fake.observation("s").input, fake.observation("s").metadata["a"]], [undefined, "b"]);
  assert.doesNotMatch(fake.requests[0]!.bytes.toString(), /secret/);
});

test("an unfinished span waits for its end", async () => {
  await using fake = await fakeLangfuse();
  const sink = sinkFor(fake);
  await sink.write([spanNumber(1, { unfinished: true, seq: 1 }), spanNumber(2, { unfinished: true, seq: 1 })], signal);
  assert.equal(fake.observations.length, 0);
  await sink.write([spanNumber(1, { seq: 2, output: "done" })], signal);
  await sink.flush!(signal, true);
  assert.equal(fake.observation("span 1").output, "done");
  assert.equal(fake.observation("span 2").metadata["unfinished"], "true");
});

test("of one span in a batch the newest is sent: Langfuse would keep both", async () => {
  const fake = await sent([1, 3, 2].map((seq) => spanNumber(1, { seq, output: seq })));
  assert.equal(fake.observation("span 1").output, "3");
});

test("a finding is an event below its span", async () => {
  const fake = await sent([sampleSpan(), sampleFinding()]);
  const event = fake.observation("run_expired");
  assert.deepEqual([event.type, event.level, event.parentId], ["EVENT", "ERROR", sampleSpan().spanId]);
  assert.equal(event.statusMessage, sampleFinding().message);
  assert.equal(event.metadata["nextStep"], sampleFinding().nextStep);
  assert.equal(event.userId, "user_42");
});

// What goes wrong.

const outcome = async (script: Script, records: readonly TraceRecord[] = [sampleSpan()], options = {}) => {
  await using fake = await fakeLangfuse(script);
  const error = await Promise.resolve(sinkFor(fake, options).write(records, signal)).then(
    () => undefined,
    (reason) => reason,
  );
  return { error, fake };
};

for (const [statuses, retry] of [
  [[400, 413, 422], "split"],
  [[408, 425, 429, 500, 502, 503, 504, 529], "later"],
  [[301, 401, 403, 404, 405], "never"],
] as const) {
  for (const status of statuses) {
    test(`${status} means ${retry}`, async () => {
      const headers = { "retry-after": "7" };
      const { error, fake } = await outcome(() => ({ status, headers }));
      assert.equal(error.name, "SinkError");
      assert.equal(error.retry, retry);
      assert.equal(error.retryAfterMs, retry === "later" ? 7_000 : undefined);
      assert.doesNotMatch(inspect(error), new RegExp(fake.secretKey));
    });
  }
}

test("what is wrong with keys and addresses is told with the variables", async () => {
  for (const status of [401, 403]) {
    const { error } = await outcome(() => ({ status }));
    assert.match(error.message, /LANGFUSE_PUBLIC_KEY.*LANGFUSE_SECRET_KEY/);
  }
  assert.match((await outcome(() => ({ status: 404 }))).error.message, /LANGFUSE_BASE_URL/);
  assert.equal((await outcome(() => undefined, [sampleSpan()], { secretKey: "sk-lf-wrong" })).error.retry, "never");
});

test("a body above the limit is halved before it is sent", async () => {
  const { error, fake } = await outcome(() => undefined, [spanNumber(1), spanNumber(2)], { maxBodyBytes: 100 });
  assert.deepEqual([error.retry, error.reason, fake.requests.length], ["split", "too_large", 0]);
});

/** Spans and what else `fn` does, through a whole configuration; the books must add up. */
async function pipeline(script: Script, fn: () => void, options: LangfuseSinkOptions = {}) {
  await using fake = await fakeLangfuse(script);
  configure({ sinks: [sinkFor(fake, { name: "langfuse", ...options })] });
  try {
    fn();
    await flush({ timeoutMs: 20_000 });
    const figures = stats();
    assertBooks(figures);
    return { fake, lane: figures.sinks["langfuse"]! };
  } finally {
    await shutdown();
  }
}

test("a span that Langfuse refuses, in a batch of 200, costs exactly one span", async () => {
  const refuse: Script = ({ spans }) => (spans.some(({ name }) => name === "span 117") ? { status: 400 } : undefined);
  const { fake, lane } = await pipeline(refuse, () => {
    for (let i = 0; i < 200; i++) startSpan(`span ${i}`, { input: i }).end();
  });
  const names = fake.observations.map(({ name }) => name);
  assert.equal(names.length, 199);
  assert.equal(new Set(names).size, 199, "none came twice");
  assert.equal(names.includes("span 117"), false);
  assert.deepEqual([lane.written, lane.dropped], [199, { rejected_by_sink: 1 }]);
});

test("a record that no OTLP can hold, in a batch of 200, costs exactly itself", async () => {
  const batch = Array.from({ length: 200 }, (_, i) => spanNumber(i + 1));
  const bad = [{ traceId: "bad" }, { spanId: "bad" }, { endTime: "soon" }, { parentSpanId: "" }];
  for (const part of bad) {
    await using fake = await fakeLangfuse();
    const sink = sinkFor(fake);
    const records = batch.with(117, spanNumber(500, part));
    const send = async (some: readonly TraceRecord[]): Promise<number> => {
      try {
        await sink.write(some, signal);
        return 0;
      } catch (error) {
        assert.ok(error instanceof TypeError, "the pipeline halves a batch for it");
        if (some.length === 1) return 1;
        const middle = some.length >> 1;
        return (await send(some.slice(0, middle))) + (await send(some.slice(middle)));
      }
    };
    assert.equal(await send(records), 1);
    assert.equal(fake.observations.length, 199);
  }
});

test("a server that is busy gets the same spans again, once", async () => {
  let requests = 0;
  const busy: Script = () =>
    ++requests <= 2 ? { status: requests === 1 ? 429 : 503, headers: { "retry-after": "0" } } : undefined;
  const { fake, lane } = await pipeline(busy, () => startSpan("late").end());
  assert.equal(fake.observations.length, 1);
  assert.equal(fake.requests.length, 3);
  assert.deepEqual([lane.written, lane.retries, lane.dropped], [1, 2, {}]);
});

test("nothing of the sink's own requests is traced", async () => {
  const { fake } = await pipeline(
    () => undefined,
    () => startSpan("only").end(),
  );
  assert.deepEqual(
    fake.observations.map(({ name }) => name),
    ["only"],
  );
});

test("destination: by address and project, telling neither", async () => {
  await using fake = await fakeLangfuse();
  const { destination } = sinkFor(fake);
  assert.match(destination!, /^[0-9a-f]{1,8}$/);
  assert.equal(sinkFor(fake, { name: "other", secretKey: "sk-lf-other" }).destination, destination);
  assert.notEqual(sinkFor(fake, { publicKey: "pk-lf-other" }).destination, destination);
  assert.doesNotMatch(inspect(sinkFor(fake), { depth: 5, showHidden: true }), /[sp]k-lf-/);
});

test("options that do not exist, or make no sense", () => {
  const keys = { publicKey: "pk-lf-1", secretKey: "sk-lf-2" };
  assert.throws(() => langfuseSink({ ...keys, host: "x" } as object), {
    name: "ConfigError",
    message: /no option "host"/,
  });
  assert.throws(() => langfuseSink({ ...keys, timeoutMs: 0 }), { name: "ConfigError", message: /timeoutMs/ });
});
