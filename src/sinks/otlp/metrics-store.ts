import type { Attributes } from "../../semconv/attributes.ts";
import type { Instrument, Measurement } from "../../semconv/metrics.ts";
import { keyValues } from "./any-value.ts";
import type { HistogramDataPoint, Metric, NumberDataPoint } from "./messages.ts";

export const DELTA = 1;
export const CUMULATIVE = 2;

/** Of which time the points speak. Epoch nanoseconds, decimal. */
export interface Interval {
  readonly start: string;
  readonly end: string;
  readonly temporality: typeof DELTA | typeof CUMULATIVE;
}

/** Measurements added up: a series for each set of attributes of each instrument. */
export interface MetricStore {
  add(measurement: Measurement): void;
  /** Where values with these attributes go; the series of the overflow where there is no room. */
  seriesOf(instrument: Instrument, attributes: Attributes): Series;
  /** Takes over what another store has. */
  absorb(other: MetricStore): void;
  /** Everything that was added, as OTLP has it. */
  metrics(interval: Interval): Metric[];
  readonly isEmpty: boolean;
  readonly collected: ReadonlyMap<Instrument, ReadonlyMap<string, Series>>;
}

/** One series. A counter has no buckets and uses the sum alone. */
export interface Series {
  readonly attributes: Attributes;
  count: number;
  sum: number;
  min: number;
  max: number;
  /** One more than the instrument has bounds. */
  readonly buckets: number[];
}

/** What has no series of its own is still counted, in this one (OpenTelemetry's cardinality limits). */
const OVERFLOW: Attributes = { "otel.metric.overflow": true };

/** `maxSeries`: of one instrument, that of the overflow included. */
export function createMetricStore(maxSeries: number): MetricStore {
  const collected = new Map<Instrument, Map<string, Series>>();

  function seriesOf(instrument: Instrument, attributes: Attributes): Series {
    let all = collected.get(instrument);
    if (all === undefined) collected.set(instrument, (all = new Map()));
    const key = keyOf(attributes);
    const known = all.get(key);
    if (known !== undefined) return known;
    if (all.size >= maxSeries - 1 && attributes !== OVERFLOW) return seriesOf(instrument, OVERFLOW);
    const series = newSeries(instrument, attributes);
    all.set(key, series);
    return series;
  }

  return {
    collected,
    add({ instrument, value, attributes }) {
      if (Number.isFinite(value)) addTo(seriesOf(instrument, attributes), instrument.bounds, value);
    },
    seriesOf,
    absorb(other) {
      for (const [instrument, all] of other.collected) {
        for (const { attributes, count, sum, min, max, buckets } of all.values()) {
          const series = seriesOf(instrument, attributes);
          series.count += count;
          series.sum += sum;
          series.min = Math.min(series.min, min);
          series.max = Math.max(series.max, max);
          for (const [i, counted] of buckets.entries()) series.buckets[i]! += counted;
        }
      }
    },
    metrics: (interval) => [...collected].map(([instrument, all]) => metricOf(instrument, [...all.values()], interval)),
    get isEmpty() {
      return collected.size === 0;
    },
  };
}

/** Gives the place of the bucket that it went to. */
export function addTo(series: Series, bounds: readonly number[], value: number): number {
  const bucket = bucketOf(bounds, value);
  series.count++;
  series.sum += value;
  series.min = Math.min(series.min, value);
  series.max = Math.max(series.max, value);
  series.buckets[bucket]!++;
  return bucket;
}

function newSeries({ bounds }: Instrument, attributes: Attributes): Series {
  const buckets = new Array<number>(bounds.length + 1).fill(0);
  return { attributes, count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, buckets };
}

/** The same for the same attributes in any order. */
function keyOf(attributes: Attributes): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The first bucket whose upper bound is not below the value; the last has none. */
export function bucketOf(bounds: readonly number[], value: number): number {
  const index = bounds.findIndex((bound) => value <= bound);
  return index === -1 ? bounds.length : index;
}

function metricOf(instrument: Instrument, all: readonly Series[], { start, end, temporality }: Interval): Metric {
  const { name, description, unit, bounds } = instrument;
  const aggregationTemporality = temporality;
  const times = { startTimeUnixNano: start, timeUnixNano: end };
  if (instrument.kind === "counter") {
    const dataPoints = all.map(
      ({ attributes, sum }): NumberDataPoint => ({ attributes: keyValues(attributes), ...times, asInt: whole(sum) }),
    );
    return { name, description, unit, sum: { dataPoints, aggregationTemporality, isMonotonic: true } };
  }
  const dataPoints = all.map(
    ({ attributes, count, sum, buckets, min, max }): HistogramDataPoint => ({
      attributes: keyValues(attributes),
      ...times,
      count: whole(count),
      sum,
      bucketCounts: buckets.map(whole),
      explicitBounds: bounds,
      min,
      max,
    }),
  );
  return { name, description, unit, histogram: { dataPoints, aggregationTemporality } };
}

/** An integer of 64 bits, which JSON has as text. */
function whole(count: number): string {
  return String(Math.min(Math.round(count), Number.MAX_SAFE_INTEGER));
}
