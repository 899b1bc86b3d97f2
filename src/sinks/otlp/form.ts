import { ConfigError } from "../../core/errors.ts";
import type { SpanRecord, TraceRecord } from "../../core/record.ts";
import type { Attributes } from "../../semconv/attributes.ts";
import { CONTENT_MODES, type ContentMode } from "../../semconv/content.ts";
import { contentEvent, findingEvent, scoreEvent } from "../../semconv/events.ts";
import { isDouble } from "../../semconv/is-double.ts";
import type { LogEvent } from "../../semconv/log-event.ts";
import { openInferenceAttributes } from "../../semconv/open-inference.ts";
import { PROFILES, type Profile, profileOf, schemaUrlOf } from "../../semconv/profile.ts";
import { spanAttributes, spanAttributeWriter, spanNameOf } from "../../semconv/span.ts";
import { formVariables } from "./environment.ts";
import { logsData } from "./logs.ts";
import type { LogsData, TracesData } from "./messages.ts";
import { resourceOf } from "./resource.ts";
import { type TracesForm, tracesData } from "./traces.ts";

/** What records look like as OTLP. */
export interface OtlpFormOptions {
  /** Over `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and what is detected. */
  resource?: Attributes;
  /** Which generation of GenAI names. Default: `1.41`, or `latest` where `OTEL_SEMCONV_STABILITY_OPT_IN` asks for it. */
  profile?: Profile;
  /**
   * Where inputs and outputs go. Default: what `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT` says, or `spans`:
   * what must not be recorded at all is left out by `captureInput`, `captureOutput` and `mask`.
   */
  content?: ContentMode;
  /** Adds the attributes of OpenInference, which Phoenix and Arize read. Default false. */
  openInference?: boolean;
}

/** The kinds of `OtlpFormOptions` for `checkOptions`. */
export const FORM_OPTIONS: {
  readonly resource: "object";
  readonly profile: readonly string[];
  readonly content: readonly string[];
  readonly openInference: "boolean";
} = { resource: "object", profile: PROFILES, content: CONTENT_MODES, openInference: "boolean" };

export interface OtlpForm {
  readonly spans: TracesForm;
  traces(records: readonly SpanRecord[]): TracesData;
  /** Scores, findings, and the contents of spans where they are events. */
  logs(records: readonly TraceRecord[]): LogsData;
}

/** @throws ConfigError for a resource with values that OTLP does not have, and for variables that make no sense */
export function otlpForm(factory: string, options: OtlpFormOptions, env: NodeJS.ProcessEnv): OtlpForm {
  const resource = resourceOf(checkedAttributes(factory, options.resource ?? {}), env);
  const profile = options.profile ?? profileOf(env);
  const { content, valueLength } = formVariables(env);
  const mode = options.content ?? content ?? "spans";
  const schemaUrl = schemaUrlOf(profile);
  const spanForm = { profile, content: mode === "spans" || mode === "both" };
  const isEvent = mode === "events" || mode === "both";

  function eventOf(record: TraceRecord): LogEvent | undefined {
    if (record.record === "score") return scoreEvent(record);
    if (record.record === "finding") return findingEvent(record);
    return isEvent ? contentEvent(record, profile) : undefined;
  }

  const spans: TracesForm = {
    resource,
    schemaUrl,
    span(record) {
      const own = spanAttributes(record, spanForm);
      const attributes = options.openInference ? { ...own, ...openInferenceAttributes(record, spanForm) } : own;
      return { name: spanNameOf(record), attributes };
    },
    direct: options.openInference
      ? undefined
      : { name: spanNameOf, writerTo: (target) => spanAttributeWriter(spanForm, target) },
    isDouble: (name) => isDouble(name, profile),
    valueLength,
  };
  return {
    spans,
    traces: (records) => tracesData(records, spans),
    logs(records) {
      const events = records.map(eventOf).filter((event) => event !== undefined);
      return logsData(events, resource, schemaUrl);
    },
  };
}

/** @throws ConfigError for values that OTLP does not have */
export function checkedAttributes(factory: string, attributes: Attributes): Attributes {
  const isPlain = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);
  for (const [name, value] of Object.entries(attributes)) {
    if (isPlain(value) || (Array.isArray(value) && value.every(isPlain))) continue;
    const wanted = "a string, number or boolean, or an array of these";
    throw new ConfigError("CONFIG_SINK_OPTION", `${factory}: resource: ${JSON.stringify(name)} must be ${wanted}`);
  }
  return attributes;
}
