import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Json } from "../../src/core/json.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import { jsonLength } from "../../src/store/json-length.ts";
import { compareText, plainText } from "../../src/store/plain-text.ts";
import { spanRow } from "../../src/store/span-row.ts";
import { metadataTexts, traceFacts } from "../../src/store/trace-facts.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";
import { holds, wildText } from "../fuzz/property.ts";

const BARE = {
  ...{ traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e", spanId: "00f067aa0ba902b7", seq: 1, name: "Tutor.answer" },
  ...{ type: "span", status: "ok", level: "DEFAULT", startUs: 1_732_000_000_000_000, durationNs: 250_000_000 },
};

test("a bare span: what is not known is not there", () => {
  assert.deepEqual(spanRow(sampleSpan()), BARE);
});

test("the model that answered, else the one that was asked; the error's status before the exchange's", () => {
  const genAi = { requestModel: "asked", responseModel: "answered" };
  assert.equal(spanRow(sampleSpan({ genAi })).model, "answered");
  assert.equal(spanRow(sampleSpan({ genAi: { requestModel: "asked" } })).model, "asked");
  const http = { method: "POST", route: "/", status: 200 };
  assert.equal(spanRow(sampleSpan({ http })).httpStatus, 200);
  assert.equal(spanRow(sampleSpan({ http, error: { type: "E", status: 429 } })).httpStatus, 429);
  assert.equal(spanRow(sampleSpan({ http, error: { type: "E" } })).httpStatus, 200);
});

test("a parent that is in no record is no parent", () => {
  assert.equal(spanRow(sampleSpan({ parentSpanId: "b7ad6b7169203331" })).parentSpanId, "b7ad6b7169203331");
  assert.equal(
    spanRow(sampleSpan({ parentSpanId: "b7ad6b7169203331", parentIsRemote: true })).parentSpanId,
    "b7ad6b7169203331",
  );
  assert.deepEqual(spanRow(sampleSpan({ parentSpanId: "b7ad6b7169203331", parentIsExternal: true })), BARE);
  assert.deepEqual(spanRow(sampleSpan({ parentSpanId: "" })), BARE);
});

test("messages of errors: 200 characters, else the status's", () => {
  const message = (part: Partial<SpanRecord>) => spanRow(sampleSpan(part)).errorMessage;
  assert.equal(message({ status: { code: "error", message: "status" } }), "status");
  assert.equal(message({ status: { code: "error", message: "status" }, error: { type: "E", message: "own" } }), "own");
  assert.equal(message({ error: { type: "E", message: "x".repeat(201) } }), "x".repeat(200));
  assert.equal(message({ error: { type: "E", message: `${"x".repeat(199)}😀` } }), "x".repeat(199));
  assert.equal(message({ error: { type: "E", message: "ends in \uFFFD" } }), "ends in \uFFFD");
  assert.equal(message({ error: { type: "E", message: "" } }), undefined);
});

test("times: microseconds rounded down, exact durations, none below zero", (t) =>
  holds(
    t,
    fc.property(
      fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n }),
      fc.bigInt({ min: -1_000_000n, max: 8_000_000_000_000_000n }),
      (start, duration) => {
        const end = start + duration < 0n ? 0n : start + duration;
        const times = { startTime: `${start}`, endTime: `${end}`, firstChunkTime: `${end}` };
        const row = spanRow(sampleSpan(times));
        const expected = end > start ? Number(end - start) : 0;
        assert.deepEqual([row.startUs, row.durationNs, row.firstChunkNs], [Number(start / 1_000n), expected, expected]);
      },
    ),
    2_000,
  ));

test("a foreign record with anything in the place of our values: what is wrong is left out, nothing throws", () => {
  const foreign = {
    ...sampleSpan(),
    ...{ startTime: "yesterday", endTime: "1e30", firstChunkTime: "", name: "nul\0" },
    ...{ genAi: { responseModel: 7, requestModel: "", provider: null }, cost: { total: "12" } },
    usage: { inputTokens: "12", outputTokens: -1, cacheReadInputTokens: Number.NaN, reasoningOutputTokens: 1.6 },
    ...{ error: { type: "", message: { toString: 1 }, status: "429" }, input: null, output: "" },
  } as unknown as SpanRecord;
  assert.deepEqual(spanRow(foreign), {
    ...BARE,
    ...{
      name: "nul\uFFFD",
      startUs: 0,
      durationNs: 0,
      firstChunkNs: 0,
      reasoningTokens: 2,
      inputSize: 4,
      outputSize: 2,
    },
  });
});

const ESCAPED = /\\(u[0-9a-f]{4}|.)/g;
const sizeOf = (value: unknown) => JSON.stringify(value).replace(ESCAPED, "x").length;

test("sizes are those of the payloads' JSON, and may come from whoever knows them", () => {
  for (const record of sampleRecords()) {
    if (record.record !== "span") continue;
    const { inputSize, outputSize } = spanRow(record);
    assert.equal(inputSize, record.input === undefined ? undefined : sizeOf(record.input));
    assert.equal(outputSize, record.output === undefined ? undefined : sizeOf(record.output));
  }
  const { inputSize, outputSize } = spanRow(sampleSpan({ input: "a", output: "b" }), { input: 70 });
  assert.deepEqual([inputSize, outputSize], [70, 3]);
});

test("jsonLength is the length of the JSON, what is escaped counted once", (t) =>
  holds(
    t,
    fc.property(fc.oneof(fc.jsonValue(), wildText, fc.dictionary(wildText, wildText)), (value) => {
      const plain: Json = JSON.parse(JSON.stringify(value));
      assert.equal(jsonLength(plain), sizeOf(plain));
    }),
    2_000,
  ));

test("jsonLength: at any depth", () => {
  const depth = 200_000;
  assert.equal(jsonLength(JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`)), 2 * depth);
});

test("plain text is what UTF-8 and C keep", () => {
  assert.equal(plainText("Zoë 😀"), "Zoë 😀");
  assert.equal(plainText("a\0b\0"), "a\uFFFDb\uFFFD");
  assert.equal(plainText("\ud800a\udc00\udc00\ud800"), "\uFFFDa\uFFFD\uFFFD\uFFFD");
});

test("texts are ordered as their UTF-8 is", (t) =>
  holds(
    t,
    fc.property(wildText, wildText, (one, other) => {
      const [a, b] = [plainText(one), plainText(other)];
      assert.equal(
        Math.sign(compareText(a, b)),
        Buffer.compare(Buffer.from(a), Buffer.from(b)),
        JSON.stringify([a, b]),
      );
    }),
    2_000,
  ));

test("order of texts: astral characters come last", () => {
  assert.deepEqual(["😀", "\uff5e", "b", "", "ba", "é"].sort(compareText), ["", "b", "ba", "é", "\uff5e", "😀"]);
});

test("facts of a trace: plain texts, each tag once; what is empty or of another type is left out", () => {
  const trace = {
    ...{ name: "", userId: "nul\0", sessionId: 7, feature: "f", public: true, version: "2" },
    ...{ tags: ["b", "a", "b", "", 7, "\ud800"], metadata: { plan: "pro" } },
  };
  assert.deepEqual(traceFacts(sampleSpan({ trace: trace as object })), {
    ...{ userId: "nul\uFFFD", feature: "f", tags: ["b", "a", "\uFFFD"], metadata: { plan: "pro" } },
  });
  assert.deepEqual(traceFacts(sampleSpan({ trace: { tags: [], metadata: {} } })), {});
  assert.deepEqual(traceFacts(sampleSpan({ trace: { tags: "no list", metadata: ["no object"] } as object })), {});
});

test("metadata to be met: texts, numbers and booleans of the first level", () => {
  const metadata = JSON.parse(
    '{"a.b":"x","n":1,"f":1.50,"big":1e21,"t":true,"none":null,"list":[1],"o":{},"":"empty key","e":"","__proto__":"p","z":"\\u0000"}',
  );
  assert.deepEqual(metadataTexts({ ...metadata, ["__proto__"]: "p", long: "x".repeat(501), fits: "x".repeat(500) }), [
    ...[
      ["a.b", "x"],
      ["n", "1"],
      ["f", "1.5"],
      ["big", "1e+21"],
      ["t", "true"],
    ],
    ...[
      ["", "empty key"],
      ["e", ""],
      ["__proto__", "p"],
      ["z", "\uFFFD"],
      ["fits", "x".repeat(500)],
    ],
  ]);
  assert.deepEqual(metadataTexts(undefined), []);
});
