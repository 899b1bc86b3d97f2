import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import type { SpanRecord } from "sightline";
import { configure, flush, memorySink, shutdown, stats, suppress, withSpan } from "sightline";
import { recordResponse, tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { traced } from "../support/traced.ts";
import { aResponse, camel, ns, said, T0, tokens, type Wire } from "./response-payloads.ts";

const request = {
  model: "gpt-5",
  input: "Solve 3x + 11 = 14.",
  max_output_tokens: 400,
  reasoning: { effort: "low" },
  service_tier: "flex",
};

test("a compaction is a generation with what it cost, not a look at a response", async () => {
  const answer = {
    id: "resp_c",
    object: "response.compaction",
    created_at: T0,
    output: [{ id: "cmp_1", type: "compaction", encrypted_content: "x" }],
    usage: tokens(50_000, 900),
  };
  await using fake = await fakeOpenAI({ script: [{ match: "POST /responses/compact", body: answer }] });
  const client = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: tracedFetch() });
  const sink = await traced(async () => {
    const { usage } = await client.responses.compact({ model: "gpt-5.1", input: "A long conversation." });
    assert.equal(usage.total_tokens, 50_900);
  });
  const { record } = sink.get("generation");
  assert.deepEqual([record.name, record.http?.route], ["chat gpt-5.1", "/responses/compact"]);
  assert.deepEqual([record.usage?.inputTokens, record.usage?.outputTokens], [50_000, 900]);
  // 50000 × 1.25; 900 × 10
  assert.equal(record.cost?.total, 0.0715);
});

test("a completed response is one generation under the current span", async () => {
  const faults = stats().internalErrors;
  const response = aResponse({
    instructions: "You are a math tutor.",
    max_output_tokens: 400,
    reasoning: { effort: "low", summary: "auto" },
    text: { format: { type: "json_schema", name: "answer", schema: {} }, verbosity: "low" },
    metadata: { lesson: "7" },
    usage: tokens(1200, 87, 1024, 64),
    service_tier: "flex",
  });
  const sink = await traced(() =>
    withSpan("get_response", (span) => {
      const recorded = recordResponse(response, { request });
      assert.equal(recorded.traceId, span.traceId);
      assert.deepEqual([recorded.id, recorded.status, recorded.recorded], [response.id, "completed", true]);
    }),
  );
  assert.equal(stats().internalErrors, faults);
  sink.expectTree(`
    get_response
    └─ chat gpt-5 [generation]
  `);
  const { record } = sink.get("generation");
  assert.deepEqual([record.startTime, record.endTime, record.kind], [ns(T0), ns(T0 + 3), "client"]);
  assert.deepEqual([record.status, record.level, record.unfinished], [{ code: "ok" }, "DEFAULT", undefined]);
  assert.deepEqual(record.input, [{ role: "user", parts: [{ type: "text", content: "Solve 3x + 11 = 14." }] }]);
  assert.deepEqual(record.output, [
    { role: "assistant", parts: [{ type: "text", content: "x = 1." }], finish_reason: "stop" },
  ]);
  assert.deepEqual(record.metadata, { response_metadata: { lesson: "7" } });
  assert.deepEqual(record.usage, {
    inputTokens: 1200,
    outputTokens: 87,
    totalTokens: 1287,
    cacheReadInputTokens: 1024,
    reasoningOutputTokens: 64,
  });
  assert.deepEqual(record.genAi, {
    operation: "chat",
    provider: "openai",
    requestModel: "gpt-5",
    responseModel: "gpt-5-2025-08-07",
    responseId: response.id,
    responseStatus: "completed",
    finishReasons: ["stop"],
    parameters: {
      temperature: 1,
      top_p: 1,
      max_output_tokens: 400,
      tool_choice: "auto",
      parallel_tool_calls: true,
      truncation: "disabled",
      store: true,
      reasoning_effort: "low",
      reasoning_summary: "auto",
      text_format: "json_schema",
      verbosity: "low",
    },
    systemInstructions: [{ type: "text", content: "You are a math tutor." }],
    outputType: "json",
    openai: { apiType: "responses", requestServiceTier: "flex", serviceTier: "flex", createdAt: T0 },
  });
});

test("without its request a response still says what it was asked with, but for the input", async () => {
  const tools = [
    { type: "function", name: "check", parameters: { type: "object" }, strict: true },
    { type: "mcp", server_label: "wiki", headers: { "x-wiki": "hunter2hunter2" }, authorization: "hunter3hunter3" },
  ];
  const sink = await traced(() => void recordResponse(aResponse({ tools, prompt: { id: "pmpt_1", version: "3" } })));
  const { record } = sink.get("chat gpt-5-2025-08-07");
  assert.equal(record.input, undefined);
  assert.equal(record.genAi?.requestModel, "gpt-5-2025-08-07");
  assert.deepEqual(record.genAi?.prompt, { name: "pmpt_1", version: "3" });
  assert.deepEqual(record.genAi?.toolDefinitions, [tools[0], { type: "mcp", server_label: "wiki" }]);
  assert.doesNotMatch(JSON.stringify(sink.records), /hunter/);
});

test("name, provider, input and times are as the caller says", async () => {
  const options = {
    name: "tutor",
    provider: "groq",
    input: "Hi",
    startTime: T0 * 1000 + 250,
    endTime: T0 * 1000 + 900,
  };
  const sink = await traced(() => void recordResponse(aResponse(), { request, ...options }));
  const { record } = sink.get("tutor");
  assert.deepEqual([record.startTime, record.endTime], [`${T0}250000000`, `${T0}900000000`]);
  assert.equal(record.genAi?.provider, "groq");
  assert.deepEqual(record.input, [{ role: "user", parts: [{ type: "text", content: "Hi" }] }]);
});

test("the end is completed_at, else when it was read, else now", async () => {
  const withoutEnd = aResponse({ completed_at: undefined });
  const read = await traced(() => void recordResponse(withoutEnd, { observedAt: (T0 + 9) * 1000 }));
  assert.equal(read.get("generation").record.endTime, ns(T0 + 9));
  const options = { observedAt: (T0 + 9) * 1000 };
  const completed = await traced(() => void recordResponse(aResponse(), options));
  assert.equal(completed.get("generation").record.endTime, ns(T0 + 3));
});

const endings: { part: Wire; line: string; finish: string[] | undefined; code: string }[] = [
  { part: {}, line: "chat gpt-5 [generation]", finish: ["stop"], code: "ok" },
  ...[
    ["max_output_tokens", "length"],
    ["content_filter", "content_filter"],
    ["max_messages", "max_messages"],
    ["steered", "steered"],
  ].map(([reason, finish]) => ({
    part: { status: "incomplete", incomplete_details: { reason } },
    line: `chat gpt-5 [generation] ! incomplete: ${reason}`,
    finish: [finish!],
    code: "ok",
  })),
  {
    part: { status: "failed", error: { code: "server_error", message: "The model broke." }, output: [] },
    line: "chat gpt-5 [generation] ✗ server_error: The model broke.",
    finish: ["error"],
    code: "error",
  },
  {
    part: { status: "failed", output: [] },
    line: "chat gpt-5 [generation] ✗ failed: failed",
    finish: ["error"],
    code: "error",
  },
  {
    part: { status: "cancelled", output: [], usage: null },
    line: "chat gpt-5 [generation] ! cancelled",
    finish: ["error"],
    code: "ok",
  },
  ...["queued", "in_progress", "some_new_state"].map((status) => ({
    part: { status, output: [], usage: tokens(3, 3), completed_at: null },
    line: `chat gpt-5 [generation] ! recorded before terminal: ${status} (unfinished)`,
    finish: undefined,
    code: "unset",
  })),
];

for (const { part, line, finish, code } of endings) {
  test(`a response that is ${part["status"] ?? "completed"}: ${line}`, async () => {
    const options = { request, observedAt: (T0 + 20) * 1000 };
    const sink = await traced(() => void recordResponse(aResponse(part), options));
    assert.equal(
      sink
        .tree()
        .split("\n")[0]!
        .replace(/ *\d+→.*$/, ""),
      line,
    );
    const { record } = sink.get("generation");
    assert.deepEqual(record.genAi?.finishReasons, finish);
    assert.equal(record.status.code, code);
    assert.equal(record.genAi?.responseStatus, part["status"] ?? "completed");
    assert.equal(record.genAi?.openai?.incompleteReason, part["incomplete_details"]?.reason);
    assert.equal(record.genAi?.openai?.errorCode, part["error"]?.code);
    assert.equal(record.genAi?.openai?.errorMessage, part["error"]?.message);
    const isCounted = code !== "unset" && part["usage"] !== null;
    assert.equal(record.usage?.inputTokens, isCounted ? 36 : undefined);
  });
}

test("a background response that is queued, in progress and completed is one observation", async () => {
  const background = { background: true, output: [], usage: null, completed_at: null, service_tier: "auto" };
  const sink = await traced(async (clock) => {
    const first = withSpan("start", () => recordResponse(aResponse({ ...background, status: "queued" }), { request }));
    await flush();
    clock.advance(2000);
    // The later states are read elsewhere: the span stays where it was.
    const second = withSpan("poll", () => recordResponse(aResponse({ ...background, status: "in_progress" })));
    const again = recordResponse(aResponse({ ...background, status: "in_progress" }));
    const last = recordResponse(aResponse({ background: true }), { request });
    const late = recordResponse(aResponse({ ...background, status: "queued" }));
    const ids = [first, second, again, last, late].map(({ spanId }) => spanId);
    assert.equal(new Set(ids).size, 1);
    assert.deepEqual(
      [first, second, again, last, late].map(({ recorded }) => recorded),
      [true, true, false, true, false],
    );
  });
  sink.expectTree(`
    start
    └─ chat gpt-5 [generation]
    poll
  `);
  const { record } = sink.get("generation");
  assert.deepEqual([record.seq, record.unfinished, record.usage?.totalTokens], [2, undefined, 123]);
  assert.equal(record.genAi?.openai?.background, true);
  assert.deepEqual([record.startTime, record.endTime], [ns(T0), ns(T0 + 3)]);
  const unfinished = sink.all.filter((each) => (each as SpanRecord).unfinished) as SpanRecord[];
  assert.deepEqual(
    unfinished.map(({ seq, usage, status }) => [seq, usage, status.message]),
    [
      [0, undefined, "recorded before terminal: queued"],
      [1, undefined, "recorded before terminal: in_progress"],
    ],
  );
});

test("a cost that the provider states is taken as it is, and is no count", async () => {
  const usage = { ...tokens(36, 87), cost: 0.0042, cost_details: { upstream_inference_cost: null } };
  const sink = await traced(() => void recordResponse(aResponse({ usage })));
  const { record } = sink.get("generation");
  assert.deepEqual(record.cost, { currency: "USD", total: 0.0042, source: "provided" });
  assert.equal(record.usage?.extra, undefined);
});

test("cache writes are counted", async () => {
  const usage = tokens(2000, 10, 500);
  usage["input_tokens_details"].cache_write_tokens = 1200;
  const sink = await traced(() => void recordResponse(aResponse({ usage })));
  assert.deepEqual(sink.get("generation").record.usage, {
    inputTokens: 2000,
    outputTokens: 10,
    totalTokens: 2010,
    cacheReadInputTokens: 500,
    cacheWriteInputTokens: 1200,
    reasoningOutputTokens: 0,
  });
});

test("camelCase names and Date times are read the same", async () => {
  const wire = aResponse({
    status: "incomplete",
    incomplete_details: { reason: "max_output_tokens" },
    usage: tokens(36, 87, 12),
    max_output_tokens: 87,
  });
  const [snake, camelCase] = [
    await traced(() => void recordResponse(wire, { request })),
    await traced(() => void recordResponse(camel(wire), { request: camel(request) })),
  ];
  assert.deepEqual(camelCase.get("generation").record, snake.get("generation").record);
});

test("an answer of a compatible server without status, id or output items is recorded each time", async () => {
  const bare = { object: "response", model: "llama", output: [said("Hi")], usage: tokens(1, 2) };
  const sink = await traced(() => {
    assert.equal(recordResponse(bare).recorded, true);
    assert.equal(recordResponse(bare).recorded, true);
  });
  const spans = sink.findAll("chat llama");
  assert.equal(spans.length, 2);
  assert.deepEqual(
    spans.map(({ record }) => record.level),
    ["DEFAULT", "DEFAULT"],
  );
  const onlyText = { id: "r1", model: "llama", output_text: "Hi", output: [] };
  const texts = await traced(() => void recordResponse(onlyText));
  assert.deepEqual((texts.get("generation").record.output as Wire[])[0]!["parts"], [{ type: "text", content: "Hi" }]);
});

test("what is no response is not recorded, and nothing throws", async () => {
  const throwing = new Proxy(aResponse(), {
    get() {
      throw new Error("hands off");
    },
  });
  const cycle: Wire = { type: "message", role: "user" };
  cycle["content"] = [cycle, { type: "mystery", again: cycle }];
  const sink = await traced(() => {
    for (const junk of [undefined, null, 5, "resp_1", [], {}, { id: 7 }, throwing] as any[]) {
      assert.equal(recordResponse(junk).recorded, false);
      assert.equal(recordResponse(junk, null as any).recorded, false);
    }
    const odd = { status: 5, created_at: "soon", usage: "many", tools: "all", error: "lost", text: [], metadata: [] };
    assert.equal(
      recordResponse({ id: "resp_odd", output: 5, ...odd } as any, { request: 5, input: cycle }).recorded,
      true,
    );
    const { revoke, proxy } = Proxy.revocable<any[]>([], {});
    revoke();
    assert.equal(recordResponse({ id: "resp_revoked", output: proxy }).recorded, false);
  });
  assert.equal(sink.records.length, 1);
  assert.deepEqual(sink.get("chat").record.error?.type, "error");
});

test("an item whose getter throws costs itself alone", async () => {
  const hostile = {
    type: "message",
    get role() {
      throw new Error("hands off");
    },
  };
  const output = [
    hostile,
    said("Still here."),
    {
      type: "code_interpreter_call",
      get code() {
        throw new Error("no");
      },
    },
  ];
  const sink = await traced(() => void recordResponse(aResponse({ output })));
  const { record } = sink.get("generation");
  assert.deepEqual(
    (record.output as Wire[]).map(({ role, parts }) => [role, parts[0].type, parts[0].content]),
    [
      ["unknown", "unreadable", undefined],
      ["assistant", "text", "Still here."],
      ["unknown", "unreadable", undefined],
    ],
  );
  assert.equal(record.usage?.totalTokens, 123);
});

test("nothing is recorded while tracing is off or suppressed", async () => {
  const sink = memorySink();
  configure({ sinks: [sink], enabled: false });
  const off = recordResponse(aResponse());
  assert.deepEqual([off.id, off.status, off.recorded], [aResponse().id, "completed", false]);
  await shutdown();
  const suppressed = await traced(() => suppress(() => assert.equal(recordResponse(aResponse()).recorded, false)));
  assert.equal(suppressed.records.length + sink.records.length, 0);
});

test("credentials in messages are masked", async () => {
  const secret = `sk-proj-${"a1B2c3D4".repeat(6)}`;
  const sink = await traced(
    () => void recordResponse(aResponse({ output: [said(`key ${secret}`)] }), { input: secret }),
  );
  assert.doesNotMatch(JSON.stringify(sink.records), new RegExp(secret));
});

const server = createServer((incoming, answer) => {
  incoming.resume();
  const isStream = incoming.headers["x-want"] === "stream";
  answer.setHeader("content-type", isStream ? "text/event-stream" : "application/json");
  if (!isStream) return answer.end(JSON.stringify(aResponse()));
  const created = { type: "response.created", response: aResponse({ status: "in_progress", output: [], usage: null }) };
  const completed = { type: "response.completed", response: aResponse() };
  for (const event of [created, completed]) answer.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  return answer.end();
});

before(() => new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve)));
after(() => void server.close());

for (const [name, Client] of [
  ["openai 4", OpenAI4],
  ["openai 5", OpenAI5],
  ["openai 6", OpenAI],
] as const) {
  test(`what the client of ${name} returns is recorded with its types`, async () => {
    const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
    const client = new Client({ apiKey: "test", baseURL, maxRetries: 0 }) as OpenAI;
    const sink = await traced(async () => {
      const asked = { model: "gpt-5", input: "Solve 3x + 11 = 14." };
      const response = await client.responses.create(asked);
      recordResponse(response, { request: asked });
    });
    const { record } = sink.get("chat gpt-5");
    assert.deepEqual([record.usage?.totalTokens, (record.output as Wire[])[0]!["parts"][0].content], [123, "x = 1."]);
  });
}
