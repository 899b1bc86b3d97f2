import { SPAN_KINDS, type SpanRecord } from "../core/record.ts";
import type { Attributes } from "../semconv/attributes.ts";
import { attributesOf } from "../semconv/flatten.ts";
import type { Scope } from "./otlp/messages.ts";
import { SCOPE } from "./otlp/scope.ts";
import { attributesCut, byResource, checkSpan, entriesCut, eventsOf, listCut, statusOf } from "./otlp/span-parts.ts";
import type { TracesForm } from "./otlp/traces.ts";

/** Seconds and nanoseconds since the epoch. */
export type HrTime = [seconds: number, nanoseconds: number];

/** A W3C trace state; changes give a new one. */
export interface OtelTraceState {
  get(key: string): string | undefined;
  set(key: string, value: string): OtelTraceState;
  unset(key: string): OtelTraceState;
  serialize(): string;
}

export interface OtelSpanContext {
  traceId: string;
  spanId: string;
  traceFlags: number;
  isRemote?: boolean;
  traceState?: OtelTraceState;
}

export interface OtelResource {
  attributes: { [name: string]: any };
  schemaUrl?: string;
  asyncAttributesPending: boolean;
  waitForAsyncAttributes(): Promise<void>;
  merge(other: OtelResource | null): OtelResource;
  getRawAttributes(): [string, any][];
}

export interface OtelScope extends Scope {
  schemaUrl?: string;
}

/** What exporters of OpenTelemetry JS read, of its lines 1.x, 2.x and 3.x alike. */
export interface ReadableSpan {
  name: string;
  /** 0 internal, 1 server, 2 client, 3 producer, 4 consumer. */
  kind: number;
  spanContext: () => OtelSpanContext;
  /** 2.x and 3.x. */
  parentSpanContext?: OtelSpanContext;
  /** 1.x. */
  parentSpanId?: string;
  startTime: HrTime;
  endTime: HrTime;
  duration: HrTime;
  ended: true;
  /** 0 unset, 1 ok, 2 error. */
  status: { code: number; message?: string };
  attributes: { [name: string]: any };
  events: { name: string; time: HrTime; attributes: { [name: string]: any }; droppedAttributesCount: number }[];
  links: { context: OtelSpanContext; attributes: { [name: string]: any }; droppedAttributesCount: number }[];
  droppedAttributesCount: number;
  droppedEventsCount: number;
  droppedLinksCount: number;
  resource: OtelResource;
  /** 2.x and 3.x. */
  instrumentationScope: OtelScope;
  /** 1.x. */
  instrumentationLibrary: OtelScope;
}

/** Records as exporters take them: plain objects that are made for each call, as some exporters change theirs. */
export function readableSpans(records: readonly SpanRecord[], form: TracesForm): ReadableSpan[] {
  const scope = { ...SCOPE, ...(form.schemaUrl !== undefined && { schemaUrl: form.schemaUrl }) };
  return byResource(records, form.resource).flatMap((group) => {
    // Exporters group by the identity of the resource.
    const resource = resourceWith(group.resource, form.schemaUrl);
    return group.records.map((record) => readableSpan(record, form, resource, scope));
  });
}

function readableSpan(record: SpanRecord, form: TracesForm, resource: OtelResource, scope: OtelScope): ReadableSpan {
  checkSpan(record);
  const { name, attributes } = form.span(record);
  const { traceId, spanId, parentSpanId, traceFlags, parentIsRemote = false } = record;
  const trace = record.traceState === undefined ? {} : { traceState: traceStateOf(record.traceState) };
  const parent = parentSpanId && { traceId, spanId: parentSpanId, traceFlags, isRemote: parentIsRemote, ...trace };
  const [startTime, endTime] = [hrTime(record.startTime), hrTime(record.endTime)];
  return {
    name,
    kind: SPAN_KINDS.indexOf(record.kind),
    spanContext: () => ({ traceId, spanId, traceFlags, ...trace }),
    ...(parent && { parentSpanContext: parent, parentSpanId: parent.spanId }),
    startTime,
    endTime,
    duration: between(startTime, endTime),
    ended: true,
    status: { ...statusOf(record) },
    attributes: { ...attributes },
    events: eventsOf(record).map((event) => ({
      name: event.name,
      time: hrTime(event.time),
      attributes: { ...event.attributes },
      droppedAttributesCount: event.droppedAttributesCount,
    })),
    links: (record.links ?? []).map((link) => ({
      context: { traceId: link.traceId, spanId: link.spanId, traceFlags: 0 },
      attributes: { ...attributesOf(link.attributes ?? {}) },
      droppedAttributesCount: entriesCut(link.attributes),
    })),
    droppedAttributesCount: attributesCut(record),
    droppedEventsCount: listCut(record, "events"),
    droppedLinksCount: listCut(record, "links"),
    resource,
    instrumentationScope: scope,
    instrumentationLibrary: scope,
  };
}

/** @param nanos epoch nanoseconds, decimal */
function hrTime(nanos: string): HrTime {
  return [Number(nanos.slice(0, -9)), Number(nanos.slice(-9))];
}

/** Zero where the end lies before the start. */
function between([from, fromNanos]: HrTime, [to, toNanos]: HrTime): HrTime {
  const borrowed = toNanos < fromNanos ? 1 : 0;
  const seconds = to - from - borrowed;
  return seconds < 0 ? [0, 0] : [seconds, toNanos - fromNanos + borrowed * 1e9];
}

/** Some exporters merge resources, or wait for those that are still being detected; ours is known. */
function resourceWith(attributes: Attributes, schemaUrl: string | undefined): OtelResource {
  return {
    attributes: { ...attributes },
    ...(schemaUrl !== undefined && { schemaUrl }),
    asyncAttributesPending: false,
    waitForAsyncAttributes: () => Promise.resolve(),
    merge: (other) => resourceWith({ ...attributes, ...other?.attributes }, other?.schemaUrl ?? schemaUrl),
    getRawAttributes: () => Object.entries(attributes),
  };
}

function traceStateOf(text: string): OtelTraceState {
  const members = text.split(",").map((member) => member.trim());
  const without = (key: string) => members.filter((member) => !member.startsWith(`${key}=`));
  return {
    get: (key) => members.find((member) => member.startsWith(`${key}=`))?.slice(key.length + 1),
    // W3C: who changes a member moves it to the front.
    set: (key, value) => traceStateOf([`${key}=${value}`, ...without(key)].join(",")),
    unset: (key) => traceStateOf(without(key).join(",")),
    serialize: () => text,
  };
}
