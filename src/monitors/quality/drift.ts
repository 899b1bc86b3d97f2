import { type Baseline, givenBaseline, learnedBaseline } from "./baseline.ts";

export interface DriftOptions {
  /** Allowance, in standard deviations: half of the drop that is to be found soonest. Default: 0.5. */
  k?: number;
  /** Where the sum is a drift. Default: 8. */
  h?: number;
  /** Scores that a baseline is learned from. Default: 100; at least 50. */
  learn?: number;
  /** Scores that must have been held against the baseline before anything is said. Default: 10. */
  minSamples?: number;
}

/** Mean and standard deviation, or scores that were good: at least 50. */
export type GivenBaseline = { readonly mean: number; readonly sd: number } | readonly number[];

/** What is remembered of a stream; plain JSON. */
export interface DriftState {
  /** Of a baseline that is being learned, or has been. */
  readonly scores?: readonly number[];
  readonly sum: number;
  readonly samples: number;
}

/** One stream of scores that should not drop. */
export interface Drift {
  add(score: number): void;
  /** The sum over `h`: above 1 there is a drift. `undefined` while it learns, and for the first scores after that. */
  readonly statistic: number | undefined;
  /** Scores that have been held against the baseline. */
  readonly samples: number;
  /** `undefined` while it is learned. */
  readonly baseline: Baseline | undefined;
  /** Forgets the baseline and learns another one. */
  relearn(): void;
  state(): DriftState;
}

export const DRIFT_DEFAULTS: Required<DriftOptions> = { k: 0.5, h: 8, learn: 100, minSamples: 10 };

/** The sum stops at so many times `h`: after a long drift it is back below `h` within 16 scores as good as before. */
const MAX_SUM = 2;

/**
 * One-sided CUSUM: the sum of what each score lacks to the baseline less an allowance, never below zero. A drop is found the
 * sooner the larger it is; a single bad answer never is one. The baseline, given or learned from the first scores, is frozen,
 * so that a slow drop does not become the new normal. Rates and delays are measured by bench/drift.ts.
 *
 * @example
 * const { driftOf } = await import("../../src/monitors/quality/drift.ts");
 * const drift = driftOf({ baseline: { mean: 0.8, sd: 0.08 } });
 * for (let i = 0; i < 30; i++) drift.add(0.7);
 * console.assert(drift.statistic! > 1);
 */
export function driftOf({
  baseline: given,
  state,
  ...options
}: DriftOptions & { baseline?: GivenBaseline | undefined; state?: DriftState } = {}): Drift {
  const { k, h, learn, minSamples } = { ...DRIFT_DEFAULTS, ...options };
  let learned: number[] = [...(state?.scores ?? [])];
  let baseline = given === undefined ? frozen(learned, learn) : baselineOf(given);
  let sum = state?.sum ?? 0;
  let samples = state?.samples ?? 0;
  return {
    add(score) {
      if (baseline === undefined) {
        learned.push(score);
        baseline = frozen(learned, learn);
        return;
      }
      samples++;
      sum = Math.min(MAX_SUM * h, Math.max(0, sum - baseline.standardise(score) - k - baseline.error));
    },
    get statistic() {
      return baseline === undefined || samples < minSamples ? undefined : sum / h;
    },
    get samples() {
      return samples;
    },
    get baseline() {
      return baseline;
    },
    relearn() {
      learned = [];
      baseline = given === undefined ? undefined : baselineOf(given);
      sum = 0;
      samples = 0;
    },
    state: () => ({ ...(given === undefined && { scores: baseline?.scores ?? learned }), sum, samples }),
  };
}

function baselineOf(given: GivenBaseline): Baseline {
  return "mean" in given ? givenBaseline(given.mean, given.sd) : learnedBaseline(given);
}

function frozen(scores: readonly number[], learn: number): Baseline | undefined {
  return scores.length >= learn ? learnedBaseline(scores) : undefined;
}
