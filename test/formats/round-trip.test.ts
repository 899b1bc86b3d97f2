/** Our own records sent as OTLP come back as they were; what does not is named here, and in docs/formats.md. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { decodeOtlp, recordsFromOtlp, recordsFromOtlpLogs, withContent } from "../../src/formats/index.ts";
import { PROFILES } from "../../src/semconv/profile.ts";
import { type OtlpFormOptions, otlpForm } from "../../src/sinks/otlp/form.ts";
import { toProtobuf } from "../../src/sinks/otlp/to-protobuf.ts";
import { sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { fullRecord } from "../semconv/full-record.ts";
import { differences, key } from "./same.ts";

const spans = [...sampleRecords(), fullRecord as SpanRecord].filter(
  (record): record is SpanRecord => record.record === "span",
);

function roundTrip(options: OtlpFormOptions, records: readonly SpanRecord[] = spans): readonly SpanRecord[] {
  const data = otlpForm("test", options, {}).traces(records);
  const json = recordsFromOtlp(decodeOtlp(Buffer.from(JSON.stringify(data)), "application/json; charset=utf-8"));
  const binary = recordsFromOtlp(decodeOtlp(toProtobuf("TracesData", data), "application/x-protobuf"));
  assert.deepEqual(json, binary, "JSON and protobuf say the same");
  assert.deepEqual(json.rejected, []);
  return json.records;
}

/** What is another after the way, by the name of the span. */
function lost(options: OtlpFormOptions): string[] {
  const after = new Map(roundTrip(options).map((record) => [key(record), record]));
  return spans.flatMap((span) => differences(span, after.get(key(span))).map((each) => `${span.name}: ${each}`));
}

/** Lone surrogates are not in UTF-8; `null` and empty objects are in no attribute; parameters have one name in OTLP. */
const ALWAYS = [
  "chat gpt-4.1: genAi.parameters.stop: null -> undefined",
  '数学の先生 👩‍🏫 مُعَلِّم e\u0301 \u001b[31mred\u0007\u2028: input: "\\ud800 lone, \\u0000 nul, \u2028 line" -> "\ufffd lone, \\u0000 nul, \u2028 line"',
  ": metadata: {} -> undefined",
  "my call: parentIsExternal: true -> undefined",
  "my call: genAi.parameters.max_completion_tokens: 100 -> undefined",
  "my call: genAi.parameters.max_tokens: undefined -> 100",
  'my call: genAi.prompt.version: 3 -> "3"',
];

/** From 1.41 on, messages have one shape. */
const MESSAGES = [
  'chat gpt-4.1: input.0.content: "Solve 3x + 11 = 14" -> undefined',
  'chat gpt-4.1: input.0.parts: undefined -> [{"type":"text","content":"Solve 3x + 11 = 14"}]',
];

const LOST = {
  "1.36": [],
  "1.41": [
    ...MESSAGES,
    'chat gpt-4.1: output: {"role":"assistant","content":"x = 1"} -> [{"role":"assistant","parts":[{"type":"text","content":"x = 1"}],"finish_reason"',
  ],
  latest: [
    ...MESSAGES,
    'chat gpt-4.1: output: {"role":"assistant","content":"x = 1"} -> [{"role":"assistant","parts":[{"type":"text","content":"x = 1"}]}]',
    'my call: output.0.finish_reason: "stop" -> undefined',
  ],
} as const;

for (const profile of PROFILES) {
  test(`profile ${profile}: all fields of all samples come back, but for what is named`, () => {
    assert.deepEqual(lost({ profile }).sort(), [...ALWAYS, ...LOST[profile]].sort());
  });

  test(`profile ${profile} beside OpenInference: the shape of messages comes back as well`, () => {
    assert.deepEqual(lost({ profile, openInference: true }).sort(), [...ALWAYS].sort());
  });
}

test("what follows from the type of a span is told from what its record says", () => {
  const variants: Partial<SpanRecord>[] = [
    { type: "tool", name: "search" },
    { type: "tool", name: "search", genAi: { operation: "execute_tool" } },
    { type: "tool", name: "search", genAi: { operation: "execute_tool", tool: { name: "search" } } },
    { type: "tool", name: "search", genAi: { tool: { name: "find", callId: "c1" } } },
    { type: "tool", name: "search", genAi: { tool: { name: "search", type: "function" } } },
    { type: "generation", name: "answer" },
    { type: "generation", name: "answer", genAi: { operation: "chat", requestModel: "m" } },
    { type: "generation", name: "chat m", genAi: { operation: "chat", requestModel: "m" } },
    { type: "generation", name: "answer", genAi: { requestModel: "m" } },
    { type: "generation", name: "transcription m", genAi: { provider: "openai", requestModel: "m" } },
    { type: "agent", name: "Tutor" },
    { type: "agent", name: "invoke_agent Tutor", genAi: { operation: "invoke_agent", agent: { name: "Tutor" } } },
    { type: "agent", name: "Tutor", usage: { inputTokens: 1 } },
    { type: "chain", name: "lesson" },
    { type: "chain", name: "invoke_workflow lesson", genAi: { operation: "invoke_workflow" } },
    { type: "span", name: "asked", genAi: { operation: "chat", conversationId: "c", openai: { threadId: "t" } } },
    { type: "agent", name: "run", genAi: { openai: { threadId: "t", apiType: "assistants" } } },
    { trace: { release: "1" } },
    { trace: { release: "1", version: "2" } },
    { trace: { version: "2" } },
  ];
  const records = variants.map((part, i) => sampleSpan({ ...part, spanId: (i + 1).toString(16).padStart(16, "0") }));
  for (const profile of PROFILES) {
    const after = new Map(roundTrip({ profile }, records).map((record) => [record.spanId, record]));
    for (const record of records) assert.deepEqual(after.get(record.spanId), record, profile);
  }
});

test("what the user has put into the resource comes back as attributes, what was detected does not", () => {
  const [record] = roundTrip({ resource: { "service.name": "tutor", "cloud.region": "eu" } }, [sampleSpan()]);
  assert.deepEqual(record, sampleSpan({ attributes: { "service.name": "tutor", "cloud.region": "eu" } }));
});

function logsOf(
  records: readonly TraceRecord[],
  options: OtlpFormOptions = {},
): ReturnType<typeof recordsFromOtlpLogs> {
  const data = otlpForm("test", options, {}).logs(records);
  const json = decodeOtlp(Buffer.from(JSON.stringify(data)), "application/json", { signal: "logs" });
  const binary = decodeOtlp(toProtobuf("LogsData", data), "application/x-protobuf", { signal: "logs" });
  assert.deepEqual(recordsFromOtlpLogs(json), recordsFromOtlpLogs(binary));
  return recordsFromOtlpLogs(json);
}

test("scores and findings come back", () => {
  const given = sampleRecords().filter(({ record }) => record !== "span");
  const long = sampleScore({
    id: "score-4",
    value: "a text",
    dataType: "TEXT",
    comment: "why",
    metadata: { by: ["me"] },
  });
  const { records, rejected } = logsOf([...given, long]);
  assert.deepEqual(rejected, []);
  // The sample without a trace is of a session, which is said once.
  assert.deepEqual(records, JSON.parse(JSON.stringify([...given, long])));
});

test("contents as events are put into their spans", () => {
  const options: OtlpFormOptions = { profile: "1.41", content: "events" };
  const whole = fullRecord as SpanRecord;
  const [bare] = roundTrip(options, [whole]);
  assert.equal(bare!.input, undefined);
  const { contents, ignored } = logsOf([whole], options);
  assert.equal(ignored, 0);
  assert.equal(contents.length, 1);
  assert.deepEqual([contents[0]!.traceId, contents[0]!.spanId], [whole.traceId, whole.spanId]);
  assert.deepEqual(
    withContent({ ...bare!, unfinished: undefined } as object as SpanRecord, contents[0]!).input,
    whole.input,
  );
  const { unfinished, ...ended } = bare!;
  const filled = withContent(ended, contents[0]!);
  assert.deepEqual([filled.input, filled.output, filled.seq], [whole.input, whole.output, ended.seq + 1]);
  assert.deepEqual(filled.genAi?.systemInstructions, whole.genAi?.systemInstructions);
  // Its end, when it comes, has the next `seq`.
  assert.equal(unfinished, true);
  assert.equal(withContent(bare!, contents[0]!), bare);
});
