import { isPromise, isProxy } from "node:util/types";
import { swallow } from "../core/guard.ts";
import { followAsyncIterable, followIterator } from "./iterators.ts";
import { type Observer, watch } from "./observer.ts";
import { copyOwn, dataOf, inheritedOf, methodOf } from "./patch.ts";
import { followApiPromise, followPromise, followThenable } from "./promises.ts";
import { describeResponse, followEventStream, followNodeStream, tapReadableStream } from "./streams.ts";

/**
 * Watches what an observed function returned until it settles, and gives back what the caller gets: the same value, or
 * for a native promise and a web stream one that behaves the same. Never throws; never starts, reads or drains anything.
 * `fresh`: nobody else has the promise, as it comes from an `async` function.
 */
export function follow<T>(result: T, observer: Observer, fresh = false): T {
  if (!isObject(result)) {
    observer.end(result);
    return result;
  }
  try {
    // An `async` function gives no proxy, no subclass and nothing with a `then` of its own.
    const isOwn = fresh && Object.getPrototypeOf(result) === Promise.prototype;
    return (isOwn ? followPromise(result as any, observer, follow) : followObject(result, observer, fresh)) as T;
  } catch (error) {
    swallow(error);
    observer.end(undefined);
    return result;
  }
}

export function isObject(value: unknown): value is object {
  return (typeof value === "object" && value !== null) || typeof value === "function";
}

function followObject(result: object, observer: Observer, fresh: boolean): unknown {
  // A proxy runs the host's code at every touch.
  if (typeof result === "function" || isProxy(result)) return ended(result, observer);
  if (isNativePromise(result)) {
    if (fresh) return followPromise(result, observer, follow);
    return watch<Promise<unknown>>(result, observer, (each) => copyOwn(result, followPromise(result, each, follow)));
  }
  if (methodOf(result, "then") !== undefined) {
    const isApiPromise = methodOf(result, "parse") && methodOf(result, "asResponse") && methodOf(result, "_thenUnwrap");
    const install = isApiPromise ? followApiPromise : followThenable;
    return watched(result, observer, (each) => install(result, each, follow));
  }
  if (Array.isArray(result)) return ended(result, observer);
  const isAsyncIterable = methodOf(result, Symbol.asyncIterator) !== undefined;
  if (methodOf(result, "next") !== undefined && (isAsyncIterable || methodOf(result, Symbol.iterator) !== undefined)) {
    return watched(result, observer, (each) => followIterator(result, each, follow));
  }
  if (isAsyncIterable) return followStream(result, observer);
  if (inheritedOf(result, Symbol.toStringTag) === "Response") {
    observer.end(describeResponse(result));
    return result;
  }
  return ended(result, observer);
}

function followStream(result: object, observer: Observer): unknown {
  if (inheritedOf(result, Symbol.toStringTag) === "ReadableStream")
    return followReadableStream(result as ReadableStream, observer);
  if (methodOf(result, "getNextPage") !== undefined) {
    // A page of openai's list calls holds its items already, in the body that came; iterating it would fetch more.
    observer.end(dataOf(result, "body") ?? result);
    return result;
  }
  if (methodOf(result, "pipe") !== undefined && methodOf(result, "once") !== undefined) {
    return watched(result, observer, (each) => followNodeStream(result as NodeJS.ReadableStream, each));
  }
  if (methodOf(result, "on") !== undefined && methodOf(result, "emitted") !== undefined) {
    return watched(result, observer, (each) => followEventStream(result, each));
  }
  return watched(result, observer, (each) => followAsyncIterable(result, each, follow));
}

function ended(result: object, observer: Observer): object {
  observer.end(result);
  return result;
}

function watched(result: object, observer: Observer, install: (observer: Observer) => boolean): object {
  return watch(result, observer, (each) => (install(each) ? result : undefined)) ?? ended(result, observer);
}

/** Taken already, or not of the plain kind: left alone. */
function followReadableStream(stream: ReadableStream, observer: Observer): unknown {
  if (Object.getPrototypeOf(stream) !== ReadableStream.prototype) return ended(stream, observer);
  return (
    watch(stream, observer, (each) => (stream.locked ? undefined : copyOwn(stream, tapReadableStream(stream, each)))) ??
    ended(stream, observer)
  );
}

function isNativePromise(value: object): value is Promise<unknown> {
  return isPromise(value) && Object.getPrototypeOf(value) === Promise.prototype && !Object.hasOwn(value, "then");
}
