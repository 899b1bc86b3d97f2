import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { createChatMerger } from "../../../src/openai/wire/chat-merger.ts";
import { eventBody } from "../../../src/openai/wire/event-body.ts";
import { createLastEventMerger } from "../../../src/openai/wire/last-event-merger.ts";
import { partialJson } from "../../../src/openai/wire/partial-json.ts";
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
  assert.deepEqual(partialJson('{"id":"x","data":[{"b', '"}],"usage":{"n":[1]}}'), { id: "x", data: [] });
  assert.deepEqual(partialJson('{"id":"x","data":[{"b', '"}],"usage":{"n":1}}'), {
    id: "x",
    data: [],
    usage: { n: 1 },
  });
  assert.deepEqual(partialJson('{"text":"[', '"]"}'), undefined);
  assert.equal(partialJson("<html>", "</html>"), undefined);
  assert.equal(partialJson("[1,2", "3]"), undefined);
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
