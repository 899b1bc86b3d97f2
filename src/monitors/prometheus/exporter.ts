import type { IncomingMessage, ServerResponse } from "node:http";
import { checkedClock, systemClock } from "../../core/clock.ts";
import { guard, swallow } from "../../core/guard.ts";
import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import { measurementsOf } from "../../semconv/metrics.ts";
import type { Sink } from "../../sinks/sink.ts";
import { idWindow } from "../id-window.ts";
import { modelCallOf } from "../model-call.ts";
import { callTotals } from "./call-totals.ts";
import { CONTENT_TYPES, exposition, type Form, formOf } from "./exposition.ts";
import { gaugeFamilies } from "./gauges.ts";
import { genAiTotals } from "./gen-ai-totals.ts";
import { baseOf, type PrometheusOptions, prometheusSettings } from "./options.ts";

export interface PrometheusSink extends Sink {
  /** Everything as it is now, in Prometheus's text format; with `openmetrics` in that one, which has exemplars. */
  text(form?: Form): Promise<string>;
  /** Of `text()`. */
  readonly contentType: string;
  /** The answer to a scrape, in the form that its `Accept` header asks for: for servers that `handler` does not fit. */
  scrape(accept?: string): Promise<{ readonly contentType: string; readonly body: string }>;
  /** Answers scrapes in a server of `node:http` or Express. Never rejects. It asks for no password. */
  handler(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** A group of model, feature and team has a series for each of the ways in which a call ends. */
const SERIES_OF_GROUP = 5;

/**
 * Counts model calls for Prometheus, since the start of the process: the metrics of OpenTelemetry's GenAI conventions, and
 * `sightline_model_calls_total`, `sightline_http_attempts_total`, `sightline_tokens_total`, `sightline_cost_usd_total`,
 * `sightline_unpriced_calls_total`, `sightline_call_duration_seconds`, `sightline_first_chunk_seconds` by model, feature and team. What
 * `sources` tell is read at each scrape and shown as gauges.
 *
 * Each span is counted once within a window of 100,000 ids, when it has ended, whatever the sampling rate. The buckets of
 * histograms have the trace that came last as exemplar, where that trace is sampled and the scraper takes OpenMetrics.
 * Users are no labels. Needs the package `prom-client`.
 *
 * @throws ConfigError for an option that makes no sense, and for two metrics of one name
 * @example
 * const { prometheus } = await import("sightline/monitors/prometheus");
 * const { createServer } = await import("node:http");
 * const exporter = prometheus({ labels: { service: "tutor" } });
 * configure({ sinks: [sink, exporter] });
 * const scraped = createServer(exporter.handler); // scraped.listen(9464, "127.0.0.1")
 */
export function prometheus(options: PrometheusOptions = {}): PrometheusSink {
  const { sources, profile, maxSeries, windowMs, prefix, labels } = prometheusSettings(options, process.env);
  const { name = "prometheus" } = options;
  const clock = options.clock === undefined ? systemClock : checkedClock(options.clock);
  const calls = callTotals(prefix, Math.floor(maxSeries / SERIES_OF_GROUP));
  const genAi = genAiTotals(maxSeries);
  const counted = idWindow();

  function count(record: SpanRecord): void {
    const call = modelCallOf(record);
    const measurements = measurementsOf(record, profile);
    if (call === undefined && measurements.length === 0) return;
    if (!counted.add(record.traceId, record.spanId)) return;
    const exemplar = exemplarOf(record);
    if (call !== undefined) calls.add(call, exemplar);
    for (const measurement of measurements) genAi.add(measurement, exemplar);
  }

  /** A trace that nobody keeps shows nothing. */
  function exemplarOf({ traceId, spanId, traceFlags }: SpanRecord) {
    if ((traceFlags & 1) === 0) return undefined;
    return { labelSet: { trace_id: traceId, span_id: spanId }, timestamp: clock.epochMs() / 1_000 };
  }

  function text(form: Form = "prometheus"): Promise<string> {
    const totals = [...calls.families(), ...genAi.families()];
    const taken = new Set(totals.flatMap((family) => [family.name, baseOf(family.name)]));
    return exposition([...totals, ...gaugeFamilies(sources, taken, { prefix, windowMs, maxSeries })], labels, form);
  }

  async function scrape(accept?: string): Promise<{ contentType: string; body: string }> {
    const form = formOf(accept);
    return { contentType: CONTENT_TYPES[form], body: await text(form) };
  }

  return {
    name,
    policy: { unsampled: true },
    write(batch: readonly TraceRecord[]) {
      for (const record of batch) {
        if (record.record === "span") guard(() => count(record), undefined);
      }
    },
    text,
    contentType: CONTENT_TYPES.prometheus,
    scrape,
    handler: (request, response) => answer(request, response, scrape).catch(swallow),
  };
}

async function answer(
  { method = "GET", headers }: IncomingMessage,
  response: ServerResponse,
  scrape: PrometheusSink["scrape"],
): Promise<void> {
  if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { allow: "GET, HEAD" }).end();
    return;
  }
  try {
    const { contentType, body } = await scrape(headers.accept);
    response.writeHead(200, { "content-type": contentType, vary: "accept" }).end(method === "HEAD" ? undefined : body);
  } catch (error) {
    if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain; charset=utf-8" });
    response.end("The metrics cannot be read; NODE_DEBUG=sightline says why.\n");
    throw error;
  }
}
