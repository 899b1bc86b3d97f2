import type { Clock } from "../../core/clock.ts";
import type { Query, Reading } from "../reading.ts";

/** Whose score it is. */
export interface ScoreLabels {
  readonly model?: string | undefined;
  readonly feature?: string | undefined;
  readonly team?: string | undefined;
  readonly user?: string | undefined;
}

/** A score that has been counted, to be taken back. */
export interface Counted {
  readonly bucket: Bucket;
  readonly metric: number;
  readonly value: number;
}

export interface ScoreWindows {
  add(labels: ScoreLabels, metric: number, value: number, traceId: string | undefined): Counted;
  remove(counted: Counted): void;
  /** Mean of the window for each group; its oldest minute may be a part of one. */
  read(metric: number, query: Query): readonly ScoreReading[];
}

export interface ScoreReading extends Reading {
  readonly value: number | undefined;
}

interface Bucket {
  readonly tick: number;
  /** Of each metric the sum of its scores, their count, and the worst of them. One array: each has a price of its own. */
  readonly figures: Float64Array;
  /** The trace of the worst. */
  readonly traces: (string | undefined)[];
}

interface Series {
  readonly labels: ScoreLabels;
  readonly buckets: Bucket[];
}

/** A minute at the default of an hour. */
const BUCKETS = 60;
/**
 * Groups of model, feature, team and user. With 60 buckets of some 1 KB each (ten scorers) 12 MB at the very most, if all of
 * them are busy all the time. What comes after that has no user of its own, then no team, then nothing: `other`.
 */
const MAX_SERIES = 200;
const MAX_TRACES = 5;
const OTHER = "other";
/** Where the figures of a metric are. */
const [SUM, COUNT, WORST, FIGURES] = [0, 1, 2, 3] as const;

/** Sums of scores by buckets of time on the monotonic clock, for `metrics` metrics that `isHigherBetter` tells about. */
export function scoreWindows(options: {
  readonly clock: Clock;
  readonly historyMs: number;
  readonly isHigherBetter: readonly boolean[];
}): ScoreWindows {
  const { clock, historyMs, isHigherBetter } = options;
  const bucketMs = historyMs / BUCKETS;
  const known = new Map<string, Series>();
  const tickNow = (): number => Math.floor(clock.monotonicMs() / bucketMs);
  let sweptAt = -1;

  /** Those that have nothing left in the window make place. */
  const sweep = (tick: number): void => {
    if (sweptAt === tick) return;
    sweptAt = tick;
    for (const [key, { buckets }] of known) if (buckets.at(-1)!.tick < tick - BUCKETS) known.delete(key);
  };

  const seriesOf = (labels: ScoreLabels, tick: number): Series => {
    const { model, feature, team } = labels;
    for (const each of [labels, { model, feature, team, user: OTHER }, { model, feature, team: OTHER, user: OTHER }]) {
      const key = JSON.stringify([each.model, each.feature, each.team, each.user]);
      const found = known.get(key);
      if (found !== undefined) return found;
      if (known.size >= MAX_SERIES) sweep(tick);
      // The last ones without a user of their own: models and features are what is asked for most.
      const limit = each === labels && each.user !== undefined ? MAX_SERIES / 2 : MAX_SERIES;
      if (known.size < limit) return opened(key, each);
    }
    return known.get(OTHER) ?? opened(OTHER, { model: OTHER, feature: OTHER, team: OTHER, user: OTHER });
  };

  const opened = (key: string, labels: ScoreLabels): Series => {
    const series: Series = { labels, buckets: [] };
    known.set(key, series);
    return series;
  };

  const bucketOf = ({ buckets }: Series, tick: number): Bucket => {
    const last = buckets.at(-1);
    if (last?.tick === tick) return last;
    const made = newBucket(tick, isHigherBetter.length);
    buckets.push(made);
    while (buckets[0]!.tick < tick - BUCKETS) buckets.shift();
    return made;
  };

  return {
    add(labels, metric, value, traceId) {
      const tick = tickNow();
      const bucket = bucketOf(seriesOf(labels, tick), tick);
      const { figures } = bucket;
      figures[metric * FIGURES + SUM]! += value;
      figures[metric * FIGURES + COUNT]! += 1;
      const worst = figures[metric * FIGURES + WORST]!;
      const isWorse = isHigherBetter[metric] ? value < worst : value > worst;
      if (traceId !== undefined && (bucket.traces[metric] === undefined || isWorse)) {
        figures[metric * FIGURES + WORST] = value;
        bucket.traces[metric] = traceId;
      }
      return { bucket, metric, value };
    },
    remove({ bucket, metric, value }) {
      bucket.figures[metric * FIGURES + SUM]! -= value;
      bucket.figures[metric * FIGURES + COUNT]! -= 1;
    },
    read(metric, { windowMs, by, where = {} }) {
      const tick = tickNow();
      const from = tick - Math.min(BUCKETS, Math.ceil(windowMs / bucketMs));
      const groups = new Map<string, Bucket[]>();
      for (const { labels, buckets } of known.values()) {
        if (!matches(labels, where)) continue;
        const group = by === undefined ? "" : labels[by];
        // A call that does not say its feature is in no feature.
        if (group === undefined) continue;
        const within = buckets.filter((bucket) => bucket.tick >= from && bucket.figures[metric * FIGURES + COUNT]! > 0);
        if (within.length > 0) groups.set(group, [...(groups.get(group) ?? []), ...within]);
      }
      return [...groups].map(([group, buckets]) => {
        const labels = by === undefined ? {} : { [by]: group };
        return {
          ...meanOf(buckets, metric),
          labels,
          traces: worstOf(buckets, metric, isHigherBetter[metric] === true),
        };
      });
    },
  };
}

function newBucket(tick: number, metrics: number): Bucket {
  return { tick, figures: new Float64Array(metrics * FIGURES), traces: [] };
}

function matches(labels: ScoreLabels, where: NonNullable<Query["where"]>): boolean {
  return (Object.keys(where) as (keyof ScoreLabels)[]).every(
    (key) => where[key] === undefined || labels[key] === where[key],
  );
}

function meanOf(buckets: readonly Bucket[], metric: number): { value: number | undefined; samples: number } {
  let [sum, samples] = [0, 0];
  for (const { figures } of buckets) {
    sum += figures[metric * FIGURES + SUM]!;
    samples += figures[metric * FIGURES + COUNT]!;
  }
  // Sums of what was added and taken away again may be off by a rounding.
  return { value: samples === 0 ? undefined : Math.max(0, Math.min(1, sum / samples)), samples };
}

function worstOf(buckets: readonly Bucket[], metric: number, isHigherBetter: boolean): string[] {
  const found = buckets.flatMap(({ traces, figures }) => {
    const traceId = traces[metric];
    return traceId === undefined ? [] : [{ traceId, value: figures[metric * FIGURES + WORST]! }];
  });
  found.sort((a, b) => (isHigherBetter ? a.value - b.value : b.value - a.value));
  return [...new Set(found.map(({ traceId }) => traceId))].slice(0, MAX_TRACES);
}
