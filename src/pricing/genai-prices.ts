import type { Cost, Usage } from "../core/record.ts";
import { billableUsage } from "./billable-usage.ts";
import { corrected } from "./corrections.ts";
import type { PriceBook, PriceRequest } from "./price-book.ts";
import type { ListedModel, ListedProvider, PriceCalculation, PriceLibrary, UnitPrices } from "./price-library.ts";
import { priorityPrices, tierFactor } from "./service-tiers.ts";
import { OPENAI_FEES, toolFees } from "./tool-fees.ts";
import { missingPart, unitsOf } from "./usage-units.ts";

/** A model of the library, alone in a provider of its own: looking among all 1,700 takes 40 µs, among one nothing. */
interface Found {
  readonly provider: ListedProvider;
  readonly modelId: string;
  /** Input tokens of a call beyond which the price is not known. */
  readonly upTo?: number;
}

type Why = ((reason: string) => void) | undefined;

/** Names of the GenAI conventions where the library has others. */
const PROVIDERS: ReadonlyMap<string, string> = new Map([
  ["azure.ai.openai", "azure"],
  ["azure.ai.inference", "azure"],
  ["aws.bedrock", "aws"],
  ["gcp.gemini", "google"],
  ["gcp.vertex_ai", "google"],
  ["gcp.gen_ai", "google"],
  ["mistral_ai", "mistral"],
  ["moonshot_ai", "moonshotai"],
  ["x_ai", "x-ai"],
]);

/** Answers that are remembered, misses among them. Names come from payloads: there may be any number. */
const MAX_FOUND = 1_000;

/**
 * The prices of `@pydantic/genai-prices`: some 1,700 models of 40 providers, by date, context length and cache. What the
 * library does not know has no cost. It is loaded before the first call that is priced, not before: the one that you have
 * installed, else the one that comes with the package.
 *
 * Adds what it lacks: OpenAI's service tiers and tool fees, audio prices of the preview models. Sources:
 * docs/decisions/prices.md.
 *
 * @param library what `sightline/genai-prices` exports, for a bundle without `node_modules`; or prices you keep up to date
 *
 * @example
 * configure({ prices: genaiPrices() });
 */
export function genaiPrices(library?: PriceLibrary): PriceBook {
  let loaded = library;
  let failure: unknown;
  const known = new Map<string, Found | null>();

  /** A failed look into node_modules is not tried again for each record. */
  const load = (): PriceLibrary => {
    if (failure !== undefined) throw failure;
    try {
      return (loaded ??= loadLibrary());
    } catch (error) {
      failure = error ?? new Error("not loaded");
      throw error;
    }
  };

  const find = (request: PriceRequest, why: Why): Found | undefined => {
    const tier = request.serviceTier === "priority" ? "priority" : "";
    const key = [request.provider ?? "", request.model, tier].join("\n");
    let found = known.get(key);
    if (found === undefined) {
      if (known.size >= MAX_FOUND) known.clear();
      found = lookUp(load(), request, why) ?? null;
      known.set(key, found);
    }
    return found ?? undefined;
  };

  return {
    name: "genai-prices",
    prepare: () => void load(),
    price(request, why) {
      if (failure !== undefined) return undefined;
      const usage = billableUsage(request, why);
      const found = usage && find(request, why);
      return found && priceOf(load(), found, { ...request, usage }, why);
    },
  };
}

/** One that you have installed may know newer prices; else those that come with the package. */
function loadLibrary(): PriceLibrary {
  const load = process.getBuiltinModule("node:module").createRequire(import.meta.url);
  try {
    // Its CommonJS build loads in 33 ms of processor time where the ESM one takes 42.
    return load("@pydantic/genai-prices");
  } catch {
    return load("sightline/genai-prices");
  }
}

function lookUp(library: PriceLibrary, request: PriceRequest, why: Why): Found | undefined {
  const listed = calculation(library, request);
  if (listed === undefined) return undefined;
  const { id } = listed.provider;
  const model = corrected(id, request.model, listed.model);
  if (request.serviceTier !== "priority") return { provider: alone(id, model), modelId: model.id };
  const prices = id === "openai" ? priorityPrices(request.model) : undefined;
  if (prices === undefined) {
    why?.(`service tier "${request.serviceTier}"`);
    return undefined;
  }
  const { input, cacheRead, output } = prices;
  const { input_mtok, cache_read_mtok: _, output_mtok: __, ...fees } = listed.model_price;
  const tokens = {
    input_mtok: input,
    ...(cacheRead !== undefined && { cache_read_mtok: cacheRead }),
    output_mtok: output,
  };
  const upTo = typeof input_mtok === "object" ? input_mtok.tiers[0]?.start : undefined;
  const provider = alone(id, { ...model, prices: { ...fees, ...tokens } });
  return { provider, modelId: model.id, ...(upTo !== undefined && { upTo }) };
}

function alone(id: string, model: ListedModel): ListedProvider {
  return { id, name: id, api_pattern: "", models: [{ ...model, match: { equals: model.id } }] };
}

/**
 * By provider and name. By the name alone where the provider is not known, or is taken to be OpenAI because the host is not
 * known; but not with a tag as Ollama has them, which is a copy that runs elsewhere.
 */
function calculation(library: PriceLibrary, { provider, model, at }: PriceRequest): PriceCalculation | undefined {
  const timestamp = new Date(at);
  const providerId = PROVIDERS.get(provider ?? "") ?? provider;
  if (providerId !== undefined && providerId !== "") {
    const found = library.calcPrice({}, model, { providerId, timestamp });
    if (found !== null) return found;
    if (providerId !== "openai" && library.findProvider({ providerId }) !== undefined) return undefined;
  }
  return model.includes(":") ? undefined : (library.calcPrice({}, model, { timestamp }) ?? undefined);
}

function priceOf(library: PriceLibrary, found: Found, request: PriceRequest, why: Why): Cost | undefined {
  const { provider, modelId, upTo = Number.POSITIVE_INFINITY } = found;
  const isPriority = request.serviceTier === "priority" && (request.usage.inputTokens ?? 0) <= upTo;
  const factor = isPriority ? 1 : tierFactor(provider.id, request.serviceTier);
  if (factor === undefined) {
    why?.(`service tier "${request.serviceTier}"`);
    return undefined;
  }
  const timestamp = new Date(request.at);
  let price: PriceCalculation;
  try {
    price = library.calcPrice(unitsOf(request.usage), modelId, { provider, timestamp })!;
  } catch (error) {
    // Counts that contradict each other, or that leave open what was cached.
    why?.(error instanceof Error ? error.message : "its usage");
    return undefined;
  }
  const missing = missingPart(request.usage, price.model_price);
  if (missing !== undefined) {
    why?.(missing);
    return undefined;
  }
  const others = otherFees(provider.id, price.model_price, request.usage, why);
  if (others === undefined) return undefined;
  const tools = price.total_price - price.input_price - price.output_price + others;
  return {
    currency: "USD",
    input: price.input_price * factor,
    output: price.output_price * factor,
    ...(tools > 1e-12 && { tools }),
    source: "computed",
    model: `${provider.id}/${modelId}`,
  };
}

/** Of tools that the library has no price for. */
function otherFees(provider: string, price: UnitPrices, usage: Usage, why: Why): number | undefined {
  const { webSearchCalls, fileSearchCalls, codeInterpreterSessions } = usage;
  const fees = provider === "openai" || provider === "azure" ? OPENAI_FEES : {};
  const unpriced: Usage = {
    ...(price["web_searches_kcount"] === undefined && webSearchCalls !== undefined && { webSearchCalls }),
    ...(price["storage_searches_kcount"] === undefined && fileSearchCalls !== undefined && { fileSearchCalls }),
    ...(codeInterpreterSessions !== undefined && { codeInterpreterSessions }),
  };
  return toolFees(unpriced, fees, why);
}
