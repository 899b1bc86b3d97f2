import { systemClock } from "../../core/clock.ts";
import { SinkError } from "../../core/errors.ts";
import { debug } from "../../core/guard.ts";
import type { TraceRecord } from "../../core/record.ts";
import { finalSpans } from "../final-spans.ts";
import { checkOptions } from "../options.ts";
import type { Sink, WriteResult } from "../sink.ts";
import { logsBeside, withLogsAddress } from "./address.ts";
import { CHANNEL_OPTIONS, type OtlpChannel, type OtlpChannelOptions, type OtlpData, otlpChannel } from "./channel.ts";
import { FORM_OPTIONS, type OtlpFormOptions, otlpForm } from "./form.ts";
import { logStep, type Rejected } from "./log-step.ts";
import type { LogsData } from "./messages.ts";
import { OTLP_POLICY } from "./policy.ts";
import { tracesBody } from "./traces-body.ts";

export interface OtlpSinkOptions extends OtlpChannelOptions, OtlpFormOptions {
  /** The whole address for spans, as it is. Default: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, or `v1/traces` below `endpoint`. */
  tracesEndpoint?: string | URL;
  /** The whole address for scores and findings. Default: `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT`, or `v1/logs` where `v1/traces` is. */
  logsEndpoint?: string | URL;
  /** `false`: scores, findings and contents as events are not for this sink. Default true. */
  logs?: boolean;
}

/** A receiver without `/v1/logs` is asked again after that: it may have been a deployment. */
const UNSUPPORTED_MS = 600_000;

/**
 * Sends OTLP over HTTP, spans to `/v1/traces` and scores and findings as events to `/v1/logs`: to an OpenTelemetry
 * collector, or to any backend that takes OTLP.
 *
 * 429, 502, 503, 504 and failed connections mean later, after `Retry-After` where it is given; 413 halves the batch; any
 * other answer drops it. What an accepting answer rejects is counted and not sent again. Log records come again without
 * spans that are through; refused for good, they cost no span, and a receiver that has no `/v1/logs` (404, 405, 501) still
 * gets those. A span that is open for longer than `maxOpenMs` is sent when it has
 * ended; one that does not goes as unfinished after ten minutes, or when the process ends. `flush()` leaves it alone.
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
  const bodyOf = tracesBody(form.spans, traces.isJson);
  const step = logStep(form);
  let unsupportedUntil = Number.NEGATIVE_INFINITY;

  async function write(batch: readonly TraceRecord[], signal: AbortSignal): Promise<WriteResult | undefined> {
    // What cannot be put into this form is found before anything has gone out.
    const data = logs === undefined ? undefined : form.logs(batch);
    const spans = step.unsent(batch);
    if (spans.length > 0) {
      const { rejected, reason } = await send(traces, bodyOf(spans), signal);
      // Where nothing follows that may fail, only what is rejected has to be known.
      const hasLogs = data !== undefined && data.resourceLogs.length > 0;
      step.through(hasLogs ? spans : spans.slice(0, rejected), rejected, reason);
    }
    try {
      return step.finish(batch, data === undefined ? unplaced(batch) : await sendLogs(batch, data, signal));
    } catch (error) {
      debug(`${name}: scores, findings and contents are not taken: ${(error as Error).message}`);
      const hasSpans = batch.some((record) => record.record === "span");
      return step.fail(batch, error, hasSpans || (await takesSpans(error, signal)));
    }
  }

  /** Asked with an empty request, which OTLP has accepted, when log records alone are refused: is it the key, or the address? */
  async function takesSpans(error: unknown, signal: AbortSignal): Promise<boolean> {
    if (!(error instanceof SinkError) || error.retry !== "never" || error.reason === "rejected_by_sink") return false;
    return traces.send({ resourceSpans: [] }, signal).then(
      () => true,
      () => false,
    );
  }

  /** Gives the records that the receiver rejects. */
  async function sendLogs(batch: readonly TraceRecord[], data: LogsData, signal: AbortSignal): Promise<Rejected> {
    if (data.resourceLogs.length === 0) return [];
    if (clock.monotonicMs() < unsupportedUntil) {
      const problem = `sink "${name}": the receiver has no /v1/logs`;
      throw new SinkError(problem, { retry: "never", code: "OTLP_UNSUPPORTED" });
    }
    try {
      const { rejected, reason } = await send(logs!, data, signal);
      return refuse(batch, reason).slice(0, rejected);
    } catch (error) {
      const isUnsupported = error instanceof SinkError && error.code === "OTLP_UNSUPPORTED";
      if (isUnsupported) unsupportedUntil = clock.monotonicMs() + UNSUPPORTED_MS;
      throw error;
    }
  }

  async function send(channel: OtlpChannel, data: OtlpData, signal: AbortSignal) {
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
    policy: {
      ...OTLP_POLICY,
      ...(logs === undefined && { prepare: (record) => (record.record === "span" ? record : undefined) }),
    },
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

/** Only where nobody asked for the policy before. */
function unplaced(batch: readonly TraceRecord[]): Rejected {
  return refuse(batch, "the receiver for log records is not known");
}

function refuse(batch: readonly TraceRecord[], reason: string): Rejected {
  return batch.filter((record) => record.record !== "span").map(({ spanId = "" }) => ({ spanId, reason }));
}
