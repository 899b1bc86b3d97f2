/** Every form in which records may come, and what is said of those that cannot be kept. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { configure, flush, observe, score, shutdown } from "../../src/index.ts";
import { httpSink } from "../../src/sinks/http.ts";
import { langfuseSink } from "../../src/sinks/langfuse.ts";
import { otlpSink } from "../../src/sinks/otlp/index.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { sampleFinding, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { fromBytes, typeOf } from "../proto/otlp-proto.ts";
import { lines, postRecords, spans, started } from "./support.ts";

test("NDJSON: spans, scores and findings are stored as they came, plain and compressed", async (t) => {
  const { url, store } = await started(t);
  const [span, score, finding] = [sampleSpan({ input: { question: "3x" } }), sampleScore(), sampleFinding()];
  const first = await postRecords(url, lines([span, score]));
  assert.equal(first.status, 200);
  assert.deepEqual(await first.json(), { rejected: [] });
  const second = await postRecords(url, gzipSync(lines([finding, span])), { "content-encoding": "gzip" });
  assert.deepEqual(await second.json(), { rejected: [] });
  assert.deepEqual(await store.span(span.traceId, span.spanId), span);
  const { scores, findings } = (await store.trace(span.traceId))!;
  assert.deepEqual([scores, findings], [[score], [finding]]);
});

test("NDJSON: each line that is no record is named with its reason, the others are kept", async (t) => {
  const { url, store } = await started(t);
  const [good, other] = spans(2) as ReturnType<typeof sampleSpan>[];
  const bad: [part: object, field: string][] = [
    [{ traceId: "xyz" }, "traceId"],
    [{ traceId: "0".repeat(32) }, "traceId"],
    [{ parentSpanId: "1" }, "parentSpanId"],
    [{ startTime: "1e3" }, "startTime"],
    [{ endTime: "9999999999999999999" }, "endTime"],
    [{ seq: -1 }, "seq"],
    [{ type: "robot" }, "type"],
    [{ level: "LOUD" }, "level"],
    [{ status: { code: "fine" } }, "status"],
    [{ usage: { inputTokens: "12" } }, "usage"],
    [{ usage: { inputTokens: -1 } }, "usage"],
    [{ cost: { total: null } }, "cost"],
    [{ error: { type: 7 } }, "error"],
    [{ trace: { userId: { $ne: 1 } } }, "trace"],
    [{ trace: { tags: "a" } }, "trace"],
    [{ trace: { metadata: [1] } }, "trace"],
  ];
  const body = [
    JSON.stringify(good),
    "{",
    "",
    "null",
    "[]",
    ...bad.map(([part]) => JSON.stringify({ ...other, ...part })),
    `{"record":"span","seq":0,"spanId":"${"s".repeat(200)}"}`,
    JSON.stringify(other),
  ];
  const response = await postRecords(url, body.join("\n"));
  assert.equal(response.status, 200);
  const { rejected } = (await response.json()) as { rejected: { spanId: string; line: number; reason: string }[] };
  assert.deepEqual(
    rejected.map(({ line }) => line),
    [2, 4, 5, ...bad.map((_, i) => i + 6), 6 + bad.length],
  );
  assert.equal(rejected[0]!.reason, "no JSON");
  assert.deepEqual(
    rejected.slice(3, -1).map(({ reason }) => reason.split(" ")[0]),
    bad.map(([, field]) => field),
  );
  assert.equal(rejected[3]!.spanId, other!.spanId);
  assert.ok(rejected.at(-1)!.spanId.length <= 64);
  assert.equal((await store.stats()).spans, 2);
});

test("a batch that was acknowledged before is answered at once, in its project only", async (t) => {
  let appends = 0;
  const inner = memoryStore();
  const store: TraceStore = Object.assign(Object.create(inner), {
    name: "counting",
    append: (...args: Parameters<TraceStore["append"]>) => {
      appends++;
      return inner.append(...args);
    },
  });
  const projects = { a: "token-of-project-a", b: "token-of-project-b" };
  const { url } = await started(t, { store, projects });
  const post = (token: string) =>
    postRecords(url, lines(spans(1)), {
      authorization: `Bearer ${token}`,
      "x-sightline-batch": "0123456789abcdef0123456789abcdef",
    });
  for (const token of [projects.a, projects.a, projects.b]) {
    const response = await post(token);
    assert.deepEqual([response.status, await response.json()], [200, { rejected: [] }]);
  }
  assert.equal(appends, 2);
});

test("costs: calls that come without get them from the price book, and no other span", async (t) => {
  const { url, store } = await started(t, { prices: ({ usage }) => (usage.inputTokens ?? 0) / 100 });
  const usage = { inputTokens: 50, outputTokens: 5 };
  const genAi = { responseModel: "m" };
  const parts: Parameters<typeof sampleSpan>[0][] = [
    { type: "generation", usage, genAi },
    { type: "generation", usage, genAi, cost: { currency: "USD", total: 7, source: "provided" } },
    { type: "agent", usage, genAi },
    { type: "generation", genAi },
  ];
  const records = spans(parts.length).map((span, i) => ({ ...span, ...parts[i] }) as ReturnType<typeof sampleSpan>);
  await postRecords(url, lines(records));
  const costs = await Promise.all(
    records.map(async ({ traceId, spanId }) => (await store.span(traceId, spanId))?.cost?.total),
  );
  assert.deepEqual(costs, [0.5, 7, undefined, undefined]);
  const free = await started(t, { prices: false });
  await postRecords(free.url, lines(records));
  assert.equal((await free.store.span(records[0]!.traceId, records[0]!.spanId))?.cost, undefined);
});

/** What a traced program sends through a sink of ours, and what arrives. */
async function sentThrough(t: TestContext, sinkFor: (url: string) => Sink) {
  const { url, store } = await started(t, { prices: false });
  configure({ sinks: [sinkFor(url)], environment: "test", findings: false });
  t.after(() => shutdown());
  const inner = observe({ name: "model", type: "generation" }, async (question: string) => `4 (${question})`);
  const answer = observe({ name: "answer" }, async (question: string) => {
    score({ name: "helpful", value: 0.5 });
    return inner(question);
  });
  await answer("2 + 2?");
  const result = await flush({ timeoutMs: 5_000 });
  assert.equal(result.ok, true, JSON.stringify(result));
  const { items } = await store.traces();
  assert.equal(items.length, 1);
  const { traceId } = items[0]!;
  const rows = (await store.spans(traceId)).items;
  const records = await Promise.all(rows.map(({ spanId }) => store.span(traceId, spanId)));
  return { items, records, scores: (await store.trace(traceId))!.scores };
}

for (const [name, sinkFor] of [
  ["httpSink", (url: string) => httpSink({ url: `${url}/v1/records` })],
  ["otlpSink, protobuf", (url: string) => otlpSink({ endpoint: url, protocol: "http/protobuf", content: "spans" })],
  ["otlpSink, JSON", (url: string) => otlpSink({ endpoint: url, protocol: "http/json", content: "spans" })],
  ["otlpSink, contents as events", (url: string) => otlpSink({ endpoint: url, content: "events" })],
  ["langfuseSink", (url: string) => langfuseSink({ baseUrl: url, publicKey: "pk-lf-1", secretKey: "sk-lf-1" })],
] as const) {
  test(`${name} arrives whole: tree, input, output, score`, async (t) => {
    const { items, records, scores } = await sentThrough(t, sinkFor);
    assert.deepEqual([items[0]!.name, items[0]!.spans, items[0]!.environment], ["answer", 2, "test"]);
    const [outer, inner] = records;
    assert.deepEqual([outer!.name, inner!.name, inner!.type], ["answer", "model", "generation"]);
    assert.equal(inner!.parentSpanId, outer!.spanId);
    // Events are for model calls alone.
    const expected = name.includes("events") ? [undefined, undefined] : [{ question: "2 + 2?" }, "4 (2 + 2?)"];
    assert.deepEqual([outer!.input, outer!.output], expected);
    // OpenTelemetry's conventions have messages where the call had a text.
    assert.match(JSON.stringify(inner!.input), /2 \+ 2\?/);
    assert.match(JSON.stringify(inner!.output), /4 \(2 \+ 2\?\)/);
    assert.deepEqual(
      scores.map(({ name, value }) => [name, value]),
      [["helpful", 0.5]],
    );
  });
}

async function spansOfOpenTelemetry() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer = provider.getTracer("test");
  const chat = tracer.startSpan("chat gpt-4o", {
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": "gpt-4o",
      "gen_ai.usage.input_tokens": 1_000_000,
      "gen_ai.usage.output_tokens": 0,
    },
  });
  chat.end();
  return exporter.getFinishedSpans();
}

test("OTLP as OpenTelemetry's exporters write it: both forms, both paths, compressed or not", async (t) => {
  const sent = await spansOfOpenTelemetry();
  const { traceId, spanId } = sent[0]!.spanContext();
  const forms = [
    ["application/json", JsonTraceSerializer.serializeRequest(sent)!],
    ["application/x-protobuf", ProtobufTraceSerializer.serializeRequest(sent)!],
  ] as const;
  for (const path of ["/v1/traces", "/api/public/otel/v1/traces"]) {
    for (const [type, bytes] of forms) {
      for (const isZipped of [false, true]) {
        const { url, store } = await started(t);
        const response = await fetch(url + path, {
          method: "POST",
          headers: { "content-type": type, ...(isZipped && { "content-encoding": "gzip" }) },
          body: Buffer.from(isZipped ? gzipSync(bytes) : bytes),
        });
        assert.equal(response.status, 200);
        assert.equal(response.headers.get("content-type")?.split(";")[0], type);
        const answer = Buffer.from(await response.arrayBuffer());
        assert.equal(answer.toString(), type === "application/json" ? "{}" : "");
        const record = await store.span(traceId, spanId);
        assert.deepEqual(
          [record?.name, record?.type, record?.genAi?.requestModel, record?.usage?.inputTokens],
          ["chat gpt-4o", "generation", "gpt-4o", 1_000_000],
        );
        assert.ok((record?.cost?.total ?? 0) > 1, "the price book knows gpt-4o");
      }
    }
  }
});

test("OTLP: a span that cannot be read costs itself alone, said in the form of the request", async (t) => {
  const { url, store } = await started(t);
  const good = {
    traceId: "a".repeat(32),
    spanId: "b".repeat(16),
    name: "good",
    startTimeUnixNano: "1",
    endTimeUnixNano: "2",
  };
  const request = { resourceSpans: [{ scopeSpans: [{ spans: [good, { ...good, spanId: "" }] }] }] };
  const type = typeOf("collector.trace.v1.ExportTraceServiceRequest");
  const json = await fetch(`${url}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
  });
  const { partialSuccess } = (await json.json()) as any;
  assert.equal(partialSuccess.rejectedSpans, "1");
  assert.match(partialSuccess.errorMessage, /spanId/);
  assert.equal((await store.stats()).spans, 1);
  const bytes = type
    .encode(
      type.fromObject({
        resourceSpans: [
          { scopeSpans: [{ spans: [{ traceId: Buffer.alloc(16, 1), spanId: Buffer.alloc(0), name: "bad" }] }] },
        ],
      }),
    )
    .finish();
  const protobuf = await fetch(`${url}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf" },
    body: Buffer.from(bytes),
  });
  const answer = Buffer.from(await protobuf.arrayBuffer());
  const read = fromBytes("collector.trace.v1.ExportTraceServiceResponse", answer) as any;
  assert.equal(Number(read.partialSuccess.rejectedSpans), 1);
  assert.match(read.partialSuccess.errorMessage, /spanId/);
});

test("OTLP: what is no request of it is refused, as google.rpc.Status in the form of the request", async (t) => {
  const { url } = await started(t);
  const post = (type: string, body: string) =>
    fetch(`${url}/v1/traces`, { method: "POST", headers: { "content-type": type }, body });
  const json = await post("application/json", "{");
  assert.equal(json.status, 400);
  assert.equal(((await json.json()) as any).code, 3);
  const protobuf = await post("application/x-protobuf", "\xff\xff\xff");
  assert.equal(protobuf.status, 400);
  assert.equal(protobuf.headers.get("content-type"), "application/x-protobuf");
  const bytes = Buffer.from(await protobuf.arrayBuffer());
  assert.deepEqual([...bytes.subarray(0, 2)], [0x08, 3], "field 1, INVALID_ARGUMENT");
  assert.equal((await post("text/html", "<p>")).status, 415);
});

test("OTLP: metrics and other logs are answered with what is not kept", async (t) => {
  const { url } = await started(t);
  const post = async (path: string, body: unknown) => {
    const response = await fetch(url + path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return [response.status, await response.json()] as [number, any];
  };
  const metric = (kind: string, points: number) => ({ name: kind, [kind]: { dataPoints: Array(points).fill({}) } });
  const kinds = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"];
  const metrics = { resourceMetrics: [{ scopeMetrics: [{ metrics: kinds.map((kind, i) => metric(kind, i + 1)) }] }] };
  const [status, answer] = await post("/v1/metrics", metrics);
  assert.deepEqual([status, answer.partialSuccess.rejectedDataPoints], [200, "15"]);
  assert.match(answer.partialSuccess.errorMessage, /not kept/);
  const type = typeOf("collector.metrics.v1.ExportMetricsServiceRequest");
  const response = await fetch(`${url}/v1/metrics`, {
    method: "POST",
    headers: { "content-type": "application/x-protobuf" },
    body: Buffer.from(type.encode(type.fromObject(metrics)).finish()),
  });
  const read = fromBytes(
    "collector.metrics.v1.ExportMetricsServiceResponse",
    Buffer.from(await response.arrayBuffer()),
  ) as any;
  assert.equal(Number(read.partialSuccess.rejectedDataPoints), 15);
  assert.equal((await post("/v1/metrics", "{"))[0], 400);
  assert.deepEqual((await post("/v1/metrics", "{}"))[1], {});
  const logs = { resourceLogs: [{ scopeLogs: [{ logRecords: [{ body: { stringValue: "hello" } }, {}] }] }] };
  const [, logAnswer] = await post("/v1/logs", logs);
  assert.equal(logAnswer.partialSuccess.rejectedLogRecords, "2");
  assert.match(logAnswer.partialSuccess.errorMessage, /only scores/);
});

test("Langfuse's ingestion: 207 says what became of each event", async (t) => {
  const { url, store } = await started(t, { projects: { shop: "sk-lf-0123456789" } });
  const timestamp = "2026-11-20T10:00:00.000Z";
  const traceId = "c".repeat(32);
  const batch = [
    { id: "e1", type: "trace-create", timestamp, body: { id: traceId, name: "chat", userId: "ada" } },
    {
      id: "e2",
      type: "generation-create",
      timestamp,
      body: { id: "d".repeat(16), traceId, name: "llm", model: "m", startTime: timestamp, input: "hi", output: "ho" },
    },
    { id: "e3", type: "score-create", timestamp, body: { id: "s1", traceId, name: "quality", value: 1 } },
    { id: "e4", type: "span-create", timestamp, body: { name: "no ids" } },
    { id: "e5", type: "sdk-log", timestamp, body: { log: "x" } },
  ];
  const headers = {
    "content-type": "application/json",
    authorization: `Basic ${Buffer.from("pk-lf-1:sk-lf-0123456789").toString("base64")}`,
  };
  const post = (path: string, body: unknown) =>
    fetch(url + path, { method: "POST", headers, body: typeof body === "string" ? body : JSON.stringify(body) });
  const response = await post("/api/public/ingestion", { batch });
  assert.equal(response.status, 207);
  const { successes, errors } = (await response.json()) as any;
  assert.deepEqual(
    successes,
    ["e1", "e2", "e3", "e5"].map((id) => ({ id, status: 201 })),
  );
  assert.deepEqual(
    errors.map(({ id, status }: any) => [id, status]),
    [["e4", 400]],
  );
  const { summary, scores } = (await store.trace(traceId, { project: "shop" }))!;
  assert.deepEqual([summary.name, summary.userId, summary.models], ["chat", "ada", ["m"]]);
  assert.equal(scores.length, 1);
  // A later batch only says what is new.
  const update = { id: "e6", type: "trace-update", timestamp, body: { id: traceId, sessionId: "s" } };
  const later = { ...update, type: "trace-create" };
  assert.deepEqual(((await (await post("/api/public/ingestion", { batch: [later] })).json()) as any).errors, []);
  assert.equal((await store.trace(traceId, { project: "shop" }))!.summary.userId, "ada");
  for (const body of ["{", "{}", '{"batch":1}', "null"]) {
    assert.equal((await post("/api/public/ingestion", body)).status, 400, body);
  }
  assert.equal((await post("/api/public/scores", { traceId, name: "x", value: 1 })).status, 200);
  assert.equal((await post("/api/public/scores", { traceId })).status, 400);
  assert.equal((await post("/api/public/scores", "1")).status, 400);
  const wrong = await fetch(`${url}/api/public/ingestion`, { method: "POST", body: "{}" });
  assert.equal(wrong.status, 401);
  assert.match(((await wrong.json()) as any).message, /token/, "as Langfuse tells it");
});

test("without ingestion there is nothing to send to", async (t) => {
  const { url } = await started(t, { ingest: false });
  for (const path of ["/v1/records", "/v1/traces", "/v1/logs", "/v1/metrics", "/api/public/ingestion"]) {
    assert.equal((await fetch(url + path, { method: "POST", body: "{}" })).status, 404, path);
  }
});
