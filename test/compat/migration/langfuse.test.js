/** docs/migration/langfuse.md: its names exist, a row does the same on both sides, and both run in one process. */
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { LangfuseClient } from "@langfuse/client";
import * as langfuseOpenAI from "@langfuse/openai";
import { LangfuseSpanProcessor } from "@langfuse/otel";
import * as tracing from "@langfuse/tracing";
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { Langfuse } from "langfuse";
import OpenAI from "openai";
import * as sightline from "sightline";
import { openTelemetryCarrier } from "sightline/interop/opentelemetry";
import * as ourOpenAI from "sightline/openai";
import { langfuseSink } from "sightline/sinks/langfuse";
import { fakeOpenAI } from "sightline/testing";
import { loopback, otlpSpans } from "./loopback.js";
import { calledIn, isIn, resolve, rowsOf, variablesIn } from "./tables.js";

const { configure, flush, generation, memorySink, observe, score, shutdown, startSpan, updateSpan, updateTrace } =
  sightline;
const { currentSpanId, currentTraceId, withSpan, withTrace } = sightline;

const keys = { publicKey: "pk-lf-test", secretKey: "sk-lf-test" };
const exported = new InMemorySpanExporter();
const sink = memorySink();
let server;
let api;
let processor;
let provider;
let langfuse;

before(async () => {
  server = await loopback(({ url }) => (url.includes("scores") ? { id: "s" } : {}));
  api = await fakeOpenAI();
  Object.assign(process.env, {
    LANGFUSE_PUBLIC_KEY: keys.publicKey,
    LANGFUSE_SECRET_KEY: keys.secretKey,
    LANGFUSE_BASE_URL: server.url,
  });
  processor = new LangfuseSpanProcessor();
  provider = new NodeTracerProvider({ spanProcessors: [processor, new SimpleSpanProcessor(exported)] });
  provider.register();
  langfuse = new LangfuseClient();
});
afterEach(async () => {
  await shutdown();
  await processor.forceFlush();
  exported.reset();
  sink.clear();
  server.requests.length = 0;
});
after(async () => {
  await provider.shutdown();
  server.close();
  await api.close();
});

const rows = rowsOf("langfuse.md");
const legacy = () => new Langfuse({ ...keys, baseUrl: server.url, flushAt: 1_000 });

test("every name of theirs in the tables exists in the packages", () => {
  const old = legacy();
  const trace = old.trace({ name: "t" });
  const namespace = {
    ...tracing,
    ...langfuseOpenAI,
    LangfuseSpanProcessor,
    processor,
    observation: tracing.startObservation("o"),
    langfuse: { score: Object.assign(old.score.bind(old), { ...resolveAll(langfuse.score) }), trace: old.trace },
    trace,
  };
  namespace.langfuse.shutdownAsync = old.shutdownAsync;
  const names = rows.flatMap(({ theirs }) => theirs.flatMap(calledIn));
  assert.ok(names.length > 20);
  for (const name of names) assert.equal(typeof resolve(namespace, name), "function", name);
  assert.ok(isIn("node_modules/@langfuse/otel/dist", "shouldExportSpan"));
  assert.equal(tracing.updateActiveTrace, undefined, "of version 4");
});

function resolveAll(manager) {
  const names = Object.getOwnPropertyNames(Object.getPrototypeOf(manager));
  return Object.fromEntries(names.filter((name) => name !== "logger").map((name) => [name, manager[name]]));
}

test("every name of ours exists", () => {
  configure({ sinks: [sink] });
  const span = startSpan("s");
  const namespace = { ...sightline, ...ourOpenAI, langfuseSink, openTelemetryCarrier, span };
  for (const name of rows.flatMap(({ ours }) => ours.flatMap(calledIn))) {
    assert.equal(typeof resolve(namespace, name), "function", name);
  }
  span.end();
});

test("the variables are read by both", () => {
  for (const name of ["LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_BASE_URL"]) {
    assert.ok(isIn("node_modules/sightline/dist", name), name);
    assert.ok(isIn("node_modules/@langfuse/otel/dist", name.slice("LANGFUSE_".length)), name);
  }
  assert.deepEqual(
    rows.flatMap(({ theirs }) => theirs.flatMap(variablesIn)),
    [],
  );
});

/** What was observed, in words of neither side. */
function theirObservations() {
  const spans = exported.getFinishedSpans();
  const json = (text) => (typeof text === "string" && /^[[{]/.test(text) ? JSON.parse(text) : text);
  return spans
    .map(({ name, attributes: all, parentSpanContext }) => ({
      name,
      parent: spans.find((span) => span.spanContext().spanId === parentSpanContext?.spanId)?.name,
      type: all["langfuse.observation.type"],
      input: json(all["langfuse.observation.input"]),
      output: json(all["langfuse.observation.output"]),
      level: all["langfuse.observation.level"],
      status: all["langfuse.observation.status_message"],
      model: all["langfuse.observation.model.name"],
      usage: json(all["langfuse.observation.usage_details"]),
      user: all["user.id"],
      session: all["session.id"],
      tags: all["langfuse.trace.tags"],
      title: all["langfuse.trace.name"],
      isPublic: all["langfuse.trace.public"],
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function ourObservations() {
  return sink
    .findAll(/./)
    .map(({ record, parent }) => ({
      name: record.name,
      parent: parent?.record.name,
      type: record.type,
      input: record.input,
      output: record.output,
      level: record.level === "DEFAULT" ? undefined : record.level,
      status: record.status.message,
      model: record.genAi?.requestModel,
      usage: record.usage && { input: record.usage.inputTokens, output: record.usage.outputTokens },
      user: record.trace.userId,
      session: record.trace.sessionId,
      tags: record.trace.tags,
      title: record.trace.name,
      isPublic: record.trace.public,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const usage = { input: 3, output: 4 };
const answer = async () => "x = 1";
/** For each row, by its first piece of code: both sides of it, and which fields say the same. */
const pairs = {
  "observe(fn, { name, asType })": {
    theirs: () => tracing.observe(answer, { name: "a", asType: "agent" })(),
    ours: () => observe({ name: "a", type: "agent" }, answer)(),
    same: ["name", "type", "output"],
  },
  "startActiveObservation(name, fn, { asType })": {
    theirs: () =>
      tracing.startActiveObservation("a", async () => tracing.startActiveObservation("b", () => 1, { asType: "tool" })),
    ours: () => withSpan("a", async () => withSpan("b", { type: "tool" }, () => 1)),
    same: ["name", "type", "parent"],
  },
  "startObservation(name, attributes, { asType })": {
    theirs: () => tracing.startObservation("a", { input: "q", output: "r" }, { asType: "retriever" }).end(),
    ours: () => startSpan("a", { type: "retriever", input: "q", output: "r" }).end(),
    same: ["name", "type", "input", "output"],
  },
  "observation.startObservation(name)": {
    theirs: () => {
      const parent = tracing.startObservation("a");
      parent.startObservation("b").end();
      parent.end();
    },
    ours: () => {
      const parent = startSpan("a");
      startSpan("b", { parent }).end();
      parent.end();
    },
    same: ["name", "parent"],
  },
  "observation.update(attributes)": {
    theirs: () =>
      tracing
        .startObservation("a", {}, { asType: "generation" })
        .update({ model: "m", usageDetails: usage, level: "WARNING", statusMessage: "odd" })
        .end(),
    ours: () =>
      startSpan("a", { type: "generation" })
        .update({ model: "m", usage, level: "WARNING", statusMessage: "odd" })
        .end(),
    same: ["name", "type", "model", "usage", "level", "status"],
  },
  "observation.end()": {
    theirs: () => tracing.startObservation("a").update({ output: 1 }).end(),
    ours: () => startSpan("a").end({ output: "1" }),
    same: ["name", "output"],
  },
  "updateActiveObservation(attributes)": {
    theirs: () => tracing.startActiveObservation("a", () => tracing.updateActiveObservation({ output: "r" })),
    ours: () => withSpan("a", () => updateSpan({ output: "r" })),
    same: ["name", "output"],
  },
  "propagateAttributes({ userId, sessionId, tags, traceName }, fn)": {
    theirs: () =>
      tracing.propagateAttributes({ userId: "u", sessionId: "s", tags: ["t"], traceName: "n" }, () =>
        tracing.startActiveObservation("a", () => tracing.startObservation("b").end()),
      ),
    ours: () =>
      withTrace({ userId: "u", sessionId: "s", tags: ["t"], name: "n" }, () =>
        withSpan("a", () => startSpan("b").end()),
      ),
    same: ["name", "parent", "user", "session", "tags", "title"],
  },
  "setActiveTraceAsPublic()": {
    theirs: () => tracing.startActiveObservation("a", () => tracing.setActiveTraceAsPublic()),
    ours: () => withSpan("a", () => updateTrace({ public: true })),
    same: ["name", "isPublic"],
  },
};

for (const [code, { theirs, ours, same }] of Object.entries(pairs)) {
  test(`the same on both sides: ${code}`, async () => {
    assert.ok(
      rows.some((row) => row.theirs[0] === code),
      "it is a row of the table",
    );
    await theirs();
    const expected = theirObservations();
    configure({ sinks: [sink] });
    await ours();
    await flush();
    const only = (all) => all.map((each) => Object.fromEntries(same.map((key) => [key, each[key]])));
    assert.deepEqual(only(ourObservations()), only(expected));
    assert.ok(expected.length > 0);
  });
}

/** Rows whose two sides are compared elsewhere here, or are a place to configure and nothing to call. */
const elsewhere = new Set([
  "setActiveTraceIO({ input, output })",
  "getActiveTraceId()",
  "langfuse.score.create({ name, value, traceId, observationId })",
  "langfuse.score.activeObservation({ name, value })",
  "observeOpenAI(client)",
  "new LangfuseSpanProcessor({ environment, release, mask })",
  "shouldExportSpan",
  "processor.forceFlush()",
]);

test("no row is left out", () => {
  const current = rows
    .map(({ theirs }) => theirs[0])
    .filter((code) => !/^(?:langfuse\.(?!score\.)|trace\.)/.test(code));
  assert.deepEqual(
    current.filter((code) => !(code in pairs) && !elsewhere.has(code)),
    [],
  );
});

test("version 3: the calls still make what the table says, and ours make the same", async () => {
  const old = legacy();
  const trace = old.trace({ name: "t", input: "q" });
  trace.span({ name: "step" }).end();
  trace.generation({ name: "call", model: "m", usage: { input: 3, output: 4 } }).end();
  trace.event({ name: "moment" });
  trace.update({ userId: "u" });
  old.score({ traceId: trace.id, name: "good", value: 1 });
  await old.shutdownAsync();
  const batch = server.requests.filter(({ url }) => url.endsWith("/api/public/ingestion"));
  const types = batch.flatMap(({ text }) => JSON.parse(text).batch.map(({ type }) => type));
  const made = ["event-create", "generation-create", "score-create", "span-create", "trace-create"];
  for (const type of made) assert.ok(types.includes(type), type);

  configure({ sinks: [sink] });
  await withSpan("t", { parent: null, input: "q" }, (parent) => {
    startSpan("step", { parent }).end();
    generation({ name: "call", model: "m", usage, parent });
    sightline.event("moment", { parent });
    updateTrace({ userId: "u" });
    score({ traceId: parent.traceId, name: "good", value: 1 });
  });
  await flush();
  sink.expectTree(`
    t
    ├─ step
    ├─ call [generation]
    └─ moment [event]
  `);
  assert.equal(sink.get("t").record.trace.userId, "u");
  assert.equal(sink.traces()[0].scores[0].value, 1);
});

/** Everything that reached Langfuse's endpoint, by name, with whose it is. */
function arrived() {
  return otlpSpans(server.requests).map(({ name, scope, traceId, spanId, parentSpanId, attributes }) => {
    return { name, isTheirs: scope.startsWith("langfuse"), traceId, spanId, parentSpanId, attributes };
  });
}

async function deliver() {
  await flush();
  await processor.forceFlush();
}

test("side by side: one trace in one project, each span once, in every nesting", async () => {
  configure({ sinks: [sink, langfuseSink()], carrier: openTelemetryCarrier() });
  const theirs = (name, fn) => tracing.observe(fn, { name });
  const program = observe("ours 1", () =>
    theirs("theirs 2", async () => {
      assert.equal(tracing.getActiveTraceId(), currentTraceId());
      await observe("ours 3", async () => {
        assert.equal(tracing.getActiveSpanId(), currentSpanId());
        await theirs("theirs 4", async () => "x = 1")();
        tracing.startObservation("theirs 5").end();
      })();
    })(),
  );
  await tracing.propagateAttributes({ userId: "u-1" }, () => withTrace({ userId: "u-1" }, () => program()));
  await deliver();
  const spans = arrived();
  const byName = Object.fromEntries(spans.map((span) => [span.name, span]));
  assert.deepEqual(spans.map(({ name }) => name).sort(), ["ours 1", "ours 3", "theirs 2", "theirs 4", "theirs 5"]);
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, 5);
  const parentOf = (name) => spans.find(({ spanId }) => spanId === byName[name].parentSpanId)?.name;
  const names = ["ours 1", "theirs 2", "ours 3", "theirs 4", "theirs 5"];
  assert.deepEqual(names.map(parentOf), [undefined, "ours 1", "theirs 2", "ours 3", "ours 3"]);
  for (const { name, isTheirs, attributes } of spans) {
    assert.equal(isTheirs, name.startsWith("theirs"), name);
    assert.equal(attributes["langfuse.user.id"] ?? attributes["user.id"], "u-1", name);
  }
  const heads = server.requests.filter(({ url }) => url.endsWith("/api/public/otel/v1/traces"));
  assert.equal(new Set(heads.map(({ headers }) => headers.authorization)).size, 1, "the same project");
});

test("side by side: user and session go from either side to the other by baggage", async () => {
  const baggage = { langfuse_user_id: "userId", langfuse_session_id: "sessionId" };
  configure({ sinks: [sink], carrier: openTelemetryCarrier(), baggage });
  const said = { userId: "u-1", sessionId: "s-1" };
  tracing.propagateAttributes({ ...said, asBaggage: true }, () => observe(function first() {})());
  withTrace(said, () => observe(() => tracing.startObservation("second").end())());
  withTrace(said, () => tracing.observe(() => observe(function third() {})(), { name: "outer" })());
  await deliver();
  for (const name of ["first", "third"]) {
    const { userId, sessionId } = sink.get(name).record.trace;
    assert.deepEqual({ userId, sessionId }, said, name);
  }
  const [second] = theirObservations().filter(({ name }) => name === "second");
  assert.deepEqual([second.user, second.session], ["u-1", "s-1"]);
});

test("side by side: a score of ours on an observation of theirs", async () => {
  configure({ sinks: [langfuseSink()], carrier: openTelemetryCarrier() });
  const observation = tracing.startObservation("theirs");
  observation.end();
  score({ name: "good", value: true, traceId: observation.traceId, spanId: observation.id, id: "s-1" });
  langfuse.score.create({ name: "good", value: 1, traceId: observation.traceId, observationId: observation.id });
  await deliver();
  await langfuse.score.flush();
  const ours = server.requests
    .filter(({ url }) => url.endsWith("/api/public/scores"))
    .map(({ text }) => JSON.parse(text));
  const theirs = server.requests
    .filter(({ url }) => url.endsWith("/api/public/ingestion"))
    .flatMap(({ text }) => JSON.parse(text).batch.map(({ body }) => body));
  assert.equal(ours.length, 1);
  assert.equal(theirs.length, 1);
  for (const body of [...ours, ...theirs]) {
    assert.deepEqual(
      [body.name, Number(body.value), body.traceId, body.observationId],
      ["good", 1, observation.traceId, observation.id],
    );
  }
});

test("a client has one observeOpenAI: one generation a call, below whoever called", async () => {
  configure({ sinks: [langfuseSink()], carrier: openTelemetryCarrier() });
  const bare = () => new OpenAI({ apiKey: api.apiKey, baseURL: api.baseURL });
  const ask = (client) =>
    client.chat.completions.create({ model: "gpt-4o", messages: [{ role: "user", content: "q" }] });
  await observe("ours around theirs", () => ask(langfuseOpenAI.observeOpenAI(bare())))();
  await tracing.observe(() => ask(ourOpenAI.observeOpenAI(bare())), { name: "theirs around ours" })();
  await deliver();
  const spans = arrived();
  const generations = spans.filter(({ attributes }) => attributes["langfuse.observation.type"] === "generation");
  assert.equal(generations.length, 2);
  const parents = generations.map(({ parentSpanId }) => spans.find(({ spanId }) => spanId === parentSpanId)?.name);
  assert.deepEqual(parents.sort(), ["ours around theirs", "theirs around ours"]);
  const totals = generations.map(({ attributes }) => JSON.parse(attributes["langfuse.observation.usage_details"]));
  for (const total of totals) assert.ok(total.input > 0 && total.output > 0, JSON.stringify(total));
});
