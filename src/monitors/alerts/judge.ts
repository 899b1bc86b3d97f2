import type { Metric, Query, Reading } from "../reading.ts";
import type { AlertRule } from "./alert.ts";
import { isMoreThanChance } from "./binomial.ts";
import { isBeyond, isUpward } from "./compare.ts";

/**
 * What a rule says about one group now. `bad`: it holds. `over`: it is clearly over. `between`: neither, as the figure is
 * between the threshold and `clear`, or as chance may explain it. `missing`: no figure, or too few samples.
 */
export interface Verdict {
  readonly kind: "bad" | "between" | "over" | "missing";
  readonly reading: Reading;
}

/** By group, in the source's order. */
export type Read = (metric: string, query: Query) => ReadonlyMap<string, Reading>;

/** Four times as wide each time: 5, 20 and 60 minutes. */
const WIDER = 4;

/**
 * One verdict for each group that the sources know and that is `wanted`; none where they know nothing. `sinceMs`: how long
 * ago the rule's last alert was over. No window is made wider than that: what was wrong then makes nothing of one failed
 * call now.
 */
export function judge(
  rule: AlertRule,
  metric: Metric,
  read: Read,
  sinceMs: number,
  wanted: (group: string, reading: Reading) => boolean,
): ReadonlyMap<string, Verdict> {
  const { by, where } = rule;
  const windows = windowsOf(rule, sinceMs);
  const verdicts = new Map<string, Verdict>();
  for (const [i, windowMs] of windows.entries()) {
    for (const [group, reading] of read(rule.metric, { windowMs, by, where })) {
      if ((verdicts.get(group)?.kind ?? "missing") !== "missing" || !wanted(group, reading)) continue;
      verdicts.set(
        group,
        verdictOf(rule, reading, () => isSure(rule, metric, group, windows.slice(i), read)),
      );
    }
    // Mostly the first window says it all.
    if (verdicts.size > 0 && [...verdicts.values()].every(({ kind }) => kind !== "missing")) break;
  }
  return verdicts;
}

/** Same labels, same group. */
export function groupOf(labels: Reading["labels"]): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function verdictOf(rule: AlertRule, reading: Reading, isSure: () => boolean): Verdict {
  const { comparison, threshold, clear = threshold, minSamples = 1 } = rule;
  const { value, samples } = reading;
  if (value === undefined || !Number.isFinite(value) || !(samples >= minSamples)) return { kind: "missing", reading };
  if (!isBeyond(comparison, value, clear)) return { kind: "over", reading };
  return { kind: isBeyond(comparison, value, threshold) && isSure() ? "bad" : "between", reading };
}

/** Whether chance is ruled out in one of the windows. Counting is asked for here only, as it is rarely needed. */
function isSure(rule: AlertRule, metric: Metric, group: string, windows: readonly number[], read: Read): boolean {
  const { by, where, threshold, confidence } = rule;
  if (confidence === undefined) return true;
  const above = quantileOf(rule.metric) === undefined ? undefined : threshold;
  return windows.some((windowMs) => {
    const reading = read(rule.metric, { windowMs, by, where, above }).get(group);
    return reading !== undefined && isSignificant(rule, metric, reading, confidence);
  });
}

/** True too for what cannot be tested: a source that does not count leaves it to the bare figure. */
function isSignificant(rule: AlertRule, metric: Metric, reading: Reading, confidence: number): boolean {
  const { value, samples, above } = reading;
  if (value === undefined) return false;
  const isUp = isUpward(rule.comparison);
  const quantile = quantileOf(rule.metric);
  if (quantile !== undefined) {
    if (above === undefined) return isBeyond(rule.comparison, value, rule.threshold);
    return isUp
      ? isMoreThanChance(above, samples, 1 - quantile, confidence)
      : isMoreThanChance(samples - above, samples, quantile, confidence);
  }
  if (metric.unit !== "share") return isBeyond(rule.comparison, value, rule.threshold);
  const hits = Math.round(value * samples);
  return isUp
    ? isMoreThanChance(hits, samples, rule.threshold, confidence)
    : isMoreThanChance(samples - hits, samples, 1 - rule.threshold, confidence);
}

/** 0.95 of `latency_p95`. */
function quantileOf(metric: string): number | undefined {
  const digits = /_p(\d{1,2})$/.exec(metric)?.[1];
  return digits === undefined ? undefined : Number(digits) / 100;
}

function windowsOf({ windowMs, widenToMs = windowMs }: AlertRule, sinceMs: number): readonly number[] {
  const windows = [windowMs];
  const widestMs = Math.min(widenToMs, sinceMs);
  for (let ms = windowMs; ms < widestMs; ) windows.push((ms = Math.min(ms * WIDER, widestMs)));
  return windows;
}
