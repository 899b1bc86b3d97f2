import { isMap, isProxy, isSet } from "node:util/types";
import type { Captured } from "../core/capture.ts";
import { grouped } from "../core/grouped.ts";
import type { Json } from "../core/record.ts";
import {
  bytesOf,
  element,
  isDomException,
  isError,
  lookup,
  nameOf,
  own,
  placeholderOf,
  primitiveOf,
  sizeOf,
} from "./exotic.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { isHeaderItem } from "./lists.ts";
import { REDACTED, REDACTION_FAILED, type Redactor } from "./redact.ts";
import { cut, type Frame, type Key, longName, note, pathOf, rest, room, startWalk, text, type Walk } from "./walk.ts";

export interface Snapshot extends Captured {
  /** Values and names visited plus characters read: what bounds the time. */
  readonly work: number;
}

type JsonObject = { [key: string]: Json };

const UNCAPTURABLE = "[Uncapturable]";

/**
 * Copies any value into plain JSON as it is now, bounded and masked, in one walk. Never throws, and runs no code of the
 * value's but `toJSON`.
 *
 * Breadth first, so that what the limits allow is spent on the upper levels. Where `JSON.stringify` gives a sensible
 * result the copy equals it; a text such as `[BigInt 10]` stands for everything else.
 */
export function snapshot(value: unknown, root: string, limits: Limits, redactor: Redactor | undefined): Snapshot {
  // Settled without a walk: most results are such, or nothing at all.
  if (value === null || typeof value === "boolean") return { value, bytes: 16, work: 1 };
  if (typeof value === "number" && Number.isFinite(value) && redactor?.number === undefined) {
    return { value: value + 0, bytes: 16, work: 1 };
  }
  const walk = startWalk(root, limits, redactor);
  const { frames, cuts } = walk;
  let copied: Json | undefined;
  try {
    copied = copy(walk, value, undefined, root);
    for (let i = 0; i < frames.length; i++) {
      const frame = frames[i]!;
      try {
        frame.fill(walk, frame);
      } catch {
        note(frame, UNCAPTURABLE);
      }
    }
  } catch {
    copied = UNCAPTURABLE;
  }
  // Two bytes a character: nothing tells strings of one byte from others, and the bound must hold for both.
  const bytes = walk.characters * 2 + walk.nodes * 16 + frames.length * 64;
  const work = walk.nodes + walk.names + walk.characters + walk.extra;
  return cuts.length === 0 ? { value: copied, bytes, work } : { value: copied, bytes, cuts, work };
}

function copy(walk: Walk, value: unknown, parent: Frame | undefined, key: Key): Json | undefined {
  switch (typeof value) {
    case "string":
      return text(walk, value, parent, key);
    case "number":
      // Adding 0 turns -0 into 0, as JSON does.
      return Number.isFinite(value) ? (walk.redactor?.number?.(value) ?? value + 0) : `[${value}]`;
    case "boolean":
      return value;
    case "object":
      return value === null ? null : object(walk, value, parent, key, true);
    case "undefined":
      return undefined;
    case "bigint":
      // Decimal digits of a huge one take quadratic time.
      return BigInt.asIntN(1024, value) === value ? `[BigInt ${value}]` : "[BigInt over 1,024 bits]";
    case "symbol":
      return text(walk, `[${String(value)}]`, parent, key);
    case "function":
      return isProxy(value) ? "[Proxy]" : text(walk, `[Function ${nameOf(value)}]`, parent, key);
  }
}

/** Settles what stands for itself at once and queues what has entries. `convert` is false for what `toJSON` gave. */
function object(walk: Walk, value: object, parent: Frame | undefined, key: Key, convert: boolean): Json | undefined {
  if (isProxy(value)) return "[Proxy]";
  for (let up = parent; up !== undefined; up = up.parent) {
    if (up.source === value) return `[Circular ${pathOf(up, "$")}]`;
  }
  const isArray = Array.isArray(value);
  const prototype = Object.getPrototypeOf(value);
  const isPlain = prototype === (isArray ? Array.prototype : Object.prototype) || prototype === null;
  if (!isPlain && !isArray) {
    const bytes = bytesOf(value);
    if (bytes !== undefined) {
      cut(walk, parent, key, "bytes", bytes);
      return { $type: "Buffer", bytes };
    }
    if (isError(value)) return enter(walk, value, parent, key, { $type: "Error" }, fillError);
    const primitive = primitiveOf(value);
    if (primitive !== undefined) return copy(walk, primitive, parent, key);
  }
  if (convert && (!isPlain || "toJSON" in value)) {
    const toJson = lookup(value, "toJSON");
    if (typeof toJson === "function" && !isProxy(toJson)) return converted(walk, value, toJson, parent, key);
  }
  if (isArray) return enter(walk, value, parent, key, [], fillArray);
  if (isMap(value) || isSet(value)) return collection(walk, value, parent, key);
  return (isPlain ? undefined : placeholderOf(value)) ?? enter(walk, value, parent, key, {}, fillObject);
}

/** `toJSON` counts once: its result is copied as it is. */
function converted(walk: Walk, value: object, toJson: Function, parent: Frame | undefined, key: Key): Json | undefined {
  let result: unknown;
  try {
    result = Reflect.apply(toJson, value, [String(key)]);
  } catch {
    return "[toJSON threw]";
  }
  if (typeof result === "object" && result !== null) return object(walk, result, parent, key, false);
  return copy(walk, result, parent, key);
}

function collection(
  walk: Walk,
  value: Map<unknown, unknown> | Set<unknown>,
  parent: Frame | undefined,
  key: Key,
): Json {
  const target: Json[] = [];
  const entered = enter(walk, value, parent, key, target, isMap(value) ? fillMap : fillSet);
  if (entered !== target) return entered;
  return isMap(value) ? { $type: "Map", entries: target } : { $type: "Set", values: target };
}

function enter(
  walk: Walk,
  source: object,
  parent: Frame | undefined,
  key: Key,
  target: Frame["target"],
  fill: Frame["fill"],
): Json {
  const depth = parent === undefined ? 0 : parent.depth + 1;
  if (depth >= walk.limits.depth) {
    const size = Array.isArray(source) ? source.length : undefined;
    cut(walk, parent, key, "depth", size);
    return size === undefined ? "[cut object]" : `[cut array of ${grouped(size)}]`;
  }
  walk.frames.push({ source, target, parent, key, depth, fill });
  return target;
}

function fillArray(walk: Walk, frame: Frame): void {
  const source = frame.source as unknown[];
  const target = frame.target as Json[];
  const { length } = source;
  const kept = room(walk, length, 1);
  const read = Object.getPrototypeOf(source) === Array.prototype ? element : own;
  const isList = walk.redactor !== undefined && length % 2 === 0 && typeof read(source, 0) === "string";
  for (let i = 0; i < kept; i++) {
    const item = read(source, i);
    const isSecret = isList && i % 2 === 1 && isSecretItem(walk.redactor!, read(source, i - 1), item, frame);
    target.push(isSecret ? REDACTED : (copy(walk, item, frame, i) ?? null));
  }
  rest(walk, frame, kept, length);
}

/** The value of a name in `[["password", "…"], …]`, `["Cookie", "…"]`, or among Node's flat `rawHeaders`. */
function isSecretItem(redactor: Redactor, name: unknown, value: unknown, frame: Frame): boolean {
  if (typeof name !== "string" || name.length > LIMITS.name || !redactor.key(name)) return false;
  const isPair = (frame.source as unknown[]).length === 2 && typeof frame.key === "number";
  return isPair || (typeof value === "string" && isHeaderItem(name, value));
}

function fillMap(walk: Walk, frame: Frame): void {
  const size = sizeOf(frame.source);
  const kept = room(walk, size, 2);
  let i = 0;
  for (const [name, value] of Map.prototype.entries.call(frame.source)) {
    if (i === kept) break;
    const isSecret = typeof name === "string" && walk.redactor?.key(name) === true;
    const shown = copy(walk, name, frame, i) ?? null;
    (frame.target as Json[]).push([shown, isSecret ? REDACTED : (copy(walk, value, frame, i) ?? null)]);
    i++;
  }
  rest(walk, frame, kept, size);
}

function fillSet(walk: Walk, frame: Frame): void {
  const size = sizeOf(frame.source);
  const kept = room(walk, size, 1);
  let i = 0;
  for (const value of Set.prototype.values.call(frame.source)) {
    if (i === kept) break;
    (frame.target as Json[]).push(copy(walk, value, frame, i++) ?? null);
  }
  rest(walk, frame, kept, size);
}

function fillError(walk: Walk, frame: Frame): void {
  const { source } = frame;
  const target = frame.target as JsonObject;
  if (isDomException(source)) {
    walk.nodes += 3;
    target["name"] = text(walk, source.name, frame, "name");
    target["message"] = text(walk, source.message, frame, "message");
    target["code"] = source.code;
    return;
  }
  const name = lookup(source, "name");
  target["name"] = text(walk, typeof name === "string" ? name : nameOf(source), frame, "name");
  target["message"] = "";
  const names = new Set(["message", "code", "cause", "errors", ...ownNames(walk, frame)]);
  names.delete("name");
  fillNamed(walk, frame, [...names]);
}

function fillObject(walk: Walk, frame: Frame): void {
  fillNamed(walk, frame, ownNames(walk, frame));
}

/** V8 lists all names or none, so what is left of the limits decides before it is asked. */
function ownNames(walk: Walk, frame: Frame): readonly string[] {
  if (walk.nodes >= walk.limits.nodes || walk.names >= walk.limits.names) {
    note(frame, "[cut entries]");
    cut(walk, frame.parent, frame.key, "nodes");
    return [];
  }
  const names = Object.keys(frame.source);
  walk.names += names.length;
  return names;
}

function fillNamed(walk: Walk, frame: Frame, names: readonly string[]): void {
  const kept = room(walk, names.length, 1);
  for (let i = 0; i < kept; i++) property(walk, frame, names[i]!, i);
  rest(walk, frame, kept, names.length);
}

function property(walk: Walk, frame: Frame, name: string, index: number): void {
  const value = own(frame.source, name);
  if (value === undefined) return;
  const { limits, redactor } = walk;
  const target = frame.target as JsonObject;
  let shown = name.length > limits.short ? longName(walk, frame, name) : name;
  let isSecret = false;
  if (redactor !== undefined) {
    const known = redactor.name(shown);
    // The `token` of a model's `logprob` is a piece of its answer.
    isSecret =
      (known.secret ||
        // Of a test it is the outcome, of an account the password.
        (typeof value === "string" && (name === "pass" || name === "Pass")) ||
        (shown !== name && redactor.key(name.slice(-limits.name)))) &&
      !(name === "token" && Object.hasOwn(frame.source, "logprob"));
    shown = known.shown;
    if (shown === REDACTION_FAILED) cut(walk, frame, shown, "redaction_failed");
  }
  if (shown !== name && Object.hasOwn(target, shown)) shown += ` #${index}`;
  const copied = isSecret ? REDACTED : copy(walk, value, frame, shown);
  if (copied === undefined) return;
  if (shown !== "__proto__") target[shown] = copied;
  else Object.defineProperty(target, shown, { value: copied, enumerable: true, configurable: true, writable: true });
}
