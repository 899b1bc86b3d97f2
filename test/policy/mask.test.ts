import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConfigError,
  configure,
  encode,
  event,
  filter,
  flush,
  generation,
  type MaskRules,
  mask,
  memorySink,
  type ScoreRecord,
  type Sink,
  type SpanRecord,
  score,
  shutdown,
  stats,
  type TraceRecord,
  updateSpan,
  withSpan,
  withTrace,
} from "sightline";
import { sampleRecords } from "../../src/testing/sample-records.ts";
import { assertBooks } from "../support/books.ts";

const failed = "[redaction failed]";
const SAMPLES = sampleRecords();

/** What the sink behind `mask` gets of these records. */
function through(rules: MaskRules, records: readonly TraceRecord[]) {
  const { prepare } = mask(memorySink(), rules).policy!;
  return records.map((record) => prepare!(Object.freeze(structuredClone(record)))!);
}

const span: SpanRecord = {
  record: "span",
  schema: 1,
  traceId: `${"0".repeat(31)}1`,
  spanId: `${"0".repeat(15)}2`,
  parentSpanId: `${"0".repeat(15)}3`,
  traceFlags: 1,
  seq: 0,
  name: "ask ACME",
  type: "generation",
  kind: "client",
  startTime: "1700000000000000000",
  endTime: "1700000000100000000",
  status: { code: "error", message: "for ACME" },
  level: "ERROR",
  error: {
    type: "ACMEError",
    message: "no ACME",
    stack: "ACMEError: no ACME\n at x",
    code: "ACME_1",
    status: 500,
    causes: [{ type: "Error", message: "ACME" }],
  },
  input: { messages: [{ role: "user", content: "hi ACME" }], customerId: "c-1", n: 1, none: null },
  output: "ACME",
  genAi: {
    requestModel: "gpt-4.1",
    responseId: "resp_ACME",
    parameters: { user: "ACME", max_tokens: 12 },
    systemInstructions: "You serve ACME",
    toolDefinitions: [{ name: "t", description: "for ACME" }],
    agent: { id: "agent_1", name: "ACME bot" },
    tool: { name: "ACME", callId: "call_ACME" },
    prompt: { name: "ACME", version: 2 },
  },
  usage: { inputTokens: 1 },
  cost: { currency: "USD", total: 1, source: "provided" },
  events: [{ name: "ACME", time: "1700000000000000001", attributes: { a: "ACME" } }],
  links: [{ traceId: "4".repeat(32), spanId: "5".repeat(16), attributes: { a: "ACME" } }],
  metadata: { a: ["ACME"] },
  attributes: { a: "ACME" },
  cuts: [{ path: "input.ACME", reason: "string", size: 9 }],
  trace: {
    name: "ACME",
    userId: "ACME",
    sessionId: "ACME",
    tags: ["ACME", "b"],
    metadata: { a: "ACME" },
    feature: "ACME",
    team: "ACME",
    release: "ACME",
    version: "ACME",
    environment: "ACME",
    public: true,
  },
};

const verdict: ScoreRecord = {
  record: "score",
  schema: 1,
  id: "score-1",
  seq: 0,
  traceId: span.traceId,
  time: "1700000000000000000",
  name: "ACME",
  value: "ACME",
  dataType: "CATEGORICAL",
  comment: "ACME",
  metadata: { a: "ACME" },
  trace: { name: "ACME" },
};

test("P19 mask(sink) masks every text of a record and leaves ids, times, types, usage and cost", () => {
  const [masked, judged] = through({ text: (text) => text.replaceAll("ACME", "***") }, [span, verdict]) as [
    SpanRecord,
    ScoreRecord,
  ];
  const expected = JSON.parse(
    JSON.stringify(span).replaceAll("ACME", "***").replace("resp_***", "resp_ACME").replace("call_***", "call_ACME"),
  );
  assert.deepEqual(masked, expected);
  assert.deepEqual(judged, JSON.parse(JSON.stringify(verdict).replaceAll("ACME", "***")));
});

test("P19 mask(sink) masks values under names, personal data, and what an unmasked configuration let through", () => {
  const input = { customerId: "c-1", mail: "to bob@example.com", nested: [{ apiKey: "x" }], text: "pwd=abc" };
  const [masked] = through({ keys: ["customer id"], pii: ["email"] }, [{ ...span, input }]) as [SpanRecord];
  assert.deepEqual(masked.input, {
    customerId: "[redacted]",
    mail: "to [email]",
    nested: [{ apiKey: "[redacted]" }],
    text: "pwd=[redacted]",
  });
});

test("P19 mask(sink, { omit }) leaves parts out: names, times, tokens and errors remain", () => {
  const [bare, scored] = through({ omit: ["content", "metadata", "attributes", "events"] }, [span, verdict]) as [
    SpanRecord,
    ScoreRecord,
  ];
  for (const part of ["input", "output", "metadata", "attributes", "events"]) assert.ok(!(part in bare), part);
  assert.deepEqual(Object.keys(bare.genAi!).sort(), [
    "agent",
    "parameters",
    "prompt",
    "requestModel",
    "responseId",
    "tool",
  ]);
  assert.ok(!("metadata" in bare.trace) && !("metadata" in scored));
  assert.deepEqual([bare.name, bare.usage, bare.error, bare.trace.userId], [span.name, span.usage, span.error, "ACME"]);
  const [half] = through({ omit: ["output"] }, [span]) as [SpanRecord];
  assert.ok("input" in half && !("output" in half) && "systemInstructions" in half.genAi!);
});

test("P19 mask(sink) changes nothing of records that hold nothing, and cuts nothing", () => {
  assert.deepEqual(through({}, SAMPLES), SAMPLES);
  let deep: unknown = "bottom";
  for (let i = 0; i < 200; i++) deep = [deep];
  const large = { deep, wide: Array.from({ length: 5_000 }, (_, i) => ({ i })), long: "word ".repeat(100_000) };
  const [masked] = through({ pii: true }, [{ ...span, input: large as never }]) as [SpanRecord];
  assert.deepEqual(masked.input, large);
});

const failing: Record<string, (text: string) => any> = {
  throws: () => {
    throw new Error("no");
  },
  "returns nothing": () => undefined,
  "returns a promise": async (text) => text,
  "returns a promise that rejects": async () => {
    throw new Error("unhandled, if nobody looks");
  },
};
for (const [what, text] of Object.entries(failing)) {
  test(`P20 a mask function of one sink that ${what} fails closed, for that sink`, async () => {
    const open = memorySink();
    const closed = memorySink();
    configure({ sinks: [open, mask(closed, { text })] });
    withTrace({ userId: "u" }, () =>
      withSpan("a", { input: { q: "question" }, metadata: { m: ["deep"] } }, () => "answer"),
    );
    await flush();
    assertBooks(stats());
    await shutdown();
    const record = closed.records[0] as SpanRecord;
    assert.deepEqual([record.name, record.output, record.trace.userId], [failed, failed, failed]);
    assert.ok(!/question|answer|deep/.test(encode(record)), encode(record));
    assert.equal(record.type, "span");
    assert.equal(open.get("a").record.output, "answer");
  });
}

for (const [what, text] of Object.entries(failing)) {
  test(`P20 a mask function of all sinks that ${what} fails closed and leaves the host alone`, async () => {
    const sink = memorySink();
    configure({ sinks: [sink], mask: { text } });
    assert.equal(
      withSpan("a", { input: "question" }, () => "answer"),
      "answer",
    );
    await flush();
    assertBooks(stats());
    await shutdown();
    const [record] = sink.records as [SpanRecord];
    assert.deepEqual([record.name, record.input, record.output], [failed, failed, failed]);
    assert.deepEqual(
      record.cuts?.map(({ reason }) => reason),
      ["redaction_failed", "redaction_failed"],
    );
  });
}

test("P19 one sink is masked, the other is not; wrappers are passed from the outside in", async () => {
  const plain = memorySink();
  const masked = memorySink();
  const seen: string[] = [];
  const keep = (record: { name: string }) => seen.push(record.name) > 0;
  const inside = mask(filter(masked, keep), { text: (text) => text.replaceAll("ACME", "***") });
  configure({ sinks: [plain, inside] });
  withSpan("for ACME", () => {
    generation({ name: "ACME", model: "gpt-4.1", input: "ACME", output: "ACME" });
    event("ACME");
    updateSpan({ metadata: { a: "ACME" } });
    score({ name: "good", value: 1, comment: "ACME" });
  });
  await flush();
  assertBooks(stats());
  await shutdown();
  assert.ok(encode(plain.records[0]!).includes("ACME"));
  assert.equal(masked.records.length, plain.records.length);
  for (const record of masked.records) assert.ok(!encode(record).includes("ACME"), encode(record));
  assert.ok(seen.length > 0 && seen.every((name) => !name.includes("ACME")), "the inner filter sees masked records");
});

test("P2 rules that are none are refused", () => {
  const sink: Sink = { name: "a", write() {} };
  const bad: unknown[] = [
    undefined,
    null,
    [],
    "email",
    { key: ["a"] },
    { keys: "a" },
    { text: "a" },
    { pii: "email" },
    { pii: ["mail"] },
    { omit: "input" },
    { omit: ["inputs"] },
  ];
  for (const rules of bad) assert.throws(() => mask(sink, rules as MaskRules), ConfigError, JSON.stringify(rules));
  assert.throws(() => mask({} as Sink, {}), ConfigError);
  for (const rules of bad.slice(2, 9)) assert.throws(() => configure({ sinks: [], mask: rules as any }), ConfigError);
});
