/** Every attribute that is written is in the registry of its profile with the right type, or is our own. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { Json, SpanRecord, TraceRecord } from "sightline";
import {
  type Attributes,
  contentEvent,
  findingEvent,
  openInferenceAttributes,
  PROFILES,
  type Profile,
  scoreEvent,
  spanAttributes,
} from "sightline/semconv";
import { OBSERVATION_TYPES } from "../../src/core/record.ts";
import { isAnswer, sampleOf } from "../../src/monitors/quality/sample.ts";
import { REGISTRY } from "../../src/semconv/registry.ts";
import { sampleFinding, sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { faults, withoutIndices } from "./check.ts";
import { fullRecord } from "./full-record.ts";
import { OPEN_INFERENCE, REGISTRIES } from "./oracle.ts";
import { realRecords } from "./real-records.ts";

const OPERATIONS =
  "chat text_completion generate_content embeddings retrieval fetch_response create_agent invoke_agent execute_tool invoke_workflow plan search_memory my_own".split(
    " ",
  );

/** Messages with parts of every kind. */
const TALK: Json = [
  {
    role: "user",
    name: "ada",
    parts: [
      { type: "text", content: "q" },
      { type: "uri", modality: "image", uri: "https://example.com/a.png" },
    ],
  },
  { role: "assistant", parts: [{ type: "tool_call", id: "call_1", name: "add", arguments: { a: 1 } }] },
  { role: "tool", parts: [{ type: "tool_call_response", id: "call_1", response: "2" }] },
];
const CACHED = {
  "in.cached_tokens_details.text_tokens": 1,
  "in.cached_tokens_details.image_tokens": 2,
  "in.cached_tokens_details.audio_tokens": 3,
};

/** The full record as every type and every operation, with contents of several shapes. */
const handMade: readonly SpanRecord[] = [
  fullRecord,
  ...OBSERVATION_TYPES.map((type) => ({ ...fullRecord, type, genAi: { ...fullRecord.genAi, operation: undefined } })),
  ...OPERATIONS.map((operation) => ({ ...fullRecord, genAi: { ...fullRecord.genAi, operation } })),
  ...OPERATIONS.map((operation) => ({ ...fullRecord, input: "q", output: "a", genAi: { operation } })),
  ...OPERATIONS.map((operation) => ({ ...fullRecord, input: { q: 1 }, output: [{ id: "1" }], genAi: { operation } })),
  { ...fullRecord, status: { code: "error", message: "too many" }, level: "ERROR" },
  sampleSpan({ type: "generation", input: TALK, output: TALK, usage: { extra: CACHED } }),
  sampleSpan({
    type: "retriever",
    input: "q",
    output: [{ id: 1, content: "c", score: 1, metadata: { a: 1 } }, "text"],
  }),
] as SpanRecord[];

const isSpan = (record: TraceRecord): record is SpanRecord => record.record === "span";

/** The user's own attributes are written as they are. Real records have those that our own code sets. */
const made = [...sampleRecords(), ...handMade].filter(isSpan).map(({ attributes: _, ...record }) => record);
let real: TraceRecord[] = [];
let spans: SpanRecord[] = [];
before(async () => {
  real = await realRecords();
  spans = [...made, ...real.filter(isSpan)];
});

function found(attributes: Attributes, profile: Profile = "1.41"): string[] {
  return faults(attributes, [REGISTRIES[profile]], profile);
}

test("the oracle catches what is invented, misspelt, of another release or of another type", () => {
  const counts = PROFILES.map((profile) => {
    return [...REGISTRIES[profile].keys()].filter((name) => /^(?:gen_ai|openai)\./.test(name)).length;
  });
  assert.deepEqual(counts, [32, 54, 74]);
  const created = "gen_ai.usage.cache_creation.input_tokens";
  assert.deepEqual(found({ "gen_ai.invented": "x" }), ["gen_ai.invented: in no registry"]);
  assert.deepEqual(found({ "gen_ai.usage.cost": 1 }), ["gen_ai.usage.cost: in no registry"]);
  assert.deepEqual(found({ "openai.run.id": "x" }), ["openai.run.id: in no registry"]);
  assert.deepEqual(found({ "gen_ai.system": "openai" }), ["gen_ai.system: in no registry"]);
  assert.deepEqual(found({ "gen_ai.provider.name": "x" }, "1.36"), ["gen_ai.provider.name: in no registry"]);
  assert.deepEqual(found({ [created]: 1 }, "latest"), [`${created}: in no registry`]);
  assert.deepEqual(found({ [created]: 1.5 }), [`${created}: double instead of int`]);
  assert.deepEqual(found({ "gen_ai.request.seed": "1" }), ["gen_ai.request.seed: string instead of int"]);
  assert.deepEqual(found({ "gen_ai.request.temperature": "1" }), [
    "gen_ai.request.temperature: string instead of double",
  ]);
  assert.deepEqual(found({ "gen_ai.request.stream": "true" }), ["gen_ai.request.stream: string instead of boolean"]);
  assert.equal(found({ "gen_ai.response.finish_reasons": "stop" }).length, 1);
  assert.deepEqual(found({ "gen_ai.system": "openai", "gen_ai.request.top_k": 1 }, "1.36"), []);
  assert.deepEqual(found({ [created]: 1, "gen_ai.request.temperature": 1, "sightline.x": 1, "sightline.y": "x" }), []);
});

for (const profile of PROFILES) {
  test(`spans in profile ${profile}: sample, hand-made and real records, with and without content`, () => {
    const wrong = new Set<string>();
    const names = new Set<string>();
    for (const record of spans) {
      for (const content of [true, false]) {
        const attributes = spanAttributes(record, { profile, content });
        for (const fault of found(attributes, profile)) wrong.add(fault);
        for (const name of Object.keys(attributes)) names.add(name);
      }
    }
    assert.deepEqual([...wrong], []);
    assert.ok(spans.length >= 100 && names.size >= 120, `${spans.length} spans, ${names.size} names`);
  });

  test(`content events in profile ${profile}`, () => {
    const events = spans.map((span) => contentEvent(span, profile)).filter((event) => event !== undefined);
    assert.equal(events.length > 20, profile !== "1.36", `${events.length} events`);
    assert.deepEqual([...new Set(events.flatMap(({ attributes }) => found(attributes, profile)))], []);
  });
}

test("scores and findings, by the names of 1.41 that latest kept", () => {
  const text = sampleScore({ value: "x", dataType: "TEXT", comment: "c" });
  const scores = [...sampleRecords(), ...real, text].filter((record) => record.record === "score");
  assert.equal(scores.length, 7);
  const findings = [...real, sampleFinding()].filter((record) => record.record === "finding");
  assert.ok(findings.length >= 3, `${findings.length} findings`);
  for (const { attributes } of [...scores.map(scoreEvent), ...findings.map(findingEvent)]) {
    assert.deepEqual([found(attributes, "1.41"), found(attributes, "latest")], [[], []]);
  }
});

test("OpenInference: sample, hand-made and real records", () => {
  const wrong = new Set<string>();
  const names = new Set<string>();
  for (const record of spans) {
    for (const content of [true, false]) {
      const attributes = openInferenceAttributes(record, { content });
      for (const fault of faults(attributes, [OPEN_INFERENCE], "1.41")) wrong.add(fault);
      for (const name of Object.keys(attributes)) names.add(withoutIndices(name));
    }
  }
  assert.deepEqual([...wrong], []);
  assert.ok(names.size >= 50, `${names.size} names`);
  // What is ours is of the other conventions.
  assert.deepEqual(
    [...names].filter((name) => name.startsWith("sightline.")),
    [],
  );
});

test("every row of our table is written by some record, in each profile", () => {
  const records = [...sampleRecords(), ...real, sampleScore({ value: "x", dataType: "TEXT", comment: "c" })];
  const events = records.flatMap((record) => {
    if (record.record === "score") return [scoreEvent(record)];
    return record.record === "finding" ? [findingEvent(record)] : [];
  });
  for (const profile of PROFILES) {
    const all = [
      ...spans.map((span) => spanAttributes(span, { profile, content: true })),
      ...spans.map((span) => openInferenceAttributes(span, { content: true })),
      ...events.map(({ attributes }) => attributes),
    ];
    const names = new Set(all.flatMap((attributes) => Object.keys(attributes).map(withoutIndices)));
    const rows = Object.entries(REGISTRY[profile]);
    const unwritten = rows.filter(([, { name }]) => !names.has(name)).map(([key]) => key);
    // For content and scores 1.36 has no names; content is under OpenInference's, scores have those of 1.41.
    const left =
      "inputMessages outputMessages toolArguments toolResult retrievalQuery retrievalDocuments evaluationName evaluationValue evaluationLabel evaluationExplanation";
    assert.deepEqual(unwritten, profile === "1.36" ? left.split(" ") : []);
    assert.ok(rows.length > 170, `${rows.length} rows`);
  }
});

test("of real records the answers are scored, each of them once: no tools, no embeddings, no images, no steps of runs", () => {
  const spans = real.filter(isSpan);
  const answers = spans.filter(isAnswer).flatMap((span) => {
    const sample = sampleOf(span);
    return sample === undefined ? [] : [{ name: span.name, input: sample.input, output: sample.output }];
  });
  const question = "Solve 3x + 11 = 14.";
  const said = (name: string) => ({ name, input: question, output: "x = 1" });
  assert.deepEqual(answers, [
    said("chat gpt-4.1"),
    said("chat gpt-5"),
    said("chat gpt-5"),
    said("text_completion gpt-3.5-turbo-instruct"),
    said("invoke_agent Tutor"),
  ]);

  const contexts = spans.filter(isAnswer).map((span) => sampleOf(span)?.context ?? "");
  const searched = contexts.find((context) => context.includes("notes.txt"));
  assert.ok(searched?.startsWith("Be kind."), "what tools found and what the instructions say is context");
});
