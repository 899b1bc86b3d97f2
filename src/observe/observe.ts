import { type CallSite, rememberCallSite } from "../core/call-site.ts";
import { guard } from "../core/guard.ts";
import { callObserved } from "./call.ts";
import { type DynamicOptions, type ObserveOptions, readOptions } from "./options.ts";
import {
  type Decoration,
  type DecoratorContext,
  decorateLegacy,
  decorateTc39,
  isDecoratorContext,
  kindOf,
  observeClass,
  unsuitable,
} from "./targets.ts";
import { disguise, isClass, isConstructor, siteOf, wrap } from "./wrap.ts";

export type AnyFunction = (this: any, ...args: any[]) => any;
/** Not `abstract new (…)`, which leaves out classes with a private constructor. */
export type AnyClass = Function;

/** A decorator for methods, statics, `#private` methods, accessors, arrow-function fields and classes, in both protocols. */
export interface ObserveDecorator {
  <C extends AnyClass>(cls: C): C;
  (value: any, context: DecoratorContext): any;
  (target: object, key: string | symbol, descriptor?: PropertyDescriptor): any;
}

/**
 * Makes every call of a function one span of the current trace.
 *
 * The function stays what it was: same `this`, name, length, sync-ness, results and thrown values by identity. Promises,
 * thenables, iterators and streams are observed until they settle. A target that cannot be observed throws an
 * `ObserveError` at decoration time. While tracing is off, calls go straight through.
 *
 * @example
 * class Tutor {
 *   \@observe() async answer(question: string) {
 *     return this.lookup(question);
 *   }
 *   \@observe({ type: "tool" }) lookup(term: string) {
 *     return term.length;
 *   }
 *   \@observe((self, question) => ({ metadata: { length: question.length } })) ask(question: string) {}
 * }
 * const answer = observe("answer", async (question: string) => new Tutor().answer(question));
 * await answer("3x + 11 = 14");
 */
export interface Observe {
  (name?: string): ObserveDecorator;
  // Functions before options, as every function has a `name`; `F` last, as that is what `ReturnType` looks at.
  <F extends (self: any, ...args: any[]) => ObserveOptions>(options: F): ObserveDecorator & F;
  <F extends AnyFunction>(fn: F): F;
  <C extends AnyClass>(cls: C): C;
  (options: ObserveOptions): ObserveDecorator;
  <F extends AnyFunction>(options: ObserveOptions | string | DynamicOptions, fn: F): F;
  (value: any, context: DecoratorContext): any;
  (target: object, key: string | symbol, descriptor?: PropertyDescriptor): any;
}

export const observe: Observe = function observe(...given: any[]): any {
  const [first, second] = given;
  const declared = rememberCallSite(observe);
  const bare: Decoration = { options: {}, dynamic: undefined, declared };
  if (isDecoration(given)) return decorate(bare, given);
  if (given.length === 2) return observeFunction(decorationOf(first, declared), second);
  if (typeof given[2] === "function")
    throw unsuitable("three things", "takes options and a function: observe({ name, type }, fn)");
  if (typeof first !== "function") return decorator(decorationOf(first, declared));
  return isClass(first) ? observeClass(bare, first) : functionOrFactory(first, bare);
};

function decorationOf(given: unknown, declared: CallSite): Decoration {
  if (typeof given === "function") return { options: {}, dynamic: given as DynamicOptions, declared };
  if (given !== undefined && typeof given !== "string" && (typeof given !== "object" || given === null)) {
    throw unsuitable(String(given), `is ${given === null ? "null" : `a ${typeof given}`}, not a function or options`);
  }
  return { options: readOptions(given as ObserveOptions | string | undefined), dynamic: undefined, declared };
}

function decorator(decoration: Decoration): ObserveDecorator {
  return ((...given: any[]) => decorate(decoration, given)) as ObserveDecorator;
}

/** Arguments that only a compiler's decorator helper passes. */
function isDecoration(given: readonly any[]): boolean {
  if (given.length === 2 && isDecoratorContext(given[1])) return true;
  const key = typeof given[1];
  return (given.length === 2 || given.length === 3) && (key === "string" || key === "symbol") && isOwner(given[0]);
}

function isOwner(target: unknown): boolean {
  return (typeof target === "object" && target !== null) || typeof target === "function";
}

function decorate(decoration: Decoration, given: readonly any[]): unknown {
  const [target, key, descriptor] = given;
  if (isDecoratorContext(key)) return decorateTc39(decoration, target, key);
  if (given.length > 1) return decorateLegacy(decoration, target, key, descriptor);
  if (typeof target === "function" && isClass(target)) return observeClass(decoration, target);
  return observeFunction(decoration, target);
}

function observeFunction(decoration: Decoration, fn: unknown): unknown {
  if (typeof fn !== "function") throw unsuitable(shown(fn), `is ${kindOf(fn)}, not a function; options come first`);
  return wrap(fn, { ...decoration, name: functionName(fn) });
}

/**
 * `observe(fn)` and `@observe((self, ...args) => options)` look the same until the result is used: a wrapper that is
 * applied as a decorator was a factory of options.
 */
function functionOrFactory(fn: Function, bare: Decoration): Function {
  const site = siteOf(fn, { ...bare, name: functionName(fn) });
  // Options come from arrow functions and methods, which `new` does not take.
  if (isConstructor(fn) || Object.hasOwn(fn, "prototype")) return wrap(fn, site);
  const factory: Decoration = { ...bare, dynamic: fn as DynamicOptions };
  const either = {
    method(this: unknown, ...args: any[]): unknown {
      return isApplied(args) ? decorate(factory, args) : callObserved(site, this, args);
    },
  }.method;
  site.entry = either;
  return disguise(either, fn);
}

/** Stricter than `isDecoration`: here any call of the host's function comes by. */
function isApplied(args: readonly any[]): boolean {
  if (args.length === 2) return isDecoratorContext(args[1]);
  if (args.length !== 3 || !isOwner(args[0]) || typeof args[2] !== "object" || args[2] === null) return false;
  const own = Object.getOwnPropertyDescriptor(args[0], args[1]);
  const given = args[2] as PropertyDescriptor;
  return (
    own !== undefined &&
    own.value === given.value &&
    own.get === given.get &&
    typeof (given.value ?? given.get) === "function"
  );
}

function shown(value: unknown): string {
  return typeof value === "object" && value !== null ? "that" : guard(() => String(value), "that");
}

function functionName(fn: Function): () => string {
  const name = guard(() => fn.name, "") || "anonymous";
  return () => name;
}
