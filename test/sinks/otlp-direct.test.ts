/** Bodies written straight from records are, byte for byte, those made of OTLP's messages. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { markPlain } from "../../src/core/line.ts";
import { type Json, type JsonObject, SPAN_KINDS, type SpanRecord } from "../../src/core/record.ts";
import { PROFILES } from "../../src/semconv/profile.ts";
import { type OtlpFormOptions, otlpForm } from "../../src/sinks/otlp/form.ts";
import { quotedJson } from "../../src/sinks/otlp/quoted-json.ts";
import { toProtobuf } from "../../src/sinks/otlp/to-protobuf.ts";
import { tracesBody } from "../../src/sinks/otlp/traces-body.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";
import { fullRecord } from "../semconv/full-record.ts";

const samples = sampleRecords().filter((record): record is SpanRecord => record.record === "span");

/** Kept from one call to the next, as by a sink. */
function comparison(options: OtlpFormOptions = {}, env: NodeJS.ProcessEnv = {}): (records: SpanRecord[]) => void {
  const form = otlpForm("test", options, env);
  const [json, protobuf] = [tracesBody(form.spans, true), tracesBody(form.spans, false)];
  return (records) => {
    const data = form.traces(records);
    assert.equal(json(records).toString(), JSON.stringify(data));
    assert.ok(protobuf(records).equals(toProtobuf("TracesData", data)), JSON.stringify(records));
  };
}

const forms = [
  ...PROFILES.flatMap((profile) => [comparison({ profile }), comparison({ profile, content: "none" })]),
  comparison({ openInference: true }),
  comparison({}, { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "3" }),
];

/** Lone surrogates, characters of one to four bytes, lengths around those at which another way of writing begins. */
const text = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 8 }).map((units) => String.fromCharCode(...units)),
  fc
    .tuple(fc.constantFrom("a", "é", "€", "😀", '"', "\ud83d"), fc.constantFrom(0, 1, 31, 47, 63, 95, 96, 97, 127, 128))
    .map(([unit, length]) => unit.repeat(length)),
  fc.constantFrom("", "x".repeat(16_300), "é".repeat(20_000), "7"),
);
const number = fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger(), fc.constantFrom(-0, 2 ** 63, Number.NaN));
const value = fc.oneof(text, number, fc.boolean(), fc.constant(null), fc.array(number), fc.array(text), fc.jsonValue());
/** Among them names that the span has of itself, names of indices, and what JavaScript means something else by. */
const name = fc.oneof(
  text,
  fc.constantFrom("sightline.type", "sightline.input.value", "session.id", "gen_ai.request.temperature", "x"),
  fc.constantFrom("0", "17", "01", "__proto__", "…", "…"),
);
const object = fc
  .array(fc.tuple(name, value), { maxLength: 5 })
  .map((entries) => Object.fromEntries(entries)) as fc.Arbitrary<any>;
const time = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(String),
  fc.constantFrom("0", "00", "000000001795348386", "999999999", "01795348386050909912", "18446744073709551615"),
);
const hex = (digits: number) =>
  fc.bigInt({ min: 1n, max: (1n << BigInt(digits * 4)) - 1n }).map((id) => id.toString(16).padStart(digits, "0"));

const part = fc.record(
  {
    traceId: hex(32),
    spanId: hex(16),
    parentSpanId: hex(16),
    parentIsRemote: fc.constant(true),
    traceFlags: fc.integer({ min: 0, max: 255 }),
    seq: fc.nat(3),
    name: text,
    type: fc.constantFrom("span", "generation", "tool", "agent", "retriever", "made up"),
    kind: fc.constantFrom(...SPAN_KINDS, "made up"),
    startTime: time,
    endTime: time,
    status: fc.record(
      { code: fc.constantFrom("unset", "ok", "error", "made up", "toString"), message: text },
      { requiredKeys: ["code"] },
    ),
    level: fc.constantFrom("DEFAULT", "ERROR"),
    input: value,
    output: value,
    metadata: object,
    attributes: object,
    unfinished: fc.constant(true),
    callSite: text,
    genAi: fc.constantFrom(undefined, fullRecord.genAi, { operation: "chat", parameters: { "reasoning.level": "x" } }),
    usage: fc.constantFrom(undefined, fullRecord.usage),
    http: fc.constantFrom(undefined, fullRecord.http),
    cost: fc.constantFrom(undefined, fullRecord.cost),
    trace: fc.constantFrom(
      {},
      { version: "1" },
      { environment: "é" },
      { sessionId: "s", tags: ["a"], metadata: { 7: 1 } },
    ),
  },
  { requiredKeys: [] },
);

/** What few spans have, which are then made of the messages themselves. */
const rare = fc.constantFrom<Partial<SpanRecord>>(
  ...[{}, {}, {}, {}, {}, {}],
  { traceState: "a=1" },
  { events: [] },
  { events: [{ name: "e", time: "1" }] },
  { links: [] },
  { cuts: [{ path: "events", reason: "entries" }] },
  { error: { type: "Error" } },
);

test("of sample records, alone and together", () => {
  for (const compare of forms) {
    compare(samples);
    for (const record of [...samples, fullRecord]) compare([record]);
    compare([]);
  }
});

test("of any records", () => {
  const spans = fc.array(
    fc.tuple(part, rare).map(([given, more]) => sampleSpan({ ...(given as Partial<SpanRecord>), ...more })),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(fc.constantFrom(...forms), spans, (compare, records) => compare(records)),
    { numRuns: 1_500 },
  );
});

test("JSON as a text within JSON, at once or in two steps", () => {
  const twice = (plain: unknown): string => JSON.stringify(JSON.stringify(plain));
  fc.assert(
    fc.property(fc.oneof(value, object), (plain) => assert.equal(quotedJson(plain as Json), twice(plain))),
    { numRuns: 3_000 },
  );
  for (const plain of [{}, [], [[1, '"'], ["\\"]], { a: undefined, "\n": {} }, [undefined as never]]) {
    assert.equal(quotedJson(plain as never), twice(plain));
  }
});

test("of records that are known to be plain", () => {
  const compare = comparison();
  fc.assert(
    fc.property(object, value, text, (input, output, name) => {
      const records = [sampleSpan({ input, output: output as Json, name }), sampleSpan({ output: input, name })];
      for (const record of records) markPlain(record, true);
      compare(records);
    }),
    { numRuns: 500 },
  );
});

test("of attributes that are said twice, or where objects put them first", () => {
  const [compare] = forms;
  const plain = sampleSpan({ input: { n: 1 } });
  const given: JsonObject[] = [{ "sightline.type": "mine" }, { b: 1, 7: 2 }, { __proto__: 1 }, { "session.id": "" }];
  for (const attributes of given) {
    compare!([plain, sampleSpan({ attributes, trace: { sessionId: "s" } }), plain]);
  }
});

test("of more names than are remembered", () => {
  const [compare] = forms;
  const named = (i: number) => Object.fromEntries(Array.from({ length: 400 }, (_, k) => [`k${i}-${k}`, k]));
  for (let i = 0; i < 5; i++) compare!([sampleSpan({ metadata: named(i) }), sampleSpan({ attributes: named(i) })]);
});

test("a record that OTLP cannot hold is a TypeError as before, and spoils nothing that follows", () => {
  const form = otlpForm("test", {}, {});
  for (const isJson of [true, false]) {
    const body = tracesBody(form.spans, isJson);
    const good = body(samples);
    for (const bad of [
      { spanId: "0".repeat(16) },
      { traceId: "A".repeat(32) },
      { endTime: "1.5" },
      { name: 7 as never },
    ]) {
      assert.throws(() => body([...samples, sampleSpan(bad)]), TypeError);
      assert.ok(body(samples).equals(good));
    }
  }
});
