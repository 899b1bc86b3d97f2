import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type OpenAI from "openai";
import { withSpan } from "sightline";
import { recordAssistantRun } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { client, drained, FUNCTION, tokens, type Wire, written } from "./run-support.ts";

const QUESTION = "Solve 3x + 11 = 14.";
const ASSISTANT = { model: "gpt-4", name: "Tutor", instructions: "Be kind." };

async function prepared(openai: OpenAI, tools: any[] = []) {
  const assistant = await openai.beta.assistants.create({ ...ASSISTANT, tools });
  const thread = await openai.beta.threads.create({ messages: [{ role: "user", content: QUESTION }] });
  return { thread_id: thread.id, assistant_id: assistant.id };
}

const outputs = (run: Wire) =>
  run["required_action"].submit_tool_outputs.tool_calls.map(({ id }: Wire) => ({ tool_call_id: id, output: "42" }));

test("polls, tool outputs and lists of a run are one agent span with its steps", async () => {
  await using fake = await fakeOpenAI();
  let run: Wire = {};
  const { sink, spans, one } = await written(() =>
    withSpan("flow", async () => {
      const { threads } = client(fake.baseURL).beta;
      const { thread_id, assistant_id } = await prepared(client(fake.baseURL), [
        FUNCTION,
        { type: "code_interpreter" },
      ]);
      const waiting = await threads.runs.createAndPoll(thread_id, { assistant_id });
      run = await threads.runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs: outputs(waiting) });
      await threads.runs.steps.list(run["id"], { thread_id });
      await threads.messages.list(thread_id);
    }),
  );
  sink.expectTree(`
    flow
    ├─ create_agent Tutor
    ├─ POST /threads
    └─ invoke_agent Tutor [agent]
       ├─ chat gpt-4 [generation]
       ├─ execute_tool code_interpreter [tool]
       ├─ chat gpt-4 [generation]
       ├─ execute_tool lookup [tool]
       └─ chat gpt-4 [generation]
  `);
  const agent = one("invoke_agent Tutor");
  const { http, genAi, input, output, startTime, endTime } = agent;
  assert.deepEqual([http?.method, http?.route, http?.status], ["POST", "/threads/{thread_id}/runs", 200]);
  const polls = fake.requests.filter(({ method, path }) => method === "GET" && /\/runs\/[^/]+$/.test(path)).length;
  assert.equal(http?.polls?.count, polls);
  assert.equal(http?.requestId?.startsWith("req_"), true);
  assert.deepEqual(input, [{ role: "user", parts: [{ type: "text", content: QUESTION }] }]);
  assert.equal((output as any)[0].role, "assistant");
  assert.deepEqual([genAi?.openai?.runStatus, genAi?.openai?.stepCount], ["completed", 3]);
  assert.equal(genAi?.openai?.missing, undefined);
  assert.deepEqual([startTime, endTime].map(seconds), [run["created_at"], run["completed_at"]]);
  assert.ok(BigInt(endTime) > BigInt(startTime), "within the second by the clock here");
  assert.equal(one("execute_tool lookup").output, "42");
  const { input: asked, output: said, on } = tokens(spans);
  assert.deepEqual([asked, said], [run["usage"].prompt_tokens, run["usage"].completion_tokens]);
  assert.deepEqual([...new Set(on)], ["generation"]);
});

test("without lists the tokens stand on one call, and functions are known by what the run asked for", async () => {
  await using fake = await fakeOpenAI();
  let run: Wire = {};
  const { spans, one, all } = await written(() =>
    withSpan("flow", async () => {
      const openai = client(fake.baseURL);
      const { thread_id, assistant_id } = await prepared(openai, [FUNCTION]);
      const { runs } = openai.beta.threads;
      const waiting = await runs.createAndPoll(thread_id, { assistant_id });
      run = await runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs: outputs(waiting) });
    }),
  );
  const agent = one("invoke_agent Tutor");
  const tool = one("execute_tool lookup");
  assert.equal(all("invoke_agent Tutor").length, 1);
  assert.equal(tool.parentSpanId, agent.spanId);
  assert.equal(tool.output, "42");
  assert.equal(tool.genAi?.openai?.runStepId, undefined);
  assert.equal(agent.genAi?.openai?.missing, "steps: not listed; messages: not listed");
  assert.equal(tokens(spans).input, run["usage"].prompt_tokens);
  assert.deepEqual(tokens(spans).on, ["generation"]);
});

test("a step that was listed while it waited has the output that was submitted since", async () => {
  await using fake = await fakeOpenAI();
  const { one } = await written(() =>
    withSpan("flow", async () => {
      const openai = client(fake.baseURL);
      const { thread_id, assistant_id } = await prepared(openai, [FUNCTION]);
      const { runs } = openai.beta.threads;
      const waiting = await runs.createAndPoll(thread_id, { assistant_id });
      await runs.steps.list(waiting.id, { thread_id });
      await runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs: outputs(waiting) });
    }),
  );
  const { output, genAi } = one("execute_tool lookup");
  assert.equal(output, "42");
  assert.ok(genAi?.openai?.runStepId?.startsWith("step_"));
});

test("a stream and the stream after the tool outputs are one run; the resumed one loses no tool", async () => {
  await using fake = await fakeOpenAI();
  let run: Wire | undefined;
  const counts: number[] = [];
  const { sink, spans, one } = await written(() =>
    withSpan("flow", async () => {
      const openai = client(fake.baseURL);
      const { thread_id, assistant_id } = await prepared(openai, [FUNCTION]);
      const { runs } = openai.beta.threads;
      const first = runs.stream(thread_id, { assistant_id });
      counts.push((await drained(first)).length);
      const waiting = first.currentRun()!;
      const second = runs.submitToolOutputsStream(waiting.id, { thread_id, tool_outputs: outputs(waiting) });
      const events = await drained(second);
      counts.push(events.length);
      assert.equal(events[0].event, "thread.run.step.completed", "the old step, that was begun in the first stream");
      run = second.currentRun();
    }),
  );
  sink.expectTree(`
    flow
    ├─ create_agent Tutor
    ├─ POST /threads
    └─ invoke_agent Tutor [agent]
       ├─ chat gpt-4 [generation]
       ├─ execute_tool lookup [tool]
       └─ chat gpt-4 [generation]
  `);
  const { http, firstChunkTime, output, startTime } = one("invoke_agent Tutor");
  assert.deepEqual(http?.stream, { events: counts[0]! + counts[1]!, end: "completed" });
  assert.ok(BigInt(firstChunkTime!) >= BigInt(startTime));
  assert.equal((output as any)[0].parts[0].type, "text");
  assert.equal(one("execute_tool lookup").output, "42");
  assert.deepEqual(tokens(spans).input, run?.["usage"].prompt_tokens);
});

test("a list that was read before the run has ended says nothing of its answer", async () => {
  await using fake = await fakeOpenAI();
  const { all, one } = await written(() =>
    withSpan("flow", async () => {
      const { threads } = client(fake.baseURL).beta;
      const { thread_id, assistant_id } = await prepared(client(fake.baseURL));
      await threads.messages.list(thread_id);
      await threads.runs.createAndPoll(thread_id, { assistant_id });
    }),
  );
  assert.equal(one("invoke_agent Tutor").genAi?.openai?.missing, "steps: not listed; messages: not listed");
  assert.equal(all("invoke_agent Tutor").length, 1);
});

test("a run that comes with its thread has the thread's messages for input", async () => {
  await using fake = await fakeOpenAI();
  const { one } = await written(() =>
    withSpan("flow", async () => {
      const openai = client(fake.baseURL);
      const { id: assistant_id } = await openai.beta.assistants.create(ASSISTANT);
      const thread = { messages: [{ role: "user" as const, content: QUESTION }] };
      await openai.beta.threads.createAndRunPoll({ assistant_id, thread });
    }),
  );
  const { input, genAi, http } = one("invoke_agent Tutor");
  assert.deepEqual(input, [{ role: "user", parts: [{ type: "text", content: QUESTION }] }]);
  assert.equal(http?.route, "/threads/runs");
  assert.equal(genAi?.conversationId, genAi?.openai?.threadId);
});

test("messages that are added one by one are the input of the next run only", async () => {
  await using fake = await fakeOpenAI();
  const { spans } = await written(() =>
    withSpan("flow", async () => {
      const openai = client(fake.baseURL);
      const { id: assistant_id } = await openai.beta.assistants.create(ASSISTANT);
      const { id } = await openai.beta.threads.create();
      const { messages, runs } = openai.beta.threads;
      await messages.create(id, { role: "user", content: "one" });
      await runs.createAndPoll(id, { assistant_id });
      // Times are whole seconds: what comes in the same one could belong to either.
      await sleep(1100);
      await messages.create(id, { role: "user", content: "two" });
      await runs.createAndPoll(id, { assistant_id });
    }),
  );
  const agents = spans.filter(({ type, name }) => type === "agent" && name.startsWith("invoke"));
  const texts = agents.map(({ input }) => (input as any[]).map(({ parts }) => parts[0].content));
  assert.deepEqual(texts, [["one"], ["one", "two"]]);
  assert.equal(spans.filter(({ name }) => name === "POST /threads/{thread_id}/messages").length, 2);
});

test("a run that its trace does not see ending is unfinished, and completed by a later poll from elsewhere", async () => {
  await using fake = await fakeOpenAI();
  let ids = { thread_id: "", run_id: "" };
  let usage: Wire = {};
  const { all, spans, one } = await written(async () => {
    const openai = client(fake.baseURL);
    const { runs } = openai.beta.threads;
    let waiting: Wire = {};
    await withSpan("request 1", async () => {
      const { thread_id, assistant_id } = await prepared(openai, [FUNCTION]);
      waiting = await runs.createAndPoll(thread_id, { assistant_id });
      ids = { thread_id, run_id: waiting["id"] };
    });
    await withSpan("request 2", async () => {
      const { thread_id, run_id } = ids;
      const run = await runs.submitToolOutputsAndPoll(run_id, { thread_id, tool_outputs: outputs(waiting) });
      usage = run.usage!;
      await runs.steps.list(run_id, { thread_id });
    });
  });
  const [unfinished, whole] = all("invoke_agent Tutor");
  assert.deepEqual([unfinished?.unfinished, unfinished?.level, unfinished?.seq], [true, "WARNING", 0]);
  assert.equal(unfinished?.genAi?.openai?.runStatus, "requires_action");
  assert.equal(unfinished?.genAi?.openai?.pendingToolCalls?.[0]?.name, "lookup");
  assert.deepEqual([whole?.unfinished, whole?.level, whole?.seq], [undefined, "DEFAULT", 1]);
  const same = ({ spanId, traceId, parentSpanId, startTime }: any) => ({ spanId, traceId, parentSpanId, startTime });
  assert.deepEqual(same(whole), same(unfinished));
  assert.equal(whole?.parentSpanId, one("request 1").spanId);
  assert.equal(one("execute_tool lookup").output, "42", "also when it was written before it had an output");
  assert.equal(tokens(spans).input, usage["prompt_tokens"]);
  assert.equal(spans.filter(({ traceId }) => traceId === one("request 2").traceId).length, 1);
});

test("steps that are listed after the run was written go below it, and the tokens stay where they stand", async () => {
  await using fake = await fakeOpenAI();
  let usage: Wire = {};
  const { all, spans, one } = await written(async () => {
    const openai = client(fake.baseURL);
    const { runs } = openai.beta.threads;
    let ids = { thread_id: "", run_id: "" };
    await withSpan("request 1", async () => {
      const { thread_id, assistant_id } = await prepared(openai, [FUNCTION, { type: "code_interpreter" }]);
      const waiting = await runs.createAndPoll(thread_id, { assistant_id });
      const run = await runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs: outputs(waiting) });
      ids = { thread_id, run_id: run.id };
      usage = run.usage!;
    });
    for (let i = 0; i < 3; i++) await runs.steps.list(ids.run_id, { thread_id: ids.thread_id });
  });
  assert.deepEqual(
    all("invoke_agent Tutor").map(({ seq }) => seq),
    [0, 1],
    "a list that says nothing new writes nothing",
  );
  assert.equal(one("chat gpt-4").seq, 1);
  assert.deepEqual([tokens(spans).input, tokens(spans).on], [usage["prompt_tokens"], ["generation"]]);
  assert.equal(one("execute_tool lookup").seq, 1, "the same span, although its step was not known before");
  assert.equal(one("execute_tool code_interpreter").parentSpanId, one("invoke_agent Tutor").spanId);
});

test("a run that was never seen before lands when it is retrieved; a list of runs does not", async () => {
  await using fake = await fakeOpenAI();
  const other = client(fake.baseURL, { fetch: globalThis.fetch });
  const { thread_id, assistant_id } = await prepared(other);
  const { id } = await other.beta.threads.runs.createAndPoll(thread_id, { assistant_id });
  const { sink } = await written(() =>
    withSpan("flow", async () => {
      const { runs } = client(fake.baseURL).beta.threads;
      await runs.list(thread_id);
      await runs.retrieve(id, { thread_id });
      await runs.steps.list(id, { thread_id });
    }),
  );
  sink.expectTree(`
    flow
    ├─ invoke_agent asst_<id> [agent]
    │  └─ chat gpt-4 [generation]
    └─ GET /threads/{thread_id}/runs
  `);
});

test("a run outside of any span is a trace of its own, written a second after its end", async () => {
  await using fake = await fakeOpenAI();
  const { spans } = await written(async (sink) => {
    const openai = client(fake.baseURL);
    const { thread_id, assistant_id } = await prepared(openai);
    await openai.beta.threads.runs.createAndPoll(thread_id, { assistant_id });
    await openai.beta.threads.messages.list(thread_id);
    assert.equal(sink.all.filter((record) => "name" in record && record.name.startsWith("invoke")).length, 0);
    while (!sink.all.some((record) => "name" in record && record.name.startsWith("invoke"))) await sleep(20);
  });
  const agent = spans.find(({ name }) => name === "invoke_agent Tutor");
  assert.equal(agent?.parentSpanId, undefined);
  assert.equal(agent?.unfinished, undefined);
  assert.equal(Array.isArray(agent?.output), true);
});

test("requests that fail have spans of their own, and the run stays as it is", async () => {
  await using fake = await fakeOpenAI({ runs: "requires_action" });
  const { spans, one } = await written(() =>
    withSpan("flow", async () => {
      const openai = client(fake.baseURL);
      const { thread_id, assistant_id } = await prepared(openai, [FUNCTION]);
      const { runs } = openai.beta.threads;
      const waiting = await runs.createAndPoll(thread_id, { assistant_id });
      await assert.rejects(runs.create(thread_id, { assistant_id }));
      await assert.rejects(runs.submitToolOutputs(waiting.id, { thread_id, tool_outputs: [] }));
    }),
  );
  const conflict = one("POST /threads/{thread_id}/runs");
  assert.match(String(conflict.error?.message), /already has an active run/);
  assert.match(String(one("POST /threads/{thread_id}/runs/{run_id}/submit_tool_outputs").error?.message), /Expected/);
  assert.equal(spans.filter(({ name }) => name.startsWith("invoke_agent")).length, 1);
  assert.equal(one("execute_tool lookup").output, undefined);
});

test("a create that is tried again is an attempt of the agent", async () => {
  await using fake = await fakeOpenAI({ script: [{ match: "POST /threads/*/runs", status: 500, times: 1 }] });
  const { one } = await written(() =>
    withSpan("flow", async () => {
      const openai = client(fake.baseURL, { maxRetries: 2 });
      const { thread_id, assistant_id } = await prepared(openai);
      await openai.beta.threads.runs.createAndPoll(thread_id, { assistant_id });
    }),
  );
  const attempts = one("invoke_agent Tutor").http?.attempts;
  assert.deepEqual(
    attempts?.map(({ status }) => status),
    [500, 200],
  );
});

test("recordAssistantRun adds to what the wire has seen, and says whether it did", async () => {
  await using fake = await fakeOpenAI();
  const said: boolean[] = [];
  const { all, spans, one } = await written(async () => {
    let data: Wire = {};
    await withSpan("flow", async () => {
      const openai = client(fake.baseURL);
      const { thread_id, assistant_id } = await prepared(openai, [FUNCTION]);
      const { runs, messages } = openai.beta.threads;
      const waiting = await runs.createAndPoll(thread_id, { assistant_id });
      said.push(recordAssistantRun({ run: waiting }).recorded);
      const run = await runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs: outputs(waiting) });
      said.push(recordAssistantRun({ run }).recorded);
      const plain = client(fake.baseURL, { fetch: globalThis.fetch }).beta.threads;
      const steps = await plain.runs.steps.list(run.id, { thread_id });
      data = { run, steps, messages: await messages.list(thread_id) };
      const recorded = recordAssistantRun(data as any);
      said.push(recorded.recorded, recordAssistantRun(data as any).recorded);
      assert.deepEqual([recorded.status, recorded.runId], ["completed", run.id]);
    });
    said.push(recordAssistantRun(data as any).recorded);
  });
  assert.deepEqual(said, [false, false, true, false, false]);
  assert.equal(all("invoke_agent Tutor").length, 1);
  assert.equal(spans.filter(({ name }) => name === "chat gpt-4").length, 2, "by the steps that were given");
  assert.equal(one("execute_tool lookup").output, "42");
});

test("a run that was recorded as data before goes on where that is, and one that was whole stays as it is", async () => {
  await using fake = await fakeOpenAI();
  const other = client(fake.baseURL, { fetch: globalThis.fetch });
  const { thread_id, assistant_id } = await prepared(other);
  const queued = await other.beta.threads.runs.create(thread_id, { assistant_id });
  let recorded: Wire = {};
  const name = `invoke_agent ${assistant_id}`;
  const { all, spans } = await written(async () => {
    const { runs } = client(fake.baseURL).beta.threads;
    await withSpan("first", () => {
      recorded = recordAssistantRun({ run: queued });
    });
    await withSpan("second", () => runs.poll(queued.id, { thread_id }));
  });
  assert.deepEqual(
    all(name).map(({ seq, spanId, unfinished }) => [seq, spanId, unfinished]),
    [
      [0, recorded["spanId"], true],
      [1, recorded["spanId"], undefined],
    ],
  );
  assert.equal(spans.length, 4);
  const whole = await written(async () => {
    const { runs } = client(fake.baseURL).beta.threads;
    recordAssistantRun({ run: await other.beta.threads.runs.retrieve(queued.id, { thread_id }) });
    await withSpan("second", () => runs.retrieve(queued.id, { thread_id }));
  });
  assert.deepEqual(
    whole.all(name).map(({ seq }) => seq),
    [0],
  );
  assert.equal(whole.spans.length, 3);
});

test("inside suppress nothing is recorded, and payloads are left out where they are not wanted", async () => {
  await using fake = await fakeOpenAI();
  const { tracedFetch } = await import("../../../src/openai/wire/traced-fetch.ts");
  const { suppress } = await import("sightline");
  const { spans, one } = await written(async () => {
    const run = async (openai: OpenAI) => {
      const { thread_id, assistant_id } = await prepared(openai, [FUNCTION]);
      const { runs, messages } = openai.beta.threads;
      const waiting = await runs.createAndPoll(thread_id, { assistant_id });
      await runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs: outputs(waiting) });
      await messages.list(thread_id);
    };
    await suppress(() => run(client(fake.baseURL)));
    await withSpan("flow", () => run(client(fake.baseURL, { fetch: tracedFetch({ captureContent: false }) })));
  });
  assert.equal(spans.filter(({ type, name }) => type === "agent" && name.startsWith("invoke")).length, 1);
  for (const name of ["invoke_agent Tutor", "chat gpt-4", "execute_tool lookup"]) {
    const { input, output, genAi } = one(name);
    assert.deepEqual([input, output, genAi?.systemInstructions], [undefined, undefined, undefined], name);
  }
  assert.equal(tokens(spans).on.length, 1);
});

function seconds(nanos: string): number {
  return Number(BigInt(nanos) / 1_000_000_000n);
}
