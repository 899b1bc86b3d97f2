import { DIMENSIONS, type Dimension, type Reading } from "../reading.ts";
import { CALLS, COUNTED, ERRORS, PRICED, TOKENS, USD } from "./counters.ts";
import { FIGURES, type Measured } from "./figures.ts";
import type { Circuit, Live } from "./live.ts";
import { METRICS } from "./metric-list.ts";
import { FINE_MS, FINE_WINDOW_MS, LONGEST_WINDOW_MS } from "./series.ts";
import type { Store } from "./store.ts";

/** A window of one group. What is not known is not there. */
export interface Figures {
  readonly calls: number;
  readonly failed: number;
  readonly tokens?: number;
  readonly usd?: number;
  /** By the metrics' names; `usd_per_hour` is that of the last hour. */
  readonly metrics: { readonly [name: string]: number };
}

/** All figures as they are now: plain JSON. */
export interface MetricsSnapshot {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly windowMs: number;
  /** How much of the window there has been anything to measure. */
  readonly observedMs: number;
  readonly all: Figures;
  readonly model: { readonly [value: string]: Figures };
  readonly feature: { readonly [value: string]: Figures };
  readonly team: { readonly [value: string]: Figures };
  readonly user: { readonly [value: string]: Figures };
  readonly circuit?: Circuit;
  /** The last five minutes in steps of ten seconds, oldest first. */
  readonly timeline: {
    readonly stepMs: number;
    readonly calls: readonly number[];
    readonly failed: readonly number[];
    readonly latencyP95: readonly (number | null)[];
  };
  /** Model calls that were taken, and records of calls that had been counted already. */
  readonly counted: { readonly records: number; readonly duplicates: number };
  /** What it takes now. */
  readonly memory: {
    readonly groups: number;
    readonly slices: number;
    readonly bins: number;
    readonly ids: number;
    readonly bytes: number;
  };
}

export type Taken = Pick<MetricsSnapshot, "counted" | "memory">;

export function snapshotOf(
  store: Store,
  live: Live,
  { windowMs, nowMs, epochMs }: { windowMs: number; nowMs: number; epochMs: number },
  taken: Taken,
): MetricsSnapshot {
  const [all] = store.measure({ windowMs }, nowMs);
  const [hour] = store.measure({ windowMs: LONGEST_WINDOW_MS }, nowMs);
  const groupsOf = (by: Dimension): { [value: string]: Figures } => {
    const hours = store.measure({ windowMs: LONGEST_WINDOW_MS, by }, nowMs);
    const groups = store.measure({ windowMs, by }, nowMs);
    // Null prototype: a feature may be called `__proto__`.
    return groups.reduce((figures, { labels, measured }, i) => {
      figures[labels[by]!] = figuresOf(measured, hours[i]!.measured, []);
      return figures;
    }, Object.create(null));
  };
  const now = METRICS.filter(({ name }) => !Object.hasOwn(FIGURES, name)).map(
    ({ name }) => [name, live.read(name, { windowMs }, nowMs)[0]] as const,
  );
  const [model, feature, team, user] = DIMENSIONS.map(groupsOf) as [
    GroupFigures,
    GroupFigures,
    GroupFigures,
    GroupFigures,
  ];
  const circuit = live.circuit();
  return {
    time: epochMs,
    windowMs,
    observedMs: all!.measured.observedMs,
    all: figuresOf(all!.measured, hour!.measured, now),
    model,
    feature,
    team,
    user,
    ...(circuit !== undefined && { circuit }),
    timeline: timelineOf(store, nowMs),
    ...taken,
  };
}

type GroupFigures = { readonly [value: string]: Figures };

function figuresOf(
  measured: Measured,
  hour: Measured,
  now: readonly (readonly [string, Reading | undefined])[],
): Figures {
  const { counters } = measured.sums;
  const metrics: { [name: string]: number } = {};
  const put = (name: string, value: number | undefined): void => {
    if (value !== undefined) metrics[name] = value;
  };
  for (const [name, figure] of Object.entries(FIGURES))
    put(name, figure(name === "usd_per_hour" ? hour : measured).value);
  for (const [name, reading] of now) put(name, reading?.value);
  return {
    calls: counters[CALLS]!,
    failed: counters[ERRORS]!,
    ...(counters[COUNTED]! > 0 && { tokens: counters[TOKENS]! }),
    ...(counters[PRICED]! > 0 && { usd: counters[USD]! }),
    metrics,
  };
}

function timelineOf(store: Store, nowMs: number): MetricsSnapshot["timeline"] {
  const slices = store.timeline(nowMs, FINE_WINDOW_MS / FINE_MS);
  return {
    stepMs: FINE_MS,
    calls: slices.map((slice) => slice?.counters[CALLS] ?? 0),
    failed: slices.map((slice) => slice?.counters[ERRORS] ?? 0),
    latencyP95: slices.map((slice) => (slice && store.quantiles.of(slice.latency)(0.95)) ?? null),
  };
}
