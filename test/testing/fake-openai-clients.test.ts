import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI6 from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { type FakeOpenAI, type FakeOpenAIOptions, fakeOpenAI } from "../../src/testing/fake-openai.ts";

type Client = OpenAI6;

const CLIENTS = { "openai 4": OpenAI4, "openai 5": OpenAI5, "openai 6": OpenAI6 } as const;
const QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?";
const ANSWER = "Subtract 11 from both sides, then divide by 3: x = 1.";
const WEATHER = {
  type: "function",
  function: { name: "get_weather", parameters: { type: "object", properties: { city: { type: "string" } } } },
} as const;
const TIME = {
  type: "function",
  function: { name: "get_time", parameters: { type: "object", properties: {} } },
} as const;

for (const [name, Any] of Object.entries(CLIENTS)) {
  // The parts used here have the same types in all three, but for the order of path parameters in 4.
  const Client = Any as unknown as typeof OpenAI6;
  const isV4 = (Any as unknown) === OpenAI4;

  const check = (what: string, options: FakeOpenAIOptions, run: (openai: Client, fake: FakeOpenAI) => Promise<void>) =>
    test(`${name}: ${what}`, async () => {
      await using fake = await fakeOpenAI(options);
      await run(new Client({ baseURL: fake.baseURL, apiKey: fake.apiKey }), fake);
    });

  const path = (thread_id: string, run_id: string, rest: object = {}): [string, any] =>
    isV4 ? ([thread_id, run_id, rest] as unknown as [string, any]) : [run_id, { thread_id, ...rest }];

  /** `parse` and `stream` of chat were in beta until 5. */
  const helpers = (openai: Client) =>
    (isV4 ? (openai.beta as any) : openai).chat.completions as Client["chat"]["completions"];

  const ask = async (openai: Client, tools: readonly any[] = []) => {
    const assistant = await openai.beta.assistants.create({
      name: "Math Tutor",
      instructions: "You are a personal math tutor.",
      model: "gpt-4",
      tools: [...tools],
    });
    const thread = await openai.beta.threads.create();
    await openai.beta.threads.messages.create(thread.id, { role: "user", content: QUESTION });
    return { assistant, thread };
  };

  check("createAndPoll answers the question with usage", {}, async (openai, fake) => {
    const { assistant, thread } = await ask(openai);
    const run = await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
    assert.equal(run.status, "completed");
    assert.equal(run.model, "gpt-4");
    assert.ok(run.usage!.total_tokens > 0);
    const messages = await openai.beta.threads.messages.list(thread.id, { run_id: run.id });
    assert.deepEqual(
      messages.data.map(({ content }) => (content[0] as any).text.value),
      [ANSWER],
    );
    const polls = fake.requests.filter(({ method, path }) => method === "GET" && path.endsWith(run.id));
    assert.equal(polls.length, 2, "queued, in_progress, completed");
    assert.equal(polls[0]!.headers["openai-beta"], "assistants=v2");
    assert.equal(polls[0]!.headers["x-stainless-poll-helper"], "true");
  });

  check("messages.list pages by itself", {}, async (openai, fake) => {
    const { thread } = await ask(openai);
    for (let i = 1; i < 7; i++) {
      await openai.beta.threads.messages.create(thread.id, { role: "user", content: `message ${i}` });
    }
    const first = await openai.beta.threads.messages.list(thread.id, { limit: 3, order: "asc" });
    assert.equal(first.data.length, 3);
    assert.equal(first.hasNextPage(), true);
    const seen: string[] = [];
    for await (const message of openai.beta.threads.messages.list(thread.id, { limit: 3, order: "asc" })) {
      seen.push((message.content[0] as any).text.value);
    }
    assert.deepEqual(seen, [QUESTION, ...[1, 2, 3, 4, 5, 6].map((i) => `message ${i}`)]);
    const pages = fake.requests.filter(({ method, path }) => method === "GET" && path.endsWith("/messages"));
    assert.deepEqual(
      pages.map(({ query }) => "after" in query),
      [false, false, true, true],
    );
  });

  check("models.list can be iterated", {}, async (openai) => {
    const ids: string[] = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    assert.ok(ids.includes("gpt-4.1"));
  });

  check("withResponse and asResponse", {}, async (openai) => {
    const body = { model: "gpt-4", messages: [{ role: "user", content: QUESTION }] } as const;
    const create = () => openai.chat.completions.create({ ...body, messages: [...body.messages] });
    const { data, response, request_id } = await create().withResponse();
    assert.equal(data.choices[0]!.message.content, ANSWER);
    assert.equal(response.headers.get("x-ratelimit-reset-tokens"), "6m0s");
    assert.match(String(request_id), /^req_/);
    const raw = await create().asResponse();
    assert.equal(((await raw.json()) as any).object, "chat.completion");
    const models = await openai.models.list().withResponse();
    assert.equal(models.response.headers.get("x-ratelimit-reset-tokens"), null);
  });

  check("a chat stream with usage in a last chunk without choices", {}, async (openai) => {
    const stream = await openai.chat.completions.create({
      model: "gpt-4",
      messages: [{ role: "user", content: QUESTION }],
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = "";
    const chunks = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      text += chunk.choices[0]?.delta.content ?? "";
    }
    assert.equal(text, ANSWER);
    assert.ok(chunks.length > 5);
    assert.deepEqual(chunks.at(-1)!.choices, []);
    assert.ok(chunks.at(-1)!.usage!.completion_tokens > 0);
    assert.equal(chunks.at(-2)!.choices[0]!.finish_reason, "stop");
  });

  check("chat.completions.parse and tool calls", {}, async (openai) => {
    const parsed = await helpers(openai).parse({
      model: "gpt-4",
      messages: [{ role: "user", content: QUESTION }],
      response_format: {
        type: "json_schema",
        json_schema: {
          name: "solution",
          strict: true,
          schema: { type: "object", properties: { answer: { type: "string" }, steps: { type: "integer" } } },
        },
      },
    });
    assert.deepEqual(parsed.choices[0]!.message.parsed, { answer: ANSWER, steps: 1 });
    const messages: any[] = [{ role: "user", content: "Lisbon" }];
    const called = await openai.chat.completions.create({ model: "gpt-4", messages, tools: [WEATHER] });
    assert.equal(called.choices[0]!.finish_reason, "tool_calls");
    const [call] = called.choices[0]!.message.tool_calls as any[];
    assert.deepEqual([call.function.name, JSON.parse(call.function.arguments)], ["get_weather", { city: "Lisbon" }]);
    messages.push(called.choices[0]!.message, { role: "tool", tool_call_id: call.id, content: "sunny" });
    const answered = await openai.chat.completions.create({ model: "gpt-4", messages, tools: [WEATHER] });
    assert.equal(answered.choices[0]!.finish_reason, "stop");
  });

  check("streamed tool calls add up", {}, async (openai) => {
    const stream = helpers(openai).stream({
      model: "gpt-4",
      messages: [{ role: "user", content: "Lisbon, Portugal" }],
      tools: [WEATHER, TIME],
    });
    const { choices } = await stream.finalChatCompletion();
    const calls = choices[0]!.message.tool_calls as any[];
    assert.deepEqual(
      calls.map((call) => [call.function.name, JSON.parse(call.function.arguments)]),
      [
        ["get_weather", { city: "Lisbon, Portugal" }],
        ["get_time", {}],
      ],
    );
  });

  check("submitToolOutputsAndPoll", {}, async (openai) => {
    const { assistant, thread } = await ask(openai, [WEATHER, TIME]);
    const { runs } = openai.beta.threads;
    const waiting = await runs.createAndPoll(thread.id, { assistant_id: assistant.id });
    assert.equal(waiting.status, "requires_action");
    assert.equal(waiting.usage, null);
    const calls = waiting.required_action!.submit_tool_outputs.tool_calls;
    assert.deepEqual(
      calls.map((call) => call.function.name),
      ["get_weather", "get_time"],
    );
    const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output: "sunny" }));
    const partial = { tool_outputs: tool_outputs.slice(0, 1) };
    const [a, b] = calls.map(({ id }) => id);
    await assert.rejects(
      runs.submitToolOutputs(...path(thread.id, waiting.id, partial)),
      (error: any) =>
        error.status === 400 &&
        error.error.message === `Expected tool outputs for call_ids ['${a}', '${b}'], got ['${a}']`,
    );
    const run = await runs.submitToolOutputsAndPoll(...path(thread.id, waiting.id, { tool_outputs }));
    assert.equal(run.status, "completed");
    const steps = await runs.steps.list(...path(thread.id, run.id, { order: "asc" }));
    assert.deepEqual(
      steps.data.map(({ type, status }) => [type, status]),
      [
        ["tool_calls", "completed"],
        ["message_creation", "completed"],
      ],
    );
    const outputs = (steps.data[0]!.step_details as any).tool_calls.map((call: any) => call.function.output);
    assert.deepEqual(outputs, ["sunny", "sunny"]);
    await assert.rejects(runs.submitToolOutputs(...path(thread.id, run.id, { tool_outputs })), {
      status: 400,
      message: /Runs in status "completed" do not accept tool outputs\./,
    });
  });

  check("file search content only when it is included", {}, async (openai) => {
    const { assistant, thread } = await ask(openai, [{ type: "file_search" }, { type: "code_interpreter" }]);
    const run = await openai.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistant.id });
    const { steps } = openai.beta.threads.runs;
    const include = ["step_details.tool_calls[*].file_search.results[*].content"];
    const read = async (query: object) => {
      const [step] = (await steps.list(...path(thread.id, run.id, { order: "asc", ...query }))).data;
      return (step!.step_details as any).tool_calls;
    };
    const [bare, code] = await read({});
    assert.equal(bare.file_search.results[0].file_name, "notes.txt");
    assert.equal("content" in bare.file_search.results[0], false);
    assert.deepEqual(code.code_interpreter.outputs, []);
    const [full] = await read({ include });
    assert.match(full.file_search.results[0].content[0].text, /3x \+ 11/);
  });

  check("a streamed run, with its tool outputs", {}, async (openai) => {
    const { assistant, thread } = await ask(openai, [WEATHER]);
    const first = openai.beta.threads.runs.stream(thread.id, { assistant_id: assistant.id });
    const waiting = await first.finalRun();
    assert.equal(waiting.status, "requires_action");
    const [call] = waiting.required_action!.submit_tool_outputs.tool_calls;
    const tool_outputs = [{ tool_call_id: call!.id, output: "sunny" }];
    const rest = openai.beta.threads.runs.submitToolOutputsStream(...path(thread.id, waiting.id, { tool_outputs }));
    const events: string[] = [];
    let text = "";
    rest.on("event", ({ event }) => events.push(event));
    rest.on("textDelta", (delta) => (text += delta.value));
    const run = await rest.finalRun();
    assert.equal(run.status, "completed");
    assert.equal(text, ANSWER);
    assert.equal(events[0], "thread.run.step.completed", "the old step, without its beginning");
  });

  check("a 429 is tried again after retry-after-ms", throttled(1), async (openai, fake) => {
    const completion = await openai.chat.completions.create({
      model: "gpt-4",
      messages: [{ role: "user", content: "?" }],
    });
    assert.equal(completion.object, "chat.completion");
    assert.deepEqual(
      fake.requests.map(({ headers }) => headers["x-stainless-retry-count"]),
      ["0", "1"],
    );
  });

  check("a 429 that stays is a RateLimitError", throttled(3), async (openai, fake) => {
    const create = openai.chat.completions.create({ model: "gpt-4", messages: [{ role: "user", content: "?" }] });
    await assert.rejects(create, (error: any) => {
      assert.ok(error instanceof Client.RateLimitError);
      assert.equal(error.code, "rate_limit_exceeded");
      return true;
    });
    assert.equal(fake.requests.length, 3);
  });

  check("a bad key is an AuthenticationError", {}, async (_openai, fake) => {
    const stranger = new Client({ baseURL: fake.baseURL, apiKey: "sk-wrong-key" });
    await assert.rejects(stranger.models.list(), (error: any) => {
      assert.ok(error instanceof Client.AuthenticationError);
      assert.equal(error.code, "invalid_api_key");
      return true;
    });
  });

  check("responses, at once and streamed", {}, async (openai) => {
    const response = await openai.responses.create({ model: "gpt-5", input: QUESTION });
    assert.equal(response.output_text, ANSWER);
    assert.ok(response.usage!.output_tokens_details.reasoning_tokens > 0);
    const types = new Set<string>();
    let text = "";
    for await (const event of await openai.responses.create({ model: "gpt-5", input: QUESTION, stream: true })) {
      types.add(event.type);
      if (event.type === "response.output_text.delta") text += event.delta;
      if (event.type === "response.completed") assert.equal(event.response.status, "completed");
    }
    assert.equal(text, ANSWER);
    assert.ok(types.has("response.completed"));
    const called = await openai.responses.create({
      model: "gpt-4.1",
      input: "Lisbon",
      tools: [{ ...WEATHER.function, type: "function", strict: true }],
    });
    assert.equal((called.output[0] as any).arguments, '{"city":"Lisbon"}');
    const tools = [{ ...WEATHER.function, type: "function" as const, strict: true }];
    let args = "";
    const input = "Lisbon, Portugal";
    for await (const event of await openai.responses.create({ model: "gpt-4.1", input, tools, stream: true })) {
      if (event.type === "response.function_call_arguments.delta") args += event.delta;
    }
    assert.deepEqual(JSON.parse(args), { city: input });
  });

  check("embeddings are unit vectors in either encoding", {}, async (openai) => {
    const create = (encoding_format?: "float") =>
      openai.embeddings.create({ model: "text-embedding-3-small", input: ["a", "b"], dimensions: 8, encoding_format });
    const [plain, decoded] = [await create("float"), await create()];
    assert.equal(plain.data.length, 2);
    assert.deepEqual(plain.data[1]!.embedding, decoded.data[1]!.embedding);
    assert.deepEqual(Object.keys(plain.usage).sort(), ["prompt_tokens", "total_tokens"]);
  });
}

function throttled(times: number): FakeOpenAIOptions {
  return { script: [{ match: "POST /chat/completions", status: 429, headers: { "retry-after-ms": "1" }, times }] };
}
