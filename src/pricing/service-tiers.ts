/** Names under which providers serve calls at the listed price. Groq calls it `on_demand`. */
const STANDARD: ReadonlySet<string> = new Set(["default", "auto", "standard", "on_demand"]);

/** https://developers.openai.com/api/docs/guides/flex-processing ("priced at Batch API rates") and Azure's page of the same name. */
const HALF_PRICE: ReadonlySet<string> = new Set(["flex", "batch"]);

export function isStandardTier(tier: string | undefined): boolean {
  return tier === undefined || tier === "" || STANDARD.has(tier);
}

/** What a tier multiplies the prices of tokens by; `undefined` when that is not known. Fees of tools stay as they are. */
export function tierFactor(provider: string, tier: string | undefined): number | undefined {
  if (isStandardTier(tier)) return 1;
  return (provider === "openai" || provider === "azure") && HALF_PRICE.has(tier!) ? 0.5 : undefined;
}

export interface PriorityPrices {
  readonly input: number;
  readonly cacheRead?: number;
  readonly output: number;
}

/**
 * USD per million tokens of OpenAI's tier `priority`, as published at https://openai.com/api-priority-processing ("excludes
 * long context"). The factors differ from 1.67 to 2, so models that are not listed there have no price.
 */
const PRIORITY: ReadonlyMap<string, PriorityPrices> = new Map(
  Object.entries({
    "gpt-5.4": { input: 5, cacheRead: 0.5, output: 30 },
    "gpt-5.4-mini": { input: 1.5, cacheRead: 0.15, output: 9 },
    "gpt-5.2": { input: 3.5, cacheRead: 0.35, output: 28 },
    "gpt-5.1": { input: 2.5, cacheRead: 0.25, output: 20 },
    "gpt-5.1-codex": { input: 2.5, cacheRead: 0.25, output: 20 },
    "gpt-5": { input: 2.5, cacheRead: 0.25, output: 20 },
    "gpt-5-codex": { input: 2.5, cacheRead: 0.25, output: 20 },
    "gpt-5-mini": { input: 0.45, cacheRead: 0.045, output: 3.6 },
    "gpt-4.1": { input: 3.5, cacheRead: 0.875, output: 14 },
    "gpt-4.1-mini": { input: 0.7, cacheRead: 0.175, output: 2.8 },
    "gpt-4.1-nano": { input: 0.2, cacheRead: 0.05, output: 0.8 },
    "gpt-4o": { input: 4.25, cacheRead: 2.125, output: 17 },
    "gpt-4o-2024-05-13": { input: 8.75, output: 26.25 },
    "gpt-4o-mini": { input: 0.25, cacheRead: 0.125, output: 1 },
    o3: { input: 3.5, cacheRead: 0.875, output: 14 },
    "o4-mini": { input: 2, cacheRead: 0.5, output: 8 },
  }),
);

export function priorityPrices(model: string): PriorityPrices | undefined {
  return PRIORITY.get(model) ?? PRIORITY.get(withoutDate(model));
}

/** `gpt-5-2025-08-07` → `gpt-5`. */
export function withoutDate(model: string): string {
  return model.replace(/-\d{4}-\d{2}-\d{2}$/, "");
}
