import type { RateLimit } from "../../core/record.ts";
import { addBins, addToBins, type Bins, clearBins, newBins } from "./bins.ts";
import { ATTEMPTS, CALLS, COUNTED, COUNTERS, PRICED, RARE, TOKENS, USD } from "./counters.ts";
import {
  BARS,
  COSTLY,
  COSTLY_UNTIL_MS,
  type Examples,
  type FailedExample,
  newExamples,
  noteFailed,
  noteLarge,
  SLOW,
  SLOW_UNTIL_MS,
} from "./examples.ts";
import type { Told } from "./quota.ts";

/** Windows up to five minutes are read from slices of ten seconds, longer ones from slices of three minutes. */
export const FINE_MS = 10_000;
const FINE_SLICES = 31;
export const FINE_WINDOW_MS: number = FINE_MS * (FINE_SLICES - 1);
const COARSE_MS = 180_000;
const COARSE_SLICES = 21;
export const LONGEST_WINDOW_MS: number = COARSE_MS * (COARSE_SLICES - 1);
/** One more of each than its window has: the one that the window begins in is read whole. */
export const SLICES: number = FINE_SLICES + COARSE_SLICES;

/** A ring of slices of time. Which slice lies in a place is told by its number: time divided by `sliceMs`. */
interface Tier {
  readonly sliceMs: number;
  readonly slices: Float64Array;
  readonly counters: Float64Array;
  readonly latency: readonly Bins[];
  readonly firstChunk: readonly Bins[];
}

/** What is known of one group, or of all. What a slice has is added to its coarse one as the next slice begins. */
export interface Series {
  readonly fine: Tier;
  readonly coarse: Tier;
  /** The number of the fine slice that is written to, not yet in a coarse one; -1 for none. */
  current: number;
  /** What is looked at for every record, close together in memory: what the current slice sums, the bars, when the last one came. */
  readonly now: Float64Array;
  latency: Bins;
  firstChunk: Bins;
  readonly examples: Examples;
  /** All that came since then is in it; what came before may be counted elsewhere, or forgotten. */
  readonly sinceMs: number;
  /** Of a model. */
  told: Told | undefined;
}

/**
 * What one record adds to each of its groups. The same objects for all records, and one array for all numbers with
 * fractions: in fields, or handed from function to function, they cost an object each.
 */
export interface Sample {
  traceId: string;
  failure: FailedExample | undefined;
  readonly values: Float64Array;
  /** Where its own begin: the counters, and the latency in seconds, 0 where it is not known. */
  readonly at: number;
  /** How many of the counters are not zero at most. */
  count: number;
  /** `NO_KEY` where there is no value. */
  latencyKey: number;
  firstChunkKey: number;
  /** Where its answer told one. */
  quota: RateLimit | undefined;
}

/** Behind the counters of a sample. */
export const LATENCY: number = COUNTERS;

export function newSamples(count: number): Sample[] {
  const size = LATENCY + 1;
  const values = new Float64Array(count * size);
  return Array.from({ length: count }, (_, i) => ({
    traceId: "",
    failure: undefined,
    values,
    at: i * size,
    count: 0,
    latencyKey: NO_KEY,
    firstChunkKey: NO_KEY,
    quota: undefined,
  }));
}

/** An integer of 31 bits, as the keys are: those cost no object. */
export const NO_KEY: number = -(2 ** 30);

export function newSeries(maxBins: number, nowMs: number, sinceMs: number): Series {
  const tier = (sliceMs: number, count: number): Tier => ({
    sliceMs,
    slices: new Float64Array(count).fill(-1),
    counters: new Float64Array(count * COUNTERS),
    latency: Array.from({ length: count }, () => newBins(maxBins)),
    firstChunk: Array.from({ length: count }, () => newBins(maxBins)),
  });
  const fine = tier(FINE_MS, FINE_SLICES);
  const now = new Float64Array(LAST_MS + 1);
  now[LAST_MS] = nowMs;
  return {
    fine,
    coarse: tier(COARSE_MS, COARSE_SLICES),
    current: -1,
    now,
    latency: fine.latency[0]!,
    firstChunk: fine.firstChunk[0]!,
    examples: newExamples(now, BARS_AT),
    sinceMs,
    told: undefined,
  };
}

/** Behind the sums. */
const BARS_AT = COUNTERS;
const LAST_MS = BARS_AT + BARS;

export function lastMsOf({ now }: Series): number {
  return now[LAST_MS]!;
}

/** The number of the slice that a time is in. */
export function sliceOf(nowMs: number): number {
  return Math.floor(nowMs / FINE_MS);
}

export function addSample(series: Series, sample: Sample, slice: number, nowMs: number): void {
  if (series.current !== slice) begin(series, slice);
  const { now } = series;
  const { values, at, failure, latencyKey, firstChunkKey } = sample;
  const usd = values[at + USD]!;
  const latency = values[at + LATENCY]!;
  now[LAST_MS] = nowMs;
  now[CALLS]! += values[at + CALLS]!;
  now[ATTEMPTS]! += values[at + ATTEMPTS]!;
  now[TOKENS]! += values[at + TOKENS]!;
  now[COUNTED]! += values[at + COUNTED]!;
  now[USD]! += usd;
  now[PRICED]! += values[at + PRICED]!;
  for (let i = RARE; i < sample.count; i++) now[i]! += values[at + i]!;
  if (latencyKey !== NO_KEY) addToBins(series.latency, latencyKey, 1);
  if (firstChunkKey !== NO_KEY) addToBins(series.firstChunk, firstChunkKey, 1);
  if (latency > now[BARS_AT + SLOW]! || nowMs >= now[BARS_AT + SLOW_UNTIL_MS]!)
    noteLarge(series.examples.slowest, sample.traceId, latency, nowMs);
  if (usd > now[BARS_AT + COSTLY]! || nowMs >= now[BARS_AT + COSTLY_UNTIL_MS]!)
    noteLarge(series.examples.costliest, sample.traceId, usd, nowMs);
  if (failure !== undefined) noteFailed(series.examples, failure);
}

/** The newest word wins. */
export function noteQuota(series: Series, limit: RateLimit, nowMs: number): void {
  const { told } = series;
  if (told === undefined) series.told = { limit, ms: nowMs };
  else {
    told.limit = limit;
    told.ms = nowMs;
  }
}

function begin(series: Series, slice: number): void {
  settle(series);
  const place = placeOf(series.fine, slice);
  series.current = slice;
  series.now.fill(0, 0, COUNTERS);
  series.latency = series.fine.latency[place]!;
  series.firstChunk = series.fine.firstChunk[place]!;
}

/** Puts what the current slice sums to the other fine ones. */
function keep({ fine, current, now }: Series): void {
  if (current >= 0) fine.counters.set(now.subarray(0, COUNTERS), (current % FINE_SLICES) * COUNTERS);
}

/** Adds the slice that is over to its coarse one. */
function settle(series: Series): void {
  const { fine, coarse, current } = series;
  if (current < 0) return;
  keep(series);
  const from = current % FINE_SLICES;
  const to = placeOf(coarse, Math.floor((current * FINE_MS) / COARSE_MS));
  for (let i = 0; i < COUNTERS; i++) coarse.counters[to * COUNTERS + i]! += fine.counters[from * COUNTERS + i]!;
  addBins(coarse.latency[to]!, fine.latency[from]!);
  addBins(coarse.firstChunk[to]!, fine.firstChunk[from]!);
}

/** Where a slice lies; cleared when another one lay there. */
function placeOf({ slices, counters, latency, firstChunk }: Tier, slice: number): number {
  const place = slice % slices.length;
  if (slices[place] === slice) return place;
  slices[place] = slice;
  counters.fill(0, place * COUNTERS, (place + 1) * COUNTERS);
  clearBins(latency[place]!);
  clearBins(firstChunk[place]!);
  return place;
}

/** The sums of a window. */
export interface WindowSums {
  readonly counters: Float64Array;
  readonly latency: readonly Bins[];
  readonly firstChunk: readonly Bins[];
}

/**
 * What came in the last `windowMs`, and what came before it in the slice that the window begins in: nothing is older than
 * the window and one slice.
 */
export function readSeries(series: Series, nowMs: number, windowMs: number): WindowSums {
  const sums = { counters: new Float64Array(COUNTERS), latency: [] as Bins[], firstChunk: [] as Bins[] };
  const { fine, coarse, current } = series;
  keep(series);
  const isFine = windowMs <= FINE_WINDOW_MS;
  const tier = isFine ? fine : coarse;
  const oldest = firstSlice(tier.sliceMs, nowMs, windowMs);
  for (const [place, slice] of tier.slices.entries()) if (slice >= oldest && slice >= 0) take(tier, place, sums);
  if (!isFine && current >= 0 && current >= firstSlice(FINE_MS, nowMs, windowMs))
    take(fine, current % FINE_SLICES, sums);
  return sums;
}

/** The fine slices of the last `count`, oldest first; `undefined` where nothing came. */
export function readSlices(series: Series, nowMs: number, count: number): (WindowSums | undefined)[] {
  const last = Math.floor(nowMs / FINE_MS);
  keep(series);
  return Array.from({ length: Math.min(count, FINE_SLICES) }, (_, i, all = Math.min(count, FINE_SLICES)) => {
    const slice = last - all + 1 + i;
    if (slice < 0 || series.fine.slices[slice % FINE_SLICES] !== slice) return undefined;
    const sums = { counters: new Float64Array(COUNTERS), latency: [] as Bins[], firstChunk: [] as Bins[] };
    take(series.fine, slice % FINE_SLICES, sums);
    return sums;
  });
}

/** When the oldest slice of a window begins. */
export function windowStartMs(nowMs: number, windowMs: number): number {
  const sliceMs = windowMs <= FINE_WINDOW_MS ? FINE_MS : COARSE_MS;
  return firstSlice(sliceMs, nowMs, windowMs) * sliceMs;
}

function firstSlice(sliceMs: number, nowMs: number, windowMs: number): number {
  return Math.floor((nowMs - windowMs) / sliceMs);
}

function take(tier: Tier, place: number, sums: { counters: Float64Array; latency: Bins[]; firstChunk: Bins[] }): void {
  for (let i = 0; i < COUNTERS; i++) sums.counters[i]! += tier.counters[place * COUNTERS + i]!;
  sums.latency.push(tier.latency[place]!);
  sums.firstChunk.push(tier.firstChunk[place]!);
}

/** Bins that it has room for now. */
export function binsOf({ fine, coarse }: Series): number {
  let bins = 0;
  for (const tier of [fine, coarse]) {
    for (const each of tier.latency) bins += each.counts.length;
    for (const each of tier.firstChunk) bins += each.counts.length;
  }
  return bins;
}
