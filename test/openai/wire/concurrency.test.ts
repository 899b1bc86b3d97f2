import assert from "node:assert/strict";
import { test } from "node:test";
import { observe, withSpan } from "sightline";
import { fakeOpenAI } from "sightline/testing";
import { client, drained, FUNCTION, tokens, type Wire, written } from "./run-support.ts";

const FLOWS = 50;

test("50 flows polling and streaming at once through one client: every span is where its flow is", async () => {
  await using fake = await fakeOpenAI();
  const openai = client(fake.baseURL);
  const { threads } = openai.beta;
  const usages: Wire[] = [];
  const outputs = (run: Wire) =>
    run["required_action"].submit_tool_outputs.tool_calls.map(({ id }: Wire) => ({ tool_call_id: id, output: id }));

  const polled = async (thread_id: string, assistant_id: string): Promise<Wire> => {
    const waiting = await threads.runs.createAndPoll(thread_id, { assistant_id });
    return threads.runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs: outputs(waiting) });
  };
  const streamed = async (thread_id: string, assistant_id: string): Promise<Wire> => {
    const first = threads.runs.stream(thread_id, { assistant_id });
    await drained(first);
    const waiting = first.currentRun()!;
    const params = { thread_id, tool_outputs: outputs(waiting) };
    const second = threads.runs.submitToolOutputsStream(waiting.id, params);
    await drained(second);
    return second.currentRun()!;
  };

  const { spans } = await written(async () => {
    const { id: assistant_id } = await withSpan("setup", () =>
      openai.beta.assistants.create({ model: "gpt-4", name: "Tutor", tools: [FUNCTION] }),
    );
    const flow = observe({ name: "flow" }, async (question: string) => {
      const thread = await threads.create({ messages: [{ role: "user", content: question }] });
      const run = await withSpan("run", () =>
        (Number(question) % 2 === 0 ? polled : streamed)(thread.id, assistant_id),
      );
      usages.push(run["usage"]);
      await threads.runs.steps.list(run["id"], { thread_id: thread.id });
      await openai.chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: question }] });
    });
    await Promise.all(Array.from({ length: FLOWS }, (_, i) => flow(String(i))));
  });

  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const flowOf = (span: (typeof spans)[number]): unknown => {
    for (let at = byId.get(span.spanId); at !== undefined; at = byId.get(at.parentSpanId ?? "")) {
      assert.equal(at.traceId, span.traceId);
      if (at.name === "flow") return (at.input as any).question;
    }
    return undefined;
  };
  const named = (name: string) => spans.filter((span) => span.name === name);
  assert.equal(named("flow").length, FLOWS);
  const agents = named("invoke_agent Tutor");
  assert.equal(agents.length, FLOWS);
  for (const agent of agents) {
    const asked = (agent.input as any)[0].parts[0].content;
    assert.equal(byId.get(agent.parentSpanId!)?.name, "run");
    assert.equal(flowOf(agent), asked);
    const children = spans.filter(({ parentSpanId }) => parentSpanId === agent.spanId);
    assert.deepEqual(
      children.map(({ name }) => name),
      ["chat gpt-4", "execute_tool lookup", "chat gpt-4"],
    );
    const tool = children[1]!;
    assert.equal(tool.output, tool.genAi?.tool?.callId);
  }
  const chats = named("chat gpt-4o");
  assert.equal(chats.length, FLOWS);
  for (const chat of chats) {
    assert.equal(flowOf(chat), (chat.input as any)[0].parts[0].content);
    assert.equal(byId.get(chat.parentSpanId!)?.name, "flow");
  }
  assert.equal(
    spans.length,
    2 + FLOWS * 8,
    "two of the setup; of each flow: itself, thread, run, agent, 3 below it, chat",
  );
  const sum = usages.reduce((total, { prompt_tokens }) => total + prompt_tokens, 0);
  assert.equal(tokens(spans.filter(({ name }) => name === "chat gpt-4")).input, sum);
});
