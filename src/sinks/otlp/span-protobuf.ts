import { isPlainRecord, json } from "../../core/line.ts";
import type { Json, SpanRecord } from "../../core/record.ts";
import { cutText } from "../../semconv/cut-text.ts";
import { isDouble as isDoubleByConvention } from "../../semconv/is-double.ts";
import { anyValue, wellFormed } from "./any-value.ts";
import { attributeNames } from "./attribute-names.ts";
import {
  type Bytes,
  copySmall,
  createBytes,
  MAX_HEAD_BYTES,
  reserve,
  varintSize,
  writeBytes,
  writeFixed32,
  writeFixed64,
  writeHead,
  writeString,
  writeVarint,
  written,
} from "./bytes.ts";
import { idBytes } from "./id-bytes.ts";
import { sharedParts } from "./shared-parts.ts";
import { checkSpan, checkTimes, flagsOf, isCommon, kindOf, STATUS_CODES } from "./span-parts.ts";
import { partToProtobuf } from "./to-protobuf.ts";
import { spanOf, type TracesForm } from "./traces.ts";

/** What a span takes beside its name and attributes, and more. */
const FIXED_BYTES = 128;
/** Tag and length of a span of 128 bytes to 16 KB. */
const HEAD_BYTES = 3;

/** Writes the spans of a batch after each other. */
export interface SpanProtobuf {
  /** A batch begins. */
  begin(): void;
  /** As field 2 of `ScopeSpans`. */
  write(into: Bytes, record: SpanRecord): void;
}

/**
 * Spans as protobuf: the bytes that `toProtobuf` makes of `spanOf`, without the objects in between. What few spans have
 * goes through these objects.
 */
export function spanProtobuf(form: TracesForm): SpanProtobuf {
  const { direct, isDouble = isDoubleByConvention, valueLength = Number.POSITIVE_INFINITY } = form;
  const names = attributeNames(isDouble);
  const traceIds = idBytes(16);
  const parentIds = idBytes(8);
  const spanIds = idBytes(8);
  let out: Bytes;
  let isPlain = false;

  /** Each a field 9: key 1 and value 2, of which a text is field 1. */
  const writer = direct?.writerTo({
    take(name, value) {
      const known = names.get(name);
      const key = known.protobuf;
      if (typeof value !== "string") {
        const any = partToProtobuf("AnyValue", anyValue(value, known.isDouble, valueLength));
        reserve(out, 2 * MAX_HEAD_BYTES + key.length + any.length);
        begin(key, any.length);
        writeBytes(out, any);
        return;
      }
      addText(key, valueLength === Number.POSITIVE_INFINITY ? value : cutText(wellFormed(value), valueLength));
    },
    takeJson(name, value) {
      const text = isPlain ? json(value as Json) : JSON.stringify(value);
      addText(names.get(name).protobuf, cutText(text, valueLength));
    },
  });

  function addText(key: Uint8Array, text: string): void {
    reserve(out, 3 * MAX_HEAD_BYTES + key.length + 3 * text.length);
    const start = out.at;
    // Nearly all texts are ASCII, which is known for free once they are written.
    if (string(key, text, text.length)) return;
    out.at = start;
    string(key, text, Buffer.byteLength(text));
  }

  function begin(key: Uint8Array, any: number): void {
    writeHead(out, 9, key.length + 1 + varintSize(any) + any);
    copySmall(out, key);
    writeHead(out, 2, any);
  }

  /** Whether the text took so many bytes. */
  function string(key: Uint8Array, text: string, size: number): boolean {
    begin(key, 1 + varintSize(size) + size);
    writeHead(out, 1, size);
    return writeString(out, text) === size;
  }

  const shared = sharedParts((record) => {
    const whole = out;
    out = createBytes(FIXED_BYTES);
    writer!.writeShared(record);
    const part = written(out);
    out = whole;
    return part;
  });

  function byObjects(record: SpanRecord): void {
    const bytes = partToProtobuf("Span", spanOf(record, form));
    reserve(out, MAX_HEAD_BYTES);
    writeHead(out, 2, bytes.length);
    writeBytes(out, bytes);
  }

  function writeName(record: SpanRecord): void {
    const name = wellFormed(direct!.name(record));
    if (name === "") return;
    reserve(out, FIXED_BYTES + 3 * name.length);
    const start = out.at;
    writeHead(out, 5, name.length);
    if (writeString(out, name) === name.length) return;
    out.at = start;
    writeHead(out, 5, Buffer.byteLength(name));
    writeString(out, name);
  }

  function writeAttributes(record: SpanRecord): void {
    names.begin();
    // The user's own may have the same names.
    if (record.attributes === undefined) writeBytes(out, shared.of(record));
    else writer!.writeShared(record);
    writer!.writeOwn(record);
  }

  return {
    begin: shared.begin,
    write(into, record) {
      out = into;
      if (writer === undefined || !isCommon(record)) {
        byObjects(record);
        return;
      }
      isPlain = isPlainRecord(record);
      if (isPlain) checkTimes(record);
      else checkSpan(record);
      const start = out.at;
      reserve(out, FIXED_BYTES);
      out.at += HEAD_BYTES;
      writeHead(out, 1, 16);
      copySmall(out, traceIds(record.traceId));
      writeHead(out, 2, 8);
      copySmall(out, spanIds(record.spanId));
      if (record.parentSpanId !== undefined) {
        writeHead(out, 4, 8);
        copySmall(out, parentIds(record.parentSpanId));
      }
      writeName(record);
      reserve(out, FIXED_BYTES);
      const kind = kindOf(record);
      if (kind !== 0) number(out, 6, kind);
      time(out, 7, record.startTime);
      time(out, 8, record.endTime);
      writeAttributes(record);
      if (names.isOdd) {
        out.at = start;
        byObjects(record);
        return;
      }
      reserve(out, FIXED_BYTES);
      const code = STATUS_CODES[record.status.code];
      writeHead(out, 15, code === 0 ? 0 : 2);
      if (code !== 0) number(out, 3, code);
      writeVarint(out, 16 * 8 + 5);
      writeFixed32(out, flagsOf(record));
      finish(out, start);
    },
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

function number(out: Bytes, field: number, value: number): void {
  out.buffer[out.at++] = field * 8;
  writeVarint(out, value);
}

/** `fixed64`. */
function time(out: Bytes, field: number, decimal: string): void {
  if (decimal === "0") return;
  out.buffer[out.at++] = field * 8 + 1;
  writeFixed64(out, BigInt(decimal));
}
