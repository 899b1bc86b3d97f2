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
  putSpan(out, record, content);
  return out.attributes();
}

/** The same one by one: spares who sends many spans the objects. */
export function takeSpanAttributes(record: SpanRecord, { profile, content }: SpanForm, target: AttributeTarget): void {
  putSpan(attributeWriterTo(target, profile, ownKeysOf(record, profile)), record, content);
}

function putSpan(out: AttributeWriter, record: SpanRecord, content: boolean): void {
  putCommon(out, record);
  if (spanNameOf(record) !== record.name) out.put("name", record.name);
  putTrace(out, record.trace);
  putGenAi(out, record);
  putCost(out, record.cost);
  putHttp(out, record.http);
  putError(out, record);
  if (content) putContent(out, record);
  out.putEach("", record.attributes);
}
