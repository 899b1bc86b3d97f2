/** What was said: on spans, on events, in every shape, and nowhere when it is not wanted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, SpanRecord } from "sightline";
import { contentEvent, findingEvent, type Profile, scoreEvent, spanAttributes } from "sightline/semconv";
import { sampleFinding, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";

const NAMES = [
  "gen_ai.input.messages",
  "gen_ai.output.messages",
  "gen_ai.system_instructions",
  "gen_ai.tool.definitions",
  "gen_ai.tool.call.arguments",
  "gen_ai.tool.call.result",
  "gen_ai.retrieval.query.text",
  "gen_ai.retrieval.documents",
  "sightline.input.value",
  "sightline.input.mime_type",
  "sightline.output.value",
  "sightline.output.mime_type",
  "sightline.system_instructions",
  "sightline.tool.definitions",
];

/** The content among a span's attributes; JSON read. */
function said(part: Partial<SpanRecord>, profile: Profile = "1.41", content = true): Record<string, unknown> {
  const attributes = spanAttributes(sampleSpan(part), { profile, content });
  const found = Object.entries(attributes).filter(([name]) => NAMES.includes(name));
  return Object.fromEntries(found.map(([name, value]) => [name, read(String(value))]));
}

function read(text: string): unknown {
  return /^[[{]/.test(text) ? JSON.parse(text) : text;
}

const text = (content: string) => ({ type: "text", content });
const chat = { type: "generation", genAi: { operation: "chat" } } as const;
const asked = (input: Json, part: Partial<SpanRecord> = chat) => said({ ...part, input })["gen_ai.input.messages"];

test("messages of the conventions as they are; of chat APIs converted; a text is the user's", () => {
  const own = [{ role: "user", name: "ada", parts: [text("q")], extra: 1 }];
  assert.deepEqual(asked(own), own);
  const user = [{ role: "user", parts: [text("q")] }];
  assert.deepEqual(asked("q"), user);
  assert.deepEqual(asked([{ role: "user", content: "q" }]), user);
  assert.deepEqual(asked({ role: "user", content: "q" }), user);
  assert.deepEqual(asked([{ role: "user", content: [{ type: "input_text", text: "q" }] }]), user);
  assert.deepEqual(asked([{ role: "user", content: ["q"] }]), user);
  const image = { type: "image_url", image_url: { url: "https://example.com/a.png" } };
  assert.deepEqual(asked([{ role: "user", content: [{ type: "text", text: "q" }, image] }]), [
    { role: "user", parts: [text("q"), image] },
  ]);
  const call = { id: "call_1", type: "function", function: { name: "add", arguments: '{"a":1}' } };
  const broken = { type: "function", function: { name: "add", arguments: '{"a":' } };
  assert.deepEqual(
    asked([
      { role: "assistant", content: null, tool_calls: [call, broken] },
      { role: "assistant", tool_calls: [call] },
      { role: "tool", tool_call_id: "call_1", content: "2" },
    ]),
    [
      {
        role: "assistant",
        parts: [
          { type: "tool_call", id: "call_1", name: "add", arguments: { a: 1 } },
          { type: "tool_call", name: "add", arguments: '{"a":' },
        ],
      },
      { role: "assistant", parts: [{ type: "tool_call", id: "call_1", name: "add", arguments: { a: 1 } }] },
      { role: "tool", parts: [{ type: "tool_call_response", id: "call_1", response: "2" }] },
    ],
  );
});

test("what is no message stays what it is, once", () => {
  for (const input of [{ question: "q" }, ["q"], [], [{ role: "user" }], [{ content: "q" }], 7, null, true] as Json[]) {
    assert.deepEqual(said({ ...chat, input }), {
      "sightline.input.value": read(JSON.stringify(input)),
      // A text that is an object or a list says so itself.
      ...((typeof input !== "object" || input === null) && { "sightline.input.mime_type": "application/json" }),
    });
  }
  assert.deepEqual(said({ input: "q", output: { a: 1 } }), {
    "sightline.input.value": "q",
    "sightline.input.mime_type": "text/plain",
    "sightline.output.value": { a: 1 },
  });
  // A span that has nothing to do with models.
  assert.deepEqual(Object.keys(said({ input: [{ role: "user", content: "q" }] })), ["sightline.input.value"]);
  // A text of a workflow need not be anybody's words.
  assert.deepEqual(said({ type: "chain", input: "q" })["sightline.input.value"], "q");
});

test("each message of an answer says why it ended up to 1.41, and no longer after", () => {
  const answered = (part: Partial<SpanRecord>, profile: Profile = "1.41") =>
    (said({ ...chat, ...part }, profile)["gen_ai.output.messages"] as Record<string, unknown>[]).map(
      (message) => message["finish_reason"],
    );
  const output: Json = [
    { role: "assistant", parts: [text("a")], finish_reason: "length" },
    { role: "assistant", parts: [text("b")] },
  ];
  const genAi = { operation: "chat", finishReasons: ["length", "content_filter"] };
  assert.deepEqual(answered({ output, genAi }), ["length", "content_filter"]);
  assert.deepEqual(answered({ output, genAi }, "latest"), [undefined, undefined]);
  assert.deepEqual(answered({ output: "a" }), ["stop"]);
  assert.deepEqual(answered({ output: "a", status: { code: "error" } }), ["error"]);
  // The record knows better than its status, and one reason is that of all messages.
  assert.deepEqual(answered({ output, genAi, status: { code: "error" } }), ["length", "content_filter"]);
  const three = [1, 2, 3].map(() => ({ role: "assistant", parts: [text("a")] }));
  assert.deepEqual(answered({ output: three, genAi }), ["length", "content_filter", "content_filter"]);
  assert.deepEqual(answered({ output: "a", genAi: { operation: "chat", finishReasons: [] } }), ["stop"]);
  const calls: Json = [{ role: "assistant", parts: [text("a"), { type: "tool_call", name: "add" }, null] }];
  assert.deepEqual(answered({ output: calls }), ["tool_call"]);
  assert.deepEqual(answered({ output: calls, genAi: { operation: "chat", finishReasons: ["tool_calls"] } }), [
    "tool_calls",
  ]);
  assert.deepEqual(answered({ output: calls, status: { code: "error" } }), ["error"]);
});

test("agents, workflows, tools, retrievals, embeddings", () => {
  assert.deepEqual(said({ type: "agent", input: "q", output: "a" }), {
    "gen_ai.input.messages": [{ role: "user", parts: [text("q")] }],
    "gen_ai.output.messages": [{ role: "assistant", parts: [text("a")], finish_reason: "stop" }],
  });
  assert.deepEqual(said({ type: "chain", input: [{ role: "user", content: "q" }] }), {
    "gen_ai.input.messages": [{ role: "user", parts: [text("q")] }],
  });
  assert.deepEqual(said({ type: "tool", input: { a: 1 }, output: "2" }), {
    "gen_ai.tool.call.arguments": { a: 1 },
    "gen_ai.tool.call.result": "2",
  });
  assert.deepEqual(said({ type: "retriever", input: "q", output: [{ id: "1", score: 0.5 }] }), {
    "gen_ai.retrieval.query.text": "q",
    "gen_ai.retrieval.documents": [{ id: "1", score: 0.5 }],
  });
  assert.deepEqual(Object.keys(said({ type: "retriever", input: { q: "q", k: 2 }, output: ["text"] })), [
    "sightline.input.value",
    "sightline.output.value",
  ]);
  assert.deepEqual(Object.keys(said({ type: "embedding", input: "q" })), [
    "sightline.input.value",
    "sightline.input.mime_type",
  ]);
});

test("1.36 had no names for content: it goes under ours", () => {
  const genAi = { operation: "chat", systemInstructions: [text("Be kind.")], toolDefinitions: [{ type: "function" }] };
  const part = { ...chat, genAi, input: "q", output: [{ role: "assistant", parts: [text("a")] }] };
  assert.deepEqual(said(part, "1.36"), {
    "sightline.system_instructions": [text("Be kind.")],
    "sightline.tool.definitions": [{ type: "function" }],
    "sightline.input.value": "q",
    "sightline.input.mime_type": "text/plain",
    "sightline.output.value": [{ role: "assistant", parts: [text("a")] }],
  });
});

test("without content nothing of it is anywhere", () => {
  const secret = "the answer is 42";
  const parts: Partial<SpanRecord>[] = ["generation", "agent", "tool", "chain", "retriever", "embedding", "span"].map(
    (type) => ({
      type: type as SpanRecord["type"],
      input: secret,
      output: [{ id: secret, content: secret }],
      genAi: { systemInstructions: [text(secret)], toolDefinitions: [{ type: "function", description: secret }] },
    }),
  );
  for (const profile of ["1.36", "1.41", "latest"] as const) {
    for (const part of parts) {
      const without = JSON.stringify(spanAttributes(sampleSpan(part), { profile, content: false }));
      const whole = JSON.stringify(spanAttributes(sampleSpan(part), { profile, content: true }));
      assert.deepEqual([without.includes(secret), whole.includes(secret)], [false, true]);
    }
  }
});

test("an event for a model call with content, at its end and on its span", () => {
  const record = sampleSpan({
    ...chat,
    kind: "client",
    input: "q",
    output: "a",
    genAi: { operation: "chat", provider: "openai", requestModel: "m" },
    usage: { inputTokens: 1 },
    http: { method: "POST", route: "/chat/completions", host: "api.openai.com", status: 200 },
  });
  const { attributes, ...event } = contentEvent(record, "1.41")!;
  const { traceId, spanId, endTime: time } = record;
  const name = "gen_ai.client.inference.operation.details";
  assert.deepEqual(event, { name, time, severity: 5, traceId, spanId, traceFlags: 1 });
  assert.deepEqual(attributes, {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "m",
    "gen_ai.usage.input_tokens": 1,
    "server.address": "api.openai.com",
    "server.port": 443,
    "user.id": "user_42",
    "session.id": "algebra-7",
    "gen_ai.input.messages": JSON.stringify([{ role: "user", parts: [text("q")] }]),
    "gen_ai.output.messages": JSON.stringify([{ role: "assistant", parts: [text("a")], finish_reason: "stop" }]),
  });
  const failed = { ...record, status: { code: "error" }, error: { type: "TimeoutError" } } as const;
  assert.equal(contentEvent(failed, "latest")?.attributes["error.type"], "TimeoutError");
  assert.equal(contentEvent(record, "1.36"), undefined);
  assert.equal(contentEvent(sampleSpan({ type: "generation" }), "1.41"), undefined);
  for (const type of ["span", "agent", "tool", "embedding", "retriever", "chain"] as const) {
    assert.equal(contentEvent(sampleSpan({ type, input: "q" }), "1.41"), undefined, type);
  }
});

test("scores: numbers are values, categories labels, booleans both, texts explanations", () => {
  const judged = (part: Parameters<typeof sampleScore>[0]) => {
    const { attributes } = scoreEvent(sampleScore(part));
    return ["score.value", "score.label", "explanation"].map((name) => attributes[`gen_ai.evaluation.${name}`]);
  };
  assert.deepEqual(judged({ value: 0.9, dataType: "NUMERIC", comment: "good" }), [0.9, undefined, "good"]);
  assert.deepEqual(judged({ value: "kind", dataType: "CATEGORICAL" }), [undefined, "kind", undefined]);
  assert.deepEqual(judged({ value: true, dataType: "BOOLEAN", comment: "yes" }), [1, "true", "yes"]);
  assert.deepEqual(judged({ value: false, dataType: "BOOLEAN" }), [0, "false", undefined]);
  assert.deepEqual(judged({ value: "Long.", dataType: "TEXT" }), [undefined, undefined, "Long."]);
  const commented = scoreEvent(sampleScore({ value: "Long.", dataType: "TEXT", comment: "by ada" }));
  assert.equal(commented.attributes["sightline.score.comment"], "by ada");

  const score = sampleScore({ spanId: "00f067aa0ba902b7", metadata: { by: "ada" }, seq: 0 });
  const { traceId, spanId, time } = score;
  assert.deepEqual(scoreEvent(score), {
    name: "gen_ai.evaluation.result",
    time,
    traceId,
    spanId,
    attributes: {
      "gen_ai.evaluation.name": "helpfulness",
      "gen_ai.evaluation.score.value": 0.9,
      "sightline.score.id": score.id,
      "sightline.score.data_type": "NUMERIC",
      "user.id": "user_42",
      "sightline.metadata.by": "ada",
    },
  });
  const { traceId: _, ...rest } = sampleScore({ sessionId: "algebra-7" });
  const ofSession = scoreEvent(rest);
  assert.deepEqual([ofSession.traceId, ofSession.attributes["session.id"]], [undefined, "algebra-7"]);
});

test("findings: severity, body, next step, evidence", () => {
  const finding = sampleFinding({ evidence: { runId: "run_1", polls: 3, calls: [{ id: "call_1" }] }, seq: 2 });
  const { traceId, spanId, time, message } = finding;
  assert.deepEqual(findingEvent(finding), {
    name: "sightline.finding",
    time,
    severity: 17,
    body: message,
    traceId,
    spanId,
    attributes: {
      "sightline.finding.id": finding.id,
      "sightline.finding.name": "run_expired",
      "sightline.finding.next_step": finding.nextStep,
      "sightline.finding.evidence.runId": "run_1",
      "sightline.finding.evidence.polls": 3,
      "sightline.finding.evidence.calls": '[{"id":"call_1"}]',
      "sightline.seq": 2,
      "user.id": "user_42",
    },
  });
  const severities = (["info", "warning"] as const).map(
    (severity) => findingEvent(sampleFinding({ severity })).severity,
  );
  assert.deepEqual(severities, [9, 13]);
});
