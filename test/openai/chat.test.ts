import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { configure, type SpanRecord, stats, withSpan } from "sightline";
import { recordChatCompletion, recordResponse } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { chatDescriber } from "../../src/openai/chat.ts";
import { describers } from "../../src/openai/describers.ts";
import { traced } from "../support/traced.ts";
import { T0 } from "./payloads.ts";

const ns = (ms: number) => `${ms}000000`;
const END = (T0 + 3) * 1000 + 250;

const request = {
  model: "gpt-5",
  messages: [
    { role: "developer", content: "Be brief." },
    { role: "user", content: "Weather in Oslo?" },
  ],
  tools: [{ type: "function", function: { name: "weather", description: "d", parameters: { type: "object" } } }],
  tool_choice: { type: "function", function: { name: "weather" } },
  parallel_tool_calls: false,
  temperature: 0.2,
  top_p: 0.9,
  max_completion_tokens: 500,
  n: 2,
  seed: 7,
  stop: ["END"],
  frequency_penalty: 0.1,
  presence_penalty: 0.2,
  reasoning_effort: "low",
  logprobs: true,
  top_logprobs: 2,
  service_tier: "flex",
  stream: false,
  max_tokens: null,
  user: "ada@example.com",
  metadata: { order: "A-17" },
  response_format: { type: "json_schema", json_schema: { name: "answer", schema: { type: "object" } } },
};

/** A completion as the wire has it. */
const aCompletion = (part: Record<string, unknown> = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: T0,
  model: "gpt-5-2025-08-07",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "4 °C", refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: "stop",
    },
  ],
  usage: {
    prompt_tokens: 1149,
    completion_tokens: 120,
    total_tokens: 1269,
    prompt_tokens_details: { cached_tokens: 1024, audio_tokens: 0, cache_write_tokens: 5 },
    completion_tokens_details: {
      reasoning_tokens: 64,
      audio_tokens: 0,
      accepted_prediction_tokens: 3,
      rejected_prediction_tokens: 2,
    },
  },
  service_tier: "default",
  system_fingerprint: "fp_1",
  ...part,
});

/** Records one completion, and returns its span. */
async function recorded(completion: any, options: any = { request }): Promise<SpanRecord> {
  const sink = await traced(() => {
    assert.equal(recordChatCompletion(completion, options).recorded, true);
  });
  const spans = sink.records.filter((record): record is SpanRecord => record.record === "span");
  assert.equal(spans.length, 1);
  return spans[0]!;
}

test("a completion with its request is one generation", async () => {
  const span = await recorded(aCompletion(), { request, endTime: END });
  assert.deepEqual([span.name, span.type, span.kind], ["chat gpt-5", "generation", "client"]);
  assert.deepEqual([span.startTime, span.endTime], [ns(T0 * 1000), ns(END)]);
  assert.deepEqual(
    [span.level, span.status, span.metadata],
    ["DEFAULT", { code: "ok" }, { request_metadata: { order: "A-17" } }],
  );
  assert.deepEqual(span.input, [
    { role: "developer", parts: [{ type: "text", content: "Be brief." }] },
    { role: "user", parts: [{ type: "text", content: "Weather in Oslo?" }] },
  ]);
  assert.deepEqual(span.output, [
    { role: "assistant", parts: [{ type: "text", content: "4 °C" }], finish_reason: "stop" },
  ]);
  assert.deepEqual(span.usage, {
    inputTokens: 1149,
    outputTokens: 120,
    totalTokens: 1269,
    cacheReadInputTokens: 1024,
    cacheWriteInputTokens: 5,
    reasoningOutputTokens: 64,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    extra: {
      "completion_tokens_details.accepted_prediction_tokens": 3,
      "completion_tokens_details.rejected_prediction_tokens": 2,
    },
  });
  assert.notEqual(span.cost?.source, "provided");
  assert.deepEqual(span.genAi, {
    operation: "chat",
    provider: "openai",
    requestModel: "gpt-5",
    responseModel: "gpt-5-2025-08-07",
    responseId: "chatcmpl-1",
    finishReasons: ["stop"],
    outputType: "json",
    toolDefinitions: [{ type: "function", name: "weather", description: "d", parameters: { type: "object" } }],
    parameters: {
      temperature: 0.2,
      top_p: 0.9,
      max_completion_tokens: 500,
      n: 2,
      seed: 7,
      stop: ["END"],
      frequency_penalty: 0.1,
      presence_penalty: 0.2,
      logprobs: true,
      top_logprobs: 2,
      reasoning_effort: "low",
      tool_choice: { type: "function", function: { name: "weather" } },
      parallel_tool_calls: false,
      service_tier: "flex",
      stream: false,
      response_format: "json_schema",
    },
    openai: {
      apiType: "chat_completions",
      requestServiceTier: "flex",
      serviceTier: "default",
      systemFingerprint: "fp_1",
      createdAt: T0,
    },
  });
});

test("without its request the completion speaks for itself", async () => {
  const span = await recorded(aCompletion(), {});
  assert.deepEqual([span.name, span.input, span.metadata], ["chat gpt-5-2025-08-07", undefined, undefined]);
  assert.equal(span.genAi?.requestModel, "gpt-5-2025-08-07");
  assert.equal(span.genAi?.parameters, undefined);
});

test("name, input, times and provider can be given", async () => {
  const options = { request, name: "answer", input: "Oslo?", startTime: END - 900, endTime: END, provider: "groq" };
  const span = await recorded(aCompletion(), options);
  assert.deepEqual([span.name, span.input, span.genAi?.provider], ["answer", "Oslo?", "groq"]);
  assert.deepEqual([span.startTime, span.endTime], [ns(END - 900), ns(END)]);
});

test("a completion is recorded once by its id and its time, since compatible servers give ids again", async () => {
  const sink = await traced(() => {
    const seen = (completion: any) => {
      const { id, status, recorded } = recordChatCompletion(completion, { request });
      return [id, status, recorded];
    };
    assert.deepEqual(seen(aCompletion()), ["chatcmpl-1", "completed", true]);
    assert.deepEqual(seen(aCompletion()), ["chatcmpl-1", "completed", false]);
    assert.deepEqual(seen(aCompletion({ created: T0 + 1 })), ["chatcmpl-1", "completed", true]);
    const nameless = aCompletion({ id: undefined });
    // In one trace, where two spans with one id would be one.
    assert.deepEqual(
      withSpan("flow", () => [seen(nameless), seen(nameless)]),
      [
        ["", "completed", true],
        ["", "completed", true],
      ],
    );
  });
  assert.equal(sink.findAll("generation").length, 4);
});

test("tokens that are not given stay unknown", async () => {
  for (const usage of [undefined, null, {}, "many"]) {
    const span = await recorded(aCompletion({ usage }));
    assert.equal(span.usage, undefined);
  }
});

const endings = [
  { finish_reason: "length", word: "length", level: "WARNING", message: "incomplete: length" },
  { finish_reason: "content_filter", word: "content_filter", level: "WARNING", message: "incomplete: content_filter" },
  { finish_reason: "tool_calls", word: "tool_call", level: "DEFAULT", message: undefined },
  { finish_reason: "function_call", word: "tool_call", level: "DEFAULT", message: undefined },
];

for (const { finish_reason, word, level, message } of endings) {
  test(`a completion that ends with ${finish_reason}`, async () => {
    const choices = [{ index: 0, finish_reason, message: { role: "assistant", content: "4" } }];
    const span = await recorded(aCompletion({ choices }));
    assert.deepEqual([span.genAi?.finishReasons, span.level, span.status.message], [[word], level, message]);
    assert.equal(span.status.code, "ok");
    assert.equal(span.genAi?.openai?.incompleteReason, message && word);
  });
}

test("several choices are several messages with a reason each", async () => {
  const choice = (content: string, finish_reason: string) => ({
    message: { role: "assistant", content },
    finish_reason,
  });
  const span = await recorded(aCompletion({ choices: [choice("a", "stop"), choice("b", "length")] }));
  assert.deepEqual(span.genAi?.finishReasons, ["stop", "length"]);
  assert.equal((span.output as unknown[]).length, 2);
  assert.equal(span.level, "WARNING");
});

test("a cost that the provider states is taken, and is no count of tokens", async () => {
  const openRouter = { prompt_tokens: 10, completion_tokens: 4, total_tokens: 14, cost: 0.00014, is_byok: false };
  const span = await recorded(
    aCompletion({ usage: { ...openRouter, cost_details: { upstream_inference_cost: null } } }),
  );
  assert.deepEqual(span.cost, { currency: "USD", total: 0.00014, source: "provided" });
  assert.deepEqual(span.usage, { inputTokens: 10, outputTokens: 4, totalTokens: 14 });

  const cost = { input_tokens_cost: 0.001, output_tokens_cost: 0.002, request_cost: 0.005, total_cost: 0.008 };
  const perplexity = await recorded(aCompletion({ usage: { prompt_tokens: 10, completion_tokens: 4, cost } }));
  assert.deepEqual(perplexity.cost, { currency: "USD", total: 0.008, input: 0.001, output: 0.002, source: "provided" });

  for (const odd of [-1, Number.NaN, "free", null, {}]) {
    const { cost } = await recorded(aCompletion({ usage: { prompt_tokens: 1, cost: odd } }));
    assert.notEqual(cost?.source, "provided");
  }
});

test("an error inside an answer, of the whole or of a choice, is the span's", async () => {
  const whole = await recorded({ error: { code: 502, message: "Provider returned error" } });
  assert.deepEqual([whole.level, whole.error?.code, whole.error?.message], ["ERROR", "502", "Provider returned error"]);
  const choices = [{ finish_reason: "error", error: { code: 429, message: "slow down" }, message: { content: "4" } }];
  const part = await recorded(aCompletion({ choices }));
  assert.deepEqual([part.error?.code, part.genAi?.finishReasons], ["429", ["error"]]);
});

test("sound asked for and given", async () => {
  const audio = { id: "audio_1", data: Buffer.alloc(300).toString("base64"), expires_at: T0, transcript: "Four." };
  const choices = [{ message: { role: "assistant", content: null, audio }, finish_reason: "stop" }];
  const span = await recorded(aCompletion({ choices }), { request: { modalities: ["text", "audio"], messages: [] } });
  assert.equal(span.genAi?.outputType, "speech");
  assert.deepEqual((span.output as any)[0].parts, [
    { type: "blob", modality: "audio", bytes: 300, id: "audio_1", transcript: "Four." },
  ]);
});

test("camelCase objects with dates read the same", async () => {
  const span = await recorded({
    id: "chatcmpl-azure",
    created: new Date(T0 * 1000),
    model: "gpt-4o",
    systemFingerprint: "fp_2",
    choices: [
      { finishReason: "tool_calls", message: { role: "assistant", toolCalls: [{ id: "c", function: { name: "f" } }] } },
    ],
    usage: { promptTokens: 3, completionTokens: 2, totalTokens: 5 },
  });
  assert.equal(span.startTime, ns(T0 * 1000));
  assert.deepEqual(span.usage, { inputTokens: 3, outputTokens: 2, totalTokens: 5 });
  assert.deepEqual(span.genAi?.finishReasons, ["tool_call"]);
  assert.deepEqual((span.output as any)[0].parts, [{ type: "tool_call", id: "c", name: "f" }]);
  assert.equal(span.genAi?.openai?.systemFingerprint, "fp_2");
});

test("no choices, junk in every place, getters that throw", async () => {
  const span = await recorded(aCompletion({ choices: [] }));
  assert.deepEqual([span.output, span.genAi?.finishReasons], [undefined, undefined]);
  const odd = { id: 5, created: "soon", model: {}, choices: [null, 5, { message: 5, finish_reason: {} }], usage: [] };
  assert.equal((await recorded(odd, { request: 5 })).name, "chat");
  const cyclic: any = aCompletion({ id: "chatcmpl-cyclic" });
  cyclic.choices[0].message.content = [cyclic];
  assert.equal((await recorded(cyclic)).name, "chat gpt-5");
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  await traced(() => {
    const before = stats().internalErrors;
    const throws = {
      id: "chatcmpl-2",
      get choices(): never {
        throw new Error("no");
      },
    };
    for (const junk of [null, undefined, 5, "x", throws, proxy] as any[]) {
      assert.equal(recordChatCompletion(junk, null as any).recorded, false);
    }
    assert.ok(stats().internalErrors > before);
  });
  configure({ enabled: false });
  assert.deepEqual(recordChatCompletion(aCompletion()).recorded, false);
});

test("a failed call shows what was asked", () => {
  const { name, type, patch } = chatDescriber.request({ ...request, stream: true }, "azure.ai.openai");
  assert.deepEqual([name, type, patch.genAi?.stream], ["chat gpt-5", "generation", true]);
  assert.deepEqual([patch.genAi?.provider, patch.genAi?.openai?.requestServiceTier], ["azure.ai.openai", "flex"]);
  assert.equal(patch.usage, undefined);
  assert.equal(chatDescriber.request(undefined, "openai").name, "chat");
});

test("no describer throws at any JSON", () => {
  const values = [
    undefined,
    null,
    0,
    "",
    "x",
    [],
    [null],
    [[]],
    {},
    { data: [null], choices: [{}], results: [5], input: [[1], null] },
  ];
  for (const describer of Object.values(describers)) {
    for (const request of values) {
      for (const answer of values) {
        describer.request(request, "openai");
        const plan = describer.plan({ request, answer, provider: "openai", startMs: 1, endMs: 2 });
        assert.equal(typeof plan.spans[0].name, "string");
      }
    }
  }
});

const CLIENTS = { "openai 4": OpenAI4, "openai 5": OpenAI5, "openai 6": OpenAI };

for (const [client, Client] of Object.entries(CLIENTS)) {
  test(`${client}: what create, parse and a stream's end give, with the tokens that the API says`, async () => {
    await using fake = await fakeOpenAI();
    const openai: any = new Client(fake);
    const asked = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "Solve 3x + 11 = 14." }] };
    const usages: any[] = [];
    const sink = await traced(() =>
      withSpan("flow", async () => {
        const created = await openai.chat.completions.create(asked);
        recordChatCompletion(created, { request: asked });
        const completions = openai.chat.completions.parse ? openai.chat.completions : openai.beta.chat.completions;
        const parsed = await completions.parse({ ...asked, response_format: { type: "json_object" } });
        recordChatCompletion(parsed, { request: asked });
        const streamed = { ...asked, stream_options: { include_usage: true } };
        const final = await completions.stream(streamed).finalChatCompletion();
        recordChatCompletion(final, { request: streamed });
        usages.push(created.usage, parsed.usage, final.usage);
      }),
    );
    const spans = sink.findAll("generation").map(({ record }) => record);
    assert.deepEqual(
      spans.map(({ usage }) => [usage?.inputTokens, usage?.outputTokens]),
      usages.map(({ prompt_tokens, completion_tokens }) => [prompt_tokens, completion_tokens]),
    );
    assert.ok(spans.every(({ parentSpanId }) => parentSpanId === sink.get("flow").record.spanId));
    assert.match(JSON.stringify(spans[0]!.output), /x = 1/);
    assert.deepEqual(
      spans.map(({ genAi }) => genAi?.finishReasons),
      [["stop"], ["stop"], ["stop"]],
    );
  });
}

test("an end that nobody tells is now, and the start of what was stored long before", async () => {
  const sink = await traced((clock) => {
    const now = Math.floor(clock.epochMs() / 1000);
    recordChatCompletion({ id: "c_now", model: "gpt-4o", created: now - 60, choices: [] });
    recordChatCompletion({ id: "c_old", model: "gpt-4o", created: now - 86_400, choices: [] });
    recordResponse({ id: "r_old", status: "completed", model: "gpt-5", created_at: now - 86_400, output: [] });
    recordResponse({ id: "r_open", status: "in_progress", model: "gpt-5", created_at: now - 86_400, output: [] });
  });
  const seconds = (id: string) => {
    const { record } = sink.get(({ genAi }) => genAi?.responseId === id);
    return Math.round(Number(BigInt(record.endTime) - BigInt(record.startTime)) / 1e9);
  };
  assert.deepEqual(["c_now", "c_old", "r_old"].map(seconds), [60, 0, 0]);
  assert.ok(seconds("r_open") >= 86_400, "what goes on has been going on since");
});
