import { callBack } from "../../core/guard.ts";
import { isObject } from "../../semconv/messages.ts";
import type { Reading } from "../reading.ts";

/**
 * What `read()` of a source gave, which may be anybody's. A promise is not waited for, and what it rejects with ends nothing.
 *
 * @throws TypeError that says what is wrong with it
 */
export function checkReadings(given: unknown): readonly Reading[] {
  if (!Array.isArray(given)) {
    callBack(() => given);
    const isPromise = isObject(given) && typeof given["then"] === "function";
    throw new TypeError(`read() gave ${isPromise ? "a promise" : "no list"}`);
  }
  const bad = given.findIndex((reading) => !isReading(reading));
  if (bad >= 0) throw new TypeError(`reading ${bad} is none: labels are texts by name, samples and value numbers`);
  return given;
}

export function isReading(reading: unknown): reading is Reading {
  if (!isObject(reading)) return false;
  const { value, samples, above, labels, traces = [] } = reading as { readonly [field in keyof Reading]?: unknown };
  return (
    isNumberOrNone(value) &&
    typeof samples === "number" &&
    isNumberOrNone(above) &&
    isObject(labels) &&
    Object.values(labels).every(isText) &&
    Array.isArray(traces) &&
    traces.every(isText)
  );
}

function isNumberOrNone(value: unknown): boolean {
  return value === undefined || typeof value === "number";
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}
