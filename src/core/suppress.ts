import { activeRuntime } from "./runtime.ts";
import { SUPPRESSED } from "./span.ts";

/** Runs `fn` with tracing silent: nothing inside is recorded. Our own exports run in it. */
export function suppress<T>(fn: () => T): T {
  const runtime = activeRuntime();
  return runtime === null ? fn() : runtime.carrier.run(SUPPRESSED, fn);
}
