/** Operations, names, parameters, tokens, errors, servers: single rules, each with its cases. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject, SpanRecord } from "sightline";
import { type Attributes, isDouble, PROFILES, type Profile, spanAttributes, spanNameOf } from "sightline/semconv";
import { providerName } from "../../src/semconv/gen-ai.ts";
import { operationOf } from "../../src/semconv/operation.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

const written = (part: Partial<SpanRecord>, profile: Profile = "1.41") =>
  spanAttributes(sampleSpan(part), { profile, content: true });

/** The attributes whose names begin so, without the beginning. */
function below(prefix: string, attributes: Attributes): object {
  const found = Object.entries(attributes).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

test("the operation: what the record says, else what its type says", () => {
  const operation = (part: Partial<SpanRecord>) => operationOf(sampleSpan(part));
  assert.equal(operation({ type: "generation", genAi: { operation: "text_completion" } }), "text_completion");
  assert.equal(operation({ type: "generation" }), "chat");
  assert.equal(operation({ type: "embedding" }), "embeddings");
  assert.equal(operation({ type: "tool" }), "execute_tool");
  assert.equal(operation({ type: "retriever" }), "retrieval");
  assert.equal(operation({ type: "chain" }), "invoke_workflow");
  assert.equal(operation({ type: "agent" }), "invoke_agent");
  // Langfuse drops the tokens of `invoke_agent` (`isAiSdkAgentOperation`).
  assert.equal(operation({ type: "agent", usage: { inputTokens: 1 } }), undefined);
  for (const type of ["span", "event", "evaluator", "guardrail"] as const) assert.equal(operation({ type }), undefined);
  // Calls of a provider for which the conventions have no word.
  for (const verb of ["transcription", "text_to_speech", "moderation"]) {
    const name = `${verb} model-1`;
    assert.equal(operation({ type: "generation", name, genAi: { provider: "openai" } }), verb);
    assert.equal(spanNameOf(sampleSpan({ type: "generation", name, genAi: { provider: "openai" } })), name);
  }
});

test("span names are the conventions' where the record says the operation; its own name goes along", () => {
  const cases: [genAi: SpanRecord["genAi"], name: string][] = [
    [{ operation: "chat", requestModel: "gpt-4.1" }, "chat gpt-4.1"],
    [{ operation: "chat" }, "chat"],
    [{ operation: "embeddings", requestModel: "e" }, "embeddings e"],
    [{ operation: "generate_content", requestModel: "i" }, "generate_content i"],
    [{ operation: "text_completion", requestModel: "t" }, "text_completion t"],
    [{ operation: "execute_tool", tool: { name: "lookup" } }, "execute_tool lookup"],
    [{ operation: "invoke_agent", agent: { name: "Math Tutor" } }, "invoke_agent Math Tutor"],
    [{ operation: "invoke_agent", agent: { id: "asst_1" } }, "invoke_agent"],
    [{ operation: "create_agent", agent: { name: "Math Tutor" } }, "create_agent Math Tutor"],
    [{ operation: "plan" }, "plan"],
    [{ operation: "invoke_workflow" }, "invoke_workflow mine"],
    [{ operation: "retrieval" }, "retrieval"],
    [{ operation: "fetch_response", responseId: "resp_1" }, "fetch_response"],
    [{ operation: "search_memory" }, "search_memory"],
    [{ operation: "my_own", requestModel: "m" }, "mine"],
    [{ requestModel: "m" }, "mine"],
    [undefined, "mine"],
  ];
  for (const [genAi, name] of cases) {
    const record = sampleSpan({ name: "mine", genAi } as Partial<SpanRecord>);
    assert.equal(spanNameOf(record), name);
    assert.equal(written(record)["sightline.name"], name === "mine" ? undefined : "mine", name);
  }
});

test("a tool, a chain and an agent that say no names are named after their spans", () => {
  assert.equal(written({ type: "tool", name: "search" })["gen_ai.tool.name"], "search");
  assert.equal(written({ type: "chain", name: "rag" })["gen_ai.workflow.name"], "rag");
  assert.equal(written({ type: "chain", name: "rag" }, "1.36")["sightline.workflow.name"], "rag");
  const workflow = { name: "invoke_workflow rag", genAi: { operation: "invoke_workflow" } };
  assert.equal(written(workflow)["gen_ai.workflow.name"], "rag");
  // An agent has a name of its own, or none.
  assert.deepEqual(below("gen_ai.agent.", written({ type: "agent", name: "Tutor.answer" })), {});
});

test("the provider under the name and in the words of the profile", () => {
  const words: [now: string, before: string][] = [
    ["openai", "openai"],
    ["azure.ai.openai", "az.ai.openai"],
    ["azure.ai.inference", "az.ai.inference"],
    ["gcp.vertex_ai", "vertex_ai"],
    ["gcp.gemini", "gemini"],
    ["x_ai", "xai"],
  ];
  for (const [provider, before] of words) {
    assert.deepEqual(
      PROFILES.map((profile) => providerName(provider, profile)),
      [before, provider, provider],
    );
    const old = written({ genAi: { provider } }, "1.36");
    assert.deepEqual([old["gen_ai.system"], old["gen_ai.provider.name"]], [before, undefined]);
  }
});

test("request parameters by their wire names", () => {
  const asked = (parameters: JsonObject, profile: Profile = "1.41", operation = "chat") => {
    const attributes = written({ genAi: { operation, parameters } }, profile);
    return { ...below("gen_ai.request.", attributes), ...below("sightline.request.", attributes) };
  };
  const cases: [parameters: JsonObject, written: object][] = [
    [
      { temperature: 0, top_p: 1 },
      { temperature: 0, top_p: 1 },
    ],
    [
      { frequency_penalty: 0.5, presence_penalty: -1 },
      { frequency_penalty: 0.5, presence_penalty: -1 },
    ],
    [{ max_tokens: 5 }, { max_tokens: 5 }],
    [{ max_completion_tokens: 6 }, { max_tokens: 6 }],
    [{ max_output_tokens: 7 }, { max_tokens: 7 }],
    [{ max_prompt_tokens: 8 }, { max_prompt_tokens: 8 }],
    [{ stop: "END" }, { stop_sequences: ["END"] }],
    [{ stop: ["A", "B"] }, { stop_sequences: ["A", "B"] }],
    [{ n: 2 }, { "choice.count": 2 }],
    [{ n: 1 }, {}],
    [{ seed: 7 }, { seed: 7 }],
    [{ top_k: 40 }, { top_k: 40 }],
    [{ encoding_format: "float" }, { encoding_formats: ["float"] }],
    [{ stream: true }, { stream: true }],
    [{ stream: false }, {}],
    [{ reasoning_effort: "low" }, { "reasoning.level": "low" }],
    // Not set is not said.
    [{ temperature: null, stop: null }, {}],
    // A form has texts only; what is no number stays what it is, under our name.
    [
      { temperature: "0.5", seed: "7" },
      { temperature: 0.5, seed: 7 },
    ],
    [{ temperature: "warm" }, { temperature: "warm" }],
    // As other SDKs call them.
    [
      { topP: 0.5, maxTokens: 9 },
      { top_p: 0.5, max_tokens: 9 },
    ],
    [
      { verbosity: "low", logprobs: true },
      { verbosity: "low", logprobs: true },
    ],
    [{ logit_bias: { 1: -1 } }, { logit_bias: '{"1":-1}' }],
    [{ modalities: ["text", "audio"] }, { modalities: ["text", "audio"] }],
  ];
  for (const [parameters, expected] of cases) assert.deepEqual(asked(parameters), expected, JSON.stringify(parameters));
  const both = written({ genAi: { parameters: { max_tokens: 5, max_completion_tokens: 6 } } });
  assert.deepEqual([both["gen_ai.request.max_tokens"], both["sightline.request.max_tokens"]], [6, 5]);
  const warm = written({ genAi: { parameters: { temperature: "warm" } } });
  assert.deepEqual([warm["gen_ai.request.temperature"], warm["sightline.request.temperature"]], [undefined, "warm"]);
  const latest = written({ genAi: { parameters: { reasoning_effort: "low" } } }, "latest");
  assert.equal(latest["gen_ai.request.reasoning.level"], "low");
  const size = (profile: Profile) => written({ genAi: { parameters: { dimensions: 3 } } }, profile);
  assert.equal(size("1.36")["sightline.embeddings.dimension.count"], 3);
  assert.equal(size("1.41")["gen_ai.embeddings.dimension.count"], 3);
});

test("top_k became an integer, and of a retrieval has a name of its own", () => {
  const ofRetrieval = (profile: Profile) =>
    below("gen_ai.re", written({ genAi: { operation: "retrieval", parameters: { top_k: 4 } } }, profile));
  assert.deepEqual(ofRetrieval("1.41"), { "quest.top_k": 4 });
  assert.deepEqual(ofRetrieval("latest"), { "trieval.top_k": 4 });
  assert.deepEqual(
    PROFILES.map((profile) => isDouble("gen_ai.request.top_k", profile)),
    [true, true, false],
  );
});

test("OpenAI's own: official names where the profile has one, ours for the rest, tiers that were chosen", () => {
  const openai = {
    apiType: "chat_completions",
    requestServiceTier: "flex",
    serviceTier: "default",
    systemFingerprint: "fp_1",
  } as const;
  const fingerprints = { "request.service_tier": "flex", "response.service_tier": "default" };
  const expected = { ...fingerprints, "response.system_fingerprint": "fp_1" };
  const old = written({ genAi: { openai } }, "1.36");
  assert.deepEqual(below("gen_ai.openai.", old), expected);
  assert.deepEqual(below("sightline.openai.", old), { "api.type": "chat_completions" });
  for (const profile of ["1.41", "latest"] as const) {
    const now = written({ genAi: { openai } }, profile);
    assert.deepEqual(below("openai.", now), { ...expected, "api.type": "chat_completions" });
  }
  const agents = written({ genAi: { openai: { apiType: "agents", requestServiceTier: "auto" } } });
  assert.deepEqual([below("openai.", agents), agents["sightline.openai.api.type"]], [{}, "agents"]);
});

test("a conversation is one that the caller named, or a thread; never invented", () => {
  const conversation = (genAi: SpanRecord["genAi"]) => written({ genAi } as object)["gen_ai.conversation.id"];
  assert.equal(conversation({ conversationId: "conv_1", openai: { threadId: "thread_1" } }), "conv_1");
  assert.equal(conversation({ openai: { threadId: "thread_1" } }), "thread_1");
  assert.equal(conversation({ operation: "chat" }), undefined);
});

test("tokens: every count under the names of each profile", () => {
  const usage = {
    inputTokens: 400,
    outputTokens: 100,
    totalTokens: 500,
    cacheReadInputTokens: 0,
    cacheWriteInputTokens: 31,
    reasoningOutputTokens: 32,
    audioInputTokens: 33,
    audioOutputTokens: 34,
    imageInputTokens: 35,
    imageOutputTokens: 36,
    textInputTokens: 37,
    textOutputTokens: 38,
    webSearchCalls: 1,
    fileSearchCalls: 2,
    codeInterpreterSessions: 3,
    extra: { "input_token_details.cached_tokens_details.text_tokens": 4, "a.b": 1.5 },
  };
  const totals = { input_tokens: 400, output_tokens: 100 };
  const cached = { "cache_read.input_tokens": 0, "reasoning.output_tokens": 32 };
  const byKind = {
    "audio.input_tokens": 33,
    "audio.output_tokens": 34,
    "image.input_tokens": 35,
    "image.output_tokens": 36,
    "text.input_tokens": 37,
    "text.output_tokens": 38,
    "text.cache_read.input_tokens": 4,
  };
  const ours = {
    total_tokens: 500,
    web_search_calls: 1,
    file_search_calls: 2,
    code_interpreter_sessions: 3,
    "extra.a.b": 1.5,
  };
  const cases: [profile: Profile, official: object, own: object][] = [
    ["1.36", totals, { ...ours, ...cached, ...byKind, "cache_write.input_tokens": 31 }],
    ["1.41", { ...totals, ...cached, "cache_creation.input_tokens": 31 }, { ...ours, ...byKind }],
    ["latest", { ...totals, ...cached, ...byKind, "cache_write.input_tokens": 31 }, ours],
  ];
  for (const [profile, official, own] of cases) {
    const attributes = written({ usage }, profile);
    assert.deepEqual(below("gen_ai.usage.", attributes), official, profile);
    assert.deepEqual(below("sightline.usage.", attributes), own, profile);
  }
});

test("tokens: any set of known counts is written as that set, and nothing unknown as zero", () => {
  const counts = ["inputTokens", "outputTokens", "cacheReadInputTokens", "cacheWriteInputTokens", "audioInputTokens"];
  for (let mask = 0; mask < 2 ** counts.length; mask++) {
    const known = counts.filter((_, i) => mask & (1 << i));
    const usage = Object.fromEntries(known.map((name, i) => [name, i + 1]));
    for (const profile of PROFILES) {
      const attributes = Object.entries(written({ usage }, profile)).filter(([name]) => name.includes(".usage."));
      assert.deepEqual(
        attributes.map(([, value]) => value).sort(),
        known.map((_, i) => i + 1),
      );
    }
  }
});

test("cost is ours: no registry has a name for it", () => {
  const cost = { currency: "USD", total: 1, input: 0.5, tools: 0.5, source: "provided" } as const;
  const attributes = written({ cost });
  assert.deepEqual(below("sightline.cost.", attributes), cost);
  assert.ok(["total", "input", "output", "tools"].every((part) => isDouble(`sightline.cost.${part}`)));
});

test("the first chunk in seconds since the start, to the nanosecond", () => {
  const first = (firstChunkTime: string) =>
    written({ startTime: "1732000000000000000", firstChunkTime })["gen_ai.response.time_to_first_chunk"];
  assert.equal(first("1732000000000000001"), 1e-9);
  assert.equal(first("1732000001500000000"), 1.5);
  assert.equal(first("1732000001000000000"), 1);
  assert.ok(isDouble("gen_ai.response.time_to_first_chunk"));
  assert.equal(first("soon"), undefined);
  assert.equal(written({})["gen_ai.response.time_to_first_chunk"], undefined);
});

test("the kind of an error has few values: code, class, HTTP status", () => {
  const kind = (part: Partial<SpanRecord>) =>
    written({ status: { code: "error" }, level: "ERROR", ...part })["error.type"];
  assert.equal(
    kind({ error: { type: "RateLimitError", code: "rate_limit_exceeded", status: 429 } }),
    "rate_limit_exceeded",
  );
  assert.equal(kind({ error: { type: "Error", code: "ECONNRESET" } }), "ECONNRESET");
  assert.equal(kind({ error: { type: "QueryError", code: "23505" } }), "QueryError");
  assert.equal(kind({ error: { type: "QueryError", code: 1062 } }), "QueryError");
  assert.equal(
    kind({ error: { type: "BadRequestError", code: "no such file: /home/ada/x", status: 400 } }),
    "BadRequestError",
  );
  assert.equal(kind({ error: { type: "Error", status: 503 } }), "503");
  assert.equal(kind({ http: { method: "POST", route: "/x", status: 500 } }), "500");
  assert.equal(kind({ genAi: { openai: { errorCode: "server_error" } } }), "server_error");
  assert.equal(kind({ error: { type: "Error", message: "anything" } }), "Error");
  assert.equal(kind({ error: { type: "string", message: "thrown" } }), "_OTHER");
  assert.equal(kind({}), "_OTHER");
  // An error that was caught is none of the span's.
  assert.equal(kind({ status: { code: "ok" }, error: { type: "Error", code: "ECONNRESET" } }), undefined);
});

test("a level only where the status does not say it, a message only where OTLP has no place", () => {
  const pair = (level: SpanRecord["level"], status: SpanRecord["status"]) => {
    const attributes = written({ level, status });
    return [attributes["sightline.level"], attributes["sightline.status_message"]];
  };
  assert.deepEqual(pair("DEFAULT", { code: "ok" }), [undefined, undefined]);
  assert.deepEqual(pair("ERROR", { code: "error", message: "no" }), [undefined, undefined]);
  assert.deepEqual(pair("WARNING", { code: "ok", message: "cancelled" }), ["WARNING", "cancelled"]);
  assert.deepEqual(pair("DEBUG", { code: "unset" }), ["DEBUG", undefined]);
  assert.deepEqual(pair("WARNING", { code: "error" }), ["WARNING", undefined]);
});

test("a stream is named where there is one only", () => {
  for (const profile of PROFILES) {
    const names = (stream: boolean) => Object.keys(written({ genAi: { operation: "chat", stream } }, profile));
    assert.deepEqual(
      names(false).filter((name) => name.includes("stream")),
      [],
    );
    assert.equal(names(true).filter((name) => name.endsWith("request.stream")).length, 1);
  }
});

test("an agent of this process: what latest took from its span is kept under our names", () => {
  const agent: Partial<SpanRecord> = {
    type: "agent",
    kind: "internal",
    genAi: { operation: "invoke_agent", provider: "openai", requestModel: "m", agent: { id: "a_1", name: "Tutor" } },
    usage: {
      inputTokens: 9,
      cacheReadInputTokens: 4,
      cacheWriteInputTokens: 2,
      extra: { "in.cached_tokens_details.audio_tokens": 1 },
    },
  };
  const taken = [
    ["provider.name", "openai"],
    ["agent.id", "a_1"],
    ["usage.cache_read.input_tokens", 4],
    ["usage.cache_write.input_tokens", 2],
    ["usage.audio.cache_read.input_tokens", 1],
  ] as const;
  const here = written(agent, "latest");
  for (const [name, value] of taken) {
    assert.deepEqual([here[`gen_ai.${name}`], here[`sightline.${name}`]], [undefined, value], name);
  }
  assert.deepEqual(
    [here["gen_ai.agent.name"], here["gen_ai.request.model"], here["gen_ai.usage.input_tokens"]],
    ["Tutor", "m", 9],
  );
  // A provider's agent has them, and so has any agent up to 1.41.
  const there = written({ ...agent, kind: "client" }, "latest");
  for (const [name, value] of taken) assert.equal(there[`gen_ai.${name}`], value, name);
  const before = written(agent, "1.41");
  assert.deepEqual(
    [before["gen_ai.provider.name"], before["gen_ai.agent.id"], before["gen_ai.usage.cache_creation.input_tokens"]],
    ["openai", "a_1", 2],
  );
});

test("server, attempts and the rest of an exchange", () => {
  const server = (host: string) => {
    const attributes = written({ http: { method: "POST", route: "/x", host } });
    return [attributes["server.address"], attributes["server.port"]];
  };
  assert.deepEqual(server("api.openai.com"), ["api.openai.com", 443]);
  assert.deepEqual(server("127.0.0.1:8080"), ["127.0.0.1", 8080]);
  assert.deepEqual(server("[::1]:8080"), ["::1", 8080]);
  assert.deepEqual(server("[::1]"), ["::1", 443]);
  assert.deepEqual(server("litellm.tools.svc:80"), ["litellm.tools.svc", 80]);
  const attempts = [
    { status: 500, durationMs: 5 },
    { durationMs: 6, error: "reset" },
  ];
  const attributes = written({ http: { method: "POST", route: "/chat/completions", attempts } });
  assert.deepEqual(
    [attributes["http.request.resend_count"], attributes["http.request.method"], attributes["url.template"]],
    [1, "POST", "/chat/completions"],
  );
  assert.deepEqual(JSON.parse(String(attributes["sightline.http.attempts"])), attempts);
  const [once] = attempts;
  const single = written({ http: { method: "GET", route: "/", attempts: [once!] } });
  assert.equal(single["http.request.resend_count"], undefined);
});

test("metadata and tags as they are, objects as JSON, the user's attributes last", () => {
  const trace = { tags: ["a"], metadata: { plan: "pro", list: [1, "x"] }, public: false };
  const attributes = written({
    trace,
    metadata: JSON.parse('{"n":1,"ok":true,"of":["a","b"],"nested":{"a":null},"nothing":null,"__proto__":{"a":1}}'),
    attributes: JSON.parse('{"gen_ai.request.model":"mine","o":{"a":1},"__proto__":1,"":"nameless","nothing":null}'),
    genAi: { requestModel: "ours" },
  });
  assert.deepEqual(below("sightline.metadata.", attributes), {
    n: 1,
    ok: true,
    of: ["a", "b"],
    nested: '{"a":null}',
    ["__proto__"]: '{"a":1}',
  });
  assert.deepEqual(below("sightline.trace.", attributes), {
    tags: ["a"],
    public: false,
    "metadata.plan": "pro",
    "metadata.list": '[1,"x"]',
  });
  assert.deepEqual(
    [attributes["gen_ai.request.model"], attributes["o"], attributes[""]],
    ["mine", '{"a":1}', undefined],
  );
  assert.equal("nothing" in attributes, false, "OTLP has no word for null, and its text would be another value");
  assert.equal(Object.getPrototypeOf(attributes), Object.prototype);
  assert.equal(Object.getOwnPropertyDescriptor(attributes, "__proto__")?.value, 1);
});
