/** docs/migration/langsmith.md: its names exist, a row does the same on both sides, and both run in one process. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { awaitAllCallbacks } from "@langchain/core/callbacks/promises";
import { Client, RunTree } from "langsmith";
import { createAnonymizer } from "langsmith/anonymizer";
import { initializeOTEL } from "langsmith/experimental/otel/setup";
import * as traceables from "langsmith/traceable";
import * as wrappers from "langsmith/wrappers";
import OpenAI from "openai";
import * as sightline from "sightline";
import { openTelemetryCarrier } from "sightline/interop/opentelemetry";
import * as ourOpenAI from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { loopback } from "./loopback.js";
import { calledIn, isIn, resolve, rowsOf, variablesIn } from "./tables.js";

const { getCurrentRunTree, traceable, withRunTree } = traceables;
const { carrier, configure, currentSpan, flush, memorySink, observe, shutdown, startSpan, updateSpan } = sightline;
const { withContext, withSpan } = sightline;

const sink = memorySink();
let server;
let api;
let client;

before(async () => {
  // A server without multipart is sent plain JSON.
  server = await loopback(({ url }) =>
    url.endsWith("/info") ? { version: "0.0.0", batch_ingest_config: { use_multipart_endpoint: false } } : {},
  );
  api = await fakeOpenAI();
  Object.assign(process.env, {
    LANGSMITH_TRACING: "true",
    LANGSMITH_API_KEY: "ls-test",
    LANGSMITH_ENDPOINT: server.url,
  });
  client = new Client();
});
afterEach(async () => {
  await shutdown();
  await client.awaitPendingTraceBatches();
  sink.clear();
  server.requests.length = 0;
});
after(async () => {
  server.close();
  await api.close();
});

const rows = rowsOf("langsmith.md");

test("every name of theirs in the table exists in the package", () => {
  const runTree = new RunTree({ name: "r", client });
  const namespace = { ...traceables, ...wrappers, RunTree, runTree, client, awaitAllCallbacks, createAnonymizer };
  const names = rows.flatMap(({ theirs }) => theirs.flatMap(calledIn));
  assert.ok(names.length > 14);
  for (const name of [...names, "runTree.end"]) assert.equal(typeof resolve(namespace, name), "function", name);
});

test("every name of ours exists", () => {
  configure({ sinks: [sink] });
  const span = startSpan("s");
  const namespace = { ...sightline, ...ourOpenAI, openTelemetryCarrier, span };
  for (const name of rows.flatMap(({ ours }) => ours.flatMap(calledIn))) {
    assert.equal(typeof resolve(namespace, name), "function", name);
  }
  span.end();
});

test("the variables of both columns are read by their packages", () => {
  const theirs = rows.flatMap(({ theirs }) => theirs.flatMap(variablesIn));
  const ours = rows.flatMap(({ ours }) => ours.flatMap(variablesIn));
  assert.ok(theirs.length >= 5 && ours.length >= 4);
  for (const name of theirs)
    assert.ok(isIn("node_modules/langsmith/dist", `"${name.slice("LANGSMITH_".length)}"`), name);
  for (const name of ours) assert.ok(isIn("node_modules/sightline/dist", name), name);
});

/** The runs that reached their server, each once with all that was said of it. */
async function runs() {
  await client.awaitPendingTraceBatches();
  const byId = new Map();
  let posts = 0;
  for (const { url, text } of server.requests) {
    if (!url.endsWith("/runs/batch")) continue;
    const { post = [], patch = [] } = JSON.parse(text);
    posts += post.length;
    for (const run of [...post, ...patch]) byId.set(run.id, { ...byId.get(run.id), ...run });
  }
  assert.equal(posts, byId.size, "each run is posted once");
  return [...byId.values()];
}

const TYPES = { llm: "generation", chain: "span" };

async function theirSpans() {
  const all = await runs();
  return all
    .map(({ name, run_type, parent_run_id, inputs, outputs, error, events }) => ({
      name,
      type: TYPES[run_type] ?? run_type,
      parent: all.find(({ id }) => id === parent_run_id)?.name,
      input: inputs?.input,
      output: outputs?.outputs ?? outputs?.output,
      failed: error !== undefined && error !== null,
      message: /Error: ([^\n]*)/.exec(error ?? "")?.[1],
      events: events?.map(({ name }) => name),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function ourSpans() {
  return sink
    .findAll(/./)
    .map(({ record, parent }) => ({
      name: record.name,
      type: record.type,
      parent: parent?.record.name,
      input: record.input?.question ?? record.input,
      output: record.output,
      failed: record.status.code === "error",
      message: record.error?.message,
      events: record.events?.map(({ name }) => name),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const answer = async (question) => `${question}: x = 1`;
const fail = async () => {
  throw new Error("no");
};
/** For each row, by its first piece of code: both sides of it, and which fields say the same. */
const pairs = {
  "traceable(fn, { name, run_type })": {
    theirs: () => traceable(answer, { name: "a", run_type: "tool", client })("q"),
    ours: () => observe({ name: "a", type: "tool" }, answer)("q"),
    same: ["name", "type", "input", "output"],
  },
  "getCurrentRunTree()": {
    theirs: () => traceable(async () => getCurrentRunTree().name, { name: "a", client })(),
    ours: () => observe({ name: "a" }, async () => (currentSpan() === undefined ? "" : "a"))(),
    same: ["name", "output"],
  },
  "new RunTree({ name, run_type, inputs })": {
    theirs: async () => {
      const tree = new RunTree({ name: "a", run_type: "retriever", inputs: { input: "q" }, client });
      await tree.end({ output: "r" });
      await tree.postRun();
    },
    ours: () => startSpan("a", { type: "retriever", input: "q" }).end({ output: "r" }),
    same: ["name", "type", "input", "output"],
  },
  "runTree.postRun()": {
    theirs: async () => {
      const tree = new RunTree({ name: "a", client });
      await tree.postRun();
      await tree.end({ output: "r" });
      await tree.patchRun();
    },
    ours: () => startSpan("a").end({ output: "r" }),
    same: ["name", "output"],
  },
  "runTree.createChild({ name })": {
    theirs: async () => {
      const tree = new RunTree({ name: "a", client });
      await tree.createChild({ name: "b" }).postRun();
      await tree.postRun();
    },
    ours: () => {
      const parent = startSpan("a");
      startSpan("b", { parent }).end();
      parent.end();
    },
    same: ["name", "parent"],
  },
  "runTree.end(outputs, error)": {
    theirs: () => traceable(fail, { name: "a", client })().catch(() => {}),
    ours: () => {
      const span = startSpan("a");
      span.fail(new Error("no"));
      span.end();
    },
    same: ["name", "failed", "message"],
  },
  "runTree.addEvent(event)": {
    theirs: async () => {
      const tree = new RunTree({ name: "a", client });
      tree.addEvent({ name: "moment" });
      await tree.postRun();
    },
    ours: () => startSpan("a").event("moment").end(),
    same: ["name", "events"],
  },
  "withRunTree(runTree, fn)": {
    theirs: async () => {
      const tree = new RunTree({ name: "a", client });
      await withRunTree(tree, () => traceable(answer, { name: "b", client })("q"));
      await tree.postRun();
    },
    ours: () => withSpan("a", () => observe({ name: "b" }, answer)("q")),
    same: ["name", "parent"],
  },
  "runTree.toHeaders()": {
    theirs: async () => {
      const tree = new RunTree({ name: "a", client });
      await tree.postRun();
      const there = RunTree.fromHeaders(tree.toHeaders(), { name: "b", client });
      const child = there.createChild({ name: "b", client });
      await child.postRun();
    },
    ours: () => {
      const headers = withSpan("a", () => carrier());
      withContext(headers, () => startSpan("b").end());
    },
    same: ["name", "parent"],
  },
};

for (const [code, { theirs, ours, same }] of Object.entries(pairs)) {
  test(`the same on both sides: ${code}`, async () => {
    assert.ok(
      rows.some((row) => row.theirs[0] === code),
      "it is a row of the table",
    );
    await theirs();
    const expected = await theirSpans();
    configure({ sinks: [sink] });
    await ours();
    await flush();
    const only = (all) => all.map((each) => Object.fromEntries(same.map((key) => [key, each[key]])));
    assert.deepEqual(only(ourSpans()), only(expected));
    assert.ok(expected.length > 0);
  });
}

/** Rows whose two sides are compared elsewhere here, or are a place to configure and nothing to call. */
const elsewhere = new Set([
  "wrapOpenAI(client)",
  "wrapSDK(sdk)",
  "client.createFeedback(runId, key, { score })",
  "client.awaitPendingTraceBatches()",
  "createAnonymizer(rules)",
]);

test("no row is left out", () => {
  const left = rows.map(({ theirs }) => theirs[0]).filter((code) => !(code in pairs) && !elsewhere.has(code));
  assert.deepEqual(
    left.filter((code) => !code.startsWith("LANGSMITH_")),
    [],
  );
});

test("what differs, as the table says", async () => {
  configure({ sinks: [sink] });
  assert.throws(() => getCurrentRunTree());
  assert.equal(currentSpan(), undefined);
  assert.ok(traceable(() => 1, { client })() instanceof Promise);
  assert.equal(observe(() => 1)(), 1);
  await awaitAllCallbacks();
});

test("feedback and a score say the same of one call", async () => {
  configure({ sinks: [sink] });
  const tree = new RunTree({ name: "a", client });
  await client.createFeedback(tree.id, "good", { score: 0.5, comment: "half" });
  const sent = server.requests.find(({ url }) => url.endsWith("/feedback"));
  const span = startSpan("a");
  span.end();
  sightline.score({ name: "good", value: 0.5, comment: "half", traceId: span.traceId, spanId: span.spanId });
  await flush();
  const [made] = sink.get("a").scores;
  const { run_id, key, score, comment } = JSON.parse(sent.text);
  assert.deepEqual([run_id, key, score, comment], [tree.id, made.name, made.value, made.comment]);
});

test("side by side: two trees, each whole, each span once, and the ids of one in the other", async () => {
  configure({ sinks: [sink] });
  const theirs = (name, fn) => traceable(fn, { name, client });
  const program = theirs("theirs 1", () =>
    observe("ours 2", () =>
      theirs("theirs 3", () =>
        observe("ours 4", async () => {
          updateSpan({ metadata: { langsmith_run_id: getCurrentRunTree().id } });
          return "x = 1";
        })(),
      )(),
    )(),
  );
  assert.equal(await program(), "x = 1");
  await flush();
  const all = await runs();
  assert.deepEqual(all.map(({ name }) => name).sort(), ["theirs 1", "theirs 3"]);
  const [first, third] = ["theirs 1", "theirs 3"].map((name) => all.find((run) => run.name === name));
  assert.deepEqual([third.parent_run_id, third.trace_id], [first.id, first.id]);
  sink.expectTree(`
    ours 2
    └─ ours 4
  `);
  assert.equal(sink.all.length, 2);
  assert.equal(sink.get("ours 4").record.metadata.langsmith_run_id, third.id);
});

test("a client has one wrapper: one generation a call", async () => {
  configure({ sinks: [sink] });
  const bare = () => new OpenAI({ apiKey: api.apiKey, baseURL: api.baseURL });
  const body = { model: "gpt-4o", messages: [{ role: "user", content: "q" }] };
  await observe("ask", () => wrappers.wrapOpenAI(bare(), { client }).chat.completions.create(body))();
  await flush();
  assert.deepEqual([(await runs()).map(({ run_type }) => run_type), sink.all.length], [["llm"], 1]);
  server.requests.length = 0;
  sink.clear();
  const ask = traceable(() => ourOpenAI.observeOpenAI(bare()).chat.completions.create(body), { name: "ask", client });
  await ask();
  await flush();
  assert.deepEqual(
    (await runs()).map(({ run_type }) => run_type),
    ["chain"],
  );
  assert.deepEqual(
    sink.all.map(({ type }) => type),
    ["generation"],
  );
  assert.ok(sink.all[0].usage.inputTokens > 0);
});

test("their OpenTelemetry mode and our carrier: one trace, each span once", async () => {
  const exporterConfig = { url: `${server.url}/otel/v1/traces` };
  const { DEFAULT_LANGSMITH_SPAN_PROCESSOR: processor } = initializeOTEL({ exporterConfig });
  const seen = [];
  const { onEnd } = processor;
  processor.onEnd = function (span) {
    seen.push({ name: span.name, ...span.spanContext(), parentSpanId: span.parentSpanContext?.spanId });
    return onEnd.call(this, span);
  };
  const otel = new Client({ tracingMode: "otel" });
  const theirs = (name, fn) => traceable(fn, { name, client: otel });
  const program = theirs("theirs 1", () =>
    observe("ours 2", () => theirs("theirs 3", () => observe("ours 4", async () => "x = 1")())())(),
  );
  const names = ["theirs 1", "ours 2", "theirs 3", "ours 4"];
  const parentsWith = async (carrier) => {
    configure({ sinks: [sink], carrier });
    await program();
    await flush();
    await otel.awaitPendingTraceBatches();
    await processor.forceFlush();
    const all = [...seen.splice(0), ...sink.all];
    assert.deepEqual(all.map(({ name }) => name).sort(), [...names].sort());
    assert.equal(new Set(all.map(({ traceId }) => traceId)).size, 1);
    sink.clear();
    return names.map((name) => {
      const { parentSpanId } = all.find((span) => span.name === name);
      return all.find(({ spanId }) => spanId === parentSpanId)?.name;
    });
  };
  assert.deepEqual(await parentsWith(openTelemetryCarrier()), [undefined, "theirs 1", "ours 2", "theirs 3"]);
  const separate = openTelemetryCarrier({ separate: true });
  assert.deepEqual(await parentsWith(separate), [undefined, "theirs 1", "theirs 1", "theirs 3"]);
  assert.equal(server.requests.filter(({ url }) => url.endsWith("/otel/v1/traces")).length, 2);
});
