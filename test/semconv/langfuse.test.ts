import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord, TraceInfo } from "../../src/core/record.ts";
import { langfuseAttributes } from "../../src/semconv/langfuse.ts";
import { findingSpan, scoreBody } from "../../src/semconv/langfuse-records.ts";
import { langfuseEnvironment } from "../../src/semconv/langfuse-trace.ts";
import { sampleFinding, sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { fullRecord } from "./full-record.ts";

const attributesOf = (part: Partial<SpanRecord>, form = {}) =>
  langfuseAttributes(sampleSpan({ trace: {}, ...part }), { content: true, ...form });

const metadataOf = (part: Partial<SpanRecord>) => {
  const prefix = "langfuse.observation.metadata.";
  const entries = Object.entries(attributesOf(part)).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), value]));
};

test("names of Langfuse alone, and values that every server reads", () => {
  for (const record of [...sampleRecords(), fullRecord]) {
    if (record.record !== "span") continue;
    for (const [name, value] of Object.entries(langfuseAttributes(record, { content: true }))) {
      assert.match(name, /^(?:langfuse\.|user\.id$|session\.id$)/);
      if (name === "langfuse.observation.prompt.version") continue;
      const isReadable = typeof value === "string" || typeof value === "boolean" || Array.isArray(value);
      assert.ok(isReadable, `${name} is ${JSON.stringify(value)}`);
    }
  }
});

test("a plain span says little", () => {
  assert.deepEqual(attributesOf({ parentSpanId: "ffffffffffffffff" }), {
    "langfuse.observation.type": "span",
    "langfuse.observation.level": "DEFAULT",
  });
});

test("the local root is marked, wherever its parent is", () => {
  const isRoot = (part: Partial<SpanRecord>) => attributesOf(part)["langfuse.internal.is_app_root"];
  const parentSpanId = "ffffffffffffffff";
  assert.equal(isRoot({}), true);
  assert.equal(isRoot({ parentSpanId, parentIsRemote: true }), true);
  assert.equal(isRoot({ parentSpanId, parentIsExternal: true }), true);
  assert.equal(isRoot({ parentSpanId }), undefined);
});

test("trace attributes on every span", () => {
  const trace: TraceInfo = {
    name: "math tutor",
    userId: "user_42",
    sessionId: "algebra-7",
    tags: ["algebra", "été"],
    metadata: { plan: "pro", seats: 3, feature: "theirs" },
    feature: "tutor",
    team: "learning",
    release: "1.2.3",
    version: "2",
    environment: "Production EU",
    public: false,
  };
  assert.deepEqual(attributesOf({ trace, parentSpanId: "ffffffffffffffff" }), {
    "langfuse.observation.type": "span",
    "langfuse.observation.level": "DEFAULT",
    "langfuse.trace.name": "math tutor",
    "langfuse.trace.tags": ["algebra", "été"],
    "langfuse.trace.public": false,
    "langfuse.trace.metadata.plan": "pro",
    "langfuse.trace.metadata.seats": "3",
    "langfuse.trace.metadata.feature": "tutor",
    "langfuse.trace.metadata.team": "learning",
    "langfuse.release": "1.2.3",
    "langfuse.version": "2",
    "langfuse.environment": "production-eu",
    "user.id": "user_42",
    "session.id": "algebra-7",
  });
});

test("what a trace does not say, the sink may", () => {
  const defaults = { environment: "staging", release: "r1" };
  const own = attributesOf({ trace: { environment: "production", release: "r2" } }, defaults);
  assert.deepEqual([own["langfuse.environment"], own["langfuse.release"]], ["production", "r2"]);
  const given = attributesOf({}, defaults);
  assert.deepEqual([given["langfuse.environment"], given["langfuse.release"]], ["staging", "r1"]);
});

test("a thread is the session of spans that have none", () => {
  const genAi = { conversationId: "thread_abc" };
  assert.equal(attributesOf({ genAi })["session.id"], "thread_abc");
  assert.equal(attributesOf({ genAi, trace: { sessionId: "s" } })["session.id"], "s");
});

for (const [name, expected] of [
  ["production", "production"],
  ["Production", "production"],
  ["my env/1", "my-env-1"],
  ["langfuse", "default"],
  ["langfuse-prod", "prod"],
  ["langfuselangfuse", "default"],
  ["", "default"],
  ["x".repeat(41), "x".repeat(40)],
  ["среда", "-"],
] as const) {
  test(`environment ${JSON.stringify(name)} is ${expected}`, () => {
    assert.equal(langfuseEnvironment(name), expected);
    assert.match(langfuseEnvironment(name), /^(?!langfuse)[a-z0-9-_]{1,40}$/);
  });
}

test("a model is named where it counts", () => {
  const genAi = { requestModel: "gpt-4.1", responseModel: "gpt-4.1-2025-04-14" };
  const modelOf = (part: Partial<SpanRecord>) => attributesOf({ genAi, ...part })["langfuse.observation.model.name"];
  assert.equal(modelOf({ type: "generation" }), "gpt-4.1-2025-04-14");
  assert.equal(modelOf({ type: "embedding", genAi: { requestModel: "e" } }), "e");
  assert.equal(modelOf({ type: "agent", usage: { inputTokens: 1 } }), "gpt-4.1-2025-04-14");
  assert.equal(modelOf({ type: "agent" }), undefined, "Langfuse would count tokens of its own there");
  assert.deepEqual(metadataOf({ type: "agent", genAi }), {
    request_model: "gpt-4.1",
    response_model: "gpt-4.1-2025-04-14",
  });
});

test("a prompt is linked by name and whole version, from a generation", () => {
  const linked = (part: Partial<SpanRecord>) => {
    const attributes = attributesOf({ type: "generation", ...part });
    return [attributes["langfuse.observation.prompt.name"], attributes["langfuse.observation.prompt.version"]];
  };
  assert.deepEqual(linked({ genAi: { prompt: { name: "tutor", version: 3 } } }), ["tutor", 3]);
  assert.deepEqual(linked({ genAi: { prompt: { name: "tutor", version: "3" } } }), ["tutor", 3]);
  for (const version of [undefined, "", "v3", 0, 1.5]) {
    const prompt = { name: "tutor", ...(version !== undefined && { version }) };
    assert.deepEqual(linked({ genAi: { prompt } }), [undefined, undefined]);
    assert.equal(metadataOf({ genAi: { prompt } })["prompt_name"], "tutor");
  }
  assert.deepEqual(linked({ type: "agent", genAi: { prompt: { name: "tutor", version: 3 } } }), [undefined, undefined]);
  assert.deepEqual(linked({ genAi: { prompt: { name: "pmpt_1", version: "3" } } }), [undefined, undefined]);
});

test("input and output: texts as they are, anything else as JSON, null too", () => {
  const read = (part: Partial<SpanRecord>) => {
    const attributes = attributesOf(part);
    return [attributes["langfuse.observation.input"], attributes["langfuse.observation.output"]];
  };
  assert.deepEqual(read({ input: "a", output: null }), ["a", "null"]);
  assert.deepEqual(read({ input: "", output: [1, { a: 2 }] }), ["", '[1,{"a":2}]']);
  assert.deepEqual(read({ input: 0, output: false }), ["0", "false"]);
  assert.deepEqual(read({}), [undefined, undefined]);
});

test("instructions that have no messages to stand before are metadata", () => {
  const genAi = { systemInstructions: [{ type: "text", content: "Speak." }] };
  assert.equal(metadataOf({ input: "hello", genAi })["system_instructions"], '[{"type":"text","content":"Speak."}]');
  assert.equal(metadataOf({ genAi })["system_instructions"], undefined);
});

test("without content, nothing of it is anywhere", () => {
  const secret = "three x plus eleven";
  const record = sampleSpan({
    input: [{ role: "user", parts: [{ type: "text", content: secret }] }],
    output: secret,
    genAi: { systemInstructions: secret, toolDefinitions: [{ type: "function", name: secret }] },
  });
  assert.doesNotMatch(JSON.stringify(langfuseAttributes(record, { content: false })), new RegExp(secret));
  assert.doesNotMatch(
    JSON.stringify(langfuseAttributes({ ...record, input: secret }, { content: false })),
    new RegExp(secret),
  );
});

test("metadata: what has no field, as texts; the user's goes over it", () => {
  const metadata = metadataOf({
    type: "generation",
    genAi: {
      operation: "chat",
      provider: "openai",
      responseId: "resp_1",
      finishReasons: ["stop"],
      agent: { id: "asst_1", name: "Tutor" },
      tool: { name: "search", callId: "call_1" },
      openai: { runId: "run_1", threadId: "thread_1", runStatus: "completed" },
    },
    http: {
      method: "POST",
      route: "/runs",
      status: 200,
      requestId: "req_1",
      attempts: [{ status: 429, durationMs: 3 }],
    },
    error: { type: "E", message: "m", stack: "at x" },
    usage: { webSearchCalls: 2, extra: { "a.b": 1.5 } },
    events: [{ name: "retry", time: "1" }],
    unfinished: true,
    attributes: { "http.status_code": 200, ok: true, "langfuse.experiment.id": "e" },
    metadata: { provider: "mine", nested: { list: [1] }, nothing: null },
  });
  assert.deepEqual(metadata, {
    operation: "chat",
    provider: "mine",
    response_id: "resp_1",
    finish_reasons: '["stop"]',
    agent_id: "asst_1",
    agent_name: "Tutor",
    tool_name: "search",
    tool_call_id: "call_1",
    run_id: "run_1",
    thread_id: "thread_1",
    run_status: "completed",
    http_method: "POST",
    http_route: "/runs",
    http_status: "200",
    http_request_id: "req_1",
    http_attempts: '[{"status":429,"durationMs":3}]',
    error_type: "E",
    error_message: "m",
    error_stack: "at x",
    web_search_calls: "2",
    "usage_a.b": "1.5",
    events: '[{"name":"retry","time":"1"}]',
    unfinished: "true",
    "http.status_code": "200",
    ok: "true",
    nested: '{"list":[1]}',
  });
});

test("attributes that begin with langfuse go along as they are", () => {
  const attributes = attributesOf({
    attributes: {
      "langfuse.experiment.id": "e",
      "langfuse.trace.public": true,
      "langfuse.none": null,
    },
  });
  assert.equal("langfuse.none" in attributes, false);
  assert.equal(attributes["langfuse.experiment.id"], "e");
  assert.equal(attributes["langfuse.trace.public"], true);
});

test("status message: the status's, the error's, the API's", () => {
  const message = (part: Partial<SpanRecord>) => attributesOf(part)["langfuse.observation.status_message"];
  const error = { type: "E", message: "thrown" };
  assert.equal(message({ status: { code: "error", message: "said" }, error }), "said");
  assert.equal(message({ status: { code: "error" }, error }), "thrown");
  assert.equal(message({ level: "WARNING", genAi: { openai: { incompleteReason: "max_tokens" } } }), "max_tokens");
  assert.equal(message({}), undefined);
});

test("parameters with what is asked of the stream, time of the first token", () => {
  const attributes = attributesOf({
    firstChunkTime: "1732000000060999999",
    genAi: { parameters: { temperature: 0, stop: null }, stream: true },
  });
  assert.equal(attributes["langfuse.observation.model.parameters"], '{"temperature":0,"stop":null,"stream":true}');
  assert.equal(attributes["langfuse.observation.completion_start_time"], "2024-11-19T07:06:40.060Z");
  for (const genAi of [{}, { parameters: {} }]) {
    assert.equal("langfuse.observation.model.parameters" in attributesOf({ genAi }), false, "none are none");
  }
});

test("a finding is an event below its span, the same one each time", () => {
  const span = findingSpan(sampleFinding());
  assert.match(span.spanId, /^[0-9a-f]{16}$/);
  assert.equal(findingSpan(sampleFinding({ message: "again" })).spanId, span.spanId);
  assert.notEqual(findingSpan(sampleFinding({ id: "another" })).spanId, span.spanId);
  assert.equal(span.parentSpanId, "00f067aa0ba902b7");
  const attributes = langfuseAttributes(span, { content: true });
  assert.equal(attributes["langfuse.observation.type"], "event");
  assert.equal(attributes["langfuse.observation.level"], "ERROR");
  assert.equal(attributes["langfuse.observation.status_message"], sampleFinding().message);
  assert.equal(attributes["langfuse.observation.metadata.nextStep"], sampleFinding().nextStep);
  assert.equal(attributes["langfuse.observation.metadata.evidence"], '{"runId":"run_abc","expiresAt":1732000600}');
  const { spanId: _, ...about } = sampleFinding({ severity: "info" });
  const ofTrace = langfuseAttributes(findingSpan(about), { content: true });
  assert.equal(ofTrace["langfuse.internal.is_app_root"], false, "it stands beside the root");
  assert.equal(ofTrace["langfuse.observation.level"], "DEFAULT");
});

test("a score has one target, and a value of its type", () => {
  const scored_at = "2024-11-19T07:06:40.300Z";
  assert.deepEqual(scoreBody(sampleScore({ metadata: { by: "judge" } }), { environment: "Test" }), {
    id: "0193489c-5a7e-7c3e-9f2e-4d7a1b2c3d4f",
    name: "helpfulness",
    value: 0.9,
    dataType: "NUMERIC",
    traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e",
    metadata: { by: "judge", scored_at },
    environment: "test",
  });
  const both = scoreBody(sampleScore({ sessionId: "s", spanId: "00f067aa0ba902b7", comment: "c" }), {});
  assert.equal(both["observationId"], "00f067aa0ba902b7");
  assert.equal("sessionId" in both, false);
  const { traceId: _, ...session } = sampleScore({ sessionId: "s", value: true, dataType: "BOOLEAN" });
  assert.deepEqual([scoreBody(session, {})["sessionId"], scoreBody(session, {})["value"]], ["s", 1]);
  const long = scoreBody(sampleScore({ value: "ы".repeat(600), dataType: "TEXT" }), {});
  assert.equal((long["value"] as string).length, 500);
  assert.equal((long["metadata"] as { text: string }).text.length, 600);
  // The cut falls within the 250th face.
  const faces = scoreBody(sampleScore({ value: `${"😀".repeat(300)}`, dataType: "TEXT" }), {});
  assert.equal(faces["value"], `${"😀".repeat(249)}…`);
});
