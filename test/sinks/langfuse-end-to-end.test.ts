/** From calls of OpenAI's client to what Langfuse has of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { toFile } from "openai";
import {
  configure,
  flush,
  memorySink,
  observe,
  type SpanRecord,
  score,
  shutdown,
  stats,
  updateTrace,
  withTrace,
} from "sightline";
import { observeOpenAI, recordAssistantRun } from "sightline/openai";
import { type FakeOpenAI, fakeOpenAI } from "sightline/testing";
import { langfuseSink } from "../../src/sinks/langfuse.ts";
import { realRecords } from "../semconv/real-records.ts";
import { assertBooks } from "../support/books.ts";
import { type FakeLangfuse, fakeLangfuse, type Observation } from "../support/fake-langfuse/server.ts";

const QUESTION = "I need to solve the equation `3x + 11 = 14`. Can you help me?";
const LOOKUP = {
  type: "function" as const,
  function: { name: "lookup", description: "Looks up", parameters: { type: "object", properties: {} } },
};

const sinkFor = ({ baseUrl, publicKey, secretKey }: FakeLangfuse) =>
  langfuseSink({ baseUrl, publicKey, secretKey, name: "langfuse" });

/** Runs `fn` with a sink into a fresh Langfuse, and a client of a server that plays OpenAI. */
async function through(
  fn: (openai: OpenAI, fake: FakeOpenAI) => unknown,
  options: Parameters<typeof fakeOpenAI>[0] = {},
) {
  await using fake = await fakeOpenAI(options);
  await using langfuse = await fakeLangfuse();
  const memory = memorySink();
  configure({ sinks: [memory, sinkFor(langfuse)] });
  try {
    await fn(new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey }), fake);
    await flush();
    assertBooks(stats());
    assert.deepEqual(stats().sinks["langfuse"]!.dropped, {});
    return { langfuse, records: memory.records.filter((record) => record.record === "span") };
  } finally {
    await shutdown();
  }
}

/** Every bucket but the total, as Langfuse adds them up. */
function sumOf({ usage = {} }: Observation, side = ""): number {
  const entries = Object.entries(usage).filter(([name]) => name !== "total" && name.startsWith(side));
  return entries.reduce((sum, [, count]) => sum + count, 0);
}

/** The last record of each span: the one that Langfuse has. */
function lastOf(records: readonly SpanRecord[]): SpanRecord[] {
  return [...new Map(records.map((record) => [record.spanId, record])).values()];
}

class Tutor {
  readonly openai: OpenAI;

  constructor(openai: OpenAI) {
    this.openai = openai;
  }

  @observe()
  async ask(question: string): Promise<string> {
    const { assistants, threads } = this.openai.beta;
    const assistant = await assistants.create({
      model: "gpt-4",
      name: "Math Tutor",
      instructions: "You are a personal math tutor.",
      tools: [LOOKUP],
    });
    const thread = await threads.create({ messages: [{ role: "user", content: question }] });
    const thread_id = thread.id;
    const waiting = await threads.runs.createAndPoll(thread_id, { assistant_id: assistant.id });
    const calls = waiting.required_action!.submit_tool_outputs.tool_calls;
    const tool_outputs = calls.map(({ id }) => ({ tool_call_id: id, output: "42" }));
    const run = await threads.runs.submitToolOutputsAndPoll(waiting.id, { thread_id, tool_outputs });
    const steps = await threads.runs.steps.list(run.id, { thread_id, order: "asc" });
    const messages = await threads.messages.list(thread_id, { order: "asc" });
    recordAssistantRun({ run, steps, messages, thread, assistant });
    return `${run.usage?.total_tokens}`;
  }
}

test("an assistant's run: one tree, its tokens once, its tool by name", async () => {
  let total = 0;
  const { langfuse } = await through(async (openai) => {
    total = Number(await new Tutor(openai).ask(QUESTION));
    score({ name: "outside", value: 1, sessionId: "algebra-7" });
  });
  const { observations } = langfuse;
  const [root, ...others] = observations.filter(({ parentId }) => parentId === undefined) as [Observation];
  assert.equal(others.length, 0);
  assert.deepEqual([root.name, root.type, root.isAppRoot], ["Tutor.ask", "SPAN", true]);
  assert.deepEqual([root.input, root.output], [JSON.stringify({ question: QUESTION }), String(total)]);
  const agent = observations.find(({ type, metadata }) => type === "AGENT" && metadata["run_id"] !== undefined)!;
  assert.match(String(agent.metadata["thread_id"]), /^thread_/);
  assert.deepEqual([agent.metadata["run_status"], agent.usage], ["completed", {}]);
  const generations = observations.filter(({ type }) => type === "GENERATION");
  assert.ok(generations.length > 0);
  assert.ok(generations.every(({ parentId, model }) => parentId === agent.id && model === "gpt-4"));
  const tokens = observations.reduce((sum, { usage }) => sum + (usage?.["total"] ?? 0), 0);
  assert.equal(tokens, total, "each token once in the tree");
  assert.deepEqual(
    observations.filter(({ isUsageEstimated }) => isUsageEstimated).map(({ name }) => name),
    [],
    "and none that Langfuse counts itself",
  );
  const tool = observations.find(({ type }) => type === "TOOL")!;
  assert.match(tool.name, /lookup/);
  assert.equal(tool.output, "42");
  assert.equal(new Set(observations.map(({ traceId }) => traceId)).size, 1);
  const ids = new Set(observations.map(({ id }) => id));
  assert.ok(observations.every(({ parentId }) => parentId === undefined || ids.has(parentId)));
  assert.equal(ids.size, observations.length, "no span came twice");
  assert.equal(langfuse.scores.length, 1);
});

test("the same through observeOpenAI, with a late updateTrace on every span", async () => {
  const { langfuse } = await through((bare) =>
    withTrace({ name: "lesson", sessionId: "algebra-7", tags: ["algebra"], feature: "tutor" }, async () => {
      const openai = observeOpenAI(bare);
      const lesson = observe("lesson", async () => {
        await openai.chat.completions.create({ model: "gpt-4.1", messages: [{ role: "user", content: QUESTION }] });
        await new Tutor(openai).ask(QUESTION);
        updateTrace({ userId: "user_42", metadata: { plan: "pro" } });
        score({ name: "helpful", value: true });
      });
      await lesson();
    }),
  );
  assert.ok(langfuse.observations.length >= 6);
  assert.equal(new Set(langfuse.observations.map(({ id }) => id)).size, langfuse.observations.length, "none twice");
  for (const seen of langfuse.observations) {
    assert.deepEqual(
      [seen.traceName, seen.userId, seen.sessionId, seen.tags, seen.metadata["plan"], seen.metadata["feature"]],
      ["lesson", "user_42", "algebra-7", ["algebra"], "pro", "tutor"],
      seen.name,
    );
  }
  assert.equal(langfuse.scores[0]!.observationId, langfuse.observation("lesson").id);
});

test("a chat with tools: messages, tools and calls where Langfuse looks for them", async () => {
  const { langfuse } = await through(async (bare) => {
    const openai = observeOpenAI(bare);
    await openai.chat.completions.create({
      model: "gpt-4.1",
      messages: [
        { role: "system", content: "Be brief." },
        { role: "user", content: QUESTION },
      ],
      tools: [LOOKUP],
      temperature: 0,
    });
    const stream = await openai.chat.completions.create({
      model: "gpt-4.1",
      messages: [{ role: "user", content: QUESTION }],
      stream: true,
      stream_options: { include_usage: true },
    });
    for await (const _ of stream);
  });
  const [chat, streamed] = langfuse.observations as [Observation, Observation];
  const input = JSON.parse(String(chat.input));
  assert.deepEqual(input, {
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: QUESTION },
    ],
    tools: [LOOKUP],
  });
  const output = JSON.parse(String(chat.output));
  assert.deepEqual([output.role, output.tool_calls[0].function.name], ["assistant", "lookup"]);
  assert.equal(chat.modelParameters["temperature"], 0);
  assert.deepEqual([chat.metadata["finish_reasons"], chat.metadata["http_status"]], ['["tool_call"]', "200"]);
  assert.ok(chat.cost!["total"]! > 0);
  assert.ok(streamed.completionStartTime! >= streamed.startTime && streamed.completionStartTime! <= streamed.endTime);
  assert.equal(JSON.parse(String(streamed.output)).role, "assistant");
});

const USAGE = {
  prompt_tokens: 2006,
  completion_tokens: 400,
  total_tokens: 2406,
  prompt_tokens_details: { cached_tokens: 1920, audio_tokens: 50 },
  completion_tokens_details: { reasoning_tokens: 92, audio_tokens: 300, accepted_prediction_tokens: 8 },
};

test("cached, audio and reasoning tokens from the wire: buckets that sum up to the API's totals", async () => {
  const script = [{ match: "POST /chat/completions", edit: (json: object) => ({ ...json, usage: USAGE }) }];
  const { langfuse } = await through(
    async (bare) => {
      const openai = observeOpenAI(bare);
      await openai.chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: "hi" }] });
      const file = await toFile(Buffer.from("sound"), "a.mp3");
      await openai.audio.transcriptions.create({ model: "gpt-4o-transcribe", file });
    },
    { script },
  );
  const [chat, heard] = langfuse.observations as [Observation, Observation];
  assert.deepEqual(chat.usage, {
    input: 36,
    input_cached_tokens: 1920,
    input_audio_tokens: 50,
    output: 8,
    output_reasoning_tokens: 92,
    output_audio_tokens: 300,
    total: 2406,
  });
  assert.equal(heard.usage!["input_audio_tokens"], 30);
  assert.equal(sumOf(heard), heard.usage!["total"]);
});

test("every endpoint: usage, cost and model as recorded, nothing lost on the way", async () => {
  const spans = lastOf((await realRecords()).filter((record) => record.record === "span"));
  await using langfuse = await fakeLangfuse();
  await sinkFor(langfuse).write(spans, new AbortController().signal);
  assert.equal(langfuse.observations.length, spans.length);
  let withUsage = 0;
  for (const record of spans) {
    const seen = langfuse.observation(record.spanId);
    const { inputTokens, outputTokens, totalTokens } = record.usage ?? {};
    assert.equal(seen.type, record.type.toUpperCase());
    assert.equal(seen.name, record.name);
    assert.equal(seen.level, record.level);
    assert.equal(seen.userId, "user_42");
    assert.notEqual(seen.usage, undefined, "Langfuse took the table");
    if (totalTokens === undefined) continue;
    withUsage++;
    assert.equal(sumOf(seen), totalTokens, record.name);
    if (inputTokens !== undefined) assert.equal(sumOf(seen, "input"), inputTokens, record.name);
    if (outputTokens !== undefined) assert.equal(sumOf(seen, "output"), outputTokens, record.name);
    assert.equal(seen.cost!["total"], record.cost?.total, record.name);
    assert.equal(seen.model, record.genAi?.responseModel ?? record.genAi?.requestModel);
  }
  assert.ok(withUsage >= 8, `${withUsage} spans have usage`);
});
