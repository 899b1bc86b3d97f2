/** OTLP's bodies, JSON and protobuf, read by the official definitions: they equal each other, and the records. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LIMITS } from "../../src/capture/limits.ts";
import { snapshot } from "../../src/capture/snapshot.ts";
import { type JsonObject, SPAN_KINDS, type SpanRecord } from "../../src/core/record.ts";
import type { Attributes, AttributeValue } from "../../src/semconv/attributes.ts";
import { attributesOf } from "../../src/semconv/flatten.ts";
import { isDouble } from "../../src/semconv/is-double.ts";
import type { LogEvent } from "../../src/semconv/log-event.ts";
import { spanAttributes, spanNameOf } from "../../src/semconv/span.ts";
import { keyValues } from "../../src/sinks/otlp/any-value.ts";
import { logsData } from "../../src/sinks/otlp/logs.ts";
import type { LogsData, MetricsData, TracesData } from "../../src/sinks/otlp/messages.ts";
import { toProtobuf } from "../../src/sinks/otlp/to-protobuf.ts";
import { type TracesForm, tracesData } from "../../src/sinks/otlp/traces.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";
import { fromBytes, fromJson, type Message } from "../proto/otlp-proto.ts";

const SCHEMA_URL = "https://opentelemetry.io/schemas/1.41.0";
const RESOURCE = { "service.name": "tutor", "process.pid": 7, "process.command_args": ["a", "b"] };

/** The user's attributes alone. */
const plainForm: TracesForm = {
  resource: RESOURCE,
  schemaUrl: SCHEMA_URL,
  span: (record) => ({ name: record.name, attributes: attributesOf(record.attributes ?? {}) }),
};

/** As the OTLP sink writes them. */
const fullForm: TracesForm = {
  ...plainForm,
  span: (record) => ({
    name: spanNameOf(record),
    attributes: spanAttributes(record, { profile: "1.41", content: true }),
  }),
};

const isSpan = (record: { readonly record: string }): record is SpanRecord => record.record === "span";
const samples = sampleRecords().filter(isSpan);

/** Both forms of a body, read; they must say the same. */
function read(kind: "TracesData", data: TracesData): Message;
function read(kind: "LogsData", data: LogsData): Message;
function read(kind: "MetricsData", data: MetricsData): Message;
function read(kind: "TracesData" | "LogsData" | "MetricsData", data: any): Message {
  const name = `${{ TracesData: "trace", LogsData: "logs", MetricsData: "metrics" }[kind]}.v1.${kind}`;
  const decoded = fromBytes(name, toProtobuf(kind as "TracesData", data));
  assert.deepEqual(fromJson(name, JSON.stringify(data)), decoded);
  return decoded;
}

/** The spans of a body with their resources, by trace and span id and start. */
function spansOf(traces: Message): { readonly resource: Message; readonly span: Message }[] {
  return (traces["resourceSpans"] ?? []).flatMap(({ resource, scopeSpans, schemaUrl }: Message) =>
    scopeSpans.flatMap(({ scope, spans, schemaUrl: ofScope }: Message) => {
      assert.deepEqual([schemaUrl, ofScope, scope.name], [SCHEMA_URL, SCHEMA_URL, "sightline"]);
      return spans.map((span: Message) => ({ resource: valuesOf(resource.attributes), span }));
    }),
  );
}

/** Attributes as the plain values that a reader of OTLP has; integers as `bigint`, to tell them from doubles. */
function valuesOf(attributes: readonly Message[] = []): Message {
  const value = (any: Message): unknown => {
    const [[kind, held] = ["empty", undefined], ...others] = Object.entries(any);
    assert.equal(others.length, 0, "one value");
    if (kind === "intValue") return BigInt(held);
    return kind === "arrayValue" ? (held.values ?? []).map(value) : held;
  };
  const entries = attributes.map(({ key = "", value: any }) => [key, value(any)] as const);
  assert.equal(new Set(entries.map(([key]) => key)).size, entries.length, "no name twice");
  return Object.fromEntries(entries);
}

/** What `valuesOf` must give for attributes: worked out apart from `keyValues`. */
function expected(attributes: Attributes): Message {
  const plain = (value: AttributeValue, double: boolean): unknown => {
    if (typeof value === "string") return well(value);
    if (typeof value === "boolean") return value;
    if (typeof value !== "number") {
      // A list is of one type.
      const all = (value as readonly unknown[]).every((item) => typeof item !== "number" || Number.isSafeInteger(item));
      return value.map((item) => plain(item, double || !all));
    }
    return double || !Number.isSafeInteger(value) ? value + 0 : BigInt(value);
  };
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [well(key), plain(value, isDouble(key))]));
}

function well(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed();
}

/** Leaves out what is undefined or OTLP's default. */
function written(message: Message): Message {
  const isDefault = (name: string, value: unknown) =>
    value === undefined || value === "" || value === 0 || (name.endsWith("Nano") && value === "0");
  return Object.fromEntries(Object.entries(message).filter(([name, value]) => !isDefault(name, value)));
}

function assertTold(traces: Message, records: readonly SpanRecord[], form: TracesForm): void {
  const told = spansOf(traces);
  assert.equal(told.length, records.length);
  const left = [...records];
  for (const { resource, span } of told) {
    const [record] = left.splice(
      left.findIndex(({ spanId }) => spanId === span["spanId"]),
      1,
    ) as [SpanRecord];
    const { name, attributes } = form.span(record);
    const { version, release, environment } = record.trace;
    assert.deepEqual(
      resource,
      expected({
        ...form.resource,
        ...((version ?? release) !== undefined && { "service.version": (version ?? release)! }),
        ...(environment !== undefined && { "deployment.environment.name": environment }),
      }),
    );
    const { attributes: toldAttributes, events, links, status, ...fields } = span;
    assert.deepEqual(valuesOf(toldAttributes), expected(attributes));
    assert.deepEqual(
      written({ ...fields, droppedAttributesCount: 0 }),
      written({
        traceId: record.traceId,
        spanId: record.spanId,
        parentSpanId: record.parentSpanId,
        traceState: record.traceState,
        name: well(name),
        kind: SPAN_KINDS.indexOf(record.kind) + 1,
        startTimeUnixNano: record.startTime,
        endTimeUnixNano: record.endTime,
        flags: (record.traceFlags % 256) + 256 + (record.parentIsRemote ? 512 : 0),
      }),
    );
    const isError = record.status.code === "error";
    assert.deepEqual(
      written(status),
      written({
        code: ["unset", "ok", "error"].indexOf(record.status.code),
        message: isError ? well(record.status.message ?? record.error?.message ?? "") : undefined,
      }),
    );
    const own = (record.events ?? []).map(({ name, time, attributes = {} }) => [
      well(name),
      time,
      expected(attributesOf(attributes)),
    ]);
    const { error } = record;
    const thrown: { [name: string]: string } = { "exception.type": error?.type ?? "" };
    if (error?.message !== undefined) thrown["exception.message"] = error.message;
    if (error?.stack !== undefined) thrown["exception.stacktrace"] = error.stack;
    assert.deepEqual(
      (events ?? []).map((event: Message) => [
        event["name"] ?? "",
        event["timeUnixNano"] ?? "0",
        valuesOf(event["attributes"]),
      ]),
      error === undefined ? own : [...own, ["exception", record.endTime, expected(thrown)]],
    );
    assert.deepEqual(
      (links ?? []).map((link: Message) => [link["traceId"], link["spanId"], valuesOf(link["attributes"])]),
      (record.links ?? []).map((link) => [link.traceId, link.spanId, expected(attributesOf(link.attributes ?? {}))]),
    );
  }
}

test("every sample record arrives as it is, alone and together", () => {
  assert.equal(samples.length, 23);
  for (const form of [plainForm, fullForm]) {
    assertTold(read("TracesData", tracesData(samples, form)), samples, form);
    for (const record of samples) assertTold(read("TracesData", tracesData([record], form)), [record], form);
  }
  assert.deepEqual(read("TracesData", tracesData([], plainForm)), {});
});

/** Any UTF-16 units, lone surrogates among them, and texts that could be taken for defaults. */
const text = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 12 }).map((units) => String.fromCharCode(...units)),
  fc.string({ unit: "grapheme" }),
  fc.constantFrom("", "0", "\ud83d", "\ude00\ud83d", "__proto__", "a\u0000b"),
);
const number = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.constantFrom(0, -0, 2 ** 53, -(2 ** 53), 2 ** 63, 1e300, 5e-324, Number.NaN, Infinity, -Infinity),
);
const scalar = fc.oneof(text, number, fc.boolean());
const list = fc.oneof(fc.array(text), fc.array(number), fc.array(fc.boolean()));
const nested = fc.oneof(fc.jsonValue(), scalar, list) as fc.Arbitrary<any>;
const name = fc.oneof(text, fc.constantFrom("gen_ai.request.temperature", "gen_ai.usage.cost", "…"));
/** Two names may become one, when only their lone surrogates differ: not what is tested here. */
const json = fc
  .uniqueArray(fc.tuple(name, nested), { selector: ([key]) => well(key), maxLength: 8 })
  .map((entries) => Object.fromEntries(entries) as JsonObject);
const hex = (digits: number) =>
  fc
    .array(fc.integer({ min: 0, max: 15 }), { minLength: digits, maxLength: digits })
    .map((values) => values.map((value) => value.toString(16)).join(""))
    .filter((id) => /[1-9a-f]/.test(id));
const time = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(String);

const spanRecord = fc
  .record(
    {
      spanId: hex(16),
      traceId: hex(32),
      parentSpanId: hex(16),
      parentIsRemote: fc.constant(true as const),
      traceFlags: fc.integer({ min: 0, max: 255 }),
      traceState: fc.constantFrom("a=1", "vendor=x,b=2"),
      name: text,
      kind: fc.constantFrom(...SPAN_KINDS),
      startTime: time,
      endTime: time,
      status: fc.record({ code: fc.constantFrom("unset", "ok", "error"), message: text }, { requiredKeys: ["code"] }),
      error: fc.record({ type: text, message: text, stack: text }, { requiredKeys: ["type"] }),
      attributes: json,
      events: fc.array(fc.record({ name: text, time, attributes: json }), { maxLength: 3 }),
      links: fc.array(fc.record({ traceId: hex(32), spanId: hex(16), attributes: json }), { maxLength: 3 }),
      trace: fc.record({ version: text, release: text, environment: text }, { requiredKeys: [] }),
    },
    { requiredKeys: ["spanId", "traceId"] },
  )
  .map((part) => sampleSpan(part as Partial<SpanRecord>));

test("any record arrives as it is", () => {
  const batch = fc.uniqueArray(spanRecord, { selector: (record) => record.spanId, maxLength: 5 });
  fc.assert(
    fc.property(batch, (records) => assertTold(read("TracesData", tracesData(records, plainForm)), records, plainForm)),
    { numRuns: 300 },
  );
});

test("any attributes become values of one type each", () => {
  const attributes = fc
    .uniqueArray(fc.tuple(name, fc.oneof(scalar, list)), { selector: ([key]) => well(key) })
    .map((entries) => Object.fromEntries(entries) as Attributes);
  fc.assert(
    fc.property(attributes, (given) => {
      const form = { ...plainForm, span: () => ({ name: "x", attributes: given }) };
      const [told] = spansOf(read("TracesData", tracesData([sampleSpan()], form)));
      assert.deepEqual(valuesOf(told!.span["attributes"]), expected(given));
    }),
    { numRuns: 500 },
  );
});

test("whole numbers are doubles by name only", () => {
  assert.deepEqual(keyValues({ "gen_ai.request.temperature": 1, "gen_ai.request.max_tokens": 1, n: [0, -1] }), [
    { key: "gen_ai.request.temperature", value: { doubleValue: 1 } },
    { key: "gen_ai.request.max_tokens", value: { intValue: "1" } },
    { key: "n", value: { arrayValue: { values: [{ intValue: "0" }, { intValue: "-1" }] } } },
  ]);
  assert.deepEqual(keyValues({ n: [1, 2.5], big: [1, 2 ** 60] }), [
    { key: "n", value: { arrayValue: { values: [{ doubleValue: 1 }, { doubleValue: 2.5 }] } } },
    { key: "big", value: { arrayValue: { values: [{ doubleValue: 1 }, { doubleValue: 2 ** 60 }] } } },
  ]);
});

test("texts are no longer than asked for, and never end within a character", () => {
  const given = { a: "abcdef", b: "ab😀", c: ["abcd", "😀😀"], d: 12345 };
  const record = sampleSpan({
    attributes: given,
    events: [{ name: "longer than that", time: "1", attributes: given }],
    links: [{ traceId: sampleSpan().traceId, spanId: sampleSpan().spanId, attributes: given }],
  });
  const [told] = spansOf(read("TracesData", tracesData([record], { ...plainForm, valueLength: 3 })));
  const cut = { a: "abc", b: "ab", c: ["abc", "😀"], d: 12345n };
  const { attributes, events, links, name } = told!.span;
  assert.deepEqual(
    [valuesOf(attributes), valuesOf(events[0].attributes), valuesOf(links[0].attributes)],
    [cut, cut, cut],
  );
  assert.equal(events[0].name, "longer than that");
  assert.equal(name, "Tutor.answer");
  assert.equal(told!.resource["service.name"], "tutor");
});

test("a resource for each version and environment, in order of their first record", () => {
  const of = (spanId: string, trace: SpanRecord["trace"]) => sampleSpan({ spanId: spanId.padStart(16, "0"), trace });
  const records = [
    of("1", { release: "1.0" }),
    of("2", {}),
    of("3", { version: "1.0", release: "2.0" }),
    of("4", { version: "1.0", environment: "test" }),
    of("5", {}),
  ];
  const { resourceSpans } = tracesData(records, { ...plainForm, resource: { "service.version": "0" } });
  assert.deepEqual(
    resourceSpans.map(({ resource, scopeSpans }) => [
      resource.attributes.map(({ key, value }) => `${key}=${value.stringValue}`).join(),
      scopeSpans.flatMap(({ spans }) => spans.map((span) => Number(span.spanId))),
    ]),
    [
      ["service.version=1.0", [1, 3]],
      ["service.version=0", [2, 5]],
      ["service.version=1.0,deployment.environment.name=test", [4]],
    ],
  );
});

test("what capture left out is counted", () => {
  const many = Object.fromEntries(Array.from({ length: LIMITS.entries + 234 }, (_, i) => [`k${i}`, i]));
  const { value } = snapshot(many, "attributes", LIMITS, undefined) as { value: JsonObject };
  const full = sampleSpan({
    attributes: value,
    metadata: value,
    events: [{ name: "e", time: "1", attributes: value }],
    links: [{ traceId: sampleSpan().traceId, spanId: sampleSpan().spanId, attributes: value }],
    cuts: [
      { path: "events", reason: "entries" },
      { path: "links", reason: "entries" },
    ],
  });
  const [told] = spansOf(read("TracesData", tracesData([full], plainForm)));
  const { span } = told!;
  assert.deepEqual(
    [span["droppedAttributesCount"], span["droppedEventsCount"], span["droppedLinksCount"]],
    [2 * 234, 1, 1],
  );
  assert.equal(span["events"][0].droppedAttributesCount, 234);
  assert.equal(span["links"][0].droppedAttributesCount, 234);
});

test("a record that OTLP cannot hold is a TypeError, which costs that record alone", () => {
  const bad: Partial<SpanRecord>[] = [
    { traceId: "abc" },
    { spanId: "0".repeat(16) },
    { parentSpanId: "zz00000000000000" },
    { startTime: "-1" },
    { endTime: String(1n << 64n) },
    { endTime: "1.5" },
    { links: [{ traceId: "x", spanId: "y" }] },
    { events: [{ name: "e", time: "soon" }] },
  ];
  for (const part of bad) assert.throws(() => tracesData([sampleSpan(part)], plainForm), TypeError);
  assert.throws(
    () => toProtobuf("TracesData", { resourceSpans: [{ scopeSpans: [{ spans: [{ spanId: "xyz!" }] }] }] } as any),
    TypeError,
  );
});

const logEvent: fc.Arbitrary<LogEvent> = fc.record(
  {
    name: text,
    time,
    severity: fc.constantFrom(1, 5, 9, 13, 17, 21, 24),
    body: text,
    traceId: fc.oneof(hex(32), text),
    spanId: fc.oneof(hex(16), text),
    traceFlags: fc.integer({ min: 0, max: 1023 }),
    attributes: json.map((given) => attributesOf(given)),
  },
  { requiredKeys: ["name", "time", "attributes"] },
);

test("any event arrives as a log record", () => {
  const names: { readonly [severity: number]: string } = {
    1: "TRACE",
    5: "DEBUG",
    9: "INFO",
    13: "WARN",
    17: "ERROR",
    21: "FATAL",
    24: "FATAL",
  };
  fc.assert(
    fc.property(fc.array(logEvent, { maxLength: 4 }), (events) => {
      const { resourceLogs = [] } = read("LogsData", logsData(events, RESOURCE, undefined)) as any;
      assert.equal(resourceLogs.length, events.length === 0 ? 0 : 1);
      const logRecords = resourceLogs[0]?.scopeLogs[0].logRecords ?? [];
      const isId = (id: string | undefined, digits: number) => id?.length === digits && /^[0-9a-f]+$/.test(id);
      for (const [i, event] of events.entries()) {
        const { attributes, ...fields } = logRecords[i];
        assert.deepEqual(valuesOf(attributes), expected(event.attributes));
        const hasTrace = isId(event.traceId, 32);
        assert.deepEqual(fields, {
          ...written({
            timeUnixNano: event.time,
            observedTimeUnixNano: event.time,
            severityNumber: event.severity,
            severityText: names[event.severity ?? 0],
            flags: (event.traceFlags ?? 0) % 256,
            traceId: hasTrace ? event.traceId : undefined,
            spanId: hasTrace && isId(event.spanId, 16) ? event.spanId : undefined,
            eventName: well(event.name),
          }),
          ...(event.body !== undefined && { body: { stringValue: well(event.body) } }),
        });
      }
    }),
  );
  assert.throws(() => logsData([{ name: "x", time: "now", attributes: {} }], RESOURCE, undefined), TypeError);
});

const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const count = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }).map(String);
const point = {
  attributes: json.map((given) => keyValues(attributesOf(given))),
  startTimeUnixNano: time,
  timeUnixNano: time,
};
const numberPoint = fc.oneof(
  fc.record({ ...point, asDouble: fc.oneof(double, fc.constant(0)) }),
  fc.record({
    ...point,
    asInt: fc.oneof(fc.bigInt({ min: -(1n << 63n), max: (1n << 63n) - 1n }).map(String), fc.constant("0")),
  }),
);
const histogramPoint = fc.record(
  {
    ...point,
    count,
    sum: double,
    bucketCounts: fc.array(count),
    explicitBounds: fc.array(double),
    min: fc.constant(0),
    max: double,
  },
  { requiredKeys: ["attributes", "startTimeUnixNano", "timeUnixNano", "count", "bucketCounts", "explicitBounds"] },
);
const aggregationTemporality = fc.constantFrom(1, 2);
const metric = fc.record(
  {
    name: text.map(well),
    description: text.map(well),
    unit: fc.constantFrom("s", "{token}", ""),
    sum: fc.record({ dataPoints: fc.array(numberPoint), aggregationTemporality, isMonotonic: fc.boolean() }),
    histogram: fc.record({ dataPoints: fc.array(histogramPoint), aggregationTemporality }),
  },
  { requiredKeys: ["name", "description", "unit"] },
);

test("any metrics are the same in both forms", () => {
  fc.assert(
    fc.property(fc.array(metric, { maxLength: 4 }), (metrics) => {
      // One kind of data each: the last one written wins in protobuf.
      const single = metrics.map(({ sum, histogram, ...rest }) => ({
        ...rest,
        ...(sum ? { sum } : histogram ? { histogram } : {}),
      }));
      const scopeMetrics = [{ scope: { name: "sightline" }, metrics: single }];
      const told = read("MetricsData", { resourceMetrics: [{ resource: { attributes: [] }, scopeMetrics }] }) as any;
      const [scope] = told.resourceMetrics[0].scopeMetrics;
      for (const [i, { sum, histogram }] of single.entries() as IterableIterator<[number, any]>) {
        const got = scope.metrics[i];
        for (const [j, { asInt, asDouble }] of (sum?.dataPoints ?? []).entries()) {
          assert.deepEqual([got.sum.dataPoints[j].asInt, got.sum.dataPoints[j].asDouble], [asInt, asDouble]);
        }
        for (const [j, { sum, min, max, bucketCounts }] of (histogram?.dataPoints ?? []).entries()) {
          const { bucketCounts: buckets = [], ...rest } = got.histogram.dataPoints[j];
          assert.deepEqual([rest.sum, rest.min, rest.max, buckets], [sum, min, max, bucketCounts]);
        }
      }
    }),
  );
});

test("memory and copies grow with the body, not with its square", (t) => {
  const asked: number[] = [];
  const allocate = Buffer.allocUnsafe;
  t.mock.method(Buffer, "allocUnsafe", (size: number) => {
    asked.push(size);
    return allocate(size);
  });
  const attributes = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`key.${i}`, "é".repeat(i % 300)]));
  const form = { ...plainForm, span: () => ({ name: "large", attributes }) };
  const bytes = toProtobuf("TracesData", tracesData(Array(5).fill(sampleSpan()), form));
  assert.ok(bytes.length > 25e6);
  const total = asked.reduce((sum, size) => sum + size, 0);
  assert.ok(total < 5 * bytes.length, `${total} bytes for ${bytes.length}`);
});
