import type { DatedPrices, ListedModel } from "./price-library.ts";

type Prices = ListedModel["prices"];

/** The first snapshots of the audio previews, whose audio tokens cost more. */
const FIRST_AUDIO = "gpt-4o-audio-preview-2024-10-01";

/**
 * OpenAI's published prices that version 0.1.8 of the library lacks or has wrong, by its model id. A price that it gets later
 * has the word. Sources: docs/decisions/prices.md.
 */
const CORRECTIONS: ReadonlyMap<string, (prices: Prices, model: string) => Prices> = new Map([
  ["gpt-4o-audio-preview", (prices, model) => withAudio(prices, model === FIRST_AUDIO ? [100, 200] : [40, 80])],
  ["gpt-4o-mini-audio-preview", (prices) => withAudio(prices, [10, 20])],
  // Until the price fell on 2025-06-10 a cached token was a quarter of 10 USD; the library has the later price for both.
  ["o3", (prices) => (Array.isArray(prices) ? prices.map(withFormerCache) : prices)],
]);

/** The model with our corrections, when it is one of OpenAI's. */
export function corrected(provider: string, model: string, listed: ListedModel): ListedModel {
  const correct = provider === "openai" || provider === "azure" ? CORRECTIONS.get(listed.id) : undefined;
  return correct === undefined ? listed : { ...listed, prices: correct(listed.prices, model) };
}

function withAudio(prices: Prices, [input, output]: readonly [number, number]): Prices {
  return Array.isArray(prices) ? prices : { input_audio_mtok: input, output_audio_mtok: output, ...prices };
}

function withFormerCache(each: DatedPrices): DatedPrices {
  const { input_mtok, cache_read_mtok } = each.prices;
  const isWrong = input_mtok === 10 && cache_read_mtok === 0.5;
  return isWrong ? { ...each, prices: { ...each.prices, cache_read_mtok: 2.5 } } : each;
}
