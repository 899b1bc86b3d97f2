/** What calls cost, worked by hand from the published prices: USD per million tokens, in the order in which they are multiplied. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { genaiPrices, type PriceRequest, type Usage } from "sightline";
import { normalizeUsage } from "sightline/openai";

const book = genaiPrices();
const AT = "2025-09-01T12:00:00Z";

type Asked = Partial<Omit<PriceRequest, "at">> & { readonly at?: string };

function ask(usage: Usage, { at = AT, model = "gpt-4o", provider = "openai", ...rest }: Asked) {
  const reasons: string[] = [];
  const request = { model, provider, usage, at: Date.parse(at), ...rest };
  const cost = book.price(request, (reason) => reasons.push(reason));
  return { cost, reasons };
}

const tokens = (inputTokens: number, outputTokens: number, more: Partial<Usage> = {}): Usage => ({
  inputTokens,
  outputTokens,
  ...more,
});
const cached = (cacheReadInputTokens: number) => ({ cacheReadInputTokens });

interface Row {
  readonly of: Asked & { readonly model: string };
  readonly usage: Usage;
  readonly input: number;
  readonly output: number;
  readonly tools?: number;
}

const TABLE: readonly Row[] = [
  // 1149 × 5 = 5745; this snapshot has no price for cached tokens. 100 × 15 = 1500
  { of: { model: "gpt-4o-2024-05-13" }, usage: tokens(1149, 100, cached(1024)), input: 0.005745, output: 0.0015 },
  // (1149 - 1024) × 2.5 + 1024 × 1.25 = 312.5 + 1280 = 1592.5; 100 × 10 = 1000
  { of: { model: "gpt-4o-2024-08-06" }, usage: tokens(1149, 100, cached(1024)), input: 0.0015925, output: 0.001 },
  // 1000 × 0.15 = 150; 1000 × 0.6 = 600
  { of: { model: "gpt-4o-mini" }, usage: tokens(1000, 1000), input: 0.00015, output: 0.0006 },
  // 2000 × 0.15 - 1000 × 0.075 = 150 + 75 = 225; 1 × 0.6
  { of: { model: "gpt-4o-mini-2024-07-18" }, usage: tokens(2000, 1, cached(1000)), input: 0.000225, output: 6e-7 },
  // 381 × 2 = 762; 88 × 8 = 704
  { of: { model: "gpt-4.1" }, usage: tokens(381, 88), input: 0.000762, output: 0.000704 },
  // 253 × 2 + 128 × 0.5 = 506 + 64 = 570
  { of: { model: "gpt-4.1-2025-04-14" }, usage: tokens(381, 88, cached(128)), input: 0.00057, output: 0.000704 },
  // 1000 × 0.4 = 400; 500 × 1.6 = 800
  { of: { model: "gpt-4.1-mini" }, usage: tokens(1000, 500), input: 0.0004, output: 0.0008 },
  // Before the price fell: 500 × 10 + 500 × 2.5 = 6250; 100 × 40 = 4000
  {
    of: { model: "o3", at: "2025-06-09T23:59:59Z" },
    usage: tokens(1000, 100, cached(500)),
    input: 0.00625,
    output: 0.004,
  },
  // And after: 500 × 2 + 500 × 0.5 = 1250; 100 × 8 = 800
  {
    of: { model: "o3", at: "2025-06-10T00:00:00Z" },
    usage: tokens(1000, 100, cached(500)),
    input: 0.00125,
    output: 0.0008,
  },
  // Reasoning is part of the output, at its price: 75 × 1.1 = 82.5; 1186 × 4.4 = 5218.4
  {
    of: { model: "o4-mini-2025-04-16" },
    usage: tokens(75, 1186, { reasoningOutputTokens: 1024 }),
    input: 0.0000825,
    output: 0.0052184,
  },
  // 1000 × 1.25 = 1250; 1000 × 10 = 10000
  { of: { model: "gpt-5-2025-08-07" }, usage: tokens(1000, 1000), input: 0.00125, output: 0.01 },
  // 1000 × 0.25 + 3000 × 0.025 = 250 + 75 = 325; 10 × 2 = 20
  { of: { model: "gpt-5-mini" }, usage: tokens(4000, 10, cached(3000)), input: 0.000325, output: 0.00002 },
  // 7 × 0.05 = 0.35; 3 × 0.4 = 1.2
  { of: { model: "gpt-5-nano" }, usage: tokens(7, 3), input: 3.5e-7, output: 1.2e-6 },
  // 1000 × 30; 1000 × 60
  { of: { model: "gpt-4-0613" }, usage: tokens(1000, 1000), input: 0.03, output: 0.06 },
  // 8 × 0.02 = 0.16; embeddings have no output
  { of: { model: "text-embedding-3-small" }, usage: { inputTokens: 8 }, input: 1.6e-7, output: 0 },
  // 500 × 2.5 + 500 × 40 = 1250 + 20000 = 21250; 50 × 10 + 50 × 80 = 500 + 4000 = 4500
  {
    of: { model: "gpt-4o-audio-preview-2024-12-17" },
    usage: tokens(1000, 100, { audioInputTokens: 500, audioOutputTokens: 50 }),
    input: 0.02125,
    output: 0.0045,
  },
  // The first snapshot: 500 × 2.5 + 500 × 100 = 51250; 50 × 10 + 50 × 200 = 10500
  {
    of: { model: "gpt-4o-audio-preview-2024-10-01" },
    usage: tokens(1000, 100, { audioInputTokens: 500, audioOutputTokens: 50 }),
    input: 0.05125,
    output: 0.0105,
  },
  // The library knows these itself: 900 × 2.5 + 100 × 32 = 2250 + 3200 = 5450; 10 × 64 = 640
  {
    of: { model: "gpt-audio" },
    usage: tokens(1000, 10, { audioInputTokens: 100, audioOutputTokens: 10 }),
    input: 0.00545,
    output: 0.00064,
  },
  // Context up to 200,000: 200000 × 1.25 = 250000; 1000 × 10
  {
    of: { model: "gemini-2.5-pro", provider: "gcp.gemini" },
    usage: tokens(200_000, 1000),
    input: 0.25,
    output: 0.01,
  },
  // Beyond it the whole call is dearer: 200001 × 2.5 = 500002.5; 1000 × 15
  {
    of: { model: "gemini-2.5-pro", provider: "gcp.gemini" },
    usage: tokens(200_001, 1000),
    input: 0.5000025,
    output: 0.015,
  },
  // 200000 × 5 + 100000 × 0.5 = 1000000 + 50000; 1000 × 22.5
  { of: { model: "gpt-5.4" }, usage: tokens(300_000, 1000, cached(100_000)), input: 1.05, output: 0.0225 },
  // Azure, with a deployment's own name asked for and the model answered: 1000 × 2.5; 100 × 10
  {
    of: { model: "gpt-4o-2024-08-06", provider: "azure.ai.openai" },
    usage: tokens(1000, 100),
    input: 0.0025,
    output: 0.001,
  },
  // Groq: 1000 × 0.59; 1000 × 0.79. Its tier on_demand is the listed price.
  {
    of: { model: "llama-3.3-70b-versatile", provider: "groq", serviceTier: "on_demand" },
    usage: tokens(1000, 1000),
    input: 0.00059,
    output: 0.00079,
  },
  // DeepSeek by day: 500 × 0.27 + 500 × 0.07 = 170; 100 × 1.1 = 110
  {
    of: { model: "deepseek-chat", provider: "deepseek", at: "2025-07-01T12:00:00Z" },
    usage: tokens(1000, 100, cached(500)),
    input: 0.00017,
    output: 0.00011,
  },
  // And from 16:30 UTC: 500 × 0.135 + 500 × 0.035 = 85; 100 × 0.55 = 55
  {
    of: { model: "deepseek-chat", provider: "deepseek", at: "2025-07-01T17:00:00Z" },
    usage: tokens(1000, 100, cached(500)),
    input: 0.000085,
    output: 0.000055,
  },
  // Cache writes: 1000 × 3 + 2000 × 3.75 + 7000 × 0.3 = 3000 + 7500 + 2100 = 12600; 100 × 15
  {
    of: { model: "claude-sonnet-4-20250514", provider: "anthropic" },
    usage: tokens(10_000, 100, { cacheReadInputTokens: 7000, cacheWriteInputTokens: 2000 }),
    input: 0.0126,
    output: 0.0015,
  },
  // A minute of Whisper: 0.006
  { of: { model: "whisper-1" }, usage: { extra: { seconds: 60 } }, input: 0.006, output: 0 },
  // More cached than there was: nothing is left at the full price. 20 × 1.25 = 25
  { of: { model: "gpt-4o" }, usage: tokens(10, 0, cached(20)), input: 0.000025, output: 0 },
  // Flex and batch at half price, the cache too: (500 × 1.25 + 500 × 0.125) / 2 = 343.75; 100 × 10 / 2 = 500
  {
    of: { model: "gpt-5", serviceTier: "flex" },
    usage: tokens(1000, 100, cached(500)),
    input: 0.00034375,
    output: 0.0005,
  },
  // 1000 × 2.5 / 2; 100 × 10 / 2
  { of: { model: "gpt-4o", serviceTier: "batch" }, usage: tokens(1000, 100), input: 0.00125, output: 0.0005 },
  // Priority, as published: 500 × 3.5 + 500 × 0.875 = 2187.5; 100 × 14 = 1400
  {
    of: { model: "gpt-4.1-2025-04-14", serviceTier: "priority" },
    usage: tokens(1000, 100, cached(500)),
    input: 0.0021875,
    output: 0.0014,
  },
  // 1000 × 8.75; 100 × 26.25
  {
    of: { model: "gpt-4o-2024-05-13", serviceTier: "priority" },
    usage: tokens(1000, 100),
    input: 0.00875,
    output: 0.002625,
  },
  // 10 × 2.5 = 25. Two web searches of 0.01, a file search of 0.0025, a code interpreter session of 0.03
  {
    of: { model: "gpt-4o" },
    usage: tokens(10, 0, { webSearchCalls: 2, fileSearchCalls: 1, codeInterpreterSessions: 1 }),
    input: 0.000025,
    output: 0,
    tools: 0.0525,
  },
  // The library has no search price for this model; OpenAI's fee is one for all. At half price the fees stay: 10 × 30 / 2
  {
    of: { model: "gpt-4", serviceTier: "batch" },
    usage: tokens(10, 0, { webSearchCalls: 1 }),
    input: 0.00015,
    output: 0,
    tools: 0.01,
  },
  // Perplexity takes a fee for each request: 10 × 1; 10 × 1; 12 / 1000
  {
    of: { model: "sonar", provider: "perplexity" },
    usage: tokens(10, 10),
    input: 0.00001,
    output: 0.00001,
    tools: 0.012,
  },
];

for (const { of, usage, input, output, tools } of TABLE) {
  const { model, ...how } = of;
  test(`${model} ${JSON.stringify({ ...how, ...usage })}`, () => {
    const { cost } = ask(usage, of);
    for (const [name, wanted] of Object.entries({ input, output, tools: tools ?? 0 })) {
      const amount = cost?.[name as "input"] ?? 0;
      assert.ok(Math.abs(amount - wanted) < 1e-12, `${name}: ${amount} instead of ${wanted}`);
    }
  });
}

test("what is not known for certain has no cost, and says what is missing", () => {
  const nothing = (usage: Usage, asked: Asked) => {
    const { cost, reasons } = ask(usage, asked);
    assert.equal(cost, undefined, JSON.stringify(asked));
    return reasons.join();
  };
  const usage = tokens(1000, 100);
  assert.equal(nothing(usage, { model: "gpt-99" }), "");
  assert.equal(nothing(usage, { model: "gpt-4o-2099-01-01" }), "", "a snapshot may have another price");
  assert.equal(nothing(usage, { model: "prod-eu-1", provider: "azure.ai.openai" }), "");
  assert.equal(nothing(usage, { serviceTier: "scale" }), 'service tier "scale"');
  assert.equal(nothing(usage, { model: "gpt-4", serviceTier: "priority" }), 'service tier "priority"');
  assert.equal(nothing(usage, { provider: "azure.ai.openai", serviceTier: "priority" }), 'service tier "priority"');
  const long = tokens(300_000, 1);
  assert.equal(nothing(long, { model: "gpt-5.4", serviceTier: "priority" }), 'service tier "priority"');
  assert.equal(nothing(tokens(10, 10, { audioInputTokens: 5 }), { model: "gpt-4o" }), "audio input");
  assert.equal(nothing(tokens(10, 10, { audioOutputTokens: 5 }), { model: "gpt-4o" }), "audio output");
  assert.equal(nothing({ outputTokens: 5 }, {}), "its input tokens are not known");
  assert.equal(nothing({ totalTokens: 5 }, {}), "its input tokens are not known");
  assert.equal(nothing({ inputTokens: 5 }, {}), "its output tokens are not known");
  assert.equal(nothing({ extra: {} }, { model: "whisper-1" }), "its seconds of audio are not known");
  const both = tokens(100, 1, { cacheReadInputTokens: 20, imageInputTokens: 50 });
  assert.match(nothing(both, { model: "gpt-image-1" }), /cache_image_read_tokens/, "how much of the cache was images");
  const searched = tokens(1, 1, { webSearchCalls: 1 });
  assert.equal(nothing(searched, { model: "llama-3.3-70b-versatile", provider: "groq" }), "web searches");
});

test("reasoning that a provider counts beside the output is paid for", () => {
  const details = { completion_tokens_details: { reasoning_tokens: 1000 } };
  const usage = normalizeUsage({ prompt_tokens: 100, completion_tokens: 10, total_tokens: 1110, ...details })!;
  // 100 × 3; (10 + 1000) × 15
  const { cost } = ask(usage, { model: "grok-4", provider: "x_ai" });
  assert.ok(Math.abs(cost!.input! - 0.0003) < 1e-12 && Math.abs(cost!.output! - 0.01515) < 1e-12);
});

test("a total that is more than input and output has no cost, but of Google, where the rest is thinking", () => {
  const usage = tokens(100, 10, { totalTokens: 1110 });
  const asked = { model: "gemini-2.5-flash" };
  const reasons = ["1000 tokens of its total are neither input nor output"];
  assert.deepEqual(ask(usage, { ...asked, provider: "openai" }), { cost: undefined, reasons });
  assert.deepEqual(ask(usage, {}), { cost: undefined, reasons });
  // (10 + 1000) × 2.5
  assert.ok(Math.abs(ask(usage, { ...asked, provider: "gcp.gemini" }).cost!.output! - 0.002525) < 1e-12);
  assert.ok(ask(tokens(100, 10, { totalTokens: 110 }), {}).cost);
  assert.ok(ask(tokens(100, 10, { totalTokens: 50 }), {}).cost, "less than that hides nothing");
});

test("a minute of Whisper, as the API says it", () => {
  const usage = normalizeUsage({ type: "duration", seconds: 60 })!;
  assert.ok(Math.abs(ask(usage, { model: "whisper-1" }).cost!.input! - 0.006) < 1e-12);
});

test("how much of the cache was audio or images is read where the provider says so", () => {
  // 30 text × 5 + 20 cached text × 1.25 + 40 images × 10 + 10 cached images × 2.5 = 150 + 25 + 400 + 25 = 600
  const usage = tokens(100, 0, {
    cacheReadInputTokens: 30,
    imageInputTokens: 50,
    extra: { "input_tokens_details.cached_tokens_details.image_tokens": 10 },
  });
  assert.ok(Math.abs(ask(usage, { model: "gpt-image-1" }).cost!.input! - 0.0006) < 1e-12);
});

test("an unknown provider is priced by the model's name alone, but a copy that runs elsewhere is not", () => {
  const usage = tokens(1000, 100);
  assert.equal(ask(usage, { provider: "my-gateway" }).cost?.model, "openai/gpt-4o");
  assert.equal(ask(usage, { model: "claude-sonnet-4-20250514" }).cost?.model, "anthropic/claude-sonnet-4-0");
  assert.equal(ask(usage, { model: "deepseek-r1:7b" }).cost, undefined);
  assert.equal(
    ask(usage, { model: "gpt-4o", provider: "groq" }).cost,
    undefined,
    "Groq is known, and has no such model",
  );
});

test("names from payloads are harmless: __proto__, newlines, a megabyte, thousands of them", () => {
  for (const model of ["__proto__", "constructor", "a\nb", "", " ", "x".repeat(1_000_000)]) {
    assert.equal(ask(tokens(1, 1), { model }).cost, undefined);
    assert.equal(ask(tokens(1, 1), { provider: model }).cost !== undefined, true, "by its name alone");
  }
  for (let n = 0; n < 3_000; n++) ask(tokens(1, 1), { model: `model-${n}` });
  assert.ok(ask(tokens(1, 1), {}).cost);
});

test("counts that are none make no cost", () => {
  for (const count of [Number.NaN, -1, Number.POSITIVE_INFINITY, "5" as unknown as number]) {
    assert.equal(ask(tokens(count, 1), {}).cost, undefined, String(count));
  }
});

test("a library of the user's own is used instead of the installed one", () => {
  const calls: string[] = [];
  const own = {
    calcPrice(_: unknown, model: string) {
      calls.push(model);
      return null;
    },
    findProvider: () => undefined,
  };
  const request = { model: "m", usage: tokens(1, 1), at: 0 };
  const mine = genaiPrices(own);
  assert.equal(mine.price(request), undefined);
  assert.equal(mine.price(request), undefined);
  assert.deepEqual(calls, ["m"], "a miss is remembered");
});
