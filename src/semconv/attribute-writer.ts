import type { Json, JsonObject } from "../core/json.ts";
import type { Attributes, AttributeValue } from "./attributes.ts";
import { attributeOf } from "./flatten.ts";
import { jsonText } from "./json-text.ts";
import type { Profile } from "./profile.ts";
import { type AttributeKey, type AttributeType, ownName, REGISTRY } from "./registry.ts";

const NONE: ReadonlySet<AttributeKey> = new Set();

/** Collects attributes under the names and types of one profile. */
export interface AttributeWriter {
  readonly profile: Profile;
  /**
   * A value that is not of the attribute's type goes under our own name instead; what is undefined goes nowhere. `first` and
   * `second` take the places of `{i}` in the name.
   */
  put(key: AttributeKey, value: unknown, first?: number, second?: number): void;
  /** Entries under names of their own, each as it is; what is `null` or undefined goes nowhere. */
  putEach(prefix: string, entries: unknown): void;
  attributes(): Attributes;
}

/** @param own what goes under our own names though the profile has others for it */
export function attributeWriter(profile: Profile, own: ReadonlySet<AttributeKey> = NONE): AttributeWriter {
  return new Writer(profile, own);
}

/** A class, as there is one for each span that is sent. */
class Writer implements AttributeWriter {
  readonly profile: Profile;
  readonly #own: ReadonlySet<AttributeKey>;
  readonly #written: { [name: string]: AttributeValue } = {};

  constructor(profile: Profile, own: ReadonlySet<AttributeKey>) {
    this.profile = profile;
    this.#own = own;
  }

  put(key: AttributeKey, value: unknown, first?: number, second?: number): void {
    if (value === undefined || value === null) return;
    const { name: official, type } = REGISTRY[this.profile][key];
    let name: string = this.#own.has(key) ? ownName(official) : official;
    if (first !== undefined) name = name.replace("{i}", String(first));
    if (second !== undefined) name = name.replace("{i}", String(second));
    if (type === "json") this.#write(name, jsonText(value));
    else if (fits(value, type)) this.#write(name, value);
    else this.#set(name.startsWith("sightline.") ? name : ownName(name), value as Json);
  }

  putEach(prefix: string, entries: unknown): void {
    if (typeof entries !== "object" || entries === null) return;
    for (const [name, value] of Object.entries(entries as JsonObject)) {
      // A name must not be empty (OpenTelemetry's specification, common/attribute).
      if (value !== undefined && prefix + name !== "") this.#set(prefix + name, value);
    }
  }

  attributes(): Attributes {
    return this.#written;
  }

  #set(name: string, value: Json): void {
    const attribute = attributeOf(value);
    if (attribute !== undefined) this.#write(name, attribute);
  }

  #write(name: string, value: AttributeValue): void {
    if (name !== "__proto__") this.#written[name] = value;
    // Not by assignment, which takes it for something else.
    else Object.defineProperty(this.#written, name, { value, enumerable: true, configurable: true, writable: true });
  }
}

function fits(value: unknown, type: Exclude<AttributeType, "json">): value is AttributeValue {
  if (type === "string[]") return Array.isArray(value) && value.every((item) => typeof item === "string");
  if (type === "int") return Number.isSafeInteger(value);
  return typeof value === (type === "double" ? "number" : type);
}
