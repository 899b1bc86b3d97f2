import assert from "node:assert/strict";
import { test } from "node:test";
import { client, score, updateTrace, withSpan } from "sightline";
import { traced } from "../support/traced.ts";

test("the lifecycle of the Nexus article, by ids", async () => {
  const sink = await traced(() => {
    const trace = client.startTrace({ agentId: "openai-assistant", input: "hello", userId: "u-1" });
    const thread = client.startSpan(trace.id, { name: "thread.create", type: "tool" });
    client.endSpan(thread.id, { output: { threadId: "thread_1" } });
    const run = client.startSpan(trace.id, { name: "run", type: "llm", metadata: { assistantId: "asst_1" } });
    const step = client.startSpan(trace.id, { name: "step.function", type: "tool", parentSpanId: run.id });
    client.endSpan(step.id, { error: new Error("no output") });
    client.endSpan(run.id, { output: { status: "completed" } });
    client.endTrace(trace.id, { status: "success", output: "hi", metadata: { messages: 2 } });
    client.endTrace(trace.id, { status: "error" });
    client.endSpan("unknown");
  });
  sink.expectTree(`
    openai-assistant [agent]
    ├─ thread.create [tool]
    └─ run [generation]
       └─ step.function [tool] ✗ Error: no output
  `);
  const { record } = sink.get("openai-assistant");
  assert.equal(record.output, "hi");
  assert.deepEqual(record.metadata, { messages: 2 });
  assert.equal(record.trace.userId, "u-1");
  assert.equal(sink.get("run").record.trace.userId, "u-1");
});

test("the generation of the Langfuse cookbook, by ids and in its words", async () => {
  const sink = await traced(() => {
    withSpan("get_response", (span) => {
      client.generation({
        traceId: span.traceId,
        parentObservationId: span.spanId,
        model: "gpt-4",
        usageDetails: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
        input: [{ role: "user", content: "q" }],
        output: "a",
      });
    });
  });
  const node = sink.get("chat gpt-4");
  assert.equal(node.parent?.record.name, "get_response");
  assert.deepEqual(node.record.usage, { inputTokens: 3, outputTokens: 4, totalTokens: 7 });
});

test("endTrace with an error marks the root", async () => {
  const sink = await traced(() => {
    const trace = client.startTrace({ name: "t" });
    client.endTrace(trace.id, { status: "error", output: "Error: x" });
  });
  assert.equal(sink.get("t").record.status.code, "error");
  assert.equal(sink.get("t").record.level, "ERROR");
});

test("a score is a record of its own, on the current span or by id", async () => {
  const sink = await traced(() => {
    withSpan("outer", () => {
      updateTrace({ userId: "u-1" });
      score({ name: "helpful", value: true, comment: "yes" });
    });
    score({ name: "grade", value: 0.5, traceId: "ab".repeat(16), id: "s-1" });
    score({ name: "label", value: "good", sessionId: "s" });
  });
  const scores = sink.records.filter((record) => record.record === "score");
  const outer = sink.get("outer").record;
  assert.equal(scores.length, 3);
  const byName = (name: string) => scores.find((record) => record.name === name);
  assert.equal(byName("helpful")?.traceId, outer.traceId);
  assert.equal(byName("helpful")?.spanId, outer.spanId);
  assert.equal(byName("helpful")?.dataType, "BOOLEAN");
  assert.equal(byName("helpful")?.trace.userId, "u-1");
  assert.equal(byName("grade")?.id, "s-1");
  assert.equal(byName("grade")?.spanId, undefined);
  assert.equal(byName("label")?.dataType, "CATEGORICAL");
  assert.match(byName("label")?.id ?? "", /^[0-9a-f-]{36}$/);
});
