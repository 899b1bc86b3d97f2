import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord } from "sightline";
import { configure, memorySink, shutdown, withSpan } from "sightline";
import {
  type AssistantRun,
  type MessageLike,
  type RunStepLike,
  recordAgentTurn,
  recordAssistantRun,
  recordChatCompletion,
  recordResponse,
} from "sightline/openai";
import { activeRuntime } from "../../src/core/runtime.ts";
import type { Plan } from "../../src/openai/plan.ts";
import { recall, recallPlan, remember } from "../../src/openai/recorded-state.ts";
import type { Listed } from "../../src/openai/shapes.ts";
import { traced } from "../support/traced.ts";
import { aRun, messages, steps, T0 } from "./payloads.ts";
import { aResponse, said, tokens, type Wire } from "./response-payloads.ts";

const waitsFor = (...ids: string[]): Wire => ({
  status: "requires_action",
  completed_at: null,
  usage: null,
  required_action: {
    type: "submit_tool_outputs",
    submit_tool_outputs: {
      tool_calls: ids.map((id) => ({ id, type: "function", function: { name: `do_${id}`, arguments: "{}" } })),
    },
  },
});

const agents = (sink: { readonly all: readonly unknown[] }): SpanRecord[] =>
  (sink.all as SpanRecord[]).filter(({ type }) => type === "agent");

test("a later recording of a response keeps what only the first one knew", async () => {
  const queued = aResponse({ status: "queued", completed_at: null, output: [], usage: null, temperature: undefined });
  const request = { model: "gpt-5", input: "Solve", temperature: 0.2, metadata: { tenant: "a" } };
  const sink = await traced(() => {
    recordResponse(queued, { request, name: "solve", startTime: (T0 + 0.4) * 1000 });
    request.input = "changed since";
    recordResponse(aResponse({ temperature: undefined, output: [said("x = 1")] }));
  });
  const { record } = sink.get("solve");
  assert.deepEqual([record.seq, record.unfinished, record.usage?.totalTokens], [1, undefined, 123]);
  assert.equal((record.input as any)[0].parts[0].content, "Solve");
  assert.equal((record.output as any)[0].parts[0].content, "x = 1");
  assert.deepEqual([record.genAi?.parameters?.["temperature"], record.genAi?.requestModel], [0.2, "gpt-5"]);
  assert.deepEqual(record.metadata, { request_metadata: { tenant: "a" } });
  assert.equal(record.startTime, `${T0}400000000`);
  assert.equal(record.status.message, undefined);
});

test("a later recording of a run keeps the agent, its messages and tools, but not what it waited for", async () => {
  const sink = await traced(() => {
    const run = aRun(waitsFor("a"));
    const pending = { ...steps[0]!, status: "in_progress", completed_at: null };
    const assistant = { name: "Math Tutor", description: "solves" };
    recordAssistantRun({ run, assistant, messages: messages.slice(0, 3), steps: [pending], observedAt: T0 + 5 });
    recordAssistantRun({ run: aRun() });
  });
  const { record } = sink.get("agent");
  assert.deepEqual([record.name, record.seq], ["invoke_agent Math Tutor", 1]);
  assert.deepEqual([record.genAi?.agent?.name, record.genAi?.agent?.description], ["Math Tutor", "solves"]);
  assert.equal((record.input as unknown[]).length, 3);
  assert.deepEqual([record.genAi?.openai?.pendingToolCalls, record.genAi?.openai?.stepCount], [undefined, 1]);
  assert.deepEqual(record.genAi?.finishReasons, ["stop"]);
  assert.equal(record.genAi?.openai?.missing, undefined, "the steps and messages have been given");
  assert.equal(sink.findAll({ unfinished: true }).length, 0, "what has no end of its own ends with the run");
});

test("the same status is written again when something has changed", async () => {
  const results: boolean[] = [];
  const sink = await traced(() => {
    for (const id of ["a", "a", "b", "b"]) {
      results.push(recordAssistantRun({ run: aRun(waitsFor(id)), observedAt: T0 + 5 }).recorded);
    }
  });
  assert.deepEqual(results, [true, false, true, false]);
  assert.deepEqual(
    agents(sink).map(({ seq, genAi }) => [seq, genAi?.openai?.pendingToolCalls?.[0]?.id]),
    [
      [0, "a"],
      [1, "b"],
    ],
  );
});

test("the same status is written again when the object has become twice as old", async () => {
  const sink = await traced(() => {
    const run = aRun({ status: "in_progress", completed_at: null, usage: null });
    withSpan("poll", () => {
      for (let second = 0; second <= 1200; second += 0.5) recordAssistantRun({ run, observedAt: T0 + second });
    });
  });
  const ages = agents(sink).map(({ endTime }) => Number(endTime.slice(0, -9)) - T0);
  assert.deepEqual(ages, [0, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]);
  assert.deepEqual(
    agents(sink).map(({ seq }) => seq),
    ages.map((_, index) => index),
  );
});

test("steps and messages that come after the end are added, and tokens stay where they are", async () => {
  const results: boolean[] = [];
  const sink = await traced(() => {
    const see = (data: Partial<AssistantRun<Listed<RunStepLike>, Listed<MessageLike>>>): void => {
      results.push(recordAssistantRun({ run: aRun(), ...data }).recorded);
    };
    see({});
    see({ steps, messages });
    see({ steps, messages });
    see({});
    see({ run: aRun({ status: "in_progress", completed_at: null, usage: null }) });
  });
  assert.deepEqual(results, [true, true, false, false, false]);
  const { record } = sink.get("agent");
  assert.deepEqual([record.seq, record.unfinished, record.genAi?.openai?.missing], [1, undefined, undefined]);
  assert.notEqual(record.output, undefined);
  const [chat, ...more] = sink.findAll("generation").map((found) => found.record);
  assert.deepEqual(more, []);
  assert.deepEqual([chat?.usage?.inputTokens, chat?.output], [1500, record.output]);
  assert.ok(sink.findAll("tool").length > 0);
});

test("items and subagents that come after the end of a turn are added", async () => {
  const turn = { id: "turn_1", agent_id: "agent_1", session_id: "s", status: "completed", created_at: T0 };
  const main = { ...turn, completed_at: T0 + 9, usage: tokens(1000, 100) };
  const sub = { ...main, id: "turn_2", agent_id: "agent_2", subagent_id: "sub_1", usage: tokens(300, 30) };
  const content = [{ type: "output_text", text: "answer" }];
  const items = [{ id: "i1", type: "message", role: "assistant", turn_id: "turn_1", content }];
  const results: boolean[] = [];
  const sink = await traced(() => {
    results.push(recordAgentTurn(main).recorded);
    results.push(recordAgentTurn(main, { items, subagentTurns: [sub] }).recorded);
    results.push(recordAgentTurn(main, { items, subagentTurns: [sub] }).recorded);
  });
  assert.deepEqual(results, [true, true, false]);
  const spans = sink.records.filter((record): record is SpanRecord => record.record === "span");
  const counted = spans.flatMap(({ usage }) => (usage === undefined ? [] : [usage.inputTokens]));
  assert.deepEqual(counted.sort(), [1000, 300]);
  const agent = spans.find(({ name }) => name === "invoke_agent agent_1")!;
  assert.deepEqual((agent.output as any)[0].parts[0].content, "answer");
  assert.equal(spans.find(({ name }) => name === "invoke_agent sub_1")?.parentSpanId, agent.spanId);
});

test("a completion is whole: another of the same id and time is not mixed with it", async () => {
  const completion = (content: string): Wire => ({
    id: "chatcmpl-1",
    created: T0,
    model: "gpt-4.1",
    choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  });
  const sink = await traced(() => {
    assert.equal(recordChatCompletion(completion("one")).recorded, true);
    assert.equal(recordChatCompletion(completion("two"), { input: "new" }).recorded, false);
  });
  assert.equal(sink.all.length, 1);
});

test("values that are no JSON are recorded as before", async () => {
  const cycle: Wire = { n: 1n };
  cycle["self"] = cycle;
  const sink = await traced(() => {
    const run = aRun({ status: "queued", completed_at: null, usage: null });
    assert.equal(recordAssistantRun({ run, observedAt: T0 }).recorded, true);
    assert.equal(recordAssistantRun({ run, input: cycle, observedAt: T0 }).recorded, true);
    assert.equal(recordAssistantRun({ run: aRun(), input: cycle }).recorded, true);
  });
  assert.equal(sink.get("agent").record.seq, 2);
});

test("plans are kept up to 16 Mi characters, and the oldest are forgotten first", async () => {
  configure({ sinks: [memorySink()] });
  try {
    const runtime = activeRuntime() ?? assert.fail("no runtime");
    const state = { parent: {}, traceId: "t", spanId: "s", seq: 0, status: "queued", isTerminal: false } as any;
    const plan = { text: "x".repeat(6 * 1024 * 1024) } as unknown as Plan;
    for (const id of ["one", "two", "three"]) remember(runtime, id, state, plan);
    assert.deepEqual(
      ["one", "two", "three"].map((id) => recallPlan(runtime, id) !== undefined),
      [false, true, true],
    );
    assert.equal(recall(runtime, "one"), state);
    remember(runtime, "two", state);
    remember(runtime, "four", state, plan);
    assert.notEqual(recallPlan(runtime, "three"), undefined, "what is taken back makes room");
  } finally {
    await shutdown();
  }
});
