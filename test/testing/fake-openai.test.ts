import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeOpenAI, type FakeOpenAIOptions, fakeOpenAI, type RunEnding } from "../../src/testing/fake-openai.ts";

const QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?";
const LOOKUP = {
  type: "function",
  function: { name: "lookup", parameters: { type: "object", properties: { term: { type: "string" } } } },
};

/** The server and a client for its bare wire. */
async function start(options: FakeOpenAIOptions = {}) {
  const fake = await fakeOpenAI(options);
  const send = async (route: string, body?: unknown, headers: Record<string, string> = {}) => {
    const [method, path] = route.split(" ") as [string, string];
    const response = await fetch(fake.baseURL + path, {
      method,
      headers: { authorization: `Bearer ${fake.apiKey}`, ...headers },
      ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const call = async (route: string, body?: unknown): Promise<any> => JSON.parse((await send(route, body)).text);
  const ask = async (tools: readonly unknown[] = []) => {
    const assistant = await call("POST /assistants", {
      model: "gpt-4",
      name: "Tutor",
      instructions: "Be brief.",
      tools,
    });
    const thread = await call("POST /threads", { messages: [{ role: "user", content: QUESTION }] });
    return { assistant, thread, runs: `/threads/${thread.id}/runs` };
  };
  return { fake, send, call, ask, [Symbol.asyncDispose]: () => fake.close() };
}

/** The named events of a stream with their data. */
function eventsOf(text: string): { event: string; data: any }[] {
  const blocks = text.trim().split("\n\n");
  return blocks.map((block) => {
    const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(block)!;
    return { event: event!, data: data === "[DONE]" ? data : JSON.parse(data!) };
  });
}

/** One second more at every reading. */
function tickingClock() {
  let ms = 1_700_000_000_500;
  return { epochMs: () => (ms += 1000) };
}

test("a run moves one step for each retrieval, and started_at is rewritten when it goes on", async () => {
  await using server = await start({ clock: tickingClock() });
  const { assistant, runs } = await server.ask([{ type: "code_interpreter" }, LOOKUP]);
  const created = await server.call(`POST ${runs}`, { assistant_id: assistant.id });
  assert.equal(created.status, "queued");
  assert.equal(created.started_at, null);
  assert.equal(created.expires_at, created.created_at + 600);
  assert.ok(Number.isInteger(created.created_at));
  const poll = () => server.call(`GET ${runs}/${created.id}`);
  const seen = [await poll(), await poll(), await poll(), await poll()];
  assert.deepEqual(
    seen.map(({ status }) => status),
    ["in_progress", "in_progress", "requires_action", "requires_action"],
  );
  const waiting = seen[3];
  assert.equal(waiting.usage, null);
  const [call] = waiting.required_action.submit_tool_outputs.tool_calls;
  assert.deepEqual(call.function, { name: "lookup", arguments: JSON.stringify({ term: QUESTION }) });
  const [pending] = (await server.call(`GET ${runs}/${created.id}/steps`)).data;
  assert.deepEqual([pending.status, pending.usage], ["in_progress", null]);
  assert.equal(pending.step_details.tool_calls[0].function.output, null);
  const outputs = { tool_outputs: [{ tool_call_id: call.id, output: "42" }] };
  const resumed = await server.call(`POST ${runs}/${created.id}/submit_tool_outputs`, outputs);
  assert.deepEqual([resumed.status, resumed.required_action], ["queued", null]);
  const [again, done] = [await poll(), await poll()];
  assert.deepEqual([again.status, done.status], ["in_progress", "completed"]);
  assert.ok(again.started_at > waiting.started_at);
  assert.ok(done.completed_at > done.started_at);
  assert.deepEqual([done.expires_at, done.failed_at], [null, null]);
});

test("the usage of the steps adds up to that of the run, details included", async () => {
  await using server = await start();
  const { assistant, runs } = await server.ask([{ type: "file_search" }, LOOKUP]);
  let run = await server.call(`POST ${runs}`, { assistant_id: assistant.id, model: "gpt-5" });
  while (run.status !== "completed") {
    run = await server.call(`GET ${runs}/${run.id}`);
    const calls = run.required_action?.submit_tool_outputs.tool_calls ?? [];
    const tool_outputs = calls.map(({ id }: any) => ({ tool_call_id: id, output: "42" }));
    if (calls.length > 0) await server.call(`POST ${runs}/${run.id}/submit_tool_outputs`, { tool_outputs });
  }
  const { data: steps } = await server.call(`GET ${runs}/${run.id}/steps?order=asc`);
  assert.deepEqual(
    steps.map((step: any) => step.type),
    ["tool_calls", "tool_calls", "message_creation"],
  );
  const sum = (read: (usage: any) => number) => steps.reduce((total: number, step: any) => total + read(step.usage), 0);
  const { usage } = run;
  assert.equal(
    sum((u) => u.prompt_tokens),
    usage.prompt_tokens,
  );
  assert.equal(
    sum((u) => u.completion_tokens),
    usage.completion_tokens,
  );
  assert.equal(usage.prompt_tokens + usage.completion_tokens, usage.total_tokens);
  assert.equal(
    sum((u) => u.prompt_token_details.cached_tokens),
    usage.prompt_token_details.cached_tokens,
  );
  assert.ok(usage.prompt_token_details.cached_tokens > 0);
  assert.equal(usage.completion_tokens_details.reasoning_tokens, 3 * 64);
  for (const [i, step] of steps.slice(1).entries()) assert.equal(step.created_at, steps[i].completed_at);
  for (const step of steps) assert.ok(step.usage.prompt_token_details.cached_tokens <= step.usage.prompt_tokens);
});

test("a streamed run sends its events in OpenAI's order", async () => {
  await using server = await start();
  const { assistant } = await server.ask([{ type: "code_interpreter" }]);
  const thread = { messages: [{ role: "user", content: QUESTION }] };
  const body = { assistant_id: assistant.id, thread, stream: true };
  const { text, headers } = await server.send("POST /threads/runs", body);
  assert.match(headers.get("content-type")!, /^text\/event-stream/);
  const events = eventsOf(text);
  const names = events.map(({ event }) => event).filter((event, i, all) => event !== all[i - 1]);
  assert.deepEqual(names, [
    "thread.created",
    "thread.run.created",
    "thread.run.queued",
    "thread.run.in_progress",
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.run.step.delta",
    "thread.run.step.completed",
    "thread.run.step.created",
    "thread.run.step.in_progress",
    "thread.message.created",
    "thread.message.in_progress",
    "thread.message.delta",
    "thread.message.completed",
    "thread.run.step.completed",
    "thread.run.completed",
    "done",
  ]);
  const last = events.at(-2)!.data;
  assert.equal(last.status, "completed");
  assert.ok(last.usage.total_tokens > 0);
  assert.equal(events[1]!.data.status, "queued", "each event shows the run as it was then");
  const deltas = events.filter(({ event }) => event === "thread.message.delta");
  const said = deltas.map(({ data }) => data.delta.content[0].text.value).join("");
  assert.match(said, /x = 1\.$/);
});

test("a stream ends at requires_action and resumes with the end of the old step", async () => {
  await using server = await start();
  const { assistant, runs } = await server.ask([LOOKUP]);
  const first = eventsOf((await server.send(`POST ${runs}`, { assistant_id: assistant.id, stream: true })).text);
  assert.deepEqual(
    first.slice(-2).map(({ event }) => event),
    ["thread.run.requires_action", "done"],
  );
  const run = first.at(-2)!.data;
  const [call] = run.required_action.submit_tool_outputs.tool_calls;
  const body = { stream: true, tool_outputs: [{ tool_call_id: call.id, output: "42" }] };
  const rest = eventsOf((await server.send(`POST ${runs}/${run.id}/submit_tool_outputs`, body)).text);
  assert.equal(rest[0]!.event, "thread.run.step.completed");
  assert.equal(rest[0]!.data.step_details.tool_calls[0].function.output, "42");
  assert.ok(rest[0]!.data.usage.total_tokens > 0);
  assert.equal(rest.at(-2)!.event, "thread.run.completed");
});

const endings: readonly { runs: RunEnding; run: Record<string, unknown>; billed: boolean }[] = [
  { runs: "completed", run: { last_error: null, incomplete_details: null }, billed: true },
  { runs: "incomplete", run: { incomplete_details: { reason: "max_completion_tokens" } }, billed: true },
  {
    runs: "failed",
    run: { completed_at: null, last_error: { code: "server_error", message: "Sorry, something went wrong." } },
    billed: true,
  },
  { runs: "expired", run: { completed_at: null, expires_at: null }, billed: false },
];

for (const { runs: ending, run: expected, billed } of endings) {
  test(`a run that is to end as ${ending} does`, async () => {
    await using server = await start({ runs: ending });
    const { assistant, runs } = await server.ask();
    const { id } = await server.call(`POST ${runs}`, { assistant_id: assistant.id });
    await server.call(`GET ${runs}/${id}`);
    const run = await server.call(`GET ${runs}/${id}`);
    assert.equal(run.status, ending);
    for (const [key, value] of Object.entries(expected)) assert.deepEqual(run[key], value, key);
    assert.equal(run.usage !== null, billed);
    assert.deepEqual(await server.call(`GET ${runs}/${id}`), run, "the end is the end");
  });
}

test("a run that is to expire while it waits refuses late outputs", async () => {
  await using server = await start({ runs: "expired" });
  const { assistant, runs } = await server.ask([LOOKUP]);
  const { id } = await server.call(`POST ${runs}`, { assistant_id: assistant.id });
  const seen = [];
  for (let i = 0; i < 3; i++) seen.push((await server.call(`GET ${runs}/${id}`)).status);
  assert.deepEqual(seen, ["in_progress", "requires_action", "expired"]);
  const late = await server.call(`POST ${runs}/${id}/submit_tool_outputs`, { tool_outputs: [] });
  assert.equal(late.error.message, 'Runs in status "expired" do not accept tool outputs.');
});

test("requires_action as the ending asks again after every submission", async () => {
  await using server = await start({ runs: "requires_action" });
  const { assistant, runs } = await server.ask([LOOKUP]);
  let run = await server.call(`POST ${runs}`, { assistant_id: assistant.id });
  for (let round = 1; round <= 3; round++) {
    while (run.status !== "requires_action") run = await server.call(`GET ${runs}/${run.id}`);
    const [call] = run.required_action.submit_tool_outputs.tool_calls;
    const tool_outputs = [{ tool_call_id: call.id, output: "again" }];
    run = await server.call(`POST ${runs}/${run.id}/submit_tool_outputs`, { tool_outputs });
    assert.equal((await server.call(`GET ${runs}/${run.id}/steps`)).data.length, round);
  }
});

test("a cancelled run is cancelling first, and has no usage", async () => {
  await using server = await start();
  const { assistant, runs } = await server.ask([LOOKUP]);
  const { id } = await server.call(`POST ${runs}`, { assistant_id: assistant.id });
  await server.call(`GET ${runs}/${id}`);
  await server.call(`GET ${runs}/${id}`);
  assert.equal((await server.call(`POST ${runs}/${id}/cancel`)).status, "cancelling");
  const run = await server.call(`GET ${runs}/${id}`);
  assert.deepEqual([run.status, run.usage, typeof run.cancelled_at], ["cancelled", null, "number"]);
  assert.equal((await server.call(`GET ${runs}/${id}/steps`)).data[0].status, "cancelled");
});

test("the 400s are worded as OpenAI words them", async () => {
  await using server = await start();
  const { assistant, thread, runs } = await server.ask([LOOKUP]);
  const { id } = await server.call(`POST ${runs}`, { assistant_id: assistant.id });
  const says = async (route: string, body: unknown, message: string) => {
    const { status, text } = await server.send(route, body);
    assert.deepEqual([status, JSON.parse(text).error.message], [400, message]);
    assert.equal(JSON.parse(text).error.type, "invalid_request_error");
  };
  const message = { role: "user", content: "and?" };
  await says(
    `POST /threads/${thread.id}/messages`,
    message,
    `Can't add messages to ${thread.id} while a run ${id} is active.`,
  );
  await says(`POST ${runs}`, { assistant_id: assistant.id }, `Thread ${thread.id} already has an active run ${id}.`);
  await says(
    `POST ${runs}/${id}/submit_tool_outputs`,
    { tool_outputs: [] },
    'Runs in status "queued" do not accept tool outputs.',
  );
  await server.call(`GET ${runs}/${id}`);
  await says(`POST ${runs}/${id}`, { metadata: {} }, "Cannot update run with status 'in_progress'.");
  const empty = await server.call("POST /threads", {});
  const mute = await server.call("POST /assistants", { model: "gpt-4" });
  await says(
    `POST /threads/${empty.id}/runs`,
    { assistant_id: mute.id },
    "Run creation requires a Thread with a user message or an assistant with instructions.",
  );
  await says("POST /chat/completions", "{", "We could not parse the JSON body of your request.");
});

test("404 and 401", async () => {
  await using server = await start();
  const { assistant, runs } = await server.ask();
  const { id } = await server.call(`POST ${runs}`, { assistant_id: assistant.id });
  const missing = await server.send(`GET ${runs}/${id}/steps/step_123`);
  assert.equal(missing.status, 404);
  assert.equal(JSON.parse(missing.text).error.message, "No run step found with id 'step_123'.");
  for (const route of ["/assistants/asst_1", "/threads/thread_1", `${runs}/run_1`, "/nothing"]) {
    assert.equal((await server.send(`GET ${route}`)).status, 404, route);
  }
  const stranger = await server.send("GET /models", undefined, { authorization: "Bearer sk-other-key" });
  assert.equal(stranger.status, 401);
  assert.equal(JSON.parse(stranger.text).error.code, "invalid_api_key");
});

test("assistants and threads can be listed, changed and deleted", async () => {
  await using server = await start();
  const { assistant, thread } = await server.ask();
  await server.ask();
  const { data, has_more, last_id } = await server.call("GET /assistants?limit=1&order=asc");
  assert.deepEqual([data[0].id, has_more, last_id], [assistant.id, true, assistant.id]);
  const rest = await server.call(`GET /assistants?after=${assistant.id}&order=asc`);
  assert.deepEqual([rest.data.length, rest.has_more], [1, false]);
  const changed = await server.call(`POST /threads/${thread.id}`, { metadata: { user: "u1" } });
  assert.deepEqual(changed.metadata, { user: "u1" });
  const { data: messages } = await server.call(`GET /threads/${thread.id}/messages`);
  assert.deepEqual(await server.call(`GET /threads/${thread.id}/messages/${messages[0].id}`), messages[0]);
  assert.equal((await server.send(`GET /threads/${thread.id}/messages/msg_1`)).status, 404);
  const run = await server.call(`POST /threads/${thread.id}/runs`, { assistant_id: assistant.id });
  assert.deepEqual((await server.call(`GET /threads/${thread.id}/runs`)).data, [run], "listing does not move a run on");
  assert.equal((await server.call(`DELETE /threads/${thread.id}`)).deleted, true);
  assert.equal((await server.send(`GET /threads/${thread.id}`)).status, 404);
  assert.equal((await server.call(`DELETE /assistants/${assistant.id}`)).object, "assistant.deleted");
});

test("headers: rate limits on chat and responses only, a poll hint on runs only", async () => {
  await using server = await start({ pollAfterMs: 7 });
  const { assistant, runs } = await server.ask();
  const chat = await server.send("POST /chat/completions", { model: "gpt-4", messages: [] });
  assert.equal(chat.headers.get("x-ratelimit-remaining-requests"), "499");
  assert.equal(chat.headers.get("openai-poll-after-ms"), null);
  const run = await server.send(`POST ${runs}`, { assistant_id: assistant.id });
  assert.equal(run.headers.get("x-ratelimit-remaining-requests"), null);
  assert.equal(run.headers.get("openai-poll-after-ms"), "7");
  assert.match(run.headers.get("x-request-id")!, /^req_/);
  assert.notEqual(run.headers.get("x-request-id"), chat.headers.get("x-request-id"));
});

test("script: the first rule that matches and is left answers, with OpenAI's words or its own", async () => {
  const body = { error: { message: "This API was shut down." } };
  await using server = await start({
    script: [
      { match: "* /threads*", status: 404, body },
      { match: "GET /models", status: 429, headers: { "retry-after": "1" }, times: 1 },
      { match: "GET /models", status: 500, times: 1 },
    ],
  });
  const sunset = await server.send("POST /threads/runs", {});
  assert.deepEqual([sunset.status, JSON.parse(sunset.text)], [404, body]);
  const limited = await server.send("GET /models");
  assert.deepEqual([limited.status, limited.headers.get("retry-after")], [429, "1"]);
  assert.equal(JSON.parse(limited.text).error.code, "rate_limit_exceeded");
  assert.equal(JSON.parse((await server.send("GET /models")).text).error.type, "server_error");
  assert.equal((await server.send("GET /models")).status, 200);
});

test("requests are logged as they arrived", async () => {
  await using server = await start({ clock: { epochMs: () => 1_700_000_000_500 } });
  await server.send("POST /chat/completions", { model: "gpt-4", messages: [] }, { "x-mine": "1" });
  await server.send("GET /assistants?limit=2");
  const [chat, list] = server.fake.requests;
  assert.deepEqual([chat!.method, chat!.path, chat!.at], ["POST", "/chat/completions", 1_700_000_000_500]);
  assert.deepEqual(chat!.body, { model: "gpt-4", messages: [] });
  assert.equal(chat!.headers["x-mine"], "1");
  assert.deepEqual([list!.path, list!.query, list!.body], ["/assistants", { limit: "2" }, undefined]);
});

test("answers: equations by default, yours when given, cut at the token limit", async () => {
  const say = async (server: Awaited<ReturnType<typeof start>>, content: string, rest: object = {}) => {
    const body = { model: "gpt-4", messages: [{ role: "user", content }], ...rest };
    return (await server.call("POST /chat/completions", body)).choices[0];
  };
  await using server = await start();
  assert.match((await say(server, QUESTION)).message.content, /x = 1\.$/);
  assert.match((await say(server, "2x - 4 = 10")).message.content, /Add 4 .*x = 7\.$/);
  assert.match((await say(server, "-x + 1 = 3")).message.content, /x = -2\.$/);
  const cut = await say(server, QUESTION, { max_tokens: 2 });
  assert.deepEqual([cut.finish_reason, cut.message.content.length], ["length", 8]);
  await using mine = await start({ answer: (question) => question.toUpperCase() });
  assert.equal((await say(mine, "hello")).message.content, "HELLO");
  await using broken = await start({
    answer: () => {
      throw new Error("my mistake");
    },
  });
  const failed = await broken.send("POST /chat/completions", { model: "gpt-4", messages: [] });
  assert.deepEqual([failed.status, JSON.parse(failed.text).error.message], [400, "Error: my mistake"]);
});

test("two servers never give the same id, and close ends open connections", async () => {
  const [a, b]: FakeOpenAI[] = await Promise.all([fakeOpenAI(), fakeOpenAI({ latencyMs: 60_000 })]);
  const create = async ({ baseURL, apiKey }: FakeOpenAI): Promise<any> => {
    const headers = { authorization: `Bearer ${apiKey}` };
    return (await fetch(`${baseURL}/threads`, { method: "POST", headers, body: "{}" })).json();
  };
  await using c = await fakeOpenAI();
  assert.notEqual((await create(a!)).id, (await create(c)).id);
  const waiting = assert.rejects(create(b!));
  await Promise.all([a!.close(), b!.close(), waiting]);
});
