import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import OpenAI from "openai";
import { configure, flush, memorySink, type SpanRecord, shutdown, staticPrices, withSpan } from "sightline";
import { budgets } from "sightline/monitors";
import { tracedFetch } from "sightline/openai";
import { type FakeOpenAIOptions, fakeOpenAI } from "sightline/testing";
import { modelCallOf } from "../../../src/monitors/model-call.ts";
import { REFUSE, type WatchingSink, watchingSink } from "../../support/watching-sink.ts";

const PRICES = staticPrices({ "gpt-4.1": { input: 0, output: 400 } });
/** 100 tokens: 0.04 USD a run. */
const ANSWER = { answer: () => "four".repeat(100) };
const QUESTION = { messages: [{ role: "user" as const, content: "3x + 11 = 14" }] };

async function withClient(options: FakeOpenAIOptions, fn: (client: OpenAI, requests: () => number) => unknown) {
  await using fake = await fakeOpenAI(options);
  const client = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: tracedFetch() });
  try {
    await fn(client, () => fake.requests.length);
  } finally {
    await shutdown();
  }
}

async function createRun(client: OpenAI, assistantId: string) {
  const thread = await client.beta.threads.create(QUESTION);
  return client.beta.threads.runs.create(thread.id, { assistant_id: assistantId });
}

async function statusOfRun(client: OpenAI, assistantId: string): Promise<unknown> {
  const thread = await client.beta.threads.create(QUESTION);
  const polled = client.beta.threads.runs.createAndPoll(thread.id, { assistant_id: assistantId });
  return polled.then(
    ({ status }) => status,
    ({ status }) => status,
  );
}

function urgent(judge?: Parameters<typeof watchingSink>[0]): WatchingSink {
  return { ...watchingSink(judge), policy: { durability: "record" } };
}

const job = (fn: () => Promise<void>) => withSpan("job", fn);
for (const [where, around] of [
  ["one trace", job],
  ["traces of their own", (fn: () => Promise<void>) => fn()],
] as const) {
  test(`runs one after another stay within a hard limit, in ${where}; each is counted once`, async () => {
    const memory = memorySink();
    await withClient(ANSWER, async (client) => {
      const costs = budgets({ limits: [{ name: "day", usd: 0.1, per: "day", hard: true }] });
      configure({ sinks: [costs, memory], prices: PRICES });
      const assistant = await client.beta.assistants.create({ model: "gpt-4.1" });
      const said: unknown[] = [];
      await around(async () => {
        for (let i = 0; i < 6; i++) said.push(await statusOfRun(client, assistant.id));
      });
      await flush();
      assert.deepEqual(said, ["completed", "completed", "completed", 402, 402, 402]);
      const [{ spentUsd, calls, inFlight, reservedUsd }] = costs.status() as [ReturnType<typeof costs.status>[0]];
      assert.deepEqual([spentUsd, calls, inFlight, reservedUsd], [0.12, 3, 0, 0]);
    });
    // What was said early is said again with the rest, under the same ids and with a higher seq.
    const spans = memory.records.filter((record): record is SpanRecord => record.record === "span");
    const chats = spans.filter((span) => span.type === "generation" && span.cost !== undefined);
    assert.equal(new Set(chats.map(({ spanId }) => spanId)).size, 3);
    assert.equal(new Set(chats.map(({ spanId, seq }) => `${spanId} ${seq}`)).size, chats.length);
    assert.equal(spans.filter(({ type }) => type === "agent").length, 3);
    assert.ok(chats.every((span) => modelCallOf(span)?.costUsd === 0.04));
  });
}

test("a run is under way for a watch until it has ended, whatever is flushed or configured meanwhile", async () => {
  await withClient(ANSWER, async (client) => {
    const sink = urgent();
    configure({ sinks: [sink], prices: false });
    const assistant = await client.beta.assistants.create({ model: "gpt-4.1" });
    const run = await createRun(client, assistant.id);
    assert.notEqual(run.status, "completed");
    await flush();
    assert.equal(sink.ended.length, 0);
    configure({ sinks: [watchingSink()], prices: false });
    await setTimeout(5);
    assert.equal(sink.ended.length, 0);
    await client.beta.threads.runs.poll(run.id, { thread_id: run.thread_id });
    assert.deepEqual(sink.ended, [sink.asked[0]!.spanId]);
  });
});

test("a run that nobody asks about any more is given up at shutdown", async () => {
  const sink = urgent();
  await withClient(ANSWER, async (client) => {
    configure({ sinks: [sink], prices: false });
    const assistant = await client.beta.assistants.create({ model: "gpt-4.1" });
    await createRun(client, assistant.id);
    assert.equal(sink.ended.length, 0);
  });
  assert.deepEqual(sink.ended, [sink.asked[0]!.spanId]);
});

test("a run that names no model is asked for with its assistant's, and goes out without any", async () => {
  await withClient(ANSWER, async (client) => {
    const sink = watchingSink();
    configure({ sinks: [sink], prices: false });
    const assistant = await client.beta.assistants.create({ model: "gpt-4.1" });
    await statusOfRun(client, assistant.id);
    // Known by a run of it where the assistant itself has not been seen.
    configure({ sinks: [sink], prices: false });
    await statusOfRun(client, assistant.id);
    await statusOfRun(client, assistant.id);
    assert.deepEqual(
      sink.asked.map(({ model }) => model),
      ["gpt-4.1", undefined, "gpt-4.1"],
    );
  });
});

test("a run that is being created at shutdown leaves the records that it leaves without a watch", async () => {
  for (const sinks of [[], [watchingSink()], [urgent(() => undefined)]]) {
    const memory = memorySink();
    await withClient({ ...ANSWER, latencyMs: 40 }, async (client) => {
      configure({ sinks: [memory, ...sinks], prices: false });
      const thread = await client.beta.threads.create(QUESTION);
      const creating = client.beta.threads.runs.create(thread.id, { assistant_id: "asst_1" }).catch(() => {});
      await setTimeout(15);
      await shutdown();
      await creating;
    });
    assert.deepEqual(
      memory.records.map((record) => (record as SpanRecord).name),
      ["POST /threads"],
    );
  }
});

test("a run that is refused has not begun", async () => {
  await withClient(ANSWER, async (client, requests) => {
    const sink = urgent(() => REFUSE);
    configure({ sinks: [sink], prices: false });
    assert.equal(await statusOfRun(client, "asst_1"), 402);
    assert.deepEqual([requests(), sink.ended], [1, [sink.asked[0]!.spanId]]);
  });
});

test("a response in the background is under way until it has ended", async () => {
  await withClient(ANSWER, async (client) => {
    const sink = watchingSink();
    configure({ sinks: [sink], prices: false });
    let response = await client.responses.create({ model: "gpt-4.1", input: "1 + 1", background: true });
    await flush();
    assert.deepEqual([response.status === "completed", sink.ended.length], [false, 0]);
    for (let i = 0; i < 50 && response.status !== "completed"; i++) {
      response = await client.responses.retrieve(response.id);
    }
    assert.equal(response.status, "completed");
    assert.deepEqual(sink.ended, [sink.asked[0]!.spanId]);
  });
});
