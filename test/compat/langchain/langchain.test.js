/** LangChain with tracedFetch through its client's configuration: what it gives is the same, and each model call is a generation. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, afterEach, before, test } from "node:test";
import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { configure, flush, memorySink, observe, shutdown } from "sightline";
import { tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { z } from "zod";

const sink = memorySink();
let server;

before(async () => {
  server = await fakeOpenAI();
});
afterEach(() => shutdown());
after(() => server.close());

const bare = () => ({ apiKey: server.apiKey, configuration: { baseURL: server.baseURL } });
const traced = () => ({ apiKey: server.apiKey, configuration: { baseURL: server.baseURL, fetch: tracedFetch() } });

async function both(program) {
  const expected = await program(bare());
  sink.clear();
  configure({ sinks: [sink] });
  const actual = await observe("program", () => program(traced()))();
  await flush();
  return { expected, actual };
}

for (const useResponsesApi of [false, true]) {
  const name = useResponsesApi ? "responses" : "chat completions";

  test(`${name}: invoke`, async () => {
    const { expected, actual } = await both(async (options) => {
      const model = new ChatOpenAI({ model: "gpt-4o", useResponsesApi, ...options });
      const { content, usage_metadata } = await model.invoke([new HumanMessage("Solve 3x + 11 = 14.")]);
      return { text: typeof content === "string" ? content : content[0].text, usage_metadata };
    });
    assert.deepEqual(actual, expected);
    const { record, parent } = sink.get({ type: "generation" });
    assert.equal(parent?.record.name, "program");
    assert.equal(record.usage?.inputTokens, actual.usage_metadata.input_tokens);
    assert.equal(record.usage?.outputTokens, actual.usage_metadata.output_tokens);
  });

  test(`${name}: stream`, async () => {
    const { expected, actual } = await both(async (options) => {
      const model = new ChatOpenAI({ model: "gpt-4o", useResponsesApi, streamUsage: true, ...options });
      const parts = [];
      for await (const chunk of await model.stream("Solve 3x + 11 = 14.")) parts.push(chunk.text ?? chunk.content);
      return parts;
    });
    assert.deepEqual(actual, expected);
    const [{ record }] = sink.findAll({ type: "generation" });
    assert.equal(record.http?.stream?.end, "completed");
    assert.ok(record.usage?.totalTokens > 0);
  });
}

test("batch: each call under its own caller", async () => {
  configure({ sinks: [sink] });
  sink.clear();
  const model = new ChatOpenAI({ model: "gpt-4o", ...traced() });
  const ask = observe("ask", (question) => model.invoke(question));
  await Promise.all([ask("one"), ask("two"), ask("three")]);
  await flush();
  const parents = sink.findAll({ type: "generation" }).map(({ parent }) => parent?.record.spanId);
  assert.equal(new Set(parents).size, 3);
});

test("embeddings", async () => {
  const { expected, actual } = await both(async (options) => {
    const model = new OpenAIEmbeddings({ model: "text-embedding-3-small", ...options });
    return (await model.embedQuery("a")).length;
  });
  assert.equal(actual, expected);
  assert.ok(sink.get({ type: "embedding" }).record.usage?.inputTokens > 0);
});

test("bound tools are shown as definitions", async () => {
  configure({ sinks: [sink] });
  sink.clear();
  const add = tool(async ({ a }) => String(a + 1), { name: "add", schema: z.object({ a: z.number() }) });
  await new ChatOpenAI({ model: "gpt-4o", ...traced() }).bindTools([add]).invoke("Add.");
  await flush();
  assert.match(JSON.stringify(sink.get({ type: "generation" }).record.genAi?.toolDefinitions), /"add"/);
});

test("the example prints its tree", () => {
  const { status, stderr } = spawnSync(process.execPath, ["example.js"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /solve .*\n└─ chat gpt-4o .* tok {2}\$/);
});
