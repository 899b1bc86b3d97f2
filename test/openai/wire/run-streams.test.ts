import assert from "node:assert/strict";
import { test } from "node:test";
import { withSpan } from "sightline";
import { aMessage, aRun, aStep } from "../payloads.ts";
import { client, drained, named, tokens, type Wire, written } from "./run-support.ts";
import { type Answer, DONE, events, json, scriptedServer } from "./scripted-server.ts";

const RUN: Wire = aRun({ status: "in_progress", usage: null, completed_at: null });
const run = (part: Wire = {}): Wire => ({ ...RUN, ...part });
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const message = (part: Wire = {}) =>
  aMessage("msg_answer", RUN["created_at"] + 2, "assistant", "x = 1.", {
    run_id: RUN["id"],
    status: "completed",
    ...part,
  });
const begun = message({ status: "in_progress", content: [] });
const delta = (value: string) => {
  const content = [{ index: 0, type: "text", text: { value } }];
  return { id: "msg_answer", object: "thread.message.delta", delta: { content } };
};

const START = named("thread.run.created", run({ status: "queued" })) + named("thread.run.in_progress", run());

/** Streams a run that is answered like this, and reads `read` events of it. */
async function streamed(answer: Answer, options: { read?: number; kind?: "create" | "submit" } = {}) {
  await using server = await scriptedServer(answer);
  return await written(() =>
    withSpan("flow", async () => {
      const { runs } = client(server.baseURL).beta.threads;
      const stream =
        options.kind === "submit"
          ? await runs.submitToolOutputs(RUN["id"], {
              thread_id: "thread_algebra",
              tool_outputs: [{ tool_call_id: "call_1", output: "right" }],
              stream: true,
            })
          : await runs.create("thread_algebra", { assistant_id: "asst_tutor", stream: true });
      if (options.read === undefined) return drained(stream).catch(() => {});
      let left = options.read;
      for await (const _ of stream) if (--left === 0) break;
      return undefined;
    }),
  );
}

const AGENT = "invoke_agent asst_tutor";
const shown = ({ http, level, unfinished, genAi, output }: Wire) => ({
  stream: http.stream,
  level,
  unfinished: unfinished === true,
  status: genAi.openai.runStatus,
  text: output?.[0].parts[0].content,
});

test("a stream that breaks, or ends without the run's end, shows what has come", async () => {
  const half = [START, named("thread.message.created", begun), named("thread.message.delta", delta("x ="))];
  const more = named("thread.message.delta", delta(" 1"));
  const breaks: Record<string, Answer> = {
    "the connection is cut": events([...half, more], (response) => response.destroy()),
    "no more is sent": events([...half, more]),
    "it says that it is done": events([...half, more, DONE]),
  };
  for (const [how, answer] of Object.entries(breaks)) {
    const { one } = await streamed(answer);
    const agent = one(AGENT);
    const stream = { events: 5, end: "broken" };
    const expected = { stream, level: "WARNING", unfinished: true, status: "in_progress", text: "x = 1" };
    assert.deepEqual(shown(agent), expected, how);
    assert.ok(agent.firstChunkTime !== undefined);
  }
});

test("a run that ends in a stream is whole, wherever its bytes are cut", async () => {
  const whole =
    START +
    named("thread.message.created", begun) +
    named("thread.message.delta", delta("x = 1.")) +
    named("thread.message.completed", message()) +
    named("thread.run.completed", run({ status: "completed", usage })) +
    named("done", "[DONE]");
  const pieces = whole.match(/[\s\S]{1,61}/g)!;
  const { one, spans } = await streamed(events(pieces));
  const stream = { events: 6, end: "completed" };
  const expected = { stream, level: "DEFAULT", unfinished: false, status: "completed", text: "x = 1." };
  assert.deepEqual(shown(one(AGENT)), expected);
  assert.deepEqual(tokens(spans), { input: 10, output: 5, on: ["generation"] });
});

test("where the name of an event and the status disagree, the status counts, and that is noted", async () => {
  const data = run({ status: "incomplete", incomplete_details: { reason: "max_completion_tokens" }, usage });
  const { one } = await streamed(events([START, named("thread.run.completed", data), DONE]));
  const mismatch = { event: "thread.run.completed", status: "incomplete" };
  const stream = { events: 3, end: "completed", mismatch };
  const expected = { stream, level: "WARNING", unfinished: false, status: "incomplete", text: undefined };
  assert.deepEqual(shown(one(AGENT)), expected);
});

test("a stream without events is a span of its request", async () => {
  for (const answer of [events([]), json(200, {})]) {
    const { one, spans } = await streamed(answer);
    assert.equal(one("POST /threads/{thread_id}/runs").http?.stream?.events, 0);
    assert.equal(spans.length, 2);
  }
});

test("a reader that leaves: cancelled, and the run may go on", async () => {
  const { one } = await streamed(
    events([START, named("thread.message.delta", delta("x ="))], () => {}),
    { read: 3 },
  );
  const expected = { level: "WARNING", unfinished: true, status: "in_progress", text: "x =" };
  const { stream, ...rest } = shown(one(AGENT));
  assert.deepEqual(rest, expected);
  assert.equal(stream.end, "cancelled");
});

test("a resumed stream of a run that was not seen before begins with the old step", async () => {
  const calls = [{ id: "call_1", type: "function", function: { name: "check", arguments: "{}", output: "right" } }];
  const step_details = { type: "tool_calls", tool_calls: calls };
  const step = aStep({ id: "step_1", step_details, usage });
  const end = run({ status: "completed", usage });
  const parts = [named("thread.run.step.completed", step), named("thread.run.queued", run({ status: "queued" }))];
  const { sink, one, spans } = await streamed(events([...parts, named("thread.run.completed", end)]), {
    kind: "submit",
  });
  sink.expectTree(`
    flow
    └─ invoke_agent asst_tutor [agent]
       ├─ chat gpt-4o-mini [generation]
       └─ execute_tool check [tool]
  `);
  assert.equal(one("execute_tool check").output, "right");
  assert.equal(one(AGENT).genAi?.openai?.runId, RUN["id"]);
  assert.deepEqual(tokens(spans).on, ["generation"]);
});

test("tool calls that come in pieces are there when the stream breaks", async () => {
  const step = aStep({ id: "step_1", status: "in_progress", step_details: { type: "tool_calls", tool_calls: [] } });
  const piece = (index: number, call: Wire) => {
    const step_details = { type: "tool_calls", tool_calls: [{ index, ...call }] };
    return named("thread.run.step.delta", { id: "step_1", object: "thread.run.step.delta", delta: { step_details } });
  };
  const fn = (call: Wire) => ({ type: "function", function: call });
  const { one } = await streamed(
    events([
      START,
      named("thread.run.step.created", step),
      piece(0, { id: "call_1", ...fn({ name: "check", arguments: "", output: null }) }),
      piece(1, { id: "call_2", type: "code_interpreter", code_interpreter: { input: "print(", outputs: [] } }),
      piece(0, fn({ arguments: '{"x":' })),
      piece(1, { type: "code_interpreter", code_interpreter: { input: "1)" } }),
      piece(0, fn({ arguments: "1}" })),
    ]),
  );
  assert.deepEqual(one("execute_tool check").input, { x: 1 });
  assert.equal(one("execute_tool code_interpreter").input, "print(1)");
});

test("events of any kind are survived", async () => {
  const odd = [
    named("thread.run.created", { object: "thread.run" }),
    named("thread.run.step.delta", { object: "thread.run.step.delta", id: 3, delta: 4 }),
    named("thread.message.delta", {
      object: "thread.message.delta",
      id: "m",
      delta: { content: [null, { index: -1 }] },
    }),
    named("constructor", { object: "constructor" }),
    named("thread.run.step.created", { object: "thread.run.step", id: "s", step_details: 3, run_id: 4 }),
    named("thread.message.created", { object: "thread.message", id: "m2", content: 3 }),
    named("thread.message.delta", { object: "thread.message.delta", id: "m2", delta: { content: {} } }),
    named("error", { error: { message: "overloaded", code: "server_error" } }),
  ];
  const { one } = await streamed(events([START, ...odd]));
  const { http, genAi, level } = one(AGENT);
  assert.deepEqual([http?.stream?.end, level], ["broken", "WARNING"]);
  assert.deepEqual([genAi?.openai?.errorCode, genAi?.openai?.errorMessage], ["server_error", "overloaded"]);
});
