import assert from "node:assert/strict";
import { test } from "node:test";
import { createChatMerger } from "../../../src/openai/wire/chat-merger.ts";
import { createCompletionMerger } from "../../../src/openai/wire/completion-merger.ts";

type Wire = Record<string, any>;

const chunk = (delta: Wire, part: Wire = {}): Wire => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  created: 1_774_963_844,
  model: "gpt-4o-mini",
  choices: [{ index: 0, delta, logprobs: { content: [] }, finish_reason: null, ...part }],
  obfuscation: "aBcD",
});

function merged(chunks: readonly unknown[]) {
  const merger = createChatMerger();
  for (const data of chunks) merger.event(undefined, data);
  return { merger, result: merger.result() as Wire };
}

test("chunks add up to the completion", () => {
  const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
  const { merger, result } = merged([
    {
      ...chunk({ role: "assistant", content: "", refusal: null }),
      service_tier: "default",
      system_fingerprint: "fp_1",
    },
    chunk({ content: "x = " }),
    chunk({ content: "1." }),
    chunk({}, { finish_reason: "stop" }),
    { ...chunk({}), choices: [], usage },
  ]);
  assert.deepEqual(result, {
    object: "chat.completion",
    id: "chatcmpl-1",
    created: 1_774_963_844,
    model: "gpt-4o-mini",
    service_tier: "default",
    system_fingerprint: "fp_1",
    usage,
    choices: [{ index: 0, message: { role: "assistant", content: "x = 1." }, finish_reason: "stop" }],
  });
  assert.equal(merger.isComplete, true);
  assert.equal(merger.truncated, false);
});

test("before the first event there is nothing, and a part is a part", () => {
  const { merger, result } = merged([]);
  assert.equal(result, undefined);
  assert.equal(merger.isComplete, false);
  merger.event(undefined, chunk({ content: "half an ans" }));
  assert.equal((merger.result() as Wire).choices[0].message.content, "half an ans");
  assert.equal(merger.isComplete, false);
  merger.event(undefined, "[DONE]");
  assert.equal(merger.isComplete, true);
});

const calls = (result: Wire) =>
  result.choices[0].message.tool_calls.map((call: Wire) => [call.id, call.function.name, call.function.arguments]);

test("parallel tool calls are kept apart by their index", () => {
  const { result } = merged([
    chunk({ tool_calls: [{ index: 0, id: "a", type: "function", function: { name: "get", arguments: "" } }] }),
    chunk({ tool_calls: [{ index: 1, id: "b", type: "function", function: { name: "put", arguments: "" } }] }),
    chunk({ tool_calls: [{ index: 1, function: { arguments: '{"y"' } }] }),
    chunk({ tool_calls: [{ index: 0, function: { arguments: '{"x"' } }] }),
    chunk({
      tool_calls: [
        { index: 0, function: { arguments: ":1}" } },
        { index: 1, function: { arguments: ":2}" } },
      ],
    }),
    chunk({}, { finish_reason: "tool_calls" }),
  ]);
  assert.deepEqual(calls(result), [
    ["a", "get", '{"x":1}'],
    ["b", "put", '{"y":2}'],
  ]);
});

test("tool calls of hosts that leave indexes out, or say 0 of every call, or repeat ids", () => {
  const call = (part: Wire, name: string | undefined, text: unknown) =>
    chunk({ tool_calls: [{ ...part, function: { ...(name && { name }), arguments: text } }] });
  const expected = [
    ["a", "get", '{"x":1}'],
    ["b", "get", '{"x":2}'],
  ];
  const none = [call({ id: "a" }, "get", '{"x"'), call({}, undefined, ":1}"), call({ id: "b" }, "get", { x: 2 })];
  assert.deepEqual(calls(merged(none).result), expected);
  const zero = [
    call({ index: 0, id: "a" }, "get", '{"x":1}'),
    call({ index: 0, id: "b" }, "get", '{"x"'),
    call({ index: 0 }, undefined, ":2}"),
  ];
  assert.deepEqual(calls(merged(zero).result), expected);
  const repeated = [
    call({ index: 0, id: "a" }, "get", '{"x"'),
    call({ index: 0, id: "a" }, "get", ":1}"),
    call({ index: 1, id: "b" }, "get", '{"x"'),
    call({ index: 1, id: "" }, "", ":2}"),
  ];
  assert.deepEqual(calls(merged(repeated).result), expected);
});

test("choices, refusals, reasoning, custom tools, the old function_call and audio", () => {
  const { result } = merged([
    { ...chunk({}), choices: [{ index: 1, delta: { refusal: "I " } }] },
    { ...chunk({}), choices: [{ index: 0, delta: { reasoning_content: "Let me " } }] },
    { ...chunk({}), choices: [{ index: 1, delta: { refusal: "cannot." }, finish_reason: "stop" }] },
    { ...chunk({}), choices: [{ index: 0, delta: { reasoning_content: "see.", content: "1" } }] },
    chunk({ function_call: { name: "old", arguments: "{" } }),
    chunk({ function_call: { arguments: "}" } }),
    chunk({ tool_calls: [{ index: 0, id: "c", type: "custom", custom: { name: "sql", input: "select" } }] }),
    chunk({ tool_calls: [{ index: 0, custom: { input: " 1" } }] }),
    chunk({ audio: { id: "audio_1", data: "AAAA" } }),
    chunk({ audio: { data: "AAA=", transcript: "one" } }),
    chunk({ annotations: [{ type: "url_citation" }] }),
  ]);
  const [first, second] = result.choices;
  assert.deepEqual(second, {
    index: 1,
    message: { role: "assistant", content: null, refusal: "I cannot." },
    finish_reason: "stop",
  });
  assert.deepEqual(first.message, {
    role: "assistant",
    content: "1",
    reasoning_content: "Let me see.",
    function_call: { name: "old", arguments: "{}" },
    tool_calls: [{ id: "c", type: "custom", custom: { name: "sql", input: "select 1" } }],
    audio: { id: "audio_1", bytes: 5, transcript: "one" },
    annotations: [{ type: "url_citation" }],
  });
});

test("an error that comes as an event is kept beside what came before", () => {
  const error = { message: "overloaded", code: "server_error" };
  const { merger, result } = merged([chunk({ content: "par" }), { error }]);
  assert.deepEqual(merger.error, error);
  assert.deepEqual(result.error, error);
  assert.equal(result.choices[0].message.content, "par");
  assert.equal(merger.isComplete, false);
});

test("text without end is cut and said to be", () => {
  const merger = createChatMerger();
  for (let i = 0; i < 40; i++) merger.event(undefined, chunk({ content: "x".repeat(64 * 1024) }));
  assert.equal((merger.result() as Wire).choices[0].message.content.length, 1024 * 1024);
  assert.equal(merger.truncated, true);
});

test("data of any kind is survived", () => {
  const odd = [null, 7, "text", [], { choices: 1 }, { choices: [null, 1, { index: "x", delta: 3 }, { delta: null }] }];
  const calls = [{ tool_calls: [null, {}, { index: 1e9 }, { function: 1 }], content: {}, audio: 1, annotations: 2 }];
  for (const make of [createChatMerger, createCompletionMerger]) {
    const merger = make();
    for (const data of [...odd, ...calls.map((delta) => chunk(delta))]) merger.event("x", data);
    assert.equal(typeof merger.result(), "object");
  }
});

test("a text completion", () => {
  const merger = createCompletionMerger();
  const at = (text: string, index = 0, finish_reason: string | null = null) =>
    merger.event(undefined, { id: "cmpl-1", model: "m", choices: [{ index, text, finish_reason }] });
  at("a");
  at("X", 1, "length");
  at("b");
  assert.equal(merger.isComplete, false);
  at("", 0, "stop");
  assert.equal(merger.isComplete, true);
  assert.deepEqual(merger.result(), {
    object: "text_completion",
    id: "cmpl-1",
    model: "m",
    choices: [
      { index: 0, text: "ab", finish_reason: "stop" },
      { index: 1, text: "X", finish_reason: "length" },
    ],
  });
});

test("a stream of several choices is complete when all that were asked for have finished", () => {
  const finished = (index: number): Wire => chunk({ content: "A" }, { index, finish_reason: "stop" });
  const merger = createChatMerger(2);
  merger.event(undefined, finished(0));
  assert.equal(merger.isComplete, false);
  merger.event(undefined, finished(1));
  assert.equal(merger.isComplete, true);
  const done = createChatMerger(2);
  done.event(undefined, finished(0));
  done.event(undefined, "[DONE]");
  assert.equal(done.isComplete, true);
});

test("an error that is nothing is none", () => {
  for (const error of ["", null, false, 0]) {
    assert.equal(merged([{ ...chunk({ content: "a" }), error }]).merger.error, undefined, String(error));
  }
  assert.equal(merged([{ ...chunk({ content: "a" }), error: "overloaded" }]).merger.error, "overloaded");
});
