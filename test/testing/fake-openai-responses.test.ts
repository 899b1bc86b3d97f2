import assert from "node:assert/strict";
import { ANSWER, type ClientCase, eachClient, QUESTION, WEATHER } from "./each-client.ts";

const TOOL = { ...WEATHER.function, type: "function", strict: true } as const;
const SERVER_TOOLS: any[] = [
  { type: "web_search_preview" },
  { type: "file_search", vector_store_ids: ["vs_1"] },
  { type: "code_interpreter", container: { type: "auto" } },
  { type: "image_generation" },
  { type: "mcp", server_label: "docs", server_url: "https://example.com" },
];
const ITEMS = [
  "web_search_call",
  "file_search_call",
  "code_interpreter_call",
  "image_generation_call",
  "mcp_list_tools",
  "mcp_call",
  "message",
];

const stream = async ({ openai }: ClientCase, body: object): Promise<any[]> => {
  const events: any[] = [];
  const asked: any = { model: "gpt-4.1", input: QUESTION, stream: true, ...body };
  for await (const event of (await openai.responses.create(asked)) as any) events.push(event);
  return events;
};

eachClient("a conversation of responses: what was said before is in the prompt", {}, async ({ openai }) => {
  const first = await openai.responses.create({ model: "gpt-4.1", input: QUESTION });
  const second = await openai.responses.create({ model: "gpt-4.1", input: "Why?", previous_response_id: first.id });
  assert.equal(second.previous_response_id, first.id);
  const third = await openai.responses.create({ model: "gpt-4.1", input: "Why?", previous_response_id: second.id });
  const [a, b, c] = [first, second, third].map(({ usage }) => usage!.input_tokens) as [number, number, number];
  assert.ok(b > a + first.usage!.output_tokens);
  // Everything is said again: what the second was asked, and its whole answer.
  assert.ok(c > b + second.usage!.output_tokens);
  assert.deepEqual((await openai.responses.retrieve(first.id)).output, first.output);
  await assert.rejects(openai.responses.create({ model: "m", input: "?", previous_response_id: "resp_1" }), {
    status: 400,
    code: "previous_response_not_found",
  });
  await assert.rejects(openai.responses.retrieve("resp_1"), { status: 404 });
  const items = await openai.responses.inputItems.list(second.id);
  assert.equal((items.data[0] as any).content[0].text, "Why?");
});

eachClient("conversations", {}, async (one) => {
  const post = (path: string, body: object): Promise<any> => one.openai.post(path, { body });
  const conversation = await post("/conversations", { metadata: { topic: "algebra" } });
  assert.deepEqual([conversation.object, conversation.metadata], ["conversation", { topic: "algebra" }]);
  assert.deepEqual(await one.openai.get(`/conversations/${conversation.id}`), conversation);
  const ask = () => post("/responses", { model: "gpt-4.1", input: QUESTION, conversation: conversation.id });
  const [a, b] = [await ask(), await ask()];
  assert.deepEqual(a.conversation, { id: conversation.id });
  assert.ok(b.usage.input_tokens > a.usage.input_tokens);
  await post(`/conversations/${conversation.id}/items`, { items: [{ role: "user", content: "hello" }] });
  const { data }: any = await one.openai.get(`/conversations/${conversation.id}/items`);
  assert.equal(data.length, 1);
  await assert.rejects(one.openai.get("/conversations/conv_1"), { status: 404 });
});

const later = async ({ openai }: ClientCase): Promise<any[]> => {
  const made: any = await openai.responses.create({ model: "gpt-5", input: QUESTION, background: true });
  const seen = [made];
  for (let i = 0; i < 3; i++) seen.push(await openai.responses.retrieve(made.id));
  return seen.map(({ status, usage, output }) => [status, usage === null, output[0]?.content[0].text ?? ""]);
};

eachClient("in the background", {}, async (one) => {
  assert.deepEqual(await later(one), [
    ["queued", true, ""],
    ["in_progress", true, ""],
    ["completed", false, ANSWER],
    ["completed", false, ANSWER],
  ]);
});

for (const ending of ["queued", "in_progress", "failed", "incomplete"] as const) {
  eachClient(`in the background: ${ending}`, { responses: ending }, async (one) => {
    assert.deepEqual((await later(one)).at(-1)!.slice(0, 2), [ending, ending !== "incomplete"]);
  });
}

eachClient("in the background: cancelled, streamed later", {}, async (one) => {
  const { openai } = one;
  const made = await openai.responses.create({ model: "gpt-5", input: QUESTION, background: true });
  const cancelled: any = await openai.post(`/responses/${made.id}/cancel`);
  assert.deepEqual([cancelled.status, cancelled.usage], ["cancelled", null]);
  assert.equal((await openai.responses.retrieve(made.id)).status, "cancelled");
  const other = await openai.responses.create({ model: "gpt-5", input: QUESTION });
  await assert.rejects(openai.post(`/responses/${other.id}/cancel`), { status: 400 });
  const events: any[] = [];
  const resumed: any = await openai.get(`/responses/${other.id}`, {
    query: { stream: true, starting_after: 2 },
    stream: true,
  });
  for await (const event of resumed) events.push(event);
  assert.equal(events[0].sequence_number, 3);
  assert.equal(events.at(-1).type, "response.completed");
});

eachClient(
  "incomplete, stopped by the filter, failed",
  {
    answer: () => ({ text: ANSWER, cachedTokens: 2 }),
  },
  async ({ openai }) => {
    const cut = await openai.responses.create({ model: "gpt-4.1", input: QUESTION, max_output_tokens: 3 });
    assert.deepEqual([cut.status, cut.incomplete_details], ["incomplete", { reason: "max_output_tokens" }]);
    assert.equal(cut.usage!.input_tokens_details.cached_tokens, 2);
  },
);

eachClient("stopped by the filter", { responses: "content_filter" }, async (one) => {
  const events = await stream(one, {});
  const { type, response } = events.at(-1);
  assert.deepEqual([type, response.incomplete_details.reason], ["response.incomplete", "content_filter"]);
});

eachClient("failed, at once and streamed", { responses: "failed" }, async (one) => {
  const failed = await one.openai.responses.create({ model: "gpt-4.1", input: QUESTION });
  assert.deepEqual([failed.status, failed.error!.code, failed.usage], ["failed", "server_error", null]);
  assert.deepEqual(
    (await stream(one, {})).map(({ type }) => type),
    ["response.created", "response.in_progress", "response.failed"],
  );
});

eachClient("the API's own tools, at once and streamed", {}, async (one) => {
  const response: any = await one.openai.responses.create({ model: "gpt-4.1", input: QUESTION, tools: SERVER_TOOLS });
  assert.deepEqual(
    response.output.map(({ type }: any) => type),
    ITEMS,
  );
  assert.match(response.output[2].container_id, /^cntr_/);
  assert.deepEqual([response.output[1].results, response.output[2].outputs], [null, null]);
  assert.equal(response.tool_usage.web_search.num_requests, 1);
  assert.deepEqual(
    response.output[6].content[0].annotations.map(({ type }: any) => type),
    ["url_citation", "file_citation"],
  );
  const included: any = await one.openai.responses.create({
    model: "gpt-4.1",
    input: QUESTION,
    tools: SERVER_TOOLS,
    include: ["file_search_call.results", "code_interpreter_call.outputs" as any],
  });
  assert.equal(included.output[1].results[0].filename, "notes.txt");
  assert.equal(included.output[2].outputs[0].type, "logs");
  const events = await stream(one, { tools: SERVER_TOOLS });
  const done = events.filter(({ type }) => type === "response.output_item.done").map(({ item }) => item.type);
  assert.deepEqual(done, ITEMS);
  for (const type of ["web_search_call.searching", "code_interpreter_call_code.delta", "mcp_call.completed"]) {
    assert.ok(
      events.some((event) => event.type === `response.${type}`),
      type,
    );
  }
  assert.deepEqual(
    events.map(({ sequence_number }) => sequence_number),
    events.map((_, i) => i),
  );
});

eachClient(
  "reasoning summaries, refusals and calls, as the SDK puts them together",
  {
    answer: (question) =>
      question === "no" ? { refusal: "I will not." } : { reasoning: "Hm. Let me see.", text: "Four" },
  },
  async (one) => {
    const final = async (body: any): Promise<any> =>
      (one.openai.responses.stream({ model: "gpt-4.1", ...body }) as any).finalResponse();
    const thought = await final({ input: "2 + 2" });
    assert.deepEqual(
      thought.output.map(({ type }: any) => type),
      ["reasoning", "message"],
    );
    assert.equal(thought.output[0].summary[0].text, "Hm. Let me see.");
    assert.ok(thought.usage.output_tokens_details.reasoning_tokens > 0);
    assert.equal((await final({ input: "no" })).output[0].content[0].refusal, "I will not.");
    const called = await final({ input: "Lisbon", tools: [TOOL] });
    assert.deepEqual(JSON.parse(called.output.at(-1).arguments ?? '"none"'), { city: "Lisbon" });
    const output = called.output.map((item: any) =>
      item.type === "function_call" ? { type: "function_call_output", call_id: item.call_id, output: "sunny" } : item,
    );
    const answered = await final({ input: output, previous_response_id: called.id, tools: [TOOL] });
    assert.equal(answered.output.at(-1).content[0].text, "Four");
  },
);
