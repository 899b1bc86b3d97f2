import { runIn } from "./context.ts";
import { guard } from "./guard.ts";
import { SUPPRESSED } from "./non-recording-span.ts";

/** What `@opentelemetry/api` 1.x leaves on `globalThis` for all its copies, as far as it is used here. */
interface OtelGlobal {
  readonly context?: {
    active(): { getValue(key: symbol): unknown; setValue(key: symbol, value: unknown): unknown };
    with<T>(context: unknown, fn: () => T): T;
  };
}

const API = Symbol.for("opentelemetry.js.api.1");
/** The key of `suppressTracing` of `@opentelemetry/core`, in every version of it. */
export const SUPPRESS_TRACING: unique symbol = Symbol.for("OpenTelemetry SDK Context Key SUPPRESS_TRACING");

/**
 * Runs `fn` so that OpenTelemetry's instrumentation, where the host has it, makes no spans of what it does: as its own
 * span processors call exporters.
 */
export function suppressOpenTelemetry<T>(fn: () => T): T {
  const { context } = ((globalThis as { [API]?: OtelGlobal })[API] ?? {}) as OtelGlobal;
  const silent = context && guard(() => silenced(context.active()), undefined);
  if (silent === undefined) return fn();
  // It is somebody else's: whatever it does, `fn` runs once.
  return runIn({ get: () => undefined, run: (_, once) => context!.with(silent, once) }, SUPPRESSED, fn);
}

/** `undefined` where it is silent already: a carrier over OpenTelemetry's context has seen to it. */
function silenced(active: ReturnType<NonNullable<OtelGlobal["context"]>["active"]>): unknown {
  return active.getValue(SUPPRESS_TRACING) === true ? undefined : active.setValue(SUPPRESS_TRACING, true);
}
