import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createChatMerger } from "../../../src/openai/wire/chat-merger.ts";
import { eventBody } from "../../../src/openai/wire/event-body.ts";
import { createLastEventMerger } from "../../../src/openai/wire/last-event-merger.ts";
import { partialJson } from "../../../src/openai/wire/partial-json.ts";
import { createResponseMerger } from "../../../src/openai/wire/response-merger.ts";
import { wholeBody } from "../../../src/openai/wire/whole-body.ts";
import { chatChunk, DONE, event } from "./scripted-server.ts";

test("a whole body: JSON, text, nothing; cut anywhere", () => {
  const read = (text: string, size: number, maxBytes: number = 1000): unknown => {
    const body = wholeBody(maxBytes);
    const bytes = Buffer.from(text);
    for (let i = 0; i < bytes.length; i += size) body.push(bytes.subarray(i, i + size));
    return body.answer();
  };
  assert.deepEqual(read('{"a":"✓"}', 1), { a: "✓" });
  assert.equal(read("WEBVTT ✓", 3), "WEBVTT ✓");
  assert.equal(read("", 1), undefined);
  const usage = { total_tokens: 9 };
  const long = JSON.stringify({ id: "x", data: ["y".repeat(100_000)], usage });
  for (const size of [1000, 7777, 200_000]) assert.deepEqual(read(long, size), { id: "x", data: [], usage });
});

test("the two ends of a JSON object", () => {
  assert.deepEqual(partialJson('{"id":"x","data":[{"b', '"}],"usage":{"n":[1]}}'), {
    id: "x",
    data: [],
    usage: { n: [1] },
  });
  assert.deepEqual(partialJson('{"id":"x","data":[{"b', '"}],"usage":{"n":1}}'), {
    id: "x",
    data: [],
    usage: { n: 1 },
  });
  assert.deepEqual(partialJson('{"text":"[', '"]"}'), undefined);
  assert.equal(partialJson("<html>", "</html>"), undefined);
  assert.equal(partialJson("[1,2", "3]"), undefined);
});

test("a body that is longer than the cap, and shorter than its kept ends", () => {
  const text = JSON.stringify({ id: "x", data: ["y".repeat(3000)], usage: { n: 1 } });
  const body = wholeBody(1000);
  for (let i = 0; i < text.length; i += 900) body.push(Buffer.from(text.slice(i, i + 900)));
  assert.deepEqual((body.answer() as { usage: unknown }).usage, { n: 1 });
});

test("events are parsed in a later turn, or at once when many wait", async () => {
  const seen: unknown[] = [];
  const body = eventBody({ maxBytes: 1e6, merger: undefined, onEvent: (_name, data) => seen.push(data) });
  body.push(Buffer.from(event(1)));
  assert.deepEqual(seen, []);
  await nextTurn();
  assert.deepEqual(seen, [1]);
  body.push(Buffer.from(event(2)));
  body.drain();
  assert.deepEqual(seen, [1, 2]);
  body.push(Buffer.from(event("x".repeat(70_000))));
  assert.equal(seen.length, 3);
});

test("a merger that throws stops nothing", () => {
  const body = eventBody({
    maxBytes: 1e6,
    merger: { ...createChatMerger(), event: () => assert.fail("broken") },
  });
  body.push(Buffer.from(chatChunk("a") + chatChunk("b") + DONE));
  body.drain();
  assert.deepEqual([body.events!.count, body.events!.isComplete], [2, true]);
});

test("an endless stream takes no more memory than is kept of it", () => {
  const body = eventBody({ maxBytes: 64 * 1024, merger: createChatMerger() });
  const chunk = chatChunk("y".repeat(1000));
  const before = process.memoryUsage();
  for (let i = 0; i < 40_000; i++) body.push(Buffer.from(chunk));
  body.push(Buffer.from(event({ choices: [], usage: { prompt_tokens: 1, completion_tokens: 2 } }) + DONE));
  body.drain();
  const after = process.memoryUsage();
  assert.equal(body.events!.count, 40_001);
  assert.equal(body.events!.truncated, true);
  const answer = body.answer() as any;
  assert.ok(answer.choices[0].message.content.length < 70_000);
  assert.deepEqual(answer.usage, { prompt_tokens: 1, completion_tokens: 2 });
  // 46 MB have gone through; what the collector has not fetched yet is some.
  assert.ok(after.heapUsed - before.heapUsed < 30e6, `${after.heapUsed - before.heapUsed}`);
});

test("streams whose last event says everything", () => {
  const merger = createLastEventMerger();
  merger.event(undefined, { type: "transcript.text.delta", delta: "He" });
  assert.deepEqual([merger.result(), merger.isComplete], [undefined, false]);
  merger.event(undefined, { type: "transcript.text.done", text: "Hello", usage: { total_tokens: 3 } });
  assert.deepEqual((merger.result() as any).text, "Hello");
  merger.event(undefined, { type: "image_generation.completed", b64_json: "AAAA" });
  assert.deepEqual((merger.result() as any).data, [{ b64_json: "AAAA" }]);
});

test("the members on two levels around what is cut", () => {
  const usage = { input_tokens: 1, details: { cached: [1] } };
  const item = { type: "image_generation_call", result: 'A\\"[{'.repeat(10_000) };
  const response = { id: "r", status: "completed", instructions: 'a "[', output: [item], tools: [], usage };
  const text = JSON.stringify({ type: "response.completed", response, sequence_number: 3 });
  const { output, ...rest } = response;
  const expected = { type: "response.completed", response: { ...rest, output: [] }, sequence_number: 3 };
  for (const size of [200, 5000, 16_384]) {
    assert.deepEqual(partialJson(text.slice(0, size), text.slice(-size)), expected, String(size));
  }
  const done = JSON.stringify({ output_index: 0, item, sequence_number: 4 });
  assert.deepEqual(partialJson(done.slice(0, 500), done.slice(-500)), {
    output_index: 0,
    item: { type: "image_generation_call" },
    sequence_number: 4,
  });
});

test("a last event that is too large still says how the stream ended", () => {
  const item = { id: "ig_1", type: "image_generation_call", status: "completed", result: "A".repeat(100_000) };
  const base = { id: "r", object: "response", model: "m" };
  const usage = { input_tokens: 3, output_tokens: 4, total_tokens: 7 };
  for (const named of [true, false]) {
    const body = eventBody({ maxBytes: 20_000, merger: createResponseMerger() });
    const send = (type: string, data: object): void =>
      body.push(Buffer.from(`${named ? `event: ${type}\n` : ""}${event({ type, ...data })}`));
    send("response.created", { response: { ...base, status: "in_progress", output: [] } });
    send("response.output_item.done", { output_index: 0, item });
    send("response.completed", { response: { ...base, status: "completed", output: [item], usage } });
    body.drain();
    const { count, isComplete, isOver, truncated, error } = body.events!;
    assert.deepEqual([count, isComplete, isOver, truncated, error], [3, true, true, true, undefined]);
    const { result, ...shown } = item;
    assert.deepEqual(body.answer(), { ...base, status: "completed", output: [shown], usage });
  }
});

test("beyond what is kept a short last event without a name counts", () => {
  const body = eventBody({ maxBytes: 1000, merger: createResponseMerger() });
  for (let i = 0; i < 20; i++)
    body.push(Buffer.from(event({ type: "response.output_text.delta", delta: "x".repeat(99) })));
  body.push(Buffer.from(event({ type: "response.failed", response: { id: "r", status: "failed" } })));
  body.drain();
  assert.equal(body.events!.isComplete, true);
});

test("an error of a stream that is nothing is none", () => {
  const body = eventBody({ maxBytes: 1000, merger: undefined });
  body.push(Buffer.from(event({ error: "" }) + event({ error: null })));
  body.drain();
  assert.equal(body.events!.error, undefined);
});
