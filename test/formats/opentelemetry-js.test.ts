/** What the exporters of OpenTelemetry JS send: spans made by its SDK, written by its serializers, in both forms. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Attributes, context, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { JsonTraceSerializer, ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { decodeOtlp, recordsFromOtlp } from "../../src/formats/index.ts";
import { spanAttributes, spanNameOf } from "../../src/semconv/span.ts";
import { readableSpans } from "../../src/sinks/otel-readable-span.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ "service.name": "tutor", "deployment.environment.name": "prod" }),
  spanProcessors: [new SimpleSpanProcessor(exporter)],
});
const tracer = provider.getTracer("instrumentation", "1.0");

const attributes: Attributes = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o",
  "gen_ai.request.temperature": 1,
  "gen_ai.usage.input_tokens": 10,
  "gen_ai.usage.output_tokens": 5,
  "gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"Hi 👩‍🏫"}]}]',
  "app.large": 2 ** 60,
  "app.negative": -7,
  "app.ratio": 0.25,
  "app.texts": ["a", "é", ""],
  "app.flags": [true, false],
  "app.none": [],
};

const root = tracer.startSpan("request", { kind: SpanKind.SERVER });
const child = tracer.startSpan(
  "chat gpt-4o",
  { kind: SpanKind.CLIENT, attributes, links: [{ context: root.spanContext(), attributes: { why: "batch" } }] },
  trace.setSpan(context.active(), root),
);
child.addEvent("retry", { attempt: 2 });
child.recordException(new RangeError("too far"));
child.setStatus({ code: SpanStatusCode.ERROR, message: "too far" });
child.end();
root.end();
const spans = exporter.getFinishedSpans();

for (const [name, serializer, type] of [
  ["JSON", JsonTraceSerializer, "application/json"],
  ["protobuf", ProtobufTraceSerializer, "application/x-protobuf"],
] as const) {
  test(`a trace in ${name}`, () => {
    const { records, rejected } = recordsFromOtlp(decodeOtlp(serializer.serializeRequest(spans)!, type));
    assert.deepEqual(rejected, []);
    const [chat, request] = records;
    const { traceId, spanId } = root.spanContext();
    assert.deepEqual(
      [request!.traceId, request!.spanId, request!.kind, request!.name],
      [traceId, spanId, "server", "request"],
    );
    assert.deepEqual([chat!.parentSpanId, chat!.parentIsRemote, chat!.kind], [spanId, undefined, "client"]);
    assert.equal(chat!.trace.environment, "prod");
    assert.deepEqual(chat!.usage, { inputTokens: 10, outputTokens: 5, totalTokens: 15 });
    assert.deepEqual(chat!.input, [{ role: "user", parts: [{ type: "text", content: "Hi 👩‍🏫" }] }]);
    assert.deepEqual(
      [chat!.status, chat!.error?.type, chat!.error?.message],
      [{ code: "error", message: "too far" }, "RangeError", "too far"],
    );
    assert.match(chat!.error!.stack!, /^RangeError: too far\n/);
    assert.deepEqual(
      chat!.events!.map((event) => event.name),
      ["retry", "exception"],
    );
    assert.deepEqual(chat!.links, [{ traceId, spanId, attributes: { why: "batch" } }]);
    const { "app.large": large, ...rest } = chat!.attributes!;
    // Above 2^53 JSON has lost digits already; protobuf has them all.
    assert.equal(Number(large), 2 ** 60);
    assert.deepEqual(rest, {
      "service.name": "tutor",
      "otel.scope.name": "instrumentation",
      "otel.scope.version": "1.0",
      "app.negative": -7,
      "app.ratio": 0.25,
      "app.texts": ["a", "é", ""],
      "app.flags": [true, false],
      "app.none": [],
    });
    const [s, ns] = spans[0]!.startTime;
    assert.equal(chat!.startTime, String(BigInt(s) * 1_000_000_000n + BigInt(ns)));
  });

  test(`our records through their ${name}`, () => {
    const record = sampleSpan({
      usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
      metadata: { a: { b: [1, null] } },
    });
    const form = {
      resource: {},
      schemaUrl: undefined,
      span: (each: typeof record) => ({
        name: spanNameOf(each),
        attributes: spanAttributes(each, { profile: "1.41", content: true }),
      }),
    };
    const body = serializer.serializeRequest(readableSpans([record], form as never) as never)!;
    assert.deepEqual(recordsFromOtlp(decodeOtlp(body, type)).records, [record]);
  });
}
