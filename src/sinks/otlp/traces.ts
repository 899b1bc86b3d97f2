import type { SpanRecord } from "../../core/record.ts";
import type { Attributes } from "../../semconv/attributes.ts";
import { attributesOf } from "../../semconv/flatten.ts";
import { keyValues, type ValueForm, wellFormed } from "./any-value.ts";
import type { OtlpEvent, OtlpLink, OtlpSpan, TracesData } from "./messages.ts";
import { SCOPE } from "./scope.ts";
import { attributesCut, byResource, checkSpan, entriesCut, eventsOf, kindOf, listCut, statusOf } from "./span-parts.ts";

/** What a destination makes of records. */
export interface TracesForm extends ValueForm {
  /** Of the process; `service.version` and `deployment.environment.name` come from each record's trace. */
  readonly resource: Attributes;
  readonly schemaUrl: string | undefined;
  readonly span: (record: SpanRecord) => { readonly name: string; readonly attributes: Attributes };
}

/** The parent's whereabouts are known. Set for roots too, as by the SDKs of OpenTelemetry: no parent is a remote one. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

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

function spanOf(record: SpanRecord, form: TracesForm): OtlpSpan {
  checkSpan(record);
  const { name, attributes } = form.span(record);
  const status = statusOf(record);
  const events = eventsOf(record).map((event): OtlpEvent => {
    return {
      timeUnixNano: event.time,
      name: wellFormed(event.name),
      attributes: keyValues(event.attributes, form),
      ...counted("droppedAttributesCount", event.droppedAttributesCount),
    };
  });
  const links = record.links?.map((link): OtlpLink => {
    return {
      traceId: link.traceId,
      spanId: link.spanId,
      attributes: keyValues(attributesOf(link.attributes ?? {}), form),
      ...counted("droppedAttributesCount", entriesCut(link.attributes)),
    };
  });
  return {
    traceId: record.traceId,
    spanId: record.spanId,
    ...(record.traceState !== undefined && { traceState: wellFormed(record.traceState) }),
    ...(record.parentSpanId !== undefined && { parentSpanId: record.parentSpanId }),
    flags: (record.traceFlags & 0xff) | HAS_IS_REMOTE | (record.parentIsRemote ? IS_REMOTE : 0),
    name: wellFormed(name),
    kind: kindOf(record),
    startTimeUnixNano: record.startTime,
    endTimeUnixNano: record.endTime,
    attributes: keyValues(attributes, form),
    ...counted("droppedAttributesCount", attributesCut(record)),
    ...(events.length > 0 && { events }),
    ...counted("droppedEventsCount", listCut(record, "events")),
    ...(links !== undefined && links.length > 0 && { links }),
    ...counted("droppedLinksCount", listCut(record, "links")),
    status: status.message === undefined ? status : { code: status.code, message: wellFormed(status.message) },
  };
}

function counted<Name extends string>(name: Name, count: number): { [name in Name]?: number } {
  return count === 0 ? {} : ({ [name]: count } as { [name in Name]: number });
}
