import assert from "node:assert/strict";
import { configure, flush, memorySink, type Options, type SpanRecord, shutdown, stats } from "sightline";

/** The spans of what `fn` does, in the order in which they ended; our own faults fail the test. */
export async function recordedSpans(fn: () => unknown, options: Options = {}): Promise<SpanRecord[]> {
  const sink = memorySink();
  configure({ sinks: [sink], prices: false, ...options });
  try {
    await fn();
    await flush();
    const { internalErrors, lateUpdates, open } = stats();
    assert.deepEqual({ internalErrors, lateUpdates, open }, { internalErrors: 0, lateUpdates: 0, open: 0 });
  } finally {
    await shutdown();
  }
  return sink.records.filter((record): record is SpanRecord => record.record === "span");
}
