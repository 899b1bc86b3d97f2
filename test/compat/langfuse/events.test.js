/** `langfuse` of version 3: batches of events, in which a thing and its updates are apart. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Langfuse } from "langfuse";
import { keys, receiver, stores } from "./receiver.js";

for (const [name, make] of Object.entries(stores)) {
  const server = await receiver(make);
  after(server.close);
  const start = new Date(Date.now() - 60_000);
  const at = (ms) => new Date(start.getTime() + ms);
  const nanos = (ms) => `${at(ms).getTime()}000000`;
  const errors = [];
  const client = (options = {}) => {
    const langfuse = new Langfuse({ ...keys, baseUrl: server.url, environment: "staging", release: "r42", ...options });
    langfuse.on("error", (error) => errors.push(error));
    return langfuse;
  };

  test(`langfuse 3 → ${name}: a trace with everything`, async () => {
    const langfuse = client();
    const trace = langfuse.trace({
      name: "answer",
      timestamp: at(0),
      userId: "ada",
      sessionId: "visit-1",
      tags: ["vip", "beta"],
      metadata: { tenant: "acme", nested: { a: [1, null] } },
      version: "1.2",
      input: { question: "Ünïcødé? 🙂" },
    });
    const agent = trace.span({ name: "agent", startTime: at(10), input: ["x"], metadata: { loop: 1 } });
    const call = agent.generation({
      name: "chat",
      startTime: at(20),
      completionStartTime: at(120),
      model: "gpt-4.1",
      modelParameters: { temperature: 0.2, max_tokens: 100, stop: ["END"] },
      input: [{ role: "user", content: "Ünïcødé? 🙂" }],
      promptName: "greeting",
      promptVersion: 3,
    });
    const failed = agent.span({ name: "lookup", startTime: at(300), input: { id: 7 } });
    failed.update({ endTime: at(350), level: "ERROR", statusMessage: "no such order", output: null });
    agent.event({ name: "cache miss", startTime: at(360), level: "WARNING", metadata: { key: "k" } });
    call.update({
      endTime: at(250),
      output: { role: "assistant", content: "Yes." },
      usageDetails: { input: 90, input_cached_tokens: 10, output: 15, output_reasoning_tokens: 5, total: 120 },
      costDetails: { input: 0.001, output: 0.002, total: 0.003 },
    });
    agent.update({ endTime: at(400), output: "done" });
    trace.update({ output: "Yes.", metadata: { late: true }, tags: ["vip", "beta"] });
    call.score({ name: "helpful", value: 0.75, comment: "good" });
    trace.score({ name: "tone", value: "kind", dataType: "CATEGORICAL" });
    trace.score({ name: "solved", value: 1, dataType: "BOOLEAN" });
    await langfuse.shutdownAsync();

    const traceId = trace.traceId.replaceAll("-", "");
    const found = await server.trace(traceId);
    const { summary, metadata, scores } = found;
    assert.equal(summary.name, "answer");
    assert.equal(summary.startUs, at(0).getTime() * 1_000);
    assert.equal(summary.durationNs, 400e6);
    assert.equal(summary.spans, 5);
    assert.equal(summary.errors, 1);
    assert.deepEqual(summary.models, ["gpt-4.1"]);
    assert.equal(summary.inputTokens, 100);
    assert.equal(summary.outputTokens, 20);
    assert.ok(Math.abs(summary.costUsd - 0.003) < 1e-12);
    assert.deepEqual(
      [summary.userId, summary.sessionId, summary.environment, summary.release, summary.tags],
      ["ada", "visit-1", "staging", "r42", ["vip", "beta"]],
    );
    assert.deepEqual(metadata, { tenant: "acme", nested: { a: [1, null] }, late: true });
    assert.match(summary.inputPreview, /Ünïcødé\? 🙂/);
    assert.match(summary.outputPreview, /Yes\./);

    const tree = await server.tree(traceId);
    const shape = Object.entries(tree).map(([each, { row, parent }]) => [
      each,
      row.type,
      parent,
      row.status,
      row.level,
    ]);
    assert.deepEqual(shape.sort(), [
      ["agent", "span", "answer", "unset", "DEFAULT"],
      ["answer", "span", undefined, "unset", "DEFAULT"],
      ["cache miss", "event", "agent", "unset", "WARNING"],
      ["chat", "generation", "agent", "unset", "DEFAULT"],
      ["lookup", "span", "agent", "error", "ERROR"],
    ]);
    for (const { row } of Object.values(tree)) assert.equal(row.unfinished, undefined, row.name);
    const { record, row } = tree.chat;
    assert.deepEqual([record.startTime, record.firstChunkTime, record.endTime], [nanos(20), nanos(120), nanos(250)]);
    assert.deepEqual(record.input, [{ role: "user", content: "Ünïcødé? 🙂" }]);
    assert.deepEqual(record.output, { role: "assistant", content: "Yes." });
    assert.deepEqual(record.genAi, {
      responseModel: "gpt-4.1",
      parameters: { temperature: 0.2, max_tokens: 100, stop: ["END"] },
      prompt: { name: "greeting", version: 3 },
    });
    assert.deepEqual(record.usage, {
      inputTokens: 100,
      cacheReadInputTokens: 10,
      outputTokens: 20,
      reasoningOutputTokens: 5,
      totalTokens: 120,
    });
    assert.deepEqual(record.cost, { currency: "USD", input: 0.001, output: 0.002, total: 0.003, source: "provided" });
    assert.equal(row.firstChunkNs, 100e6);
    assert.equal(row.costUsd, 0.003);
    assert.equal(tree.lookup.record.status.message, "no such order");
    assert.deepEqual(tree.lookup.record.input, { id: 7 });
    assert.deepEqual(tree.agent.record.metadata, { loop: 1 });
    assert.deepEqual(tree.answer.record.input, { question: "Ünïcødé? 🙂" });
    assert.equal(tree.answer.record.output, "Yes.");

    assert.deepEqual(
      scores.map((score) => [score.name, score.value, score.dataType, score.comment, score.spanId]).sort(),
      [
        ["helpful", 0.75, "NUMERIC", "good", tree.chat.row.spanId],
        ["solved", true, "BOOLEAN", undefined, undefined],
        ["tone", "kind", "CATEGORICAL", undefined, undefined],
      ],
    );
    assert.deepEqual(errors, []);
  });

  test(`langfuse 3 → ${name}: every update in a request of its own`, async () => {
    const langfuse = client();
    const step = async (thing) => {
      await langfuse.flushAsync();
      return thing;
    };
    const trace = await step(langfuse.trace({ name: "stepwise", userId: "bob", timestamp: at(1_000) }));
    const call = await step(trace.generation({ name: "call", startTime: at(1_010), model: "o3", input: "in" }));
    const traceId = trace.traceId.replaceAll("-", "");
    const meanwhile = await server.tree(traceId);
    assert.equal(meanwhile.call.row.unfinished, true);
    assert.equal((await server.trace(traceId)).summary.spans, 2);

    await step(call.update({ metadata: { half: true } }));
    await step(call.update({ endTime: at(1_200), output: "out", usage: { input: 3, output: 4, unit: "TOKENS" } }));
    await step(trace.update({ name: "renamed", sessionId: "visit-2", public: true }));
    await langfuse.shutdownAsync();

    const tree = await server.tree(traceId);
    assert.deepEqual(Object.keys(tree).sort(), ["call", "renamed"]);
    const { record } = tree.call;
    assert.deepEqual([record.input, record.output, record.metadata], ["in", "out", { half: true }]);
    assert.deepEqual([record.usage.inputTokens, record.usage.outputTokens, record.unfinished], [3, 4, undefined]);
    assert.deepEqual([record.startTime, record.endTime], [nanos(1_010), nanos(1_200)]);
    const { summary } = await server.trace(traceId);
    assert.deepEqual(
      [summary.name, summary.userId, summary.sessionId, summary.spans],
      ["renamed", "bob", "visit-2", 2],
    );
    assert.equal(summary.durationNs, 200e6, "an update of a trace does not make its root end before its spans");
    assert.deepEqual(errors, []);
  });

  test(`langfuse 3 → ${name}: lists, sessions, figures and search know of them`, async () => {
    const ids = async (query) => (await server.traces(query)).map((trace) => trace.name).sort();
    assert.deepEqual(await ids({}), ["answer", "renamed"]);
    assert.deepEqual(await ids({ userId: "ada" }), ["answer"]);
    assert.deepEqual(await ids({ tag: "beta" }), ["answer"]);
    assert.deepEqual(await ids({ model: "o3" }), ["renamed"]);
    assert.deepEqual(await ids({ metadata: { tenant: "acme" } }), ["answer"]);
    assert.deepEqual(await ids({ text: "ÜNÏCØDÉ" }), ["answer"]);
    assert.deepEqual((await server.sessions()).map(({ sessionId, userId }) => [sessionId, userId]).sort(), [
      ["visit-1", "ada"],
      ["visit-2", "bob"],
    ]);
    const calls = await server.aggregate({ groupBy: ["model"] });
    assert.deepEqual(calls.map(({ group, count, inputTokens }) => [group.model, count, inputTokens]).sort(), [
      ["gpt-4.1", 1, 100],
      ["o3", 1, 3],
    ]);
    const scores = await server.aggregate({ of: "scores", groupBy: ["name"] });
    assert.deepEqual(scores.map(({ group, sum }) => [group.name, sum]).sort(), [
      ["helpful", 0.75],
      ["solved", 1],
    ]);
    const { spans, traces, scores: kept } = await server.stats();
    assert.deepEqual([spans, traces, kept], [7, 2, 3]);
  });

  test(`langfuse 3 → ${name}: 300 traces in batches, none is lost or twice`, async () => {
    const before = await server.stats();
    const langfuse = client({ flushAt: 15 });
    for (let n = 0; n < 300; n++) {
      const trace = langfuse.trace({ name: `many ${n}`, metadata: { n } });
      trace
        .generation({ name: "call", model: "gpt-4.1", input: "x".repeat(2_000) })
        .end({ usage: { input: 1, output: 1 } });
    }
    await langfuse.shutdownAsync();
    const now = await server.stats();
    assert.deepEqual([now.traces - before.traces, now.spans - before.spans], [300, 600]);
    const open = (await server.traces({ status: "open", limit: 500 })).length;
    assert.equal(open, 0);
    assert.deepEqual(errors, []);
    assert.deepEqual(server.said, []);
  });
}

test("a wrong key is refused, and the program runs on", async () => {
  const server = await receiver(stores.memory);
  const langfuse = new Langfuse({ ...keys, secretKey: "sk-lf-somebody-else", baseUrl: server.url, fetchRetryCount: 0 });
  langfuse.trace({ name: "refused" });
  await langfuse.shutdownAsync();
  assert.equal((await server.stats()).spans, 0);
  assert.equal((await server.metrics())('sightline_collector_refused_total{code="UNAUTHORIZED"}'), 1);
  await server.close();
});
