import type { EventEmitter } from "node:events";
import { activeRuntime, shared } from "./runtime.ts";
import { NonRecordingSpan } from "./span.ts";

/**
 * A function that runs others in the context of this moment.
 *
 * @example
 * const run = snapshot();
 * queue.push(() => run(() => work()));
 */
export function snapshot(): <T>(fn: () => T) => T {
  const carrier = activeRuntime()?.carrier;
  if (carrier === undefined) return (fn) => fn();
  const span = carrier.get() ?? new NonRecordingSpan("seed");
  return (fn) => carrier.run(span, fn);
}

/**
 * The same function, run in the context of this moment: for callbacks that a library calls later from elsewhere.
 *
 * @example
 * pool.acquire(bind((connection) => query(connection)));
 */
export function bind<F extends (this: any, ...args: any[]) => any>(fn: F): F {
  const run = snapshot();
  const bound = function (this: unknown, ...args: unknown[]): unknown {
    return run(() => Reflect.apply(fn, this, args));
  };
  Object.defineProperty(bound, "name", { value: fn.name, configurable: true });
  Object.defineProperty(bound, "length", { value: fn.length, configurable: true });
  return bound as F;
}

const ADDERS = ["on", "addListener", "prependListener"] as const;

/**
 * Makes every listener added from now on run in the context in which it was added. Listeners are removed as usual.
 * Returns the same emitter.
 */
export function bindEmitter<E extends EventEmitter>(emitter: E): E {
  const seen = shared("boundEmitters", () => new WeakSet<object>());
  if (seen.has(emitter)) return emitter;
  seen.add(emitter);
  for (const adder of ADDERS) {
    const original = emitter[adder];
    // `once` and `prependOnceListener` go through these, with a wrapper whose `listener` is the user's function.
    const value = function (this: EventEmitter, event: string | symbol, listener: (...args: any[]) => void) {
      if (typeof listener !== "function") return Reflect.apply(original, this, [event, listener]);
      const bound = bind(listener);
      // Node's own removal looks at `listener.listener`: that is how `once` is removable.
      Object.defineProperty(bound, "listener", { value: (listener as { listener?: unknown }).listener ?? listener });
      return Reflect.apply(original, this, [event, bound]);
    };
    Object.defineProperty(emitter, adder, { value, configurable: true, writable: true });
  }
  return emitter;
}
