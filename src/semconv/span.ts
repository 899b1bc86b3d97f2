import type { SpanRecord } from "../core/record.ts";
import type { Attributes } from "./attributes.ts";
import type { Profile } from "./profile.ts";

/** How a span is written. */
export interface SpanForm {
  readonly profile: Profile;
  /** Whether inputs and outputs are among the attributes. */
  readonly content: boolean;
}

/** The name by the conventions, where there is one for the operation: `chat gpt-4.1`; else the record's own. */
export function spanNameOf(record: SpanRecord): string {
  return record.name;
}

/** All attributes of a span but its resource's. */
export function spanAttributes(_record: SpanRecord, _form: SpanForm): Attributes {
  return {};
}
