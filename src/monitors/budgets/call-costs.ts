/** What a call of a model has cost on the average, so that a call under way can be reckoned with. */
export interface CallCosts {
  add(model: string | undefined, usd: number): void;
  /** USD; 0 until one is known. */
  of(model: string | undefined): number;
}

/** After that many, a new one counts a hundredth: prompts change, and the mean follows them. */
const MEMORY = 100;
/** Names come from payloads; the one that was added longest ago goes. */
const MAX_MODELS = 200;

export function callCosts(): CallCosts {
  const means = new Map<string, { count: number; mean: number }>();
  return {
    add(model = "", usd) {
      let known = means.get(model);
      if (known === undefined) means.set(model, (known = { count: 0, mean: 0 }));
      known.count = Math.min(known.count + 1, MEMORY);
      known.mean += (usd - known.mean) / known.count;
      if (means.size > MAX_MODELS) means.delete(means.keys().next().value!);
    },
    of: (model = "") => means.get(model)?.mean ?? 0,
  };
}
