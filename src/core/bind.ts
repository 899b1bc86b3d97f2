import type { EventEmitter } from "node:events";
import { contextSpan, runIn } from "./context.ts";
import { NonRecordingSpan } from "./non-recording-span.ts";
import { activeRuntime } from "./runtime.ts";

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

type Listener = (...args: any[]) => void;
type Method = "on" | "addListener" | "prependListener" | "once" | "prependOnceListener";
type Add = (this: EventEmitter, event: string | symbol, listener: Listener) => EventEmitter;

/** On the methods that stand in for an emitter's own, by whichever loaded copy of the package. */
const BOUND = Symbol.for("sightline.boundEmitter");
/** What `once` hands to `on`: bound already. */
const firsts = new WeakSet<Listener>();

/**
 * Makes every listener added from now on run in the context in which it was added. Listeners are removed as usual.
 * Returns the same emitter.
 *
 * @example
 * bindEmitter(socket).on("data", () => updateSpan({ metadata: { answered: true } }));
 */
export function bindEmitter<E extends EventEmitter>(emitter: E): E {
  if (METHODS.some((method) => BOUND in emitter[method])) return emitter;
  // Functions made for each emitter make each a shape of its own, which takes 20 µs.
  ofInherited ??= Object.fromEntries(
    METHODS.map((method) => [method, descriptorOf(method)]),
  ) as typeof ofInherited & {};
  for (const method of METHODS) {
    const descriptor = Object.hasOwn(emitter, method) ? descriptorOf(method, emitter[method]) : ofInherited[method];
    Object.defineProperty(emitter, method, descriptor);
  }
  return emitter;
}

/** As Node does, `once` calls `on`: whoever has replaced that (`compression` has) is told of these listeners too. */
const ONCE_ADDERS: { readonly [method in Method]?: Method } = { once: "on", prependOnceListener: "prependListener" };
const METHODS: readonly Method[] = ["on", "addListener", "prependListener", "once", "prependOnceListener"];
let ofInherited: { readonly [method in Method]: PropertyDescriptor } | undefined;

/** The method that binds; `own` is what the emitter had, and without it what it inherits is called. */
function descriptorOf(method: Method, own?: Add): PropertyDescriptor {
  const adder = ONCE_ADDERS[method];
  const original = (emitter: EventEmitter): Add => own ?? inherited(emitter, method, value);
  const value: Add =
    adder === undefined
      ? function (event, listener) {
          const isDone = typeof listener !== "function" || firsts.has(listener);
          return Reflect.apply(original(this), this, [event, isDone ? listener : named(bound(listener), listener)]);
        }
      : function (event, listener) {
          if (typeof listener !== "function") return Reflect.apply(original(this), this, [event, listener]);
          const first = named(firstOf(this, event, bound(listener)), listener);
          firsts.add(first);
          return Reflect.apply(this[adder], this, [event, first]);
        };
  Object.defineProperty(value, BOUND, { value: true });
  return { value, configurable: true, writable: true };
}

/** The method above the one that binds, which an object made from a bound emitter inherits too. */
function inherited(emitter: EventEmitter, method: Method, binding: Add): Add {
  let above = Object.getPrototypeOf(emitter);
  while (above[method] === binding) above = Object.getPrototypeOf(above);
  return above[method];
}

function firstOf(emitter: EventEmitter, event: string | symbol, listener: Listener): Listener {
  let isDue = true;
  const first: Listener = (...args) => {
    if (!isDue) return;
    isDue = false;
    emitter.removeListener(event, first);
    return Reflect.apply(listener, emitter, args);
  };
  return first;
}

/** `bind` without the name, which nobody sees of a listener. */
function bound(listener: Listener): Listener {
  const run = snapshot();
  return function (this: unknown, ...args) {
    return run(() => Reflect.apply(listener, this, args));
  };
}

/** Node finds what to remove, and what `listeners()` shows, by this property. */
function named(bound: Listener, listener: Listener): Listener {
  return Object.assign(bound, { listener });
}
