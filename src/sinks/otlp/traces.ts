import type { SpanLink, SpanRecord } from "../../core/record.ts";
import type { AttributeTarget } from "../../semconv/attribute-writer.ts";
import type { Attributes } from "../../semconv/attributes.ts";
import { attributesOf } from "../../semconv/flatten.ts";
import type { SpanAttributeWriter } from "../../semconv/span.ts";
import { keyValues, type ValueForm, wellFormed } from "./any-value.ts";
import type { OtlpEvent, OtlpLink, OtlpSpan, TracesData } from "./messages.ts";
import { SCOPE } from "./scope.ts";
import {
  attributesCut,
  byResource,
  checkSpan,
  type EventPart,
  entriesCut,
  eventsOf,
  flagsOf,
  kindOf,
  listCut,
  statusOf,
} from "./span-parts.ts";

/** What a destination makes of records. */
export interface TracesForm extends ValueForm {
  /** Of the process; `service.version` and `deployment.environment.name` come from each record's trace. */
  readonly resource: Attributes;
  readonly schemaUrl: string | undefined;
  readonly span: (record: SpanRecord) => { readonly name: string; readonly attributes: Attributes };
  /** The same without an object for it, where that can be. */
  readonly direct?:
    | {
        readonly name: (record: SpanRecord) => string;
        readonly writerTo: (target: AttributeTarget) => SpanAttributeWriter;
      }
    | undefined;
}

/**
 * Records as OTLP has them, in groups of one resource.
 *
 * @throws TypeError for a record whose ids or times OTLP cannot hold: it would cost its whole batch
 */
export function tracesData(records: readonly SpanRecord[], form: TracesForm): TracesData {
  const url = form.schemaUrl === undefined ? {} : { schemaUrl: form.schemaUrl };
  const resourceSpans = byResource(records, form.resource).map((group) => ({
    resource: { attributes: keyValues(group.resource) },
    scopeSpans: [{ scope: SCOPE, spans: group.records.map((record) => spanOf(record, form)), ...url }],
    ...url,
  }));
  return { resourceSpans };
}

/** One of them. */
export function spanOf(record: SpanRecord, form: TracesForm): OtlpSpan {
  checkSpan(record);
  const { name, attributes } = form.span(record);
  // By assignment, in the order of the fields: one spread for each that may be absent costs more than all the rest.
  const span = { traceId: record.traceId, spanId: record.spanId } as { -readonly [K in keyof OtlpSpan]: OtlpSpan[K] };
  if (record.traceState !== undefined) span.traceState = wellFormed(record.traceState);
  if (record.parentSpanId !== undefined) span.parentSpanId = record.parentSpanId;
  span.flags = flagsOf(record);
  span.name = wellFormed(name);
  span.kind = kindOf(record);
  span.startTimeUnixNano = record.startTime;
  span.endTimeUnixNano = record.endTime;
  span.attributes = keyValues(attributes, form);
  const attributesLost = attributesCut(record);
  if (attributesLost > 0) span.droppedAttributesCount = attributesLost;
  const events = eventsOf(record);
  if (events.length > 0) span.events = events.map((event) => eventOf(event, form));
  const eventsLost = listCut(record, "events");
  if (eventsLost > 0) span.droppedEventsCount = eventsLost;
  const { links } = record;
  if (links !== undefined && links.length > 0) span.links = links.map((link) => linkOf(link, form));
  const linksLost = listCut(record, "links");
  if (linksLost > 0) span.droppedLinksCount = linksLost;
  const status = statusOf(record);
  span.status = status.message === undefined ? status : { code: status.code, message: wellFormed(status.message) };
  return span;
}

function eventOf({ time, name, attributes, droppedAttributesCount }: EventPart, form: TracesForm): OtlpEvent {
  const event = { timeUnixNano: time, name: wellFormed(name), attributes: keyValues(attributes, form) };
  return droppedAttributesCount === 0 ? event : { ...event, droppedAttributesCount };
}

function linkOf({ traceId, spanId, attributes }: SpanLink, form: TracesForm): OtlpLink {
  const link = { traceId, spanId, attributes: keyValues(attributesOf(attributes ?? {}), form) };
  const droppedAttributesCount = entriesCut(attributes);
  return droppedAttributesCount === 0 ? link : { ...link, droppedAttributesCount };
}
