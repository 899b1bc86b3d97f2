import assert from "node:assert/strict";
import { test } from "node:test";
import type { Usage } from "../../src/core/record.ts";
import { normalizeUsage } from "../../src/core/usage.ts";
import { type Buckets, langfuseCost, langfuseUsage } from "../../src/semconv/langfuse-usage.ts";

/** What Langfuse's dashboards add up: every bucket but the total. */
function sumOf(buckets: Buckets, side = ""): number {
  const entries = Object.entries(buckets).filter(([name]) => name !== "total" && name.startsWith(side));
  return entries.reduce((sum, [, count]) => sum + count, 0);
}

/** Usage as APIs have it, and their totals. */
const APIS: { readonly [name: string]: { readonly raw: object; readonly buckets: Buckets } } = {
  "chat completions": {
    raw: {
      prompt_tokens: 2006,
      completion_tokens: 300,
      total_tokens: 2306,
      prompt_tokens_details: { cached_tokens: 1920, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 192,
        audio_tokens: 0,
        accepted_prediction_tokens: 10,
        rejected_prediction_tokens: 5,
      },
    },
    buckets: {
      input: 86,
      input_cached_tokens: 1920,
      input_audio_tokens: 0,
      output: 108,
      output_reasoning_tokens: 192,
      output_audio_tokens: 0,
      total: 2306,
    },
  },
  "chat completions with audio": {
    raw: {
      prompt_tokens: 500,
      completion_tokens: 400,
      total_tokens: 900,
      prompt_tokens_details: { cached_tokens: 100, audio_tokens: 250, text_tokens: 250 },
      completion_tokens_details: { audio_tokens: 300, text_tokens: 100, reasoning_tokens: 0 },
    },
    buckets: {
      input: 150,
      input_cached_tokens: 100,
      input_audio_tokens: 250,
      output: 100,
      output_reasoning_tokens: 0,
      output_audio_tokens: 300,
      total: 900,
    },
  },
  "realtime, with cached audio": {
    raw: {
      input_tokens: 1000,
      output_tokens: 200,
      total_tokens: 1200,
      input_token_details: {
        cached_tokens: 600,
        audio_tokens: 700,
        text_tokens: 300,
        cached_tokens_details: { audio_tokens: 500, text_tokens: 100 },
      },
      output_token_details: { audio_tokens: 150, text_tokens: 50 },
    },
    buckets: {
      input: 200,
      input_cached_tokens: 600,
      input_audio_tokens: 200,
      output: 50,
      output_audio_tokens: 150,
      total: 1200,
    },
  },
  responses: {
    raw: {
      input_tokens: 400,
      input_tokens_details: { cached_tokens: 128 },
      output_tokens: 90,
      output_tokens_details: { reasoning_tokens: 64 },
      total_tokens: 490,
    },
    buckets: { input: 272, input_cached_tokens: 128, output: 26, output_reasoning_tokens: 64, total: 490 },
  },
  "an assistant's run": {
    raw: {
      prompt_tokens: 1500,
      completion_tokens: 130,
      total_tokens: 1630,
      prompt_token_details: { cached_tokens: 1024 },
      completion_tokens_details: { reasoning_tokens: 40 },
    },
    buckets: { input: 476, input_cached_tokens: 1024, output: 90, output_reasoning_tokens: 40, total: 1630 },
  },
  "images, some of them cached": {
    raw: {
      input_tokens: 800,
      output_tokens: 272,
      total_tokens: 1072,
      input_tokens_details: {
        image_tokens: 700,
        text_tokens: 100,
        cached_tokens: 300,
        cached_tokens_details: { image_tokens: 300 },
      },
      output_tokens_details: { image_tokens: 272 },
    },
    buckets: {
      input: 100,
      input_cached_tokens: 300,
      input_image_tokens: 400,
      output: 0,
      output_image_tokens: 272,
      total: 1072,
    },
  },
  "Anthropic, cached tokens beside": {
    raw: { input_tokens: 2, cache_read_input_tokens: 100, cache_creation_input_tokens: 50, output_tokens: 7 },
    buckets: { input: 2, input_cached_tokens: 100, input_cache_creation: 50, output: 7, total: 159 },
  },
  embeddings: { raw: { prompt_tokens: 8, total_tokens: 8 }, buckets: { input: 8, total: 8 } },
  "a model that thinks in the total alone": {
    raw: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 40 },
    buckets: { input: 10, output: 5, other: 25, total: 40 },
  },
};

for (const [name, { raw, buckets }] of Object.entries(APIS)) {
  test(`buckets exclude each other and sum up to the API's totals: ${name}`, () => {
    const usage = normalizeUsage(raw)!;
    const made = langfuseUsage(usage)!;
    assert.deepEqual(made, buckets);
    assert.equal(sumOf(made), usage.totalTokens);
    assert.equal(sumOf(made, "input"), usage.inputTokens);
    if (usage.outputTokens !== undefined) assert.equal(sumOf(made, "output"), usage.outputTokens);
  });
}

test("any counts: no bucket is below zero or broken, and those of a side never exceed its total", () => {
  let seed = 7;
  const random = (n: number) => (seed = (seed * 48_271) % 2_147_483_647) % n;
  const names = [
    "inputTokens",
    "outputTokens",
    "totalTokens",
    "cacheReadInputTokens",
    "cacheWriteInputTokens",
    "reasoningOutputTokens",
    "audioInputTokens",
    "audioOutputTokens",
    "imageInputTokens",
    "imageOutputTokens",
  ] as const;
  for (let i = 0; i < 2_000; i++) {
    const given = names.filter(() => random(3) > 0).map((name) => [name, random(1_000)]);
    const usage: Usage = Object.fromEntries(given);
    const made = langfuseUsage(usage);
    if (made === undefined) continue;
    for (const count of Object.values(made)) assert.ok(Number.isInteger(count) && count >= 0, JSON.stringify(usage));
    if (usage.inputTokens !== undefined) assert.equal(sumOf(made, "input"), usage.inputTokens);
    if (usage.outputTokens !== undefined) assert.equal(sumOf(made, "output"), usage.outputTokens);
    if (usage.totalTokens !== undefined) assert.equal(made["total"], usage.totalTokens);
  }
});

test("missing is not zero", () => {
  assert.equal(langfuseUsage({}), undefined);
  assert.equal(langfuseUsage({ webSearchCalls: 2, extra: { seconds: 3.5 } }), undefined);
  assert.deepEqual(langfuseUsage({ outputTokens: 3 }), { output: 3, total: 3 });
  assert.deepEqual(langfuseUsage({ cacheReadInputTokens: 5 }), { input_cached_tokens: 5, total: 5 });
  assert.deepEqual(langfuseUsage({ totalTokens: 9 }), { total: 9 });
  assert.deepEqual(langfuseUsage({ inputTokens: 0, outputTokens: 0 }), { input: 0, output: 0, total: 0 });
});

test("what would make Langfuse drop the table is mended or left out", () => {
  assert.deepEqual(langfuseUsage({ inputTokens: 1.4, outputTokens: -3, totalTokens: Number.NaN }), {
    input: 1,
    total: 1,
  });
});

test("cost by the same names, with its total", () => {
  const rest = { currency: "USD", source: "computed" } as const;
  assert.deepEqual(langfuseCost({ ...rest, input: 0.1, output: 0.2 }), { input: 0.1, output: 0.2, total: 0.3 });
  assert.deepEqual(langfuseCost({ ...rest, total: 0.5 }), { total: 0.5 });
  assert.deepEqual(langfuseCost({ ...rest, tools: 0.01, total: 0.51 }), { tools: 0.01, total: 0.51 });
  assert.deepEqual(langfuseCost({ ...rest, total: 0 }), { total: 0 });
  assert.equal(langfuseCost(rest), undefined);
  assert.equal(langfuseCost({ ...rest, total: -1 }), undefined);
});
