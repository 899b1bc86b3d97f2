import { guard, swallow } from "./guard.ts";
import { type Runtime, slot } from "./runtime.ts";
import type { Span } from "./span.ts";

/** How the current span follows the program. AsyncLocalStorage by default; `clsHookedCarrier` for cls-hooked namespaces. */
export interface Carrier {
  get(): Span | undefined;
  run<T>(span: Span, fn: () => T): T;
}

/** The process-wide AsyncLocalStorage, shared by every loaded copy of the package. Only `run`, never `enterWith`. */
export const asyncLocalCarrier: Carrier = {
  get: () => slot.storage.getStore(),
  run: (span, fn) => slot.storage.run(span, fn),
};

/** What the context holds here, whatever a carrier that is somebody else's does. */
export function contextSpan(runtime: Runtime): Span | undefined {
  const { carrier } = runtime;
  return carrier === asyncLocalCarrier ? slot.storage.getStore() : guard(() => carrier.get(), undefined);
}

/** `carrier.run` with a carrier that may be somebody else's: whatever it does, `fn` runs once and its outcome is kept. */
export function runIn<T>(carrier: Carrier, span: Span, fn: () => T): T {
  if (carrier === asyncLocalCarrier) return slot.storage.run(span, fn);
  let outcome: { value: T } | { error: unknown } | undefined;
  const enter = (): T => {
    try {
      const value = fn();
      outcome = { value };
      return value;
    } catch (error) {
      outcome = { error };
      throw error;
    }
  };
  try {
    return carrier.run(span, enter);
  } catch (error) {
    if (outcome === undefined) {
      swallow(error);
      return fn();
    }
    if ("error" in outcome) throw outcome.error;
    swallow(error);
    return outcome.value;
  }
}
