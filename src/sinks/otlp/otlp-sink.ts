import { systemClock } from "../../core/clock.ts";
import { SinkError } from "../../core/errors.ts";
import { debug } from "../../core/guard.ts";
import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import { finalSpans } from "../final-spans.ts";
import { checkOptions } from "../options.ts";
import type { Sink, WriteResult } from "../sink.ts";
import { logsBeside, withLogsAddress } from "./address.ts";
import { CHANNEL_OPTIONS, type OtlpChannel, type OtlpChannelOptions, otlpChannel } from "./channel.ts";
import { FORM_OPTIONS, type OtlpFormOptions, otlpForm } from "./form.ts";

export interface OtlpSinkOptions extends OtlpChannelOptions, OtlpFormOptions {
  /** The whole address for spans, as it is. Default: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or `v1/traces` below `endpoint`. */
  tracesEndpoint?: string | URL;
  /** The whole address for scores and findings. Default: `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, or `v1/logs` where `v1/traces` is. */
  logsEndpoint?: string | URL;
  /** `false`: scores, findings and contents as events are not for this sink. Default true. */
  logs?: boolean;
}

type Rejected = NonNullable<WriteResult["rejected"]>;

/** A receiver without `/v1/logs` is asked again after that: it may have been a deployment. */
const UNSUPPORTED_MS = 600_000;
/** Spans accepted in batches whose log records were not. */
const MAX_ACCEPTED = 10_000;

/**
 * Sends OTLP over HTTP, spans to `/v1/traces` and scores and findings as events to `/v1/logs`: to an OpenTelemetry
 * collector, or to any backend that takes OTLP.
 *
 * 429, 502, 503, 504 and failed connections mean later, after `Retry-After` where it is given; 413 halves the batch; any
 * other answer drops it. What an accepting answer rejects is counted and not sent again. A receiver that has no
 * `/v1/logs` (404, 405, 501) still gets the spans. A span that is open for longer than `maxOpenMs` is sent once: when it
 * has ended, or at the latest on `flush()`.
 *
 * Without an address, OpenTelemetry's variables `OTEL_EXPORTER_OTLP_…` say where and how.
 *
 * @param env the variables; default: those of the process
 * @throws ConfigError for an address, header, option or variable that cannot be used, and for credentials over plain http
 * @example
 * import { otlpSink } from "sightline/sinks/otlp";
 * configure({ sinks: [otlpSink({ endpoint: "https://collector.example", headers: { "x-api-key": key } })] });
 */
export function otlpSink(options: OtlpSinkOptions = {}, env: NodeJS.ProcessEnv = process.env): Sink {
  checkOptions("otlpSink", options, {
    ...CHANNEL_OPTIONS,
    ...FORM_OPTIONS,
    tracesEndpoint: "any",
    logsEndpoint: "any",
    logs: "boolean",
  });
  const { clock = systemClock } = options;
  const traces = otlpChannel("otlpSink", "traces", options, options.tracesEndpoint, env);
  const name = options.name ?? `otlp:${traces.host}`;
  const logs = logsChannel({ ...options, name }, env);
  const form = otlpForm("otlpSink", options, env);
  /** Spans that the receiver has, of batches that are not through, with why it rejected them. */
  const accepted = new Map<string, string | undefined>();
  let unsupportedUntil = Number.NEGATIVE_INFINITY;

  async function write(batch: readonly TraceRecord[], signal: AbortSignal): Promise<WriteResult | undefined> {
    const spans = batch.filter((record) => record.record === "span");
    await sendSpans(
      spans.filter((span) => !accepted.has(keyOf(span))),
      signal,
    );
    const rejected = [...(await sendLogs(batch, spans.length > 0, signal))];
    for (const span of spans) {
      const reason = accepted.get(keyOf(span));
      if (reason !== undefined) rejected.push({ spanId: span.spanId, reason });
      accepted.delete(keyOf(span));
    }
    return rejected.length === 0 ? undefined : { rejected };
  }

  async function sendSpans(spans: readonly SpanRecord[], signal: AbortSignal): Promise<void> {
    if (spans.length === 0) return;
    const { rejected, reason } = await send(traces, form.traces(spans), signal);
    for (const [oldest] of accepted) {
      if (accepted.size + spans.length <= MAX_ACCEPTED) break;
      accepted.delete(oldest);
    }
    // The answer does not say which: their number is what counts.
    for (const [i, span] of spans.entries()) accepted.set(keyOf(span), i < rejected ? reason : undefined);
  }

  /** The records that the receiver does not take. Rejects when the batch may be sent again. */
  async function sendLogs(batch: readonly TraceRecord[], hasSpans: boolean, signal: AbortSignal): Promise<Rejected> {
    const refuse = (count: number, reason: string): Rejected =>
      batch
        .filter((record) => record.record !== "span")
        .slice(0, count)
        .map(({ spanId = "" }) => ({ spanId, reason }));
    // Only where nobody asked for the policy before.
    if (logs === undefined) return refuse(batch.length, "the receiver for log records is not known");
    const data = form.logs(batch);
    if (data.resourceLogs.length === 0) return [];
    if (clock.monotonicMs() < unsupportedUntil) return refuse(batch.length, "the receiver has no /v1/logs");
    try {
      const { rejected, reason } = await send(logs, data, signal);
      return refuse(rejected, reason);
    } catch (error) {
      const { retry, code, message } = error as SinkError;
      const isUnsupported = error instanceof SinkError && code === "OTLP_UNSUPPORTED";
      if (isUnsupported) unsupportedUntil = clock.monotonicMs() + UNSUPPORTED_MS;
      // The spans are through: only the others are lost.
      else if (!(error instanceof SinkError) || retry !== "never" || !hasSpans) throw error;
      debug(`${name}: scores and findings are not taken: ${message}`);
      return refuse(batch.length, message);
    }
  }

  async function send(channel: OtlpChannel, data: Parameters<OtlpChannel["send"]>[0], signal: AbortSignal) {
    const { rejected, message } = await channel.send(data, signal);
    const reason = message || "rejected";
    if (rejected > 0 || message !== "") debug(`${name}: the receiver rejected ${rejected}: ${reason}`);
    return { rejected, reason };
  }

  const sink: Sink = {
    name,
    get destination() {
      return traces.fingerprint;
    },
    write,
    ...(logs === undefined && { policy: { prepare: (record) => (record.record === "span" ? record : undefined) } }),
  };
  return finalSpans(sink, { clock });
}

/** `undefined`: log records have no place to go. */
function logsChannel(options: OtlpSinkOptions, env: NodeJS.ProcessEnv): OtlpChannel | undefined {
  const {
    endpoint,
    tracesEndpoint,
    logs,
    logsEndpoint = tracesEndpoint && logsBeside(String(tracesEndpoint)),
  } = options;
  const isGiven = endpoint !== undefined || logsEndpoint !== undefined;
  const variables = isGiven ? env : tracesEndpoint === undefined ? withLogsAddress(env) : undefined;
  if (logs === false || variables === undefined) return undefined;
  const own = endpoint === undefined ? logsEndpoint : options.logsEndpoint;
  return otlpChannel("otlpSink", "logs", options, own, variables);
}

function keyOf({ traceId, spanId, seq }: SpanRecord): string {
  return `${traceId}${spanId}${seq}`;
}
