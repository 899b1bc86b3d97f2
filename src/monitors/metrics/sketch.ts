import { DDSketch } from "@datadog/sketches-js";
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
 * DDSketch of Datadog: every quantile is within `accuracy` of a value that is there, whatever the shape. A slice of time
 * keeps the counts by the sketch's keys; the sketch itself is made of them as it is asked.
 *
 * Source: Masson, Rim, Lee, DDSketch, VLDB 2019.
 */
export function quantiles(accuracy: number): Quantiles {
  const { mapping } = new DDSketch({ relativeAccuracy: accuracy });
  const [least, most] = [mapping.key(SHORTEST), mapping.key(LONGEST)];
  const keyOf = (seconds: number): number =>
    seconds <= SHORTEST ? least : seconds >= LONGEST ? most : mapping.key(seconds);
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
      if (total === 0) return () => undefined;
      const sketch = new DDSketch({ relativeAccuracy: accuracy });
      for (let at = 0; at < sums.length; at++) {
        if (sums[at]! > 0) sketch.accept(mapping.value(at + least), sums[at]!);
      }
      return (q) => sketch.getValueAtQuantile(q);
    },
  };
}
