import type {
  AnyValue,
  HistogramDataPoint,
  KeyValue,
  LogsData,
  Metric,
  MetricsData,
  NumberDataPoint,
  OtlpEvent,
  OtlpLink,
  OtlpLogRecord,
  OtlpSpan,
  Resource,
  Scope,
  TracesData,
} from "./messages.ts";

/** How a value is written. `bytes` are hex in the JSON form, the 64-bit integers decimal strings, enums numbers. */
export type Scalar =
  | "string"
  | "bytes"
  | "bool"
  | "enum"
  | "uint32"
  | "fixed32"
  | "int64"
  | "fixed64"
  | "sfixed64"
  | "double";

/**
 * Number; type: a `Scalar` or the name of another message; and how often: `optional` fields say by being there that they
 * are known, so their default is written; others are left out when they have it.
 */
export type Field = readonly [number: number, type: string, label?: "repeated" | "optional"];

/** The compiler holds a table to the fields of its JSON form. */
type Table<Message> = { readonly [name in keyof Required<Message>]: Field };

type ResourceSpans = TracesData["resourceSpans"][number];
type ScopeSpans = ResourceSpans["scopeSpans"][number];
type ResourceLogs = LogsData["resourceLogs"][number];
type ScopeLogs = ResourceLogs["scopeLogs"][number];
type ResourceMetrics = MetricsData["resourceMetrics"][number];
type ScopeMetrics = ResourceMetrics["scopeMetrics"][number];

/** The fields that we write of OTLP's messages (opentelemetry-proto v1.11.0), by their names in the JSON form. */
export const MESSAGES: { readonly [message: string]: { readonly [field: string]: Field } } = {
  TracesData: { resourceSpans: [1, "ResourceSpans", "repeated"] } satisfies Table<TracesData>,
  ResourceSpans: {
    resource: [1, "Resource"],
    scopeSpans: [2, "ScopeSpans", "repeated"],
    schemaUrl: [3, "string"],
  } satisfies Table<ResourceSpans>,
  ScopeSpans: {
    scope: [1, "InstrumentationScope"],
    spans: [2, "Span", "repeated"],
    schemaUrl: [3, "string"],
  } satisfies Table<ScopeSpans>,
  Span: {
    traceId: [1, "bytes"],
    spanId: [2, "bytes"],
    traceState: [3, "string"],
    parentSpanId: [4, "bytes"],
    name: [5, "string"],
    kind: [6, "enum"],
    startTimeUnixNano: [7, "fixed64"],
    endTimeUnixNano: [8, "fixed64"],
    attributes: [9, "KeyValue", "repeated"],
    droppedAttributesCount: [10, "uint32"],
    events: [11, "Span.Event", "repeated"],
    droppedEventsCount: [12, "uint32"],
    links: [13, "Span.Link", "repeated"],
    droppedLinksCount: [14, "uint32"],
    status: [15, "Status"],
    flags: [16, "fixed32"],
  } satisfies Table<OtlpSpan>,
  "Span.Event": {
    timeUnixNano: [1, "fixed64"],
    name: [2, "string"],
    attributes: [3, "KeyValue", "repeated"],
    droppedAttributesCount: [4, "uint32"],
  } satisfies Table<OtlpEvent>,
  "Span.Link": {
    traceId: [1, "bytes"],
    spanId: [2, "bytes"],
    traceState: [3, "string"],
    attributes: [4, "KeyValue", "repeated"],
    droppedAttributesCount: [5, "uint32"],
    flags: [6, "fixed32"],
  } satisfies Table<OtlpLink>,
  Status: { message: [2, "string"], code: [3, "enum"] } satisfies Table<OtlpSpan["status"]>,
  LogsData: { resourceLogs: [1, "ResourceLogs", "repeated"] } satisfies Table<LogsData>,
  ResourceLogs: {
    resource: [1, "Resource"],
    scopeLogs: [2, "ScopeLogs", "repeated"],
    schemaUrl: [3, "string"],
  } satisfies Table<ResourceLogs>,
  ScopeLogs: {
    scope: [1, "InstrumentationScope"],
    logRecords: [2, "LogRecord", "repeated"],
    schemaUrl: [3, "string"],
  } satisfies Table<ScopeLogs>,
  LogRecord: {
    timeUnixNano: [1, "fixed64"],
    severityNumber: [2, "enum"],
    severityText: [3, "string"],
    body: [5, "AnyValue"],
    attributes: [6, "KeyValue", "repeated"],
    flags: [8, "fixed32"],
    traceId: [9, "bytes"],
    spanId: [10, "bytes"],
    observedTimeUnixNano: [11, "fixed64"],
    eventName: [12, "string"],
  } satisfies Table<OtlpLogRecord>,
  MetricsData: { resourceMetrics: [1, "ResourceMetrics", "repeated"] } satisfies Table<MetricsData>,
  ResourceMetrics: {
    resource: [1, "Resource"],
    scopeMetrics: [2, "ScopeMetrics", "repeated"],
    schemaUrl: [3, "string"],
  } satisfies Table<ResourceMetrics>,
  ScopeMetrics: {
    scope: [1, "InstrumentationScope"],
    metrics: [2, "Metric", "repeated"],
    schemaUrl: [3, "string"],
  } satisfies Table<ScopeMetrics>,
  Metric: {
    name: [1, "string"],
    description: [2, "string"],
    unit: [3, "string"],
    sum: [7, "Sum"],
    histogram: [9, "Histogram"],
  } satisfies Table<Metric>,
  Sum: {
    dataPoints: [1, "NumberDataPoint", "repeated"],
    aggregationTemporality: [2, "enum"],
    isMonotonic: [3, "bool"],
  } satisfies Table<NonNullable<Metric["sum"]>>,
  Histogram: {
    dataPoints: [1, "HistogramDataPoint", "repeated"],
    aggregationTemporality: [2, "enum"],
  } satisfies Table<NonNullable<Metric["histogram"]>>,
  NumberDataPoint: {
    startTimeUnixNano: [2, "fixed64"],
    timeUnixNano: [3, "fixed64"],
    asDouble: [4, "double", "optional"],
    asInt: [6, "sfixed64", "optional"],
    attributes: [7, "KeyValue", "repeated"],
  } satisfies Table<NumberDataPoint>,
  HistogramDataPoint: {
    startTimeUnixNano: [2, "fixed64"],
    timeUnixNano: [3, "fixed64"],
    count: [4, "fixed64"],
    sum: [5, "double", "optional"],
    bucketCounts: [6, "fixed64", "repeated"],
    explicitBounds: [7, "double", "repeated"],
    attributes: [9, "KeyValue", "repeated"],
    min: [11, "double", "optional"],
    max: [12, "double", "optional"],
  } satisfies Table<HistogramDataPoint>,
  Resource: { attributes: [1, "KeyValue", "repeated"] } satisfies Table<Resource>,
  InstrumentationScope: { name: [1, "string"], version: [2, "string"] } satisfies Table<Scope>,
  KeyValue: { key: [1, "string"], value: [2, "AnyValue"] } satisfies Table<KeyValue>,
  AnyValue: {
    stringValue: [1, "string", "optional"],
    boolValue: [2, "bool", "optional"],
    intValue: [3, "int64", "optional"],
    doubleValue: [4, "double", "optional"],
    arrayValue: [5, "ArrayValue"],
  } satisfies Table<AnyValue>,
  ArrayValue: { values: [1, "AnyValue", "repeated"] } satisfies Table<NonNullable<AnyValue["arrayValue"]>>,
};
