import type { ModelCall } from "../model-call.ts";
import { DIMENSIONS, type Dimension, type Query } from "../reading.ts";
import type { Bins } from "./bins.ts";
import { COUNTERS, countCall } from "./counters.ts";
import { failureOf } from "./examples.ts";
import type { Measured } from "./figures.ts";
import { type Groups, newGroups } from "./groups.ts";
import {
  addSample,
  binsOf,
  FINE_MS,
  LONGEST_WINDOW_MS,
  NO_KEY,
  newSample,
  newSeries,
  noteQuota,
  readSeries,
  readSlices,
  type Series,
  SLICES,
  sliceOf,
  windowStartMs,
} from "./series.ts";
import { type Quantiles, quantiles } from "./sketch.ts";

/** What is counted, of all and by group. All times are of the monotonic clock. */
export interface Store {
  add(call: ModelCall, nowMs: number): void;
  /** One for each group that a query asks for; none where it asks for what is not kept. */
  measure(query: Query, nowMs: number): { readonly labels: { readonly [name: string]: string }; measured: Measured }[];
  readonly groups: { readonly [dimension in Dimension]: Groups };
  readonly quantiles: Quantiles;
  /** The last `count` slices of ten seconds, of all. */
  timeline(nowMs: number, count: number): ReturnType<typeof readSlices>;
  /** What it is made of now. */
  memory(): { readonly groups: number; readonly slices: number; readonly bins: number; readonly bytes: number };
}

export interface StoreOptions {
  readonly accuracy: number;
  readonly maxGroups: number;
  readonly startMs: number;
}

/**
 * Bins of a slice of a group, at an accuracy of 1 %: values that lie apart by a factor of 28,000. Quantiles that are that
 * much less than the largest time of ten seconds read too high. The series of all has bins for every time there is.
 */
const GROUP_BINS = 512;
const GROUP_ACCURACY = 0.01;
/** Counts, and what a typed array is besides. */
const BYTES_PER_BIN = 4;
const BYTES_PER_SLICE = COUNTERS * 8 + 8 + 2 * 120;

export function newStore({ accuracy, maxGroups, startMs }: StoreOptions): Store {
  const sketch = quantiles(accuracy);
  const groupBins = Math.min(Math.ceil((GROUP_BINS * GROUP_ACCURACY) / accuracy), sketch.keys);
  const whole = newSeries(sketch.keys, startMs, startMs);
  const newDimension = (): Groups => newGroups(maxGroups, groupBins, startMs);
  const groups = { model: newDimension(), feature: newDimension(), team: newDimension(), user: newDimension() };

  const sample = newSample();

  const add = (call: ModelCall, nowMs: number): void => {
    const { latencySeconds, secondsToFirstChunk, costUsd, model, feature, team, user } = call;
    // How fast a failure comes says nothing of how long answers take.
    const isTimed = call.isCall && (call.status === "success" || call.status === "timeout");
    const latency = isTimed ? latencySeconds : undefined;
    sample.slice = sliceOf(nowMs);
    sample.nowMs = nowMs;
    sample.count = countCall(call, sample.counters);
    sample.latencyKey = latency === undefined ? NO_KEY : sketch.keyOf(latency);
    sample.firstChunkKey = secondsToFirstChunk === undefined ? NO_KEY : sketch.keyOf(secondsToFirstChunk);
    sample.traceId = call.traceId;
    sample.latency = latency ?? -1;
    sample.usd = costUsd ?? -1;
    sample.failure = failureOf(call, nowMs);
    addSample(whole, sample);
    if (model !== undefined) {
      const series = groups.model.of(model, nowMs);
      addSample(series, sample);
      if (call.rateLimit !== undefined) noteQuota(series, call.rateLimit, nowMs);
    }
    if (feature !== undefined) addSample(groups.feature.of(feature, nowMs), sample);
    if (team !== undefined) addSample(groups.team.of(team, nowMs), sample);
    if (user !== undefined) addSample(groups.user.of(user, nowMs), sample);
  };

  const lazily = (bins: readonly Bins[]): ((q: number) => number | undefined) => {
    let quantile: ((q: number) => number | undefined) | undefined;
    return (q) => (quantile ??= sketch.of(bins))(q);
  };

  const seriesOf = ({ by, where = {} }: Query): [labels: { [name: string]: string }, series: Series][] => {
    const [filter, ...more] = DIMENSIONS.filter((dimension) => where[dimension] !== undefined);
    if (more.length > 0 || (by !== undefined && filter !== undefined && by !== filter)) return [];
    if (filter !== undefined) {
      const value = where[filter] as string;
      const series = groups[filter].find(value);
      return series === undefined ? [] : [[{ [filter]: value }, series]];
    }
    if (by === undefined) return [[{}, whole]];
    return [...groups[by].entries()].map(([value, series]) => [{ [by]: value }, series]);
  };

  return {
    groups,
    quantiles: sketch,
    add,
    measure(query, nowMs) {
      const windowMs = windowOf(query.windowMs);
      const fromMs = windowStartMs(nowMs, windowMs);
      const limit = query.above;
      const above = limit === undefined ? undefined : (bins: readonly Bins[]) => sketch.above(bins, limit);
      return seriesOf(query).map(([labels, series]) => {
        const observedMs = nowMs - Math.max(fromMs, series.sinceMs);
        const sums = readSeries(series, nowMs, windowMs);
        const [latency, firstChunk] = [lazily(sums.latency), lazily(sums.firstChunk)];
        return { labels, measured: { series, sums, latency, firstChunk, above, observedMs, windowMs, nowMs } };
      });
    },
    timeline: (nowMs, count) => readSlices(whole, nowMs, count),
    memory() {
      let bins = binsOf(whole);
      let count = 1;
      for (const dimension of DIMENSIONS) {
        for (const [, series] of groups[dimension].entries()) bins += binsOf(series);
        count += groups[dimension].size;
      }
      const slices = count * SLICES;
      return { groups: count, slices, bins, bytes: bins * BYTES_PER_BIN + slices * BYTES_PER_SLICE };
    },
  };
}

/** A window that can be read: from a slice to the hour. */
export function windowOf(windowMs: number): number {
  return Number.isNaN(windowMs) ? FINE_MS : Math.min(Math.max(windowMs, FINE_MS), LONGEST_WINDOW_MS);
}
