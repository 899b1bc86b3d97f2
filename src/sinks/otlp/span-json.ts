import { isPlainRecord } from "../../core/line.ts";
import { quoted } from "../../core/quoted.ts";
import type { Json, SpanRecord } from "../../core/record.ts";
import { cutText } from "../../semconv/cut-text.ts";
import { isDouble as isDoubleByConvention } from "../../semconv/is-double.ts";
import { anyValue, wellFormed } from "./any-value.ts";
import { type AttributeName, attributeNames } from "./attribute-names.ts";
import { quotedJson } from "./quoted-json.ts";
import { remembered } from "./remembered.ts";
import { sharedParts } from "./shared-parts.ts";
import { checkSpan, checkTimes, flagsOf, isCommon, kindOf, STATUS_CODES } from "./span-parts.ts";
import { spanOf, type TracesForm } from "./traces.ts";

/** Writes the spans of a batch after each other. */
export interface SpanJson {
  /** A batch begins. */
  begin(): void;
  textOf(record: SpanRecord): string;
}

/**
 * Spans as OTLP's JSON: the text that `JSON.stringify` makes of `spanOf`, without the objects in between. What few spans
 * have goes through these objects.
 */
export function spanJson(form: TracesForm): SpanJson {
  const byObjects = (record: SpanRecord) => JSON.stringify(spanOf(record, form));
  const { direct, isDouble = isDoubleByConvention, valueLength = Number.POSITIVE_INFINITY } = form;
  if (direct === undefined) return { begin() {}, textOf: byObjects };
  const names = attributeNames(isDouble);
  let attributes = "";

  let isPlain = false;

  function add(known: AttributeName, value: string): void {
    attributes += attributes === "" ? `${known.json}${value}}` : `,${known.json}${value}}`;
  }

  const writer = direct.writerTo({
    take(name, value) {
      const known = names.get(name);
      if (typeof value !== "string") add(known, JSON.stringify(anyValue(value, known.isDouble, valueLength)));
      else add(known, `{"stringValue":${quoted(cutText(wellFormed(value), valueLength))}}`);
    },
    takeJson(name, value) {
      const text =
        isPlain && valueLength === Number.POSITIVE_INFINITY
          ? quotedJson(value as Json)
          : quoted(cutText(JSON.stringify(value), valueLength));
      add(names.get(name), `{"stringValue":${text}}`);
    },
  });

  const shared = sharedParts((record) => {
    attributes = "";
    writer.writeShared(record);
    return attributes;
  });

  function attributesOf(record: SpanRecord): string {
    names.begin();
    attributes = "";
    // The user's own may have the same names.
    if (record.attributes === undefined) attributes = shared.of(record);
    else writer.writeShared(record);
    writer.writeOwn(record);
    return attributes;
  }

  const nameOf = remembered((name) => `,"name":${quoted(wellFormed(name))},"kind":`);
  let traceId: string | undefined;
  let start = "";

  return {
    begin: shared.begin,
    textOf(record) {
      if (!isCommon(record)) return byObjects(record);
      isPlain = isPlainRecord(record);
      if (isPlain) checkTimes(record);
      else checkSpan(record);
      const all = attributesOf(record);
      if (names.isOdd) return byObjects(record);
      if (record.traceId !== traceId) {
        traceId = record.traceId;
        start = `{"traceId":"${traceId}","spanId":"`;
      }
      const { parentSpanId } = record;
      const parent = parentSpanId === undefined ? "" : `","parentSpanId":"${parentSpanId}`;
      return (
        `${start}${record.spanId}${parent}","flags":${flagsOf(record)}${nameOf(direct.name(record))}${kindOf(record)}` +
        `,"startTimeUnixNano":"${record.startTime}","endTimeUnixNano":"${record.endTime}","attributes":[${all}],` +
        `"status":{"code":${STATUS_CODES[record.status.code]}}}`
      );
    },
  };
}
