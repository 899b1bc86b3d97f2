/** The newest `@langfuse/tracing` and `@langfuse/otel`, which send OTLP, and the scores of `@langfuse/client`. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { LangfuseClient } from "@langfuse/client";
import { LangfuseSpanProcessor } from "@langfuse/otel";
import {
  observe,
  propagateAttributes,
  setActiveTraceAsPublic,
  setActiveTraceIO,
  setLangfuseTracerProvider,
  startActiveObservation,
  startObservation,
  updateActiveObservation,
} from "@langfuse/tracing";
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { keys, receiver, stores } from "./receiver.js";

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

for (const [name, make] of Object.entries(stores)) {
  const server = await receiver(make);
  after(server.close);
  const start = Date.now() - 60_000;
  const at = (ms) => new Date(start + ms);
  const nanos = (ms) => `${start + ms}000000`;

  function sdk(options = {}) {
    const processor = new LangfuseSpanProcessor({
      ...keys,
      baseUrl: server.url,
      environment: "staging",
      release: "r43",
      ...options,
    });
    const provider = new NodeTracerProvider({ spanProcessors: [processor] });
    setLangfuseTracerProvider(provider);
    return { flush: () => processor.forceFlush(), stop: () => provider.shutdown() };
  }

  test(`@langfuse/tracing → ${name}: a trace with everything`, async () => {
    const { stop } = sdk();
    const langfuse = new LangfuseClient({ ...keys, baseUrl: server.url });
    let traceId;
    const shared = {
      userId: "ada",
      sessionId: "visit-1",
      tags: ["vip", "beta"],
      metadata: { tenant: "acme" },
      version: "1.2",
      traceName: "answer",
    };
    await propagateAttributes(shared, () =>
      startActiveObservation("root", async (root) => {
        traceId = root.traceId;
        root.update({ input: { question: "Ünïcødé? 🙂" }, metadata: { step: { n: 1 } } });
        setActiveTraceAsPublic();
        setActiveTraceIO({ input: { question: "Ünïcødé? 🙂" }, output: "Yes." });
        await startActiveObservation(
          "planner",
          async (agent) => {
            agent.update({ input: ["x"] });
            const call = startObservation(
              "chat",
              {
                model: "gpt-4.1",
                modelParameters: { temperature: 0.2, max_tokens: 100, tool_choice: "auto" },
                input: [{ role: "user", content: "Ünïcødé? 🙂" }],
                prompt: { name: "greeting", version: 3, isFallback: false },
              },
              { asType: "generation", startTime: at(20) },
            );
            call.update({
              completionStartTime: at(120),
              output: { role: "assistant", content: "Yes." },
              usageDetails: { input: 90, input_cached_tokens: 10, output: 15, output_reasoning_tokens: 5, total: 120 },
              costDetails: { input: 0.001, output: 0.002, total: 0.003 },
            });
            call.end(at(250));
            const tool = agent.startObservation("lookup", { input: { id: 7 } }, { asType: "tool" });
            tool.update({ level: "ERROR", statusMessage: "no such order" }).end();
            agent
              .startObservation("vectors", { model: "text-embedding-3-small", input: "q" }, { asType: "embedding" })
              .end();
            for (const asType of ["chain", "retriever", "evaluator", "guardrail"]) {
              agent.startObservation(`a ${asType}`, { output: { asType } }, { asType }).end();
            }
            agent.startObservation("cache miss", { level: "WARNING", metadata: { key: "k" } }, { asType: "event" });
            langfuse.score.observation(call, { name: "helpful", value: 0.75, comment: "good" });
            langfuse.score.activeTrace({ name: "tone", value: "kind", dataType: "CATEGORICAL" });
            langfuse.score.activeTrace({ name: "solved", value: 1, dataType: "BOOLEAN" });
            updateActiveObservation({ output: "done" }, { asType: "agent" });
          },
          { asType: "agent" },
        );
        root.update({ output: "Yes." });
      }),
    );
    await stop();
    await langfuse.shutdown();

    const { summary, metadata, scores } = await server.trace(traceId);
    assert.equal(summary.name, "answer");
    assert.deepEqual([summary.spans, summary.errors, summary.status], [10, 1, "ok"]);
    assert.deepEqual(summary.models, ["gpt-4.1", "text-embedding-3-small"]);
    assert.deepEqual([summary.inputTokens, summary.outputTokens, summary.costUsd], [100, 20, 0.003]);
    assert.deepEqual(
      [summary.userId, summary.sessionId, summary.environment, summary.release, summary.tags],
      ["ada", "visit-1", "staging", "r43", ["vip", "beta"]],
    );
    assert.equal(metadata.tenant, "acme");
    assert.match(summary.inputPreview, /Ünïcødé\? 🙂/);
    assert.match(summary.outputPreview, /Yes\./);

    const tree = await server.tree(traceId);
    const shape = Object.entries(tree).map(([each, { row, parent }]) => [each, row.type, parent, row.level]);
    assert.deepEqual(shape.sort(), [
      ["a chain", "chain", "planner", "DEFAULT"],
      ["a evaluator", "evaluator", "planner", "DEFAULT"],
      ["a guardrail", "guardrail", "planner", "DEFAULT"],
      ["a retriever", "retriever", "planner", "DEFAULT"],
      ["cache miss", "event", "planner", "WARNING"],
      ["chat", "generation", "planner", "DEFAULT"],
      ["lookup", "tool", "planner", "ERROR"],
      ["planner", "agent", "root", "DEFAULT"],
      ["root", "span", undefined, "DEFAULT"],
      ["vectors", "embedding", "planner", "DEFAULT"],
    ]);
    const { record, row } = tree.chat;
    assert.deepEqual([record.startTime, record.firstChunkTime, record.endTime], [nanos(20), nanos(120), nanos(250)]);
    assert.deepEqual(record.input, [{ role: "user", content: "Ünïcødé? 🙂" }]);
    assert.deepEqual(record.output, { role: "assistant", content: "Yes." });
    assert.deepEqual(record.genAi, {
      responseModel: "gpt-4.1",
      parameters: { temperature: 0.2, max_tokens: 100, tool_choice: "auto" },
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
    assert.deepEqual([row.model, row.costUsd, row.firstChunkNs], ["gpt-4.1", 0.003, 100e6]);
    assert.deepEqual([tree.lookup.row.status, tree.lookup.record.status.message], ["error", "no such order"]);
    assert.deepEqual(tree.lookup.record.input, { id: 7 });
    assert.deepEqual(tree.planner.record.output, "done");
    assert.deepEqual(tree.root.record.input, { question: "Ünïcødé? 🙂" });
    assert.deepEqual(tree.root.record.metadata, { step: { n: 1 } });
    assert.deepEqual(tree["cache miss"].record.metadata, { key: "k" });
    assert.equal(tree.root.record.trace.public, true);
    for (const each of Object.values(tree)) {
      assert.equal(each.record.trace.version, "1.2", each.row.name);
      assert.equal(each.row.unfinished, undefined, each.row.name);
      const unread = Object.keys(each.record.attributes ?? {}).filter((key) => /^langfuse\.observation\./.test(key));
      assert.deepEqual(unread, [], each.row.name);
    }
    assert.deepEqual(
      scores.map((score) => [score.name, score.value, score.dataType, score.comment, score.spanId]).sort(),
      [
        ["helpful", 0.75, "NUMERIC", "good", tree.chat.row.spanId],
        ["solved", true, "BOOLEAN", undefined, undefined],
        ["tone", "kind", "CATEGORICAL", undefined, undefined],
      ],
    );
  });

  test(`@langfuse/tracing → ${name}: what is thrown`, async () => {
    const { stop } = sdk();
    const fails = observe(
      async (id) => {
        await Promise.resolve();
        throw new TypeError(`no order ${id}`);
      },
      { name: "failing", asType: "tool" },
    );
    await assert.rejects(fails(9));
    await stop();
    const [{ traceId, errors, status }] = await server.traces({ name: "failing" });
    assert.deepEqual([errors, status], [1, "error"]);
    const { row, record } = (await server.tree(traceId)).failing;
    assert.deepEqual([row.type, row.status, row.level], ["tool", "error", "ERROR"]);
    assert.match(`${record.status.message} ${record.error?.message}`, /no order 9/);
    assert.equal(record.input, "9", "Langfuse writes a number as it writes a text");
  });

  test(`@langfuse/tracing → ${name}: each span at once, its trace meanwhile`, async () => {
    const { stop, flush } = sdk({ exportMode: "immediate" });
    const root = startObservation("slow", { input: "in" });
    root.startObservation("first").end();
    await flush();
    const meanwhile = await server.trace(root.traceId);
    assert.deepEqual([meanwhile.summary.spans, meanwhile.summary.isRootMissing], [1, true]);
    root.update({ output: "out" }).end();
    await stop();
    const { summary } = await server.trace(root.traceId);
    assert.deepEqual([summary.spans, summary.isRootMissing, summary.name], [2, undefined, "slow"]);
  });

  test(`@langfuse/tracing → ${name}: lists, sessions, figures and search know of them`, async () => {
    const ids = async (query) => (await server.traces(query)).map((trace) => trace.name).sort();
    assert.deepEqual(await ids({}), ["answer", "failing", "slow"]);
    assert.deepEqual(await ids({ userId: "ada" }), ["answer"]);
    assert.deepEqual(await ids({ tag: "beta" }), ["answer"]);
    assert.deepEqual(await ids({ model: "gpt-4.1" }), ["answer"]);
    assert.deepEqual(await ids({ metadata: { tenant: "acme" } }), ["answer"]);
    assert.deepEqual(await ids({ text: "ÜNÏCØDÉ" }), ["answer"]);
    assert.deepEqual(await ids({ environment: "staging", status: "error" }), ["failing"]);
    assert.deepEqual(
      (await server.sessions()).map(({ sessionId, userId }) => [sessionId, userId]),
      [["visit-1", "ada"]],
    );
    const calls = await server.aggregate({ groupBy: ["model", "type"] });
    const figures = calls.map(({ group, count, inputTokens, costUsd }) => [group.type, count, inputTokens, costUsd]);
    assert.deepEqual(figures.sort(), [
      ["embedding", 1, 0, 0],
      ["generation", 1, 100, 0.003],
    ]);
  });

  test(`@langfuse/tracing → ${name}: 2,000 spans in batches, none is lost or twice`, async () => {
    const before = await server.stats();
    const { stop } = sdk({ flushAt: 100 });
    for (let n = 0; n < 500; n++) {
      const root = startObservation(`many ${n}`, { input: "x".repeat(500) });
      for (let i = 0; i < 3; i++) root.startObservation("call", { model: "gpt-4.1" }, { asType: "generation" }).end();
      root.end();
      // Its queue has room for 2,048.
      if (n % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await stop();
    const now = await server.stats();
    assert.deepEqual([now.traces - before.traces, now.spans - before.spans], [500, 2_000]);
    assert.deepEqual(server.said, []);
  });
}
