import type { CallWatch } from "../../core/call-watch.ts";
import { type Checks, checkOptions, isClock, isFunction } from "../../core/check-options.ts";
import { type Clock, checkedClock, systemClock } from "../../core/clock.ts";
import { ConfigError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import type { TraceRecord } from "../../core/record.ts";
import type { Sink } from "../../sinks/sink.ts";
import { checkQuery } from "../check-query.ts";
import { idWindow } from "../id-window.ts";
import { newCall, readCall } from "../model-call.ts";
import type { Source, WindowRange } from "../reading.ts";
import { FIGURES } from "./figures.ts";
import { newInFlight } from "./in-flight.ts";
import { type Circuit, newLive, type Quota } from "./live.ts";
import { METRICS } from "./metric-list.ts";
import { FINE_MS, LONGEST_WINDOW_MS } from "./series.ts";
import { type MetricsSnapshot, snapshotOf } from "./snapshot.ts";
import { newStore } from "./store.ts";

export interface MetricsOptions {
  /** Of `snapshot()` and the dashboard: milliseconds, ten seconds to an hour. Default: five minutes. */
  windowMs?: number;
  /** What the provider allows, where its rate-limit headers do not say: for all calls together. */
  quota?: Quota;
  /** Calls that wait to be made, such as `() => limit.pendingCount` of p-limit. */
  queued?: () => number;
  /** The state of your circuit breaker. */
  circuit?: () => Circuit;
  /** Groups of each dimension; what comes beyond them is counted as `other`. Default: 30. */
  maxGroups?: number;
  /** Of the percentiles, relative: 0.001 to 0.2. Default: 0.01. */
  accuracy?: number;
  clock?: Clock;
  name?: string;
}

/** A sink that counts model calls, and tells what it has counted. */
export interface Metrics extends Sink, Source {
  readonly modelCalls: CallWatch;
  write(batch: readonly TraceRecord[]): void;
  writeSync(batch: readonly TraceRecord[]): void;
  snapshot(): MetricsSnapshot;
}

const DEFAULT_WINDOW_MS = 300_000;
const DEFAULT_GROUPS = 30;
const DEFAULT_ACCURACY = 0.01;
/** More bins than this of one slice are no sketch any more; fewer say nothing. */
const MOST_ACCURATE = 0.001;
const LEAST_ACCURATE = 0.2;
const MAX_GROUPS = 1_000;
const WINDOWS: WindowRange = { leastMs: FINE_MS, mostMs: LONGEST_WINDOW_MS };

/**
 * Latency, errors, rates and money of the model calls of this process in sliding windows, as a whole and by model, feature,
 * team and user. A source for `alerts`, and a sink that sees calls that sampling leaves out too.
 *
 * Calls are counted as their records arrive, each span once among the last 100,000, and windows run on the monotonic clock:
 * a wall clock that jumps changes nothing. Windows reach from ten seconds to an hour; one has nothing older than itself and
 * one slice (ten seconds up to five minutes, three minutes beyond). Percentiles are within 1 % of a time that was measured
 * (a DDSketch), of calls that were answered or timed out. What is not known, such as the price of a new model, is left
 * out and shows as `unpriced_rate`; it never counts as zero.
 *
 * Rates divide by the time observed, but by one minute at least (`usd_per_hour`: ten minutes), or the window if that is
 * shorter. A group that takes the place of another is observed from then on. Memory is fixed: at most 220 kB for each group, 33 MB for the default caps, in practice a tenth.
 *
 * @throws ConfigError for options that make no sense; `read` for a metric, window or dimension that there is not
 * @example
 * import { metrics } from "sightline/monitors";
 * const watched = metrics({ quota: { requestsPerMinute: 500, tokensPerMinute: 200_000 } });
 * configure({ sinks: [consoleSink(), watched] });
 * watched.read("latency_p95", { windowMs: 300_000, by: "model" });
 * // [{ value: 2.13, samples: 412, labels: { model: "gpt-4.1-2025-04-14" }, traces: ["0193489c…"] }]
 * watched.snapshot().all.metrics["error_rate"]; // 0.012
 */
export function metrics(options: MetricsOptions = {}): Metrics {
  checkOptions("metrics", options, CHECKS);
  checkQuota(options.quota);
  const { maxGroups = DEFAULT_GROUPS, accuracy = DEFAULT_ACCURACY, quota, queued, circuit } = options;
  const windowMs = options.windowMs ?? DEFAULT_WINDOW_MS;
  const clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
  const ids = idWindow();
  const store = newStore({ accuracy, maxGroups, startMs: clock.monotonicMs(), ids });
  const inFlight = newInFlight();
  const live = newLive({ store, inFlight, quota, queued, circuit, maxGroups });
  /** The same for all records, so that there is no object for each. */
  const call = newCall();

  const take = (record: TraceRecord, nowMs: number): void => {
    if (readCall(record, call) && call.status !== "refused") store.add(call, nowMs);
  };

  const write = (batch: readonly TraceRecord[]): void => {
    // Whole, as an integer costs no object where it is handed on.
    const nowMs = Math.floor(clock.monotonicMs());
    let at = 0;
    // A record that nobody can read costs itself, not the rest.
    while (at < batch.length) {
      guard(() => {
        while (at < batch.length) take(batch[at++]!, nowMs);
      }, undefined);
    }
    store.flush(nowMs);
  };

  return {
    name: options.name ?? "metrics",
    policy: { unsampled: true },
    metrics: METRICS,
    windows: WINDOWS,
    modelCalls: inFlight.watch,
    write,
    writeSync: write,
    read(metric, query) {
      checkQuery("metrics()", metric, query, METRICS, WINDOWS);
      const nowMs = clock.monotonicMs();
      const figure = Object.hasOwn(FIGURES, metric) ? FIGURES[metric] : undefined;
      if (figure === undefined) return live.read(metric, query, nowMs);
      return store.measure(query, nowMs).map(({ labels, measured }) => ({ ...figure(measured), labels }));
    },
    snapshot() {
      const { bytes, ...memory } = store.memory();
      const taken = { ids: ids.size, bytes: bytes + ids.bytes };
      const times = { windowMs, nowMs: clock.monotonicMs(), epochMs: clock.epochMs() };
      return snapshotOf(store, live, times, { counted: store.counted(), memory: { ...memory, ...taken } });
    },
  };
}

const within =
  (least: number, most: number, isRight: (value: number) => boolean = Number.isFinite) =>
  (value: unknown): boolean =>
    typeof value === "number" && isRight(value) && value >= least && value <= most;

const CHECKS: Checks<MetricsOptions> = {
  windowMs: [within(FINE_MS, LONGEST_WINDOW_MS), "milliseconds from 10000 to 3600000"],
  quota: [(value) => typeof value === "object" && value !== null, "{ requestsPerMinute, tokensPerMinute }"],
  queued: [isFunction, "a function that returns a number"],
  circuit: [isFunction, 'a function that returns "closed", "open" or "half_open"'],
  maxGroups: [within(1, MAX_GROUPS, Number.isInteger), `a whole number from 1 to ${MAX_GROUPS}`],
  accuracy: [within(MOST_ACCURATE, LEAST_ACCURATE), `a share from ${MOST_ACCURATE} to ${LEAST_ACCURATE}`],
  clock: [isClock, "a clock with epochMs() and monotonicMs()"],
  name: [(value) => typeof value === "string" && value !== "", "a text"],
};

function checkQuota(quota: Quota | undefined): void {
  if (quota === undefined) return;
  checkOptions("metrics({ quota })", quota, {
    requestsPerMinute: [within(Number.MIN_VALUE, Number.MAX_VALUE), "a number above zero"],
    tokensPerMinute: [within(Number.MIN_VALUE, Number.MAX_VALUE), "a number above zero"],
  });
  if (Object.keys(quota).length > 0) return;
  const way = "Give requestsPerMinute, tokensPerMinute or both.";
  throw new ConfigError("CONFIG_BAD_VALUE", `metrics({ quota: {} }) says nothing. ${way}`);
}
