/** What the objects of a run say beyond the plain case: every kind of message part and tool call, and the facts for rules. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord } from "sightline";
import { recordAssistantRun } from "sightline/openai";
import { traced } from "../support/traced.ts";
import { aMessage, aRun, aStep, messages, steps, T0 } from "./payloads.ts";

const ns = (seconds: number) => `${seconds}000000000`;
const RUN = aRun().id;

/** The records of one recording. */
async function recorded(data: any): Promise<{ agent: SpanRecord; chats: SpanRecord[]; tools: SpanRecord[] }> {
  const sink = await traced(() => {
    assert.equal(recordAssistantRun(data).recorded, true);
  });
  const all = (type: string) => sink.findAll(type).map(({ record }) => record);
  return { agent: sink.get("agent").record, chats: all("generation"), tools: all("tool") };
}

test("all parts of all messages of the run, and why one is not whole", async () => {
  const annotations = [
    {
      type: "file_citation",
      text: "【4:0†a.txt】",
      start_index: 3,
      end_index: 14,
      file_citation: { file_id: "file-1" },
    },
    { type: "file_path", text: "sandbox:/b.csv", start_index: 20, end_index: 34, file_path: { file_id: "file-2" } },
  ];
  const asked = aMessage("msg_asked", T0 - 1, "user", "", {
    content: [
      { type: "text", text: { value: "What is this?", annotations: [] } },
      { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "auto" } },
    ],
    attachments: [{ file_id: "file-3", tools: [{ type: "file_search" }] }],
  });
  const own = (id: string, part: object) => aMessage(id, T0 + 2, "assistant", "", { run_id: RUN, ...part });
  const answers = [
    own("msg_1", { content: [{ type: "text", text: { value: "See 【4:0†a.txt】 sandbox:/b.csv", annotations } }] }),
    own("msg_2", { content: [{ type: "image_file", image_file: { file_id: "file-4", detail: "auto" } }] }),
    own("msg_3", { content: [{ type: "refusal", refusal: "I can't." }] }),
    own("msg_4", { content: [], incomplete_details: { reason: "content_filter" }, status: "incomplete" }),
  ];
  const { agent, chats } = await recorded({ run: aRun(), messages: [asked, ...answers] });
  assert.deepEqual(agent.input, [
    {
      role: "user",
      parts: [
        { type: "text", content: "What is this?" },
        { type: "uri", modality: "image", uri: "https://example.com/a.png", detail: "auto" },
        { type: "file", modality: "document", file_id: "file-3", tools: [{ type: "file_search" }] },
      ],
    },
  ]);
  assert.deepEqual(agent.output, [
    { role: "assistant", parts: [{ type: "text", content: "See 【4:0†a.txt】 sandbox:/b.csv", annotations }] },
    { role: "assistant", parts: [{ type: "file", modality: "image", file_id: "file-4", detail: "auto" }] },
    { role: "assistant", parts: [{ type: "refusal", content: "I can't." }] },
    { role: "assistant", parts: [], finish_reason: "content_filter" },
  ]);
  assert.deepEqual([chats[0]!.input, chats[0]!.output], [agent.input, agent.output]);
});

const toolStep = (...tool_calls: object[]) =>
  aStep({ id: "step_1", usage: aRun().usage, step_details: { type: "tool_calls", tool_calls } });

test("tool calls with all that they were asked and found", async () => {
  const outputs = [
    { type: "logs", logs: "1.0" },
    { type: "image", image: { file_id: "file-plot" } },
  ];
  const results = [
    { file_id: "file-1", file_name: "a.txt", score: 0.8, content: [{ type: "text", text: "3x + 11" }] },
    { file_id: "file-2", file_name: "b.txt", score: 0.1, attributes: {} },
  ];
  const step = toolStep(
    { id: "call_1", type: "code_interpreter", code_interpreter: { input: "plot()", outputs } },
    { id: "call_2", type: "file_search", file_search: { results } },
    { id: "call_3", type: "function", function: { name: "f", arguments: '{"x":', output: "" } },
  );
  const answer = aStep({
    id: "step_2",
    type: "message_creation",
    created_at: T0 + 4,
    usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    step_details: { type: "message_creation", message_creation: { message_id: "msg_answer" } },
  });
  const { chats, tools } = await recorded({ run: aRun(), steps: [step, answer], messages });
  assert.deepEqual(
    tools.map(({ input, output }) => [input, output]),
    [
      ["plot()", outputs],
      [undefined, results],
      ['{"x":', ""],
    ],
  );
  assert.deepEqual(
    (chats[1]!.input as any[]).map(({ parts }) => parts[0]),
    [
      {
        type: "server_tool_call_response",
        id: "call_1",
        server_tool_call_response: { type: "code_interpreter", outputs },
      },
      { type: "server_tool_call_response", id: "call_2", server_tool_call_response: { type: "file_search", results } },
      { type: "tool_call_response", id: "call_3", response: "" },
    ],
  );
});

test("tools that only other hosts have", async () => {
  const step = toolStep(
    {
      id: "call_1",
      type: "bing_grounding",
      bing_grounding: { requesturl: "https://api.bing/q", response_metadata: "{}" },
    },
    { id: "call_2", type: "connected_agent", connected_agent: { name: "stocks", arguments: '{"a":1}', output: "up" } },
    { id: "call_3", type: "openapi", function: { name: "getWeather", arguments: '{"city":"Oslo"}', output: "4 °C" } },
    { id: "call_4", type: "mcp", name: "search", arguments: '{"q":"x"}', output: "found", server_label: "docs" },
    { id: "call_5", type: "azure_ai_search", azure_ai_search: { input: "q", output: "[]" } },
  );
  const { chats, tools } = await recorded({ run: aRun(), steps: [step] });
  assert.deepEqual(
    tools.map(({ name, input, output, genAi }) => [name, input, output, genAi?.tool?.type]),
    [
      [
        "execute_tool bing_grounding",
        { requesturl: "https://api.bing/q", response_metadata: "{}" },
        undefined,
        "extension",
      ],
      ["execute_tool stocks", { a: 1 }, "up", "extension"],
      ["execute_tool getWeather", { city: "Oslo" }, "4 °C", "extension"],
      ["execute_tool search", { q: "x" }, "found", "extension"],
      ["execute_tool azure_ai_search", "q", "[]", "extension"],
    ],
  );
  assert.deepEqual((chats[0]!.output as any)[0].parts[1], {
    type: "server_tool_call",
    id: "call_2",
    name: "stocks",
    server_tool_call: { type: "connected_agent", input: { a: 1 } },
  });
});

test("the output of a function is unknown until it is submitted, and null never", async () => {
  const call = { id: "call_1", type: "function", function: { name: "f", arguments: "{}", output: null } };
  const next = aStep({ id: "step_2", created_at: T0 + 4, usage: { prompt_tokens: 0, completion_tokens: 0 } });
  const { chats, tools } = await recorded({ run: aRun(), steps: [toolStep(call), next] });
  assert.ok(!("output" in tools[0]!));
  // A response without an answer is still one, in a shape that needs the field.
  const response = { type: "tool_call_response", id: "call_1", response: null };
  assert.deepEqual(chats[1]!.input, [{ role: "tool", parts: [response] }]);
});

test("the facts that rules read stand on the agent", async () => {
  const last_error = { code: "server_error", message: "Sorry" };
  const failed = aRun({ status: "failed", completed_at: null, failed_at: T0 + 9, expires_at: T0 + 600, last_error });
  const { agent } = await recorded({ run: failed, steps, messages });
  assert.deepEqual(agent.genAi?.openai, {
    apiType: "assistants",
    threadId: "thread_algebra",
    runId: RUN,
    runStatus: "failed",
    assistantId: "asst_tutor",
    createdAt: T0,
    startedAt: T0 + 1,
    expiresAt: T0 + 600,
    errorCode: "server_error",
    errorMessage: "Sorry",
    stepCount: 3,
  });
  const incomplete_details = { reason: "max_prompt_tokens" };
  const cut = await recorded({ run: aRun({ status: "incomplete", incomplete_details }) });
  assert.equal(cut.agent.genAi?.openai?.incompleteReason, "max_prompt_tokens");
  assert.equal(cut.agent.genAi?.openai?.missing, "steps: not given; messages: not given");
  assert.equal(cut.chats[0]!.genAi?.openai?.runId, RUN);
  assert.equal((await recorded({ run: aRun(), steps, output: "x = 1" })).agent.genAi?.openai?.missing, undefined);
});

test("the last message of an answer says how the run ended", async () => {
  const reason = async (status: string) => {
    const { agent } = await recorded({ run: aRun({ status }), messages });
    return (agent.output as any[]).map(({ finish_reason }) => finish_reason);
  };
  assert.deepEqual(await reason("completed"), [undefined, "stop"]);
  assert.deepEqual(await reason("incomplete"), [undefined, "length"]);
  assert.deepEqual(await reason("failed"), [undefined, "error"]);
  assert.deepEqual(await reason("in_progress"), [undefined, undefined]);
  const output = [{ role: "assistant", parts: [] }];
  assert.deepEqual((await recorded({ run: aRun(), output })).agent.output, output, "what the user gives is left");
});

test("a run that is being cancelled keeps the time at which that was first seen, and its first start", async () => {
  const cancelling = aRun({ status: "cancelling", completed_at: null, usage: null });
  const sink = await traced(() => {
    recordAssistantRun({ run: aRun({ status: "queued", started_at: null, completed_at: null, usage: null }) });
    recordAssistantRun({ run: cancelling, observedAt: (T0 + 30) * 1000 });
    const cancelled = { ...cancelling, status: "cancelled", cancelled_at: T0 + 90, started_at: T0 + 80 };
    recordAssistantRun({ run: cancelled, observedAt: (T0 + 95) * 1000 });
  });
  const { openai } = sink.get("agent").record.genAi!;
  assert.deepEqual([openai?.cancellingSince, openai?.startedAt], [T0 + 30, T0 + 1]);
});

test("a step that expired ended when the wire says, which has another name for it than the types", async () => {
  const step = (part: object) => ({ ...toolStep({ id: "c", type: "bing_grounding" }), completed_at: null, ...part });
  const run = aRun({ status: "expired", completed_at: null, expires_at: T0 + 600, usage: null });
  const ends = async (part: object) => (await recorded({ run, steps: [step(part)] })).tools[0]!.endTime;
  assert.equal(await ends({ status: "expired", expires_at: T0 + 60 }), ns(T0 + 60));
  assert.equal(await ends({ status: "expired", expired_at: T0 + 50, expires_at: T0 + 60 }), ns(T0 + 50));
  assert.equal(await ends({ status: "in_progress", expires_at: T0 + 60 }), ns(T0 + 600), "it did not expire");
});

test("a session of the code interpreter is counted once in the hour and thread, with the run's first model call", async () => {
  const minutes = 60;
  const sink = await traced(() => {
    const see = (id: string, thread_id: string, at: number, steps?: unknown) => {
      const shifted = (steps as any[] | undefined)?.map((step) => ({
        ...step,
        id: `${step.id}_${id}`,
        created_at: at,
      }));
      const run = aRun({ id, thread_id, created_at: at, completed_at: at + 5 });
      recordAssistantRun({ run, ...(shifted && { steps: shifted }) });
      recordAssistantRun({ run, ...(shifted && { steps: shifted }) });
    };
    see("run_1", "thread_1", T0, steps);
    see("run_2", "thread_1", T0 + 30 * minutes, steps);
    see("run_3", "thread_2", T0 + 30 * minutes, steps);
    see("run_4", "thread_1", T0 + 300 * minutes, steps);
    see("run_5", "thread_3", T0);
    see("run_6", "thread_4", T0, steps.slice(1));
  });
  const holders = sink
    .findAll("generation")
    .map(({ record }) => record)
    .filter(({ usage }) => usage?.codeInterpreterSessions !== undefined);
  assert.deepEqual(
    holders.map(({ usage, genAi }) => [genAi?.openai?.runStepId, usage?.codeInterpreterSessions, usage?.inputTokens]),
    [
      ["step_1_run_1", 1, 400],
      ["step_1_run_3", 1, 400],
      ["step_1_run_4", 1, 400],
    ],
  );
});

test("usage of every age: totals only, cached and reasoning tokens under the wire's names, under the types' names", async () => {
  const usage = async (usage: object) => (await recorded({ run: aRun({ usage }) })).chats[0]!.usage;
  const totals = { prompt_tokens: 381, completion_tokens: 88, total_tokens: 469 };
  const normal = { inputTokens: 381, outputTokens: 88, totalTokens: 469 };
  assert.deepEqual(await usage(totals), normal);
  const details = { completion_tokens_details: { reasoning_tokens: 32 } };
  const whole = { ...normal, cacheReadInputTokens: 128, reasoningOutputTokens: 32 };
  assert.deepEqual(await usage({ ...totals, prompt_token_details: { cached_tokens: 128 }, ...details }), whole);
  assert.deepEqual(await usage({ ...totals, prompt_tokens_details: { cached_tokens: 128 }, ...details }), whole);
});
