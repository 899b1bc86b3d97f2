import type { SpanRecord } from "../../core/record.ts";
import type { AttributeValue } from "../../semconv/attributes.ts";
import { cutText } from "../../semconv/cut-text.ts";
import { isDouble as isDoubleByConvention } from "../../semconv/is-double.ts";
import { anyValue, wellFormed } from "./any-value.ts";
import { attributeNames } from "./attribute-names.ts";
import { checkSpan, flagsOf, isCommon, kindOf, STATUS_CODES } from "./span-parts.ts";
import { spanOf, type TracesForm } from "./traces.ts";

/**
 * Spans as OTLP's JSON: the text that `JSON.stringify` makes of `spanOf`, without the objects in between. What few spans
 * have goes through these objects.
 */
export function spanJson(form: TracesForm): (record: SpanRecord) => string {
  const { direct, isDouble = isDoubleByConvention, valueLength = Number.POSITIVE_INFINITY } = form;
  if (direct === undefined) return (record) => JSON.stringify(spanOf(record, form));
  const names = attributeNames(isDouble);
  let attributes = "";

  const target = {
    take(name: string, value: AttributeValue): void {
      const known = names.get(name);
      const comma = attributes === "" ? "" : ",";
      if (typeof value === "string") {
        attributes += `${comma}${known.json}{"stringValue":${JSON.stringify(cutText(wellFormed(value), valueLength))}}}`;
      } else attributes += `${comma}${known.json}${JSON.stringify(anyValue(value, known.isDouble, valueLength))}}`;
    },
  };

  return (record) => {
    if (!isCommon(record)) return JSON.stringify(spanOf(record, form));
    checkSpan(record);
    names.begin();
    attributes = "";
    direct.take(record, target);
    if (names.isOdd) return JSON.stringify(spanOf(record, form));
    const { parentSpanId } = record;
    const parent = parentSpanId === undefined ? "" : `,"parentSpanId":"${parentSpanId}"`;
    return (
      `{"traceId":"${record.traceId}","spanId":"${record.spanId}"${parent},"flags":${flagsOf(record)},` +
      `"name":${JSON.stringify(wellFormed(direct.name(record)))},"kind":${kindOf(record)},` +
      `"startTimeUnixNano":"${record.startTime}","endTimeUnixNano":"${record.endTime}","attributes":[${attributes}],` +
      `"status":{"code":${STATUS_CODES[record.status.code]}}}`
    );
  };
}
