import assert from "node:assert/strict";
import { test } from "node:test";
import * as semconv136 from "semconv136/incubating";
import * as semconv141 from "semconv141/incubating";
import type { SpanRecord } from "../../src/core/record.ts";
import { type Measurement, measurementsOf } from "../../src/semconv/metrics.ts";
import { PROFILES, type Profile } from "../../src/semconv/profile.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";

// The oracle: the metrics of the GenAI conventions, written from their registry and not from our code.

const D = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const T = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864];
const BASE = [
  "gen_ai.operation.name",
  "gen_ai.provider.name",
  "gen_ai.request.model",
  "gen_ai.response.model",
  "server.address",
  "server.port",
];
const BASE_136 = BASE.map((name) => name.replace("gen_ai.provider.name", "gen_ai.system"));
const OPENAI = ["openai.response.service_tier", "openai.response.system_fingerprint"];
const OPENAI_136 = OPENAI.map((name) => `gen_ai.${name}`);

interface Row {
  readonly kind: "counter" | "histogram";
  readonly unit: string;
  readonly bounds: readonly number[];
  readonly attributes: readonly string[];
}

const s = (attributes: readonly string[], bounds: readonly number[] = D): Row => ({
  kind: "histogram",
  unit: "s",
  bounds,
  attributes,
});
const tokens = (attributes: readonly string[]): Row => ({ kind: "histogram", unit: "{token}", bounds: T, attributes });
const counter = (attributes: readonly string[]): Row => ({ kind: "counter", unit: "{token}", bounds: [], attributes });

/** Of `latest`, and of 1.41 too, which has none for what runs in this process. */
const HERE: { readonly [metric: string]: Row } = {
  "gen_ai.invoke_workflow.duration": s(
    ["gen_ai.workflow.name", "error.type"],
    [1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200],
  ),
  "gen_ai.invoke_agent.duration": s(
    ["gen_ai.agent.name", "gen_ai.request.model", "error.type"],
    [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6],
  ),
  "gen_ai.execute_tool.duration": s(["gen_ai.tool.name", "gen_ai.tool.type", "gen_ai.agent.name", "error.type"]),
};

const ORACLE: { readonly [P in Profile]: { readonly [metric: string]: Row } } = {
  "1.36": {
    "gen_ai.client.token.usage": tokens([...BASE_136, ...OPENAI_136, "gen_ai.token.type"]),
    "gen_ai.client.operation.duration": s([...BASE_136, ...OPENAI_136, "error.type"]),
  },
  "1.41": {
    "gen_ai.client.token.usage": tokens([...BASE, ...OPENAI, "gen_ai.token.type"]),
    "gen_ai.client.operation.duration": s([...BASE, ...OPENAI, "error.type"]),
    "gen_ai.client.operation.time_to_first_chunk": s(BASE),
    ...HERE,
  },
  latest: {
    "gen_ai.client.operation.duration": s([...BASE, ...OPENAI, "error.type"]),
    "gen_ai.client.inference.duration": s([...BASE, "error.type"]),
    "gen_ai.client.inference.time_to_first_chunk": s(BASE),
    "gen_ai.client.inference.usage.input_tokens": counter([...BASE, ...OPENAI, "gen_ai.token.modality"]),
    "gen_ai.client.inference.usage.output_tokens": counter([...BASE, ...OPENAI, "gen_ai.token.modality"]),
    "gen_ai.client.inference.usage.cache_read.input_tokens": counter([...BASE, ...OPENAI, "gen_ai.token.modality"]),
    "gen_ai.client.inference.usage.cache_write.input_tokens": counter([...BASE, ...OPENAI, "gen_ai.token.modality"]),
    "gen_ai.client.inference.usage.reasoning.output_tokens": counter([...BASE, ...OPENAI, "gen_ai.token.modality"]),
    "gen_ai.client.inference.operation.input_tokens": tokens([...BASE, ...OPENAI, "error.type"]),
    "gen_ai.client.inference.operation.output_tokens": tokens([...BASE, ...OPENAI, "error.type"]),
    "gen_ai.client.embeddings.duration": s([...BASE, "error.type"]),
    "gen_ai.client.embeddings.operation.input_tokens": tokens([...BASE, "error.type"]),
    ...HERE,
  },
};

const START = 1_732_000_000_000;
const at = (ms: number) => `${START + ms}000000`;

function span(part: Partial<SpanRecord>): SpanRecord {
  return sampleSpan({ kind: "client", startTime: at(0), endTime: at(1_500), ...part });
}

function chat(part: Partial<SpanRecord> = {}): SpanRecord {
  return span({
    name: "chat gpt-4.1",
    type: "generation",
    firstChunkTime: at(250),
    genAi: {
      operation: "chat",
      provider: "openai",
      requestModel: "gpt-4.1",
      responseModel: "gpt-4.1-2025-04-14",
      stream: true,
      openai: { apiType: "chat_completions", serviceTier: "default", systemFingerprint: "fp_1" },
    },
    http: { method: "POST", route: "/chat/completions", host: "api.example:8443", status: 200 },
    usage: {
      inputTokens: 412,
      outputTokens: 88,
      cacheReadInputTokens: 128,
      cacheWriteInputTokens: 3,
      reasoningOutputTokens: 64,
    },
    ...part,
  });
}

const failed: Partial<SpanRecord> = {
  status: { code: "error", message: "too many" },
  level: "ERROR",
  error: { type: "RateLimitError", status: 429 },
};

/** A record for each way that a span can matter. */
const RECORDS: readonly SpanRecord[] = [
  chat(),
  chat({ ...failed, usage: undefined } as object),
  chat({ usage: { inputTokens: 10, audioInputTokens: 4, imageInputTokens: 1, outputTokens: 5, textOutputTokens: 5 } }),
  span({
    type: "embedding",
    genAi: { operation: "embeddings", provider: "openai", requestModel: "text-embedding-3-small" },
    usage: { inputTokens: 7, totalTokens: 7 },
  }),
  span({ genAi: { operation: "create_agent", provider: "openai", requestModel: "gpt-4.1" } }),
  span({ type: "agent", genAi: { operation: "invoke_agent", provider: "openai", agent: { name: "Tutor" } } }),
  span({
    type: "agent",
    kind: "internal",
    genAi: { operation: "invoke_agent", agent: { name: "Tutor" }, requestModel: "gpt-4.1" },
    ...failed,
  }),
  span({
    type: "tool",
    kind: "internal",
    genAi: { operation: "execute_tool", tool: { name: "search", type: "function" }, agent: { name: "Tutor" } },
    ...failed,
  }),
  span({ type: "chain", kind: "internal", name: "lesson", genAi: { operation: "invoke_workflow" } }),
  ...sampleRecords().filter((record) => record.record === "span"),
];

const of = (record: SpanRecord, profile: Profile, metric: string): Measurement[] =>
  measurementsOf(record, profile).filter(({ instrument }) => instrument.name === metric);

const values = (record: SpanRecord, profile: Profile): { [metric: string]: number[] } => {
  const found: { [metric: string]: number[] } = {};
  for (const { instrument, value } of measurementsOf(record, profile)) (found[instrument.name] ??= []).push(value);
  return found;
};

for (const profile of PROFILES) {
  test(`every metric of ${profile} is one of the conventions, with its unit, buckets and attributes`, () => {
    const seen = new Map<string, Set<string>>();
    for (const record of RECORDS) {
      for (const { instrument, value, attributes } of measurementsOf(record, profile)) {
        const { name, description, ...shape } = instrument;
        const row = ORACLE[profile][name];
        assert.ok(row, `${name} is no metric of ${profile}`);
        const { attributes: allowed, ...expected } = row;
        assert.deepEqual(shape, expected, name);
        assert.ok(description.endsWith("."), name);
        if (shape.unit === "{token}") assert.ok(Number.isInteger(value), name);
        const known = seen.get(name) ?? new Set();
        seen.set(name, known);
        for (const attribute of Object.keys(attributes)) {
          assert.ok(allowed.includes(attribute), `${name} has ${attribute}`);
          known.add(attribute);
        }
      }
    }
    assert.deepEqual([...seen.keys()].sort(), Object.keys(ORACLE[profile]).sort());
    // Every attribute that these may have comes from one of the records.
    const everyone = ["gen_ai.client.token.usage", "gen_ai.client.inference.operation.input_tokens"];
    for (const name of [...everyone, "gen_ai.invoke_agent.duration", "gen_ai.execute_tool.duration"]) {
      if (seen.has(name)) assert.deepEqual([...seen.get(name)!].sort(), [...ORACLE[profile][name]!.attributes].sort());
    }
  });
}

test("names of metrics and attributes are those of the published packages", () => {
  const published = (constants: object, prefix: string) =>
    Object.entries(constants)
      .filter(([name]) => name.startsWith(prefix))
      .map(([, value]) => value as string);
  for (const [profile, constants] of [
    ["1.36", semconv136],
    ["1.41", semconv141],
  ] as const) {
    const metrics = published(constants, "METRIC_GEN_AI_CLIENT");
    assert.ok(metrics.length > 0);
    // Times between chunks are not known from a record.
    const expected = metrics.filter((name) => !name.endsWith("time_per_output_chunk"));
    // The newer ones that 1.41 gets take no name that it has, of any metric.
    const borrowed = profile === "1.41" ? Object.keys(HERE) : [];
    assert.deepEqual(Object.keys(ORACLE[profile]).sort(), [...expected, ...borrowed].sort());
    assert.deepEqual(
      published(constants, "METRIC_").filter((name) => Object.hasOwn(HERE, name)),
      [],
    );
    const attributes = new Set(published(constants, "ATTR_"));
    for (const record of RECORDS) {
      for (const measurement of measurementsOf(record, profile)) {
        for (const name of Object.keys(measurement.attributes)) assert.ok(attributes.has(name), `${profile}: ${name}`);
      }
    }
  }
});

test("a model call by 1.41: tokens by type, the span's duration, the first chunk", () => {
  const base = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4.1",
    "gen_ai.response.model": "gpt-4.1-2025-04-14",
    "server.address": "api.example",
    "server.port": 8443,
  };
  const openai = { "openai.response.service_tier": "default", "openai.response.system_fingerprint": "fp_1" };
  const short = measurementsOf(chat(), "1.41").map(({ instrument, ...rest }) => [instrument.name, rest]);
  assert.deepEqual(short, [
    ["gen_ai.client.token.usage", { value: 412, attributes: { ...base, ...openai, "gen_ai.token.type": "input" } }],
    ["gen_ai.client.token.usage", { value: 88, attributes: { ...base, ...openai, "gen_ai.token.type": "output" } }],
    ["gen_ai.client.operation.duration", { value: 1.5, attributes: { ...base, ...openai } }],
    ["gen_ai.client.operation.time_to_first_chunk", { value: 0.25, attributes: base }],
  ]);
});

test("1.36 says gen_ai.system and knows no chunks", () => {
  const [usage, , duration, ...more] = measurementsOf(chat(), "1.36");
  assert.equal(usage!.attributes["gen_ai.system"], "openai");
  assert.equal(duration!.attributes["gen_ai.openai.response.system_fingerprint"], "fp_1");
  assert.deepEqual(more, []);
});

test("a model call by the newest names", () => {
  assert.deepEqual(values(chat(), "latest"), {
    "gen_ai.client.inference.duration": [1.5],
    "gen_ai.client.inference.time_to_first_chunk": [0.25],
    "gen_ai.client.inference.usage.input_tokens": [412],
    "gen_ai.client.inference.usage.output_tokens": [88],
    "gen_ai.client.inference.usage.cache_read.input_tokens": [128],
    "gen_ai.client.inference.usage.cache_write.input_tokens": [3],
    "gen_ai.client.inference.usage.reasoning.output_tokens": [64],
    "gen_ai.client.inference.operation.input_tokens": [412],
    "gen_ai.client.inference.operation.output_tokens": [88],
  });
});

test("tokens by modality add up to their total, and what is not split is unknown", () => {
  const split = (usage: SpanRecord["usage"]) =>
    Object.fromEntries(
      of(chat({ usage: usage! }), "latest", "gen_ai.client.inference.usage.input_tokens").map(
        ({ value, attributes }) => [attributes["gen_ai.token.modality"], value],
      ),
    );
  assert.deepEqual(split({ inputTokens: 10 }), { unknown: 10 });
  assert.deepEqual(split({ inputTokens: 10, audioInputTokens: 0 }), { unknown: 10 });
  assert.deepEqual(split({ inputTokens: 10, audioInputTokens: 4 }), { audio: 4, unknown: 6 });
  assert.deepEqual(split({ inputTokens: 10, textInputTokens: 5, imageInputTokens: 5 }), { text: 5, image: 5 });
  assert.deepEqual(split({ inputTokens: 10, textInputTokens: 8, imageInputTokens: 5 }), { unknown: 10 });
  assert.deepEqual(split({ outputTokens: 3 }), { unknown: 0 });
});

test("a failed call has its error on durations, and counts no tokens", () => {
  const record = chat({ ...failed, usage: undefined } as object);
  const [duration, chunk, ...more] = measurementsOf(record, "1.41");
  assert.equal(duration!.attributes["error.type"], "RateLimitError");
  assert.equal(chunk!.attributes["error.type"], undefined);
  assert.deepEqual(more, []);
  // The newest names ask for a zero for each call.
  const all = measurementsOf(record, "latest");
  const counters = all.filter(({ instrument }) => instrument.kind === "counter");
  assert.deepEqual(
    counters.map(({ value, attributes }) => [value, attributes["gen_ai.token.modality"], attributes["error.type"]]),
    Array.from({ length: 5 }, () => [0, "unknown", undefined]),
  );
  const [input] = of(record, "latest", "gen_ai.client.inference.operation.input_tokens");
  assert.deepEqual([input!.value, input!.attributes["error.type"]], [0, "RateLimitError"]);
});

test("an error without a type is _OTHER, and a success has none", () => {
  const [, , duration] = measurementsOf(chat({ status: { code: "error" } }), "1.41");
  assert.equal(duration!.attributes["error.type"], "_OTHER");
  for (const profile of PROFILES) {
    for (const { attributes } of measurementsOf(chat(), profile)) assert.equal(attributes["error.type"], undefined);
  }
});

test("an unfinished record says nothing", () => {
  for (const profile of PROFILES) assert.deepEqual(measurementsOf(chat({ unfinished: true }), profile), []);
});

test("a run counts its tokens once, and each duration only where it is its own", () => {
  const openai = { apiType: "assistants", runId: "run_1" } as const;
  const genAi = { operation: "chat", provider: "openai", requestModel: "gpt-4o", openai };
  const usage = { inputTokens: 100, outputTokens: 20 };
  const agent = span({ type: "agent", genAi: { ...genAi, operation: "invoke_agent" } });
  const whole = span({ type: "generation", genAi, usage });
  const step = span({ type: "generation", genAi: { ...genAi, openai: { ...openai, runStepId: "step_1" } }, usage });
  assert.deepEqual(values(agent, "1.41"), { "gen_ai.client.operation.duration": [1.5] });
  assert.deepEqual(values(whole, "1.41"), { "gen_ai.client.token.usage": [100, 20] });
  assert.deepEqual(values(step, "1.41"), {
    "gen_ai.client.token.usage": [100, 20],
    "gen_ai.client.operation.duration": [1.5],
  });
  // A run is an agent of the provider's, not of this process.
  assert.deepEqual(values(agent, "latest"), { "gen_ai.client.operation.duration": [1.5] });
});

test("a tool that was called within a response has no time of its own", () => {
  const tool = { operation: "execute_tool", tool: { name: "web_search", type: "extension" } };
  const within = span({ type: "tool", kind: "internal", genAi: { ...tool, openai: { apiType: "responses" } } });
  const step = span({ type: "tool", kind: "internal", genAi: { ...tool, openai: { apiType: "assistants" } } });
  assert.deepEqual(values(within, "latest"), {});
  assert.deepEqual(values(step, "latest"), { "gen_ai.execute_tool.duration": [1.5] });
});

test("what users observe themselves: a generation with a model or tokens, agents and tools", () => {
  const manual = (part: Partial<SpanRecord>) => span({ kind: "internal", ...part });
  assert.deepEqual(values(manual({ type: "generation", genAi: { requestModel: "llama" } }), "1.41"), {
    "gen_ai.client.operation.duration": [1.5],
  });
  // A function around a call that is recorded by itself: one call, not two.
  assert.deepEqual(values(manual({ type: "generation" }), "1.41"), {});
  for (const profile of ["1.41", "latest"] as const) {
    const [tool] = measurementsOf(manual({ type: "tool", name: "search" }), profile);
    assert.deepEqual(tool!.attributes, { "gen_ai.tool.name": "search" });
    assert.deepEqual(values(manual({ type: "tool" }), profile), { "gen_ai.execute_tool.duration": [1.5] });
    assert.deepEqual(values(manual({ type: "agent" }), profile), { "gen_ai.invoke_agent.duration": [1.5] });
    assert.deepEqual(values(manual({ type: "chain" }), profile), { "gen_ai.invoke_workflow.duration": [1.5] });
    const [failure] = measurementsOf(manual({ type: "agent", ...failed }), profile);
    assert.deepEqual(failure!.attributes, { "error.type": "RateLimitError" });
  }
  for (const type of ["tool", "agent", "chain"] as const) assert.deepEqual(values(manual({ type }), "1.36"), {});
  assert.deepEqual(values(manual({ type: "span" }), "latest"), {});
});

test("a generation that names no provider gets none, though the conventions ask for one", () => {
  const record = span({ kind: "internal", type: "generation", genAi: { requestModel: "gpt-4.1" } });
  for (const profile of PROFILES) {
    const all = measurementsOf(record, profile);
    assert.ok(all.length > 0);
    for (const { attributes } of all) assert.equal(attributes["gen_ai.provider.name"], undefined);
  }
});

test("audio: a model call under our own word, as the conventions have none", () => {
  const genAi = { provider: "openai", requestModel: "gpt-4o-transcribe" };
  const record = span({
    name: "transcription gpt-4o-transcribe",
    type: "generation",
    genAi,
    usage: { inputTokens: 14 },
  });
  assert.deepEqual(values(record, "1.41"), {
    "gen_ai.client.token.usage": [14],
    "gen_ai.client.operation.duration": [1.5],
  });
  const [duration] = of(record, "latest", "gen_ai.client.inference.duration");
  assert.equal(duration!.attributes["gen_ai.operation.name"], "transcription");
});

test("tokens are whole numbers, and a first chunk before the start is none", () => {
  const record = chat({ usage: { inputTokens: 1.6 }, firstChunkTime: at(-5) });
  assert.deepEqual(values(record, "1.41"), {
    "gen_ai.client.token.usage": [2],
    "gen_ai.client.operation.duration": [1.5],
  });
});
