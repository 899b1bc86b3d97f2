import type { Json } from "../../core/json.ts";
import { isObject } from "../json-value.ts";
import { Unreadable } from "../unreadable.ts";
import { attributesOf } from "./values.ts";

/** Whom a span comes from. */
export interface Origin {
  /** Attributes of the process. */
  readonly resource: ReadonlyMap<string, Json>;
  readonly scope: Scope;
}

/** The library that made it; what is not said is empty. */
export interface Scope {
  readonly name: string;
  readonly version: string;
  readonly attributes: ReadonlyMap<string, Json>;
}

/** Reads resources and scopes. */
export interface Origins {
  resource(value: unknown): ReadonlyMap<string, Json>;
  scope(value: unknown): Scope;
}

/** For all pieces of one body: what comes with several of them, the same object each time, is read once. */
export function createOrigins(): Origins {
  return { resource: onceEach(resourceOf), scope: onceEach(scopeOf) };
}

function onceEach<T>(read: (value: unknown) => T): (value: unknown) => T {
  const known = new Map<unknown, T>();
  return (value) => {
    const found = known.get(value) ?? read(value);
    known.set(value, found);
    return found;
  };
}

/**
 * Characters of a resource's attributes, and of a scope's: each of its spans gets them, so that two megabytes could become
 * hundreds. What an SDK says of a process and its host takes two to four thousand.
 */
const MAX_SHARED = 16 * 1024;
/** Of a scope's name, and of its version. */
const MAX_NAME = 1_024;

function resourceOf(value: unknown): ReadonlyMap<string, Json> {
  return sharedOf("resource", value);
}

/** Attributes that all spans of a resource or scope get. One that cannot be read costs its spans nothing but itself. */
function sharedOf(what: "resource" | "scope", value: unknown): ReadonlyMap<string, Json> {
  let attributes: Map<string, Json>;
  try {
    attributes = attributesOf(isObject(value) ? value["attributes"] : undefined);
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    return new Map([[`otel.invalid_${what}`, error.message]]);
  }
  let left = MAX_SHARED;
  let dropped = 0;
  for (const [name, each] of attributes) {
    const size = name.length + (typeof each === "string" ? each : JSON.stringify(each)).length;
    if (size <= left) left -= size;
    else {
      attributes.delete(name);
      dropped++;
    }
  }
  if (dropped > 0) attributes.set(`otel.${what}.dropped_attributes_count`, dropped);
  return attributes;
}

function scopeOf(value: unknown): Scope {
  const { name, version } = isObject(value) ? value : {};
  const textOf = (text: unknown) => (typeof text === "string" ? text.slice(0, MAX_NAME) : "");
  return { name: textOf(name), version: textOf(version), attributes: sharedOf("scope", value) };
}
