/**
 * The serializers of OpenTelemetry JS write the same spans, taken from `readableSpans`. What they are known to write
 * otherwise is named and undone before the two are compared:
 * - every whole number is an integer, by name or not, also above 2^53, where our numbers are doubles;
 * - in JSON, integers of 64 bits are numbers, and counts of zero and empty lists are written;
 * - in JSON, a resource has a `schemaUrl` of its own, which OTLP does not know;
 * - links say that it is known whether they are remote; our records do not know;
 * - lone surrogates stay in JSON.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { SpanRecord } from "../../src/core/record.ts";
import { spanAttributes, spanNameOf } from "../../src/semconv/span.ts";
import { readableSpans } from "../../src/sinks/otel-readable-span.ts";
import { toProtobuf } from "../../src/sinks/otlp/to-protobuf.ts";
import { type TracesForm, tracesData } from "../../src/sinks/otlp/traces.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";
import { fromBytes, type Message } from "../proto/otlp-proto.ts";

const form: TracesForm = {
  resource: { "service.name": "tutor", "process.pid": 7 },
  schemaUrl: "https://opentelemetry.io/schemas/1.41.0",
  span: (record) => ({
    name: spanNameOf(record),
    attributes: spanAttributes(record, { profile: "1.41", content: true }),
  }),
};

const records = [
  ...sampleRecords().filter((record): record is SpanRecord => record.record === "span"),
  sampleSpan({
    spanId: "00000000000000aa",
    attributes: {
      large: 2 ** 60,
      small: -(2 ** 40),
      double: 0.5,
      texts: ["a", "", "é"],
      flags: [true, false],
      none: [],
    },
    traceState: "a=1,b=2",
    traceFlags: 3,
  }),
];

const REQUEST = "collector.trace.v1.ExportTraceServiceRequest";
const ours = fromBytes(REQUEST, toProtobuf("TracesData", tracesData(records, form)));

/** Numbers by their value alone, links without flags. */
function comparable(value: any): any {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  if (value.intValue !== undefined) return { number: Number(value.intValue) };
  if (value.doubleValue !== undefined) return { number: value.doubleValue };
  const entries = Object.entries(value as Message).map(([name, held]) => {
    if (name !== "links") return [name, comparable(held)] as const;
    return [name, comparable((held as Message[]).map(({ flags, ...link }) => link))] as const;
  });
  return Object.fromEntries(entries);
}

test("their protobuf says the same", () => {
  const bytes = ProtobufTraceSerializer.serializeRequest(readableSpans(records, form) as any)!;
  assert.deepEqual(comparable(fromBytes(REQUEST, bytes)), comparable(ours));
});

/** What protobuf leaves out, JSON may have; but the members of `AnyValue` are never left out. */
function withoutDefaults(value: any): any {
  if (typeof value === "string") return value.replace(/\p{Surrogate}/gu, "\ufffd");
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== "object" || value === null) return value;
  const isDefault = (held: unknown) => held === "" || held === 0 || (Array.isArray(held) && held.length === 0);
  const entries = Object.entries(value as Message)
    .map(([name, held]) => [name, withoutDefaults(held)] as const)
    .filter(([name, held]) => name.endsWith("Value") || !isDefault(held));
  return Object.fromEntries(entries);
}

test("their JSON says the same", () => {
  const bytes = JsonTraceSerializer.serializeRequest(readableSpans(records, form) as any)!;
  const theirs = JSON.parse(Buffer.from(bytes).toString());
  for (const { resource } of theirs.resourceSpans) delete resource.schemaUrl;
  const json = JSON.parse(JSON.stringify(tracesData(records, form)));
  assert.deepEqual(comparable(withoutDefaults(theirs)), comparable(withoutDefaults(json)));
});

test("what their numbers lose, ours keep", () => {
  const values = (traces: Message) => {
    const spans = traces["resourceSpans"].flatMap(({ scopeSpans }: Message) => scopeSpans[0].spans) as Message[];
    const all = spans.flatMap((span) => span["attributes"] ?? []) as Message[];
    return Object.fromEntries(all.map(({ key, value }) => [key, value]));
  };
  const bytes = ProtobufTraceSerializer.serializeRequest(readableSpans(records, form) as any)!;
  const theirs = values(fromBytes(REQUEST, bytes));
  assert.deepEqual(theirs["gen_ai.request.temperature"], { intValue: "0" });
  assert.deepEqual(values(ours)["gen_ai.request.temperature"], { doubleValue: 0 });
  assert.deepEqual(values(ours)["large"], { doubleValue: 2 ** 60 });
});
