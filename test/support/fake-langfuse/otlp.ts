import { join } from "node:path";
import protobuf from "protobufjs";

/** A span as Langfuse sees it: attributes are plain values. */
export interface PlainSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly startNanos: string;
  readonly endNanos: string;
  readonly status: { readonly code: number; readonly message: string | undefined };
  readonly attributes: ReadonlyMap<string, unknown>;
  readonly resource: ReadonlyMap<string, unknown>;
  readonly scope: string;
}

/** What a 400 says. */
export class Refused extends Error {}

/** The body of an export request, as JSON has it. Ids of protobuf become hex, its 64-bit integers decimal strings. */
export function bodyOf(contentType: string, bytes: Buffer): unknown {
  const type = contentType.toLowerCase();
  if (type.includes("application/x-protobuf")) return protobufBody(bytes);
  if (!type.includes("application/json")) throw new Refused("Invalid content type");
  try {
    return JSON.parse(bytes.toString());
  } catch {
    throw new Refused("Failed to parse OTel JSON Trace");
  }
}

const PROTOS = new URL("../../proto/", import.meta.url).pathname;
let request: protobuf.Type | undefined;

function protobufBody(bytes: Buffer): unknown {
  if (request === undefined) {
    const root = new protobuf.Root();
    root.resolvePath = (_, target) => join(PROTOS, target);
    root.loadSync("opentelemetry/proto/collector/trace/v1/trace_service.proto");
    request = root.lookupType("opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest");
  }
  try {
    return withHexIds(request.toObject(request.decode(bytes), { longs: String, bytes: Buffer }));
  } catch {
    throw new Refused("Failed to parse OTel Protobuf Trace");
  }
}

function withHexIds(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString("hex");
  if (Array.isArray(value)) return value.map(withHexIds);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withHexIds(each)]));
}

/** All spans, checked as the endpoint checks them (`utils.ts` validateOtelSpanIds): one bad span refuses the whole batch. */
export function spansOf(body: unknown): PlainSpan[] {
  return list(body, "resourceSpans").flatMap((resourceSpan: any) => {
    const resource = plainAttributes(resourceSpan.resource);
    return list(resourceSpan, "scopeSpans").flatMap((scopeSpan: any) =>
      list(scopeSpan, "spans").map((span) => spanOf(span, resource, scopeSpan.scope?.name ?? "")),
    );
  });
}

function spanOf(span: any, resource: ReadonlyMap<string, unknown>, scope: string): PlainSpan {
  list(span, "events");
  return {
    traceId: id(span.traceId, "traceId", 32),
    spanId: id(span.spanId, "spanId", 16),
    parentSpanId: span.parentSpanId ? id(span.parentSpanId, "parentSpanId", 16) : undefined,
    name: span.name ?? "",
    startNanos: String(span.startTimeUnixNano ?? 0),
    endNanos: String(span.endTimeUnixNano ?? 0),
    status: { code: span.status?.code ?? 0, message: span.status?.message || undefined },
    attributes: plainAttributes(span),
    resource,
    scope,
  };
}

function list(holder: any, name: string): any[] {
  const value = holder?.[name] ?? [];
  if (!Array.isArray(value)) throw new Refused(`${name} must be an array`);
  return value;
}

function id(value: unknown, name: string, digits: number): string {
  if (typeof value !== "string" || !new RegExp(`^[0-9a-f]{${digits}}$`, "i").test(value)) {
    throw new Refused(`Invalid ${name}`);
  }
  return value.toLowerCase();
}

function plainAttributes(holder: any): ReadonlyMap<string, unknown> {
  return new Map(list(holder, "attributes").map(({ key, value }) => [key, plainValue(value)]));
}

/** `convertValueToPlainJavascript`: what is none of these, a kvlist or bytes, stays as JSON text. */
function plainValue(value: any): unknown {
  if (value?.stringValue !== undefined) return value.stringValue;
  if (value?.doubleValue !== undefined) return value.doubleValue;
  if (value?.boolValue !== undefined) return value.boolValue;
  if (Array.isArray(value?.arrayValue?.values)) return value.arrayValue.values.map(plainValue);
  if (value?.intValue !== undefined) return Number(value.intValue);
  return JSON.stringify(value);
}
