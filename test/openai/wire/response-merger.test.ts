import assert from "node:assert/strict";
import { test } from "node:test";
import { createResponseMerger } from "../../../src/openai/wire/response-merger.ts";

type Wire = Record<string, any>;

const begun: Wire = {
  id: "resp_1",
  object: "response",
  status: "in_progress",
  model: "gpt-5",
  output: [],
  usage: null,
};

function merger(events: readonly [string, Wire][]) {
  const made = createResponseMerger();
  for (const [type, data] of events) made.event(type, { type, ...data });
  return made;
}

const PARTIAL: [string, Wire][] = [
  ["response.created", { response: begun }],
  ["response.in_progress", { response: begun }],
  ["response.output_item.added", { output_index: 0, item: { id: "rs_1", type: "reasoning", summary: [] } }],
  ["response.reasoning_summary_text.delta", { output_index: 0, item_id: "rs_1", summary_index: 0, delta: "Think" }],
  ["response.reasoning_summary_text.delta", { output_index: 0, item_id: "rs_1", summary_index: 0, delta: "ing" }],
  [
    "response.output_item.added",
    { output_index: 2, item: { id: "fc_1", type: "function_call", name: "get", arguments: "" } },
  ],
  [
    "response.output_item.added",
    { output_index: 1, item: { id: "msg_1", type: "message", role: "assistant", content: [] } },
  ],
  ["response.output_text.delta", { output_index: 1, item_id: "msg_1", content_index: 0, delta: "x = " }],
  ["response.function_call_arguments.delta", { output_index: 2, item_id: "fc_1", delta: '{"x"' }],
  [
    "response.output_text.delta",
    { output_index: 1, item_id: "msg_1", content_index: 0, delta: "1", obfuscation: "zz" },
  ],
  ["response.output_text.done", { output_index: 1, item_id: "msg_1", content_index: 0, text: "x = 1" }],
  ["response.function_call_arguments.delta", { output_index: 2, item_id: "fc_1", delta: ":1}" }],
];

test("a stream that breaks shows what has come, in the order of the output", () => {
  const made = merger(PARTIAL);
  assert.equal(made.isComplete, false);
  assert.deepEqual(made.result(), {
    ...begun,
    output: [
      { id: "rs_1", type: "reasoning", summary: [{ type: "summary_text", text: "Thinking" }] },
      { id: "msg_1", type: "message", role: "assistant", content: [{ type: "output_text", text: "x = 1" }] },
      { id: "fc_1", type: "function_call", name: "get", arguments: '{"x":1}' },
    ],
  });
});

test("an item that is done replaces what was merged of it", () => {
  const item = { id: "msg_1", type: "message", role: "assistant", content: [{ type: "output_text", text: "x = 1." }] };
  const made = merger([...PARTIAL, ["response.output_item.done", { output_index: 1, item }]]);
  assert.deepEqual((made.result() as Wire).output[1], item);
});

test("the last event carries the whole response, and that counts", () => {
  const response = { ...begun, status: "completed", output: [{ type: "message" }], usage: { input_tokens: 3 } };
  const made = merger([...PARTIAL, ["response.completed", { response }]]);
  assert.equal(made.isComplete, true);
  assert.equal(made.result(), response);
  assert.equal(made.mismatch, undefined);
});

test("where the event's name and the status disagree, the status counts", () => {
  const response = { ...begun, status: "incomplete", incomplete_details: { reason: "max_output_tokens" } };
  const made = merger([["response.completed", { response }]]);
  assert.deepEqual(made.mismatch, { event: "response.completed", status: "incomplete" });
  assert.equal(made.isComplete, true);
  const running = merger([["response.completed", { response: begun }]]);
  assert.deepEqual(running.mismatch, { event: "response.completed", status: "in_progress" });
  assert.equal(running.isComplete, false);
});

test("deltas of items whose beginning was not seen: a stream that is resumed", () => {
  const made = merger([
    ["response.output_text.delta", { output_index: 3, item_id: "msg_9", content_index: 1, delta: "on" }],
    ["response.refusal.delta", { output_index: 4, item_id: "msg_10", content_index: 0, delta: "no" }],
    ["response.code_interpreter_call_code.delta", { output_index: 5, item_id: "ci_1", delta: "print" }],
  ]);
  assert.deepEqual((made.result() as Wire).output, [
    {
      id: "msg_9",
      type: "message",
      role: "assistant",
      status: "in_progress",
      content: [{ type: "output_text" }, { type: "output_text", text: "on" }],
    },
    {
      id: "msg_10",
      type: "message",
      role: "assistant",
      status: "in_progress",
      content: [{ type: "refusal", refusal: "no" }],
    },
    { id: "ci_1", type: "code_interpreter_call", status: "in_progress", code: "print" },
  ]);
});

test("an error event is kept", () => {
  const made = createResponseMerger();
  assert.equal(made.result(), undefined);
  made.event("error", { type: "error", code: "server_error", message: "no", param: null });
  assert.equal((made.error as Wire).code, "server_error");
  assert.equal((made.result() as Wire).error.code, "server_error");
  assert.equal(made.isComplete, false);
});

test("items without end are cut, and a whole response at the end makes up for it", () => {
  const made = merger([["response.created", { response: begun }]]);
  for (let output_index = 0; output_index < 100; output_index++) {
    const item = { id: `i${output_index}`, type: "message", content: [{ text: "x".repeat(100_000) }] };
    made.event(undefined, { type: "response.output_item.done", output_index, item });
  }
  assert.equal(made.truncated, true);
  assert.ok((made.result() as Wire).output.length < 50);
  made.event(undefined, { type: "response.completed", response: { ...begun, status: "completed" } });
  assert.equal(made.truncated, false);
});

test("data of any kind is survived", () => {
  const made = createResponseMerger();
  const types = [
    "response.output_text.delta",
    "response.output_item.done",
    "response.output_text.annotation.added",
    "",
  ];
  for (const data of [null, 3, [], "x", { output_index: -1, delta: "x", content_index: 1e9 }, { item: 3, delta: {} }]) {
    for (const type of types) made.event(type, data);
  }
  assert.equal(typeof made.result(), "object");
});
