/** Runs of @openai/agents with `agentsTraceProcessor`, against a model on loopback. */
import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  Agent,
  addTraceProcessor,
  getCurrentSpan,
  OpenAIChatCompletionsModel,
  OpenAIResponsesModel,
  run,
  setDefaultOpenAIClient,
  setTraceProcessors,
  tool,
  withTrace,
} from "@openai/agents";
import OpenAI from "openai";
import { configure, flush, memorySink, observe, shutdown, stats, suppress, withSpan } from "sightline";
import { agentsCarrier, agentsTraceProcessor } from "sightline/interop/openai-agents";
import { recordResponse, tracedFetch } from "sightline/openai";
import { z } from "zod";
import { modelServer } from "./server.js";

const sink = memorySink();
const server = await modelServer();
const client = new OpenAI({ apiKey: "none", baseURL: server.baseURL, maxRetries: 0 });
setDefaultOpenAIClient(client);

beforeEach(() => {
  sink.clear();
  configure({ sinks: [sink], carrier: agentsCarrier(getCurrentSpan) });
  setTraceProcessors([agentsTraceProcessor()]);
});
after(async () => {
  assert.equal(stats().internalErrors, 0);
  await shutdown();
  await server.close();
});

const deep = observe("deep", async (term) => {
  await sleep(1);
  return term;
});
const find = observe("find", async (term) => {
  await sleep(Math.random() * 5);
  return deep(term);
});
const fails = observe("fails", async () => {
  await sleep(1);
  throw new RangeError("out of chalk");
});
const judge = observe("judge", async (question) => question.length > 0);

const parameters = z.object({ input: z.string() });
const lookup = tool({ name: "lookup", description: "Finds", parameters, execute: ({ input }) => find(input) });
const broken = tool({ name: "broken", description: "Fails", parameters, execute: () => fails() });
const isQuestion = {
  name: "is a question",
  execute: async ({ input }) => {
    const text = typeof input === "string" ? input : input.map(({ content }) => content).join("");
    return { outputInfo: {}, tripwireTriggered: !(await judge(text)) };
  },
};
const checker = new Agent({ name: "Checker", instructions: "checked", model: "gpt-4o" });
const tutor = new Agent({
  name: "Tutor",
  instructions: "taught",
  model: "gpt-4o",
  tools: [lookup, broken],
  handoffs: [checker],
  inputGuardrails: [isQuestion],
});

/** The newest record of each span, in the order of their starts. */
async function spans() {
  await flush();
  const newest = new Map();
  for (const record of sink.records) {
    if (!(newest.get(record.spanId)?.seq > record.seq)) newest.set(record.spanId, record);
  }
  return [...newest.values()].sort((a, b) => Number(BigInt(a.startTime) - BigInt(b.startTime)));
}

/** Names, indented by depth; siblings by name, as some start in the same millisecond. */
function tree(records, parent = undefined, depth = 0) {
  return records
    .filter(({ parentSpanId }) => parentSpanId === parent)
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((record) => [`${"  ".repeat(depth)}${record.name}`, ...tree(records, record.spanId, depth + 1)]);
}

const named = (records, name) => records.find((record) => record.name === name);
const sum = (records, key) => records.reduce((total, { usage }) => total + (usage?.[key] ?? 0), 0);

const TUTOR_RUN = [
  "Agent workflow",
  "  invoke_agent Checker",
  "    turn 3",
  "      chat gpt-4o-2024-08-06",
  "  invoke_agent Tutor",
  "    guardrail is a question",
  "      judge",
  "    turn 1",
  "      chat gpt-4o-2024-08-06",
  "      execute_tool broken",
  "        fails",
  "      execute_tool lookup",
  "        find",
  "          deep",
  "    turn 2",
  "      chat gpt-4o-2024-08-06",
  "      handoff Checker",
];

test("agents, turns, model calls, tools, handoffs and guardrails under the current span; what is observed under its tool", async () => {
  const result = await withSpan("request", () => run(tutor, "Solve 3x + 11 = 14."));
  assert.equal(result.finalOutput, "checked: Solve 3x + 11 = 14.");
  const records = await spans();
  assert.deepEqual(tree(records), ["request", ...TUTOR_RUN.map((line) => `  ${line}`)]);
  assert.equal(new Set(records.map(({ traceId }) => traceId)).size, 1);
  assert.deepEqual(
    records.filter(({ unfinished }) => unfinished).map(({ name }) => name),
    [],
  );
  for (const [name, type] of Object.entries({
    "Agent workflow": "chain",
    "invoke_agent Tutor": "agent",
    "turn 1": "span",
    "chat gpt-4o-2024-08-06": "generation",
    "execute_tool lookup": "tool",
    "handoff Checker": "span",
    "guardrail is a question": "guardrail",
  })) {
    assert.equal(named(records, name).type, type, name);
  }
});

test("usage is counted once, on the model calls", async () => {
  await run(tutor, "Solve 3x + 11 = 14.");
  const records = await spans();
  assert.deepEqual(new Set(records.filter(({ usage }) => usage).map(({ type }) => type)), new Set(["generation"]));
  assert.deepEqual(
    ["inputTokens", "outputTokens", "totalTokens", "cacheReadInputTokens", "reasoningOutputTokens"].map((key) =>
      sum(records, key),
    ),
    [30, 15, 45, 6, 3],
  );
});

test("what was asked and answered, as messages", async () => {
  await run(tutor, "Solve 3x + 11 = 14.");
  const records = await spans();
  const [first, second] = records.filter(({ type }) => type === "generation");
  const question = { role: "user", parts: [{ type: "text", content: "Solve 3x + 11 = 14." }] };
  assert.deepEqual(first.input, [question]);
  assert.deepEqual(
    first.output[0].parts.map(({ type, name, arguments: given }) => [type, name, given]),
    [
      ["tool_call", "lookup", { input: "Solve 3x + 11 = 14." }],
      ["tool_call", "broken", { input: "Solve 3x + 11 = 14." }],
    ],
  );
  assert.equal(first.genAi.responseModel, "gpt-4o-2024-08-06");
  assert.match(first.genAi.responseId, /^resp_/);
  assert.deepEqual(first.genAi.systemInstructions, [{ type: "text", content: "taught" }]);
  const [response] = second.input.find(({ role }) => role === "tool").parts;
  assert.equal(response.type, "tool_call_response");
  assert.equal(response.id, first.output[0].parts[0].id);
  assert.equal(response.response, "Solve 3x + 11 = 14.");

  const agent = named(records, "invoke_agent Tutor");
  assert.deepEqual(agent.input, [question]);
  assert.deepEqual(agent.output, second.output);
  assert.equal(agent.genAi.agent.name, "Tutor");
  assert.deepEqual(agent.metadata.tools, ["lookup", "broken"]);
  const looked = named(records, "execute_tool lookup");
  assert.deepEqual(looked.input, { input: "Solve 3x + 11 = 14." });
  assert.equal(looked.output, "Solve 3x + 11 = 14.");
  assert.deepEqual(looked.genAi.tool, { name: "lookup", type: "function" });
  assert.deepEqual(named(records, "handoff Checker").metadata, { from_agent: "Tutor", to_agent: "Checker" });
  assert.deepEqual(named(records, "guardrail is a question").output, { triggered: false });
});

test("a failing tool is marked; the error itself is on what was observed in it", async () => {
  await run(tutor, "q");
  const records = await spans();
  const failed = named(records, "execute_tool broken");
  assert.equal(failed.status.code, "error");
  assert.match(failed.error.message, /Error running tool/);
  assert.equal(named(records, "fails").error.type, "RangeError");
  assert.equal(named(records, "execute_tool lookup").status.code, "ok");
  assert.equal(named(records, "invoke_agent Tutor").status.code, "ok");
});

test("a failing model call and a tripped guardrail", async () => {
  await assert.rejects(run(checker, "Cause an error"));
  let records = await spans();
  const call = records.find(({ type }) => type === "generation");
  assert.equal(call.status.code, "error");
  assert.match(call.error.message, /You asked for it/);
  assert.equal(call.usage, undefined);
  sink.clear();
  await assert.rejects(run(tutor, ""), { name: "InputGuardrailTripwireTriggered" });
  records = await spans();
  const guardrail = named(records, "guardrail is a question");
  assert.deepEqual(guardrail.output, { triggered: true });
  assert.equal(guardrail.level, "WARNING");
});

test("twenty runs at once stay apart", async () => {
  const questions = Array.from({ length: 20 }, (_, i) => `question ${i}`);
  const request = observe("request", (question) => run(tutor, question));
  await Promise.all(questions.map((question) => request(question)));
  const records = await spans();
  const ids = new Map(records.map((record) => [record.spanId, record]));
  assert.equal(records.filter(({ parentSpanId }) => parentSpanId === undefined).length, 20);
  for (const root of records.filter(({ name }) => name === "request")) {
    const own = records.filter(({ traceId }) => traceId === root.traceId);
    assert.deepEqual(
      tree(own).slice(1),
      TUTOR_RUN.map((line) => `  ${line}`),
    );
    const found = named(own, "find");
    assert.equal(ids.get(found.parentSpanId).input.input, root.input.question);
    assert.equal(found.output, root.input.question);
  }
});

test("an agent as a tool of another, called from what is observed in a tool", async () => {
  const ask = observe("ask", async (question) => {
    const result = await run(checker, question);
    return find(result.finalOutput);
  });
  const nested = tool({ name: "nested", description: "Asks", parameters, execute: ({ input }) => ask(input) });
  const asTool = checker.asTool({ toolName: "check", toolDescription: "Checks" });
  const outer = new Agent({ name: "Outer", instructions: "o", model: "gpt-4o", tools: [nested, asTool] });
  await withSpan("request", () => run(outer, "q"));
  assert.deepEqual(tree(await spans()), [
    "request",
    "  Agent workflow",
    "    invoke_agent Outer",
    "      turn 1",
    "        chat gpt-4o-2024-08-06",
    "        execute_tool check",
    "          Agent workflow",
    "            invoke_agent Checker",
    "              turn 1",
    "                chat gpt-4o-2024-08-06",
    "        execute_tool nested",
    "          ask",
    "            Agent workflow",
    "              invoke_agent Checker",
    "                turn 1",
    "                  chat gpt-4o-2024-08-06",
    "            find",
    "              deep",
    "      turn 2",
    "        chat gpt-4o-2024-08-06",
  ]);
});

test("a streamed run", async () => {
  await withSpan("request", async () => {
    const result = await run(tutor, "q", { stream: true });
    for await (const _ of result) await sleep(0);
    await result.completed;
  });
  const records = await spans();
  assert.deepEqual(tree(records), ["request", ...TUTOR_RUN.map((line) => `  ${line}`)]);
  assert.equal(sum(records, "totalTokens"), 45);
});

test("a model behind chat completions", async () => {
  const agent = new Agent({
    name: "Old",
    instructions: "short",
    model: new OpenAIChatCompletionsModel(client, "gpt-4o"),
  });
  await run(agent, "q");
  const records = await spans();
  const call = named(records, "chat gpt-4o");
  assert.equal(call.type, "generation");
  assert.deepEqual([call.usage.inputTokens, call.usage.outputTokens, sum(records, "totalTokens")], [7, 3, 10]);
  assert.deepEqual(
    call.input.map(({ role, parts }) => [role, parts[0].content]),
    [
      ["system", "short"],
      ["user", "q"],
    ],
  );
  assert.equal(call.output[0].parts[0].content, "answer to q");
});

test("a trace of the SDK that begins no span of ours: its runs share a trace; group, name and metadata", async () => {
  const options = { groupId: "conversation-1", metadata: { plan: "pro" } };
  await withTrace("Two questions", async () => [await run(checker, "a"), await run(checker, "b")], options);
  const records = await spans();
  assert.equal(new Set(records.map(({ traceId }) => traceId)).size, 1);
  const [first, second] = records.filter(({ parentSpanId }) => parentSpanId === undefined);
  assert.equal(first.trace.name, "Two questions");
  assert.equal(second.trace.sessionId, "conversation-1");
  assert.deepEqual([first.metadata, second.metadata], [{ plan: "pro" }, { plan: "pro" }]);
});

test("beside other processors that take their time", async () => {
  const slow = agentsTraceProcessor();
  const other = {
    ...slow,
    onSpanStart: () => sleep(3),
    onSpanEnd: () => sleep(1),
    onTraceStart: async () => {},
    onTraceEnd: async () => {},
  };
  setTraceProcessors([other]);
  addTraceProcessor(agentsTraceProcessor());
  await withSpan("request", () => run(tutor, "q"));
  await sleep(50);
  assert.deepEqual(tree(await spans()), ["request", ...TUTOR_RUN.map((line) => `  ${line}`)]);
});

test("two processors make one record of each span", async () => {
  setTraceProcessors([agentsTraceProcessor(), agentsTraceProcessor()]);
  await run(tutor, "q");
  const records = await spans();
  assert.deepEqual(tree(records), TUTOR_RUN);
  assert.equal(sink.records.length, records.length);
});

test("without the carrier, what is observed in a tool is under the span that was current at the run", async () => {
  configure({ sinks: [sink] });
  await withSpan("request", () => run(tutor, "q"));
  const records = await spans();
  assert.equal(named(records, "find").parentSpanId, named(records, "request").spanId);
  assert.equal(sum(records, "totalTokens"), 45);
});

test("nothing is recorded where tracing is suppressed", async () => {
  await suppress(() => run(tutor, "q"));
  const quiet = tool({
    name: "quiet",
    description: "d",
    parameters,
    execute: ({ input }) => suppress(() => find(input)),
  });
  await run(new Agent({ name: "Quiet", instructions: "i", model: "gpt-4o", tools: [quiet] }), "q");
  const names = (await spans()).map(({ name }) => name);
  assert.ok(names.includes("execute_tool quiet"));
  assert.ok(!names.includes("find") && !names.includes("invoke_agent Tutor"));
});

test("a call that is recorded by another is not counted once more", async () => {
  const recording = async (...args) => {
    const response = await fetch(...args);
    recordResponse(await response.clone().json());
    return response;
  };
  const cases = [
    { recorder: recording, stream: false },
    { recorder: tracedFetch(), stream: false },
    { recorder: tracedFetch(), stream: true },
  ];
  for (const { recorder, stream } of cases) {
    sink.clear();
    const model = new OpenAIResponsesModel(
      new OpenAI({ apiKey: "none", baseURL: server.baseURL, fetch: recorder }),
      "gpt-4o",
    );
    const asked = new Agent({ name: "A", instructions: "i", model, tools: [lookup] });
    await withSpan("request", async () => {
      const result = await run(asked, "q", { stream });
      if (stream) for await (const _ of result) await sleep(0);
    });
    const records = await spans();
    assert.equal(sum(records, "totalTokens"), 30);
    const calls = records.filter(({ type }) => type === "generation");
    assert.equal(calls.length, 2);
    for (const call of calls) {
      const around = records.find(({ spanId }) => spanId === call.parentSpanId);
      assert.deepEqual([around.name, around.type], ["model call", "span"]);
      assert.equal(around.metadata.recorded_as, call.spanId);
    }
    assert.deepEqual(named(records, "invoke_agent A").output, calls[1].output);
  }
});

test("nor is one behind chat completions", async () => {
  const recorded = new OpenAI({ apiKey: "none", baseURL: server.baseURL, fetch: tracedFetch() });
  await run(
    new Agent({ name: "A", instructions: "i", model: new OpenAIChatCompletionsModel(recorded, "gpt-4o") }),
    "q",
  );
  const records = await spans();
  assert.equal(sum(records, "totalTokens"), 10);
  assert.equal(named(records, "model call").metadata.recorded_as, named(records, "chat gpt-4o").spanId);
});

test("what the processor has recorded is not recorded again", async () => {
  const result = await run(checker, "q");
  const recorded = recordResponse(result.rawResponses[0].providerData);
  assert.equal(recorded.recorded, false);
  const records = await spans();
  assert.equal(recorded.spanId, records.find(({ type }) => type === "generation").spanId);
});
