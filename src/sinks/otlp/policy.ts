import type { SinkPolicy } from "../sink.ts";

/** How a lane sends to a receiver of OTLP. By itself, as it is known before the sink's code is loaded. */
export const OTLP_POLICY: SinkPolicy = {
  // A request takes half a millisecond of ours and some turns of the event loop, while records wait.
  batchRecords: 1_024,
  // An answer takes two turns of the event loop at least: so many requests carry bursts of 5,000 spans in each of them.
  concurrency: 8,
};
