import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "sightline";
import { isDouble, openInferenceAttributes } from "sightline/semconv";
import { OBSERVATION_TYPES } from "../../src/core/record.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { fullRecord } from "./full-record.ts";

const written = (part: Parameters<typeof sampleSpan>[0], content = true) =>
  openInferenceAttributes(sampleSpan({ trace: {}, ...part }), { content });

test("every observation type has a kind", () => {
  const kinds = OBSERVATION_TYPES.map((type) => written({ type })["openinference.span.kind"]);
  const expected = "CHAIN LLM CHAIN AGENT TOOL CHAIN RETRIEVER EVALUATOR EMBEDDING GUARDRAIL".split(" ");
  assert.deepEqual(kinds, expected);
});

test("a model call: models, provider, parameters, tokens, cost, prompt, session, user, tags, metadata", () => {
  const attributes = openInferenceAttributes({ ...fullRecord, input: "q", output: "a" }, { content: false });
  const { "llm.invocation_parameters": parameters, metadata, ...rest } = attributes;
  assert.deepEqual(JSON.parse(String(parameters)), fullRecord.genAi.parameters);
  assert.deepEqual(JSON.parse(String(metadata)), { cohort: "b", plan: "pro", nested: { deep: [1, null] } });
  assert.deepEqual(rest, {
    "openinference.span.kind": "LLM",
    "session.id": "algebra-7",
    "user.id": "user_42",
    "tag.tags": ["algebra"],
    "llm.model_name": "gpt-4.1-2025-04-14",
    "llm.request.model_name": "gpt-4.1",
    "llm.response.model_name": "gpt-4.1-2025-04-14",
    "llm.provider": "azure",
    "llm.system": "openai",
    "llm.finish_reason": "stop",
    "prompt.id": "greeting",
    "llm.prompt_template.version": "3",
    "llm.token_count.prompt": 400,
    "llm.token_count.completion": 100,
    "llm.token_count.total": 500,
    "llm.token_count.prompt_details.cache_read": 30,
    "llm.token_count.prompt_details.cache_write": 31,
    "llm.token_count.prompt_details.audio": 33,
    "llm.token_count.completion_details.reasoning": 32,
    "llm.token_count.completion_details.audio": 34,
    "llm.cost.prompt": 0.5,
    "llm.cost.completion": 0.25,
    "llm.cost.total": 1,
    "tool.name": "lookup",
    "tool.id": "call_1",
    "agent.name": "Tutor",
  });
  assert.ok(["prompt", "completion", "total"].every((part) => isDouble(`llm.cost.${part}`)));
});

test("messages: instructions first, text as content, other parts as a list, calls, an answer for each call", () => {
  const text = (content: string) => ({ type: "text", content });
  const attributes = written({
    type: "generation",
    genAi: { operation: "chat", systemInstructions: [text("Be kind.")], toolDefinitions: [{ type: "function" }] },
    input: [
      { role: "user", name: "ada", parts: [text("q"), { type: "uri", modality: "image", uri: "https://e.com/a.png" }] },
      { role: "assistant", parts: [{ type: "tool_call", id: "call_1", name: "add", arguments: { a: 1 } }] },
      {
        role: "tool",
        parts: [
          { type: "tool_call_response", id: "call_1", response: { sum: 2 } },
          { type: "tool_call_response", id: "call_2", response: "3" },
        ],
      },
    ],
    output: [{ role: "assistant", parts: [{ type: "reasoning", content: "Hm." }, text("a")], finish_reason: "stop" }],
  });
  const messages = Object.entries(attributes).filter(([name]) => name.startsWith("llm."));
  assert.deepEqual(Object.fromEntries(messages), {
    "llm.tools.0.tool.json_schema": '{"type":"function"}',
    "llm.input_messages.0.message.role": "system",
    "llm.input_messages.0.message.content": "Be kind.",
    "llm.input_messages.1.message.role": "user",
    "llm.input_messages.1.message.name": "ada",
    "llm.input_messages.1.message.contents.0.message_content.type": "text",
    "llm.input_messages.1.message.contents.0.message_content.text": "q",
    "llm.input_messages.1.message.contents.1.message_content.type": "image",
    "llm.input_messages.1.message.contents.1.message_content.image.image.url": "https://e.com/a.png",
    "llm.input_messages.2.message.role": "assistant",
    "llm.input_messages.2.message.tool_calls.0.tool_call.id": "call_1",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.name": "add",
    "llm.input_messages.2.message.tool_calls.0.tool_call.function.arguments": '{"a":1}',
    "llm.input_messages.3.message.role": "tool",
    "llm.input_messages.3.message.tool_call_id": "call_1",
    "llm.input_messages.3.message.content": '{"sum":2}',
    "llm.input_messages.4.message.role": "tool",
    "llm.input_messages.4.message.tool_call_id": "call_2",
    "llm.input_messages.4.message.content": "3",
    "llm.output_messages.0.message.role": "assistant",
    "llm.output_messages.0.message.contents.0.message_content.type": "reasoning",
    "llm.output_messages.0.message.contents.0.message_content.text": "Hm.",
    "llm.output_messages.0.message.contents.1.message_content.type": "text",
    "llm.output_messages.0.message.contents.1.message_content.text": "a",
  });
  assert.equal(attributes["input.mime_type"], "application/json");
});

test("documents, embeddings, tools", () => {
  const documents: Json = [{ id: 1, pageContent: "c", score: 1, metadata: { page: 2 } }, "text", { any: true }];
  const found = written({ type: "retriever", input: "q", output: documents });
  const {
    "input.value": _,
    "input.mime_type": _type,
    "output.value": _value,
    "output.mime_type": _mime,
    ...rest
  } = found;
  assert.deepEqual(rest, {
    "openinference.span.kind": "RETRIEVER",
    "retrieval.documents.0.document.id": "1",
    "retrieval.documents.0.document.content": "c",
    "retrieval.documents.0.document.score": 1,
    "retrieval.documents.0.document.metadata": '{"page":2}',
    "retrieval.documents.1.document.content": "text",
    "retrieval.documents.2.document.content": '{"any":true}',
  });
  assert.ok(isDouble("retrieval.documents.17.document.score"));
  assert.ok(!isDouble("retrieval.documents.17.document.id"));

  const genAi = { operation: "embeddings", requestModel: "e" };
  const embedded = written({ type: "embedding", genAi, input: ["a", { type: "tokens", count: 3 }, "b"] });
  assert.deepEqual(
    [embedded["embedding.model_name"], embedded["llm.model_name"], embedded["embedding.embeddings.2.embedding.text"]],
    ["e", undefined, "b"],
  );
  const tool = written({ type: "tool", name: "search", input: { q: 1 } });
  assert.deepEqual([tool["tool.name"], tool["tool.parameters"]], ["search", '{"q":1}']);
});

test("without content nothing of it is anywhere", () => {
  const secret = "the answer is 42";
  for (const type of OBSERVATION_TYPES) {
    const genAi = { systemInstructions: secret, toolDefinitions: [{ description: secret }] };
    const part = { type, input: secret, output: [{ role: "assistant", content: secret }], genAi };
    assert.deepEqual(
      [false, true].map((content) => JSON.stringify(written(part, content)).includes(secret)),
      [false, true],
    );
  }
});
