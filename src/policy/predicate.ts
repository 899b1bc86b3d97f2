import { isAsyncFunction, isGeneratorFunction } from "node:util/types";
import { ConfigError } from "../core/errors.ts";
import { suppress } from "../core/suppress.ts";

/**
 * A user's function as a question with an answer at once: true or false by JavaScript's rules. A promise is no answer and
 * throws, as it would pass for true whatever comes of it. What the function does is not traced.
 */
export function predicate<T>(name: string, fn: (value: T) => unknown): (value: T) => boolean {
  if (typeof fn !== "function" || isAsyncFunction(fn) || isGeneratorFunction(fn)) {
    throw new ConfigError("CONFIG_BAD_VALUE", `${name} must be a function that answers at once, not ${describe(fn)}.`);
  }
  return (value) => {
    const answer = suppress(() => fn(value)) as { then?: unknown } | null | undefined;
    if (typeof answer?.then !== "function") return Boolean(answer);
    Promise.resolve(answer).catch(() => {});
    throw new TypeError(`${name} answered with a promise`);
  };
}

function describe(value: unknown): string {
  if (typeof value === "function") return isAsyncFunction(value) ? "an async one" : "a generator";
  return value === null ? "null" : typeof value;
}
