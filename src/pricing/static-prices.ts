import { ConfigError } from "../core/errors.ts";
import type { Usage } from "../core/record.ts";
import { billableUsage } from "./billable-usage.ts";
import type { PriceBook, PriceRequest } from "./price-book.ts";
import { isStandardTier, withoutDate } from "./service-tiers.ts";
import { OPENAI_FEES, type ToolFees, toolFees } from "./tool-fees.ts";

/** USD per million tokens. A missing price of a part (cache, audio, reasoning) is the price of its whole. */
export interface TokenPrices {
  readonly input?: number;
  readonly output?: number;
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  readonly audioInput?: number;
  readonly audioOutput?: number;
  readonly reasoning?: number;
}

export interface ModelPrices extends TokenPrices {
  /** Only calls of this provider, as records name it. Default: of all. */
  readonly provider?: string;
  /** Valid from this moment on: a `Date`, or text that `Date` reads. Default: from ever. */
  readonly from?: string | Date;
  /** Prices of a whole call whose input is larger than `above` tokens; the highest that is passed counts. */
  readonly tiers?: readonly (TokenPrices & { readonly above: number })[];
  /** What a service tier multiplies the prices by: `{ flex: 0.5 }`. One that is not listed has no known cost. */
  readonly serviceTiers?: { readonly [tier: string]: number };
}

export interface StaticPricesOptions {
  /** Default: OpenAI's, for calls of OpenAI and Azure; otherwise none are known. */
  readonly fees?: ToolFees;
  /** On the costs, as `book`. Default: `static`. */
  readonly name?: string;
}

type Entry = ModelPrices & { readonly fromMs: number };

const TOKENS = ["input", "output", "cacheRead", "cacheWrite", "audioInput", "audioOutput", "reasoning"] as const;
const MODEL_KEYS: readonly string[] = [...TOKENS, "provider", "from", "tiers", "serviceTiers"];
const MILLION = 1e6;

/**
 * Prices that you state, by model. A name stands for itself and for its dated snapshots (`name-2025-08-07`), unless the
 * snapshot is listed too. Several prices of one model differ by `from` or `provider`.
 *
 * Throws a `ConfigError` that names the model and what is wrong with its prices.
 *
 * @example
 * const own = staticPrices({
 *   "my-model": { input: 2, cacheRead: 0.5, output: 8 },
 *   "my-embedder": [{ input: 0.1 }, { input: 0.05, from: "2026-01-01" }],
 * });
 * configure({ prices: [own, genaiPrices()] });
 */
export function staticPrices(
  models: { readonly [model: string]: ModelPrices | readonly ModelPrices[] },
  options: StaticPricesOptions = {},
): PriceBook {
  if (!isObject(models)) refuse("", "takes an object of prices by model");
  if (!isObject(options)) refuse("", "takes an object of options");
  checkKeys(options, ["fees", "name"], "options");
  if (options.fees !== undefined) checkFees(options.fees);
  const entries = new Map(Object.entries(models).map(([model, prices]) => [model, entriesOf(model, prices)]));
  return {
    name: options.name ?? "static",
    price(request, why) {
      const listed = entries.has(request.model) ? request.model : withoutDate(request.model);
      const entry = entries.get(listed)?.find((each) => isFor(each, request));
      const usage = entry && billableUsage(request, why);
      if (entry === undefined || usage === undefined) return undefined;
      const factor = isStandardTier(request.serviceTier) ? 1 : entry.serviceTiers?.[request.serviceTier!];
      if (factor === undefined) why?.(`service tier "${request.serviceTier}"`);
      const tokens = factor === undefined ? undefined : tokenCosts(entry, usage, why);
      const tools = toolFees(usage, options.fees ?? feesOf(request), why);
      if (factor === undefined || tokens === undefined || tools === undefined) return undefined;
      const [input, output] = tokens.map((amount) => amount * factor) as [number, number];
      return { currency: "USD", input, output, ...(tools > 0 && { tools }), source: "computed", model: listed };
    },
  };
}

function isFor(entry: Entry, { provider, at }: PriceRequest): boolean {
  return entry.fromMs <= at && (entry.provider === undefined || entry.provider === provider);
}

function feesOf({ provider }: PriceRequest): ToolFees {
  return provider === "openai" || provider === "azure.ai.openai" ? OPENAI_FEES : {};
}

/** Input and output, or `undefined` when a count is missing that has a price: missing is not zero. */
function tokenCosts(
  entry: Entry,
  usage: Usage,
  why: ((reason: string) => void) | undefined,
): readonly [number, number] | undefined {
  const { inputTokens, outputTokens } = usage;
  const tier = entry.tiers?.findLast(({ above }) => (inputTokens ?? 0) > above);
  const { input = 0, output = 0, ...parts } = { ...entry, ...tier };
  if ((inputTokens === undefined && input > 0) || (outputTokens === undefined && output > 0)) {
    why?.(`its ${inputTokens === undefined ? "input" : "output"} tokens are not known`);
    return undefined;
  }
  return [
    shared(inputTokens ?? 0, input, [
      [usage.cacheReadInputTokens, parts.cacheRead],
      [usage.cacheWriteInputTokens, parts.cacheWrite],
      [usage.audioInputTokens, parts.audioInput],
    ]),
    shared(outputTokens ?? 0, output, [
      [usage.reasoningOutputTokens, parts.reasoning],
      [usage.audioOutputTokens, parts.audioOutput],
    ]),
  ];
}

/** The parts that have a price of their own at that, the rest at the price of the whole. */
function shared(total: number, price: number, parts: readonly (readonly [number?, number?])[]): number {
  let rest = total;
  let cost = 0;
  for (const [count, own] of parts) {
    if (count === undefined || own === undefined) continue;
    rest -= count;
    cost += count * own;
  }
  return (cost + Math.max(0, rest) * price) / MILLION;
}

/** The newest first. */
function entriesOf(model: string, prices: ModelPrices | readonly ModelPrices[]): Entry[] {
  const list = (Array.isArray(prices) ? prices : [prices]) as readonly ModelPrices[];
  if (list.length === 0) refuse(model, "needs at least one price");
  return list.map((each) => entryOf(model, each)).sort((a, b) => b.fromMs - a.fromMs);
}

function entryOf(model: string, prices: ModelPrices): Entry {
  if (!isObject(prices)) refuse(model, "takes an object of prices, or an array of such");
  checkKeys(prices, MODEL_KEYS, `"${model}"`);
  checkTokens(model, prices);
  if (prices.input === undefined && prices.output === undefined) refuse(model, "needs a price of input or output");
  const fromMs = prices.from === undefined ? Number.NEGATIVE_INFINITY : new Date(prices.from).getTime();
  if (Number.isNaN(fromMs)) refuse(model, `has a from that is no date: ${String(prices.from)}`);
  return { ...prices, ...tiersOf(model, prices), fromMs };
}

/** The lowest first. */
function tiersOf(model: string, { tiers, serviceTiers = {} }: ModelPrices): Pick<ModelPrices, "tiers"> {
  if (!isObject(serviceTiers) || !Object.values(serviceTiers).every(isAmount)) {
    refuse(model, "takes factors of 0 or more as serviceTiers");
  }
  if (tiers === undefined) return {};
  if (!Array.isArray(tiers) || !tiers.every((tier) => isObject(tier) && isAmount(tier.above))) {
    refuse(model, "takes an array of prices as tiers, each with the tokens it is above");
  }
  for (const tier of tiers) {
    checkKeys(tier, [...TOKENS, "above"], `a tier of "${model}"`);
    checkTokens(model, tier);
  }
  return { tiers: [...tiers].sort((a, b) => a.above - b.above) };
}

function checkTokens(model: string, prices: TokenPrices): void {
  for (const key of TOKENS) {
    const price = prices[key];
    if (price !== undefined && !isAmount(price)) {
      refuse(model, `takes USD per million tokens as ${key}, 0 or more; it got ${String(price)}`);
    }
  }
}

function checkFees(fees: ToolFees): void {
  if (!isObject(fees)) refuse("", "takes an object of fees");
  checkKeys(fees, Object.keys(OPENAI_FEES), "fees");
  if (!Object.values(fees).every(isAmount)) refuse("", "takes USD of 0 or more as fees");
}

function checkKeys(value: object, known: readonly string[], where: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const takes = `It takes: ${known.join(", ")}.`;
  throw new ConfigError("CONFIG_UNKNOWN_OPTION", `staticPrices(): ${where} has no "${unknown}". ${takes}`);
}

function refuse(model: string, why: string): never {
  throw new ConfigError("CONFIG_BAD_VALUE", `staticPrices()${model === "" ? "" : `: "${model}"`} ${why}.`);
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
