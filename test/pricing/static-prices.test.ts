import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, type PriceBook, type PriceRequest, staticPrices, type Usage } from "sightline";

const JUNE = Date.parse("2026-06-01T00:00:00Z");

function ask(book: PriceBook, usage: Usage, request: Partial<PriceRequest> = {}) {
  const reasons: string[] = [];
  const cost = book.price({ model: "mine", usage, at: JUNE, ...request }, (reason) => reasons.push(reason));
  return { cost, reasons };
}

const near = (actual: number | undefined, wanted: number) =>
  assert.ok(Math.abs(actual! - wanted) < 1e-12, `${actual} instead of ${wanted}`);

test("every part has its price, or that of its whole", () => {
  const book = staticPrices({
    mine: { input: 2, output: 8, cacheRead: 0.5, cacheWrite: 2.5, audioInput: 40, audioOutput: 80, reasoning: 16 },
    plain: { input: 2, output: 8 },
  });
  const usage = {
    inputTokens: 1000,
    cacheReadInputTokens: 300,
    cacheWriteInputTokens: 100,
    audioInputTokens: 50,
    outputTokens: 200,
    reasoningOutputTokens: 60,
    audioOutputTokens: 40,
  };
  // 550 × 2 + 300 × 0.5 + 100 × 2.5 + 50 × 40 = 1100 + 150 + 250 + 2000 = 3500
  near(ask(book, usage).cost?.input, 0.0035);
  // 100 × 8 + 60 × 16 + 40 × 80 = 800 + 960 + 3200 = 4960
  near(ask(book, usage).cost?.output, 0.00496);
  // 1000 × 2; 200 × 8
  near(ask(book, usage, { model: "plain" }).cost?.input, 0.002);
  near(ask(book, usage, { model: "plain" }).cost?.output, 0.0016);
  // More cached than there was: 20 × 0.5
  near(ask(book, { inputTokens: 10, cacheReadInputTokens: 20, outputTokens: 0 }).cost?.input, 0.00001);
});

test("context tiers price the whole call, by the highest that is passed", () => {
  const book = staticPrices({
    mine: {
      input: 1,
      cacheRead: 0.1,
      output: 10,
      tiers: [
        { above: 500_000, input: 4 },
        { above: 200_000, input: 2, output: 15 },
      ],
    },
  });
  near(ask(book, { inputTokens: 200_000, outputTokens: 1000 }).cost?.input, 0.2);
  const second = ask(book, { inputTokens: 200_001, cacheReadInputTokens: 1, outputTokens: 1000 }).cost;
  // 200000 × 2 + 1 × 0.1; 1000 × 15
  near(second?.input, 0.4000001);
  near(second?.output, 0.015);
  const third = ask(book, { inputTokens: 600_000, outputTokens: 1000 }).cost;
  // 600000 × 4; what the tier does not say is as without tiers: 1000 × 10
  near(third?.input, 2.4);
  near(third?.output, 0.01);
});

test("prices by date and by provider; the newest that is valid and fits", () => {
  const book = staticPrices({
    mine: [
      { input: 1, from: "2026-01-01" },
      { input: 3 },
      { input: 2, from: new Date("2026-03-01T00:00:00Z") },
      { input: 9, provider: "azure.ai.openai", from: "2026-04-01" },
    ],
    later: { input: 1, from: "2027-01-01" },
  });
  const inputAt = (at: string, provider?: string) =>
    ask(book, { inputTokens: 1e6 }, { at: Date.parse(at), ...(provider && { provider }) }).cost?.input;
  assert.equal(inputAt("2025-12-31T23:59:59Z"), 3);
  assert.equal(inputAt("2026-01-01T00:00:00Z"), 1);
  assert.equal(inputAt("2026-06-01T00:00:00Z", "openai"), 2);
  assert.equal(inputAt("2026-06-01T00:00:00Z", "azure.ai.openai"), 9);
  assert.equal(ask(book, { inputTokens: 1 }, { model: "later" }).cost, undefined);
});

test("a name stands for its dated snapshots, unless they are listed; nothing else is taken for it", () => {
  const book = staticPrices({ mine: { input: 1 }, "mine-2026-01-02": { input: 5 } });
  const of = (model: string) => ask(book, { inputTokens: 1e6 }, { model }).cost?.input;
  assert.deepEqual(
    ["mine", "mine-2025-08-07", "mine-2026-01-02", "mine-mini", "Mine", "__proto__", "mine-2025-08-07-x"].map(of),
    [1, 1, 5, undefined, undefined, undefined, undefined],
  );
});

test("service tiers, and fees of tools", () => {
  const usage = { inputTokens: 1000, outputTokens: 0, webSearchCalls: 3, codeInterpreterSessions: 1 };
  const own = staticPrices(
    { mine: { input: 2, output: 8, serviceTiers: { flex: 0.5 } } },
    { fees: { webSearchCall: 0.02, codeInterpreterSession: 0.05 }, name: "contract" },
  );
  assert.equal(own.name, "contract");
  // 1000 × 2 / 2; 3 × 0.02 + 0.05, which no tier changes
  near(ask(own, usage, { serviceTier: "flex" }).cost?.input, 0.001);
  near(ask(own, usage, { serviceTier: "flex" }).cost?.tools, 0.11);
  near(ask(own, usage, { serviceTier: "default" }).cost?.input, 0.002);
  assert.deepEqual(ask(own, usage, { serviceTier: "priority" }), {
    cost: undefined,
    reasons: ['service tier "priority"'],
  });
  assert.deepEqual(ask(own, { ...usage, fileSearchCalls: 1 }).reasons, ["file searches"]);
  const plain = staticPrices({ mine: { input: 2, output: 8 } });
  // OpenAI's: 3 × 0.01 + 0.03
  near(ask(plain, usage, { provider: "openai" }).cost?.tools, 0.06);
  assert.deepEqual(ask(plain, usage, { provider: "groq" }).reasons, ["web searches"]);
  assert.deepEqual(ask(plain, { inputTokens: 1 }).reasons, ["its output tokens are not known"]);
  assert.deepEqual(ask(plain, { outputTokens: 1 }).reasons, ["its input tokens are not known"]);
});

test("a total that is more than input and output has no cost, unless the provider thinks beside them", () => {
  const own = staticPrices({ mine: { input: 2, output: 8 } });
  const usage = { inputTokens: 100, outputTokens: 10, totalTokens: 1110 };
  assert.deepEqual(ask(own, usage, { provider: "openai" }), {
    cost: undefined,
    reasons: ["1000 tokens of its total are neither input nor output"],
  });
  // (10 + 1000) × 8
  near(ask(own, usage, { provider: "gcp.gemini" }).cost?.output, 0.00808);
});

test("wrong prices throw at once, and name the model", () => {
  const bad = (models: unknown, code: string, message: RegExp, options?: unknown) =>
    assert.throws(
      () => staticPrices(models as never, options as never),
      (error) => error instanceof ConfigError && error.code === code && message.test(error.message),
      String(message),
    );
  bad(undefined, "CONFIG_BAD_VALUE", /object of prices/);
  bad([], "CONFIG_BAD_VALUE", /object of prices/);
  bad({ m: 5 }, "CONFIG_BAD_VALUE", /"m" takes an object/);
  bad({ m: [] }, "CONFIG_BAD_VALUE", /"m" needs at least one/);
  bad({ m: {} }, "CONFIG_BAD_VALUE", /"m" needs a price of input or output/);
  bad({ m: { input: -1 } }, "CONFIG_BAD_VALUE", /"m" .*input.*got -1/);
  bad({ m: { input: "1" } }, "CONFIG_BAD_VALUE", /"m" .*input/);
  bad({ m: { input: 1, cached: 1 } }, "CONFIG_UNKNOWN_OPTION", /"m" has no "cached"\. It takes: input/);
  bad({ m: { input: 1, from: "soon" } }, "CONFIG_BAD_VALUE", /"m" .*soon/);
  bad({ m: { input: 1, tiers: { above: 1 } } }, "CONFIG_BAD_VALUE", /"m" .*tiers/);
  bad({ m: { input: 1, tiers: [{ input: 1 }] } }, "CONFIG_BAD_VALUE", /"m" .*above/);
  bad({ m: { input: 1, tiers: [{ above: 1, inputs: 1 }] } }, "CONFIG_UNKNOWN_OPTION", /tier of "m" has no "inputs"/);
  bad({ m: { input: 1, serviceTiers: { flex: "half" } } }, "CONFIG_BAD_VALUE", /"m" .*serviceTiers/);
  bad({ m: { input: 1 } }, "CONFIG_UNKNOWN_OPTION", /fees has no "search"/, { fees: { search: 1 } });
  bad({ m: { input: 1 } }, "CONFIG_BAD_VALUE", /fees/, { fees: { webSearchCall: Number.NaN } });
  bad({ m: { input: 1 } }, "CONFIG_UNKNOWN_OPTION", /no "fee"/, { fee: {} });
});
