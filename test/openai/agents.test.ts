import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord } from "sightline";
import { configure, memorySink, shutdown, stats, withSpan } from "sightline";
import { type AgentTurnLike, recordAgentTurn } from "sightline/openai";
import { traced } from "../support/traced.ts";
import { camel, ns, T0, tokens, type Wire } from "./response-payloads.ts";

const OBSERVED = (T0 + 30) * 1000;

function aTurn(part: Wire = {}): AgentTurnLike & Wire {
  return {
    id: "turn_1",
    object: "agent.session.turn",
    agent_id: "agent_tutor",
    subagent_id: null,
    session_id: "asess_1",
    status: "completed",
    created_at: T0,
    started_at: T0 + 2,
    completed_at: T0 + 12,
    error: null,
    usage: tokens(1500, 130, 1024, 40),
    ...part,
  };
}

function item(type: string, part: Wire = {}): Wire {
  return { id: `${type}_1`, type, turn_id: "turn_1", status: "completed", ...part };
}

const asked = item("message", { id: "m1", role: "user", content: [{ type: "input_text", text: "Solve it." }] });
const answered = item("message", {
  id: "m2",
  role: "assistant",
  phase: "final_answer",
  content: [{ type: "output_text", text: "x = 1." }],
});
/** Oldest first. */
const items: readonly Wire[] = [
  asked,
  item("reasoning", { summary: [{ type: "summary_text", text: "Check it." }] }),
  item("function_call", { id: "fc1", call_id: "call_1", name: "check", arguments: { x: 1 } }),
  item("function_call", { id: "fc2", call_id: "call_2", name: "check", arguments: { x: 2 } }),
  item("function_call_output", { id: "o1", call_id: "call_1", output: "right", error: null }),
  item("function_call_output", { id: "o2", call_id: "call_2", output: null, error: "too slow", status: "failed" }),
  item("web_search_call", { id: "ws1", action: { type: "search", query: "algebra", queries: null } }),
  item("command_execution", { id: "ce1", command: "ls", cwd: "/tmp", exit_code: 0, output: "a.txt", duration_ms: 12 }),
  item("mcp_call", {
    id: "mcp1",
    server_label: "wiki",
    name: "ask",
    arguments: { q: "x" },
    output: { a: 1 },
    error: null,
  }),
  answered,
];

const agent = {
  id: "agent_tutor",
  object: "agent",
  name: "Math Tutor",
  model: "gpt-6",
  instructions: "Be kind.",
  reasoning: { effort: "low", summary: null },
  text: { format: { type: "text" } },
  tools: [{ type: "web_search" }],
};
const session = { id: "asess_1", object: "agent.session", agent, usage: null };

test("a completed turn is an agent with one generation and a span for each tool call", async () => {
  const faults = stats().internalErrors;
  const sink = await traced(() =>
    withSpan("ask", () => {
      const recorded = recordAgentTurn(aTurn(), { items, session });
      assert.deepEqual([recorded.id, recorded.status, recorded.recorded], ["turn_1", "completed", true]);
    }),
  );
  assert.equal(stats().internalErrors, faults);
  sink.expectTree(`
    ask
    └─ invoke_agent Math Tutor [agent]
       ├─ chat gpt-6 [generation]
       ├─ execute_tool check [tool]
       ├─ execute_tool check [tool] ✗ failed: too slow
       ├─ execute_tool web_search [tool]
       ├─ execute_tool command_execution [tool]
       └─ execute_tool ask [tool]
  `);
  const { record, children } = sink.get("agent");
  assert.deepEqual([record.startTime, record.endTime], [ns(T0), ns(T0 + 12)]);
  assert.equal(record.usage, undefined);
  assert.equal(record.trace.sessionId, "asess_1");
  assert.deepEqual(record.input, [{ role: "user", parts: [{ type: "text", content: "Solve it." }] }]);
  assert.deepEqual(record.output, [
    {
      role: "assistant",
      parts: [{ type: "text", content: "x = 1.", phase: "final_answer" }],
      finish_reason: "stop",
    },
  ]);
  assert.deepEqual(record.genAi, {
    provider: "openai",
    requestModel: "gpt-6",
    responseModel: "gpt-6",
    responseId: "turn_1",
    responseStatus: "completed",
    conversationId: "asess_1",
    finishReasons: ["stop"],
    parameters: { reasoning_effort: "low", text_format: "text" },
    operation: "invoke_agent",
    agent: { id: "agent_tutor", name: "Math Tutor" },
    systemInstructions: [{ type: "text", content: "Be kind." }],
    toolDefinitions: [{ type: "web_search" }],
    openai: { apiType: "agents", createdAt: T0, startedAt: T0 + 2 },
  });
  const [chat, right, wrong, search, command, mcp] = children.map((child) => child.record);
  assert.deepEqual(chat!.usage, {
    inputTokens: 1500,
    outputTokens: 130,
    totalTokens: 1630,
    cacheReadInputTokens: 1024,
    reasoningOutputTokens: 40,
    webSearchCalls: 1,
  });
  assert.deepEqual(
    (chat!.input as Wire[]).map(({ role }) => role),
    ["user", "tool", "tool"],
  );
  const parts = (chat!.output as Wire[]).flatMap((message) => message["parts"]).map(({ type }) => type);
  assert.deepEqual(parts, [
    "reasoning",
    "tool_call",
    "tool_call",
    "server_tool_call",
    "server_tool_call",
    "server_tool_call_response",
    "server_tool_call",
    "server_tool_call_response",
    "text",
  ]);
  assert.deepEqual([right!.input, right!.output], [{ x: 1 }, "right"]);
  assert.deepEqual(right!.genAi?.tool, { name: "check", type: "function", callId: "call_1" });
  assert.deepEqual(wrong!.error?.message, "too slow");
  assert.deepEqual(search!.input, { type: "search", query: "algebra", queries: null });
  assert.deepEqual(
    [command!.input, command!.output],
    [
      { command: "ls", cwd: "/tmp" },
      { output: "a.txt", exit_code: 0, duration_ms: 12 },
    ],
  );
  assert.deepEqual([mcp!.input, mcp!.output, mcp!.metadata], [{ q: "x" }, { a: 1 }, { server_label: "wiki" }]);
});

test("camelCase names and Date times are read the same", async () => {
  const snake = await traced(() => void recordAgentTurn(aTurn(), { items, session }));
  const camelCase = await traced(() => void recordAgentTurn(camel(aTurn()), { items: camel(items), session }));
  const shape = (records: readonly unknown[]): unknown[] =>
    (records as SpanRecord[]).map(({ name, usage, startTime, endTime, genAi }) => [
      name,
      usage,
      startTime,
      endTime,
      genAi?.tool,
    ]);
  assert.deepEqual(shape(camelCase.records), shape(snake.records));
});

test("a turn that is queued, waits and completes is one observation", async () => {
  const calls = items.slice(0, 4);
  const sink = await traced(() => {
    const early = { usage: null, completed_at: null };
    recordAgentTurn(aTurn({ ...early, status: "queued", started_at: null }), { agent });
    recordAgentTurn(aTurn({ ...early, status: "waiting" }), { agent, items: calls, observedAt: OBSERVED });
    recordAgentTurn(aTurn({ ...early, status: "waiting" }), { agent, items: calls });
    recordAgentTurn(aTurn(), { agent, items });
    recordAgentTurn(aTurn(), { agent, items });
  });
  const states = (sink.all as SpanRecord[]).filter(({ type }) => type === "agent");
  assert.deepEqual(
    states.map(({ seq, unfinished, status }) => [seq, unfinished, status.message]),
    [
      [0, true, "recorded before terminal: queued"],
      [1, true, "recorded before terminal: waiting"],
      [2, undefined, undefined],
    ],
  );
  assert.deepEqual(states[1]!.genAi?.openai?.pendingToolCalls, [
    { id: "call_1", name: "check" },
    { id: "call_2", name: "check" },
  ]);
  assert.deepEqual(states[1]!.genAi?.finishReasons, ["tool_call"]);
  assert.equal(states[1]!.endTime, ns(T0 + 30));
  const waiting = (sink.all as SpanRecord[]).filter(({ name, seq }) => name === "execute_tool check" && seq === 1);
  assert.deepEqual(
    waiting.map(({ unfinished }) => unfinished),
    [true, true],
  );
  assert.equal(sink.findAll("agent").length, 1);
  assert.equal(sink.findAll("generation").length, 1);
  assert.equal(sink.findAll("execute_tool check").length, 2);
});

const endings: [part: Wire, line: string, chat: boolean][] = [
  [
    { status: "failed", error: { code: "rate_limit_exceeded", message: "Slow down." }, usage: tokens(5, 0) },
    "invoke_agent agent_tutor [agent] ✗ rate_limit_exceeded: Slow down.",
    true,
  ],
  [{ status: "failed", usage: null }, "invoke_agent agent_tutor [agent] ✗ failed: failed", false],
  [{ status: "cancelled", usage: null }, "invoke_agent agent_tutor [agent] ! cancelled", false],
  [{ status: "completed", usage: null }, "invoke_agent agent_tutor [agent]", true],
  ...["queued", "in_progress", "waiting", "some_new_state"].map((status): [Wire, string, boolean] => [
    { status, usage: tokens(9, 9), completed_at: null },
    `invoke_agent agent_tutor [agent] ! recorded before terminal: ${status} (unfinished)`,
    false,
  ]),
];

for (const [part, line, chat] of endings) {
  test(`a turn that is ${part["status"]}${part["usage"] ? "" : " without usage"}: ${line}`, async () => {
    const sink = await traced(() => void recordAgentTurn(aTurn(part), { observedAt: OBSERVED }));
    assert.equal(sink.tree().split("\n")[0], line);
    const { record, children } = sink.get("agent");
    assert.equal(children.length, chat ? 1 : 0);
    assert.equal(record.genAi?.openai?.errorCode, part["error"]?.code);
    const counted = children.filter((child) => child.record.usage !== undefined).length;
    assert.equal(counted, chat && part["usage"] !== null ? 1 : 0);
  });
}

const subUsage = tokens(400, 40, 100);
const subTurn = aTurn({
  id: "turn_2",
  subagent_id: "sub_1",
  created_at: T0 + 4,
  completed_at: T0 + 8,
  usage: subUsage,
});
const deepTurn = aTurn({
  id: "turn_3",
  subagent_id: "sub_2",
  created_at: T0 + 5,
  completed_at: T0 + 6,
  usage: tokens(7, 3),
});
const creation = item("create_subagent_call", {
  id: "cs1",
  agent_id: "sub_1",
  model: "gpt-6-mini",
  reasoning_effort: null,
  content: [{ type: "output_text", text: "Check the sign." }],
});
const message = item("agent_message", {
  id: "am1",
  sender_agent_id: "agent_tutor",
  recipient_agent_id: "sub_1",
  turn_id: "turn_2",
  content: [{ type: "output_text", text: "Check the sign." }],
});
const subAnswer = { ...answered, id: "m3", turn_id: "turn_2", content: [{ type: "output_text", text: "It is +." }] };

function sumOf(records: readonly unknown[]): number[] {
  const usages = (records as SpanRecord[]).flatMap(({ usage }) => usage ?? []);
  return [
    usages.reduce((sum, { inputTokens = 0 }) => sum + inputTokens, 0),
    usages.reduce((sum, { outputTokens = 0 }) => sum + outputTokens, 0),
    usages.reduce((sum, { cacheReadInputTokens = 0 }) => sum + cacheReadInputTokens, 0),
  ];
}

test("turns of subagents are nested, each with its own items and tokens", async () => {
  const sink = await traced(() => {
    const all = [asked, creation, message, subAnswer, answered];
    const nested = { turn: subTurn, agent: { name: "Checker" }, subagentTurns: [deepTurn] };
    const recorded = recordAgentTurn(aTurn(), { items: all, session, subagentTurns: [nested] });
    assert.equal(recorded.recorded, true);
    // Known by itself as well: not once more.
    assert.equal(recordAgentTurn(subTurn).recorded, false);
  });
  sink.expectTree(`
    invoke_agent Math Tutor [agent]
    ├─ chat gpt-6 [generation]
    ├─ execute_tool create_subagent [tool]
    └─ invoke_agent Checker [agent]
       ├─ chat gpt-6-mini [generation]
       └─ invoke_agent sub_2 [agent]
          └─ chat [generation]
  `);
  assert.deepEqual(sumOf(sink.records), [1500 + 400 + 7, 130 + 40 + 3, 1024 + 100]);
  const { record } = sink.get("invoke_agent Checker");
  assert.deepEqual(record.input, [
    { role: "agent", parts: [{ type: "text", content: "Check the sign." }], name: "agent_tutor" },
  ]);
  assert.deepEqual((record.output as Wire[])[0]!["parts"][0].content, "It is +.");
  const outer = sink.get("invoke_agent Math Tutor").record;
  assert.doesNotMatch(JSON.stringify(outer.output), /It is/);
  assert.deepEqual((sink.get("execute_tool create_subagent").record.input as Wire)["content"], [
    { type: "text", content: "Check the sign." },
  ]);
});

test("a subagent's turn that completes after its parent's is completed in its place", async () => {
  const sink = await traced(() => {
    const live = { ...subTurn, status: "in_progress", usage: null, completed_at: null };
    recordAgentTurn(aTurn(), { agent, subagentTurns: [live] });
    const again = recordAgentTurn(aTurn(), { agent, subagentTurns: [subTurn] });
    assert.equal(again.recorded, true);
  });
  sink.expectTree(`
    invoke_agent Math Tutor [agent]
    ├─ chat gpt-6 [generation]
    └─ invoke_agent sub_1 [agent]
       └─ chat [generation]
  `);
});

test("a call that was never answered does not outlive its turn", async () => {
  const part = { status: "cancelled", usage: null };
  const sink = await traced(() => void recordAgentTurn(aTurn(part), { items: items.slice(0, 4) }));
  const calls = sink.findAll("execute_tool check").map(({ record }) => [record.unfinished, record.endTime]);
  assert.deepEqual(calls, [
    [undefined, ns(T0 + 12)],
    [undefined, ns(T0 + 12)],
  ]);
});

test("a question comes before its answer, whatever way a list runs", async () => {
  for (const list of [[asked, answered], { data: [asked, answered] }, [answered, asked], { data: [answered, asked] }]) {
    const extra = { ...answered, id: "m4", content: [{ type: "output_text", text: "Bye." }] };
    const data = Array.isArray(list) ? list : list.data;
    const all = data[0] === asked ? [...data, extra] : [extra, ...data];
    const items = Array.isArray(list) ? all : { data: all };
    const sink = await traced(() => void recordAgentTurn(aTurn(), { items }));
    const [said] = sink.get("agent").record.output as Wire[];
    assert.deepEqual(
      said!["parts"].map(({ content }: Wire) => content),
      ["x = 1.", "Bye."],
    );
  }
});

async function* walk<T>(list: readonly T[]): AsyncGenerator<T> {
  yield* list;
}

test("lists are arrays, pages in either order, promises or async iterables", async () => {
  const newest = items.toReversed();
  const page = (data: readonly Wire[], order?: string): Wire & { data: readonly Wire[] } => ({
    object: "list",
    data,
    has_more: false,
    options: { query: { order } },
  });
  const lists: any[] = [
    items,
    page(newest),
    page(items, "asc"),
    // Azure's and users' own pages do not say how they were asked for.
    { data: items },
    Promise.resolve(page(newest)),
    walk(items),
  ];
  const shape = (records: readonly unknown[]): unknown[] =>
    (records as SpanRecord[]).map(({ name, input, output }) => [name, input, output]);
  const expected = shape((await traced(() => void recordAgentTurn(aTurn(), { items, agent }))).records);
  for (const list of lists) {
    const sink = await traced(async () => {
      const recorded = recordAgentTurn(aTurn(), { items: list, agent });
      const isLater = list instanceof Promise || Symbol.asyncIterator in list;
      assert.equal(recorded instanceof Promise, isLater);
      assert.equal((await recorded).recorded, true);
    });
    assert.deepEqual(shape(sink.records), expected);
  }
});

test("lists of subagents may come later too, and a list that fails costs itself alone", async () => {
  const failing: any = Promise.reject(new Error("503"));
  const sink = await traced(async () => {
    const subagentTurns = [{ turn: subTurn, items: walk([subAnswer]) }];
    const recorded = await recordAgentTurn(aTurn(), { items: failing, subagentTurns });
    assert.equal(recorded.recorded, true);
  });
  assert.equal(sink.get("invoke_agent agent_tutor").record.genAi?.openai?.missing, "503");
  assert.deepEqual((sink.get("invoke_agent sub_1").record.output as Wire[])[0]!["parts"][0].content, "It is +.");
});

test("junk is not recorded, cycles end, and nothing throws or rejects", async () => {
  const throwing = new Proxy(aTurn(), {
    get() {
      throw new Error("hands off");
    },
  });
  const hostileItem = {
    get type() {
      throw new Error("hands off");
    },
  };
  const cycle: Wire = { turn: aTurn({ id: "turn_cycle" }) };
  cycle["subagentTurns"] = [cycle];
  const sink = await traced(async () => {
    for (const junk of [undefined, null, 5, "turn_1", [], {}, { id: 7 }, throwing] as any[]) {
      assert.equal(recordAgentTurn(junk).recorded, false);
      assert.equal(recordAgentTurn(junk, null as any).recorded, false);
    }
    const odd: any = {
      items: [5, null, hostileItem, [], answered],
      subagentTurns: [cycle, 5, null],
      agent: 5,
      session: 5,
    };
    assert.equal(recordAgentTurn(aTurn(), odd).recorded, true);
    const rejected = await recordAgentTurn(aTurn({ id: "turn_9" }), { items: 5 as any, subagentTurns: "x" as any });
    assert.equal(rejected.recorded, true);
  });
  assert.equal(sink.findAll("agent").length, 3);
});

test("while tracing is off nothing is recorded, and lists that reject do not end the process", async () => {
  const sink = memorySink();
  configure({ sinks: [sink], enabled: false });
  const items: any = Promise.reject(new Error("503"));
  const recorded = await recordAgentTurn(aTurn(), { items });
  assert.deepEqual([recorded.id, recorded.status, recorded.recorded], ["turn_1", "completed", false]);
  await shutdown();
  assert.equal(sink.records.length, 0);
});
