import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../src/core/json.ts";
import { chatInput, chatOutput } from "../../src/semconv/langfuse-messages.ts";

const says = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] });

test("messages of the conventions become those of chat completions", () => {
  const input: Json = [
    says("system", "Be brief."),
    { ...says("user", "hi"), name: "ada" },
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "They want the weather." },
        { type: "text", content: "One moment." },
        { type: "tool_call", id: "call_1", name: "weather", arguments: { city: "Paris" } },
        { type: "tool_call", id: "call_2", name: "raw", arguments: "not {json" },
      ],
    },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_1", response: { degrees: 7 } }] },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_2", response: "rain" }] },
  ];
  assert.deepEqual(chatInput(input), [
    { role: "system", content: "Be brief." },
    { role: "user", name: "ada", content: "hi" },
    {
      role: "assistant",
      content: "One moment.",
      reasoning_content: "They want the weather.",
      tool_calls: [
        { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Paris"}' } },
        { id: "call_2", type: "function", function: { name: "raw", arguments: "not {json" } },
      ],
    },
    { role: "tool", tool_call_id: "call_1", content: '{"degrees":7}' },
    { role: "tool", tool_call_id: "call_2", content: "rain" },
  ]);
});

test("images, files, annotations, several texts, and kinds without a word", () => {
  const server = { type: "server_tool_call", name: "code_interpreter", server_tool_call: { type: "code" } };
  const parts: Json = [
    { type: "text", content: "look", annotations: [{ url: "u" }] },
    { type: "uri", modality: "image", uri: "https://x/y.png", detail: "low" },
    { type: "file", modality: "document", file_id: "file-1" },
    server,
  ];
  assert.deepEqual(chatInput([{ role: "user", parts }]), [
    {
      role: "user",
      content: [
        { type: "text", text: "look", annotations: [{ url: "u" }] },
        { type: "image_url", image_url: { url: "https://x/y.png", detail: "low" } },
        { type: "file", modality: "document", file_id: "file-1" },
        server,
      ],
    },
  ]);
});

test("an answer is one message, its choices are a list", () => {
  const one = { ...says("assistant", "x = 1"), finish_reason: "stop" };
  assert.deepEqual(chatOutput([one]), { role: "assistant", content: "x = 1" });
  assert.deepEqual(chatOutput([one, one]), [
    { role: "assistant", content: "x = 1" },
    { role: "assistant", content: "x = 1" },
  ]);
  const refusal = { role: "assistant", parts: [{ type: "refusal", content: "no" }] };
  assert.deepEqual(chatOutput([refusal]), { role: "assistant", content: null, refusal: "no" });
  const call = { role: "assistant", parts: [{ type: "tool_call", name: "now" }] };
  const function_ = { name: "now", arguments: "{}" };
  assert.deepEqual(chatOutput([call]), {
    role: "assistant",
    content: null,
    tool_calls: [{ type: "function", function: function_ }],
  });
});

test("instructions come first, tools beside", () => {
  const instructions = [{ type: "text", content: "You are a tutor." }];
  const tool = { type: "function", name: "f", description: "d", parameters: {} };
  const system = { role: "system", content: "You are a tutor." };
  assert.deepEqual(chatInput([says("user", "hi")], instructions), [system, { role: "user", content: "hi" }]);
  assert.deepEqual(chatInput([{ role: "user", content: "hi" }], "Be kind."), [
    { role: "system", content: "Be kind." },
    { role: "user", content: "hi" },
  ]);
  assert.deepEqual(chatInput(undefined, instructions, [tool, { type: "web_search" }]), {
    messages: [system],
    tools: [{ type: "function", function: { name: "f", description: "d", parameters: {} } }, { type: "web_search" }],
  });
});

test("what is no list of messages stays as it is", () => {
  for (const value of ["text", 7, null, [], {}, [1], [{ role: 1 }], { role: "user", parts: [] }, [["a"]]]) {
    assert.deepEqual(chatInput(value as never, "instructions"), value);
    assert.deepEqual(chatOutput(value as never), value);
  }
  assert.equal(chatInput(undefined), undefined);
  assert.equal(chatOutput(undefined), undefined);
  const mixed = [says("user", "a"), { role: "user", content: "b" }];
  assert.deepEqual(chatInput(mixed), mixed);
  const odd = { type: "text", text: "of another shape" };
  assert.deepEqual(chatOutput([{ role: "user", parts: [odd] }]), { role: "user", content: [odd] });
  assert.deepEqual(chatOutput([{ role: "user", parts: [null] }] as never), [{ role: "user", parts: [null] }]);
});
