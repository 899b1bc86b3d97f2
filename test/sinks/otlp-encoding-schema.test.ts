/** Every field that we write is in OTLP's definitions as we write it, and every field of theirs is written or named here. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import protobuf from "protobufjs";
import { MESSAGES } from "../../src/sinks/otlp/protobuf-fields.ts";
import { SCOPE, VERSION } from "../../src/sinks/otlp/scope.ts";
import { typeOf } from "../proto/otlp-proto.ts";

/** Fields that we do not write, by message; `*` for messages of which we write none. */
const NOT_WRITTEN: { readonly [message: string]: readonly string[] } = {
  // Counts of attributes that a limit of ours would leave out: there is none.
  Resource: ["droppedAttributesCount", "entityRefs"],
  InstrumentationScope: ["attributes", "droppedAttributesCount"],
  LogRecord: ["droppedAttributesCount"],
  // Objects travel as JSON text; bytes are in no record; the last is for profiles.
  AnyValue: ["kvlistValue", "bytesValue", "stringValueStrindex"],
  KeyValue: ["keyStrindex"],
  KeyValueList: ["*"],
  EntityRef: ["*"],
  Metric: ["gauge", "exponentialHistogram", "summary", "metadata"],
  Gauge: ["*"],
  ExponentialHistogram: ["*"],
  ExponentialHistogramDataPoint: ["*"],
  "ExponentialHistogramDataPoint.Buckets": ["*"],
  Summary: ["*"],
  SummaryDataPoint: ["*"],
  "SummaryDataPoint.ValueAtQuantile": ["*"],
  NumberDataPoint: ["exemplars", "flags"],
  HistogramDataPoint: ["exemplars", "flags"],
  Exemplar: ["*"],
};

const ROOTS = ["trace.v1.TracesData", "logs.v1.LogsData", "metrics.v1.MetricsData"];

/** `.opentelemetry.proto.trace.v1.Span.Event` → `Span.Event` */
const shortName = (type: protobuf.Type) => type.fullName.split(".v1.")[1]!;

/** All messages that a root holds, directly or not, by their short names. */
function reachable(): Map<string, protobuf.Type> {
  const found = new Map<string, protobuf.Type>();
  const visit = (type: protobuf.Type) => {
    if (found.has(shortName(type))) return;
    found.set(shortName(type), type);
    for (const { resolvedType } of type.fieldsArray) if (resolvedType instanceof protobuf.Type) visit(resolvedType);
  };
  for (const name of ROOTS) visit(typeOf(name));
  return found;
}

const types = reachable();

for (const [message, fields] of Object.entries(MESSAGES)) {
  test(`${message} is written as it is defined`, () => {
    const type = types.get(message);
    assert.ok(type, "is among OTLP's messages");
    for (const [name, [number, kind, label]] of Object.entries(fields)) {
      const field: protobuf.Field | undefined = type.fields[name];
      assert.ok(field, `${name} is a field`);
      const { resolvedType } = field;
      const definedAs: string =
        resolvedType instanceof protobuf.Enum
          ? "enum"
          : resolvedType instanceof protobuf.Type
            ? shortName(resolvedType)
            : field.type;
      assert.equal(number, field.id, `${name}: number`);
      assert.equal(kind, definedAs, `${name}: type`);
      assert.equal(label === "repeated", field.repeated, `${name}: repeated`);
      // Members of a oneof and `optional` fields are there or not; messages are so anyway.
      if (!(resolvedType instanceof protobuf.Type)) {
        assert.equal(label === "optional", field.partOf !== null, `${name}: presence`);
      }
    }
  });
}

test("what is not written is known", () => {
  const missing: { [message: string]: string[] } = {};
  for (const [message, type] of types) {
    const written = MESSAGES[message];
    const names = type.fieldsArray.map((field) => field.name).filter((name) => written?.[name] === undefined);
    if (names.length > 0) missing[message] = written === undefined ? ["*"] : names;
  }
  const sorted = (lists: { readonly [message: string]: readonly string[] }) =>
    Object.fromEntries(Object.entries(lists).map(([message, names]) => [message, [...names].sort()]));
  assert.deepEqual(sorted(missing), sorted(NOT_WRITTEN));
});

test("a request to export has the fields of the data", () => {
  const requests = ["trace", "logs", "metrics"].map((signal) => {
    const name = `${signal[0]!.toUpperCase()}${signal.slice(1)}`;
    return typeOf(`collector.${signal}.v1.Export${name}ServiceRequest`);
  });
  const fieldsOf = ({ fieldsArray }: protobuf.Type) =>
    fieldsArray.map(({ name, id, resolvedType, repeated }) => [name, id, resolvedType?.fullName, repeated]);
  assert.deepEqual(requests.map(fieldsOf), ROOTS.map(typeOf).map(fieldsOf));
});

test("the scope has the package's version", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.equal(VERSION, version);
  assert.deepEqual(SCOPE, { name: "sightline", version });
});
