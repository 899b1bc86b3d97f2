import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { type SpanRecord, withSpan } from "sightline";
import { recordAssistantRun } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { traced } from "../support/traced.ts";

const QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?";
const LOOKUP = {
  type: "function" as const,
  function: { name: "lookup", parameters: { type: "object", properties: {} } },
};

/** The same flow as each client's types and argument orders have it. */
const FLOWS = {
  "openai 4": async (options: { baseURL: string; apiKey: string }) => {
    const { assistants, threads } = new OpenAI4(options).beta;
    const assistant = await assistants.create({ model: "gpt-4", name: "Math Tutor", tools: [LOOKUP] });
    const thread = await threads.create({ messages: [{ role: "user", content: QUESTION }] });
    const waiting = await threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
    recordAssistantRun({ run: waiting, assistant });
    const tool_outputs = waiting.required_action!.submit_tool_outputs.tool_calls.map(({ id }) => {
      return { tool_call_id: id, output: "42" };
    });
    const run = await threads.runs.submitToolOutputsAndPoll(thread.id, waiting.id, { tool_outputs });
    const steps = await threads.runs.steps.list(thread.id, run.id);
    const messages = await threads.messages.list(thread.id);
    recordAssistantRun({ run, steps, messages, thread, assistant });
    return run;
  },
  "openai 5": async (options: { baseURL: string; apiKey: string }) => {
    const { assistants, threads } = new OpenAI5(options).beta;
    const assistant = await assistants.create({ model: "gpt-4", name: "Math Tutor", tools: [LOOKUP] });
    const thread = await threads.create({ messages: [{ role: "user", content: QUESTION }] });
    const thread_id = thread.id;
    const waiting = await threads.runs.createAndPoll(thread_id, { assistant_id: assistant.id });
    recordAssistantRun({ run: waiting, assistant });
    const tool_outputs = waiting.required_action!.submit_tool_outputs.tool_calls.map(({ id }) => {
      return { tool_call_id: id, output: "42" };
    });
    const run = await threads.runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs });
    const steps = await threads.runs.steps.list(run.id, { thread_id, order: "asc" });
    const messages = await threads.messages.list(thread_id, { order: "asc" });
    recordAssistantRun({ run, steps, messages, thread, assistant });
    return run;
  },
  "openai 6, lists not awaited": async (options: { baseURL: string; apiKey: string }) => {
    const { assistants, threads } = new OpenAI(options).beta;
    const assistant = await assistants.create({ model: "gpt-4", name: "Math Tutor", tools: [LOOKUP] });
    const thread = await threads.create({ messages: [{ role: "user", content: QUESTION }] });
    const thread_id = thread.id;
    const waiting = await threads.runs.createAndPoll(thread_id, { assistant_id: assistant.id });
    recordAssistantRun({ run: waiting, assistant });
    const tool_outputs = waiting.required_action!.submit_tool_outputs.tool_calls.map(({ id }) => {
      return { tool_call_id: id, output: "42" };
    });
    const run = await threads.runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs });
    const steps = threads.runs.steps.list(run.id, { thread_id });
    const messages = threads.messages.list(thread_id);
    await recordAssistantRun({ run, steps, messages, thread, assistant });
    return run;
  },
};

for (const [client, flow] of Object.entries(FLOWS)) {
  test(`${client}: a run with tool outputs, recorded while it waits and when it is done`, async () => {
    await using fake = await fakeOpenAI();
    let usage: { prompt_tokens: number; completion_tokens: number } | null = null;
    const sink = await traced(async () => {
      usage = (await withSpan("run_math_tutor", () => flow(fake))).usage;
    });
    sink.expectTree(`
      run_math_tutor
      └─ invoke_agent Math Tutor [agent]
         ├─ chat gpt-4 [generation]
         ├─ execute_tool lookup [tool]
         └─ chat gpt-4 [generation]
    `);
    const agent = sink.get("agent").record;
    assert.deepEqual(agent.input, [{ role: "user", parts: [{ type: "text", content: QUESTION }] }]);
    assert.match(JSON.stringify(agent.output), /x = 1\./);
    assert.equal(sink.get("tool").record.output, "42");
    const spans = sink.records as SpanRecord[];
    const sum = (key: "inputTokens" | "outputTokens") => spans.reduce((all, span) => all + (span.usage?.[key] ?? 0), 0);
    assert.deepEqual([sum("inputTokens"), sum("outputTokens")], [usage!.prompt_tokens, usage!.completion_tokens]);
    const lists = fake.requests.filter(({ path }) => /steps$|messages$/.test(path));
    assert.equal(lists.length, 2, "recording asks for nothing");
  });
}

test("Azure's camelCase objects fit the types", async () => {
  const createdAt = new Date("2026-03-31T12:00:00Z");
  const sink = await traced(() => {
    recordAssistantRun({
      run: {
        id: "run_azure",
        status: "completed",
        threadId: "thread_1",
        assistantId: "asst_1",
        createdAt,
        completedAt: new Date("2026-03-31T12:00:05Z"),
        model: "gpt-4o",
        usage: { promptTokens: 12, completionTokens: 4, totalTokens: 16 },
      },
      messages: [
        { role: "assistant", runId: "run_azure", createdAt, content: [{ type: "text", text: { value: "Hi" } }] },
      ],
    });
  });
  const { usage, output, startTime, endTime } = sink.get("generation").record;
  assert.deepEqual(usage, { inputTokens: 12, outputTokens: 4, totalTokens: 16 });
  assert.deepEqual(output, [{ role: "assistant", parts: [{ type: "text", content: "Hi" }], finish_reason: "stop" }]);
  assert.equal(BigInt(endTime) - BigInt(startTime), 5_000_000_000n);
});
