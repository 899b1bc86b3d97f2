/**
 * Records in the words of others, as pure functions: for a sink of one's own, a test, a file. `sightline/sinks/otlp` is made
 * of them.
 */
export type { Attributes, AttributeValue } from "./attributes.ts";
export { CONTENT_MODES, type ContentMode } from "./content.ts";
export { contentEvent, findingEvent, scoreEvent } from "./events.ts";
export { isDouble } from "./is-double.ts";
export { type LangfuseForm, langfuseAttributes } from "./langfuse.ts";
export type { LogEvent } from "./log-event.ts";
export { type Instrument, type Measurement, measurementsOf } from "./metrics.ts";
export { openInferenceAttributes } from "./open-inference.ts";
export { spanNameOf } from "./operation.ts";
export { PROFILES, type Profile, profileOf, schemaUrlOf } from "./profile.ts";
export { type SpanForm, spanAttributes } from "./span.ts";
