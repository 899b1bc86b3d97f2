import { contextSpan } from "../core/context.ts";
import { isMuted } from "../core/non-recording-span.ts";
import { activeRuntime, type Runtime, slot } from "../core/runtime.ts";
import type { Span } from "../core/span.ts";
import { callObserved, callUnder, isAsync, mutedResult, type Site, startOptions } from "./call.ts";

/** What a declaration says of its site. */
type Declared = Pick<Site, "name" | "options" | "dynamic" | "declared">;

/**
 * A function that stands in for `site.fn`: same name, length, prototype, own properties, constructibility and Reflect
 * metadata. What it wraps is remembered in the global slot, so that nothing on the function itself betrays it.
 */
export function wrap<F extends Function>(fn: F, site: Declared): F {
  const full = siteOf(fn, site);
  if (isConstructor(fn) && !Object.hasOwn(fn, "prototype")) return proxyOf(fn, full);
  // Two functions, as V8 makes no array of arguments that are only passed on: an unsampled call costs half.
  const { observed, call } = {
    observed(this: { runtime: Runtime; parent: Span | undefined; self: unknown }, ...args: unknown[]): unknown {
      return callUnder(this.runtime, this.parent, full, this.self, args);
    },
    call(this: unknown, ...args: unknown[]): unknown {
      const runtime = activeRuntime();
      if (runtime === null) return Reflect.apply(fn, this, args);
      const parent = contextSpan(runtime);
      if (isMuted(parent)) return mutedResult(runtime, parent, Reflect.apply(fn, this, args));
      return Reflect.apply(observed, { runtime, parent, self: this }, args);
    },
  };
  const wrapper = isConstructor(fn)
    ? function (this: unknown, ...args: unknown[]): unknown {
        if (new.target === undefined) return Reflect.apply(call, this, args);
        return callObserved(full, this, args, standIn(new.target, wrapper, fn));
      }
    : call;
  full.entry = wrapper;
  return disguise(wrapper, fn) as unknown as F;
}

export function siteOf(fn: Function, site: Declared): Site {
  const own = { ...site, entry: callObserved };
  const start = startOptions(site.options, "none", own);
  return { ...own, fn, fresh: isAsync(fn), start, parameters: undefined, harmlessIn: undefined };
}

/** Bound functions and proxies: `new` takes them, yet they have no `prototype`, and no function can be made like that. */
function proxyOf<F extends Function>(fn: F, site: Site): F {
  const apply = (_: F, self: unknown, args: unknown[]): unknown => callObserved(site, self, args);
  const proxy: F = new Proxy(fn, {
    apply,
    construct: (_, args, newTarget) => callObserved(site, undefined, args, standIn(newTarget, proxy, fn)) as object,
  });
  site.entry = apply;
  slot.originals.set(proxy, fn);
  return proxy;
}

/** Makes `wrapper` look like `fn` in everything that a program can ask a function. */
export function disguise(wrapper: Function, fn: Function): Function {
  const prototype = Object.getPrototypeOf(fn);
  if (prototype !== Function.prototype) Object.setPrototypeOf(wrapper, prototype);
  for (const key of ["name", "length"]) {
    if (!Object.hasOwn(fn, key)) Reflect.deleteProperty(wrapper, key);
  }
  Object.defineProperties(wrapper, Object.getOwnPropertyDescriptors(fn));
  copyMetadata(fn, wrapper);
  if (!Object.isExtensible(fn)) Object.preventExtensions(wrapper);
  slot.originals.set(wrapper, fn);
  return wrapper;
}

export function isObserved(fn: Function): boolean {
  return slot.originals.has(fn);
}

export function isClass(fn: Function): boolean {
  return /^class\b/.test(Function.prototype.toString.call(fn));
}

function standIn(newTarget: Function, wrapper: Function, fn: Function): Function {
  return newTarget === wrapper ? fn : newTarget;
}

/** True for what `new` accepts. `Object` is never called: it only serves as a target that asks nothing of `fn`. */
export function isConstructor(fn: Function): boolean {
  try {
    Reflect.construct(Object, [], fn);
    return true;
  } catch {
    return false;
  }
}

interface MetadataReflect {
  getOwnMetadataKeys?(target: object, member?: PropertyKey): unknown[];
  getOwnMetadata?(key: unknown, target: object, member?: PropertyKey): unknown;
  defineMetadata?(key: unknown, value: unknown, target: object, member?: PropertyKey): void;
}

/** NestJS keeps guards, pipes and routes as metadata on the method itself: without it a protected route becomes open. */
export function copyMetadata(from: Function, to: Function, member?: PropertyKey): void {
  const { getOwnMetadataKeys, getOwnMetadata, defineMetadata } = Reflect as MetadataReflect;
  if (!getOwnMetadataKeys || !getOwnMetadata || !defineMetadata) return;
  for (const key of getOwnMetadataKeys(from, member)) {
    defineMetadata(key, getOwnMetadata(key, from, member), to, member);
  }
}
