import { runIn } from "./context.ts";
import { SUPPRESSED } from "./non-recording-span.ts";
import { activeRuntime } from "./runtime.ts";
import { suppressOpenTelemetry } from "./suppress-opentelemetry.ts";

/**
 * Runs `fn` with tracing silent: nothing inside is recorded, neither by us nor by OpenTelemetry's instrumentation. Our own
 * exports run in it. While tracing is off, `fn` just runs.
 */
export function suppress<T>(fn: () => T): T {
  const runtime = activeRuntime();
  return runtime === null ? fn() : runIn(runtime.carrier, SUPPRESSED, () => suppressOpenTelemetry(fn));
}
