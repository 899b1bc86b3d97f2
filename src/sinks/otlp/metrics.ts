import { systemClock, toNanos } from "../../core/clock.ts";
import { SinkError } from "../../core/errors.ts";
import { debug, guard, swallow } from "../../core/guard.ts";
import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import { suppress } from "../../core/suppress.ts";
import { measurementsOf } from "../../semconv/metrics.ts";
import { profileOf, schemaUrlOf } from "../../semconv/profile.ts";
import type { Sink } from "../sink.ts";
import { keyValues } from "./any-value.ts";
import { otlpChannel } from "./channel.ts";
import { checkedAttributes } from "./form.ts";
import type { Metric, MetricsData } from "./messages.ts";
import { metricsSettings, type OtlpMetricsOptions } from "./metrics-options.ts";
import { CUMULATIVE, createMetricStore, DELTA } from "./metrics-store.ts";
import { resourceOf } from "./resource.ts";
import { SCOPE } from "./scope.ts";

export type { OtlpMetricsOptions };

/** OTLP's own limit: metrics cannot be halved. */
const MAX_BODY_BYTES = 64 * 1024 ** 2;
/** Until a post gets through. */
const UNPOSTED = "what has been counted could not be posted in time";
/** Spans that are known to be counted: a later record of one, such as of a run with more steps, counts nothing again. */
const MAX_COUNTED = 10_000;

/**
 * Counts model calls, agents and tools, and posts the metrics of OpenTelemetry's GenAI conventions to `/v1/metrics`:
 * tokens, durations, times to the first chunk. Every `intervalMs`, on `flush()` and at shutdown.
 *
 * Traces that `sampleRate` leaves out are counted too, which is why they are recorded when this sink is there; the other
 * sinks do not get them. Each span is counted once, when it has ended. A post that fails loses nothing: its figures are in
 * the next one. One whose answer got lost may be counted twice with `delta`, never with `cumulative`. What cannot be posted
 * by the end of the process is lost: `stats()` has the reason as `lastError`.
 *
 * Without an address, OpenTelemetry's variables `OTEL_EXPORTER_OTLP_…` say where and how.
 *
 * @throws ConfigError for an address, header, option or variable that cannot be used, and for credentials over plain http
 * @example
 * import { otlpMetrics } from "sightline/sinks/otlp";
 * configure({ sinks: [sink, otlpMetrics({ endpoint: "https://collector.example", headers: { "x-api-key": key } })] });
 */
export function otlpMetrics(options: OtlpMetricsOptions = {}): Sink {
  const { env } = process;
  const { isDelta, intervalMs, maxSeries } = metricsSettings(options, env);
  const { clock = systemClock, profile = profileOf(env), metricsEndpoint } = options;
  const connect = (more: object) =>
    otlpChannel("otlpMetrics", "metrics", { ...options, ...more }, metricsEndpoint, env);
  const name = options.name ?? `otlp-metrics:${connect({}).host}`;
  const channel = connect({ name, maxBodyBytes: MAX_BODY_BYTES });
  const resource = resourceOf(checkedAttributes("otlpMetrics", options.resource ?? {}), env);
  const schemaUrl = schemaUrlOf(profile);

  const counted = new Set<string>();
  let store = createMetricStore(maxSeries);
  /** From when on the store counts; the same for good with `cumulative`. */
  let start = now();
  /** Something has been counted that no receiver has taken yet. */
  let hasNews = false;
  let timer: NodeJS.Timeout | undefined;
  /** Configurations that use it; the next one opens it before the previous one closes it. */
  let openers = 0;
  let attempt: AbortController | undefined;
  let last: Promise<void> = Promise.resolve();
  let lastError: string | undefined;

  function now(): string {
    return toNanos(clock.epochMs());
  }

  function count(record: SpanRecord): void {
    const key = record.traceId + record.spanId;
    if (counted.has(key)) return;
    const measurements = measurementsOf(record, profile);
    if (measurements.length === 0) return;
    counted.add(key);
    if (counted.size > MAX_COUNTED) counted.delete(counted.values().next().value!);
    for (const measurement of measurements) store.add(measurement);
    hasNews = true;
  }

  function schedule(ms: number): void {
    timer ??= setTimeout(tick, ms).unref();
  }

  /** With `cumulative`, what has not changed is told again: a receiver takes silence for the end of the process. */
  function tick(): void {
    const own = timer;
    let waitMs = intervalMs;
    suppress(() => exported(() => hasNews || !isDelta))
      .catch((error: unknown) => {
        if (error instanceof SinkError) waitMs = Math.max(intervalMs, error.retryAfterMs ?? 0);
      })
      .then(() => {
        // Closed meanwhile; a timer that is there now is of a write after that.
        if (timer !== own) return;
        timer = undefined;
        schedule(waitMs);
      })
      .catch(swallow);
  }

  /** Posts what is new. Nothing begins, and what is under way ends, when the signal comes. */
  async function posted(signal: AbortSignal | undefined): Promise<void> {
    const isOver = () => signal?.aborted === true;
    const abort = () => {
      if (hasNews || attempt !== undefined) lastError = UNPOSTED;
      attempt?.abort();
    };
    if (isOver()) return abort();
    signal?.addEventListener("abort", abort);
    try {
      await exported(() => hasNews && !isOver());
    } finally {
      signal?.removeEventListener("abort", abort);
      if (isOver() && hasNews) lastError = UNPOSTED;
    }
  }

  /** One post after the other, as each begins where the one before it ended. */
  function exported(isDue: () => boolean): Promise<void> {
    const turn = last.then(() => (isDue() && !store.isEmpty ? send() : undefined));
    last = turn.catch(() => {});
    return turn;
  }

  async function send(): Promise<void> {
    const sent = store;
    const end = later(start, now());
    hasNews = false;
    if (isDelta) store = createMetricStore(maxSeries);
    attempt = new AbortController();
    try {
      const metrics = sent.metrics({ start, end, temporality: isDelta ? DELTA : CUMULATIVE });
      const { rejected, message } = await channel.send(dataOf(metrics), attempt.signal);
      lastError = rejected > 0 || message !== "" ? `the receiver rejected ${rejected} points: ${message}` : undefined;
      if (isDelta) start = end;
    } catch (error) {
      hasNews = true;
      if (isDelta) {
        sent.absorb(store);
        store = sent;
      }
      lastError = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      attempt = undefined;
      if (lastError !== undefined) debug(`${name}: ${lastError}`);
    }
  }

  function dataOf(metrics: readonly Metric[]): MetricsData {
    const url = schemaUrl === undefined ? {} : { schemaUrl };
    const scopeMetrics = [{ scope: SCOPE, metrics, ...url }];
    return { resourceMetrics: [{ resource: { attributes: keyValues(resource) }, scopeMetrics, ...url }] };
  }

  return {
    name,
    policy: { unsampled: true },
    write(batch: readonly TraceRecord[]) {
      for (const record of batch) {
        if (record.record === "span") guard(() => count(record), undefined);
      }
      if (hasNews) schedule(intervalMs);
    },
    flush: posted,
    open() {
      openers++;
    },
    async close(signal) {
      openers = Math.max(0, openers - 1);
      if (openers > 0) return;
      clearTimeout(timer);
      timer = undefined;
      await posted(signal);
    },
    stats: () => ({ replayed: 0, spooled: 0, dropped: {}, ...(lastError !== undefined && { lastError }) }),
  };
}

/** A wall clock may have been set back. */
function later(a: string, b: string): string {
  return BigInt(a) > BigInt(b) ? a : b;
}
