import type { TraceRecord } from "../core/record.ts";
import type { Sink } from "../sinks/sink.ts";
import { predicate } from "./predicate.ts";
import { checkSink, withPrepare } from "./with-prepare.ts";

/**
 * The sink with only the records for which `keep` answers true; the others are counted as `sampledOut`.
 *
 * `keep` gets each record once, frozen, span or score, as its batch is formed and not in the caller's turn. Its answer is
 * taken as a condition takes it. When it throws, or answers with a promise, the record is dropped and counted as
 * `policy_failed`: what nobody has passed does not leave. Throws a `ConfigError` when `keep` is no function, or `async`.
 *
 * Wrappers are passed from the outside in: `filter(mask(sink, rules), keep)` sees the record before it is masked.
 *
 * @example
 * const calls = filter(fileSink({ path: "calls.ndjson" }), (record) => record.record === "span" && record.type === "generation");
 * configure({ sinks: [consoleSink(), calls] });
 */
export function filter(sink: Sink, keep: (record: TraceRecord) => boolean): Sink {
  checkSink("filter", sink);
  const isWanted = predicate("filter(sink, keep): keep", keep);
  return withPrepare(sink, (record) => (isWanted(record) ? record : undefined));
}
