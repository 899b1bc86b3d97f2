/** The prices that come with the package, in a file of their own with no other code: `sightline/genai-prices`. */
import * as library from "@pydantic/genai-prices";

/** What is used of `@pydantic/genai-prices`, by its own names: a version of yours may be handed to `genaiPrices`. */
export interface PriceLibrary {
  /** `null`: the model is not known. */
  calcPrice(
    usage: { readonly [unit: string]: number },
    modelId: string,
    options?: { provider?: ListedProvider; providerId?: string; timestamp?: Date },
  ): PriceCalculation | null;
  findProvider(options: { providerId?: string }): ListedProvider | undefined;
}

/** A provider of the library with its models. */
export interface ListedProvider {
  id: string;
  name?: string;
  api_pattern: string;
  models: ListedModel[];
}

export interface ListedModel {
  id: string;
  match: object;
  prices: DatedPrices[] | UnitPrices;
}

export interface DatedPrices {
  prices: UnitPrices;
}

/** USD by the library's names of units, such as `input_mtok`: a million tokens. */
export interface UnitPrices {
  [unit: string]: number | { tiers: { start: number }[] } | undefined;
}

/** Amounts are USD. */
export interface PriceCalculation {
  input_price: number;
  output_price: number;
  total_price: number;
  provider: ListedProvider;
  model: ListedModel;
  model_price: UnitPrices;
}

const { calcPrice: calc, findProvider: find }: PriceLibrary = library;

/** @see https://github.com/pydantic/genai-prices */
export const calcPrice: PriceLibrary["calcPrice"] = calc;
/** @see https://github.com/pydantic/genai-prices */
export const findProvider: PriceLibrary["findProvider"] = find;
