import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord } from "../../src/core/record.ts";
import { buildTraces } from "../../src/core/tree.ts";
import { langfuseMemory, recordsFromLangfuse } from "../../src/formats/index.ts";
import { isoNanos } from "../../src/formats/times.ts";

const TRACE = "0193489c5a7e7c3e9f2e4d7a1b2c3d4e";
const START = "2024-11-19T07:06:40.000Z";
const START_NS = "1732000000000000000";

/** As `GET /api/public/traces/{id}` answers. */
const trace = {
  id: "0193489c-5a7e-7c3e-9f2e-4d7a1b2c3d4e",
  projectId: "p1",
  timestamp: START,
  name: "tutor",
  userId: "u1",
  sessionId: "s1",
  release: null,
  version: "2",
  tags: ["algebra"],
  environment: "prod",
  public: false,
  metadata: { plan: "pro" },
  input: { question: "3x" },
  output: "x = 1",
  latency: 1.5,
  totalCost: 0.3,
  htmlPath: "/project/p1/traces/t",
  observations: [
    {
      id: "6f9619ff-8b86-d011-b42d-00c04fc964ff",
      traceId: "0193489c-5a7e-7c3e-9f2e-4d7a1b2c3d4e",
      type: "GENERATION",
      name: "chat",
      startTime: "2024-11-19T07:06:40.123456Z",
      endTime: "2024-11-19T07:06:41.500Z",
      completionStartTime: "2024-11-19T07:06:40.500Z",
      level: "ERROR",
      statusMessage: "refused",
      parentObservationId: "b",
      model: "gpt-4o",
      modelParameters: { temperature: 0 },
      input: [{ role: "user", content: "Hi" }],
      output: { role: "assistant", content: "Hello" },
      usageDetails: { input: 70, input_cached_tokens: 30, output: 10, total: 110 },
      usage: { input: 100, output: 10, total: 110, unit: "TOKENS" },
      costDetails: { input: 0.1, output: 0.2, total: 0.3 },
      calculatedTotalCost: 0.3,
      promptName: "greeting",
      promptVersion: 3,
      metadata: "a text",
      timeToFirstToken: 0.3,
    },
    {
      id: "b",
      type: "SPAN",
      name: "work",
      startTime: START,
      endTime: "2024-11-19T07:06:42Z",
      parentObservationId: null,
    },
    { id: "c", type: "EVENT", name: "seen", startTime: START, parentObservationId: null, promptId: "x" },
  ],
  scores: [
    { id: "sc1", name: "ok", value: 1, dataType: "BOOLEAN", timestamp: START, observationId: "b", comment: "yes" },
    { id: "sc2", name: "kind", value: 0, stringValue: "good", dataType: "CATEGORICAL", timestamp: START },
    { id: "sc3", name: "rating", value: 0.5, dataType: "NUMERIC", timestamp: START, source: "API" },
  ],
};

test("a trace with its observations and scores becomes one tree", () => {
  const { records, rejected } = recordsFromLangfuse(trace);
  assert.deepEqual(rejected, []);
  const [tree, ...others] = buildTraces(records);
  assert.equal(others.length, 0);
  assert.equal(tree!.traceId, TRACE, "a UUID without its dashes");
  assert.equal(tree!.tree(), "tutor\n├─ work\n│  └─ chat [generation] ✗ refused\n└─ seen [event]");
  const chat = tree!.get("chat").record;
  const info = { name: "tutor", userId: "u1", sessionId: "s1", tags: ["algebra"], metadata: { plan: "pro" } };
  assert.deepEqual(chat, {
    record: "span",
    schema: 1,
    traceId: TRACE,
    spanId: chat.spanId,
    parentSpanId: tree!.get("work").record.spanId,
    traceFlags: 1,
    seq: 0,
    name: "chat",
    type: "generation",
    kind: "client",
    startTime: "1732000000123456000",
    endTime: "1732000001500000000",
    firstChunkTime: "1732000000500000000",
    status: { code: "error", message: "refused" },
    level: "ERROR",
    input: [{ role: "user", content: "Hi" }],
    output: { role: "assistant", content: "Hello" },
    genAi: { responseModel: "gpt-4o", parameters: { temperature: 0 }, prompt: { name: "greeting", version: 3 } },
    usage: { inputTokens: 100, cacheReadInputTokens: 30, outputTokens: 10, totalTokens: 110 },
    cost: { currency: "USD", input: 0.1, output: 0.2, total: 0.3, source: "provided" },
    metadata: { metadata: "a text" },
    attributes: { "langfuse.observation.id": "6f9619ff-8b86-d011-b42d-00c04fc964ff" },
    trace: { ...info, version: "2", environment: "prod" },
  });
  const root = tree!.roots[0]!;
  assert.deepEqual([root.record.input, root.record.output], [{ question: "3x" }, "x = 1"]);
  assert.deepEqual([root.record.startTime, root.record.endTime], [START_NS, "1732000002000000000"]);
  assert.equal(root.record.attributes?.["langfuse.trace.id"], trace.id);
  assert.equal(tree!.get("seen").record.attributes?.["langfuse.promptId"], "x");
  const scores = records.filter((record) => record.record === "score");
  assert.deepEqual(
    scores.map(({ value, dataType, comment, metadata }) => ({ value, dataType, comment, metadata })),
    [
      { value: true, dataType: "BOOLEAN", comment: "yes", metadata: undefined },
      { value: "good", dataType: "CATEGORICAL", comment: undefined, metadata: undefined },
      { value: 0.5, dataType: "NUMERIC", comment: undefined, metadata: { "langfuse.source": "API" } },
    ],
  );
  assert.equal(scores[0]!.spanId, tree!.get("work").record.spanId);
});

test("a trace whose only root says the same needs no other; its ids stay", () => {
  const root = {
    id: "00f067aa0ba902b7",
    traceId: TRACE,
    type: "AGENT",
    name: "run",
    startTime: START,
    endTime: START,
    input: "Hi",
  };
  const { records } = recordsFromLangfuse({ id: TRACE, timestamp: START, input: "Hi", observations: [root] });
  assert.equal(records.length, 1);
  const [only] = records as SpanRecord[];
  assert.deepEqual([only!.traceId, only!.spanId, only!.type, only!.attributes], [TRACE, root.id, "agent", undefined]);
});

test("pages and lists of observations and scores; what is none of them is rejected alone", () => {
  const observation = { id: "a", traceId: "t", type: "SPAN", startTime: START, userId: "u1", traceName: "tutor" };
  const page = recordsFromLangfuse({ data: [observation, { id: "b" }, 7], meta: { page: 1 } });
  assert.equal(page.records.length, 1);
  assert.equal((page.records[0] as SpanRecord).unfinished, true, "it has no end");
  assert.deepEqual(
    page.rejected.map(({ id }) => id),
    ["b", undefined],
  );
  assert.deepEqual(page.records[0]!.trace, { name: "tutor", userId: "u1" });
  const [score] = recordsFromLangfuse([{ id: "s", traceId: "t", name: "n", value: "good", timestamp: START }]).records;
  assert.deepEqual([score!.record, score!.traceId], ["score", page.records[0]!.traceId]);
  for (const other of [{}, [1], "x", { data: [{ a: 1 }] }]) {
    assert.throws(() => recordsFromLangfuse(other), { code: "FORMAT_NOT_LANGFUSE" });
  }
});

test("older shapes of usage and cost; zeros that say that there is none", () => {
  const base = { id: "a", traceId: "t", type: "GENERATION", startTime: START, endTime: START };
  const one = (part: object) => recordsFromLangfuse([{ ...base, ...part }]).records[0] as SpanRecord;
  assert.deepEqual(one({ promptTokens: 10, completionTokens: 5, totalTokens: 15 }).usage, {
    inputTokens: 10,
    outputTokens: 5,
    totalTokens: 15,
  });
  assert.equal(
    one({ promptTokens: 0, completionTokens: 0, usage: { input: 0, output: 0, total: 0, unit: null } }).usage,
    undefined,
  );
  assert.deepEqual(one({ calculatedInputCost: 0.1, calculatedOutputCost: 0.2, calculatedTotalCost: 0.3 }).cost, {
    currency: "USD",
    input: 0.1,
    output: 0.2,
    total: 0.3,
    source: "provided",
  });
  // OpenAI's own shape says totals.
  const openai = {
    prompt_tokens: 10,
    completion_tokens: 5,
    total_tokens: 15,
    prompt_tokens_details: { cached_tokens: 4 },
  };
  assert.deepEqual(one({ usageDetails: openai }).usage?.inputTokens, 10);
});

const event = (type: string, timestamp: string, body: object) => ({
  id: `e-${type}-${timestamp}`,
  type,
  timestamp,
  body,
});

test("a batch: creates and updates of one thing become one record, in the order of their times", () => {
  const batch = [
    event("span-update", "2024-11-19T07:06:42Z", {
      id: "a",
      traceId: "t",
      endTime: "2024-11-19T07:06:42Z",
      metadata: { y: 2 },
    }),
    event("trace-create", START, { id: "t", name: "tutor", userId: "u1", input: "Hi" }),
    event("span-create", START, { id: "a", traceId: "t", name: "work", startTime: START, metadata: { x: 1 } }),
    event("generation-create", START, {
      id: "g",
      traceId: "t",
      parentObservationId: "a",
      startTime: START,
      endTime: START,
      model: "m",
    }),
    event("tool-create", START, {
      id: "u",
      traceId: "t",
      parentObservationId: "a",
      startTime: START,
      endTime: START,
      name: "look",
    }),
    event("score-create", START, { id: "s", traceId: "t", name: "ok", value: 1 }),
    event("sdk-log", START, { log: {} }),
    event("span-update", START, { id: "unknown", traceId: "t", endTime: START }),
  ];
  const { records, rejected } = recordsFromLangfuse({ batch, metadata: {} });
  assert.deepEqual(rejected, [
    {
      id: `e-span-update-${START}`,
      reason: "an update of something that is not known; its create was in another batch",
    },
  ]);
  const [tree] = buildTraces(records);
  assert.equal(tree!.tree(), "tutor\n└─ work\n   ├─  [generation]\n   └─ look [tool]");
  const work = tree!.get("work").record;
  assert.deepEqual(
    [work.seq, work.metadata, work.unfinished, work.trace],
    [1, { x: 1, y: 2 }, undefined, { name: "tutor", userId: "u1" }],
  );
  assert.equal(tree!.roots[0]!.record.endTime, work.endTime);
  assert.deepEqual(records, recordsFromLangfuse(batch).records, "its events alone are understood as well");
});

test("an update that has overtaken what it updates is no update of something unknown", () => {
  const LATER = "2024-11-19T07:06:42Z";
  const batch = [
    event("trace-create", LATER, { id: "t", timestamp: LATER, output: "done" }),
    event("span-update", START, { id: "a", traceId: "t", endTime: LATER, output: 2 }),
    event("trace-create", LATER, { id: "t", timestamp: START, name: "work" }),
    event("span-create", LATER, { id: "a", traceId: "t", startTime: START, name: "a" }),
  ];
  const { records, rejected } = recordsFromLangfuse({ batch });
  assert.deepEqual(rejected, []);
  assert.deepEqual(
    (records as SpanRecord[]).map(({ name, startTime, endTime, output }) => [name, startTime, endTime, output]),
    [
      ["a", START_NS, isoNanos(LATER), 2],
      ["work", START_NS, isoNanos(LATER), "done"],
    ],
  );
});

test("updates in later batches are records with a higher seq, with a memory of what was before", () => {
  const memory = langfuseMemory();
  const created = recordsFromLangfuse(
    [event("span-create", START, { id: "a", traceId: "t", name: "work", startTime: START, input: 1 })],
    { memory },
  );
  const update = [event("span-update", START, { id: "a", traceId: "t", endTime: "2024-11-19T07:06:42Z", output: 2 })];
  const updated = recordsFromLangfuse(update, { memory });
  const [first] = created.records as SpanRecord[];
  const [second] = updated.records as SpanRecord[];
  assert.deepEqual([first!.seq, first!.unfinished, first!.input], [0, true, 1]);
  assert.deepEqual([second!.seq, second!.unfinished, second!.input, second!.output], [1, undefined, 1, 2]);
  assert.equal(first!.spanId, second!.spanId);
  assert.equal(recordsFromLangfuse(update).rejected.length, 1);
});

test("a trace was when it began, and ends with its observations, whatever batch they are in", () => {
  const memory = langfuseMemory();
  const later = (second: number) => `2024-11-19T07:06:${second}Z`;
  const read = (...events: object[]) => recordsFromLangfuse(events, { memory }).records as SpanRecord[];
  const trace = { id: "t", timestamp: START, name: "work" };
  const span = (id: string, second: number) => ({ id, traceId: "t", startTime: START, endTime: later(second) });
  const [, first] = read(event("trace-create", START, trace), event("span-create", START, span("a", 41)));
  const [, second] = read(event("span-create", START, span("b", 45)));
  const earlier = read(event("span-create", START, span("c", 43)));
  // As SDKs do where the program says no time.
  const [updated] = read(event("trace-create", later(50), { id: "t", timestamp: later(50), output: "done" }));
  assert.deepEqual(
    [first, second, updated].map((root) => [root!.name, root!.seq, root!.startTime, root!.endTime, root!.output]),
    [
      ["work", 0, first!.startTime, isoNanos(later(41)), undefined],
      ["work", 1, first!.startTime, isoNanos(later(45)), undefined],
      ["work", 2, first!.startTime, isoNanos(later(45)), "done"],
    ],
  );
  assert.equal(first!.startTime, isoNanos(START));
  assert.equal(earlier.length, 1, "nothing new is said of the trace");
});

test("a memory forgets what was touched longest ago", () => {
  const memory = langfuseMemory(2);
  for (const id of ["a", "b", "a", "c"]) memory.set(id, { body: {}, type: "span", seq: 0 });
  assert.deepEqual(
    ["a", "b", "c"].map((id) => memory.get(id) !== undefined),
    [true, false, true],
  );
});

test("a batch of more things than a memory holds is read whole", () => {
  const ids = ["a", "b", "c", "d"];
  const batch = ids.flatMap((id) => [
    event("trace-create", START, { id, name: `trace ${id}` }),
    event("span-create", START, { id, traceId: id, name: id, startTime: START, endTime: START }),
  ]);
  const { records, rejected } = recordsFromLangfuse({ batch }, { memory: langfuseMemory(1) });
  assert.deepEqual([records.length, rejected], [8, []]);
  assert.equal(records.find((record) => record.name === "a")?.trace.name, "trace a");
});
