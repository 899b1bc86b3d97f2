import type { Json, JsonObject } from "../../core/json.ts";
import { isTime } from "../../sinks/otlp/is-time.ts";
import { isObject, textOf } from "../json-value.ts";
import { Unreadable } from "../unreadable.ts";

/** Maps and lists in an attribute. OpenTelemetry's limit is 64. */
const MAX_DEPTH = 100;

/** The values of attributes by their names. */
export function attributesOf(list: unknown): Map<string, Json> {
  const attributes = new Map<string, Json>();
  if (list === undefined || list === null) return attributes;
  if (!Array.isArray(list)) throw new Unreadable("its attributes are no list");
  for (const each of list) {
    if (!isObject(each) || typeof each["key"] !== "string") continue;
    const value = jsonOf(each["value"], 0);
    if (value !== null) attributes.set(each["key"], value);
  }
  return attributes;
}

export function objectOf(list: unknown): JsonObject | undefined {
  const attributes = attributesOf(list);
  return attributes.size === 0 ? undefined : Object.fromEntries(attributes);
}

/** An `AnyValue` as JSON. Integers that a number cannot hold stay decimal text, bytes are base64. */
export function jsonOf(value: unknown, depth: number = 0): Json {
  if (!isObject(value)) return null;
  if (depth > MAX_DEPTH) throw new Unreadable(`an attribute is nested deeper than ${MAX_DEPTH}`);
  const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } = value;
  if (stringValue !== undefined) return textOf(stringValue);
  if (boolValue !== undefined) return boolValue === true || boolValue === "true";
  if (intValue !== undefined) return wholeOf(intValue);
  if (doubleValue !== undefined) return typeof doubleValue === "number" ? doubleValue : doubleOf(textOf(doubleValue));
  if (bytesValue !== undefined) return textOf(bytesValue);
  if (isObject(arrayValue)) return listOf(arrayValue["values"]).map((each) => jsonOf(each, depth + 1));
  if (!isObject(kvlistValue)) return null;
  const pairs = listOf(kvlistValue["values"]).filter(isObject);
  return Object.fromEntries(pairs.map((pair) => [textOf(pair["key"]), jsonOf(pair["value"], depth + 1)]));
}

function wholeOf(value: Json): Json {
  if (typeof value === "number") return value;
  const text = textOf(value);
  const number = Number(text);
  return text !== "" && Number.isSafeInteger(number) ? number : text;
}

function doubleOf(text: string): Json {
  const number = Number(text);
  // JSON has no word for NaN and the infinities.
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Epoch nanoseconds, given as decimal text or as a number; `undefined` for 0, which OTLP says for none. */
export function timeOf(value: unknown): string | undefined {
  if (typeof value === "number" && value > 0 && value < 2 ** 64) return String(BigInt(Math.trunc(value)));
  if (typeof value !== "string" || !isTime(value)) return undefined;
  const digits = value.replace(/^0+/, "");
  return digits === "" ? undefined : digits;
}

/**
 * An id of `bytes` bytes, in hex of any case, or in base64, which is what protobuf's own JSON makes of it. `undefined` for
 * none: absent, empty or all zero.
 *
 * @throws Unreadable for anything else
 */
export function idOf(value: unknown, bytes: number, what: string): string | undefined {
  if (value === undefined || value === null || value === "") return undefined;
  const text = textOf(value);
  const hex = text.length === bytes * 2 ? text.toLowerCase() : hexOfBase64(text, bytes);
  if (hex === undefined || !/^[0-9a-f]*$/.test(hex)) throw new Unreadable(`its ${what} is not of ${bytes} bytes`);
  return /^0*$/.test(hex) ? undefined : hex;
}

function hexOfBase64(text: string, bytes: number): string | undefined {
  if (!/^[A-Za-z0-9+/_-]{1,32}={0,2}$/.test(text)) return undefined;
  const decoded = Buffer.from(text, "base64");
  return decoded.length === bytes ? decoded.toString("hex") : undefined;
}
