import type { Json, JsonObject } from "../core/json.ts";
import type { Attributes, AttributeValue } from "./attributes.ts";
import { attributeOf } from "./flatten.ts";
import { jsonText } from "./json-text.ts";
import type { Profile } from "./profile.ts";
import { type AttributeDefinition, type AttributeKey, type AttributeType, ownName, REGISTRY } from "./registry.ts";

type Definitions = ReadonlyMap<AttributeKey, AttributeDefinition>;

/** The registry as maps: an object of its size is slow to look into by a name that varies. */
const DEFINITIONS: { readonly [P in Profile]: Definitions } = {
  "1.36": definitions("1.36"),
  "1.41": definitions("1.41"),
  latest: definitions("latest"),
};

function definitions(profile: Profile): Definitions {
  return new Map(Object.entries(REGISTRY[profile]) as [AttributeKey, AttributeDefinition][]);
}

/** Gets attributes one by one. A name may come again: its last value counts. */
export interface AttributeTarget {
  take(name: string, value: AttributeValue): void;
  /** An object or a list that becomes text. */
  takeJson(name: string, value: object): void;
}

/** Writes attributes under the names and types of one profile. */
export interface AttributeWriter {
  readonly profile: Profile;
  /**
   * A value that is not of the attribute's type goes under our own name instead; what is undefined goes nowhere. `first` and
   * `second` take the places of `{i}` in the name.
   */
  put(key: AttributeKey, value: unknown, first?: number, second?: number): void;
  /** Entries under names of their own, each as it is; what is `null` or undefined goes nowhere. */
  putEach(prefix: string, entries: unknown): void;
}

/** Collects what is written. */
export interface AttributeCollector extends AttributeWriter {
  attributes(): Attributes;
}

/** @param own what goes under our own names though the profile has others for it */
export function attributeWriter(profile: Profile, own?: ReadonlySet<AttributeKey>): AttributeCollector {
  return new Collector(profile, own);
}

/** Hands on what is written. */
export function attributeWriterTo(
  target: AttributeTarget,
  profile: Profile,
  own?: ReadonlySet<AttributeKey>,
): AttributeWriter {
  return new Writer(profile, own, target);
}

/** A class, as there is one for each span that is sent. */
class Writer implements AttributeWriter {
  readonly profile: Profile;
  readonly #definitions: Definitions;
  readonly #own: ReadonlySet<AttributeKey> | undefined;
  readonly #target: AttributeTarget;

  constructor(profile: Profile, own: ReadonlySet<AttributeKey> | undefined, target: AttributeTarget) {
    this.profile = profile;
    this.#definitions = DEFINITIONS[profile];
    this.#own = own;
    this.#target = target;
  }

  /** Apart from `#put`, as most of what may be said of a span is not. */
  put(key: AttributeKey, value: unknown, first?: number, second?: number): void {
    if (value !== undefined && value !== null) this.#put(key, value, first, second);
  }

  #put(key: AttributeKey, value: NonNullable<unknown>, first?: number, second?: number): void {
    const { name: official, type } = this.#definitions.get(key)!;
    let name: string = this.#own?.has(key) ? ownName(official) : official;
    if (first !== undefined) name = name.replace("{i}", String(first));
    if (second !== undefined) name = name.replace("{i}", String(second));
    if (type === "json") this.#putJson(name, value);
    else if (fits(value, type)) this.#target.take(name, value);
    else this.#set(name.startsWith("sightline.") ? name : ownName(name), value as Json);
  }

  #putJson(name: string, value: NonNullable<unknown>): void {
    if (typeof value === "object") this.#target.takeJson(name, value);
    else this.#target.take(name, jsonText(value));
  }

  putEach(prefix: string, entries: unknown): void {
    if (typeof entries !== "object" || entries === null) return;
    for (const [name, value] of Object.entries(entries as JsonObject)) {
      // A name must not be empty (OpenTelemetry's specification, common/attribute).
      if (value !== undefined && prefix + name !== "") this.#set(prefix + name, value);
    }
  }

  #set(name: string, value: Json): void {
    const attribute = attributeOf(value);
    if (attribute !== undefined) this.#target.take(name, attribute);
  }
}

class Collector extends Writer implements AttributeCollector {
  readonly #written: { [name: string]: AttributeValue };

  constructor(profile: Profile, own: ReadonlySet<AttributeKey> | undefined) {
    const written: { [name: string]: AttributeValue } = {};
    super(profile, own, {
      take,
      takeJson: (name, value) => take(name, JSON.stringify(value)),
    });
    function take(name: string, value: AttributeValue): void {
      if (name !== "__proto__") written[name] = value;
      // Not by assignment, which takes it for something else.
      else Object.defineProperty(written, name, { value, enumerable: true, configurable: true, writable: true });
    }
    this.#written = written;
  }

  attributes(): Attributes {
    return this.#written;
  }
}

function fits(value: unknown, type: Exclude<AttributeType, "json">): value is AttributeValue {
  if (type === "string[]") return Array.isArray(value) && value.every((item) => typeof item === "string");
  if (type === "int") return Number.isSafeInteger(value);
  return typeof value === (type === "double" ? "number" : type);
}
