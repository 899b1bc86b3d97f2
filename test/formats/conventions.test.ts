/** Spans by others: each family of names becomes the fields of a record, and nothing gets lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { recordsFromOtlp } from "../../src/formats/index.ts";
import { langfuseAttributes } from "../../src/semconv/langfuse.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { keyValues, otlpSpan, recordOf, request } from "./otlp-request.ts";

test("OpenTelemetry GenAI of 1.36, 1.41 and the newest names", () => {
  const old = recordOf({
    "gen_ai.system": "az.ai.openai",
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.prompt_tokens": 12,
    "gen_ai.usage.completion_tokens": "3",
    "gen_ai.openai.request.service_tier": "flex",
  });
  assert.equal(old.type, "generation");
  assert.deepEqual(old.genAi, {
    operation: "chat",
    provider: "azure.ai.openai",
    requestModel: "gpt-4o",
    openai: { requestServiceTier: "flex" },
  });
  assert.deepEqual(old.usage, { inputTokens: 12, outputTokens: 3, totalTokens: 15 });
  assert.equal(old.attributes, undefined);

  const both = recordOf({
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.cache_creation.input_tokens": 20,
    "gen_ai.usage.cache_read.input_tokens": 30,
    "gen_ai.usage.reasoning.output_tokens": 4,
    "gen_ai.usage.output_tokens": 10,
  });
  const usage = { inputTokens: 100, outputTokens: 10, totalTokens: 110, cacheReadInputTokens: 30 };
  assert.deepEqual(both.usage, { ...usage, cacheWriteInputTokens: 20, reasoningOutputTokens: 4 });
  assert.equal(recordOf({ "gen_ai.usage.cache_write.input_tokens": 20 }).usage?.cacheWriteInputTokens, 20);

  const newest = recordOf({
    "gen_ai.operation.name": "chat",
    "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi"}]}]',
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.request.temperature": 0.5,
    "gen_ai.request.max_input_tokens": 9,
    "gen_ai.response.time_to_first_chunk": 0.25,
    "gen_ai.memory.store.id": "m1",
  });
  assert.deepEqual(newest.input, [{ role: "user", parts: [{ type: "text", content: "Hi" }] }]);
  assert.deepEqual(newest.genAi?.finishReasons, ["stop"]);
  assert.deepEqual(newest.genAi?.parameters, { temperature: 0.5, max_input_tokens: 9 });
  assert.equal(newest.firstChunkTime, "1732000000250000000");
  assert.deepEqual(newest.attributes, { "gen_ai.memory.store.id": "m1" });
});

test("structured attributes, as the newest conventions allow them", () => {
  const messages = {
    key: "gen_ai.input.messages",
    value: {
      arrayValue: {
        values: [
          {
            kvlistValue: {
              values: [
                { key: "role", value: { stringValue: "user" } },
                { key: "__proto__", value: {} },
              ],
            },
          },
        ],
      },
    },
  };
  const { records } = recordsFromOtlp(request([otlpSpan({ attributes: [messages] })]));
  assert.deepEqual(records[0]!.input, [JSON.parse('{"role":"user","__proto__":null}')]);
});

test("OpenInference", () => {
  const record = recordOf({
    "openinference.span.kind": "LLM",
    "llm.model_name": "gpt-4o",
    "llm.provider": "openai",
    "llm.invocation_parameters": '{"temperature":0.1}',
    "llm.token_count.prompt": 10,
    "llm.token_count.completion": 5,
    "llm.token_count.prompt_details.cache_read": 4,
    "llm.cost.total": 0.5,
    "llm.input_messages.0.message.role": "user",
    "llm.input_messages.0.message.contents.0.message_content.type": "text",
    "llm.input_messages.0.message.contents.0.message_content.text": "What is this?",
    "llm.input_messages.0.message.contents.1.message_content.type": "image",
    "llm.input_messages.0.message.contents.1.message_content.image.image.url": "https://example.com/a.png",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.tool_calls.0.tool_call.id": "c1",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.name": "look",
    "llm.output_messages.0.message.tool_calls.0.tool_call.function.arguments": "{}",
    "llm.tools.0.tool.json_schema": '{"type":"function"}',
    "session.id": "s1",
    "user.id": "u1",
    "tag.tags": ["a"],
    metadata: '{"plan":"pro"}',
    "input.value": "raw",
    "input.mime_type": "text/plain",
  });
  assert.deepEqual(
    { ...record, spanId: 0, traceId: 0, startTime: 0, endTime: 0 },
    {
      record: "span",
      schema: 1,
      traceId: 0,
      spanId: 0,
      traceFlags: 1,
      seq: 1,
      name: "call",
      type: "generation",
      kind: "client",
      startTime: 0,
      endTime: 0,
      status: { code: "unset" },
      level: "DEFAULT",
      input: [
        {
          role: "user",
          content: [
            { type: "text", text: "What is this?" },
            { type: "image_url", image_url: { url: "https://example.com/a.png" } },
          ],
        },
      ],
      output: [
        {
          role: "assistant",
          tool_calls: [{ type: "function", id: "c1", function: { name: "look", arguments: "{}" } }],
        },
      ],
      genAi: {
        provider: "openai",
        responseModel: "gpt-4o",
        parameters: { temperature: 0.1 },
        toolDefinitions: [{ type: "function" }],
      },
      usage: { inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadInputTokens: 4 },
      cost: { currency: "USD", total: 0.5, source: "provided" },
      metadata: { plan: "pro" },
      attributes: { "input.value": "raw", "input.mime_type": "text/plain" },
      trace: { userId: "u1", sessionId: "s1", tags: ["a"] },
    },
  );
  const retriever = recordOf({
    "openinference.span.kind": "RETRIEVER",
    "input.value": "query",
    "retrieval.documents.1.document.content": "b",
    "retrieval.documents.0.document.content": "a",
    "retrieval.documents.0.document.score": 0.5,
    "retrieval.documents.0.document.metadata": '{"n":1}',
  });
  assert.deepEqual([retriever.type, retriever.input], ["retriever", "query"]);
  assert.deepEqual(retriever.output, [{ content: "a", score: 0.5, metadata: { n: 1 } }, { content: "b" }]);
});

test("Langfuse: buckets that exclude each other become totals that include their parts", () => {
  const record = recordOf({
    "langfuse.observation.type": "generation",
    "langfuse.observation.level": "ERROR",
    "langfuse.observation.status_message": "refused",
    "langfuse.observation.model.name": "gpt-4o",
    "langfuse.observation.model.parameters": '{"temperature":1}',
    "langfuse.observation.usage_details":
      '{"input":50,"input_cached_tokens":30,"input_cache_creation":20,"output":6,"output_reasoning_tokens":4,"total":110,"other_kind":7}',
    "langfuse.observation.cost_details": '{"input":0.1,"output":0.2,"total":0.3}',
    "langfuse.observation.completion_start_time": '"2024-11-19T07:06:40.500Z"',
    "langfuse.observation.prompt.name": "greeting",
    "langfuse.observation.prompt.version": 3,
    "langfuse.observation.input": '[{"role":"user","content":"Hi"}]',
    "langfuse.observation.output": "Hello",
    "langfuse.observation.metadata.a": '{"b":1}',
    "langfuse.trace.name": "tutor",
    "langfuse.trace.tags": ["x"],
    "langfuse.trace.metadata.plan": "pro",
    "langfuse.trace.public": true,
    "langfuse.environment": "prod",
    "langfuse.release": "r1",
    "langfuse.version": "v1",
    "langfuse.user.id": "u",
    "session.id": "s",
    "langfuse.something.new": 1,
  });
  assert.deepEqual(record.usage, {
    inputTokens: 100,
    outputTokens: 10,
    totalTokens: 110,
    cacheReadInputTokens: 30,
    cacheWriteInputTokens: 20,
    reasoningOutputTokens: 4,
    extra: { other_kind: 7 },
  });
  assert.deepEqual(record.cost, { currency: "USD", input: 0.1, output: 0.2, total: 0.3, source: "provided" });
  assert.deepEqual([record.status, record.level], [{ code: "error", message: "refused" }, "ERROR"]);
  assert.equal(record.firstChunkTime, "1732000000500000000");
  const { genAi, input, output, metadata, trace, attributes } = record;
  const parameters = { temperature: 1 };
  assert.deepEqual(genAi, { responseModel: "gpt-4o", parameters, prompt: { name: "greeting", version: 3 } });
  assert.deepEqual([input, output, metadata], [[{ role: "user", content: "Hi" }], "Hello", { a: { b: 1 } }]);
  assert.deepEqual(trace, {
    name: "tutor",
    userId: "u",
    sessionId: "s",
    tags: ["x"],
    metadata: { plan: "pro" },
    release: "r1",
    version: "v1",
    environment: "prod",
    public: true,
  });
  assert.deepEqual(attributes, { "langfuse.something.new": 1 });
});

test("what our Langfuse sink writes is read: usage, content and trace as they were", () => {
  const span = sampleSpan({
    type: "generation",
    input: [{ role: "user", content: "Hi" }],
    output: "Hello",
    genAi: { responseModel: "gpt-4.1", parameters: { temperature: 0 } },
    usage: { inputTokens: 100, outputTokens: 10, totalTokens: 110, cacheReadInputTokens: 30, reasoningOutputTokens: 4 },
    cost: { currency: "USD", total: 0.3, input: 0.1, output: 0.2, source: "provided" },
  });
  const record = recordOf(langfuseAttributes(span, { content: true }));
  const { input, output, usage, cost, trace, type, level } = span;
  for (const [field, value] of Object.entries({ input, output, usage, cost, trace, type, level })) {
    assert.deepEqual(record[field as "input"], value, field);
  }
});

test("AI SDK: the inner span is the model's, the outer one does not count its tokens again", () => {
  const usage = { "ai.usage.promptTokens": 10, "ai.usage.completionTokens": 5 };
  const inner = recordOf({
    "operation.name": "ai.generateText.doGenerate tutor",
    "ai.operationId": "ai.generateText.doGenerate",
    "ai.model.id": "gpt-4o",
    "ai.model.provider": "openai.chat",
    "gen_ai.system": "openai.chat",
    "gen_ai.request.model": "gpt-4o",
    "ai.settings.maxOutputTokens": 99,
    "ai.prompt.messages": '[{"role":"user","content":"Hi"}]',
    "ai.prompt.tools": ['{"type":"function","name":"look"}'],
    "ai.response.text": "Hello",
    "ai.response.toolCalls": '[{"toolCallId":"c1"}]',
    "ai.response.finishReason": "tool-calls",
    "ai.response.msToFirstChunk": 12.5,
    "ai.telemetry.metadata.userId": "u1",
    "ai.telemetry.metadata.plan": "pro",
    ...usage,
  });
  assert.equal(inner.type, "generation");
  assert.deepEqual(inner.usage, { inputTokens: 10, outputTokens: 5, totalTokens: 15 });
  assert.deepEqual(inner.genAi, {
    provider: "openai.chat",
    requestModel: "gpt-4o",
    finishReasons: ["tool-calls"],
    parameters: { max_output_tokens: 99 },
    toolDefinitions: [{ type: "function", name: "look" }],
  });
  assert.deepEqual(inner.output, { role: "assistant", content: "Hello", tool_calls: [{ toolCallId: "c1" }] });
  assert.equal(inner.firstChunkTime, "1732000000012500000");
  assert.deepEqual(inner.trace, { userId: "u1", metadata: { plan: "pro" } });
  const outer = recordOf({ "ai.operationId": "ai.generateText", "ai.prompt": '{"prompt":"Hi"}', ...usage });
  assert.deepEqual([outer.type, outer.usage, outer.input], ["chain", undefined, { prompt: "Hi" }]);
  assert.equal(outer.attributes?.["ai.usage.promptTokens"], 10);
  const tool = recordOf({ "ai.operationId": "ai.toolCall", "ai.toolCall.name": "look", "ai.toolCall.args": '{"q":1}' });
  assert.deepEqual([tool.type, tool.genAi?.tool, tool.input], ["tool", { name: "look" }, { q: 1 }]);
});

test("OpenLLMetry: messages by their indices", () => {
  const record = recordOf({
    "llm.request.type": "chat",
    "gen_ai.prompt.10.content": "last",
    "gen_ai.prompt.10.role": "user",
    "gen_ai.prompt.0.role": "system",
    "gen_ai.prompt.0.content": "Be kind.",
    "gen_ai.prompt.4000000000.role": "user",
    "gen_ai.completion.0.role": "assistant",
    "gen_ai.completion.0.finish_reason": "tool_calls",
    "gen_ai.completion.0.tool_calls.0.id": "c1",
    "gen_ai.completion.0.tool_calls.0.name": "look",
    "gen_ai.completion.0.tool_calls.0.arguments": '{"q":1}',
    "llm.request.functions.0.name": "look",
    "llm.request.functions.0.parameters": '{"type":"object"}',
    "llm.usage.total_tokens": 7,
    "traceloop.workflow.name": "tutor",
    "traceloop.association.properties.user_id": "u1",
    "traceloop.association.properties.chat_id": "c",
    "traceloop.entity.path": "a.b",
  });
  assert.equal(record.type, "generation");
  assert.deepEqual(record.input, [
    { role: "system", content: "Be kind." },
    { content: "last", role: "user" },
    { role: "user" },
  ]);
  assert.deepEqual(record.output, [
    {
      role: "assistant",
      finish_reason: "tool_calls",
      tool_calls: [{ id: "c1", type: "function", function: { name: "look", arguments: '{"q":1}' } }],
    },
  ]);
  assert.deepEqual(record.genAi?.toolDefinitions, [{ type: "function", name: "look", parameters: { type: "object" } }]);
  assert.deepEqual(record.trace, { name: "tutor", userId: "u1", metadata: { chat_id: "c" } });
  assert.deepEqual([record.usage, record.attributes], [{ totalTokens: 7 }, { "traceloop.entity.path": "a.b" }]);
});

test("messages that are events of the span", () => {
  const event = (name: string, attributes: object) => ({
    name,
    timeUnixNano: "1732000000100000000",
    attributes: keyValues(attributes as {}),
  });
  const events = [
    event("gen_ai.user.message", { "gen_ai.event.content": '{"role":"user","content":"Hi"}' }),
    event("gen_ai.choice", { message: '{"content":"Hello"}', index: 0, finish_reason: "stop" }),
  ];
  const { input, output, events: kept } = recordOf({ "gen_ai.operation.name": "chat" }, { events });
  assert.deepEqual(input, [{ role: "user", content: "Hi" }]);
  assert.deepEqual(output, [{ role: "assistant", content: "Hello", index: 0, finish_reason: "stop" }]);
  assert.equal(kept?.length, 2);
});

test("an exception is the error; as an event it stays when it says more", () => {
  const attributes = keyValues({
    "exception.type": "TypeError",
    "exception.message": "no",
    "exception.stacktrace": "at x",
  });
  const exception = { name: "exception", timeUnixNano: "1732000001000000000", attributes };
  const part = { events: [exception], status: { code: 2, message: "no" } };
  const atEnd = recordOf({ "error.type": "TypeError" }, part);
  assert.deepEqual(atEnd.error, { type: "TypeError", message: "no", stack: "at x" });
  assert.deepEqual([atEnd.events, atEnd.attributes, atEnd.level], [undefined, undefined, "ERROR"]);
  const before = recordOf({}, { ...part, events: [{ ...exception, timeUnixNano: "1732000000500000000" }] });
  assert.deepEqual([before.error?.type, before.events?.length], ["TypeError", 1]);
  // One that was handled is no failure of the span.
  const handled = recordOf({}, { events: [exception] });
  assert.deepEqual([handled.error, handled.events?.length], [undefined, 1]);
  assert.deepEqual(recordOf({ "error.type": "timeout" }, { status: { code: 2 } }).error, { type: "timeout" });
});

test("ids in hex of any case or base64; times as text or numbers; what is 0 is none", () => {
  const record = recordOf(
    {},
    {
      traceId: Buffer.from("0193489c5a7e7c3e9f2e4d7a1b2c3d4e", "hex").toString("base64"),
      spanId: "00F067AA0BA902B7",
      parentSpanId: "0000000000000000",
      startTimeUnixNano: 1_732_000_000_000_000_000,
      endTimeUnixNano: "0",
      flags: 0x301,
      kind: 0,
      traceState: "",
    },
  );
  assert.deepEqual([record.traceId, record.spanId], ["0193489c5a7e7c3e9f2e4d7a1b2c3d4e", "00f067aa0ba902b7"]);
  assert.deepEqual([record.parentSpanId, record.parentIsRemote, record.kind], [undefined, undefined, "internal"]);
  assert.deepEqual([record.startTime, record.unfinished, record.seq], ["1732000000000000000", true, 0]);
  const remote = recordOf({}, { parentSpanId: "00f067aa0ba902b8", flags: 0x301 });
  assert.deepEqual([remote.parentIsRemote, remote.traceFlags], [true, 1]);
  const now = "1732000009000000000";
  const open = recordsFromOtlp(request([otlpSpan({ endTimeUnixNano: undefined })]), { now }).records[0]!;
  assert.deepEqual([open.endTime, open.unfinished], [now, true]);
});

test("resource, scope, dropped counts and what nobody knows are attributes; the span's own win", () => {
  const span = otlpSpan({
    attributes: keyValues({ region: "span" }),
    droppedAttributesCount: 2,
    droppedEventsCount: "1",
  });
  const resource = {
    "service.name": "tutor",
    "service.version": "1.2",
    "deployment.environment": "prod",
    region: "resource",
  };
  const { records } = recordsFromOtlp(request([span], resource, { name: "lib", version: "3" }));
  assert.deepEqual(records[0]!.trace, { version: "1.2", environment: "prod" });
  assert.deepEqual(records[0]!.attributes, {
    "service.name": "tutor",
    region: "span",
    "otel.scope.name": "lib",
    "otel.scope.version": "3",
    "otel.dropped_attributes_count": 2,
    "otel.dropped_events_count": 1,
  });
});

test("a span that cannot be read is rejected with its reason, the others are not", () => {
  const spans = [
    otlpSpan(),
    otlpSpan({ traceId: "xyz" }),
    otlpSpan({ spanId: "" }),
    otlpSpan({ startTimeUnixNano: "soon", endTimeUnixNano: null }),
    otlpSpan({ attributes: { a: 1 } }),
    null,
  ];
  const { records, rejected } = recordsFromOtlp(request(spans));
  assert.equal(records.length, 1);
  assert.deepEqual(
    rejected.map(({ reason }) => reason),
    [
      "its traceId is not of 16 bytes",
      "it has no traceId or no spanId",
      "it has no startTimeUnixNano",
      "its attributes are no list",
      "a span is no object",
    ],
  );
  const links = [
    { traceId: "zz", spanId: "1" },
    { traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e", spanId: "00f067aa0ba902b7" },
  ];
  const linked = recordOf({}, { links });
  assert.equal(linked.links?.length, 1);
  assert.deepEqual(linked.attributes, { "otel.invalid_links": ["zz 1"] });
  assert.throws(() => recordsFromOtlp([]), { code: "FORMAT_NOT_OTLP" });
  assert.throws(() => recordsFromOtlp({ resourceSpans: {} }), { code: "FORMAT_NOT_OTLP" });
  assert.deepEqual(recordsFromOtlp({}), { records: [], rejected: [] });
});

test("HTTP spans of servers and clients, of the stable names and of those before", () => {
  const stable = recordOf({
    "http.request.method": "GET",
    "http.route": "/users/:id",
    "server.address": "::1",
    "server.port": 8080,
    "http.response.status_code": 404,
  });
  assert.deepEqual(stable.http, { method: "GET", route: "/users/:id", host: "[::1]:8080", status: 404 });
  const old = recordOf({ "http.method": "GET", "http.target": "/x", "http.status_code": 200 });
  assert.deepEqual(old.http, { method: "GET", route: "/x", status: 200 });
  assert.deepEqual(recordOf({ "http.status_code": 200 }).attributes, { "http.status_code": 200 });
});
