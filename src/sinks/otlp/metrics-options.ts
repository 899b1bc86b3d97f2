import { ConfigError } from "../../core/errors.ts";
import type { Attributes } from "../../semconv/attributes.ts";
import { PROFILES, type Profile } from "../../semconv/profile.ts";
import { checkOptions } from "../options.ts";
import { CHANNEL_OPTIONS, type OtlpChannelOptions } from "./channel.ts";

export interface OtlpMetricsOptions extends Omit<OtlpChannelOptions, "maxBodyBytes"> {
  /** The whole address, as it is. Default: `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT`, or `v1/metrics` below `endpoint`. */
  metricsEndpoint?: string | URL;
  /**
   * `cumulative`: each point counts from the start, as Prometheus and its like want it. `delta`: since the last point that
   * was taken. Default: `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`, or `cumulative`.
   */
  temporality?: "cumulative" | "delta";
  /** Milliseconds from one post to the next. Default: `OTEL_METRIC_EXPORT_INTERVAL`, or 60,000. */
  intervalMs?: number;
  /** Sets of attributes of one metric that are told apart; the rest counts together. Default 2,000, as OpenTelemetry has it. */
  maxSeries?: number;
  /** Over `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and what is detected. */
  resource?: Attributes;
  /** Which generation of GenAI names. Default: `1.41`, or `latest` where `OTEL_SEMCONV_STABILITY_OPT_IN` asks for it. */
  profile?: Profile;
}

export interface MetricsSettings {
  readonly isDelta: boolean;
  readonly intervalMs: number;
  readonly maxSeries: number;
}

const INTERVAL_MS = 60_000;
/** OpenTelemetry's default cardinality limit. */
const MAX_SERIES = 2_000;
/** `setTimeout` takes no more than 31 bits: beyond, it fires after 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** @throws ConfigError for an option or variable that makes no sense */
export function metricsSettings(options: OtlpMetricsOptions, env: NodeJS.ProcessEnv): MetricsSettings {
  const { maxBodyBytes: _, ...channel } = CHANNEL_OPTIONS;
  checkOptions("otlpMetrics", options, {
    ...channel,
    metricsEndpoint: "any",
    temporality: ["cumulative", "delta"],
    intervalMs: "positive",
    maxSeries: "positive",
    resource: "object",
    profile: PROFILES,
  });
  return {
    isDelta: (options.temporality ?? readTemporality(env)) === "delta",
    intervalMs: Math.min(options.intervalMs ?? readInterval(env), MAX_TIMER_MS),
    maxSeries: options.maxSeries ?? MAX_SERIES,
  };
}

/** `lowmemory` is delta for counters and histograms, and there are no others. */
function readTemporality(env: NodeJS.ProcessEnv): "cumulative" | "delta" {
  const name = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
  const written = env[name]?.trim().toLowerCase();
  if (!written || written === "cumulative") return "cumulative";
  if (written === "delta" || written === "lowmemory") return "delta";
  throw bad(`${name} takes cumulative, delta or lowmemory; it is "${env[name]}".`);
}

function readInterval(env: NodeJS.ProcessEnv): number {
  const name = "OTEL_METRIC_EXPORT_INTERVAL";
  const written = env[name]?.trim();
  if (!written) return INTERVAL_MS;
  const ms = Number(written);
  if (Number.isFinite(ms) && ms > 0) return ms;
  throw bad(`${name} takes a number of milliseconds above zero; it is "${env[name]}".`);
}

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_BAD_VARIABLE", message);
}
