import type { Json, JsonObject } from "../../core/json.ts";
import { isObject, textOf } from "../json-value.ts";
import { isoNanos } from "../times.ts";

/** The fields of an entity, of which readers take what they understand. */
export interface Fields {
  peek(name: string): Json | undefined;
  any(...names: readonly string[]): Json | undefined;
  text(...names: readonly string[]): string | undefined;
  number(...names: readonly string[]): number | undefined;
  time(...names: readonly string[]): string | undefined;
  drop(...names: readonly string[]): void;
  /** What is left, each under `langfuse.` and its name. */
  rest(): JsonObject | undefined;
}

export function fieldsOf(entity: JsonObject): Fields {
  const left = new Map(Object.entries(entity).filter(([, value]) => value !== null && value !== undefined));
  function take<T>(names: readonly string[], read: (value: Json) => T | undefined): T | undefined {
    for (const name of names) {
      const given = left.get(name);
      const value = given === undefined ? undefined : read(given);
      if (value === undefined) continue;
      left.delete(name);
      return value;
    }
    return undefined;
  }
  return {
    peek: (name) => left.get(name),
    any: (...names) => take(names, (value) => value),
    text: (...names) => take(names, (value) => (typeof value === "string" ? value : undefined)),
    number: (...names) => take(names, (value) => (typeof value === "number" ? value : undefined)),
    time: (...names) => take(names, timeOf),
    drop(...names) {
      for (const name of names) left.delete(name);
    },
    rest() {
      const entries = [...left].map(([name, value]) => [`langfuse.${name}`, value] as const);
      return entries.length === 0 ? undefined : Object.fromEntries(entries);
    },
  };
}

/** ISO 8601, or epoch milliseconds. */
export function timeOf(value: Json): string | undefined {
  if (typeof value === "string") return isoNanos(value);
  if (typeof value !== "number" || value <= 0 || value > 8.64e15) return undefined;
  return `${Math.trunc(value)}000000`;
}

/** Metadata may be any JSON. */
export function metadataOf(value: Json | undefined): JsonObject | undefined {
  if (value === undefined) return undefined;
  return isObject(value) ? (Object.keys(value).length === 0 ? undefined : value) : { metadata: value };
}

export function textsOf(value: Json | undefined): readonly string[] | undefined {
  return Array.isArray(value) && value.length > 0 ? value.map(textOf) : undefined;
}
