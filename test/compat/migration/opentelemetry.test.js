/** docs/migration/opentelemetry.md: its names exist, a row does the same on both sides, and both run in one process. */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, afterEach, before, test } from "node:test";
import * as openInference from "@arizeai/openinference-instrumentation-openai";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { isTracingSuppressed, suppressTracing } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import * as sdk from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import * as openLlmetry from "@traceloop/instrumentation-openai";
import OpenAI from "openai";
import * as sightline from "sightline";
import { openTelemetryCarrier } from "sightline/interop/opentelemetry";
import * as ourOpenAI from "sightline/openai";
import { otelExporterSink } from "sightline/sinks/otel-exporter";
import { otlpSink } from "sightline/sinks/otlp";
import { fakeOpenAI } from "sightline/testing";
import { loopback, otlpSpans } from "./loopback.js";
import { calledIn, isIn, resolve, rowsOf, variablesIn } from "./tables.js";

const { bind, carrier, configure, currentSpan, flush, memorySink, observe, shutdown, startSpan } = sightline;
const { suppress, withContext, withSpan, withTrace } = sightline;

const exported = new sdk.InMemorySpanExporter();
const sink = memorySink();
let server;
let api;
let exporter;
let provider;
let tracer;

before(async () => {
  server = await loopback();
  api = await fakeOpenAI();
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = server.url;
  exporter = new OTLPTraceExporter();
  const spanProcessors = [new sdk.BatchSpanProcessor(exporter), new sdk.SimpleSpanProcessor(exported)];
  provider = new NodeTracerProvider({ spanProcessors });
  provider.register();
  tracer = trace.getTracer("app");
});
afterEach(async () => {
  await shutdown();
  await provider.forceFlush();
  exported.reset();
  sink.clear();
  server.requests.length = 0;
});
after(async () => {
  await provider.shutdown();
  server.close();
  await api.close();
});

const rows = rowsOf("opentelemetry.md");

test("every name of theirs in the table exists in the packages", () => {
  const span = tracer.startSpan("s");
  const { OpenAIInstrumentation } = openInference;
  const namespace = { ...sdk, OTLPTraceExporter, OpenAIInstrumentation, suppressTracing };
  Object.assign(namespace, { tracer, span, trace, context, propagation, provider });
  const names = rows.flatMap(({ theirs }) => theirs.flatMap(calledIn));
  assert.ok(names.length > 20);
  for (const name of names) assert.equal(typeof resolve(namespace, name), "function", name);
  assert.equal(typeof openLlmetry.OpenAIInstrumentation, "function");
});

test("every name of ours exists", () => {
  configure({ sinks: [sink] });
  const span = startSpan("s");
  const namespace = { ...sightline, ...ourOpenAI, openTelemetryCarrier, otelExporterSink, otlpSink, span };
  for (const name of rows.flatMap(({ ours }) => ours.flatMap(calledIn))) {
    assert.equal(typeof resolve(namespace, name), "function", name);
  }
  span.end();
});

test("the variables of our column are read", () => {
  assert.ok(isIn("node_modules/sightline/dist/sinks/otlp", "OTEL_EXPORTER_OTLP_"));
  assert.deepEqual(
    rows.flatMap(({ ours }) => ours.flatMap(variablesIn)),
    [],
  );
});

const CODES = { [SpanStatusCode.ERROR]: "error" };
const seconds = ([whole, nanos]) => whole + nanos / 1e9;

function theirSpans() {
  const spans = exported.getFinishedSpans();
  return spans
    .map(({ name, kind, attributes, events, links, status, parentSpanContext, startTime, endTime }) => ({
      name,
      parent: spans.find((span) => span.spanContext().spanId === parentSpanContext?.spanId)?.name,
      remote: parentSpanContext?.isRemote === true ? parentSpanContext.spanId : undefined,
      kind: SpanKind[kind].toLowerCase(),
      attributes,
      events: events.filter((each) => each.name !== "exception").map((each) => [each.name, each.attributes]),
      links: links.map((link) => link.context.spanId),
      status: CODES[status.code] ?? "unset",
      error: events.find((each) => each.name === "exception")?.attributes["exception.message"],
      duration: Math.round(1e3 * (seconds(endTime) - seconds(startTime))),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function ourSpans() {
  return sink
    .findAll(/./)
    .map(({ record, parent }) => ({
      name: record.name,
      parent: parent?.record.name,
      remote: record.parentIsRemote ? record.parentSpanId : undefined,
      kind: record.kind,
      attributes: record.attributes ?? {},
      events: (record.events ?? []).map((each) => [each.name, each.attributes]),
      links: (record.links ?? []).map(({ spanId }) => spanId),
      status: record.status.code === "error" ? "error" : "unset",
      error: record.error?.message,
      duration: Math.round(Number(BigInt(record.endTime) - BigInt(record.startTime)) / 1e6),
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const headers = { traceparent: `00-${"ab".repeat(16)}-${"cd".repeat(8)}-01` };
const link = { traceId: "ef".repeat(16), spanId: "ab".repeat(8), traceFlags: 1 };
const started = new Date("2026-01-01T00:00:00Z");
const ended = new Date("2026-01-01T00:00:02Z");
/** For each row, by its first piece of code: both sides of it, and which fields say the same. */
const pairs = {
  "tracer.startActiveSpan(name, options, fn)": {
    theirs: () =>
      tracer.startActiveSpan("a", { kind: SpanKind.SERVER }, async (span) => {
        tracer.startSpan("b").end();
        span.end();
      }),
    ours: () => withSpan("a", { kind: "server" }, async () => startSpan("b").end()),
    same: ["name", "parent", "kind"],
  },
  "tracer.startSpan(name, { kind, attributes, links, startTime })": {
    theirs: () =>
      tracer
        .startSpan("a", { kind: SpanKind.CLIENT, attributes: { n: 1 }, links: [{ context: link }], startTime: started })
        .end(ended),
    ours: () =>
      startSpan("a", { kind: "client", attributes: { n: 1 }, links: [link], startTime: started }).end({
        endTime: ended,
      }),
    same: ["name", "kind", "attributes", "links", "duration"],
  },
  "span.setAttribute(key, value)": {
    theirs: () =>
      tracer
        .startSpan("a")
        .setAttribute("a", 1)
        .setAttributes({ b: "2", c: [true] })
        .end(),
    ours: () =>
      startSpan("a")
        .update({ attributes: { a: 1 } })
        .update({ attributes: { b: "2", c: [true] } })
        .end(),
    same: ["name", "attributes"],
  },
  "span.addEvent(name, attributes)": {
    theirs: () => tracer.startSpan("a").addEvent("moment", { n: 1 }).end(),
    ours: () => startSpan("a").event("moment", { n: 1 }).end(),
    same: ["name", "events"],
  },
  "span.recordException(error)": {
    theirs: () => {
      const span = tracer.startSpan("a");
      span.recordException(new Error("no"));
      span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    },
    ours: () => startSpan("a").fail(new Error("no")).end(),
    same: ["name", "status", "error"],
  },
  "span.updateName(name)": {
    theirs: () => tracer.startSpan("a").updateName("b").end(),
    ours: () => startSpan("a").update({ name: "b" }).end(),
    same: ["name"],
  },
  "span.end(endTime)": {
    theirs: () => tracer.startSpan("a", { startTime: started }).end(ended),
    ours: () => startSpan("a", { startTime: started }).end({ endTime: ended }),
    same: ["name", "duration"],
  },
  "trace.getActiveSpan()": {
    theirs: () =>
      tracer.startActiveSpan("a", (span) => {
        trace.getActiveSpan().setAttribute("found", true);
        span.end();
      }),
    ours: () => withSpan("a", () => currentSpan().update({ attributes: { found: true } })),
    same: ["name", "attributes"],
  },
  "context.with(context, fn)": {
    theirs: () => {
      const span = tracer.startSpan("a");
      context.with(trace.setSpan(context.active(), span), () => tracer.startSpan("b").end());
      span.end();
    },
    ours: () => withSpan("a", () => startSpan("b").end()),
    same: ["name", "parent"],
  },
  "context.bind(context, fn)": {
    theirs: () =>
      tracer.startActiveSpan("a", (span) => {
        span.end();
        return context.bind(context.active(), () => tracer.startSpan("b").end());
      })(),
    ours: () => withSpan("a", () => bind(() => startSpan("b").end()))(),
    same: ["name", "parent"],
  },
  "propagation.inject(context, headers)": {
    theirs: () =>
      tracer.startActiveSpan("a", (span) => {
        const sent = {};
        propagation.inject(context.active(), sent);
        assert.match(sent.traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
        span.end();
      }),
    ours: () => withSpan("a", () => assert.match(carrier().traceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[13]$/)),
    same: ["name"],
  },
  "propagation.extract(context, headers)": {
    theirs: () => context.with(propagation.extract(context.active(), headers), () => tracer.startSpan("a").end()),
    ours: () => withContext(headers, () => startSpan("a").end()),
    same: ["name", "remote"],
  },
  "suppressTracing(context)": {
    theirs: () => {
      context.with(suppressTracing(context.active()), () => {
        assert.ok(isTracingSuppressed(context.active()));
        tracer.startSpan("silent").end();
      });
      tracer.startSpan("a").end();
    },
    ours: () => {
      suppress(() => startSpan("silent").end());
      startSpan("a").end();
    },
    same: ["name"],
  },
};

for (const [code, { theirs, ours, same }] of Object.entries(pairs)) {
  test(`the same on both sides: ${code}`, async () => {
    assert.ok(
      rows.some((row) => row.theirs[0] === code),
      "it is a row of the table",
    );
    await theirs();
    const expected = theirSpans();
    configure({ sinks: [sink] });
    await ours();
    await flush();
    const only = (all) => all.map((each) => Object.fromEntries(same.map((key) => [key, each[key]])));
    assert.deepEqual(only(ourSpans()), only(expected));
    assert.ok(expected.length > 0);
  });
}

/** Rows that are a place to configure, or are compared below. */
const elsewhere = new Set([
  "span.spanContext()",
  "propagation.createBaggage(entries)",
  "new BatchSpanProcessor(exporter)",
  "new SimpleSpanProcessor(exporter)",
  "new InMemorySpanExporter()",
  "new OTLPTraceExporter()",
  "new TraceIdRatioBasedSampler(rate)",
  "provider.forceFlush()",
  "new OpenAIInstrumentation()",
]);

test("no row is left out", () => {
  const left = rows.map(({ theirs }) => theirs[0]).filter((code) => !(code in pairs) && !elsewhere.has(code));
  assert.deepEqual(left, []);
});

const traced = (name, fn) =>
  tracer.startActiveSpan(name, async (span) => {
    try {
      return await fn();
    } finally {
      span.end();
    }
  });

/** Theirs around ours around theirs around ours; every span says where it is. */
function program() {
  return traced("theirs 1", () =>
    observe("ours 2", () =>
      traced("theirs 3", () =>
        observe("ours 4", async () => {
          assert.equal(trace.getActiveSpan().spanContext().spanId, currentSpan().spanId);
          tracer.startSpan("theirs 5").end();
        })(),
      ),
    )(),
  );
}

const NAMES = ["theirs 1", "ours 2", "theirs 3", "ours 4", "theirs 5"];

function assertOneTree(spans) {
  assert.deepEqual(spans.map(({ name }) => name).sort(), [...NAMES].sort());
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, NAMES.length);
  const parentOf = (name) => {
    const { parentSpanId } = spans.find((span) => span.name === name);
    return spans.find(({ spanId }) => spanId === parentSpanId)?.name;
  };
  assert.deepEqual(NAMES.map(parentOf), [undefined, ...NAMES.slice(0, -1)]);
}

async function deliver() {
  await flush();
  await provider.forceFlush();
}

test("side by side: otlpSink and their exporter at one endpoint: one trace, each span once", async () => {
  configure({ sinks: [otlpSink({ protocol: "http/json" })], carrier: openTelemetryCarrier() });
  await program();
  await deliver();
  assertOneTree(otlpSpans(server.requests));
});

test("side by side: our spans through their exporter: one trace, each span once", async () => {
  configure({ sinks: [otelExporterSink(new OTLPTraceExporter())], carrier: openTelemetryCarrier() });
  await program();
  await deliver();
  assertOneTree(otlpSpans(server.requests));
  assert.deepEqual(
    exported
      .getFinishedSpans()
      .map(({ name }) => name)
      .sort(),
    ["theirs 1", "theirs 3", "theirs 5"],
  );
});

test("side by side without the carrier: a trace each, each span once", async () => {
  configure({ sinks: [sink] });
  await traced("theirs 1", () => observe("ours 2", () => traced("theirs 3", () => observe("ours 4", () => 1)()))());
  await deliver();
  sink.expectTree(`
    ours 2
    └─ ours 4
  `);
  assert.deepEqual(
    otlpSpans(server.requests)
      .map(({ name }) => name)
      .sort(),
    ["theirs 1", "theirs 3"],
  );
});

for (const [whose, OpenAIInstrumentation] of [
  ["OpenInference", openInference.OpenAIInstrumentation],
  ["OpenLLMetry", openLlmetry.OpenAIInstrumentation],
]) {
  test(`a model call has one observer: ${whose} or ours, below whoever called`, async () => {
    configure({ sinks: [sink], carrier: openTelemetryCarrier() });
    const instrumentation = new OpenAIInstrumentation();
    instrumentation.setTracerProvider(provider);
    // CommonJS has a copy of the module of its own: the one that is patched here is nobody else's.
    const required = createRequire(import.meta.url)("openai");
    const body = { model: "gpt-4o", messages: [{ role: "user", content: "q" }] };
    const ask = (Class) => (wrap) =>
      wrap(new Class({ apiKey: api.apiKey, baseURL: api.baseURL })).chat.completions.create(body);
    instrumentation.manuallyInstrument(required.OpenAI);
    await observe("ours", () => ask(required.OpenAI)((client) => client))();
    instrumentation.disable();
    await deliver();
    const spans = exported.getFinishedSpans();
    assert.equal(spans.length, 1);
    assert.deepEqual(
      sink.all.map(({ name }) => name),
      ["ours"],
    );
    assert.equal(spans[0].parentSpanContext.spanId, sink.get("ours").record.spanId);

    exported.reset();
    sink.clear();
    await traced("theirs", () => ask(OpenAI)(ourOpenAI.observeOpenAI));
    await deliver();
    assert.deepEqual(
      exported.getFinishedSpans().map(({ name }) => name),
      ["theirs"],
    );
    assert.deepEqual(
      sink.all.map(({ type }) => type),
      ["generation"],
    );
    assert.equal(sink.all[0].parentSpanId, exported.getFinishedSpans()[0].spanContext().spanId);
  });
}

test("a score inside a span of theirs is about the span of ours around it, or about the trace", async () => {
  configure({ sinks: [sink], carrier: openTelemetryCarrier() });
  const judge = (name) => () => sightline.score({ name, value: 1 });
  await observe("ours", () => traced("theirs", judge("around")))();
  const { traceId } = await traced("theirs alone", async () => {
    judge("trace")();
    return trace.getActiveSpan().spanContext();
  });
  await observe("ours", () => tracer.startActiveSpan("theirs", { root: true }, judge("other trace")))();
  await flush();
  const target = (name) => {
    const { traceId, spanId } = sink.all.find((record) => record.record === "score" && record.name === name);
    return { traceId, spanId };
  };
  const ours = sink.all
    .filter((record) => record.record === "span")
    .map(({ traceId, spanId }) => ({ traceId, spanId }));
  assert.deepEqual(target("around"), ours[0]);
  assert.deepEqual(target("trace"), { traceId, spanId: undefined });
  assert.equal(target("other trace").spanId, undefined, "never a span of one trace and the id of another");
  assert.notEqual(target("other trace").traceId, ours[1].traceId);
});

test("baggage, as the table says", async () => {
  configure({ sinks: [sink], carrier: openTelemetryCarrier(), baggage: { "user.id": "userId" } });
  await withTrace({ userId: "u-1" }, () => withSpan("a", () => assert.equal(carrier().baggage, "user.id=u-1")));
});
