import { HASH, type IdWindow } from "../id-window.ts";
import type { CountedCall } from "../model-call.ts";
import { DIMENSIONS, type Dimension, type Query } from "../reading.ts";
import type { Bins } from "./bins.ts";
import { COUNTERS, countCall } from "./counters.ts";
import { failureOf } from "./examples.ts";
import type { Measured } from "./figures.ts";
import { type Groups, newGroups } from "./groups.ts";
import { isQuota } from "./quota.ts";
import {
  addSample,
  binsOf,
  LATENCY,
  NO_KEY,
  newSamples,
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
  /** Is counted by the next `flush`, if its ids are new. Throws for what cannot be read, and then counts nothing of it. */
  add(call: CountedCall, nowMs: number): void;
  /** What was added since the last one; all of it came at `nowMs`, whole milliseconds. */
  flush(nowMs: number): void;
  /** Records that were added, and those whose ids were not new. */
  counted(): { readonly records: number; readonly duplicates: number };
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
  readonly ids: IdWindow;
}

/**
 * Bins of a slice of a group, at an accuracy of 1 %: values that lie apart by a factor of 28,000. Quantiles that are that
 * much less than the largest time of ten seconds read too high. The series of all has bins for every time there is.
 */
const GROUP_BINS = 512;
const GROUP_ACCURACY = 0.01;
/**
 * So many records are looked for among the counted ones, then go into the series of all, then into those by model, and so
 * on: the few series of one dimension stay in the nearest cache meanwhile. 256 of them, a batch, take 3 % less than 64.
 */
const SAMPLES = 256;
/** The places of a sample's groups. */
const [MODEL, FEATURE, TEAM, USER] = [0, 1, 2, 3];
/** Counts, and what a typed array is besides. */
const BYTES_PER_BIN = 4;
const BYTES_PER_SLICE = COUNTERS * 8 + 8 + 2 * 120;

export function newStore({ accuracy, maxGroups, startMs, ids }: StoreOptions): Store {
  const sketch = quantiles(accuracy);
  const groupBins = Math.min(Math.ceil((GROUP_BINS * GROUP_ACCURACY) / accuracy), sketch.keys);
  const whole = newSeries(sketch.keys, startMs, startMs);
  const newDimension = (): Groups => newGroups(maxGroups, groupBins, startMs);
  const groups = { model: newDimension(), feature: newDimension(), team: newDimension(), user: newDimension() };

  const dimensions = [groups.model, groups.feature, groups.team, groups.user];
  const samples = newSamples(SAMPLES);
  /** Of each sample its values of the dimensions, and the hash of its ids. */
  const names = new Array<string | undefined>(DIMENSIONS.length * SAMPLES).fill(undefined);
  const hashes = new Int32Array(HASH * SAMPLES);
  // Taken once: an object with getters, as this one is, is a dictionary.
  const { prepare, addPrepared } = ids;
  const isFirst = new Uint8Array(SAMPLES);
  let [count, records, duplicates] = [0, 0, 0];

  const flush = (nowMs: number): void => {
    const slice = sliceOf(nowMs);
    for (let i = 0; i < count; i++) {
      isFirst[i] = addPrepared(hashes, HASH * i) ? 1 : 0;
      if (isFirst[i] === 0) {
        duplicates++;
        continue;
      }
      records++;
      addSample(whole, samples[i]!, slice, nowMs);
    }
    for (let dimension = 0; dimension < dimensions.length; dimension++) {
      const { of } = dimensions[dimension]!;
      for (let i = 0; i < count; i++) {
        const value = names[dimension * SAMPLES + i];
        if (value === undefined || isFirst[i] === 0) continue;
        const sample = samples[i]!;
        const series = of(value, nowMs);
        addSample(series, sample, slice, nowMs);
        if (dimension === MODEL && sample.quota !== undefined) noteQuota(series, sample.quota, nowMs);
      }
    }
    count = 0;
  };

  const add = (call: CountedCall, nowMs: number): void => {
    if (count === SAMPLES) flush(nowMs);
    const sample = samples[count]!;
    const { values, at } = sample;
    const { latencySeconds, secondsToFirstChunk, rateLimit } = call;
    // How fast a failure comes says nothing of how long answers take.
    const isTimed = call.isCall && (call.status === "success" || call.status === "timeout");
    const latency = isTimed ? latencySeconds : undefined;
    sample.quota = rateLimit !== undefined && isQuota(rateLimit) ? rateLimit : undefined;
    sample.count = countCall(call, values, at);
    sample.latencyKey = latency === undefined ? NO_KEY : sketch.keyOf(latency);
    sample.firstChunkKey = secondsToFirstChunk === undefined ? NO_KEY : sketch.keyOf(secondsToFirstChunk);
    sample.traceId = call.traceId;
    values[at + LATENCY] = latency ?? 0;
    sample.failure = failureOf(call, nowMs);
    // One by one: a field whose name is in a variable is looked up, 80 ns for the four.
    names[MODEL * SAMPLES + count] = call.model;
    names[FEATURE * SAMPLES + count] = call.feature;
    names[TEAM * SAMPLES + count] = call.team;
    names[USER * SAMPLES + count] = call.user;
    prepare(call.traceId, call.spanId, hashes, HASH * count);
    count++;
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
    flush,
    counted: () => ({ records, duplicates }),
    measure(query, nowMs) {
      const { windowMs } = query;
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
        count += groups[dimension].size();
      }
      const slices = count * SLICES;
      return { groups: count, slices, bins, bytes: bins * BYTES_PER_BIN + slices * BYTES_PER_SLICE };
    },
  };
}
