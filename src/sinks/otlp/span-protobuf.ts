import type { SpanRecord } from "../../core/record.ts";
import type { AttributeValue } from "../../semconv/attributes.ts";
import { cutText } from "../../semconv/cut-text.ts";
import { isDouble as isDoubleByConvention } from "../../semconv/is-double.ts";
import { anyValue, wellFormed } from "./any-value.ts";
import { attributeNames } from "./attribute-names.ts";
import { type Bytes, MAX_HEAD_BYTES, reserve, varintSize, writeBytes, writeHead, writeVarint } from "./bytes.ts";
import { checkSpan, flagsOf, isCommon, kindOf, STATUS_CODES } from "./span-parts.ts";
import { partToProtobuf } from "./to-protobuf.ts";
import { spanOf, type TracesForm } from "./traces.ts";

/** What a span takes beside its name and attributes, and more. */
const FIXED_BYTES = 128;
/** Tag and length of a span of 128 bytes to 16 KB. */
const HEAD_BYTES = 3;
/** Below it, a call of `Buffer` costs more than a loop over the characters. */
const SHORT = 96;

/**
 * Spans as field 2 of `ScopeSpans`: the bytes that `toProtobuf` makes of `spanOf`, without the objects in between. What few
 * spans have goes through these objects.
 */
export function spanProtobuf(form: TracesForm): (out: Bytes, record: SpanRecord) => void {
  const { direct, isDouble = isDoubleByConvention, valueLength = Number.POSITIVE_INFINITY } = form;
  const names = attributeNames(isDouble);
  let out: Bytes;

  /** Each a field 9: key 1 and value 2, of which a text is field 1. */
  const attributes = {
    take(name: string, value: AttributeValue): void {
      const known = names.get(name);
      const key = known.protobuf;
      if (typeof value !== "string") {
        const any = partToProtobuf("AnyValue", anyValue(value, known.isDouble, valueLength));
        begin(key, any.length);
        writeBytes(out, any);
        return;
      }
      const text = valueLength === Number.POSITIVE_INFINITY ? value : cutText(wellFormed(value), valueLength);
      const size = byteLength(text);
      begin(key, 1 + varintSize(size) + size);
      string(out, 1, text, size);
    },
  };

  function begin(key: Uint8Array, any: number): void {
    reserve(out, 2 * MAX_HEAD_BYTES + key.length + any);
    writeHead(out, 9, key.length + 1 + varintSize(any) + any);
    const { buffer, at } = out;
    for (let i = 0; i < key.length; i++) buffer[at + i] = key[i]!;
    out.at += key.length;
    writeHead(out, 2, any);
  }

  function byObjects(record: SpanRecord): void {
    const bytes = partToProtobuf("Span", spanOf(record, form));
    reserve(out, MAX_HEAD_BYTES);
    writeHead(out, 2, bytes.length);
    writeBytes(out, bytes);
  }

  return (into, record) => {
    out = into;
    if (direct === undefined || !isCommon(record)) {
      byObjects(record);
      return;
    }
    checkSpan(record);
    const start = out.at;
    const name = wellFormed(direct.name(record));
    const size = byteLength(name);
    reserve(out, FIXED_BYTES + size);
    out.at += HEAD_BYTES;
    id(out, 1, record.traceId);
    id(out, 2, record.spanId);
    if (record.parentSpanId !== undefined) id(out, 4, record.parentSpanId);
    if (size > 0) string(out, 5, name, size);
    const kind = kindOf(record);
    if (kind !== 0) number(out, 6, kind);
    time(out, 7, record.startTime);
    time(out, 8, record.endTime);
    names.begin();
    direct.take(record, attributes);
    if (names.isOdd) {
      out.at = start;
      byObjects(record);
      return;
    }
    reserve(out, FIXED_BYTES);
    const code = STATUS_CODES[record.status.code];
    writeHead(out, 15, code === 0 ? 0 : 2);
    if (code !== 0) number(out, 3, code);
    flags(out, flagsOf(record));
    finish(out, start);
  };
}

/** Writes the head of the span, which is moved where its length does not take two bytes. */
function finish(out: Bytes, start: number): void {
  const end = out.at;
  const size = end - start - HEAD_BYTES;
  const head = 1 + varintSize(size);
  if (head !== HEAD_BYTES) out.buffer.copyWithin(start + head, start + HEAD_BYTES, end);
  out.at = start;
  writeHead(out, 2, size);
  out.at += size;
}

/** In UTF-8. */
function byteLength(text: string): number {
  if (text.length >= SHORT) return Buffer.byteLength(text);
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 128) return Buffer.byteLength(text);
  return text.length;
}

function string(out: Bytes, field: number, text: string, size: number): void {
  writeHead(out, field, size);
  const { buffer, at } = out;
  out.at += size;
  if (size !== text.length) buffer.write(text, at, size);
  else if (size >= SHORT) buffer.write(text, at, size, "latin1");
  else for (let i = 0; i < size; i++) buffer[at + i] = text.charCodeAt(i);
}

/** Lower-case hex digits: `checkSpan` has seen them. */
function id(out: Bytes, field: number, digits: string): void {
  writeHead(out, field, digits.length / 2);
  const { buffer } = out;
  let { at } = out;
  for (let i = 0; i < digits.length; i += 2) {
    buffer[at++] = digitOf(digits.charCodeAt(i)) * 16 + digitOf(digits.charCodeAt(i + 1));
  }
  out.at = at;
}

function digitOf(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}

function number(out: Bytes, field: number, value: number): void {
  out.buffer[out.at++] = field * 8;
  writeVarint(out, value);
}

/** `fixed64`, up to 20 decimal digits: in two steps of 2^53 at most, as a `BigInt` costs ten times as much. */
function time(out: Bytes, field: number, decimal: string): void {
  if (decimal === "0") return;
  const middle = Math.max(0, decimal.length - 9);
  const seconds = digits(decimal, 0, middle);
  const low = (seconds % 0x10000) * 1e9 + digits(decimal, middle, decimal.length);
  const high = Math.floor(seconds / 0x10000) * 1e9;
  const sum = (high % 0x10000) * 0x10000 + low;
  out.buffer[out.at++] = field * 8 + 1;
  uint32(out, sum % 0x100000000);
  uint32(out, Math.floor(high / 0x10000) + Math.floor(sum / 0x100000000));
}

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let i = from; i < to; i++) value = value * 10 + text.charCodeAt(i) - 48;
  return value;
}

function uint32(out: Bytes, value: number): void {
  const { buffer, at } = out;
  buffer[at] = value;
  buffer[at + 1] = value >>> 8;
  buffer[at + 2] = value >>> 16;
  buffer[at + 3] = value >>> 24;
  out.at = at + 4;
}

/** Field 16, `fixed32`. */
function flags(out: Bytes, value: number): void {
  writeVarint(out, 16 * 8 + 5);
  uint32(out, value);
}
