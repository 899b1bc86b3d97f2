import type { AlertRule, AlertState, Incident, Severity } from "../../../monitors/index.ts";
import { compact, duration, percent, usd } from "../format.ts";
import type { Tone } from "../parts/index.ts";

export const SEVERITY_TONES: { readonly [severity in Severity]: Tone } = {
  sev1: "error",
  sev2: "error",
  sev3: "warning",
  sev4: "plain",
};

export const STATUS_TONES: { readonly [status in Incident["status"]]: Tone } = {
  detected: "error",
  acknowledged: "warning",
  mitigating: "accent",
  resolved: "ok",
};

export const STATE_TONES: { readonly [state in AlertState]: Tone } = {
  firing: "error",
  pending: "warning",
  resolved: "ok",
  inactive: "plain",
  no_data: "plain",
};

/** Milliseconds as `3 m 20 s`, `15 m`. */
export function milliseconds(ms: number): string {
  return duration(ms * 1e6).replace(/ 00? [smh]$/, "");
}

/** A figure of a metric as people read it: `error_rate` 0.07 → `7.0%`, `latency_p95` 4.71 → `4.71 s`. */
export function figureText(metric: string, value: number | undefined): string {
  if (value === undefined) return "no data";
  if (/(?:_rate|_share|quota)$/.test(metric) && metric !== "cost_rate") return percent(value);
  if (/latency|seconds|duration/.test(metric)) return duration(value * 1e9);
  if (/usd/.test(metric)) return usd(value);
  return Math.abs(value) < 1_000 ? String(Math.round(value * 1_000) / 1_000) : compact(value);
}

/** `> 5.0% for 2 m`. */
export function conditionText({ metric, comparison, threshold, forMs }: AlertRule): string {
  const held = forMs ? ` for ${milliseconds(forMs)}` : "";
  return `${comparison} ${figureText(metric, threshold)}${held}`;
}
