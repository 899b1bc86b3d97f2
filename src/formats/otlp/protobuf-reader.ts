import { FormatError } from "../format-error.ts";
import { READ_MESSAGES } from "./protobuf-fields.ts";

/** Messages in messages: an attribute of maps 64 deep, which OpenTelemetry allows, has some 200. */
const MAX_DEPTH = 256;
/** An empty message has two bytes and takes a hundred in memory. */
const MAX_MESSAGES = 4_000_000;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH = 2;
const FIXED32 = 5;

interface Input {
  readonly bytes: Buffer;
  at: number;
  messages: number;
}

type Fields = { [name: string]: unknown };

interface Step {
  readonly name: string;
  readonly wire: number;
  readonly isRepeated: boolean;
  /** A message's steps, or how a scalar is read; `end` is that of a value with a length. */
  readonly plan?: Plan;
  readonly read?: (input: Input, end: number) => unknown;
}

type Plan = ReadonlyMap<number, Step>;

const SCALARS: { readonly [type: string]: { readonly wire: number; readonly read: NonNullable<Step["read"]> } } = {
  string: { wire: LENGTH, read: ({ bytes, at }, end) => bytes.toString("utf8", at, end) },
  bytes: { wire: LENGTH, read: ({ bytes, at }, end) => bytes.toString("hex", at, end) },
  base64: { wire: LENGTH, read: ({ bytes, at }, end) => bytes.toString("base64", at, end) },
  bool: { wire: VARINT, read: (input) => varint(input) !== 0n },
  enum: { wire: VARINT, read: (input) => Number(BigInt.asIntN(32, varint(input))) },
  uint32: { wire: VARINT, read: (input) => Number(BigInt.asUintN(32, varint(input))) },
  int64: { wire: VARINT, read: (input) => String(BigInt.asIntN(64, varint(input))) },
  fixed32: { wire: FIXED32, read: ({ bytes, at }) => bytes.readUInt32LE(at) },
  fixed64: { wire: FIXED64, read: ({ bytes, at }) => String(bytes.readBigUInt64LE(at)) },
  sfixed64: { wire: FIXED64, read: ({ bytes, at }) => String(bytes.readBigInt64LE(at)) },
  double: { wire: FIXED64, read: ({ bytes, at }) => doubleOf(bytes.readDoubleLE(at)) },
};

const plans = new Map<string, Plan>();

/**
 * A message of OTLP in its JSON form: ids as hex, 64-bit integers as decimal text, enums as numbers. Fields that are not
 * known are passed over; those of a type that they do not have are an error.
 *
 * @throws FormatError `FORMAT_BAD_PROTOBUF` with the offset, for anything that is not whole
 */
export function fromProtobuf(message: "TracesData" | "LogsData", bytes: Uint8Array): Fields {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return read(buffer, { start: 0, end: buffer.length }, planOf(message), 0);
}

/** Bytes of a buffer; `end` is exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A list in a message of which only a part is read at a time. */
export interface ListPlace {
  readonly message: string;
  readonly list: string;
  /** Of the message, in others. */
  readonly depth: number;
}

/** What a message says apart from its list, nothing of which is read. */
export function readAround({ message, list, depth }: ListPlace, bytes: Buffer, range: Range): Fields {
  const plan = new Map([...planOf(message)].filter(([, { name }]) => name !== list));
  return read(bytes, range, plan, depth);
}

/** Where the items of a list are: the fields, and what is in them. */
export function* findItems(
  { message, list }: ListPlace,
  bytes: Buffer,
  { start, end }: Range,
): Generator<{ readonly field: Range; readonly body: Range }> {
  const plan = planOf(message);
  const input: Input = { bytes, at: start, messages: 0 };
  while (input.at < end) {
    const start = input.at;
    const tag = short(input, end);
    const wire = tag & 7;
    const step = plan.get(tag >>> 3);
    checkWire(step, wire, start);
    const valueEnd = endOf(input, wire, end, start);
    if (step?.name === list) {
      yield { field: { start, end: valueEnd }, body: { start: input.at, end: valueEnd } };
    }
    if (wire === VARINT) varint(input);
    else input.at = valueEnd;
  }
}

/** Some items of a list; whatever else of its message is between them is passed over. */
export function readItems({ message, list, depth }: ListPlace, bytes: Buffer, range: Range): readonly unknown[] {
  const plan = new Map([...planOf(message)].filter(([, { name }]) => name === list));
  return (read(bytes, range, plan, depth)[list] ?? []) as unknown[];
}

function read(bytes: Buffer, { start, end }: Range, plan: Plan, depth: number): Fields {
  const fields: Fields = {};
  readMessage({ bytes, at: start, messages: 0 }, plan, end, fields, depth);
  return fields;
}

function readMessage(input: Input, plan: Plan, end: number, fields: Fields, depth: number): void {
  if (depth > MAX_DEPTH) throw bad(input.at, `messages are nested deeper than ${MAX_DEPTH}`);
  if (++input.messages > MAX_MESSAGES) throw bad(input.at, `more than ${MAX_MESSAGES.toLocaleString("en")} messages`);
  while (input.at < end) {
    const start = input.at;
    const tag = short(input, end);
    const wire = tag & 7;
    const step = plan.get(tag >>> 3);
    if (tag >>> 3 === 0) throw bad(start, "a field has the number 0");
    checkWire(step, wire, start);
    const valueEnd = endOf(input, wire, end, start);
    if (step === undefined) {
      if (wire === VARINT) varint(input);
      else input.at = valueEnd;
      continue;
    }
    put(input, step, fields, valueEnd, depth);
    if (wire !== VARINT) input.at = valueEnd;
    if (input.at > end) throw bad(start, "a value ends after its message");
  }
}

function put(input: Input, step: Step, fields: Fields, end: number, depth: number): void {
  const { name, plan, read, isRepeated } = step;
  if (plan === undefined) {
    fields[name] = read!(input, end);
    return;
  }
  // What comes twice, though it is no list, is merged.
  const known = isRepeated ? undefined : (fields[name] as Fields | undefined);
  const message = known ?? {};
  readMessage(input, plan, end, message, depth + 1);
  if (!isRepeated) fields[name] = message;
  else ((fields[name] ??= []) as Fields[]).push(message);
}

function checkWire(step: Step | undefined, wire: number, start: number): void {
  if (step === undefined || step.wire === wire) return;
  throw bad(start, `field ${step.name} has wire type ${wire} instead of ${step.wire}`);
}

/** Where a value ends; for a varint, which says it itself, where its message does. */
function endOf(input: Input, wire: number, end: number, start: number): number {
  if (wire === VARINT) return end;
  const size = wire === LENGTH ? short(input, end) : wire === FIXED64 ? 8 : wire === FIXED32 ? 4 : undefined;
  if (size === undefined) throw bad(start, `wire type ${wire} is none that OTLP has`);
  if (size > end - input.at) throw bad(start, `${size} bytes are announced where ${end - input.at} are left`);
  return input.at + size;
}

/** A tag or a length: 32 bits. */
function short(input: Input, end: number): number {
  let value = 0;
  for (let shift = 0; shift < 35; shift += 7) {
    if (input.at >= end) throw bad(input.at, "it ends within a number");
    const byte = input.bytes[input.at++]!;
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) {
      if (value >= 2 ** 32) break;
      return value;
    }
  }
  throw bad(input.at, "a tag or a length has more than 32 bits");
}

function varint(input: Input): bigint {
  const start = input.at;
  let low = 0;
  for (let i = 0; i < 4; i++) {
    const byte = input.bytes[input.at++];
    if (byte === undefined) throw bad(start, "it ends within a number");
    low += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return BigInt(low);
  }
  let value = BigInt(low);
  for (let i = 4n; i < 10n; i++) {
    const byte = input.bytes[input.at++];
    if (byte === undefined) throw bad(start, "it ends within a number");
    value |= BigInt(byte & 127) << (7n * i);
    if (byte < 128) return value;
  }
  throw bad(start, "a number has more than ten bytes");
}

function doubleOf(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** Made on first use; known before it is whole, as messages hold one another. */
function planOf(message: string): Plan {
  const known = plans.get(message);
  if (known !== undefined) return known;
  const plan = new Map<number, Step>();
  plans.set(message, plan);
  for (const [name, [number, type, label]] of Object.entries(READ_MESSAGES[message]!)) {
    const scalar = SCALARS[type];
    const isRepeated = label === "repeated";
    plan.set(
      number,
      scalar === undefined
        ? { name, wire: LENGTH, isRepeated, plan: planOf(type) }
        : { name, wire: scalar.wire, isRepeated, read: scalar.read },
    );
  }
  return plan;
}

function bad(offset: number, reason: string): FormatError {
  return new FormatError("FORMAT_BAD_PROTOBUF", `This is no OTLP in protobuf: at byte ${offset}, ${reason}.`, {
    offset,
  });
}
