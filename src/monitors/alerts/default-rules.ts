import { ConfigError } from "../../core/errors.ts";
import { showValue } from "../../core/show-value.ts";
import type { Source } from "../reading.ts";
import { type AlertRule, SEVERITIES, type Severity } from "./alert.ts";
import { isBeyond } from "./compare.ts";

export interface DefaultRulesOptions {
  /** Only rules about metrics that one of these has. Default: all rules. */
  readonly sources?: readonly Source[];
  /** Other thresholds, by metric: `{ latency_p95: { warning: 12, critical: 30 } }`. */
  readonly thresholds?: { readonly [metric: string]: { readonly [level in Level]?: number } };
  /** Names of rules, or of metrics whose rules are left out. */
  readonly except?: readonly string[];
  /** Default: warning `sev3`, critical `sev2`, outage `sev1`, ticket `sev4`. */
  readonly severities?: { readonly [level in Level]?: Severity };
}

const LEVELS = ["warning", "critical", "outage", "ticket"] as const;
type Level = (typeof LEVELS)[number];

const SEVERITY_OF: { readonly [level in Level]: Severity } = {
  outage: "sev1",
  critical: "sev2",
  warning: "sev3",
  ticket: "sev4",
};

const MINUTE_MS = 60_000;

/** A row of the table: what its rules have in common, and the threshold of each level. */
interface Row extends Pick<AlertRule, "metric" | "comparison"> {
  readonly names: { readonly [level in Level]?: string };
  readonly levels: { readonly [level in Level]?: number };
  /** Minutes: the window, the widest window, and `for`. Four levels of one metric wait as long, so that only the gravest is told. */
  readonly window: number;
  readonly widest?: number;
  readonly waits: number;
  readonly minSamples?: number;
  readonly confidence?: number;
  readonly unless?: readonly string[];
  readonly runbook: string;
  readonly summary: string;
}

/**
 * Figures of calls are those of five minutes; where these have too few calls, of twenty, then of an hour (100 calls an hour
 * are eight in five minutes, of which one failed call is 12 %). Chance must explain the excess in less than 1 % of all cases:
 * 12,000 simulated healthy hours at 100 calls an hour gave no page and 34 tickets. With the bare figures it is a page and
 * some 600 tickets in a thousand hours (`test/monitors/healthy-hours.fault.ts`).
 */
const CALLS = { window: 5, widest: 60, confidence: 0.99 } as const;

const ROWS: readonly Row[] = [
  {
    ...CALLS,
    metric: "latency_p50",
    names: { warning: "Median latency high", critical: "Median latency critical" },
    comparison: ">",
    levels: { warning: 2, critical: 5 },
    waits: 2,
    minSamples: 20,
    runbook: "elevated_latency",
    summary: "Half of the calls take longer than they should. Check the model's load, make prompts shorter.",
  },
  {
    ...CALLS,
    metric: "latency_p95",
    names: { warning: "p95 latency high", critical: "p95 latency critical" },
    comparison: ">",
    levels: { warning: 8, critical: 15 },
    waits: 2,
    // With fewer than twenty, the 95th percentile is the slowest call.
    minSamples: 20,
    runbook: "elevated_latency",
    summary: "The slowest calls take longer than they should. Scale horizontally, add a timeout.",
  },
  {
    ...CALLS,
    metric: "error_rate",
    names: { warning: "Error rate high", critical: "Error rate critical" },
    comparison: ">",
    levels: { warning: 0.02, critical: 0.05 },
    waits: 2,
    minSamples: 10,
    // Calls that end in 429 are failed calls too.
    unless: ["rate_limit_rate"],
    runbook: "api_outage",
    summary: "Calls fail. Check quotas and the circuit breaker.",
  },
  {
    ...CALLS,
    metric: "rate_limit_rate",
    names: { warning: "Rate limits high", critical: "Rate limits critical" },
    comparison: ">",
    levels: { warning: 0.01, critical: 0.05 },
    // The runbook's own: for two minutes and more.
    waits: 2,
    // Two of ten are more than chance makes of 1 %, and a client that tries three times makes two of one.
    minSamples: 20,
    runbook: "rate_limit_exhaustion",
    summary: "Requests are answered 429. Reduce concurrency, back off.",
  },
  {
    ...CALLS,
    metric: "server_error_rate",
    names: { outage: "API outage" },
    comparison: ">",
    levels: { outage: 0.5 },
    waits: 1,
    minSamples: 10,
    runbook: "api_outage",
    summary: "Most requests are answered 5xx, or not at all. Serve cached responses, queue requests.",
  },
  {
    metric: "circuit_open",
    names: { outage: "Circuit open" },
    comparison: ">",
    levels: { outage: 0 },
    window: 1,
    waits: 1,
    runbook: "api_outage",
    summary:
      "The circuit breaker lets no calls through. Check status.openai.com, serve cached responses, queue requests.",
  },
  {
    metric: "token_quota_used",
    names: { warning: "Token quota high", critical: "Token quota critical" },
    comparison: ">",
    levels: { warning: 0.8, critical: 0.95 },
    // A quota is that of a minute; one full minute is a burst, three in a row are not.
    window: 1,
    waits: 2,
    runbook: "rate_limit_exhaustion",
    summary: "Tokens per minute come near the quota. Request a quota increase.",
  },
  {
    metric: "cost_rate",
    names: { warning: "Cost rate high", critical: "Cost rate critical" },
    comparison: ">",
    levels: { warning: 1.2, critical: 1.5 },
    // The table's unit: an hour. What the hour has cost is spent, by however few calls.
    window: 60,
    waits: 2,
    runbook: "cost_spike",
    summary: "More is spent than the budget has. Route to cheaper models.",
  },
  {
    metric: "budget_used",
    names: { warning: "Budget nearly used", critical: "Budget used" },
    comparison: ">",
    levels: { warning: 0.8, critical: 0.95 },
    window: 60,
    waits: 0,
    runbook: "cost_spike",
    summary: "Little of the budget is left for its period. Route to cheaper models, switch off what is not critical.",
  },
  {
    metric: "quality",
    names: { warning: "Quality low", critical: "Quality critical" },
    comparison: "<",
    levels: { warning: 0.7, critical: 0.5 },
    window: 10,
    widest: 60,
    // The runbook's own: for ten minutes and more.
    waits: 10,
    minSamples: 10,
    runbook: "quality_degradation",
    summary: "Answers are worse than they should be. Check for prompt drift and changes of the model.",
  },
  {
    metric: "quality_drift",
    names: { ticket: "Quality drift" },
    comparison: ">",
    levels: { ticket: 1 },
    window: 60,
    waits: 0,
    runbook: "quality_degradation",
    summary: "Quality has moved away from its baseline. Compare outputs with the golden set.",
  },
];

/**
 * The course's table "Key Metrics & Thresholds", with two rules for each row (warning → sev3, critical → sev2), and what its
 * runbooks wait for: an outage (5xx above 50 %, or an open circuit → sev1), 429s for two minutes and more, quality below 0.5
 * for ten; a budget that comes to its end, and drift (→ sev4: a ticket).
 *
 * Where the course's later list of rules differs, the table wins. That list has: p95 above 10 s as a warning (here 8, and 15
 * as critical), 429s above 3 % as a warning (here 1 %, and 5 % as critical), quality below 0.6 as critical (here 0.5, and 0.7
 * as a warning), budget above 80 % (the same here), windows of 120 s for errors and 429s, 300 s for latency and 600 s for
 * budget and quality (here 300 s for calls, 600 s for quality, an hour for money), and 300 s of cooldown (the same).
 *
 * Windows of calls grow up to an hour where there are few calls, and chance is ruled out: see `widenToMs` and `confidence`. A
 * fault is found within the window that has the calls, its `for` and one evaluation. With less than ten calls an hour there
 * are no figures: then `circuit_open` is what is left.
 *
 * @throws ConfigError for names that no rule has
 * @example
 * import { defaultRules } from "sightline/monitors";
 * const rules = defaultRules({ thresholds: { latency_p95: { warning: 12, critical: 30 } }, except: ["token_quota_used"] });
 */
export function defaultRules(options: DefaultRulesOptions = {}): readonly AlertRule[] {
  const { sources, thresholds = {}, except = [], severities = {} } = options;
  check(options);
  const known = sources && new Set(sources.flatMap(({ metrics }) => metrics.map(({ name }) => name)));
  return ROWS.filter(({ metric }) => known?.has(metric) ?? true)
    .flatMap((row) => LEVELS.flatMap((level) => ruleOf(row, level, thresholds, severities) ?? []))
    .filter(({ name, metric }) => !except.includes(name) && !except.includes(metric));
}

function ruleOf(
  row: Row,
  level: Level,
  thresholds: NonNullable<DefaultRulesOptions["thresholds"]>,
  severities: NonNullable<DefaultRulesOptions["severities"]>,
): AlertRule | undefined {
  const { metric, comparison, names, levels, window, widest, waits, minSamples, confidence, unless, runbook, summary } =
    row;
  const name = names[level];
  if (name === undefined) return undefined;
  return {
    name,
    metric,
    comparison,
    threshold: thresholds[metric]?.[level] ?? levels[level]!,
    windowMs: window * MINUTE_MS,
    ...(widest !== undefined && { widenToMs: widest * MINUTE_MS }),
    forMs: waits * MINUTE_MS,
    // With ten to twenty calls, a share jumps by 5 % with each of them.
    ...(widest !== undefined && { keepFiringMs: 5 * MINUTE_MS }),
    ...(minSamples !== undefined && { minSamples }),
    ...(confidence !== undefined && { confidence }),
    severity: severities[level] ?? SEVERITY_OF[level],
    ...(unless !== undefined && { unless }),
    runbook,
    summary,
  };
}

function check({ thresholds = {}, except = [], severities = {} }: DefaultRulesOptions): void {
  for (const [metric, levels] of Object.entries(thresholds)) {
    const row = ROWS.find((at) => at.metric === metric);
    if (row === undefined)
      throw bad(`thresholds of "${metric}"`, `There are: ${ROWS.map((at) => at.metric).join(", ")}.`);
    for (const [level, threshold] of Object.entries(levels)) {
      const known = Object.keys(row.levels);
      if (!known.includes(level))
        throw bad(`a threshold of ${metric} called "${level}"`, `It has: ${known.join(", ")}.`);
      if (!Number.isFinite(threshold))
        throw bad(`${showValue(threshold)} as a threshold of ${metric}`, "It takes a number.");
    }
    const { warning, critical } = { ...row.levels, ...levels };
    if (warning !== undefined && critical !== undefined && isBeyond(row.comparison, warning, critical)) {
      const way = `It fires at ${row.comparison} its threshold: warning comes before critical. Give both.`;
      throw bad(`thresholds of ${metric} with warning ${warning} and critical ${critical}`, way);
    }
  }
  const names = ROWS.flatMap((row) => [row.metric, ...Object.values(row.names)]);
  for (const name of except) {
    if (!names.includes(name)) throw bad(`a rule or metric "${name}" to leave out`, `There are: ${names.join(", ")}.`);
  }
  for (const [level, severity] of Object.entries(severities)) {
    if (!LEVELS.includes(level as Level)) throw bad(`a level "${level}"`, `There are: ${LEVELS.join(", ")}.`);
    if (!SEVERITIES.includes(severity)) throw bad(`a severity "${severity}"`, `There are: ${SEVERITIES.join(", ")}.`);
  }
}

function bad(what: string, way: string): ConfigError {
  return new ConfigError("CONFIG_ALERT_RULE", `defaultRules() has no use for ${what}. ${way}`);
}
