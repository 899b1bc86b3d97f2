import assert from "node:assert/strict";
import { test } from "node:test";
import type { TraceRecord } from "../../src/core/record.ts";
import { buildTraces, rows, type SpanNode } from "../../src/core/tree.ts";
import { sampleFinding, sampleSpan } from "../../src/testing/sample-records.ts";

function span(spanId: string, parentSpanId?: string, startTime = "1000"): TraceRecord {
  return sampleSpan({ spanId, name: spanId, startTime, ...(parentSpanId === undefined ? {} : { parentSpanId }) });
}

function shape(records: TraceRecord[]): string {
  return buildTraces(records)
    .map((trace) => trace.tree())
    .join("\n\n");
}

test("children hang under parents in order of start, whatever the order of arrival", () => {
  const records = [
    span("c", "a", "3000"),
    span("a"),
    span("d", "b", "2500"),
    span("b", "a", "2000"),
    span("e", "a", "10000"),
  ];
  const tree = "a\n├─ b\n│  └─ d\n├─ c\n└─ e";
  assert.equal(shape(records), tree);
  assert.equal(shape([...records].reverse()), tree);
});

test("spans that started together stay in order of arrival", () => {
  assert.equal(shape([span("x", "a"), span("b", "a"), span("a")]), "a\n├─ x\n└─ b");
});

test("a missing parent makes a root, a remote parent too", () => {
  assert.equal(shape([span("a", "gone"), span("b", "a")]), "a\n└─ b");
});

test("rings of parents lose no span", () => {
  assert.equal(shape([span("a", "a")]), "a");
  assert.equal(shape([span("a", "b"), span("b", "a")]), "a\n└─ b");
  const all = shape([span("r"), span("x", "y"), span("y", "z"), span("z", "x"), span("t", "x")]);
  for (const name of ["r", "x", "y", "z", "t"]) assert.match(all, new RegExp(`${name}$`, "m"));
});

test("traces come in order of start; start times compare as numbers", () => {
  const late = sampleSpan({ traceId: "f".repeat(32), startTime: "10000", name: "late" });
  assert.equal(shape([late, span("early", undefined, "9000")]), "early\n\nlate");
});

test("a chain of 100,000 spans is built and searched without recursion", () => {
  const chain = Array.from({ length: 100_000 }, (_, i) => span(String(i), i === 0 ? undefined : String(i - 1)));
  const [trace] = buildTraces(chain);
  assert.equal(trace?.findAll("span").length, 100_000);
  assert.equal(trace?.find("99999")?.parent?.record.name, "99998");
});

test("names like __proto__ are names", () => {
  const [trace] = buildTraces([span("__proto__"), span("constructor", "__proto__")]);
  assert.equal(trace?.roots[0]?.children[0]?.record.name, "constructor");
});

test("indentation stops growing at the given depth, the spans do not", () => {
  const [trace] = buildTraces([span("a"), span("b", "a"), span("c", "b"), span("d", "c")]);
  const drawn = [...rows(trace!.roots as SpanNode[], 1)].map(({ node, branch }) => branch + node.record.name);
  assert.deepEqual(drawn, ["a", "└─ b", "   └─ c", "   └─ d"]);
});

test("findings hang on their spans; those of unknown spans and of none on the trace; of one id the newest", () => {
  const ofSpan = sampleFinding({ id: "1", spanId: "b" });
  const ofNone = sampleFinding({ id: "2", spanId: "gone" });
  const { spanId, ...ofTrace } = sampleFinding({ id: "3" });
  const newer = sampleFinding({ id: "1", spanId: "b", seq: 2, message: "Worse." });
  const [trace] = buildTraces([ofSpan, span("a"), newer, ofNone, ofTrace, span("b", "a"), ofSpan]);
  assert.deepEqual(trace?.get("b").findings, [newer]);
  assert.deepEqual(trace?.get("a").findings, []);
  assert.deepEqual(trace?.findings, [ofNone, ofTrace]);
  assert.equal(shape([ofSpan]), "");
});
