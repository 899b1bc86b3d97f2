import { formatReading } from "../reading.ts";
import type { AlertRule } from "./alert.ts";
import { isBeyond } from "./compare.ts";
import type { Watched } from "./watched.ts";

const WORDS: { readonly [comparison in AlertRule["comparison"]]: string } = {
  ">": "above",
  ">=": "at or above",
  "<": "below",
  "<=": "at or below",
};

/** `error_rate is 7 %, above 5 %`. */
export function messageOf(watched: Watched, staleMs: number): string {
  const { rule, unit, state, value, samples, reason } = watched;
  const { comparison, threshold, clear = threshold, minSamples = 1 } = rule;
  const name = nameOf(watched);
  const show = (figure: number) => formatReading(unit, figure);
  const limit = `${WORDS[comparison]} ${show(threshold)}`;
  const was = value === undefined ? `${name} was ${limit}` : `${name} was ${show(value)}, ${limit}`;
  if (reason === "rule_gone") return `${was}; its rule is not there any more`;
  if (reason === "stale") return `${was}; taken as over after ${duration(staleMs)} without data`;
  if (state === "firing" && watched.isStale) return `${was}; no data since then`;
  if (state === "no_data" || value === undefined) {
    if (reason === "source_failed") return `${name} has no data: its source failed`;
    return samples > 0 && samples < minSamples
      ? `${name} has ${samples} of the ${minSamples} samples that it takes`
      : `${name} has no data`;
  }
  const is = `${name} is ${show(value)}`;
  if (state === "resolved") return `${is}, no longer ${WORDS[comparison]} ${show(clear)}`;
  if (state === "inactive") return is;
  if (isBeyond(comparison, value, threshold)) return `${is}, ${limit}`;
  if (isBeyond(comparison, value, clear)) return `${is}, not yet over: that is at ${show(clear)}`;
  return `${is}, no longer ${WORDS[comparison]} ${show(clear)}, but for less than ${duration(rule.keepFiringMs ?? 0)}`;
}

/** `error_rate (feature summarizer)`. */
function nameOf({ rule, group }: Watched): string {
  const labels = [...Object.entries(rule.where ?? {}), ...(JSON.parse(group) as [string, string][])];
  return labels.length === 0 ? rule.metric : `${rule.metric} (${labels.map((pair) => pair.join(" ")).join(", ")})`;
}

function duration(ms: number): string {
  if (ms % 3_600_000 === 0) return `${ms / 3_600_000} h`;
  return ms % 60_000 === 0 ? `${ms / 60_000} min` : `${ms / 1_000} s`;
}
