/** Attributes as they are on the wire against a registry. */
import { type Attributes, isDouble, type Profile } from "sightline/semconv";
import { keyValues } from "../../src/sinks/otlp/any-value.ts";
import type { AnyValue } from "../../src/sinks/otlp/messages.ts";
import type { OracleType, Registry } from "./oracle.ts";

/** Ours, whatever their type. */
const OWN = /^sightline\.[a-z]/;

/** What is wrong with attributes, one line each. */
export function faults(attributes: Attributes, registries: readonly Registry[], profile: Profile): string[] {
  return Object.entries(attributes).flatMap(([name, value]) => {
    const expected = registries.map((registry) => registry.get(withoutIndices(name))).find(Boolean);
    const actual = wireType(name, value, profile);
    if (expected === undefined) return OWN.test(name) ? [] : [`${name}: in no registry`];
    const fits = actual === expected || (expected === "any" && actual === "string");
    return fits ? [] : [`${name}: ${actual} instead of ${expected}`];
  });
}

function wireType(name: string, value: Attributes[string], profile: Profile): OracleType | undefined {
  // `gen_ai.request.top_k` alone depends on the profile.
  if (typeof value === "number") return isDouble(name, profile) || !Number.isSafeInteger(value) ? "double" : "int";
  const [pair] = keyValues({ [name]: value });
  return typeOf(pair!.value);
}

function typeOf(value: AnyValue): OracleType | undefined {
  if (value.stringValue !== undefined) return "string";
  if (value.boolValue !== undefined) return "boolean";
  const items = value.arrayValue?.values;
  return items?.every((item) => item.stringValue !== undefined) ? "string[]" : undefined;
}

export function withoutIndices(name: string): string {
  return name.replace(/\.\d+(?=\.)/g, ".{i}");
}
