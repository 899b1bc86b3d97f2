import type { AnyValue, KeyValue, LogsData, MetricsData, OtlpSpan, Resource, Scope, TracesData } from "./messages.ts";
import { type Field, MESSAGES, type Scalar } from "./protobuf-fields.ts";
import * as writer from "./protobuf-writer.ts";

type Output = writer.Output;
type Write = (out: Output, value: any) => void;
type Fields = { readonly [name: string]: any };

/** A scalar type: the low bits of its tag, what a reader assumes of a field that is not there, how a value is written. */
interface Kind {
  readonly wire: 0 | 1 | 2 | 5;
  readonly zero: unknown;
  readonly write: Write;
}

const KINDS: { readonly [type in Scalar]: Kind } = {
  string: { wire: 2, zero: "", write: writer.string },
  bytes: { wire: 2, zero: "", write: writer.hex },
  bool: { wire: 0, zero: false, write: (out, value: boolean) => writer.varint(out, value ? 1 : 0) },
  enum: { wire: 0, zero: 0, write: writer.varint },
  uint32: { wire: 0, zero: 0, write: writer.varint },
  int64: { wire: 0, zero: "0", write: writer.int64 },
  fixed32: { wire: 5, zero: 0, write: writer.fixed32 },
  fixed64: { wire: 1, zero: "0", write: writer.fixed64 },
  sfixed64: { wire: 1, zero: "0", write: writer.fixed64 },
  double: { wire: 1, zero: 0, write: (out, value: number | string) => writer.double(out, Number(value)) },
};

/** A field as the loop below wants it. */
interface Step {
  readonly name: string;
  readonly tag: number;
  readonly write: Write;
  /** Not written; `undefined` for what is always written when it is there. */
  readonly zero: unknown;
  /** Several values with a tag each, or `packed` with one for all. */
  readonly list?: "repeated" | "packed" | undefined;
}

const plans = new Map<string, readonly Step[]>();

/** A message that has more than that is not worth its memory for the next one. */
const MAX_KEPT_BYTES = 1024 * 1024;

let kept = writer.createOutput();

/**
 * OTLP's protobuf form of a message in its JSON form.
 *
 * @throws TypeError, RangeError, SyntaxError for ids that are not hex and numbers that are none or out of range
 */
export function toProtobuf(kind: "TracesData", data: TracesData): Buffer;
export function toProtobuf(kind: "LogsData", data: LogsData): Buffer;
export function toProtobuf(kind: "MetricsData", data: MetricsData): Buffer;
export function toProtobuf(kind: string, data: object): Buffer {
  return Buffer.from(partToProtobuf(kind as "Span", data as OtlpSpan));
}

/** The same of a part of these messages, in memory that the next call takes. */
export function partToProtobuf(kind: "Span", data: OtlpSpan): Buffer;
export function partToProtobuf(kind: "Resource", data: Resource): Buffer;
export function partToProtobuf(kind: "InstrumentationScope", data: Scope): Buffer;
export function partToProtobuf(kind: "AnyValue", data: AnyValue): Buffer;
export function partToProtobuf(kind: string, data: object): Buffer {
  const out = kept;
  out.at = out.bytes.length;
  writeMessage(out, planOf(kind), data);
  if (out.bytes.length > MAX_KEPT_BYTES) kept = writer.createOutput();
  return writer.written(out);
}

/** All from the last to the first, as an `Output` is filled from its end. */
function writeMessage(out: Output, plan: readonly Step[], fields: Fields): void {
  for (const { name, tag, write, zero, list } of plan) {
    const value = fields[name];
    if (value === undefined || value === zero || (list !== undefined && value.length === 0)) continue;
    if (list === undefined) {
      write(out, value);
      writer.varint(out, tag);
    } else if (list === "repeated") {
      for (let i = value.length - 1; i >= 0; i--) {
        write(out, value[i]);
        writer.varint(out, tag);
      }
    } else {
      const end = writer.size(out);
      for (let i = value.length - 1; i >= 0; i--) write(out, value[i]);
      writer.varint(out, writer.size(out) - end);
      writer.varint(out, tag);
    }
  }
}

/** A message with its length before it. */
function nested(plan: readonly Step[]): Write {
  return (out, fields: Fields) => {
    const end = writer.size(out);
    writeMessage(out, plan, fields);
    writer.varint(out, writer.size(out) - end);
  };
}

/** Key 1 and value 2, of which a text is field 1: most of what is written, and by the tables twice as dear. */
function keyValue(out: Output, { key, value }: KeyValue): void {
  const end = writer.size(out);
  const { stringValue } = value;
  if (stringValue === undefined) writeMessage(out, planOf("AnyValue"), value);
  else {
    writer.string(out, stringValue);
    writer.varint(out, 1 * 8 + 2);
  }
  writer.varint(out, writer.size(out) - end);
  writer.varint(out, 2 * 8 + 2);
  if (key !== "") {
    writer.string(out, key);
    writer.varint(out, 1 * 8 + 2);
  }
  writer.varint(out, writer.size(out) - end);
}

/** By the numbers of the fields, the last first. Made on first use; known before it is whole, as messages hold one another. */
function planOf(message: string): readonly Step[] {
  const known = plans.get(message);
  if (known !== undefined) return known;
  const plan: Step[] = [];
  plans.set(message, plan);
  const fields = Object.entries(MESSAGES[message]!).sort(([, [a]], [, [b]]) => b - a);
  for (const [name, field] of fields) plan.push(stepOf(name, field));
  return plan;
}

function stepOf(name: string, [number, type, label]: Field): Step {
  const list = label === "repeated" ? label : undefined;
  if (type === "KeyValue") return { name, tag: number * 8 + 2, write: keyValue, zero: undefined, list };
  if (!isScalar(type)) return { name, tag: number * 8 + 2, write: nested(planOf(type)), zero: undefined, list };
  const { wire, zero, write } = KINDS[type];
  // proto3 packs lists of numbers.
  if (list !== undefined && wire !== 2) return { name, tag: number * 8 + 2, write, zero: undefined, list: "packed" };
  return { name, tag: number * 8 + wire, write, zero: label === undefined ? zero : undefined, list };
}

function isScalar(type: string): type is Scalar {
  return Object.hasOwn(KINDS, type);
}
