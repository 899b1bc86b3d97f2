import type { SpanRecord } from "../core/record.ts";
import { type AttributeTarget, type AttributeWriter, attributeWriter, attributeWriterTo } from "./attribute-writer.ts";
import type { Attributes } from "./attributes.ts";
import { putCommon, putError, putHttp, putTrace } from "./common.ts";
import { putContent } from "./content-attributes.ts";
import { ownKeysOf, putGenAi } from "./gen-ai.ts";
import { spanNameOf } from "./operation.ts";
import type { Profile } from "./profile.ts";
import { putCost } from "./usage-attributes.ts";

// Beside the attributes of the span that it names.
export { spanNameOf } from "./operation.ts";

/** How a span is written. */
export interface SpanForm {
  readonly profile: Profile;
  /** Whether inputs and outputs are among the attributes. */
  readonly content: boolean;
}

/**
 * All attributes of a span but its resource's: the conventions' names of the profile, `sightline.*` for what they have no
 * name for, and the user's own `attributes` as they are, which win. Message and stack of an error are not among them:
 * they belong to the span's status and its `exception` event.
 *
 * @example
 * const { spanAttributes } = await import("sightline/semconv");
 * const spans = sink.records.filter((record) => record.record === "span");
 * const attributes = spans.map((span) => spanAttributes(span, { profile: "1.41", content: false }));
 */
export function spanAttributes(record: SpanRecord, { profile, content }: SpanForm): Attributes {
  const out = attributeWriter(profile, ownKeysOf(record, profile));
  putShared(out, record);
  putOwn(out, record, content);
  return out.attributes();
}

/** The same one by one, in two parts: spares who sends many spans the objects. */
export interface SpanAttributeWriter {
  /** First: the same for all spans of one type in one trace, if they have no `attributes` of the user's to win over it. */
  writeShared(record: SpanRecord): void;
  writeOwn(record: SpanRecord): void;
}

export function spanAttributeWriter({ profile, content }: SpanForm, target: AttributeTarget): SpanAttributeWriter {
  const usual = attributeWriterTo(target, profile);
  return {
    writeShared: (record) => putShared(usual, record),
    writeOwn(record) {
      const own = ownKeysOf(record, profile);
      putOwn(own === undefined ? usual : attributeWriterTo(target, profile, own), record, content);
    },
  };
}

function putShared(out: AttributeWriter, { type, trace }: SpanRecord): void {
  out.put("observationType", type);
  putTrace(out, trace);
}

function putOwn(out: AttributeWriter, record: SpanRecord, content: boolean): void {
  putCommon(out, record);
  if (spanNameOf(record) !== record.name) out.put("name", record.name);
  putGenAi(out, record);
  putCost(out, record.cost);
  putHttp(out, record.http);
  putError(out, record);
  if (content) putContent(out, record);
  out.putEach("", record.attributes);
}
