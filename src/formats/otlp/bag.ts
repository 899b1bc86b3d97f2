import type { Json, JsonObject } from "../../core/json.ts";
import { isSame } from "../json-value.ts";

type Names = readonly string[];

/**
 * The attributes of a span, of which readers take what they understand; what is left at the end is the record's
 * `attributes`. Of several names the first that has a fitting value counts; others go with it when they say the same.
 */
export interface Bag {
  has(name: string): boolean;
  /** Looks without taking. */
  peek(name: string): Json | undefined;
  any(names: Names): Json | undefined;
  text(names: Names): string | undefined;
  /** Numbers may come as text. */
  number(names: Names): number | undefined;
  flag(names: Names): boolean | undefined;
  /** A list of texts, or one. */
  texts(names: Names): string[] | undefined;
  /** Takes all names that begin with this, and have something behind it; by what is behind it. */
  under(prefix: string): JsonObject | undefined;
  /** Takes all names that match. */
  matching(pattern: RegExp): ReadonlyMap<string, Json>;
  drop(names: Names): void;
  rest(): Map<string, Json>;
}

export function bagOf(attributes: ReadonlyMap<string, Json>): Bag {
  const left = new Map(attributes);

  function first<T extends Json>(names: Names, read: (value: Json) => T | undefined): T | undefined {
    let found: T | undefined;
    for (const name of names) {
      const given = left.get(name);
      if (given === undefined) continue;
      const value = read(given);
      if (value === undefined || (found !== undefined && !isSame(value, found))) continue;
      found = value;
      left.delete(name);
    }
    return found;
  }

  function matching(pattern: RegExp): Map<string, Json> {
    const found = new Map<string, Json>();
    for (const [name, value] of left) if (pattern.test(name)) found.set(name, value);
    for (const name of found.keys()) left.delete(name);
    return found;
  }

  return {
    has: (name) => left.has(name),
    peek: (name) => left.get(name),
    any: (names) => first(names, (value) => value),
    text: (names) => first(names, (value) => (typeof value === "string" ? value : undefined)),
    number: (names) => first(names, numberOf),
    flag: (names) => first(names, (value) => (typeof value === "boolean" ? value : undefined)),
    texts: (names) => first(names, textsOf),
    under(prefix) {
      const found: [string, Json][] = [];
      for (const [name, value] of left) {
        if (name.length > prefix.length && name.startsWith(prefix)) found.push([name, value]);
      }
      for (const [name] of found) left.delete(name);
      if (found.length === 0) return undefined;
      return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
    },
    matching,
    drop(names) {
      for (const name of names) left.delete(name);
    },
    rest: () => left,
  };
}

function numberOf(value: Json): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || !/^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(value.trim())) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

function textsOf(value: Json): string[] | undefined {
  if (typeof value === "string") return [value];
  return Array.isArray(value) && value.every((item) => typeof item === "string") ? (value as string[]) : undefined;
}
