/** A large OTLP body taken apart says what it says in one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeOtlp, FormatError, recordsFromOtlp, recordsFromOtlpLogs } from "../../src/formats/index.ts";
import { createOrigins } from "../../src/formats/otlp/origin.ts";
import { otlpPieces } from "../../src/formats/otlp/otlp-pieces.ts";
import { protobufPieces } from "../../src/formats/otlp/protobuf-pieces.ts";
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
        { spans: spans(0, 500), scope: { name: "a", version: "1" } },
        { scope: { name: "b" }, spans: spans(500, 1) },
        { scope: { name: "none" }, spans: [] },
      ],
      resource: { attributes: keyValues({ "service.name": "first" }) },
    },
    { resource: { attributes: keyValues({ "service.name": "second" }) }, scopeSpans: [{ spans: spans(501, 300) }] },
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
    assert.equal(whole.length, 801);
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

/** Each byte of a body changed: to the tag of a list, and in its lowest and highest bit. */
function* mutations(bytes: Uint8Array): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    const values = new Set([0x0a, 0x12, byte ^ 1, byte ^ 128]);
    values.delete(byte);
    for (const value of values) {
      const changed = Buffer.from(bytes);
      changed[at] = value;
      yield changed;
    }
  }
}

for (const [signal, message, inRequest, inResource, inScope, read] of [
  ["traces", "TracesData", "resourceSpans", "scopeSpans", "spans", recordsFromOtlp],
  ["logs", "LogsData", "resourceLogs", "scopeLogs", "logRecords", recordsFromOtlpLogs],
] as const) {
  test(`${signal} in protobuf with any byte changed: pieces say what the whole says, or refuse as it does`, () => {
    const items = (n: number): object[] => {
      const attributes = keyValues({ "gen_ai.evaluation.name": "a", "gen_ai.evaluation.score.value": n + 0.5 });
      const spanId = `0${n + 1}`.repeat(8);
      if (signal === "traces") return [otlpSpan({ spanId, attributes })];
      return [{ ...otlpSpan({ spanId }), timeUnixNano: now, eventName: "gen_ai.evaluation.result", attributes }];
    };
    const resource = { attributes: keyValues({ "service.name": "first" }) };
    const request = {
      [inRequest]: [
        {
          resource,
          [inResource]: [
            { scope: { name: "a", version: "1" }, [inScope]: [...items(0), ...items(1)] },
            { scope: { name: "empty" }, [inScope]: [] },
          ],
        },
        { resource: { attributes: keyValues({ "service.name": "nothing in it" }) }, [inResource]: [] },
        { [inResource]: [{ [inScope]: items(2) }] },
      ],
    };
    const bytes = toProtobuf(message as "TracesData", request as never);
    const said = (pieces: readonly unknown[]) => {
      const parts = pieces.map((piece) => read(piece, { now }));
      return [parts.flatMap(({ records }): object[] => [...records]), parts.flatMap(({ rejected }) => rejected)];
    };
    const counts = { refused: 0, same: 0 };
    for (const damaged of mutations(bytes)) {
      const whole = attempt(() => said([decodeOtlp(damaged, PROTOBUF, { signal })]));
      const parts = attempt(() => said([...protobufPieces(damaged, signal)].filter((piece) => piece !== undefined)));
      if (whole instanceof FormatError) {
        assert.ok(parts instanceof FormatError, `${whole.message} ${damaged.toString("hex")}`);
        assert.equal(parts.code, whole.code);
        counts.refused++;
      } else {
        assert.deepEqual(parts, whole, damaged.toString("hex"));
        counts.same++;
      }
    }
    assert.ok(counts.refused > 300 && counts.same > 300, JSON.stringify(counts));
  });
}

test("a resource and a scope are decoded once for all pieces, and read once", () => {
  const attributes = keyValues({ "service.name": "large", rest: "x".repeat(100_000) });
  const large = {
    resourceSpans: [{ resource: { attributes }, scopeSpans: [{ scope: { name: "s" }, spans: spans(0, 900) }] }],
  };
  for (const [type, bytes] of [
    [JSON_TYPE, Buffer.from(JSON.stringify(large))],
    [PROTOBUF, toProtobuf("TracesData", large as never)],
  ] as const) {
    const groups = [...otlpPieces(bytes, type)].flatMap((piece: any) => piece?.resourceSpans ?? []);
    assert.ok(groups.length > 3, `${groups.length} pieces`);
    const resources = new Set(groups.map(({ resource }) => resource));
    const scopes = new Set(groups.map(({ scopeSpans: [{ scope }] }) => scope));
    assert.deepEqual([resources.size, scopes.size], [1, 1], type);

    let reads = 0;
    for (const { attributes } of resources as Set<{ attributes: object[] }>) {
      Object.defineProperty(attributes, Symbol.iterator, {
        value: () => {
          reads++;
          return Array.prototype.values.call(attributes);
        },
      });
    }
    const origins = createOrigins();
    const parts = groups.map((group) => recordsFromOtlp({ resourceSpans: [group] }, { now, origins }).records);
    assert.equal(reads, 1, type);
    assert.deepEqual(parts.flat(), recordsFromOtlp(large, { now }).records);
  }
});

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
  assert.equal(taken(Buffer.from(text), JSON_TYPE).records.length, 801);
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
