import { ConfigError } from "../../core/errors.ts";
import { showValue } from "../../core/show-value.ts";
import { DIMENSIONS, type Metric, type Source } from "../reading.ts";
import { type AlertRule, SEVERITIES } from "./alert.ts";
import { isBeyond } from "./compare.ts";

type Check = readonly [isRight: (value: any) => boolean, wanted: string];

const TEXT: Check = [(value) => typeof value === "string" && value.trim() !== "", "a text"];
const NUMBER: Check = [Number.isFinite, "a number"];
const TIME: Check = [(value) => Number.isFinite(value) && value > 0, "milliseconds above zero"];
const TIME_OR_NONE: Check = [(value) => Number.isFinite(value) && value >= 0, "milliseconds, or 0"];
const TEXTS: Check = [
  (value) => typeof value === "object" && value !== null && Object.values(value).every((at) => typeof at === "string"),
  "an object of texts",
];

const REQUIRED = ["name", "metric", "comparison", "threshold", "windowMs", "severity"] as const;
const CHECKS: { readonly [field in keyof AlertRule]-?: Check } = {
  name: TEXT,
  metric: TEXT,
  comparison: [(value) => [">", ">=", "<", "<="].includes(value), ">, >=, < or <="],
  threshold: NUMBER,
  clear: NUMBER,
  windowMs: TIME,
  widenToMs: TIME,
  forMs: TIME_OR_NONE,
  keepFiringMs: TIME_OR_NONE,
  cooldownMs: TIME_OR_NONE,
  minSamples: [(value) => Number.isInteger(value) && value >= 1, "a whole number from 1 on"],
  confidence: [(value) => value >= 0.5 && value < 1, "a number from 0.5 to below 1"],
  severity: [(value) => SEVERITIES.includes(value), SEVERITIES.join(", ")],
  unless: [
    (value) => Array.isArray(value) && value.every((metric) => typeof metric === "string"),
    "a list of names of metrics",
  ],
  by: [(value) => DIMENSIONS.includes(value), DIMENSIONS.join(", ")],
  where: [
    (value) => TEXTS[0](value) && Object.keys(value).length === 1 && DIMENSIONS.includes(Object.keys(value)[0] as any),
    `one of ${DIMENSIONS.join(", ")} and its value`,
  ],
  labels: TEXTS,
  runbook: TEXT,
  summary: TEXT,
};

/** The rules as they were given, frozen copies; what is wrong with one is said with its name. Rules may come from a file. */
export function checkRules(
  rules: readonly AlertRule[],
  metrics: ReadonlyMap<string, { readonly source: Source }>,
): readonly AlertRule[] {
  const names = new Set<string>();
  return rules.map((rule, i) => {
    checkFields(rule, i);
    const { name, metric, comparison, threshold, clear = threshold, windowMs, widenToMs = windowMs } = rule;
    if (names.has(name)) throw bad(`two rules are called "${name}". Rules are told apart by name: give each its own.`);
    names.add(name);
    if (!metrics.has(metric)) {
      const known = [...metrics.keys()].join(", ") || "none";
      const way = "Give its source, or leave the rule out, as defaultRules({ sources }) does.";
      throw bad(`rule "${name}" is about the metric "${metric}", which no source has. They have: ${known}. ${way}`);
    }
    if (clear !== threshold && isBeyond(comparison, clear, threshold)) {
      throw bad(
        `rule "${name}" fires at ${comparison} ${threshold} and is over at ${clear}, which is on the bad side.`,
      );
    }
    const { by, where = {} } = rule;
    if (by !== undefined && Object.keys(where).some((dimension) => dimension !== by)) {
      const way = "Sources keep figures by one dimension: leave one of the two out, or make a rule for each value.";
      throw bad(`rule "${name}" asks by ${by} where ${Object.keys(where).join()} is given. ${way}`);
    }
    if (widenToMs < windowMs) {
      throw bad(
        `rule "${name}" has widenToMs ${widenToMs} below its windowMs ${windowMs}. Leave it out, or make it larger.`,
      );
    }
    checkWindows(rule, metrics.get(metric)!.source);
    return Object.freeze({ ...rule });
  });
}

/** A source that cannot have a window would give the figure of another one. */
function checkWindows({ name, metric, windowMs, widenToMs }: AlertRule, { windows }: Source): void {
  if (windows === undefined) return;
  const { leastMs, mostMs } = windows;
  for (const [field, value] of Object.entries({ windowMs, widenToMs })) {
    if (value === undefined || (value >= leastMs && value <= mostMs)) continue;
    throw bad(
      `rule "${name}" has ${field} ${value}; the source of ${metric} has windows from ${leastMs} to ${mostMs} ms.`,
    );
  }
}

/** By name. @throws ConfigError when two sources have the same */
export function metricsOf(sources: readonly Source[]): ReadonlyMap<string, { metric: Metric; source: Source }> {
  const found = new Map<string, { metric: Metric; source: Source }>();
  for (const source of sources) {
    for (const metric of source.metrics) {
      if (found.has(metric.name)) {
        throw bad(`two sources have the metric "${metric.name}". Leave one of them out, or rename it.`);
      }
      found.set(metric.name, { metric, source });
    }
  }
  return found;
}

function checkFields(rule: AlertRule, i: number): void {
  if (typeof rule !== "object" || rule === null) throw bad(`rules[${i}] is no rule: ${showValue(rule)}.`);
  const name = typeof rule.name === "string" ? `rule "${rule.name}"` : `rules[${i}]`;
  for (const field of REQUIRED) {
    if (rule[field] === undefined) throw bad(`${name} has no ${field}. It takes ${CHECKS[field][1]}.`);
  }
  for (const [field, value] of Object.entries(rule)) {
    const check = Object.hasOwn(CHECKS, field) ? CHECKS[field as keyof AlertRule] : undefined;
    if (check === undefined)
      throw bad(`${name} has "${field}", which no rule has. Known: ${Object.keys(CHECKS).join(", ")}.`);
    if (value !== undefined && !check[0](value)) {
      throw bad(`${name}: ${field} takes ${check[1]}; it is ${showValue(value)}.`);
    }
  }
}

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_ALERT_RULE", `alerts(): ${message}`);
}
