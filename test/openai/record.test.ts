import assert from "node:assert/strict";
import { test } from "node:test";
import type OpenAI from "openai";
import { stats } from "sightline";
import { record } from "sightline/openai";
import { traced } from "../support/traced.ts";
import { aRun, azure, steps } from "./payloads.ts";
import { aResponse, T0, tokens, type Wire } from "./response-payloads.ts";

const completion = {
  id: "chatcmpl-1",
  object: "chat.completion",
  created: T0,
  model: "gpt-4.1-2025-04-14",
  choices: [{ index: 0, message: { role: "assistant", content: "x = 1.", refusal: null }, finish_reason: "stop" }],
  usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
};
const turn = {
  id: "turn_1",
  object: "agent.session.turn",
  agent_id: "agent_1",
  session_id: "asess_1",
  status: "completed",
  created_at: T0,
  completed_at: T0 + 1,
  usage: tokens(3, 4),
};

test("every object is recorded by what it says it is, with the options of its kind", async () => {
  const sink = await traced(async () => {
    record(aResponse(), { request: { model: "gpt-5", input: "Hi" } });
    record(completion, { name: "ask" });
    record(turn, { agent: { name: "Tutor", model: "gpt-6" } });
    record(aRun(), { steps, assistant: { name: "Math Tutor" } });
  });
  const names = sink.traces().flatMap(({ roots }) => roots.map((root) => `${root.record.name} ${root.record.type}`));
  assert.deepEqual(names.sort(), [
    "ask generation",
    "chat gpt-5 generation",
    "invoke_agent Math Tutor agent",
    "invoke_agent Tutor agent",
  ]);
  const total = sink.records.reduce((sum, each) => sum + ((each as Wire)["usage"]?.totalTokens ?? 0), 0);
  assert.equal(total, 123 + 15 + 7 + 1630);
});

test("an event of a stream is recorded for the object that it carries", async () => {
  const sink = await traced(() => {
    const event = { type: "response.completed", sequence_number: 9, response: aResponse() };
    assert.equal(record(event, { request: { model: "gpt-5" } }).recorded, true);
    assert.equal(record({ type: "response.in_progress", response: aResponse() }).recorded, false);
    assert.equal((record({ type: "agent.session.turn.completed", turn }) as Wire)["recorded"], true);
    assert.equal((record({ event: "thread.run.completed", data: aRun() }) as Wire)["recorded"], true);
  });
  assert.equal(sink.findAll("chat gpt-5").length, 1);
});

test("an object of Azure's clients is known too, and what comes later gives a promise", async () => {
  const sink = await traced(async () => {
    assert.equal((record(azure(aRun())) as Wire)["recorded"], true);
    const later = record({ ...turn, object: "agent.session.turn" as const }, { items: Promise.resolve([]) });
    assert.ok(later instanceof Promise);
    assert.equal((await later).recorded, true);
  });
  assert.equal(sink.findAll("agent").length, 2);
});

test("anything else is not recorded, without a fault and without an error", async () => {
  const faults = stats().internalErrors;
  const sink = await traced(() => {
    for (const object of [
      "thread",
      "list",
      "conversation",
      "agent.session",
      "embedding",
      "constructor",
      "__proto__",
      5,
    ]) {
      assert.deepEqual(record({ object, id: "x" }), {
        traceId: "0".repeat(32),
        spanId: "0".repeat(16),
        id: "",
        status: "unknown",
        recorded: false,
      });
    }
    for (const junk of [undefined, null, 5, "response", [], {}, () => 1]) {
      assert.equal((record(junk) as Wire)["recorded"], false);
    }
  });
  assert.equal(sink.records.length, 0);
  assert.equal(stats().internalErrors, faults);
});

test("an object that cannot be read is a fault that stays inside", async () => {
  const throwing = new Proxy(
    {},
    {
      get() {
        throw new Error("hands off");
      },
    },
  );
  const sink = await traced(() => void assert.equal((record(throwing) as Wire)["recorded"], false));
  assert.equal(sink.records.length, 0);
});

/** Never called: the objects of the `openai` package fit the overloads. */
export function types(
  response: OpenAI.Responses.Response,
  event: OpenAI.Responses.ResponseCompletedEvent,
  chat: OpenAI.ChatCompletion,
  run: OpenAI.Beta.Threads.Run,
): boolean[] {
  const request: OpenAI.Responses.ResponseCreateParams = { model: "gpt-5", input: "Hi" };
  return [
    record(response, { request }).recorded,
    record(event).recorded,
    record(chat).recorded,
    record(run, { steps: [] }).recorded,
  ];
}
