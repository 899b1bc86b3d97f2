import type { Json, JsonObject } from "../core/json.ts";

/** Deeper values are kept as text or left out: a walk over them, `JSON.stringify` among them, would end in a full stack. */
export const MAX_DEPTH = 1_000;

/** Whether a value is nested no deeper than `limit`. Stops where it is. */
export function isShallow(value: unknown, limit: number = MAX_DEPTH): boolean {
  if (typeof value !== "object" || value === null) return true;
  if (limit === 0) return false;
  if (Array.isArray(value)) {
    for (const item of value) if (!isShallow(item, limit - 1)) return false;
    return true;
  }
  for (const key in value) if (!isShallow((value as JsonObject)[key], limit - 1)) return false;
  return true;
}

/** Objects and lists that travel as JSON text; any other text as it is. */
export function fromJsonText(value: Json): Json {
  if (typeof value !== "string" || !/^\s*[[{]/.test(value)) return value;
  return parsed(value) ?? value;
}

/** The value of JSON text; `undefined` where it is none, or too deep. */
export function parsed(text: string): Json | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return text.length < MAX_DEPTH || isShallow(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A text, or a plain value as one; what is neither is empty: an object may not even be able to become a text. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" || typeof value === "bigint" ? String(value) : "";
}

/** A whole number from 0 on, as a number or as text. */
export function countOf(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,16}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

/** Equal as JSON, for small values; keys in the same order. */
export function isSame(a: Json, b: Json): boolean {
  return a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}

/** The object without what is undefined; `undefined` when nothing is left. For names of ours: `__proto__` is none. */
export function compact<T extends object>(fields: { [key in keyof T]: T[key] | undefined }): T | undefined {
  const known: { [key in keyof T]?: T[key] } = {};
  let isEmpty = true;
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined) continue;
    known[key] = value;
    isEmpty = false;
  }
  return isEmpty ? undefined : (known as T);
}

/** A list of objects, or its JSON text; `undefined` for anything else. */
export function listOfObjects(value: Json | undefined): unknown {
  const list = value === undefined ? undefined : fromJsonText(value);
  return Array.isArray(list) && list.every(isObject) ? list : undefined;
}
