import { ConfigError } from "../core/errors.ts";
import { isSampledAt, samplingThreshold } from "../core/sampling.ts";
import type { Sink } from "../sinks/sink.ts";
import { checkSink, withPrepare } from "./with-prepare.ts";

/**
 * The sink with a share of the traces, from 0 to 1; the other records are counted as `sampledOut`.
 *
 * Decided by the last 56 bits of the trace id, as `sampleRate` is: a trace comes whole or not at all, its scores with it,
 * two processes decide alike, and a lower rate keeps part of what a higher one keeps. So the lower of `sampleRate` and
 * `rate` counts, not their product. Scores of sessions, which have no trace id, all come.
 *
 * Throws a `ConfigError` for a rate that is none.
 *
 * @example
 * configure({ sinks: [fileSink({ path: "traces.ndjson" }), sample(consoleSink(), 0.1)] });
 */
export function sample(sink: Sink, rate: number): Sink {
  checkSink("sample", sink);
  if (typeof rate !== "number" || !(rate >= 0 && rate <= 1)) {
    throw new ConfigError("CONFIG_BAD_VALUE", `sample(sink, rate) takes a number from 0 to 1; it got ${String(rate)}.`);
  }
  const threshold = samplingThreshold(rate);
  return withPrepare(sink, (record) =>
    record.traceId === undefined || isSampledAt(record.traceId, threshold) ? record : undefined,
  );
}
