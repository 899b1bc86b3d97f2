import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type GenAi,
  genaiPrices,
  type PriceBook,
  type PriceRequest,
  type Prices,
  type SpanRecord,
  staticPrices,
  sumUsd,
  type Usage,
} from "sightline";
import { sampleRecords } from "sightline/testing";
import { priceBook } from "../../src/pricing/price-book.ts";
import { recordPrices } from "../../src/pricing/record-prices.ts";

const [sample] = sampleRecords() as SpanRecord[];

function call(genAi: GenAi | undefined, part: Partial<SpanRecord> = {}): SpanRecord {
  const { genAi: _, ...rest } = sample!;
  return {
    ...rest,
    type: "generation",
    usage: { inputTokens: 1000, outputTokens: 100 },
    ...(genAi && { genAi }),
    ...part,
  };
}

function asking() {
  const asked: PriceRequest[] = [];
  const lines: string[] = [];
  const book: PriceBook = { name: "asked", price: (request) => void asked.push(request) };
  const prices = recordPrices(
    book,
    (text) => text.replaceAll("secret", "***"),
    (line) => lines.push(line),
  );
  return { asked, lines, prices };
}

test("asks for the model that answered, its provider, the tier that served it, at the time of the call", () => {
  const { asked, prices } = asking();
  prices.costOf(call({ requestModel: "prod-eu-1", responseModel: "gpt-4o-2024-08-06", provider: "azure.ai.openai" }));
  prices.costOf(call({ requestModel: "gpt-4o", openai: { requestServiceTier: "auto", serviceTier: "default" } }));
  prices.costOf(
    call({ requestModel: "o3", openai: { requestServiceTier: "flex" } }, { startTime: "1749513600123456789" }),
  );
  const usage = { inputTokens: 1000, outputTokens: 100 };
  const at = Number(sample!.startTime) / 1e6;
  assert.deepEqual(asked, [
    { model: "gpt-4o-2024-08-06", provider: "azure.ai.openai", usage, at },
    { model: "gpt-4o", serviceTier: "default", usage, at },
    { model: "o3", serviceTier: "flex", usage, at: 1749513600123.4568 },
  ]);
});

test("one warning for each model, masked and on one line; after 100 models one more, and then silence", () => {
  const { lines, prices } = asking();
  for (let n = 0; n < 3; n++) prices.costOf(call({ responseModel: "my-\u001b[31m\nsecret", provider: "openai" }));
  assert.deepEqual(lines, [
    'no price for "my- [31m ***" of openai: no cost is recorded. To state one: configure({ prices: [staticPrices(…), genaiPrices()] }).',
  ]);
  prices.costOf(call(undefined));
  prices.costOf(call({}));
  assert.match(lines[1]!, /^no price for model calls that name no model: /);
  assert.equal(lines.length, 2);
  for (let n = 0; n < 300; n++) prices.costOf(call({ responseModel: `m${n}`.padEnd(5_000, "x") }));
  assert.equal(lines.length, 101);
  assert.ok(lines.every((line) => line.length < 300));
  assert.match(lines[100]!, /stats\(\)\.unpriced/);
});

test("the warning says what is missing", () => {
  const lines: string[] = [];
  const prices = recordPrices(priceBook(genaiPrices()), String, (line) => lines.push(line));
  prices.costOf(call({ responseModel: "gpt-5", provider: "openai", openai: { serviceTier: "scale" } }));
  assert.match(lines[0]!, /^no price for "gpt-5" of openai \(service tier "scale"\): no cost is recorded/);
});

/** 50 text tokens in, 4,160 of images out, beside the call's own 1,000 and 100. */
const IMAGES = {
  inputTokens: 1000,
  outputTokens: 100,
  extra: {
    "image_gen.input_tokens": 50,
    "image_gen.output_tokens": 4160,
    "image_gen.total_tokens": 4210,
    "image_gen.input_tokens_details.text_tokens": 50,
  },
};

function priced(genAi: GenAi, usage: Usage, books: Prices = genaiPrices()) {
  const lines: string[] = [];
  const prices = recordPrices(priceBook(books), String, (line) => lines.push(line));
  return { cost: prices.costOf(call({ provider: "openai", ...genAi }, { usage })), lines };
}

test("the image generation tool costs what its own model does, as a part of the tools", () => {
  const of = (imageModel: string) => priced({ responseModel: "gpt-4.1", openai: { imageModel } }, IMAGES);
  // 1000 × 2; 100 × 8; 50 × 5 + 4160 × 40 = 250 + 166400
  assert.deepEqual(of("gpt-image-1").cost, {
    currency: "USD",
    total: 0.16945,
    input: 0.002,
    output: 0.0008,
    tools: 0.16665,
    source: "computed",
    model: "openai/gpt-4.1",
    book: "genai-prices",
  });
  // Without details all output is images, at the price of images and not of text: 50 × 5 + 4160 × 32
  assert.equal(of("gpt-image-1.5").cost?.tools, 0.13337);
  const searched = { ...IMAGES, webSearchCalls: 1 };
  const genAi = { responseModel: "gpt-4.1", openai: { imageModel: "gpt-image-1" } };
  assert.equal(priced(genAi, searched).cost?.tools, 0.17665);
  // One's own price for the model that answers, the library's for the images.
  const own = staticPrices({ "gpt-4.1": { input: 1, output: 1 } });
  assert.equal(priced(genAi, IMAGES, [own, genaiPrices()]).cost?.total, 0.16775);
});

test("images whose tokens, model or price is not known leave no cost, and a line that says so", () => {
  const nothing = (openai: GenAi["openai"], usage: Usage, reason: string) => {
    const { cost, lines } = priced({ responseModel: "gpt-4.1", ...(openai && { openai }) }, usage);
    assert.deepEqual([cost, lines.length], [undefined, 1]);
    assert.ok(lines[0]!.startsWith(`no price for "gpt-4.1" of openai (${reason}): no cost is recorded`), lines[0]);
  };
  nothing(undefined, IMAGES, "image generation by an unknown model");
  nothing({ imageModel: "chatgpt-image-99" }, IMAGES, "image generation by chatgpt-image-99");
  nothing({ imageModel: "gpt-image-1", serviceTier: "flex" }, IMAGES, 'images at service tier "flex"');
  const uncounted = { inputTokens: 1000, outputTokens: 100, extra: { image_generation_calls: 1 } };
  nothing({ imageModel: "gpt-image-1" }, uncounted, "the tokens of its image generation are not known");
});

test("10,000 calls add up exactly", () => {
  const prices = recordPrices(priceBook(genaiPrices()), String, assert.fail);
  const costs = Array.from({ length: 10_000 }, (_, n) =>
    prices.costOf(
      call(
        { responseModel: "gpt-4o-mini-2024-07-18", provider: "openai" },
        { usage: { inputTokens: n, cacheReadInputTokens: n % 2 ? 1 : 0, outputTokens: 7 } },
      ),
    ),
  );
  // Σn × 0.15 - 5,000 cached × 0.075 + 10,000 × 7 × 0.6 = 49,995,000 × 0.15 - 375 + 42,000 = 7,540,875 µUSD
  assert.equal(sumUsd(costs), 7.540875);
});

test("prices that cannot be read are said once, and nothing else", () => {
  const lines: string[] = [];
  const book: PriceBook = {
    name: "broken",
    prepare() {
      throw new Error("Cannot find module\n'x'");
    },
    price: () => undefined,
  };
  const prices = recordPrices(book, String, (line) => lines.push(line));
  prices.prepare!();
  prices.costOf(call({ responseModel: "gpt-4o" }));
  assert.deepEqual(lines, ["no prices, so no cost is recorded: Cannot find module 'x'"]);
});

test("a price function that throws is named with its error, and the next book has its turn", () => {
  const lines: string[] = [];
  const boom = () => {
    throw new Error("boom");
  };
  const alone = recordPrices(priceBook(boom), String, (line) => lines.push(line));
  assert.equal(alone.costOf(call({ responseModel: "gpt-5", provider: "openai" })), undefined);
  assert.match(lines[0]!, /^no price for "gpt-5" of openai \(.* threw boom\): no cost is recorded/);
  const before = recordPrices(priceBook([boom, genaiPrices()]), String, (line) => lines.push(line));
  assert.ok(before.costOf(call({ responseModel: "gpt-5", provider: "openai" }))!.total! > 0);
  assert.equal(lines.length, 1);
});
