import { usd } from "../../core/usd.ts";
import type { Bins } from "./bins.ts";
import {
  ATTEMPTS,
  CALLS,
  COUNTED,
  ERRORS,
  PRICED,
  RATE_LIMITED,
  SERVER_ERRORS,
  TIMEOUTS,
  TOKENS,
  UNPRICED,
  USD,
} from "./counters.ts";
import { failures, largest } from "./examples.ts";
import type { Series, WindowSums } from "./series.ts";

/** A window of one group, to be made into figures. */
export interface Measured {
  readonly series: Series;
  readonly sums: WindowSums;
  /** Made when it is first asked for, for all its quantiles. */
  readonly latency: (q: number) => number | undefined;
  readonly firstChunk: (q: number) => number | undefined;
  /** Of either list of the sums, how many are above what was asked; `undefined` where nothing was. */
  readonly above: ((bins: readonly Bins[]) => number) | undefined;
  /** Milliseconds that the sums are of: what the window covers, but not the time before there was anything to measure. */
  readonly observedMs: number;
  readonly windowMs: number;
  readonly nowMs: number;
}

export interface Figure {
  readonly value: number | undefined;
  readonly samples: number;
  readonly above?: number;
  readonly traces?: readonly string[];
}

/**
 * Rates are what came, divided by the time that has been observed, but by no less than this or the whole window: a call in
 * the first second does not make 60 a minute, nor its cent 36 dollars an hour.
 */
const LEAST_MINUTES_MS = 60_000;
const LEAST_HOURS_MS = 600_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

/** The figures that are made of what was written, by their metrics' names. */
export const FIGURES: { readonly [metric: string]: (measured: Measured) => Figure } = {
  latency_p50: (measured) => latency(measured, 0.5),
  latency_p95: (measured) => latency(measured, 0.95),
  latency_p99: (measured) => latency(measured, 0.99),
  first_chunk_p50: (measured) => firstChunk(measured, 0.5),
  first_chunk_p95: (measured) => firstChunk(measured, 0.95),
  error_rate: (measured) => share(measured, ERRORS, CALLS, ({ status }) => status !== "success"),
  timeout_rate: (measured) => share(measured, TIMEOUTS, CALLS, ({ status }) => status === "timeout"),
  rate_limit_rate: (measured) =>
    share(measured, RATE_LIMITED, ATTEMPTS, ({ rateLimitedAttempts }) => rateLimitedAttempts > 0),
  server_error_rate: (measured) =>
    share(measured, SERVER_ERRORS, ATTEMPTS, ({ serverErrorAttempts }) => serverErrorAttempts > 0),
  calls_per_minute(measured) {
    const calls = measured.sums.counters[CALLS]!;
    return { value: rate(measured, calls, LEAST_MINUTES_MS, MINUTE_MS), samples: calls };
  },
  tokens_per_minute(measured) {
    const { counters } = measured.sums;
    const samples = counters[COUNTED]!;
    const isKnown = samples > 0 || counters[CALLS] === 0;
    return { value: isKnown ? rate(measured, counters[TOKENS]!, LEAST_MINUTES_MS, MINUTE_MS) : undefined, samples };
  },
  usd_per_hour(measured) {
    const { series, sums, nowMs, windowMs } = measured;
    const samples = sums.counters[PRICED]!;
    const isKnown = samples > 0 || sums.counters[UNPRICED] === 0;
    const value = isKnown ? usd(rate(measured, sums.counters[USD]!, LEAST_HOURS_MS, HOUR_MS)) : undefined;
    return { value, samples, traces: largest(series.examples.costliest, nowMs, windowMs) };
  },
  unpriced_rate({ sums: { counters } }) {
    const samples = counters[PRICED]! + counters[UNPRICED]!;
    return { value: samples === 0 ? undefined : counters[UNPRICED]! / samples, samples };
  },
};

function latency({ series, sums, latency, above, nowMs, windowMs }: Measured, q: number): Figure {
  const samples = sums.latency.reduce((sum, { total }) => sum + total, 0);
  const traces = largest(series.examples.slowest, nowMs, windowMs);
  return { value: latency(q), samples, ...(above && { above: above(sums.latency) }), traces };
}

function firstChunk({ sums, firstChunk, above }: Measured, q: number): Figure {
  const samples = sums.firstChunk.reduce((sum, { total }) => sum + total, 0);
  return { value: firstChunk(q), samples, ...(above && { above: above(sums.firstChunk) }) };
}

function share(
  { series, sums, nowMs, windowMs }: Measured,
  part: number,
  whole: number,
  shows: Parameters<typeof failures>[3],
): Figure {
  const samples = sums.counters[whole]!;
  const value = samples === 0 ? undefined : sums.counters[part]! / samples;
  return { value, samples, traces: failures(series.examples, nowMs, windowMs, shows) };
}

function rate({ observedMs, windowMs }: Measured, amount: number, leastMs: number, perMs: number): number {
  return (amount / Math.max(observedMs, Math.min(windowMs, leastMs))) * perMs;
}
