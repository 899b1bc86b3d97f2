/** Calls as a healthy service makes them, and what may be wrong with them; the exact figures of them. */
import type { FakeClock } from "sightline/testing";
import type { Metric, Query, Reading, Source } from "../../../src/monitors/reading.ts";

export interface SimulatedCall {
  readonly seconds: number;
  readonly outcome: "success" | "server_error" | "timeout" | "rate_limited";
  /** Requests that were answered 429 before the one that tells the outcome. */
  readonly retries: number;
  readonly tokens: number;
  readonly usd: number;
  /** Of the answer's quality; `undefined` where there is no answer. */
  readonly score: number | undefined;
}

export interface Health {
  readonly errors: number;
  /** Share of requests that are answered 429. Three are tried. */
  readonly limited: number;
  readonly slower: number;
  readonly dearer: number;
  readonly quality: number;
}

export const HEALTHY: Health = { errors: 0.005, limited: 0.003, slower: 1, dearer: 1, quality: 0.8 };

const TIMEOUT_SECONDS = 60;
const MAX_ATTEMPTS = 3;
/** The course's: 500 to 8,000 tokens at 15 USD a million. */
const USD_PER_TOKEN = 15e-6;
export const MEAN_USD: number = 4_250 * USD_PER_TOKEN;

export type Random = () => number;

/** Mulberry32: the same calls for the same seed. */
export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Milliseconds to the next call: they come when they like. */
export function pauseMs(random: Random, callsPerHour: number): number {
  return (-Math.log(1 - random()) * 3_600_000) / callsPerHour;
}

export function simulatedCall(random: Random, health: Health): SimulatedCall {
  // The course's: a median of 1.6 s, and a p95 of 6.
  const seconds = Math.exp(Math.log(1.6) + 0.8 * normal(random)) * health.slower;
  let retries = 0;
  while (retries < MAX_ATTEMPTS && random() < health.limited) retries++;
  const isFailed = random() < health.errors;
  const tokens = Math.round((500 + random() * 7_500) * health.dearer);
  const score = Math.min(1, Math.max(0, health.quality + 0.08 * normal(random)));
  const outcome =
    retries === MAX_ATTEMPTS
      ? "rate_limited"
      : isFailed
        ? "server_error"
        : seconds >= TIMEOUT_SECONDS
          ? "timeout"
          : "success";
  const isAnswered = outcome === "success";
  return {
    seconds: outcome === "rate_limited" || isFailed ? 0.2 : Math.min(seconds, TIMEOUT_SECONDS),
    outcome,
    retries: Math.min(retries, MAX_ATTEMPTS - 1),
    tokens: isAnswered ? tokens : 0,
    usd: isAnswered ? tokens * USD_PER_TOKEN : 0,
    score: isAnswered ? score : undefined,
  };
}

const UNITS: { readonly [metric: string]: Metric["unit"] } = {
  latency_p50: "seconds",
  latency_p95: "seconds",
  error_rate: "share",
  rate_limit_rate: "share",
  server_error_rate: "share",
  cost_rate: "ratio",
  quality: "score",
};

/** Figures worked out from every call, as `metrics()`, `budgets()` and `quality()` work them out from buckets and sketches. */
export function exactFigures(clock: FakeClock, usdPerHour: number): Source & { take(call: SimulatedCall): void } {
  let calls: { readonly at: number; readonly call: SimulatedCall }[] = [];
  let first = 0;
  return {
    metrics: Object.entries(UNITS).map(([name, unit]) => ({ name, unit, description: "" })),
    take(call) {
      const at = clock.monotonicMs();
      calls.push({ at, call });
      while (calls[first]!.at < at - 3_600_000) first++;
      if (first > 10_000) {
        calls = calls.slice(first);
        first = 0;
      }
    },
    read(metric, { windowMs, above }: Query): readonly Reading[] {
      const oldest = clock.monotonicMs() - windowMs;
      let from = calls.length;
      while (from > first && calls[from - 1]!.at >= oldest) from--;
      const recent = calls.slice(from).map(({ call }) => call);
      const reading = (value: number | undefined, samples = recent.length) => [{ value, samples, labels: {} }];
      const share = (hits: number, samples: number) => reading(samples === 0 ? undefined : hits / samples, samples);
      const attempts = recent.reduce((sum, { retries }) => sum + 1 + retries, 0);
      const count = (isHit: (call: SimulatedCall) => boolean) => recent.filter(isHit).length;
      switch (metric) {
        case "error_rate":
          return share(
            count(({ outcome }) => outcome !== "success"),
            recent.length,
          );
        case "server_error_rate":
          return share(
            count(({ outcome }) => outcome === "server_error"),
            attempts,
          );
        case "rate_limit_rate":
          return share(
            recent.reduce((sum, { retries, outcome }) => sum + retries + Number(outcome === "rate_limited"), 0),
            attempts,
          );
        case "cost_rate": {
          const observedMs = Math.max(1, Math.min(windowMs, clock.monotonicMs()));
          const usd = recent.reduce((sum, call) => sum + call.usd, 0);
          return reading(((usd / usdPerHour) * 3_600_000) / Math.max(observedMs, 3_600_000));
        }
        case "quality": {
          const scores = recent.flatMap(({ score }) => score ?? []);
          return share(
            scores.reduce((sum, score) => sum + score, 0),
            scores.length,
          );
        }
        default: {
          const sorted = recent
            .filter(({ outcome }) => outcome === "success" || outcome === "timeout")
            .map(({ seconds }) => seconds)
            .sort((a, b) => a - b);
          const q = Number(metric.slice(-2)) / 100;
          return [
            {
              value: sorted[Math.floor(q * (sorted.length - 1))],
              samples: sorted.length,
              labels: {},
              ...(above !== undefined && { above: sorted.filter((seconds) => seconds > above).length }),
            },
          ];
        }
      }
    },
  };
}
