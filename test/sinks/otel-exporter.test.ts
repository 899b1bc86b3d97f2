import assert from "node:assert/strict";
import { test } from "node:test";
import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { hrTimeToNanoseconds, isTracingSuppressed } from "@opentelemetry/core";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  ConsoleSpanExporter,
  InMemorySpanExporter,
  type ReadableSpan as SdkSpan,
  type SpanExporter,
} from "@opentelemetry/sdk-trace-base";
import { configure, flush, shutdown, startSpan } from "sightline";
import { ConfigError, SinkError } from "../../src/core/errors.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import { type ExportResult, type OtelSpanExporter, otelExporterSink } from "../../src/sinks/otel-exporter.ts";
import { sampleFinding, sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";

const signal = new AbortController().signal;
const SPAN_ID = sampleSpan().spanId;

sinkContract(() => otelExporterSink(new InMemorySpanExporter()));

/** An exporter that answers as it is told, and keeps what it was called with. */
function scripted(answer: (done: (result: ExportResult) => void) => void) {
  const batches: SdkSpan[][] = [];
  const calls: string[] = [];
  const exporter: OtelSpanExporter = {
    export(spans, done) {
      batches.push(spans);
      answer(done);
    },
    async forceFlush() {
      calls.push("forceFlush");
    },
    async shutdown() {
      calls.push("shutdown");
    },
  };
  return { exporter, batches, calls };
}

const succeed = (done: (result: ExportResult) => void) => done({ code: 0 });

async function exported(records: readonly SpanRecord[], options = {}): Promise<SdkSpan[]> {
  const memory = new InMemorySpanExporter();
  await otelExporterSink(memory, options).write(records, signal);
  return memory.getFinishedSpans();
}

test("the exporter gets what exporters of 1.x, 2.x and 3.x read", async () => {
  const record = sampleSpan({
    parentSpanId: "00000000000000bb",
    parentIsRemote: true,
    traceState: "a=1,b=2",
    kind: "client",
    startTime: "1732000000999999999",
    endTime: "1732000002000000001",
    status: { code: "error", message: "no" },
    error: { type: "RateLimitError", message: "slow down", stack: "RateLimitError: slow down\n    at x" },
    events: [{ name: "retry", time: "1732000001000000005", attributes: { attempt: 2, list: [1, "a"] } }],
    links: [{ traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", attributes: { why: "batch" } }],
    attributes: { "my.key": { nested: true } },
    trace: { version: "2", environment: "test" },
  });
  const resource = { "service.name": "tutor" };
  const [span] = (await exported([record], { resource, profile: "1.41" })) as [SdkSpan & { [old: string]: any }];
  const { traceId } = record;
  assert.equal(span.name, "Tutor.answer");
  // SpanKind.CLIENT of @opentelemetry/api.
  assert.equal(span.kind, 2);
  assert.deepEqual(
    { ...span.spanContext(), traceState: undefined },
    { traceId, spanId: SPAN_ID, traceFlags: 1, traceState: undefined },
  );
  const state = span.spanContext().traceState!;
  assert.deepEqual([state.serialize(), state.get("b"), state.get("c")], ["a=1,b=2", "2", undefined]);
  assert.deepEqual([state.set("b", "3").serialize(), state.unset("a").serialize()], ["b=3,a=1", "b=2"]);
  assert.equal(span["parentSpanId"], "00000000000000bb");
  assert.deepEqual(
    [span.parentSpanContext!.traceId, span.parentSpanContext!.spanId, span.parentSpanContext!.isRemote],
    [traceId, "00000000000000bb", true],
  );
  assert.deepEqual(
    [span.startTime, span.endTime],
    [
      [1732000000, 999999999],
      [1732000002, 1],
    ],
  );
  assert.deepEqual(span.duration, [1, 2]);
  assert.equal(hrTimeToNanoseconds(span.duration), 1_000_000_002);
  assert.equal(span.ended, true);
  assert.deepEqual(span.status, { code: 2, message: "no" });
  assert.equal(span.attributes["my.key"], '{"nested":true}');
  assert.deepEqual(
    span.events.map(({ name, time, attributes }) => [name, time, attributes]),
    [
      ["retry", [1732000001, 5], { attempt: 2, list: '[1,"a"]' }],
      [
        "exception",
        [1732000002, 1],
        {
          "exception.type": "RateLimitError",
          "exception.message": "slow down",
          "exception.stacktrace": "RateLimitError: slow down\n    at x",
        },
      ],
    ],
  );
  assert.deepEqual(span.links, [
    {
      context: { traceId: "4bf92f3577b34da6a3ce929d0e0e4736", spanId: "00f067aa0ba902b7", traceFlags: 0 },
      attributes: { why: "batch" },
      droppedAttributesCount: 0,
    },
  ]);
  assert.deepEqual([span.droppedAttributesCount, span.droppedEventsCount, span.droppedLinksCount], [0, 0, 0]);
  const {
    "service.name": service,
    "service.version": version,
    "deployment.environment.name": environment,
  } = span.resource.attributes;
  assert.deepEqual([service, version, environment], ["tutor", "2", "test"]);
  assert.equal(span.resource.asyncAttributesPending, false);
  await span.resource.waitForAsyncAttributes!();
  const merged = span.resource.merge(resourceFromAttributes({ "service.name": "other", more: 1 }));
  assert.deepEqual([merged.attributes["service.name"], merged.attributes["more"]], ["other", 1]);
  assert.deepEqual(resourceFromAttributes({ x: 1 }).merge(span.resource).attributes["service.name"], "tutor");
  assert.equal(span.instrumentationScope.name, "sightline");
  assert.equal(span["instrumentationLibrary"], span.instrumentationScope);
  assert.equal(span.instrumentationScope.schemaUrl, "https://opentelemetry.io/schemas/1.41.0");
});

test("a root has no parent, and an end before the start no duration", async () => {
  const [span] = await exported([sampleSpan({ startTime: "2000000000", endTime: "1999999999" })]);
  assert.equal("parentSpanId" in span! || "parentSpanContext" in span!, false);
  assert.deepEqual(span!.duration, [0, 0]);
});

test("spans of one resource share it", async () => {
  const spans = await exported([
    sampleSpan({ spanId: "0000000000000001" }),
    sampleSpan({ spanId: "0000000000000002", trace: { version: "9" } }),
    sampleSpan({ spanId: "0000000000000003" }),
  ]);
  const of = Object.fromEntries(spans.map((span) => [Number(span.spanContext().spanId), span.resource]));
  assert.equal(of[1], of[3]);
  assert.notEqual(of[1], of[2]);
});

test("inputs are on the spans unless content says otherwise, by option or variable", async (t) => {
  const record = sampleSpan({ input: "3x + 11 = 14" });
  const has = async (options: object) =>
    JSON.stringify((await exported([record], options))[0]!.attributes).includes("3x");
  assert.deepEqual(
    [await has({}), await has({ content: "both" }), await has({ content: "events" }), await has({ content: "none" })],
    [true, true, false, false],
  );
  const variable = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
  t.after(() => delete process.env[variable]);
  process.env[variable] = "NO_CONTENT";
  assert.deepEqual([await has({}), await has({ content: "spans" })], [false, true]);
});

test("every sample record goes through the console exporter of the SDK", async (t) => {
  const printed: any[] = [];
  t.mock.method(console, "dir", (info: unknown) => printed.push(info));
  const sink = otelExporterSink(new ConsoleSpanExporter());
  await sink.write(sampleRecords(), signal);
  await sink.flush?.();
  await sink.close?.();
  // 23 records of 22 spans: the unfinished one is replaced by its end.
  assert.equal(printed.length, 22);
  const chat = printed.find(({ id }) => id === "0000000000000014");
  assert.deepEqual([chat.name, chat.kind, chat.timestamp], ["chat gpt-4.1", 2, 1732000000020000]);
});

test("scores and findings are left out, and counted by the lane", async () => {
  const { exporter, batches } = scripted(succeed);
  const sink = otelExporterSink(exporter);
  await sink.write([sampleScore(), sampleFinding()], signal);
  assert.equal(batches.length, 0);
  const { prepare } = sink.policy!;
  assert.deepEqual(
    [sampleScore(), sampleFinding(), sampleSpan()].map((record) => prepare!(record)?.record),
    [undefined, undefined, "span"],
  );
});

const failures: [what: string, error: unknown, retry: string][] = [
  ["no error at all", undefined, "later"],
  ["an error without a code", new Error("Concurrent export limit reached"), "later"],
  ["a connection that failed", Object.assign(new Error("x"), { code: "ECONNREFUSED" }), "later"],
  ["HTTP 400", Object.assign(new Error("x"), { code: 400 }), "never"],
  ["HTTP 401 by httpCode", Object.assign(new Error("x"), { httpCode: 401 }), "never"],
  ["HTTP 408", Object.assign(new Error("x"), { code: 408 }), "later"],
  ["HTTP 413", Object.assign(new Error("x"), { code: 413 }), "split"],
  ["HTTP 429", Object.assign(new Error("x"), { code: 429 }), "later"],
  ["HTTP 503", Object.assign(new Error("x"), { code: 503 }), "later"],
  ["gRPC INVALID_ARGUMENT", Object.assign(new Error("x"), { code: 3 }), "never"],
  ["gRPC UNAVAILABLE", Object.assign(new Error("x"), { code: 14 }), "later"],
];

for (const [what, error, retry] of failures) {
  test(`a failure with ${what} means ${retry}`, async () => {
    const { exporter } = scripted((done) => done({ code: 1, error }));
    const failed = await rejection(() => otelExporterSink(exporter).write([sampleSpan()], signal));
    assert.ok(failed instanceof SinkError);
    assert.equal(failed.retry, retry);
    assert.equal(failed.cause, error);
  });
}

async function rejection(run: () => unknown): Promise<any> {
  try {
    await run();
  } catch (error) {
    return error;
  }
  assert.fail("nothing was thrown");
}

test("the error's message stays out of ours: it may hold an address", async () => {
  const { exporter } = scripted((done) => done({ code: 1, error: new Error("POST https://key:secret@host") }));
  const failed = await rejection(() => otelExporterSink(exporter, { name: "mine" }).write([sampleSpan()], signal));
  assert.equal(failed.message, 'sink "mine": the exporter failed with Error');
});

test("what an exporter throws comes through as it is", async () => {
  const thrown = new TypeError("cannot read");
  const { exporter } = scripted(() => {
    throw thrown;
  });
  assert.equal(await rejection(() => otelExporterSink(exporter).write([sampleSpan()], signal)), thrown);
});

test("a callback that never comes ends with the signal, and one that comes late or twice does nothing", async () => {
  const dones: ((result: ExportResult) => void)[] = [];
  const { exporter, batches } = scripted((done) => dones.push(done));
  const sink = otelExporterSink(exporter);
  const attempt = new AbortController();
  const writing = rejection(() => sink.write([sampleSpan()], attempt.signal));
  attempt.abort();
  assert.equal((await writing).retry, "later");
  for (const code of [0, 1, 0]) dones[0]!({ code });
  assert.equal((await rejection(() => sink.write([sampleSpan()], AbortSignal.abort()))).retry, "later");
  assert.equal(batches.length, 1);
});

test("flush forces the exporter, close shuts it down once, when no configuration has it any more", async () => {
  const { exporter, calls } = scripted(succeed);
  const sink = otelExporterSink(exporter);
  sink.open!();
  await sink.flush!();
  sink.open!();
  await sink.close!();
  assert.deepEqual(calls, ["forceFlush"]);
  await sink.close!();
  await sink.close!();
  assert.deepEqual(calls, ["forceFlush", "shutdown"]);
  const { forceFlush, ...old } = scripted(succeed).exporter;
  await otelExporterSink(old).flush!();
});

test("the exporter's own requests make no spans of OpenTelemetry", async (t) => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  t.after(() => context.disable());
  const seen: boolean[] = [];
  const { exporter } = scripted((done) => {
    seen.push(isTracingSuppressed(context.active()));
    done({ code: 0 });
  });
  configure({ sinks: [otelExporterSink(exporter)] });
  startSpan("one").end();
  await flush();
  await shutdown();
  assert.deepEqual(seen, [true]);
  assert.equal(isTracingSuppressed(context.active()), false);
});

test("bad exporters and options", () => {
  const memory = new InMemorySpanExporter();
  const made: (() => unknown)[] = [
    () => otelExporterSink(undefined as never),
    () => otelExporterSink({ export: () => {} } as never),
    () => otelExporterSink(memory, { content: "some" as never }),
    () => otelExporterSink(memory, { profile: "1.0" as never }),
    () => otelExporterSink(memory, { resource: { a: {} } as never }),
    () => otelExporterSink(memory, { names: "x" } as never),
  ];
  for (const make of made) assert.throws(make, ConfigError);
  assert.equal(otelExporterSink(memory).name, "otel:InMemorySpanExporter");
});

/** The types of the SDK fit without a cast. */
otelExporterSink satisfies (exporter: SpanExporter) => unknown;

test("an asynchronous export that rejects is a failure like others, and unhandled by nobody", async () => {
  const exporter = { export: async () => Promise.reject(new Error("no")), shutdown: async () => {} };
  await assert.rejects(async () => otelExporterSink(exporter as never).write([sampleSpan()], signal), /no/);
});

test("what is refused for itself would be refused again; keys and addresses may be put right", async () => {
  const reasons: [unknown, string, string][] = [
    [{ httpCode: 400 }, "never", "rejected_by_sink"],
    [{ code: 3 }, "never", "rejected_by_sink"],
    [{ httpCode: 401 }, "never", "too_large"],
    [{ code: 16 }, "never", "too_large"],
    [{ httpCode: 503 }, "later", "too_large"],
  ];
  for (const [error, retry, reason] of reasons) {
    const { exporter } = scripted((done) => done({ code: 1, error }));
    await assert.rejects(async () => otelExporterSink(exporter).write([sampleSpan()], signal), { retry, reason });
  }
});

test("openInference adds its names here too", async () => {
  const memory = new InMemorySpanExporter();
  await otelExporterSink(memory, { openInference: true }).write([sampleSpan({ type: "tool" })], signal);
  assert.equal(memory.getFinishedSpans()[0]!.attributes["openinference.span.kind"], "TOOL");
});
