import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord } from "../../src/core/record.ts";
import { isAnswer, sampleOf } from "../../src/monitors/quality/sample.ts";
import { generation } from "./quality-samples.ts";

const texts = (part: Partial<SpanRecord>) => {
  const { input, output, context, isRefused } = sampleOf(generation("?", "!", part)) ?? {};
  return { input, output, context, isRefused };
};

test("the question is what the user said since the model last spoke", () => {
  const message = (role: string, content: string) => ({ role, content });
  const chat = [
    message("system", "Be kind."),
    message("user", "What is x?"),
    message("assistant", "A number."),
    message("user", "Which?"),
    message("user", "Tell me."),
  ];
  const { input, context } = texts({ input: chat });
  assert.equal(input, "Which?\nTell me.");
  assert.equal(context, "Be kind.\nWhat is x?\nA number.");
  const call = { role: "assistant", parts: [{ type: "tool_call", id: "c", name: "lookup", arguments: {} }] };
  const answered = { role: "tool", parts: [{ type: "tool_call_response", id: "c", response: "found 42" }] };
  const tools = texts({ input: [message("user", "Look it up"), call, answered] });
  assert.deepEqual([tools.input, tools.context], ["Look it up", "found 42"]);
});

test("texts are found in whatever shape they were recorded", () => {
  const outputs: [unknown, string][] = [
    ["plain", "plain"],
    [{ role: "assistant", content: "chat" }, "chat"],
    [
      {
        choices: [
          { message: { role: "assistant", content: "completion" } },
          { message: { role: "assistant", content: "2" } },
        ],
      },
      "completion\n2",
    ],
    [{ output_text: "response", output: [], id: "r" }, "response"],
    [
      { output: [{ type: "reasoning" }, { role: "assistant", content: [{ type: "output_text", text: "item" }] }] },
      "item",
    ],
    [{ text: "AI SDK", finishReason: "stop" }, "AI SDK"],
    [{ role: "assistant", content: [{ type: "text", text: { value: "assistants", annotations: [] } }] }, "assistants"],
    [{ answer: "one field" }, "one field"],
    [{ total: 3, text: "a part of it" }, '{"total":3,"text":"a part of it"}'],
    [["a", { b: 2 }], "a\n2"],
    [42, "42"],
  ];
  for (const [output, text] of outputs) {
    assert.equal(texts({ output: output as never }).output, text, JSON.stringify(output));
  }
  const two = ["first", "second"].map((content) => ({
    role: "assistant",
    parts: [{ type: "text", content }],
    finish_reason: "stop",
  }));
  assert.equal(texts({ output: two }).output, "first", "of several choices one");
  assert.equal(texts({ input: { question: "What?" } }).input, "What?");
  assert.equal(texts({ input: undefined } as never).input, "");
});

test("reasoning is no part of an answer, and an answer that calls tools is none", () => {
  const parts = [
    { type: "reasoning", content: "Hm." },
    { type: "text", content: "x" },
  ];
  assert.equal(texts({ output: [{ role: "assistant", parts }] }).output, "x");
  const calls = [{ type: "tool_call", id: "c", name: "f", arguments: {} }];
  assert.equal(sampleOf(generation("?", "", { output: [{ role: "assistant", parts: calls }] })), undefined);
  assert.equal(sampleOf(generation("?", undefined)), undefined, "not recorded");
  assert.equal(sampleOf(generation("?", ""))?.output, "", "an empty answer is one");
});

test("refusals of the API and answers that a filter held back are answers too", () => {
  const refused = { role: "assistant", parts: [{ type: "refusal", content: "I can't." }] };
  assert.deepEqual([texts({ output: [refused] }).output, texts({ output: [refused] }).isRefused], ["I can't.", true]);
  const filtered = generation("?", undefined, {
    status: { code: "error" },
    genAi: { operation: "chat", finishReasons: ["content_filter"] },
  });
  assert.ok(isAnswer(filtered));
  assert.equal(sampleOf(filtered)?.isRefused, true);
  assert.equal(isAnswer(generation("?", "!", { status: { code: "error" } })), false);
  assert.equal(isAnswer(generation("?", "!", { unfinished: true })), false);
});

test("a text that was cut says so", () => {
  assert.equal(sampleOf(generation("?", "x"))?.isCut, false);
  assert.equal(sampleOf(generation("?", "x".repeat(30_000)))?.isCut, true);
  const cuts = [{ path: "output[0].parts[0].content", reason: "string" as const, size: 9 }];
  assert.equal(sampleOf(generation("?", "x", { cuts }))?.isCut, true);
});
