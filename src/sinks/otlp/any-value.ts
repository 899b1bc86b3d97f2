import type { Attributes, AttributeValue } from "../../semconv/attributes.ts";
import { cutText } from "../../semconv/cut-text.ts";
import { isDouble as isDoubleByConvention } from "../../semconv/is-double.ts";
import type { AnyValue, KeyValue } from "./messages.ts";

/** What `keyValues` makes of values. */
export interface ValueForm {
  /** Names whose whole numbers are doubles all the same. Default: those of the conventions. */
  readonly isDouble?: ((name: string) => boolean) | undefined;
  /** The most UTF-16 units of a text, alone or in a list; OpenTelemetry's `…ATTRIBUTE_VALUE_LENGTH_LIMIT`. */
  readonly valueLength?: number | undefined;
}

/**
 * Attributes as OTLP has them: whole numbers are integers but for names that are doubles and for lists with a fraction.
 */
export function keyValues(attributes: Attributes, form: ValueForm = {}): KeyValue[] {
  const { isDouble = isDoubleByConvention, valueLength = Number.POSITIVE_INFINITY } = form;
  return Object.keys(attributes).map((key) => {
    const value = attributes[key]!;
    const mayBeDouble = typeof value === "number" || typeof value === "object";
    return { key: wellFormed(key), value: anyValue(value, mayBeDouble && isDouble(key), valueLength) };
  });
}

export function anyValue(value: AttributeValue, isDouble: boolean, valueLength: number): AnyValue {
  if (typeof value === "string") return { stringValue: cutText(wellFormed(value), valueLength) };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value !== "number") {
    // A list is of one type (OpenTelemetry's specification, common/attribute), and readers take that of its first item.
    const areDoubles = isDouble || value.some((item) => typeof item === "number" && !Number.isSafeInteger(item));
    return { arrayValue: { values: value.map((item) => anyValue(item, areDoubles, valueLength)) } };
  }
  if (!Number.isFinite(value)) return { doubleValue: String(value) as "NaN" };
  // Above 2^53 the number is a double already. Adding 0 turns -0 into 0, as JSON does.
  return !isDouble && Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value + 0 };
}

/** Lone surrogates become U+FFFD, as in UTF-8: some JSON parsers refuse a whole body for one of them. */
export function wellFormed(text: string): string {
  return (text as string & { toWellFormed(): string }).toWellFormed();
}
