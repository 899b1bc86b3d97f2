import type { Attributes, AttributeValue } from "../../semconv/attributes.ts";
import { isDouble } from "../../semconv/is-double.ts";
import type { AnyValue, KeyValue } from "./messages.ts";

/** Attributes as OTLP has them: whole numbers are integers but for names that are doubles. */
export function keyValues(attributes: Attributes): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: anyValue(value, isDouble(key)) }));
}

function anyValue(value: AttributeValue, isDouble: boolean): AnyValue {
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value !== "number") return { arrayValue: { values: value.map((item) => anyValue(item, isDouble)) } };
  if (!Number.isFinite(value)) return { doubleValue: String(value) as "NaN" };
  // Above 2^53 the number is a double already.
  return !isDouble && Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
