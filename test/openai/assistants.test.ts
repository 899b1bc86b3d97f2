import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord, Usage } from "sightline";
import { carrier, configure, flush, memorySink, shutdown, stats, updateTrace, withContext, withSpan } from "sightline";
import {
  type AssistantRun,
  type Listed,
  type MessageLike,
  type RunLike,
  type RunStepLike,
  recordAssistantRun,
} from "sightline/openai";
import { traced } from "../support/traced.ts";
import { aMessage, aRun, aStep, azure, messages, page, steps, T0 } from "./payloads.ts";

const OBSERVED = (T0 + 20) * 1000;
const said = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] });
const OUTPUT = [
  said("assistant", "x = 1."),
  {
    role: "assistant",
    parts: [
      { type: "file", modality: "image", file_id: "file-plot" },
      { type: "text", content: "See the plot.", annotations: [{ type: "file_citation", text: "【4:0†a.txt】" }] },
    ],
    finish_reason: "stop",
  },
];
const INPUT = [said("user", "Hello"), said("assistant", "How can I help?"), said("user", "Solve 3x + 11 = 14.")];
const assistant = { id: "asst_tutor", name: "Math Tutor", description: null };

/** What must hold for any recorded run: the tokens of the tree are those of the run. */
function tokensOf(records: readonly unknown[]): { input: number; output: number; holders: string[] } {
  const sum = { input: 0, output: 0, holders: [] as string[] };
  for (const { usage, type } of records as SpanRecord[]) {
    if (usage === undefined) continue;
    sum.input += usage.inputTokens ?? 0;
    sum.output += usage.outputTokens ?? 0;
    sum.holders.push(type);
  }
  return sum;
}

const ns = (seconds: number) => `${seconds}000000000`;

test("a completed run with its steps and messages is one tree under the current span", async () => {
  const faults = stats().internalErrors;
  const sink = await traced(() =>
    withSpan("get_response", (span) => {
      const recorded = recordAssistantRun({ run: aRun(), steps, messages, assistant });
      assert.equal(recorded.traceId, span.traceId);
      assert.deepEqual([recorded.status, recorded.recorded], ["completed", true]);
    }),
  );
  sink.expectTree(`
    get_response
    └─ invoke_agent Math Tutor [agent]
       ├─ chat gpt-4o-mini [generation]
       ├─ execute_tool code_interpreter [tool]
       ├─ execute_tool file_search [tool]
       ├─ chat gpt-4o-mini [generation]
       ├─ execute_tool check [tool]
       ├─ execute_tool check [tool]
       └─ chat gpt-4o-mini [generation]
  `);
  assert.equal(stats().internalErrors, faults);
  const { record: agent, children } = sink.get("agent");
  assert.deepEqual([agent.startTime, agent.endTime], [ns(T0), ns(T0 + 12)], "from created_at, not from started_at");
  assert.deepEqual([agent.kind, agent.status.code, agent.level], ["client", "ok", "DEFAULT"]);
  assert.deepEqual(agent.input, INPUT);
  assert.deepEqual(agent.output, OUTPUT);
  assert.equal(agent.unfinished, undefined);
  assert.deepEqual(agent.genAi, {
    provider: "openai",
    requestModel: "gpt-4o-mini",
    responseModel: "gpt-4o-mini",
    conversationId: "thread_algebra",
    parameters: {
      temperature: 1,
      top_p: 1,
      response_format: "auto",
      tool_choice: "auto",
      parallel_tool_calls: true,
      truncation_strategy: { type: "auto", last_messages: null },
    },
    openai: {
      apiType: "assistants",
      threadId: "thread_algebra",
      runId: "run_31fgVjfVXHHOJZbQnBWJXhlN",
      runStatus: "completed",
      assistantId: "asst_tutor",
      createdAt: T0,
      startedAt: T0 + 1,
      stepCount: 3,
    },
    operation: "invoke_agent",
    finishReasons: ["stop"],
    agent: { id: "asst_tutor", name: "Math Tutor" },
    systemInstructions: [{ type: "text", content: "You are a personal math tutor." }],
    toolDefinitions: [{ type: "code_interpreter" }],
  });
  const [first, code, search, second, right, wrong, last] = children.map(({ record }) => record);
  assert.deepEqual([first!.startTime, first!.endTime], [ns(T0 + 1), ns(T0 + 4)]);
  assert.deepEqual(first!.input, INPUT);
  assert.deepEqual(first!.output, [
    {
      role: "assistant",
      parts: [
        {
          type: "server_tool_call",
          id: "call_code",
          name: "code_interpreter",
          server_tool_call: { type: "code_interpreter", input: "print((14 - 11) / 3)" },
        },
        {
          type: "server_tool_call",
          id: "call_search",
          name: "file_search",
          server_tool_call: {
            type: "file_search",
            ranking_options: { ranker: "default_2024_08_21", score_threshold: 0 },
          },
        },
      ],
      finish_reason: "tool_call",
    },
  ]);
  assert.deepEqual(first!.genAi?.finishReasons, ["tool_call"]);
  assert.equal(first!.genAi?.openai?.runStepId, "step_1");
  assert.deepEqual([code!.input, code!.output], ["print((14 - 11) / 3)", []]);
  assert.deepEqual(code!.genAi?.tool, { name: "code_interpreter", type: "extension", callId: "call_code" });
  assert.equal(search!.genAi?.tool?.type, "datastore");
  assert.deepEqual((search!.output as any)[0].file_name, "algebra.txt");
  assert.deepEqual(second!.input, [
    {
      role: "tool",
      parts: [
        {
          type: "server_tool_call_response",
          id: "call_code",
          server_tool_call_response: { type: "code_interpreter", outputs: [] },
        },
      ],
    },
    {
      role: "tool",
      parts: [
        {
          type: "server_tool_call_response",
          id: "call_search",
          server_tool_call_response: { type: "file_search", results: search!.output },
        },
      ],
    },
  ]);
  assert.deepEqual(second!.output, [
    {
      role: "assistant",
      parts: [
        { type: "tool_call", id: "call_fn", name: "check", arguments: { x: 1 } },
        { type: "tool_call", id: "call_bad", name: "check", arguments: "{x:" },
      ],
      finish_reason: "tool_call",
    },
  ]);
  assert.deepEqual([right!.input, right!.output, right!.kind], [{ x: 1 }, "right", "internal"]);
  assert.equal(wrong!.input, "{x:", "arguments that are no JSON stay as they are");
  assert.deepEqual(last!.input, [
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_fn", response: "right" }] },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_bad", response: "wrong" }] },
  ]);
  assert.deepEqual(last!.output, [{ ...said("assistant", "x = 1."), finish_reason: "stop" }]);
  assert.deepEqual(last!.genAi?.finishReasons, ["stop"]);
});

test("tokens stand on the generations, and add up to the run's", async () => {
  const withSteps = await traced(() => void recordAssistantRun({ run: aRun(), steps, messages }));
  const { input, output, holders } = tokensOf(withSteps.records);
  assert.deepEqual([input, output], [1500, 130]);
  assert.deepEqual(holders, ["generation", "generation", "generation"]);
  const cached = withSteps.findAll("generation").map(({ record }) => (record.usage as Usage).cacheReadInputTokens);
  assert.deepEqual(cached, [0, 512, 512]);

  const withoutSteps = await traced(() => void recordAssistantRun({ run: aRun(), messages }));
  withoutSteps.expectTree(`
    invoke_agent asst_tutor [agent]
    └─ chat gpt-4o-mini [generation]
  `);
  const chat = withoutSteps.get("generation").record;
  assert.deepEqual(chat.usage, {
    inputTokens: 1500,
    outputTokens: 130,
    totalTokens: 1630,
    cacheReadInputTokens: 1024,
    reasoningOutputTokens: 40,
  });
  assert.deepEqual([chat.input, chat.output, chat.genAi?.requestModel], [INPUT, OUTPUT, "gpt-4o-mini"]);
  assert.deepEqual(tokensOf(withoutSteps.records).holders, ["generation"]);
});

test("steps that do not account for all tokens leave them to the run", async () => {
  const sink = await traced(
    () => void recordAssistantRun({ run: aRun(), steps: page(steps.slice(0, 2), { has_more: true }) }),
  );
  const { input, output, holders } = tokensOf(sink.records);
  assert.deepEqual([input, output, holders], [1500, 130, ["generation"]]);
  assert.equal(sink.findAll("tool").length, 4);
  assert.equal(sink.get("agent").record.genAi?.openai?.missing, "steps: there are more pages; messages: not given");
});

test("a run without usage of its own (2023) has that of its steps", async () => {
  const { usage, ...run } = aRun();
  const sink = await traced(() => void recordAssistantRun({ run: run as RunLike, steps }));
  assert.deepEqual(tokensOf(sink.records).input, 1500);
});

const endings = [
  {
    part: { status: "completed" },
    line: "invoke_agent asst_tutor [agent]",
    end: T0 + 12,
    finish: ["stop"],
    status: { code: "ok" },
    chat: true,
  },
  {
    part: { status: "incomplete", incomplete_details: { reason: "max_completion_tokens" } },
    line: "invoke_agent asst_tutor [agent] ! incomplete: max_completion_tokens",
    end: T0 + 12,
    finish: ["length"],
    status: { code: "ok", message: "incomplete: max_completion_tokens" },
    chat: true,
  },
  {
    part: {
      status: "failed",
      completed_at: null,
      failed_at: T0 + 7,
      last_error: { code: "server_error", message: "Sorry, something went wrong." },
    },
    line: "invoke_agent asst_tutor [agent] ✗ server_error: Sorry, something went wrong.",
    end: T0 + 7,
    finish: ["error"],
    status: { code: "error", message: "failed: server_error: Sorry, something went wrong." },
    chat: true,
  },
  {
    part: { status: "cancelled", completed_at: null, cancelled_at: T0 + 5, usage: null },
    line: "invoke_agent asst_tutor [agent] ! cancelled",
    end: T0 + 5,
    finish: ["error"],
    status: { code: "ok", message: "cancelled" },
    chat: false,
  },
  {
    part: { status: "expired", completed_at: null, expires_at: T0 + 600, usage: null },
    line: "invoke_agent asst_tutor [agent] ✗ expired: the run expired before it ended",
    end: T0 + 600,
    finish: ["error"],
    status: { code: "error", message: "expired" },
    chat: false,
  },
  {
    part: { status: "expired", completed_at: null, expires_at: null, usage: null },
    line: "invoke_agent asst_tutor [agent] ✗ expired: the run expired before it ended",
    end: T0 + 20,
    finish: ["error"],
    status: { code: "error", message: "expired" },
    chat: false,
  },
  ...["queued", "in_progress", "cancelling", "requires_action", "some_new_state"].map((status) => ({
    part: { status, completed_at: null, usage: null, expires_at: T0 + 600 },
    line: `invoke_agent asst_tutor [agent] ! recorded before terminal: ${status} (unfinished)`,
    end: T0 + 20,
    finish: undefined,
    status: { code: "unset", message: `recorded before terminal: ${status}` },
    chat: false,
  })),
];

for (const { part, line, end, finish, status, chat } of endings) {
  test(`a run that is ${part.status}: ${line}`, async () => {
    const sink = await traced(() => void recordAssistantRun({ run: aRun(part), observedAt: OBSERVED }));
    assert.equal(sink.tree().split("\n")[0], line);
    const { record, children } = sink.get("agent");
    assert.deepEqual([record.startTime, record.endTime], [ns(T0), ns(end)]);
    assert.deepEqual(record.genAi?.finishReasons, finish);
    assert.deepEqual(record.status, status);
    assert.equal(children.length, chat ? 1 : 0);
    assert.equal(tokensOf(sink.records).holders.length, chat ? 1 : 0);
  });
}

test("a failure of last_error carries its code as type, on the model call too", async () => {
  const last_error = { code: "rate_limit_exceeded", message: "You exceeded your current quota." };
  const usage = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  const run = aRun({ status: "failed", completed_at: null, failed_at: T0 + 1, last_error, usage });
  const sink = await traced(() => void recordAssistantRun({ run }));
  for (const type of ["agent", "generation"]) {
    const { error, level } = sink.get(type).record;
    assert.deepEqual(error, { type: last_error.code, code: last_error.code, message: last_error.message });
    assert.equal(level, "ERROR");
  }
  assert.deepEqual(sink.get("generation").record.usage, { inputTokens: 0, outputTokens: 0, totalTokens: 0 });
});

test("a step that failed or was stopped says so on its tool calls", async () => {
  const details = {
    type: "tool_calls",
    tool_calls: [{ id: "call_1", type: "bing_grounding", bing_grounding: { input: "x" } }],
  };
  const last_error = { code: "server_error", message: "tool broke" };
  const failed = aStep({
    id: "a",
    status: "failed",
    completed_at: null,
    failed_at: T0 + 3,
    last_error,
    step_details: details,
  });
  const cancelled = aStep({
    id: "b",
    status: "cancelled",
    completed_at: null,
    cancelled_at: T0 + 4,
    step_details: details,
  });
  const open = aStep({ id: "c", status: "in_progress", created_at: T0 + 5, completed_at: null, step_details: details });
  const run = aRun({ status: "cancelled", completed_at: null, cancelled_at: T0 + 9, usage: null });
  const sink = await traced(() => void recordAssistantRun({ run, steps: [failed, cancelled, open] }));
  sink.expectTree(`
    invoke_agent asst_tutor [agent] ! cancelled
    ├─ execute_tool bing_grounding [tool] ✗ server_error: tool broke
    ├─ execute_tool bing_grounding [tool] ! cancelled
    └─ execute_tool bing_grounding [tool]
  `);
  const [first, second, third] = sink.findAll("tool").map(({ record }) => record);
  assert.deepEqual([first!.input, first!.genAi?.tool?.type], ["x", "extension"]);
  assert.deepEqual([first!.endTime, second!.endTime, third!.endTime], [ns(T0 + 3), ns(T0 + 4), ns(T0 + 9)]);
});

test("metadata of the run is kept", async () => {
  const sink = await traced(() => void recordAssistantRun({ run: aRun({ metadata: { order: "A-17" } }) }));
  assert.deepEqual(sink.get("agent").record.metadata, { run_metadata: { order: "A-17" } });
});

const waiting = aRun({
  status: "requires_action",
  completed_at: null,
  expires_at: T0 + 600,
  usage: null,
  required_action: {
    type: "submit_tool_outputs",
    submit_tool_outputs: {
      tool_calls: [{ id: "call_fn", type: "function", function: { name: "check", arguments: '{"x":1}' } }],
    },
  },
});
const pendingStep = aStep({
  id: "step_2",
  status: "in_progress",
  completed_at: null,
  expires_at: T0 + 600,
  created_at: T0 + 4,
  step_details: {
    type: "tool_calls",
    tool_calls: [{ id: "call_fn", type: "function", function: { name: "check", arguments: '{"x":1}', output: null } }],
  },
});

test("a run that waits for tool outputs shows what for, and no usage", async () => {
  const sink = await traced(
    () => void recordAssistantRun({ run: waiting, steps: [steps[0]!, pendingStep], observedAt: OBSERVED }),
  );
  sink.expectTree(`
    invoke_agent asst_tutor [agent] ! recorded before terminal: requires_action (unfinished)
    ├─ execute_tool code_interpreter [tool]
    ├─ execute_tool file_search [tool]
    └─ execute_tool check [tool] (unfinished)
  `);
  const agent = sink.get("agent").record;
  const { pendingToolCalls, expiresAt, stepCount } = agent.genAi?.openai ?? {};
  assert.deepEqual([pendingToolCalls, expiresAt, stepCount], [[{ id: "call_fn", name: "check" }], T0 + 600, 2]);
  assert.deepEqual(agent.genAi?.finishReasons, ["tool_call"]);
  assert.deepEqual(tokensOf(sink.records).holders, []);
  const tool = sink.get("execute_tool check").record;
  assert.deepEqual([tool.output, tool.endTime], [undefined, ns(T0 + 20)]);
});

test("recorded three times as it goes on, a run is one observation where the first recording put it", async () => {
  const ids: string[] = [];
  const sink = await traced(() => {
    const see = (data: AssistantRun<Listed<RunStepLike>, Listed<MessageLike>>) => {
      const { traceId, spanId, recorded } = recordAssistantRun(data);
      ids.push(`${traceId} ${spanId} ${recorded}`);
    };
    const queued = aRun({ status: "queued", started_at: null, completed_at: null, usage: null });
    withSpan("run_assistant", () => see({ run: queued, observedAt: OBSERVED }));
    withSpan("poll", () => see({ run: waiting, steps: [steps[0]!, pendingStep], observedAt: OBSERVED }));
    withSpan("poll", () => see({ run: waiting, observedAt: OBSERVED }));
    // started_at has been rewritten.
    withSpan("get_response", () => see({ run: aRun({ started_at: T0 + 11 }), steps, messages, assistant }));
    withSpan("get_response", () => see({ run: aRun(), steps, messages, assistant }));
    see({ run: waiting });
    updateTrace({ userId: "nobody" });
  });
  const [first] = ids[0]!.split(" true");
  assert.deepEqual(
    ids.map((id) => id.replace(first!, "same")),
    ["same true", "same true", "same false", "same true", "same false", "same false"],
  );
  assert.equal(sink.findAll("agent").length, 1);
  assert.equal(sink.get("agent").parent?.record.name, "run_assistant");
  const { record } = sink.get("agent");
  assert.deepEqual([record.name, record.seq, record.unfinished], ["invoke_agent Math Tutor", 2, undefined]);
  assert.deepEqual([record.startTime, record.endTime], [ns(T0), ns(T0 + 12)]);
  assert.equal(record.genAi?.openai?.startedAt, T0 + 1, "the first one seen");
  assert.equal(record.status.message, undefined);
  assert.equal(sink.findAll({ unfinished: true }).length, 0);
  assert.deepEqual(tokensOf(sink.records).input, 1500);
  const written = sink.all.filter((one) => one.record === "span" && one.type === "agent");
  assert.deepEqual(
    written.map(({ seq }) => seq),
    [0, 1, 2],
  );
});

test("a run that is the root of its trace stays so, and one under a remote parent too", async () => {
  const queued = aRun({ status: "queued", completed_at: null, usage: null });
  const root = await traced(() => {
    recordAssistantRun({ run: queued });
    withSpan("elsewhere", () => recordAssistantRun({ run: aRun() }));
  });
  assert.equal(root.get("agent").record.parentSpanId, undefined);
  assert.equal(root.get("agent").record.seq, 1);
  assert.notEqual(root.get("agent").record.traceId, root.get("elsewhere").record.traceId);

  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const remote = await traced(() => {
    withContext({ traceparent }, () => recordAssistantRun({ run: queued }));
    recordAssistantRun({ run: aRun() });
  });
  const { record } = remote.get("agent");
  assert.deepEqual([record.traceId, record.parentSpanId], traceparent.split("-").slice(1, 3));
  assert.deepEqual([record.parentIsRemote, record.seq], [true, 1]);
});

test("span ids derive from the ids of run and steps", async () => {
  const record = () => traced(() => void recordAssistantRun({ run: aRun(), steps }));
  const [a, b] = [await record(), await record()];
  const ids = ({ records }: typeof a) => records.flatMap((one) => (one.record === "span" ? one.spanId : [])).sort();
  assert.deepEqual(ids(a), ids(b));
  assert.equal(new Set(ids(a)).size, 8);
});

test("an answer is never taken from another run", async () => {
  const run = aRun({ status: "failed", completed_at: null, failed_at: T0 + 3, usage: null });
  const stale = [aMessage("msg_2", T0 - 80, "assistant", "How can I help?", { run_id: "run_older" }), messages[2]!];
  const sink = await traced(() => void recordAssistantRun({ run, messages: page([...stale].reverse()) }));
  const { record } = sink.get("agent");
  assert.equal(record.output, undefined);
  assert.deepEqual(record.input, INPUT.slice(1));
});

test("messages that follow the run are not its input", async () => {
  const later = aMessage("msg_later", T0 + 30, "user", "One more thing");
  const sink = await traced(() => void recordAssistantRun({ run: aRun(), messages: [...messages.slice(0, 3), later] }));
  assert.deepEqual(sink.get("agent").record.input, INPUT);
});

test("input and output can be given", async () => {
  const sink = await traced(
    () => void recordAssistantRun({ run: aRun(), messages, input: "3x + 11 = 14", output: "x = 1" }),
  );
  for (const type of ["agent", "generation"]) {
    const { input, output } = sink.get(type).record;
    assert.deepEqual([input, output], ["3x + 11 = 14", "x = 1"]);
  }
});

test("camelCase with Date, milliseconds and ISO give the same records as the wire", async () => {
  const record = async (as: (value: any) => any) => {
    const data = { run: as(aRun()), steps: as(steps), messages: as(messages), assistant: as(assistant) };
    const sink = await traced(() => void recordAssistantRun(data));
    const spans = sink.records.filter((one): one is SpanRecord => one.record === "span");
    return spans.map(({ traceId, ...rest }) => {
      const { input, output, genAi, ...plain } = rest;
      return { ...plain, hasInput: input !== undefined, hasOutput: output !== undefined, run: genAi?.openai };
    });
  };
  const wire = await record((value) => value);
  assert.equal(wire.length, 8);
  assert.deepEqual(await record(azure), wire);
  const times = (convert: (seconds: number) => unknown) => (value: unknown) =>
    JSON.parse(JSON.stringify(value), (key, part) => (/_at$/.test(key) && part !== null ? convert(part) : part));
  assert.deepEqual(await record(times((seconds) => seconds * 1000)), wire);
  assert.deepEqual(await record(times((seconds) => new Date(seconds * 1000).toISOString())), wire);
});

test("pages are read as they are, newest first unless they were asked otherwise; never for the next", async () => {
  const same = { created_at: T0, completed_at: T0 };
  const quick = steps.map((step) => ({ ...step, ...same }));
  const order = async (list: any) => {
    const sink = await traced(() => void recordAssistantRun({ run: aRun(same), steps: list }));
    return sink.findAll("generation").map(({ record }) => record.genAi?.openai?.runStepId);
  };
  const oldestFirst = ["step_1", "step_2", "step_3"];
  const next = {
    getNextPage: () => assert.fail("asked for the next page"),
    [Symbol.asyncIterator]: () => assert.fail("iterated over the pages"),
  };
  assert.deepEqual(await order(quick), oldestFirst);
  assert.deepEqual(await order(page([...quick].reverse(), next)), oldestFirst);
  assert.deepEqual(await order(page(quick, { ...next, options: { query: { order: "asc" } } })), oldestFirst);
  assert.deepEqual(await order(page(steps, next)), oldestFirst, "times tell the direction");
});

test("promises and async iterables give a promise, under the span of the call", async () => {
  const iterate = async function* <T>(items: readonly T[]) {
    for (const item of items) yield item;
  };
  const sink = await traced(async () => {
    const pending = withSpan("get_response", () => {
      const lists = { steps: iterate(steps), messages: Promise.resolve(page([...messages].reverse())) };
      return { promise: recordAssistantRun({ run: aRun(), ...lists }) };
    });
    assert.ok(pending.promise instanceof Promise);
    assert.equal((await pending.promise).recorded, true);
  });
  assert.equal(sink.get("agent").parent?.record.name, "get_response");
  assert.equal(sink.get("agent").findAll("generation").length, 3);
  assert.deepEqual(sink.get("agent").record.output, OUTPUT);
});

test("a list that cannot be read is named, and the rest recorded", async () => {
  const endless = async function* () {
    while (true) yield messages[0]!;
  };
  const sink = await traced(async () => {
    const refused = Promise.reject(new Error("503 Service Unavailable"));
    const { recorded } = await recordAssistantRun({ run: aRun(), steps: refused, messages: endless() });
    assert.equal(recorded, true);
  });
  const { missing } = sink.get("agent").record.genAi?.openai ?? {};
  assert.equal(missing, "steps: 503 Service Unavailable; messages: only 10000 were read");
  assert.equal(tokensOf(sink.records).input, 1500);
});

test("when tracing is off nothing is recorded, nothing throws and no rejection is left over", async () => {
  configure({ enabled: false });
  const { recorded, runId, status } = recordAssistantRun({ run: aRun(), steps, messages });
  assert.deepEqual([recorded, runId, status], [false, "run_31fgVjfVXHHOJZbQnBWJXhlN", "completed"]);
  const refused = recordAssistantRun({ run: aRun(), steps: Promise.reject(new Error("no")) });
  assert.equal((await refused).recorded, false);
});

test("a run in a trace that is not sampled is not recorded, and may be later", async () => {
  const sink = memorySink();
  configure({ sinks: [sink], sampleRate: 0 });
  assert.equal(withSpan("request", () => recordAssistantRun({ run: aRun() })).recorded, false);
  const sampled = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
  assert.equal(withContext(sampled, () => recordAssistantRun({ run: aRun() })).recorded, true);
  assert.deepEqual(carrier(), {});
  await flush();
  assert.equal(sink.findAll("agent").length, 1);
  await shutdown();
});

test("hostile values are swallowed and counted", async () => {
  const hostile = {
    id: "run_hostile",
    status: "completed",
    get model(): string {
      throw new Error("no");
    },
  };
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  await traced(() => {
    const before = stats().internalErrors;
    for (const run of [hostile, null, undefined, 5, {}, proxy] as any[]) {
      assert.equal(recordAssistantRun({ run }).recorded, false);
    }
    assert.equal(recordAssistantRun(undefined as any).recorded, false);
    assert.ok(stats().internalErrors > before);
    const odd = { id: "run_odd", status: "completed", tools: 5, usage: "many", created_at: "yesterday" } as any;
    assert.equal(
      recordAssistantRun({ run: odd, steps: [null, 5] as any, messages: [null, { content: 5 }] as any }).recorded,
      true,
    );
  });
});
