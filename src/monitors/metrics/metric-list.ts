import type { Metric } from "../reading.ts";

/** What `metrics()` can be asked for. Shares are of 1; `samples` are the calls, attempts or amounts that a figure is made of. */
export const METRICS: readonly Metric[] = [
  metric("latency_p50", "seconds", "Half of the calls that were answered, or given up for their time, took no longer."),
  metric("latency_p95", "seconds", "95 of 100 such calls took no longer."),
  metric("latency_p99", "seconds", "99 of 100 such calls took no longer."),
  metric("first_chunk_p50", "seconds", "Half of the streams began no later."),
  metric("first_chunk_p95", "seconds", "95 of 100 streams began no later."),
  metric("error_rate", "share", "Calls that failed, timeouts and 429 among them; a caller's abort is no failure."),
  metric("timeout_rate", "share", "Calls that got no answer in time."),
  metric(
    "rate_limit_rate",
    "share",
    "HTTP requests that were answered 429, those that a client tried again among them.",
  ),
  metric("server_error_rate", "share", "HTTP requests that were answered 5xx, or not at all."),
  metric("calls_per_minute", "per_minute", "Model calls that ended."),
  metric("tokens_per_minute", "per_minute", "Input and output tokens, where the answer tells them."),
  metric("token_quota_used", "share", "Of the tokens per minute, by the provider's headers or as configured."),
  metric("request_quota_used", "share", "Of the requests per minute, by the provider's headers or as configured."),
  metric(
    "usd_per_hour",
    "usd_per_hour",
    "What the window cost, as it would be for an hour; calls of unknown cost left out.",
  ),
  metric("in_flight", "count", "Calls that have begun and not ended."),
  metric("queued", "count", "Calls that wait to be made, where `queued` is given."),
  metric("circuit_open", "count", "1 when the circuit is open, else 0, where `circuit` is given."),
  metric("unpriced_rate", "share", "Calls that cost what nobody knows."),
];

function metric(name: string, unit: Metric["unit"], description: string): Metric {
  return { name, unit, description };
}
