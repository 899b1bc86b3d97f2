import type { Bins } from "./bins.ts";

/** Below a microsecond times mean nothing; above some eleven days they are a mistake. */
const SHORTEST = 1e-6;
const LONGEST = 1e6;

/** The keys of a DDSketch for seconds, and what counts by them come to. */
export interface Quantiles {
  keyOf(seconds: number): number;
  /** The value of which the share `q` of all in the bins is no larger, within `accuracy` of it; `undefined` for none. */
  of(bins: readonly Bins[]): (q: number) => number | undefined;
  /** How many are longer than so many seconds; what is as long within twice `accuracy` may not be counted. */
  above(bins: readonly Bins[], seconds: number): number;
  /** From the shortest time to the longest. */
  readonly keys: number;
}

/**
 * DDSketch: every quantile is within `accuracy` of a value that is there, whatever the shape. A key stands for the values
 * from γ^(key − 1) to γ^key, with γ = (1 + accuracy) / (1 − accuracy).
 *
 * Source: Masson, Rim, Lee, DDSketch, VLDB 2019; a test holds it against Datadog's `@datadog/sketches-js`.
 */
export function quantiles(accuracy: number): Quantiles {
  const gamma = (1 + accuracy) / (1 - accuracy);
  const perDoubling = 1 / Math.log2(gamma);
  const keyFor = (seconds: number): number => Math.ceil(Math.log2(seconds) * perDoubling);
  /** As far from both ends, in proportion. */
  const valueFor = (key: number): number => (2 * gamma ** key) / (1 + gamma);
  const [least, most] = [keyFor(SHORTEST), keyFor(LONGEST)];
  const keyOf = (seconds: number): number =>
    seconds <= SHORTEST ? least : seconds >= LONGEST ? most : keyFor(seconds);
  return {
    keyOf,
    keys: most - least + 1,
    above(bins, seconds) {
      const limit = keyOf(seconds);
      let count = 0;
      for (const { counts, first, low, high } of bins) {
        for (let key = Math.max(low, limit + 1); key <= high; key++) count += counts[key - first]!;
      }
      return count;
    },
    of(bins) {
      const sums = new Float64Array(most - least + 1);
      let total = 0;
      for (const { counts, first, low, high, total: own } of bins) {
        if (own === 0) continue;
        total += own;
        for (let key = low; key <= high; key++) sums[key - least]! += counts[key - first]!;
      }
      return (q) => {
        if (total === 0) return undefined;
        const rank = q * (total - 1);
        let at = 0;
        for (let below = sums[0]!; below <= rank; below += sums[at]!) at++;
        return valueFor(at + least);
      };
    },
  };
}
