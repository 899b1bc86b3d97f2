/** A large OTLP body taken apart says what it says in one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeOtlp, FormatError, recordsFromOtlp, recordsFromOtlpLogs } from "../../src/formats/index.ts";
import { otlpPieces } from "../../src/formats/otlp/otlp-pieces.ts";
import { toProtobuf } from "../../src/sinks/otlp/to-protobuf.ts";
import { keyValues, otlpSpan } from "./otlp-request.ts";

const JSON_TYPE = "application/json; charset=utf-8";
const PROTOBUF = "application/x-protobuf";
const now = "1732000002000000000";

function span(n: number): object {
  const text = `"]}[{\\\\ \\" Ünïcødé ${n} ${"🙂 spans: [{ ".repeat(20)}`;
  const attributes = keyValues({ "input.value": text, "my.list": [n, true], scopeSpans: "[" });
  return otlpSpan({ spanId: (n + 1).toString(16).padStart(16, "0"), name: `span ${n}`, attributes });
}

function spans(from: number, count: number): object[] {
  return Array.from({ length: count }, (_, i) => span(from + i));
}

/** Several resources and scopes, keys in any order, empty lists. */
const REQUEST = {
  resourceSpans: [
    {
      scopeSpans: [
        { spans: spans(0, 900), scope: { name: "a", version: "1" } },
        { scope: { name: "b" }, spans: spans(900, 1) },
        { scope: { name: "none" }, spans: [] },
      ],
      resource: { attributes: keyValues({ "service.name": "first" }) },
    },
    { resource: { attributes: keyValues({ "service.name": "second" }) }, scopeSpans: [{ spans: spans(901, 700) }] },
    { scopeSpans: [] },
  ],
};

function taken(bytes: Uint8Array, type: string): { records: unknown[]; pieces: number; most: number } {
  const pieces = [...otlpPieces(bytes, type)].filter((piece) => piece !== undefined);
  const read = pieces.map((piece) => recordsFromOtlp(piece, { now }).records);
  return {
    records: read.flat(),
    pieces: pieces.length,
    most: Math.max(...read.map((records) => records.length)),
  };
}

for (const [type, bytes] of [
  [JSON_TYPE, Buffer.from(JSON.stringify(REQUEST))],
  [`${JSON_TYPE} `, Buffer.from(JSON.stringify(REQUEST, null, 2))],
  [PROTOBUF, toProtobuf("TracesData", REQUEST as never)],
] as const) {
  test(`${type}: many pieces, the same records`, () => {
    const { records, pieces, most } = taken(bytes, type);
    const whole = recordsFromOtlp(decodeOtlp(bytes, type), { now }).records;
    assert.equal(whole.length, 1_601);
    assert.deepEqual(records, whole);
    assert.ok(pieces > 5 && most < 400, `${pieces} pieces, at most ${most} spans`);
  });

  test(`${type}: whatever is cut off or changed is told, and nothing is made up`, () => {
    for (let i = 1; i < 14; i++) {
      const cut = bytes.subarray(0, Math.floor((bytes.length * i) / 14));
      const changed = Buffer.from(bytes);
      changed[Math.floor((bytes.length * i) / 14)]! ^= 0x5f;
      for (const damaged of [cut, changed]) {
        const whole = attempt(() => recordsFromOtlp(decodeOtlp(damaged, type), { now }).records);
        const parts = attempt(() => taken(damaged, type).records);
        if (whole instanceof FormatError) {
          assert.ok(parts instanceof FormatError, `${i}`);
          assert.equal(parts.code, whole.code);
        } else assert.deepEqual(parts, whole);
      }
    }
  });
}

test("log records are taken apart too, in both forms: many pieces, the same scores, contents and counts", () => {
  const log = (n: number) => ({
    timeUnixNano: "1732000000000000000",
    eventName: ["gen_ai.evaluation.result", "gen_ai.client.inference.operation.details", "else"][n % 3],
    traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e",
    spanId: n % 100 === 0 ? "no id" : (n + 1).toString(16).padStart(16, "0"),
    attributes: keyValues({
      "gen_ai.evaluation.name": `logRecords ${n}`,
      "gen_ai.evaluation.score.value": n / 2_000 + 0.0001,
      "gen_ai.system_instructions": `"]}[{ ${"🙂 logRecords: [{ ".repeat(10)}`,
    }),
  });
  const logs = (from: number, count: number) => Array.from({ length: count }, (_, i) => log(from + i));
  const request = {
    resourceLogs: [
      { scopeLogs: [{ logRecords: logs(0, 900), scope: { name: "a" } }, { logRecords: [] }] },
      { resource: { attributes: keyValues({ "service.name": "b" }) }, scopeLogs: [{ logRecords: logs(900, 301) }] },
    ],
  };
  const hex = JSON.parse(JSON.stringify(request).replaceAll('"no id"', '"00"'));
  for (const [type, bytes] of [
    [JSON_TYPE, Buffer.from(JSON.stringify(request))],
    [PROTOBUF, toProtobuf("LogsData", hex)],
  ] as const) {
    const whole = recordsFromOtlpLogs(decodeOtlp(bytes, type, { signal: "logs" }), { now });
    const pieces = [...otlpPieces(bytes, type, "logs")].filter((piece) => piece !== undefined);
    const parts = pieces.map((piece) => recordsFromOtlpLogs(piece, { now }));
    assert.ok(pieces.length > 3, `${type}: ${pieces.length} pieces`);
    assert.ok(whole.records.length > 300 && whole.contents.length > 300 && whole.rejected.length === 13, type);
    assert.deepEqual(
      parts.flatMap(({ records }) => records),
      whole.records,
    );
    assert.deepEqual(
      parts.flatMap(({ contents }) => contents),
      whole.contents,
    );
    assert.deepEqual(
      parts.flatMap(({ rejected }) => rejected),
      whole.rejected,
    );
    assert.equal(
      parts.reduce((sum, { ignored }) => sum + ignored, 0),
      whole.ignored,
    );
  }
});

test("spans under a key that is written in another way are found too", () => {
  const text = JSON.stringify(REQUEST).replace('"spans":', '"sp\\u0061ns":');
  assert.equal(taken(Buffer.from(text), JSON_TYPE).records.length, 1_601);
});

test("what is no request is told as by decodeOtlp", () => {
  const pad = " ".repeat(300_000);
  const full = JSON.stringify({ name: "x".repeat(70_000) });
  const inScope = (spans: string) => `{"resourceSpans":[{"scopeSpans":[{${spans}}]}]}`;
  for (const text of [
    ...["[]", '{"resourceSpans":{}}', "{", inScope('"spans":[{},]')],
    // A comma where a piece ends; a list that the second of its name replaces.
    ...[inScope(`"spans":[${full},]`), inScope('"spans":[{}{}],"spans":[{}]')],
  ]) {
    const body = Buffer.from(text + pad);
    const whole = attempt(() => decodeOtlp(body, JSON_TYPE));
    const parts = attempt(() => [...otlpPieces(body, JSON_TYPE)]);
    assert.ok(whole instanceof FormatError && parts instanceof FormatError, text);
    assert.equal(parts.code, whole.code);
  }
});

function attempt<T>(action: () => T): T | unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
