import assert from "node:assert/strict";
import { test } from "node:test";
import { choiceMessages, requestMessages } from "../../src/openai/chat-messages.ts";
import { blobPart, contentParts, finishReason, toolDefinitions, uriPart } from "../../src/openai/messages.ts";

const PNG = Buffer.from("an image of 21 bytes.").toString("base64");
const WAV = Buffer.alloc(1000).toString("base64");

test("every kind of content part of chat completions", () => {
  const parts = contentParts([
    { type: "text", text: "What is this?" },
    { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "low" } },
    { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } },
    { type: "input_audio", input_audio: { data: WAV, format: "wav" } },
    { type: "file", file: { file_id: "file-1" } },
    { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${PNG}` } },
    { type: "refusal", refusal: "No." },
  ]);
  assert.deepEqual(parts, [
    { type: "text", content: "What is this?" },
    { type: "uri", modality: "image", uri: "https://example.com/a.png", detail: "low" },
    { type: "blob", modality: "image", mime_type: "image/png", bytes: 21 },
    { type: "blob", modality: "audio", mime_type: "audio/wav", bytes: 1000 },
    { type: "file", modality: "document", file_id: "file-1" },
    { type: "blob", modality: "document", mime_type: "application/pdf", bytes: 21, filename: "a.pdf" },
    { type: "refusal", content: "No." },
  ]);
});

test("the parts of Responses and of Assistants read the same", () => {
  const annotations = [{ type: "file_citation", text: "【4:0†a.txt】", file_citation: { file_id: "file-1" } }];
  const parts = contentParts([
    { type: "input_text", text: "a" },
    { type: "output_text", text: "b", annotations: [{ type: "url_citation", url: "https://example.com" }] },
    { type: "text", text: { value: "c【4:0†a.txt】", annotations } },
    { type: "input_image", image_url: "https://example.com/a.png" },
    { type: "input_image", file_id: "file-2", detail: "auto" },
    { type: "image_file", image_file: { file_id: "file-3", detail: "high" } },
    { type: "image_file", imageFile: { fileId: "file-4" } },
    { type: "input_file", filename: "a.txt", file_data: PNG },
    { type: "input_file", file_url: "https://example.com/a.pdf" },
  ]);
  assert.deepEqual(parts, [
    { type: "text", content: "a" },
    { type: "text", content: "b", annotations: [{ type: "url_citation", url: "https://example.com" }] },
    { type: "text", content: "c【4:0†a.txt】", annotations },
    { type: "uri", modality: "image", uri: "https://example.com/a.png" },
    { type: "file", modality: "image", file_id: "file-2", detail: "auto" },
    { type: "file", modality: "image", file_id: "file-3", detail: "high" },
    { type: "file", modality: "image", file_id: "file-4" },
    { type: "blob", modality: "document", bytes: 21, filename: "a.txt" },
    { type: "uri", modality: "document", uri: "https://example.com/a.pdf" },
  ]);
});

test("a part that is not known is kept without its payload, and what is no part too", () => {
  const source = { type: "base64", media_type: "image/png", data: PNG };
  const parts = contentParts([
    { type: "image", source },
    { type: "hologram", url: `data:model/gltf;base64,${PNG}`, note: "data" },
    { type: "text", text: 5 },
    { type: "image_url", image_url: {} },
    null,
    7,
    "loose text",
    {
      type: "thinking",
      thinking: [
        { type: "text", text: "Hm" },
        { type: "text", text: "m." },
      ],
    },
  ]);
  assert.deepEqual(parts, [
    { type: "image", source: { ...source, data: { bytes: 21 } } },
    { type: "hologram", url: { bytes: 21 }, note: "data" },
    { type: "text", text: 5 },
    { type: "image_url", image_url: {} },
    { type: "unknown" },
    { type: "unknown" },
    { type: "text", content: "loose text" },
    { type: "reasoning", content: "Hmm." },
  ]);
  assert.ok(!JSON.stringify(parts).includes(PNG));
  for (const nothing of [undefined, null, ""]) assert.deepEqual(contentParts(nothing), []);
});

test("sizes of payloads are those of the bytes", () => {
  for (const size of [0, 1, 2, 3, 100, 101]) {
    const base64 = Buffer.alloc(size).toString("base64");
    assert.deepEqual(blobPart("image", base64), { type: "blob", modality: "image", bytes: size });
    assert.equal(uriPart("image", `data:;base64,${base64}`)["bytes"], size);
  }
  assert.deepEqual(uriPart("document", "data:text/plain,Hello"), {
    type: "blob",
    modality: "document",
    mime_type: "text/plain",
    bytes: 5,
  });
  assert.deepEqual(uriPart("image", "data:"), { type: "blob", modality: "image", bytes: 0 });
});

test("a conversation with every role, tool calls and their results", () => {
  const messages = requestMessages([
    { role: "developer", content: "Be brief." },
    { role: "system", content: "Be kind." },
    { role: "user", name: "ada", content: [{ type: "text", text: "Weather in Oslo?" }] },
    {
      role: "assistant",
      content: null,
      tool_calls: [
        { id: "call_1", type: "function", function: { name: "weather", arguments: '{"city":"Oslo"}' } },
        { id: "call_2", type: "function", function: { name: "weather", arguments: "{city:" } },
        { id: "call_3", type: "custom", custom: { name: "run_sql", input: "42" } },
      ],
    },
    { role: "tool", tool_call_id: "call_1", content: "4 °C" },
    { role: "tool", tool_call_id: "call_2", content: [{ type: "text", text: "what?" }] },
    { role: "assistant", content: null, function_call: { name: "clock", arguments: "{}" } },
    { role: "function", name: "clock", content: "12:00" },
    { role: "assistant", audio: { id: "audio_1" } },
  ]);
  const text = (content: string) => [{ type: "text", content }];
  assert.deepEqual(messages, [
    { role: "developer", parts: text("Be brief.") },
    { role: "system", parts: text("Be kind.") },
    { role: "user", parts: text("Weather in Oslo?"), name: "ada" },
    {
      role: "assistant",
      parts: [
        { type: "tool_call", id: "call_1", name: "weather", arguments: { city: "Oslo" } },
        { type: "tool_call", id: "call_2", name: "weather", arguments: "{city:" },
        { type: "tool_call", id: "call_3", name: "run_sql", arguments: "42" },
      ],
    },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_1", response: "4 °C" }] },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_2", response: text("what?") }] },
    { role: "assistant", parts: [{ type: "tool_call", name: "clock", arguments: {} }] },
    { role: "function", parts: [{ type: "tool_call_response", response: "12:00" }], name: "clock" },
    { role: "assistant", parts: [{ type: "file", modality: "audio", file_id: "audio_1" }] },
  ]);
});

test("choices, each with its reason; refusals, citations, sound, reasoning of compatible servers", () => {
  const annotations = [{ type: "url_citation", url_citation: { url: "https://example.com", start_index: 0 } }];
  const messages = choiceMessages([
    { index: 0, finish_reason: "stop", message: { role: "assistant", content: "Hi", refusal: null, annotations } },
    { index: 1, finish_reason: "tool_calls", message: { role: "assistant", content: "", tool_calls: [] } },
    { index: 2, finish_reason: "function_call", message: { role: "assistant", function_call: { name: "f" } } },
    { index: 3, finish_reason: "content_filter", message: { role: "assistant", content: null, refusal: "I can't." } },
    { finish_reason: "stop", message: { audio: { id: "audio_1", data: WAV, expires_at: 9, transcript: "Hello" } } },
    { finish_reason: "eos", message: { reasoning_content: "Think.", content: "Said." } },
    { finish_reason: null, message: { reasoning: "Think.", reasoning_details: [{ text: "Think." }], content: "a" } },
    {
      finish_reason: "length",
      message: { reasoning_details: [{ summary: "S" }, { type: "reasoning.encrypted", data: PNG }] },
    },
  ]);
  assert.deepEqual(messages, [
    { role: "assistant", parts: [{ type: "text", content: "Hi", annotations }], finish_reason: "stop" },
    { role: "assistant", parts: [], finish_reason: "tool_call" },
    { role: "assistant", parts: [{ type: "tool_call", name: "f" }], finish_reason: "tool_call" },
    { role: "assistant", parts: [{ type: "refusal", content: "I can't." }], finish_reason: "content_filter" },
    {
      role: "assistant",
      parts: [{ type: "blob", modality: "audio", bytes: 1000, id: "audio_1", transcript: "Hello" }],
      finish_reason: "stop",
    },
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "Think." },
        { type: "text", content: "Said." },
      ],
      finish_reason: "eos",
    },
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "Think." },
        { type: "text", content: "a" },
      ],
    },
    { role: "assistant", parts: [{ type: "reasoning", content: "S" }], finish_reason: "length" },
  ]);
});

test("junk gives no messages, or empty ones", () => {
  for (const junk of [undefined, null, 5, "text", {}]) assert.equal(requestMessages(junk), undefined);
  assert.deepEqual(requestMessages([null, 5]), [
    { role: "user", parts: [] },
    { role: "user", parts: [] },
  ]);
  assert.equal(choiceMessages([]), undefined);
  assert.deepEqual(choiceMessages([null]), [{ role: "assistant", parts: [] }]);
});

test("finish reasons in OpenTelemetry's words; the provider's own otherwise", () => {
  const words = ["stop", "length", "content_filter", "tool_calls", "function_call", "error", "end_turn", null, 5];
  const expected = [
    "stop",
    "length",
    "content_filter",
    "tool_call",
    "tool_call",
    "error",
    "end_turn",
    undefined,
    undefined,
  ];
  assert.deepEqual(words.map(finishReason), expected);
});

test("definitions of tools are flat", () => {
  const parameters = { type: "object", properties: {} };
  const tools = [
    { type: "function", function: { name: "f", description: "d", parameters } },
    { type: "function", name: "g", parameters },
    { type: "custom", custom: { name: "h", format: { type: "text" } } },
    { type: "file_search", file_search: { max_num_results: 3 } },
    { name: "legacy", parameters },
  ];
  assert.deepEqual(toolDefinitions(tools), [
    { type: "function", name: "f", description: "d", parameters },
    { type: "function", name: "g", parameters },
    { type: "custom", name: "h", format: { type: "text" } },
    { type: "file_search", file_search: { max_num_results: 3 } },
    { name: "legacy", parameters },
  ]);
  assert.equal(toolDefinitions([]), undefined);
});
