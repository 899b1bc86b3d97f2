import type { Json } from "../../core/json.ts";
import { encode, type SpanRecord } from "../../core/record.ts";
import { searchText } from "../search-text.ts";
import { words } from "../words.ts";

/** A record in a row of `payloads`: long texts are there once, and full text finds them where they are. */
export interface TextColumns {
  /** Long texts of input and output as they are, a newline between; empty when `line` is the whole record. */
  readonly texts: string;
  /** The words that the database does not find in `texts` by splitting it at what is ASCII and no letter or digit. */
  readonly words: string;
  /** The record's JSON, with a place for each of `texts`, and without its ids, which are columns. */
  readonly line: string;
}

/** A place is this, which JSON leaves as it is, and how many UTF-16 units stood there. */
const PLACE = "\x7f";
/** Shorter texts would take more room with their places than in two copies. */
const LONG = 32;
/** What is nested deeper stays whole, and so needs no recursion. */
const MAX_DEPTH = 32;
const BEYOND_ASCII = /[^\0-\x7f]/;
const RUN = /[0-9A-Za-z\u0080-\uffff]+/g;
/** The one letter whose small form depends on what is around it. */
const SIGMA = "\u03a3";

export function textColumns(record: SpanRecord): TextColumns {
  return withoutTexts(record) ?? { texts: "", words: searchText(record), line: encode(record) };
}

/** Undefined for a record that JSON would make something else of, or where a place could be mistaken. */
function withoutTexts(record: SpanRecord): TextColumns | undefined {
  if (!isPlain(record)) return undefined;
  const texts: string[] = [];
  const beside = [record.name];
  const message = record.error?.message ?? record.status.message;
  if (typeof message === "string") beside.push(message);
  let isOdd = false;

  function hollow(value: Json | undefined, depth: number): Json | undefined {
    if (typeof value === "string") return placeOf(value);
    if (typeof value === "number") beside.push(String(value));
    if (typeof value !== "object" || value === null) {
      isOdd ||= typeof value === "function";
      return value;
    }
    isOdd ||= depth === MAX_DEPTH || (Array.isArray(value) && Object.hasOwn(value, "toJSON"));
    if (isOdd) return value;
    if (Array.isArray(value)) return value.map((inside) => hollow(inside, depth + 1) as Json);
    isOdd = !isPlain(value) || Object.hasOwn(value, "__proto__");
    const copy: { [key: string]: Json } = {};
    for (const key of Object.keys(value)) copy[key] = hollow(value[key], depth + 1) as Json;
    return copy;
  }

  function placeOf(text: string): string {
    const isPlace = text.startsWith(PLACE);
    if (text.length < LONG && !isPlace) {
      beside.push(text);
      return text;
    }
    if (!isKept(text)) {
      isOdd ||= isPlace;
      beside.push(text);
      return text;
    }
    texts.push(text);
    // A tenth of what the expression takes.
    if (Buffer.byteLength(text) !== text.length) beside.push(beyondAscii(text));
    return PLACE + text.length;
  }

  const rest = { ...record };
  if (isKept(record.traceId)) rest.traceId = "";
  if (isKept(record.spanId)) rest.spanId = "";
  if (record.input !== undefined) rest.input = hollow(record.input, 0) as Json;
  if (record.output !== undefined) rest.output = hollow(record.output, 0) as Json;
  if (isOdd || texts.length === 0) return undefined;
  return { texts: texts.join("\n"), words: words(beside.join(" ")), line: JSON.stringify(rest) };
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether a column keeps the text, and no reader takes a part of it for its end. */
function isKept(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed() && !text.includes("\0");
}

/**
 * Of a text with characters beyond ASCII, the parts that the database may split elsewhere than `words` does: a dash or a
 * capital is a letter like any other there. What it finds besides is no word that anyone could ask for.
 */
function beyondAscii(text: string): string {
  if (text.includes(SIGMA)) return text;
  return text
    .match(RUN)!
    .filter((run) => BEYOND_ASCII.test(run))
    .join(" ");
}

/** The record again, out of its columns. */
export function recordOf(texts: string, line: string, traceId: string, spanId: string): SpanRecord {
  const record: any = JSON.parse(line);
  if (texts === "") return record;
  if (record.traceId === "") record.traceId = traceId;
  if (record.spanId === "") record.spanId = spanId;
  let begin = 0;
  const fill = (value: any): any => {
    if (typeof value === "string") {
      if (!value.startsWith(PLACE)) return value;
      const end = begin + Number(value.slice(1));
      const text = texts.slice(begin, end);
      begin = end + 1;
      return text;
    }
    if (typeof value === "object" && value !== null)
      for (const key of Object.keys(value)) value[key] = fill(value[key]);
    return value;
  };
  if (record.input !== undefined) record.input = fill(record.input);
  if (record.output !== undefined) record.output = fill(record.output);
  return record;
}
