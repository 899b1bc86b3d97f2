import type { EventEmitter } from "node:events";
import { contextSpan, runIn } from "./context.ts";
import { NonRecordingSpan } from "./non-recording-span.ts";
import { activeRuntime, shared } from "./runtime.ts";

/**
 * A function that runs others in the context of this moment.
 *
 * @example
 * const run = snapshot();
 * queue.push(() => run(() => work()));
 */
export function snapshot(): <T>(fn: () => T) => T {
  const runtime = activeRuntime();
  if (runtime === null) return (fn) => fn();
  const span = contextSpan(runtime) ?? new NonRecordingSpan("seed");
  return (fn) => runIn(runtime.carrier, span, fn);
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
const ONCE_ADDERS = { once: "on", prependOnceListener: "prependListener" } as const;

type Listener = (...args: any[]) => void;

/**
 * Makes every listener added from now on run in the context in which it was added. Listeners are removed as usual.
 * Returns the same emitter.
 *
 * @example
 * bindEmitter(socket).on("data", () => updateSpan({ metadata: { answered: true } }));
 */
export function bindEmitter<E extends EventEmitter>(emitter: E): E {
  const seen = shared("boundEmitters", () => new WeakSet<object>());
  if (seen.has(emitter)) return emitter;
  seen.add(emitter);
  for (const adder of ADDERS) {
    const original = emitter[adder];
    replace(emitter, adder, function (event, listener) {
      const bound = typeof listener === "function" ? named(bind(listener), listener) : listener;
      return Reflect.apply(original, this, [event, bound]);
    });
  }
  for (const [once, adder] of Object.entries(ONCE_ADDERS) as [keyof typeof ONCE_ADDERS, "on" | "prependListener"][]) {
    const original = emitter[once];
    const add = Object.getPrototypeOf(emitter)[adder] as EventEmitter["on"];
    replace(emitter, once, function (event, listener) {
      if (typeof listener !== "function") return Reflect.apply(original, this, [event, listener]);
      const bound = bind(listener);
      let isDue = true;
      const first: Listener = (...args) => {
        if (!isDue) return;
        isDue = false;
        this.removeListener(event, first);
        return Reflect.apply(bound, this, args);
      };
      return Reflect.apply(add, this, [event, named(first, listener)]);
    });
  }
  return emitter;
}

/** Node finds what to remove, and what `listeners()` shows, by this property. */
function named(bound: Listener, listener: Listener): Listener {
  return Object.assign(bound, { listener });
}

function replace(
  emitter: EventEmitter,
  method: (typeof ADDERS)[number] | keyof typeof ONCE_ADDERS,
  value: (this: EventEmitter, event: string | symbol, listener: Listener) => EventEmitter,
): void {
  Object.defineProperty(emitter, method, { value, configurable: true, writable: true });
}
