import type { SpanRecord } from "../../core/record.ts";
import { FormatError } from "../format-error.ts";
import { isObject } from "../json-value.ts";
import { nowNanos } from "../times.ts";
import { Unreadable } from "../unreadable.ts";
import { createOrigins, type Origin, type Origins } from "./origin.ts";
import { spanRecordOf } from "./span-record.ts";
import { listOf } from "./values.ts";

/** What became no record, and why: for the answer's `partialSuccess`. */
export interface Rejected {
  readonly spanId?: string;
  readonly reason: string;
}

export interface OtlpRecords {
  readonly records: readonly SpanRecord[];
  readonly rejected: readonly Rejected[];
}

export interface FromOtlpOptions {
  /** Epoch nanoseconds, decimal: when a span without an end was seen. Default: the clock's time. */
  readonly now?: string;
}

export interface PieceOptions extends FromOtlpOptions {
  /** Of the body that the request is a piece of. */
  readonly origins?: Origins;
}

/**
 * The spans of an OTLP request in its JSON form, as `decodeOtlp` gives it, as records. Names of GenAI (all generations),
 * OpenInference, Langfuse, OpenLLMetry, the AI SDK and our own become fields; all other attributes of a span, its resource
 * and its scope are the record's `attributes`. A span without valid ids or times is rejected, the others are not.
 *
 * @throws FormatError `FORMAT_NOT_OTLP` for what is no such request
 */
export function recordsFromOtlp(request: unknown, options: PieceOptions = {}): OtlpRecords {
  const now = options.now ?? nowNanos();
  const records: SpanRecord[] = [];
  const rejected: Rejected[] = [];
  eachItem(request, ["resourceSpans", "scopeSpans", "spans"], options, (span, origin) => {
    try {
      if (!isObject(span)) throw new Unreadable("a span is no object");
      records.push(spanRecordOf(span, origin, now));
    } catch (error) {
      rejected.push(rejection(span, error));
    }
  });
  return { records, rejected };
}

/** @throws what is no `Unreadable` */
export function rejection(item: unknown, error: unknown): Rejected {
  if (!(error instanceof Unreadable)) throw error;
  const spanId = isObject(item) && typeof item["spanId"] === "string" ? item["spanId"].slice(0, 100) : undefined;
  return { ...(spanId !== undefined && { spanId }), reason: error.message };
}

type Fields = readonly [resources: string, scopes: string, items: string];

/** Every span or log record with the attributes of its resource, and its scope. */
export function eachItem(
  request: unknown,
  [resources, scopes, items]: Fields,
  { origins = createOrigins() }: PieceOptions,
  visit: (item: unknown, origin: Origin) => void,
): void {
  const list = isObject(request) ? request[resources] : undefined;
  if (!isObject(request) || (list !== undefined && list !== null && !Array.isArray(list))) {
    throw new FormatError("FORMAT_NOT_OTLP", `An OTLP request is an object with a list "${resources}".`);
  }
  for (const group of listOf(list).filter(isObject)) {
    const resource = origins.resource(group["resource"]);
    for (const scoped of listOf(group[scopes]).filter(isObject)) {
      const scope = origins.scope(scoped["scope"]);
      for (const item of listOf(scoped[items])) visit(item, { resource, scope });
    }
  }
}
