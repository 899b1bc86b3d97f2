/**
 * Reads OTLP bodies by the official definitions beside this file: `fromBytes` with protobufjs, `fromJson` by the rules of
 * OTLP's JSON form, strictly. Both give one form: ids as hex, 64-bit integers as decimal text, doubles as numbers, enums as
 * numbers, fields that have their default left out. So equal results mean equal messages.
 */
import protobuf from "protobufjs";

export const root: protobuf.Root = new protobuf.Root();
root.resolvePath = (_, target) => new URL(target, import.meta.url).pathname;
root.loadSync(
  ["trace", "logs", "metrics"].map((name) => `opentelemetry/proto/collector/${name}/v1/${name}_service.proto`),
);
root.resolveAll();

export type Message = { [field: string]: any };

/** The type by its full name without `opentelemetry.proto.`: `trace.v1.TracesData`. */
export function typeOf(name: string): protobuf.Type {
  return root.lookupType(`opentelemetry.proto.${name}`);
}

/** Throws for bytes that are no such message. */
export function fromBytes(name: string, bytes: Uint8Array): Message {
  const type = typeOf(name);
  return fromDecoded(type, type.toObject(type.decode(bytes), { longs: String, enums: Number }));
}

function fromDecoded(type: protobuf.Type, decoded: Message): Message {
  return eachField(type, decoded, (field, value) => {
    if (field.resolvedType instanceof protobuf.Type) return fromDecoded(field.resolvedType, value);
    return value instanceof Uint8Array ? Buffer.from(value).toString("hex") : value;
  });
}

/** Throws for what the rules do not allow: unknown fields, integers of 64 bits as numbers, enums by name, ids in base64. */
export function fromJson(name: string, text: string): Message {
  return fromParsed(typeOf(name), JSON.parse(text));
}

function fromParsed(type: protobuf.Type, parsed: Message): Message {
  return eachField(type, parsed, (field, value) => {
    if (field.resolvedType instanceof protobuf.Type) return fromParsed(field.resolvedType, value);
    const kind = field.resolvedType instanceof protobuf.Enum ? "enum" : field.type;
    const isRight = SCALARS[kind] ?? (() => false);
    if (!isRight(value)) throw new TypeError(`${field.fullName}: ${JSON.stringify(value)} is no ${kind}`);
    return kind === "double" ? Number(value) : kind === "bytes" ? value.toLowerCase() : value;
  });
}

const isInteger = (value: unknown) => typeof value === "string" && /^-?(0|[1-9]\d*)$/.test(value);
const isUnsigned = (value: unknown) =>
  isInteger(value) && BigInt(value as string) === BigInt.asUintN(64, BigInt(value as string));
const isSigned = (value: unknown) =>
  isInteger(value) && BigInt(value as string) === BigInt.asIntN(64, BigInt(value as string));
const isSmall = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32;

const SCALARS: { readonly [kind: string]: (value: any) => boolean } = {
  string: (value) => typeof value === "string" && !/\p{Surrogate}/u.test(value),
  bytes: (value) => typeof value === "string" && /^([0-9a-f]{2})*$/i.test(value),
  bool: (value) => typeof value === "boolean",
  enum: isSmall,
  uint32: isSmall,
  fixed32: isSmall,
  int64: isSigned,
  sfixed64: isSigned,
  fixed64: isUnsigned,
  double: (value) => typeof value === "number" || ["NaN", "Infinity", "-Infinity"].includes(value),
};

function eachField(type: protobuf.Type, message: Message, read: (field: protobuf.Field, value: any) => any): Message {
  const known: Message = {};
  for (const [name, value] of Object.entries(message)) {
    const field = type.fields[name];
    if (field === undefined) throw new TypeError(`${type.fullName} has no field ${name}`);
    const result = field.repeated ? value.map((item: unknown) => read(field, item)) : read(field, value);
    if (!isDefault(field, result)) known[name] = result;
  }
  return known;
}

function isDefault(field: protobuf.Field, value: unknown): boolean {
  if (field.repeated) return (value as unknown[]).length === 0;
  if (field.partOf !== null || field.resolvedType instanceof protobuf.Type) return false;
  return value === "" || value === 0 || value === false || (value === "0" && field.type !== "string");
}
