import type { Json, JsonObject } from "../core/json.ts";
import type { Attributes, AttributeValue } from "./attributes.ts";

/**
 * JSON as attributes: texts, numbers, booleans and lists of one of these as they are; objects and mixed lists as JSON text,
 * because readers such as Langfuse cannot read an attribute that is an object. `null` is left out: OTLP has no word for it,
 * and the text `null` would be another value.
 *
 * @param prefix put before each name, its dot included
 */
export function attributesOf(json: JsonObject, prefix = ""): Attributes {
  // A record that a policy made may hold what JSON has no word for.
  const entries = Object.entries(json).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries.map(([name, value]) => [prefix + name, attributeOf(value)!]));
}

/** One value as an attribute; `undefined` for `null`. */
export function attributeOf(value: Json): AttributeValue | undefined {
  if (value === null) return undefined;
  if (Array.isArray(value)) return isOfOneKind(value) ? value : JSON.stringify(value);
  return typeof value === "object" ? JSON.stringify(value) : value;
}

function isOfOneKind(list: readonly Json[]): list is string[] | number[] | boolean[] {
  const kind = typeof list[0];
  // Of an empty list nobody can tell; it stays one.
  if (list.length === 0) return true;
  return kind !== "object" && list.every((item) => typeof item === kind);
}
