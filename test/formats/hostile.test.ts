/** Bytes that are broken, huge or made to hurt: a coded error or records, in linear time, and nothing else. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { TraceRecord } from "../../src/core/record.ts";
import {
  decodeOtlp,
  FormatError,
  recordsFromLangfuse,
  recordsFromOtlp,
  recordsFromOtlpLogs,
} from "../../src/formats/index.ts";
import { fromProtobuf } from "../../src/formats/otlp/protobuf-reader.ts";
import { otlpForm } from "../../src/sinks/otlp/form.ts";
import { toProtobuf } from "../../src/sinks/otlp/to-protobuf.ts";
import { sampleRecords } from "../../src/testing/sample-records.ts";
import { anything, holds } from "../fuzz/property.ts";
import { fromBytes } from "../proto/otlp-proto.ts";
import { keyValues, otlpSpan, recordOf, request } from "./otlp-request.ts";

const PROTOBUF = "application/x-protobuf";
const records = sampleRecords().filter((record) => record.record === "span" && record.name !== "large");
const form = otlpForm("test", { resource: { "service.name": "tutor" } }, {});
const bytes = toProtobuf("TracesData", form.traces(records as never));

/** The records, or the reason with its code; anything else that is thrown fails the test. */
function decoded(body: Uint8Array, signal: "traces" | "logs" = "traces"): readonly TraceRecord[] | FormatError {
  try {
    const decodedRequest = decodeOtlp(body, PROTOBUF, { signal });
    return (signal === "traces" ? recordsFromOtlp(decodedRequest) : recordsFromOtlpLogs(decodedRequest)).records;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    assert.match(error.code, /^FORMAT_/);
    assert.ok(error.offset! >= 0 && error.offset! <= body.length, `${error.offset}`);
    return error;
  }
}

test("protobuf that is cut off anywhere is a coded error or a whole message less", () => {
  for (let size = 0; size < bytes.length; size += size < 2_000 ? 1 : 211) decoded(bytes.subarray(0, size));
  assert.ok(decoded(bytes.subarray(0, bytes.length - 1)) instanceof FormatError);
  assert.equal((decoded(bytes) as readonly TraceRecord[]).length, records.length);
});

test("protobuf with any bytes changed, as traces and as logs", (t) =>
  holds(
    t,
    fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }), (changes) => {
      const copy = Buffer.from(bytes);
      for (const [at, byte] of changes) copy[at] = byte;
      decoded(copy);
      decoded(copy, "logs");
    }),
    600,
  ));

test("any bytes", (t) =>
  holds(
    t,
    fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
      decoded(any);
      decoded(any, "logs");
      decoded(Buffer.concat([Buffer.from([0x0a, any.length & 127]), any]));
    }),
    3_000,
  ));

test("what protobufjs reads of bytes that we read, is the same", () => {
  const theirs = fromBytes("collector.trace.v1.ExportTraceServiceRequest", bytes);
  const ours = recordsFromOtlp(fromProtobuf("TracesData", bytes));
  assert.deepEqual(ours, recordsFromOtlp(theirs));
});

test("any value as a request, a span, an attribute, or something of Langfuse's", (t) =>
  holds(
    t,
    fc.property(anything, anything, (a, b) => {
      const value = [a, { b }];
      const tryIt = (run: () => unknown): void => {
        try {
          run();
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      };
      tryIt(() => recordsFromOtlp(a));
      tryIt(() => recordsFromOtlpLogs({ resourceLogs: value }));
      tryIt(() => recordsFromOtlp(request([a, b])));
      tryIt(() =>
        recordsFromOtlp(
          request([
            otlpSpan({
              attributes: [
                { key: "gen_ai.request.model", value: a },
                { key: "sightline.type", value: b },
              ],
            }),
          ]),
        ),
      );
      tryIt(() =>
        recordsFromOtlp(
          request([otlpSpan({ events: value, links: [a], status: b, kind: a, flags: b, traceState: a })]),
        ),
      );
      tryIt(() => recordsFromLangfuse(a));
      tryIt(() => recordsFromLangfuse({ batch: [{ type: "span-create", body: a, timestamp: b }] }));
      tryIt(() =>
        recordsFromLangfuse({
          batch: [{ id: "e", type: "span-create", body: { id: "a", traceId: "b", startTime: a, usageDetails: b } }],
        }),
      );
      tryIt(() =>
        recordsFromLangfuse([{ id: "a", timestamp: "2024-11-19T07:06:40Z", observations: [a], tags: b, scores: [b] }]),
      );
    }),
    1_000,
  ));

test("nesting without end: in protobuf, in JSON, in text inside attributes", () => {
  // An array in an array: tag 5 of AnyValue, tag 1 of ArrayValue.
  let value: Buffer = Buffer.alloc(0);
  const wrapped = (tag: number, inner: Buffer): Buffer => {
    const size: number[] = [];
    for (let rest = inner.length; ; rest >>>= 7) {
      size.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Buffer.concat([Buffer.from([tag, ...size]), inner]);
  };
  for (let i = 0; i < 5_000; i++) value = wrapped(0x2a, wrapped(0x0a, value));
  const span = wrapped(0x0a, wrapped(0x12, wrapped(0x12, wrapped(0x4a, wrapped(0x12, value)))));
  const error = decoded(span) as FormatError;
  assert.equal(error.code, "FORMAT_BAD_PROTOBUF");
  assert.match(error.message, /nested deeper than 256/);

  const deep = JSON.parse(`${'{"arrayValue":{"values":['.repeat(50_000)}${"]}}".repeat(50_000)}`);
  const { records: none, rejected } = recordsFromOtlp(request([otlpSpan({ attributes: [{ key: "a", value: deep }] })]));
  assert.deepEqual([none.length, rejected[0]?.reason], [0, "an attribute is nested deeper than 100"]);

  const text = "[".repeat(100_000) + "]".repeat(100_000);
  assert.equal(recordOf({ "langfuse.observation.input": text }).input, text, "it stays text");
  assert.equal(recordOf({ [`gen_ai.prompt.0.${"a.".repeat(50_000)}b`]: 1 }).record, "span");
});

test("__proto__ is a key like any other", () => {
  const record = recordOf({
    ["__proto__"]: "own",
    "constructor.prototype.polluted": "1",
    "gen_ai.prompt.0.__proto__.polluted": "1",
    "gen_ai.prompt.0.role": "user",
    "langfuse.observation.metadata.__proto__": '{"polluted":1}',
    "langfuse.observation.input": '{"__proto__":{"polluted":1}}',
    "sightline.request.__proto__": "1",
  });
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.deepEqual(record.input, JSON.parse('{"__proto__":{"polluted":1}}'));
  assert.deepEqual(Object.keys(record.metadata!), ["__proto__"]);
  assert.ok(Object.keys(record.attributes!).includes("__proto__"));
  const [root] = recordsFromLangfuse(
    JSON.parse('{"id":"t","timestamp":"2024-11-19T07:06:40Z","__proto__":{"polluted":1},"metadata":{"__proto__":1}}'),
  ).records;
  assert.deepEqual(Object.keys(root!.trace.metadata!), ["__proto__"]);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
});

test("an error says where: content types, sizes, JSON, wire types", () => {
  const fails = (run: () => unknown, expected: object): void => void assert.throws(run, expected);
  fails(() => decodeOtlp(bytes, "text/plain"), { code: "FORMAT_CONTENT_TYPE" });
  fails(() => decodeOtlp(bytes, PROTOBUF, { maxBytes: 10 }), { code: "FORMAT_TOO_LARGE" });
  fails(() => decodeOtlp(Buffer.from('{"é":1,}'), "application/json"), { code: "FORMAT_BAD_JSON", offset: 8 });
  fails(() => decodeOtlp(Buffer.from("[]"), "application/json"), { code: "FORMAT_NOT_OTLP" });
  fails(() => decodeOtlp(Buffer.from('{"resourceSpans":1}'), "application/json"), { code: "FORMAT_NOT_OTLP" });
  const message = "This is no OTLP in protobuf: at byte 0, field resourceSpans has wire type 0 instead of 2.";
  fails(() => decodeOtlp(Buffer.from([0x08, 1]), PROTOBUF), { code: "FORMAT_BAD_PROTOBUF", offset: 0, message });
  fails(() => decodeOtlp(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]), PROTOBUF), { code: "FORMAT_BAD_PROTOBUF" });
  fails(() => decodeOtlp(Buffer.from([0x50, ...Array(11).fill(0xff)]), PROTOBUF), { code: "FORMAT_BAD_PROTOBUF" });
});

test("fields and messages that are not known are passed over", () => {
  // Field 99 as a varint, as 8 bytes, as a text, as 4 bytes.
  const strange = Buffer.from([
    0x98,
    6,
    0xff,
    1,
    0x99,
    6,
    ...Array(8).fill(1),
    0x9a,
    6,
    2,
    65,
    66,
    0x9d,
    6,
    1,
    2,
    3,
    4,
  ]);
  assert.equal((decoded(Buffer.concat([strange, bytes, strange])) as readonly TraceRecord[]).length, records.length);
});

test("what a resource or scope says is on each of its spans, up to 16 K characters; more is counted", () => {
  const many = (count: number) =>
    keyValues(Object.fromEntries(Array.from({ length: count }, (_, i) => [`key.${i}`, "é".repeat(100)])));
  const of = (resource: object[], scope: object) =>
    recordsFromOtlp({
      resourceSpans: [
        { resource: { attributes: resource }, scopeSpans: [{ scope, spans: [otlpSpan({}), otlpSpan({})] }] },
      ],
    }).records.map(({ attributes }) => attributes ?? {});
  for (const attributes of of(many(100), { name: "n" })) {
    assert.equal(Object.keys(attributes).filter((name) => name.startsWith("key.")).length, 100);
    assert.equal(attributes["otel.resource.dropped_attributes_count"], undefined);
  }
  for (const attributes of of(many(20_000), { name: "n".repeat(100_000), attributes: many(5_000) })) {
    const kept = Object.keys(attributes).filter((name) => name.startsWith("key.")).length;
    assert.ok(kept > 140 && kept < 160, `${kept} kept`);
    assert.equal(attributes["otel.resource.dropped_attributes_count"], 20_000 - kept);
    assert.equal(attributes["otel.scope.dropped_attributes_count"], 5_000 - kept);
    assert.equal((attributes["otel.scope.name"] as string).length, 1_024);
  }
  // One that is too large does not take the place of those behind it.
  const [first] = of([...keyValues({ huge: "x".repeat(1_000_000) }), ...many(2)], { attributes: 7 });
  assert.deepEqual(
    [first!["huge"], first!["key.1"], first!["otel.resource.dropped_attributes_count"]],
    [undefined, "é".repeat(100), 1],
  );
  assert.match(String(first!["otel.invalid_scope"]), /no list/);
});
