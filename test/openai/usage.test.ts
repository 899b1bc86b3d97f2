import assert from "node:assert/strict";
import { test } from "node:test";
import type { Usage } from "../../src/core/record.ts";
import { normalizeUsage } from "../../src/core/usage.ts";

const shapes: readonly { from: string; raw: unknown; usage: Usage | undefined }[] = [
  {
    from: "an Assistants run of 2026, details with their singular name",
    raw: {
      prompt_tokens: 1149,
      completion_tokens: 88,
      total_tokens: 1237,
      prompt_token_details: { cached_tokens: 1024 },
      completion_tokens_details: { reasoning_tokens: 0 },
    },
    usage: {
      inputTokens: 1149,
      outputTokens: 88,
      totalTokens: 1237,
      cacheReadInputTokens: 1024,
      reasoningOutputTokens: 0,
    },
  },
  {
    from: "an Assistants run of 2024, totals only",
    raw: { prompt_tokens: 381, completion_tokens: 88, total_tokens: 469 },
    usage: { inputTokens: 381, outputTokens: 88, totalTokens: 469 },
  },
  {
    from: "a run that failed for want of quota: zeros are counts",
    raw: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    usage: { inputTokens: 0, outputTokens: 0, totalTokens: 0 },
  },
  {
    from: "a chat completion",
    raw: {
      prompt_tokens: 200,
      completion_tokens: 60,
      total_tokens: 260,
      prompt_tokens_details: {
        cached_tokens: 128,
        cache_write_tokens: 32,
        audio_tokens: 5,
        image_tokens: 7,
        text_tokens: 188,
      },
      completion_tokens_details: {
        reasoning_tokens: 40,
        audio_tokens: 3,
        text_tokens: 17,
        accepted_prediction_tokens: 2,
        rejected_prediction_tokens: 1,
      },
    },
    usage: {
      inputTokens: 200,
      outputTokens: 60,
      totalTokens: 260,
      cacheReadInputTokens: 128,
      cacheWriteInputTokens: 32,
      audioInputTokens: 5,
      imageInputTokens: 7,
      textInputTokens: 188,
      reasoningOutputTokens: 40,
      audioOutputTokens: 3,
      textOutputTokens: 17,
      extra: {
        "completion_tokens_details.accepted_prediction_tokens": 2,
        "completion_tokens_details.rejected_prediction_tokens": 1,
      },
    },
  },
  {
    from: "a response",
    raw: {
      input_tokens: 36,
      output_tokens: 87,
      total_tokens: 123,
      input_tokens_details: {
        cached_tokens: 16,
        cache_write_tokens: 8,
        cache_write_tokens_details: { ttl_30m_tokens: 8 },
      },
      output_tokens_details: { reasoning_tokens: 64 },
    },
    usage: {
      inputTokens: 36,
      outputTokens: 87,
      totalTokens: 123,
      cacheReadInputTokens: 16,
      cacheWriteInputTokens: 8,
      reasoningOutputTokens: 64,
      extra: { "input_tokens_details.cache_write_tokens_details.ttl_30m_tokens": 8 },
    },
  },
  {
    from: "a Realtime response",
    raw: {
      total_tokens: 253,
      input_tokens: 132,
      output_tokens: 121,
      input_token_details: {
        text_tokens: 119,
        audio_tokens: 13,
        image_tokens: 0,
        cached_tokens: 64,
        cached_tokens_details: { text_tokens: 64, audio_tokens: 0 },
      },
      output_token_details: { text_tokens: 30, audio_tokens: 91 },
    },
    usage: {
      inputTokens: 132,
      outputTokens: 121,
      totalTokens: 253,
      textInputTokens: 119,
      audioInputTokens: 13,
      imageInputTokens: 0,
      cacheReadInputTokens: 64,
      textOutputTokens: 30,
      audioOutputTokens: 91,
      extra: {
        "input_token_details.cached_tokens_details.text_tokens": 64,
        "input_token_details.cached_tokens_details.audio_tokens": 0,
      },
    },
  },
  {
    from: "embeddings: no output, and none made up",
    raw: { prompt_tokens: 8, total_tokens: 8 },
    usage: { inputTokens: 8, totalTokens: 8 },
  },
  {
    from: "@openai/agents, details as an array of requests",
    raw: {
      requests: 2,
      inputTokens: 300,
      outputTokens: 50,
      totalTokens: 350,
      inputTokensDetails: [{ cached_tokens: 100 }, { cached_tokens: 28 }],
      outputTokensDetails: [{ reasoning_tokens: 5 }, { reasoning_tokens: 6 }],
    },
    usage: {
      inputTokens: 300,
      outputTokens: 50,
      totalTokens: 350,
      cacheReadInputTokens: 128,
      reasoningOutputTokens: 11,
      extra: { requests: 2 },
    },
  },
  {
    from: "@openai/agents, snake case with its own cache keys",
    raw: { input_tokens: 10, output_tokens: 2, cached_input_tokens: 4, cache_write_input_tokens: 3 },
    usage: {
      inputTokens: 10,
      outputTokens: 2,
      cacheReadInputTokens: 4,
      cacheWriteInputTokens: 3,
      totalTokens: 12,
    },
  },
  {
    from: "Foundry's camelCase",
    raw: { promptTokens: 12, completionTokens: 4, totalTokens: 16 },
    usage: { inputTokens: 12, outputTokens: 4, totalTokens: 16 },
  },
  {
    from: "Langfuse",
    raw: { input: 12, output: 4, total: 16, unit: "TOKENS" },
    usage: { inputTokens: 12, outputTokens: 4, totalTokens: 16 },
  },
  {
    from: "Anthropic, whose input_tokens leave cached tokens out",
    raw: { input_tokens: 10, cache_creation_input_tokens: 20, cache_read_input_tokens: 70, output_tokens: 5 },
    usage: {
      inputTokens: 100,
      cacheWriteInputTokens: 20,
      cacheReadInputTokens: 70,
      outputTokens: 5,
      totalTokens: 105,
    },
  },
  {
    from: "a total that is no sum: the provider's word stands",
    raw: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 40 },
    usage: { inputTokens: 10, outputTokens: 5, totalTokens: 40 },
  },
  {
    from: "xAI, whose completion_tokens leave the reasoning out: the total gives it away",
    raw: {
      prompt_tokens: 100,
      completion_tokens: 10,
      total_tokens: 1110,
      completion_tokens_details: { reasoning_tokens: 1000 },
    },
    usage: { inputTokens: 100, outputTokens: 1010, totalTokens: 1110, reasoningOutputTokens: 1000 },
  },
  {
    from: "a total that reasoning explains only in part: nothing is made up",
    raw: {
      prompt_tokens: 100,
      completion_tokens: 10,
      total_tokens: 1111,
      completion_tokens_details: { reasoning_tokens: 1000 },
    },
    usage: { inputTokens: 100, outputTokens: 10, totalTokens: 1111, reasoningOutputTokens: 1000 },
  },
  {
    from: "DeepSeek, whose cache hits are within prompt_tokens",
    raw: {
      prompt_tokens: 100,
      completion_tokens: 5,
      total_tokens: 105,
      prompt_cache_hit_tokens: 64,
      prompt_cache_miss_tokens: 36,
    },
    usage: {
      inputTokens: 100,
      outputTokens: 5,
      totalTokens: 105,
      cacheReadInputTokens: 64,
      extra: { prompt_cache_miss_tokens: 36 },
    },
  },
  {
    from: "a transcription that is paid for by its length",
    raw: { type: "duration", seconds: 60 },
    usage: { extra: { seconds: 60 } },
  },
  { from: "half a usage: no total made up", raw: { output_tokens: 5 }, usage: { outputTokens: 5 } },
  {
    from: "counts that are no counts",
    raw: { prompt_tokens: Number.NaN, completion_tokens: null, input_tokens: -1, output_tokens: "7", total_tokens: 3 },
    usage: { totalTokens: 3 },
  },
  { from: "the same count under two names", raw: { prompt_tokens: 25, input_tokens: 0 }, usage: { inputTokens: 25 } },
  {
    from: "names that objects are born with",
    raw: { constructor: 1, valueOf: 2 },
    usage: { extra: { constructor: 1, valueOf: 2 } },
  },
  { from: "null", raw: null, usage: undefined },
  { from: "nothing", raw: undefined, usage: undefined },
  { from: "an empty object", raw: {}, usage: undefined },
  { from: "all null", raw: { prompt_tokens: null, completion_tokens: null }, usage: undefined },
  { from: "a number", raw: 5, usage: undefined },
  { from: "a string", raw: "381", usage: undefined },
  { from: "an array", raw: [1, 2], usage: undefined },
];

for (const { from, raw, usage } of shapes) {
  test(`usage of ${from}`, () => {
    const before = structuredClone(raw);
    assert.deepEqual(normalizeUsage(raw), usage);
    assert.deepEqual(raw, before, "the input is left alone");
  });
}

test("normal usage passes through, extra counts included", () => {
  for (const { usage } of shapes) assert.deepEqual(normalizeUsage(usage), usage);
});

test("hostile values give no usage and no exception", () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const throwing = {
    get prompt_tokens(): number {
      throw new Error("no");
    },
  };
  assert.equal(normalizeUsage(proxy), undefined);
  assert.equal(normalizeUsage(throwing), undefined);
});

test("rings, depth and size cost a bounded number of reads", () => {
  let reads = 0;
  const counting: ProxyHandler<object> = {
    get(target, key, receiver) {
      reads++;
      return Reflect.get(target, key, receiver);
    },
  };
  const ring: Record<string, unknown> = { prompt_tokens: 3, more: [] };
  ring["self"] = ring;
  (ring["more"] as unknown[]).push(ring, ring, ring);
  assert.equal(normalizeUsage(new Proxy(ring, counting))?.inputTokens, 3);
  let deep: unknown = 1;
  for (let i = 0; i < 100_000; i++) deep = [deep];
  assert.deepEqual(normalizeUsage({ deep, prompt_tokens: 1 }), { inputTokens: 1 });
  const wide = new Proxy(
    Array.from({ length: 1_000_000 }, () => ({ cached_tokens: 1 })),
    counting,
  );
  normalizeUsage({ prompt_tokens: 3, inputTokensDetails: wide });
  assert.ok(reads < 5_000, `${reads} reads`);
});
