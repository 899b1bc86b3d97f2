import { configure, flush, memorySink, type Options, shutdown } from "sightline";
import { fakeClock, sequentialIds } from "sightline/testing";

/** Runs `fn` with tracing into a fresh memory sink, a fake clock and sequential ids; returns the sink after a flush. */
export async function traced(
  fn: (clock: ReturnType<typeof fakeClock>) => unknown,
  options: Options = {},
): Promise<ReturnType<typeof memorySink>> {
  const sink = memorySink();
  const clock = fakeClock();
  configure({ sinks: [sink], clock, ids: sequentialIds(), ...options });
  try {
    await fn(clock);
    await flush();
  } finally {
    await shutdown();
  }
  return sink;
}
