import { isSpanId, isTraceId } from "../../core/ids.ts";
import { type JsonObject, SPAN_KINDS, type SpanRecord } from "../../core/record.ts";
import type { Attributes, AttributeValue } from "../../semconv/attributes.ts";
import { attributesOf } from "../../semconv/flatten.ts";
import { isTime } from "./is-time.ts";

/** An event of a span, the one for its error included. */
export interface EventPart {
  readonly name: string;
  /** Epoch nanoseconds, decimal. */
  readonly time: string;
  readonly attributes: Attributes;
  readonly droppedAttributesCount: number;
}

export const STATUS_CODES = { unset: 0, ok: 1, error: 2 } as const;

/** OTLP's kind: 1 internal to 5 consumer. The API of OpenTelemetry JS counts from 0. */
export function kindOf(record: SpanRecord): number {
  return SPAN_KINDS.indexOf(record.kind) + 1;
}

/** A message is for errors only (OpenTelemetry's specification, trace/api "Set Status"). */
export function statusOf(record: SpanRecord): { readonly code: number; readonly message?: string } {
  const code = STATUS_CODES[record.status.code];
  const message = record.status.message ?? record.error?.message;
  return code !== STATUS_CODES.error || message === undefined ? { code } : { code, message };
}

/** The parent's whereabouts are known. Set for roots too, as by the SDKs of OpenTelemetry: no parent is a remote one. */
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** W3C flags, and whether the parent is remote. */
export function flagsOf({ traceFlags, parentIsRemote }: SpanRecord): number {
  return (traceFlags & 0xff) | HAS_IS_REMOTE | (parentIsRemote ? IS_REMOTE : 0);
}

/** Whether a span has no more than ids, name, kind, times, attributes, flags and the code of a status: nearly all have. */
export function isCommon(record: SpanRecord): boolean {
  const { status, error, events, links, cuts, traceState, metadata, attributes } = record;
  const hasMessage = status.code === "error" && status.message !== undefined;
  return (
    Object.hasOwn(STATUS_CODES, status.code) &&
    !hasMessage &&
    error === undefined &&
    events === undefined &&
    links === undefined &&
    cuts === undefined &&
    traceState === undefined &&
    metadata?.["…"] === undefined &&
    attributes?.["…"] === undefined
  );
}

/** The process's resource with what each trace says of the service. */
export function resourceAttributesOf({ trace }: SpanRecord, resource: Attributes): Attributes {
  const version = trace.version ?? trace.release;
  return {
    ...resource,
    ...(version !== undefined && { "service.version": version }),
    ...(trace.environment !== undefined && { "deployment.environment.name": trace.environment }),
  };
}

/** Records of one resource together, in order of their first one. */
export function byResource(
  records: readonly SpanRecord[],
  resource: Attributes,
): readonly { readonly resource: Attributes; readonly records: readonly SpanRecord[] }[] {
  const groups = new Map<string, { resource: Attributes; records: SpanRecord[] }>();
  let trace: SpanRecord["trace"] | undefined;
  let group: { resource: Attributes; records: SpanRecord[] } | undefined;
  for (const record of records) {
    // Records of one trace come together.
    if (record.trace !== trace) {
      trace = record.trace;
      const key = JSON.stringify([trace.version ?? trace.release, trace.environment]);
      group = groups.get(key);
      if (group === undefined)
        groups.set(key, (group = { resource: resourceAttributesOf(record, resource), records: [] }));
    }
    group!.records.push(record);
  }
  return [...groups.values()];
}

/**
 * The events of a span, and `exception` at its end for the error, as the conventions have it; without their
 * `exception.escaped`, which is deprecated.
 */
export function eventsOf({ events = [], error, endTime }: SpanRecord): readonly EventPart[] {
  const parts = events.map(({ name, time, attributes = {} }) => {
    return { name, time, attributes: attributesOf(attributes), droppedAttributesCount: entriesCut(attributes) };
  });
  if (error === undefined) return parts;
  const attributes: { [name: string]: AttributeValue } = { "exception.type": error.type };
  if (error.message !== undefined) attributes["exception.message"] = error.message;
  if (error.stack !== undefined) attributes["exception.stacktrace"] = error.stack;
  return [...parts, { name: "exception", time: endTime, attributes, droppedAttributesCount: 0 }];
}

/** How many attributes of a span capture left out, as far as is known. */
export function attributesCut(record: SpanRecord): number {
  return entriesCut(record.attributes) + entriesCut(record.metadata);
}

/** How many events or links were left out: at least one, where there was no end to them. */
export function listCut({ cuts }: SpanRecord, path: "events" | "links"): number {
  return cuts?.some((cut) => cut.path === path && cut.reason === "entries") ? 1 : 0;
}

/** Reads the note that capture leaves in an object whose entries it cut: `[cut 5 of 1,005 entries]`. */
export function entriesCut(captured: JsonObject | undefined): number {
  const note = captured?.["…"];
  const count = typeof note === "string" ? /^\[cut (?:([\d,]+) of [\d,]+ )?entries\]$/.exec(note) : null;
  return count === null ? 0 : Number((count[1] ?? "1").replaceAll(",", ""));
}

/** Of a plain record all else is valid; up to 19 digits are less than 64 bits. */
export function checkTimes({ startTime, endTime }: SpanRecord): void {
  const isValid = (startTime.length < 20 || isTime(startTime)) && (endTime.length < 20 || isTime(endTime));
  if (!isValid) throw new TypeError("a span's times are not valid");
}

/** The last trace id that was looked at: the next span's mostly is the same. */
let valid: string | undefined;

/**
 * What was read from a file or changed by a policy may hold anything.
 *
 * @throws TypeError for a record whose ids or times OTLP cannot hold: it would cost its whole batch
 */
export function checkSpan({ traceId, spanId, parentSpanId, startTime, endTime, events, links }: SpanRecord): void {
  const isValid =
    (traceId === valid || isTraceId(traceId)) &&
    isSpanId(spanId) &&
    (parentSpanId === undefined || isSpanId(parentSpanId)) &&
    isTime(startTime) &&
    isTime(endTime) &&
    (events === undefined || events.every((event) => isTime(event.time))) &&
    (links === undefined || links.every((link) => isTraceId(link.traceId) && isSpanId(link.spanId)));
  if (!isValid) throw new TypeError("a span's ids or times are not valid");
  valid = traceId;
}
