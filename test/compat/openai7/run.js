/** openai 7 as a real client: an observed call behaves as a bare one. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { VERSION } from "openai/version";
import { configure, flush, memorySink, observe, shutdown } from "sightline";
import { fakeOpenAI } from "sightline/testing";

const sink = memorySink();
let server;
let client;

before(async () => {
  configure({ sinks: [sink] });
  server = await fakeOpenAI();
  client = new OpenAI({ apiKey: server.apiKey, baseURL: server.baseURL });
});
after(async () => {
  await shutdown();
  await server.close();
});

const body = { model: "gpt-4o", messages: [{ role: "user", content: "Solve 3x + 11 = 14." }] };
const chat = observe("chat", (options) => client.chat.completions.create(body, options));
const stream = observe("stream", () => client.chat.completions.create({ ...body, stream: true }));
const models = observe("models", () => client.models.list());

/** The names and statuses of the spans that `program` makes. */
async function spansOf(program) {
  await flush();
  sink.clear();
  await program();
  await flush();
  return sink.records.map((record) => `${record.name} ${record.status.code}`);
}

test("this is openai 7", () => {
  assert.match(VERSION, /^7\./);
});

test("await", async () => {
  const spans = await spansOf(async () => {
    const completion = await chat();
    assert.equal(completion.object, "chat.completion");
  });
  assert.deepEqual(spans, ["chat ok"]);
});

test("withResponse", async () => {
  const spans = await spansOf(async () => {
    const { data, response, request_id } = await chat().withResponse();
    assert.equal(data.object, "chat.completion");
    assert.equal(response.status, 200);
    assert.equal(request_id, response.headers.get("x-request-id"));
  });
  assert.deepEqual(spans, ["chat ok"]);
});

test("asResponse", async () => {
  const response = await chat().asResponse();
  assert.equal((await response.json()).object, "chat.completion");
});

test("streaming", async () => {
  const spans = await spansOf(async () => {
    let text = "";
    for await (const chunk of await stream()) text += chunk.choices[0]?.delta.content ?? "";
    assert.notEqual(text, "");
  });
  assert.deepEqual(spans, ["stream ok"]);
});

test("auto-pagination", async () => {
  const spans = await spansOf(async () => {
    const ids = [];
    for await (const model of models()) ids.push(model.id);
    assert.ok(ids.length > 0);
  });
  assert.deepEqual(spans, ["models ok"]);
});

test("abort", async () => {
  const controller = new AbortController();
  controller.abort();
  const spans = await spansOf(() => assert.rejects(chat({ signal: controller.signal }), OpenAI.APIUserAbortError));
  assert.deepEqual(spans, ["chat error"]);
});
