/** One metric and its values: what is counted here, in the form in which it is written. */
export interface Family {
  /** A counter's with its `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly values: readonly Value[];
}

export type Labels = { readonly [name: string]: string };

export interface Value {
  readonly labels: Labels;
  /** Of one object for all values of a series: they are made text once. */
  readonly sharedLabels?: Labels;
  readonly value: number;
  /** Of a histogram: its name with `_bucket`, `_sum` or `_count`. */
  readonly metricName?: string;
  readonly exemplar?: Exemplar | undefined;
}

/** A trace that shows what a bucket counts. */
export interface Exemplar {
  readonly labelSet: { readonly trace_id: string; readonly span_id: string };
  readonly value: number;
  /** Epoch seconds. */
  readonly timestamp: number;
}

/** Values added up by buckets. */
export interface Distribution {
  readonly count: number;
  readonly sum: number;
  /** One more than there are bounds; each with its own values alone. */
  readonly buckets: readonly number[];
}

/** The latest of each bucket. */
export type Exemplars = readonly (Exemplar | undefined)[];

/** One series of a histogram: cumulative buckets, the last of them `+Inf`, then sum and count. */
export function histogramValues(
  name: string,
  labels: Labels,
  bounds: readonly number[],
  { count, sum, buckets }: Distribution,
  exemplars: Exemplars = [],
): Value[] {
  const values: Value[] = [];
  let below = 0;
  for (const [i, counted] of buckets.entries()) {
    below += counted;
    const le = i < bounds.length ? String(bounds[i]) : "+Inf";
    values.push({
      metricName: `${name}_bucket`,
      labels: { le },
      sharedLabels: labels,
      value: below,
      exemplar: exemplars[i],
    });
  }
  const rest = { labels: {}, sharedLabels: labels };
  values.push(
    { metricName: `${name}_sum`, ...rest, value: sum },
    { metricName: `${name}_count`, ...rest, value: count },
  );
  return values;
}
