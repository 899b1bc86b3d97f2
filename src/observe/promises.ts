import { isPromise } from "node:util/types";
import type { Observer } from "./observer.ts";
import { methodOf, patch } from "./patch.ts";

export type Follow = <T>(result: T, observer: Observer) => T;

const nativeThen = Promise.prototype.then;

/**
 * A native promise: the derived, rethrowing one. `await` bypasses an own `then` on a native promise, and a side branch
 * would mark its rejection as handled, so this is the one case where identity changes.
 */
export function followPromise(promise: Promise<unknown>, observer: Observer, follow: Follow): Promise<unknown> {
  return Reflect.apply(nativeThen, promise, [
    (value: unknown) => follow(value, observer),
    (error: unknown) => {
      observer.fail(error);
      throw error;
    },
  ]);
}

/** Any other thenable: the same object, seen when the caller subscribes. A lazy one is never triggered. */
export function followThenable(target: object, observer: Observer, follow: Follow): boolean {
  const original = methodOf(target, "then") as PromiseLike<unknown>["then"];
  // A subclass of Promise passes values and errors through; a foreign `then` gets no callback it was not given.
  const always = isPromise(target);
  return patch(target, "then", original, function (onValue: unknown, onError: unknown) {
    const seeValue = (value: unknown) => {
      const seen = follow(value, observer);
      return typeof onValue === "function" ? onValue(seen) : seen;
    };
    const seeError = (error: unknown) => {
      observer.fail(error);
      if (typeof onError === "function") return onError(error);
      throw error;
    };
    return Reflect.apply(original, this, [
      always || typeof onValue === "function" ? seeValue : onValue,
      always || typeof onError === "function" ? seeError : onError,
    ]);
  });
}

/**
 * The `APIPromise` of openai 4 to 7 (and of every client by the same generator): `then`, `catch`, `finally` and
 * `withResponse` all go through `this.parse()`, `parse` helpers through `_thenUnwrap`, raw access through `asResponse`.
 */
export function followApiPromise(target: object, observer: Observer, follow: Follow): boolean {
  const parse = methodOf(target, "parse") as () => Promise<unknown>;
  const asResponse = methodOf(target, "asResponse") as () => Promise<unknown>;
  const thenUnwrap = methodOf(target, "_thenUnwrap") as (transform: unknown) => object;
  let parsed: Promise<unknown> | undefined;
  let derived: Promise<unknown> | undefined;
  const patched = patch(target, "parse", parse, function () {
    const promise = Reflect.apply(parse, this, []);
    if (promise !== parsed) {
      parsed = promise;
      derived = followPromise(promise, observer, follow);
    }
    return derived;
  });
  if (!patched) return false;
  patch(target, "asResponse", asResponse, function () {
    const response = Reflect.apply(asResponse, this, []);
    // `withResponse` asks for both, and the parsed body says more.
    return parsed === undefined ? followPromise(response, observer, follow) : response;
  });
  patch(target, "_thenUnwrap", thenUnwrap, function (transform: unknown) {
    return follow(Reflect.apply(thenUnwrap, this, [transform]), observer);
  });
  followOwnWays(target, observer, follow);
  return true;
}

/** openai 7 gives its promises ways in of their own: `withResponse` to all, to those of lists `then` and its kin too. */
function followOwnWays(target: object, observer: Observer, follow: Follow): void {
  if (Object.hasOwn(target, "then")) followThenable(target, observer, follow);
  for (const key of ["catch", "finally"]) {
    const original = Object.hasOwn(target, key) ? methodOf(target, key) : undefined;
    if (original === undefined) continue;
    patch(target, key, original, function (callback: unknown) {
      if (key === "catch") return (this as PromiseLike<unknown>).then(undefined, callback as never);
      return followPromise(Reflect.apply(original, this, [callback]), observer, follow);
    });
  }
  const withResponse = Object.hasOwn(target, "withResponse") ? methodOf(target, "withResponse") : undefined;
  if (withResponse === undefined) return;
  patch(target, "withResponse", withResponse, function () {
    return followPromise(Reflect.apply(withResponse, this, []), observer, (value, each) => {
      follow((value as { data?: unknown } | undefined)?.data, each);
      return value;
    });
  });
}
