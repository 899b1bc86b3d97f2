import { ConfigError } from "../../core/errors.ts";
import type { AlertRule } from "../alerts/alert.ts";
import { conditionOf, type Recorder } from "./condition.ts";
import { labelName, labelValue, PREFIX } from "./names.ts";
import { canWiden, figuresOf } from "./promql.ts";

export interface PrometheusRulesOptions {
  /** The name of the group. Default `sightline`. */
  readonly group?: string;
  /** Milliseconds from one evaluation to the next. Default: Prometheus's own. */
  readonly intervalMs?: number;
  /**
   * How often Prometheus scrapes. A rate needs two points, and one scrape may fail: windows shorter than four of these
   * are made as long. Milliseconds, default 15,000.
   */
  readonly scrapeIntervalMs?: number;
  /** The `windowMs` that `prometheus()` has. Default 300,000. */
  readonly gaugeMs?: number;
  /** As given to `prometheus()`. Default `sightline`. */
  readonly prefix?: string;
  /** Only series with these labels: `{ job: "tutor" }`. */
  readonly selector?: { readonly [label: string]: string };
  /** Added to every alert. */
  readonly labels?: { readonly [name: string]: string };
}

const SCRAPE_MS = 15_000;
/** Grafana's `$__rate_interval` has the same. */
const SCRAPES = 4;
const GAUGE_MS = 300_000;
const WIDER = 4;

const WORDS = { ">": "above", ">=": "at or above", "<": "below", "<=": "at or below" } as const;

/**
 * Alert rules as a rule file of Prometheus, over what `prometheus()` exposes: the same alerts, evaluated there, over all
 * processes together. Give the text to `rule_files`, and to `promtool check rules` before.
 *
 * Latencies, rates and costs are worked out from counters and histograms; quality, budgets, quotas and states from gauges,
 * for each process. `minSamples`, `widenToMs`, `clear` and `confidence` are said in PromQL, with recording rules for what is
 * needed more than once; `keepFiringMs` needs Prometheus 2.42. What differs: an alert whose figure is missing is over there, a
 * window may be widened to what fired before,
 * an alert does not keep quiet because a graver one or one of `unless` fires, and `cooldownMs` is
 * Alertmanager's matter, as inhibition is.
 *
 * @throws ConfigError for a rule that cannot be said in PromQL, such as one by user: users are no labels
 * @example
 * const { prometheusRules } = await import("sightline/monitors/prometheus");
 * const yaml = prometheusRules([
 *   { name: "High error rate", metric: "error_rate", comparison: ">", threshold: 0.05, windowMs: 120_000, severity: "sev2" },
 * ]);
 */
export function prometheusRules(rules: readonly AlertRule[], options: PrometheusRulesOptions = {}): string {
  const { group = PREFIX, intervalMs } = options;
  const alerts = new Map<string, string>();
  const recordings = new Map<string, string>();
  const lines = ["groups:", `  - name: ${quoted(group)}`];
  if (intervalMs !== undefined) lines.push(`    interval: ${duration(intervalMs)}`);
  lines.push(rules.length === 0 ? "    rules: []" : "    rules:");
  for (const [i, rule] of rules.entries()) {
    const alert = freeName(plainName(rule.name), String(i), alerts);
    lines.push(...ruleLines(rule, alert, recordings, options));
  }
  return `${lines.join("\n")}\n`;
}

/** An alert, and before it what its expression has a name for, unless a rule before it has that too. */
function ruleLines(
  rule: AlertRule,
  alert: string,
  recordings: Map<string, string>,
  options: PrometheusRulesOptions,
): string[] {
  const { forMs = 0, keepFiringMs = 0, runbook } = rule;
  const isAddress = runbook !== undefined && /^https?:\/\//.test(runbook);
  const labels = labelsOf(rule, options);
  const lines: string[] = [];
  const record: Recorder = (expression, part) => {
    const known = [...recordings].find(([, value]) => value === expression);
    if (known !== undefined) return known[0];
    const by = rule.by === undefined ? "" : `_by_${rule.by}`;
    const name = `${options.prefix ?? PREFIX}:${labelName(rule.metric)}${by}:${part.replace(/[^a-zA-Z0-9_]/g, "_")}`;
    const free = freeName(name, expression, recordings);
    lines.push(`      - record: ${free}`, ...expressionLines(expression));
    return free;
  };
  const expression = expressionOf(rule, { alert, added: Object.keys(labels), record }, options);
  lines.push(
    `      - alert: ${quoted(alert)}`,
    ...expressionLines(expression),
    ...(forMs > 0 ? [`        for: ${duration(forMs)}`] : []),
    ...(keepFiringMs > 0 ? [`        keep_firing_for: ${duration(keepFiringMs)}`] : []),
    "        labels:",
    ...entries(labels),
    "        annotations:",
    ...entries({
      summary: literal(rule.summary ?? rule.name),
      description: `${literal(rule.metric)} is {{ printf "%.4g" $value }}, ${WORDS[rule.comparison]} ${rule.threshold}`,
      ...(runbook !== undefined && { [isAddress ? "runbook_url" : "runbook"]: literal(runbook) }),
    }),
  );
  return lines;
}

/** A line for each window. */
function expressionLines(expression: string): string[] {
  const lines = expression.split("\n");
  if (lines.length === 1) return [`        expr: ${quoted(expression)}`];
  return ["        expr: |-", ...lines.map((line) => `          ${writable(line)}`)];
}

function expressionOf(
  rule: AlertRule,
  names: Parameters<typeof conditionOf>[2],
  { scrapeIntervalMs = SCRAPE_MS, prefix = PREFIX, selector = {}, gaugeMs = GAUGE_MS }: PrometheusRulesOptions,
): string {
  const { name, comparison, threshold, clear = threshold, windowMs, confidence = 0.5 } = rule;
  if (!(windowMs > 0 && windowMs < Number.POSITIVE_INFINITY)) throw cannot(name, `its window is ${windowMs} ms`);
  if (!Number.isFinite(threshold) || !Number.isFinite(clear)) throw cannot(name, `it compares with ${threshold}`);
  if (!(comparison in WORDS)) throw cannot(name, `it compares by "${comparison}"`);
  if (!(confidence >= 0.5 && confidence < 1)) throw cannot(name, `its confidence is ${confidence}`);
  const windows = windowsOf(rule, SCRAPES * scrapeIntervalMs).map((ms) => ({ ms, text: duration(ms) }));
  const figures = figuresOf(rule, windows, { prefix, selector, gaugeMs });
  if (typeof figures === "string") throw cannot(name, figures);
  return conditionOf(rule, figures, names);
}

/** Four times as wide each time, as `alerts()` has it. */
function windowsOf({ metric, windowMs, widenToMs = windowMs }: AlertRule, leastMs: number): number[] {
  const windows = [Math.max(windowMs, leastMs)];
  for (let ms = windows[0]!; ms < widenToMs && canWiden(metric); ) windows.push((ms = Math.min(ms * WIDER, widenToMs)));
  return windows;
}

function labelsOf(rule: AlertRule, { labels = {} }: PrometheusRulesOptions): { [name: string]: string } {
  const all: { [name: string]: string } = {};
  for (const [name, value] of Object.entries({ ...labels, ...rule.labels })) {
    const known = labelName(name);
    // Prometheus refuses the first, and keeps names with two underscores to itself.
    if (known !== "alertname" && !known.startsWith("__")) all[known] = literal(labelValue(value));
  }
  return { ...all, severity: rule.severity };
}

/** As `alertmanager()` has it, so that one silence is for both; no backslash or quote, which PromQL would read. */
function plainName(name: string): string {
  return name.replace(/ *[\\"\p{Cc}]+ */gu, " ").trim() || "Alert";
}

/** Numbered where two come to the same. */
function freeName(name: string, value: string, taken: Map<string, string>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}_${n}`;
  taken.set(free, value);
  return free;
}

function entries(values: { readonly [name: string]: string }): string[] {
  return Object.entries(values).map(([name, value]) => `          ${name}: ${quoted(value)}`);
}

/** Labels and annotations are templates to Prometheus. */
function literal(text: string): string {
  return text.replaceAll("{{", '{{"{{"}}');
}

/** What YAML takes for a line break, or refuses, and JSON leaves as it is. */
const UNWRITABLE = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/** A string of JSON is one of YAML. */
function quoted(text: string): string {
  return writable(JSON.stringify(text.replace(/\p{Surrogate}/gu, "\ufffd")));
}

/** Escaped as JSON, YAML and PromQL have it in their strings; elsewhere there are none. */
function writable(text: string): string {
  return text.replace(UNWRITABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** As Prometheus writes it, in the largest unit that is whole. */
function duration(ms: number): string {
  const whole = Math.ceil(ms);
  if (whole % 1_000 !== 0) return `${whole}ms`;
  const seconds = whole / 1_000;
  if (seconds % 3_600 === 0) return `${seconds / 3_600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

function cannot(rule: string, why: string): ConfigError {
  return new ConfigError("CONFIG_BAD_VALUE", `prometheusRules(): the rule "${rule}" cannot be said in PromQL: ${why}.`);
}
