import { isPromise } from "node:util/types";
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
  return carrier === asyncLocalCarrier ? slot.storage.getStore() : foreignSpan(carrier);
}

// By itself, as are others on the way of every call: a function that makes a closure anywhere has its context made each time.
function foreignSpan(carrier: Carrier): Span | undefined {
  const span: unknown = guard(() => carrier.get(), undefined);
  return isSpan(span) ? span : undefined;
}

/** By what it has and not by its class: the span may be another loaded copy's. */
function isSpan(value: unknown): value is Span {
  return guard(() => typeof value === "object" && value !== null && "spanId" in value && "recording" in value, false);
}

/** `carrier.run` with a carrier that may be somebody else's: whatever it does, `fn` runs once and its outcome is kept. */
export function runIn<T>(carrier: Carrier, span: Span, fn: () => T): T {
  return carrier === asyncLocalCarrier ? slot.storage.run(span, fn) : runInForeign(carrier, span, fn);
}

function runInForeign<T>(carrier: Carrier, span: Span, fn: () => T): T {
  let outcome: { value: T } | { error: unknown } | undefined;
  const once = (): void => {
    if (outcome !== undefined) return;
    try {
      outcome = { value: fn() };
    } catch (error) {
      outcome = { error };
    }
  };
  guard(() => {
    // It is shown neither result nor error: an asynchronous one would start a lazy query by awaiting it.
    const given: unknown = carrier.run(span, once);
    if (isPromise(given)) given.catch(swallow);
  }, undefined);
  once();
  return settled(outcome as { value: T } | { error: unknown } | undefined);
}

/** The same for a function with its arguments. No closure is made for it, as every observed call comes by. */
export function callIn(carrier: Carrier, span: Span, fn: Function, self: unknown, args: readonly unknown[]): unknown {
  if (carrier === asyncLocalCarrier) return slot.storage.run(span, Reflect.apply, fn, self, args);
  return callInForeign(carrier, span, fn, self, args);
}

function callInForeign(carrier: Carrier, span: Span, fn: Function, self: unknown, args: readonly unknown[]): unknown {
  return runInForeign(carrier, span, () => Reflect.apply(fn, self, args));
}

function settled<T>(outcome: { value: T } | { error: unknown } | undefined): T {
  if (outcome !== undefined && "value" in outcome) return outcome.value;
  throw outcome?.error;
}
