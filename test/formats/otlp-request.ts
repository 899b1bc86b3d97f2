import type { SpanRecord } from "../../src/core/record.ts";
import { recordsFromOtlp } from "../../src/formats/index.ts";

/** An attribute's value as others write it. */
export function anyValue(value: unknown): object {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isInteger(value) ? { intValue: value } : { doubleValue: value };
  return { arrayValue: { values: (value as unknown[]).map(anyValue) } };
}

export function keyValues(attributes: { readonly [name: string]: unknown }): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value) }));
}

/** A valid span by somebody else; `part` replaces what it names. */
export function otlpSpan(part: object = {}): object {
  return {
    traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e",
    spanId: "00f067aa0ba902b7",
    name: "call",
    kind: 3,
    startTimeUnixNano: "1732000000000000000",
    endTimeUnixNano: "1732000001000000000",
    status: {},
    ...part,
  };
}

export function request(spans: readonly unknown[], resource: object = {}, scope: object = {}): object {
  return { resourceSpans: [{ resource: { attributes: keyValues(resource as {}) }, scopeSpans: [{ scope, spans }] }] };
}

/** The record of one span by somebody else with these attributes. */
export function recordOf(attributes: object, part: object = {}): SpanRecord {
  const span = otlpSpan({ attributes: keyValues(attributes as {}), ...part });
  const { records, rejected } = recordsFromOtlp(request([span]));
  if (records.length !== 1) throw new Error(JSON.stringify(rejected));
  return records[0]!;
}
