import { guard } from "../core/guard.ts";
import type { Observer } from "./observer.ts";
import { dataOf, methodOf, patch } from "./patch.ts";
import type { Follow } from "./promises.ts";

const STEPS = ["next", "return", "throw"] as const;

/** The `[Symbol.asyncIterator]() { return this; }` of every async generator. */
const RETURNS_ITSELF: unknown = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype))[
  Symbol.asyncIterator
];

/**
 * An iterator or generator, sync or async: the same object, with each step run inside the span, so that what its body
 * starts nests under it and the caller's code between the steps does not.
 */
export function followIterator(target: object, observer: Observer, follow: Follow): boolean {
  const asyncIterator = methodOf(target, Symbol.asyncIterator);
  const isAsync = asyncIterator !== undefined;
  let isRunning = false;
  for (const step of STEPS) {
    const original = methodOf(target, step);
    if (original === undefined) continue;
    const patched = patch(target, step, original, function (...args) {
      // A generator that asks for its own next step is told off, and goes on.
      if (isRunning) return Reflect.apply(original, this, args);
      let result: unknown;
      isRunning = !isAsync;
      try {
        result = observer.run(() => Reflect.apply(original, this, args));
      } catch (error) {
        observer.fail(error);
        throw error;
      } finally {
        isRunning = false;
      }
      if (!isAsync) {
        seeStep(step, result, observer);
        return result;
      }
      return follow(result, stepObserver(step, observer));
    });
    if (!patched) return false;
  }
  // A cursor that is its own async iterable but hands out another iterator (MongoDB's `for await`).
  if (isAsync && asyncIterator !== RETURNS_ITSELF) followAsyncIterable(target, observer, follow);
  return true;
}

/** An async iterable without `next` (openai's `Stream`): the same object, whose iterators are observed. */
export function followAsyncIterable(target: object, observer: Observer, follow: Follow): boolean {
  // `Stream` makes all its iterators, those of `tee` and `toReadableStream` too, from this one field.
  const key =
    methodOf(target, "tee") && typeof dataOf(target, "iterator") === "function" ? "iterator" : Symbol.asyncIterator;
  const original = methodOf(target, key);
  if (original === undefined) return false;
  return patch(target, key, original, function (...args) {
    const iterator = Reflect.apply(original, this, args);
    if (iterator !== this && typeof iterator === "object" && iterator !== null) {
      guard(() => followIterator(iterator, observer, follow), false);
    }
    return iterator;
  });
}

function stepObserver(step: (typeof STEPS)[number], observer: Observer): Observer {
  return {
    run: (fn) => observer.run(fn),
    chunk: () => {},
    end: (result) => seeStep(step, result, observer),
    finish: () => {},
    fail: (error) => observer.fail(error),
    cancel: () => {},
  };
}

function seeStep(step: (typeof STEPS)[number], result: unknown, observer: Observer): void {
  const value = dataOf(result, "value");
  if (dataOf(result, "done") !== true) observer.chunk(value);
  else if (step === "return") observer.cancel();
  else observer.finish(value);
}
