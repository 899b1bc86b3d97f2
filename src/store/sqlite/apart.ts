import type { Json } from "../../core/json.ts";
import type { SpanRecord } from "../../core/record.ts";
import { isWellFormed } from "../plain-text.ts";

/** From how many characters on a text of a payload stands apart from the JSON: shorter ones are not worth it. */
const LONG = 64;
/** What stands in its place; a text that is nothing else stands apart too. */
const MARK = "~";
/** As JSON. */
export const MARK_LENGTH = 3;
/** What is nested deeper is left as it is. */
const MAX_DEPTH = 64;

/** After a text that stands apart, and after the last of a record: bytes that no UTF-8 has. */
export const TEXT_END = 0xff;
export const RECORD_END = 0xfe;

/**
 * A span's line of JSON, and the long texts of its payloads beside it: they are most of it, and to escape and to parse
 * them takes longer than all the rest. Without texts: the whole record.
 */
export function takeApart(record: SpanRecord): { readonly json: string; readonly texts: readonly string[] } {
  const texts: string[] = [];
  const [input, output] = [without(record.input, texts, 0), without(record.output, texts, 0)];
  if (input === NOT_PLAIN || output === NOT_PLAIN || texts.length === 0 || typeof (record as any).toJSON === "function")
    return { json: JSON.stringify(record), texts: [] };
  return { json: JSON.stringify({ ...record, input, output }), texts };
}

/** What JSON might write in another way than we copy it. */
const NOT_PLAIN: unique symbol = Symbol();

function without(value: unknown, texts: string[], depth: number): any {
  if (typeof value === "string") {
    if (value.length < LONG && value !== MARK) return value;
    if (!isWellFormed(value)) return NOT_PLAIN;
    texts.push(value);
    return MARK;
  }
  if (typeof value === "function") return NOT_PLAIN;
  if (typeof value !== "object" || value === null) return value;
  if (depth === MAX_DEPTH || typeof (value as any).toJSON === "function") return NOT_PLAIN;
  if (Array.isArray(value)) {
    const copy = new Array(value.length);
    for (let i = 0; i < value.length; i++) {
      const inside = (copy[i] = without(value[i], texts, depth + 1));
      if (inside === NOT_PLAIN) return NOT_PLAIN;
    }
    return copy;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) return NOT_PLAIN;
  const copy: { [key: string]: unknown } = {};
  for (const key of Object.keys(value)) {
    const inside = without((value as any)[key], texts, depth + 1);
    if (inside === NOT_PLAIN || key === "__proto__") return NOT_PLAIN;
    copy[key] = inside;
  }
  return copy;
}

/** The texts between two places, of which each has its end. */
export function readTexts(bytes: Buffer, from: number, to: number): string[] {
  const texts: string[] = [];
  for (let at = from; at < to; ) {
    const end = bytes.indexOf(TEXT_END, at);
    texts.push(bytes.toString("utf8", at, end));
    at = end + 1;
  }
  return texts;
}

/** Puts the texts back, from one on; changes what is given. @returns it, and how many texts it has taken */
export function putBack(value: Json | undefined, texts: readonly string[], from = 0): [value: any, taken: number] {
  let next = from;
  const put = (inside: any): any => {
    if (inside === MARK) return texts[next++];
    if (typeof inside !== "object" || inside === null) return inside;
    if (Array.isArray(inside)) for (let i = 0; i < inside.length; i++) inside[i] = put(inside[i]);
    else for (const key of Object.keys(inside)) inside[key] = put(inside[key]);
    return inside;
  };
  const whole = texts.length > from ? put(value) : value;
  return [whole, next - from];
}

/** A record of its line and the texts that stood apart. */
export function putTogether(json: string, texts: readonly string[]): SpanRecord {
  const record = JSON.parse(json);
  if (texts.length === 0) return record;
  const [input, taken] = putBack(record.input, texts);
  const [output] = putBack(record.output, texts, taken);
  return Object.assign(record, input !== undefined && { input }, output !== undefined && { output });
}
