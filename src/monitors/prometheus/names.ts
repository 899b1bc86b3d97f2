import type { Attributes, AttributeValue } from "../../semconv/attributes.ts";
import type { Instrument } from "../../semconv/metrics.ts";
import type { Labels } from "./family.ts";

/** What metrics of ours have as labels. Users are none: their number has no limit, and a store of metrics is no place for them. */
export const LABELS = ["model", "feature", "team"] as const;

export type Label = (typeof LABELS)[number];

export const PREFIX = "sightline";

/** Without the prefix. */
export const CALLS = "model_calls_total";
export const COST = "cost_usd_total";
export const PRICED = "priced_calls_total";
export const UNPRICED = "unpriced_calls_total";
export const ATTEMPTS = "http_attempts_total";
export const TOKENS = "tokens_total";
export const DURATION = "call_duration_seconds";
export const FIRST_CHUNK = "first_chunk_seconds";
/** From how many samples the gauge in the label `metric` was made. */
export const SAMPLES = "samples";
export const ALERT = "alert";

/**
 * Upper bounds of the two histograms, in seconds. The limits of the default rules are among them (2, 5, 8, 10, 15): whether a
 * percentile is above one of those is told exactly, not from within a bucket. The longest are for reasoning.
 */
export const BOUNDS = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 8, 10, 15, 20, 30, 60, 120, 300, 600] as const;

/** Names of people's own making may be of any length. */
const MAX_VALUE = 200;
/** What Prometheus's reader or UTF-8 cannot hold: zeros, halves of pairs. The first finds whole pairs too, and is fast. */
const SUSPICIOUS = /[\0\ud800-\udfff]/;
const UNREADABLE = /[\0\p{Surrogate}]/gu;

const UNITS: { readonly [unit: string]: string } = { s: "seconds", ms: "milliseconds", By: "bytes", "1": "ratio" };

/**
 * The name of an OpenTelemetry metric in Prometheus, by OpenTelemetry's rules of compatibility: what is no letter or digit
 * becomes `_`, the unit stands behind where the name does not have it, `{token}` and its like are no units, counters end in `_total`.
 */
export function metricName({ name, unit, kind }: Instrument): string {
  const words = labelName(name);
  const suffix = UNITS[unit];
  const withUnit = suffix === undefined || words.split("_").includes(suffix) ? words : `${words}_${suffix}`;
  return kind === "counter" ? `${withUnit.replace(/_total$/, "")}_total` : withUnit;
}

/** `gen_ai.request.model` → `gen_ai_request_model`. Two underscores in front are Prometheus's own. */
export function labelName(name: string): string {
  const words = name.replace(/[^a-zA-Z0-9_]+/g, "_").replace(/_{2,}/g, "_");
  return /^[0-9]|^$/.test(words) ? `_${words}` : words;
}

export function labelValue(value: AttributeValue): string {
  const text = typeof value === "string" ? value : typeof value === "object" ? JSON.stringify(value) : String(value);
  const short = text.length > MAX_VALUE ? text.slice(0, MAX_VALUE) : text;
  return SUSPICIOUS.test(short) ? short.replace(UNREADABLE, "\ufffd") : short;
}

/** A label without text is none, to Prometheus too. */
export function labelsOf(attributes: Attributes): Labels {
  const labels: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(attributes)) {
    const text = labelValue(value);
    if (text !== "") labels[labelName(name)] = text;
  }
  return labels;
}
