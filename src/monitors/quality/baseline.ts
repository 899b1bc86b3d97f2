import { normalScore } from "./normal-score.ts";

/** What scores are held against. */
export interface Baseline {
  /** How far a score is from the usual, in standard deviations of a bell; below zero is worse. Never beyond ±3. */
  standardise(score: number): number;
  /** What the baseline may be wrong by, in the same unit: the allowance of CUSUM grows by it. */
  readonly error: number;
  readonly mean: number;
  readonly sd: number;
  /** The scores that it was learned from, in order of size. */
  readonly scores?: readonly number[];
}

/** One score, however bad, counts for so many standard deviations at most: four of them in a row are the least drift. */
const MAX_STEPS = 3;
/** A change of less than a hundredth is no change; without this, scores that never vary would make one of rounding. */
const SAME = 0.01;
/** Ranks of scores that vary freely spread by 0.95 and more; those of few values, such as yes and no, by less. */
const FREE_SPREAD = 0.9;
/** Those are stretched as if they spread by this at least; stretched further, they would cry wolf. */
const MIN_SPREAD = 0.75;

/** A baseline that is given. Takes scores for a bell: where most are 1 and some are 0, false alarms are many; give scores then. */
export function givenBaseline(mean: number, sd: number): Baseline {
  const unit = Math.max(sd, SAME);
  return { mean, sd, error: 0, standardise: (score) => clip((score - mean) / unit) };
}

/**
 * A baseline by the ranks of scores that were seen: a score's place among them, as a normal score. So the rate of false alarms
 * does not depend on the shape of the scores, and an outlier among them weighs as much as any other low one.
 */
export function learnedBaseline(seen: readonly number[]): Baseline {
  const scores = [...seen].sort((a, b) => a - b);
  const n = scores.length;
  const mean = scores.reduce((sum, each) => sum + each, 0) / n;
  const sd = Math.sqrt(scores.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(1, n - 1));
  const rank = (score: number): number => {
    const between = countBelow(scores, score - SAME) + countBelow(scores, score + SAME);
    return normalScore((between / 2 + 0.5) / (n + 1));
  };
  const squares = scores.reduce((sum, each) => sum + rank(each) ** 2, 0);
  const found = Math.sqrt(squares / n);
  const spread = found > FREE_SPREAD ? 1 : Math.max(MIN_SPREAD, found);
  return { mean, sd, error: 1 / Math.sqrt(n), scores, standardise: (score) => clip(rank(score) / spread) };
}

function clip(steps: number): number {
  return Math.max(-MAX_STEPS, Math.min(MAX_STEPS, steps));
}

/** How many of the sorted numbers are below a bound. */
function countBelow(sorted: readonly number[], bound: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < bound) low = middle + 1;
    else high = middle;
  }
  return low;
}
