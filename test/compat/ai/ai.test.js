/** The Vercel AI SDK with `fetch: tracedFetch()`: what it gives is the same, and each of its model calls is a generation. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, afterEach, before, test } from "node:test";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embed, generateText, streamText, tool } from "ai";
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

const providers = {
  "chat completions": (options) => createOpenAI(options).chat("gpt-4o"),
  responses: (options) => createOpenAI(options).responses("gpt-5"),
  "a compatible host": (options) => createOpenAICompatible({ name: "mine", ...options })("gpt-4o"),
};

const bare = () => ({ baseURL: server.baseURL, apiKey: server.apiKey });
const traced = () => ({ ...bare(), fetch: tracedFetch() });

/** Runs `program` bare and traced; returns both results and the spans. */
async function both(program) {
  const expected = await program(bare());
  sink.clear();
  configure({ sinks: [sink] });
  const actual = await observe("program", () => program(traced()))();
  await flush();
  return { expected, actual };
}

for (const [name, model] of Object.entries(providers)) {
  test(`${name}: generateText`, async () => {
    const { expected, actual } = await both(async (options) => {
      const { text, finishReason, usage } = await generateText({
        model: model(options),
        prompt: "Solve 3x + 11 = 14.",
      });
      return { text, finishReason, usage };
    });
    assert.deepEqual(actual, expected);
    const { record, parent } = sink.get({ type: "generation" });
    assert.equal(parent?.record.name, "program");
    assert.equal(record.usage?.inputTokens, actual.usage.inputTokens);
    assert.equal(record.usage?.outputTokens, actual.usage.outputTokens);
    assert.match(JSON.stringify(record.output), new RegExp(actual.text.slice(0, 10).replace(/[^\w ]/g, ".")));
  });

  test(`${name}: streamText`, async () => {
    const { expected, actual } = await both(async (options) => {
      const { textStream, usage } = streamText({ model: model(options), prompt: "Solve 3x + 11 = 14." });
      const parts = [];
      for await (const part of textStream) parts.push(part);
      return { parts, usage: await usage };
    });
    assert.deepEqual(actual, expected);
    const [{ record }] = sink.findAll({ type: "generation" });
    assert.equal(record.genAi?.stream, true);
    assert.equal(record.http?.stream?.end, "completed");
    assert.ok(record.firstChunkTime !== undefined);
    assert.match(
      JSON.stringify(record.output),
      new RegExp(
        actual.parts
          .join("")
          .slice(0, 10)
          .replace(/[^\w ]/g, "."),
      ),
    );
  });
}

test("embed", async () => {
  const { expected, actual } = await both(async (options) => {
    const { embedding, usage } = await embed({
      model: createOpenAI(options).textEmbeddingModel("text-embedding-3-small"),
      value: "a",
    });
    return { embedding, usage };
  });
  assert.deepEqual(actual, expected);
  assert.equal(sink.get({ type: "embedding" }).record.usage?.inputTokens, actual.usage.tokens);
});

test("a 429, retried by the SDK itself, is one generation with two attempts", async () => {
  await using throttled = await fakeOpenAI({
    script: [{ match: "POST /chat/completions", status: 429, headers: { "retry-after-ms": "1" }, times: 1 }],
  });
  configure({ sinks: [sink] });
  sink.clear();
  const options = { baseURL: throttled.baseURL, apiKey: throttled.apiKey, fetch: tracedFetch() };
  const { text } = await observe("program", () =>
    generateText({ model: createOpenAI(options).chat("gpt-4o"), prompt: "Solve it." }),
  )();
  assert.notEqual(text, "");
  await flush();
  const [generation, ...more] = sink.findAll({ type: "generation" });
  assert.equal(more.length, 0);
  assert.deepEqual(
    generation.record.http?.attempts?.map(({ status }) => status),
    [429, 200],
  );
});

test("tools: an observed execute nests beside the model calls", async () => {
  const { actual } = await both(async (options) => {
    const add = tool({
      description: "adds",
      inputSchema: z.object({ a: z.number() }),
      execute: observe("add", async ({ a }) => a + 1),
    });
    const { text } = await generateText({
      model: createOpenAI(options).chat("gpt-4o"),
      prompt: "Add.",
      tools: { add },
    });
    return { hasText: typeof text === "string" };
  });
  assert.deepEqual(actual, { hasText: true });
  assert.ok(sink.findAll({ type: "generation" }).length >= 1);
});

test("the example prints its tree", () => {
  const { status, stderr } = spawnSync(process.execPath, ["example.js"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stderr, /ask .*\n├─ chat gpt-4o .*\n├─ add .*\n├─ chat gpt-4o .*\n└─ add /);
});
