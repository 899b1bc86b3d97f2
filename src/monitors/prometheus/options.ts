import { type Checks, checkOptions, isClock, isFunction } from "../../core/check-options.ts";
import type { Clock } from "../../core/clock.ts";
import { ConfigError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import { PROFILES, type Profile, profileOf } from "../../semconv/profile.ts";
import type { Source } from "../reading.ts";
import type { Labels } from "./family.ts";
import type { AlertSource } from "./gauges.ts";
import {
  ALERT,
  ATTEMPTS,
  CALLS,
  COST,
  DURATION,
  FIRST_CHUNK,
  labelName,
  labelValue,
  PREFIX,
  PRICED,
  SAMPLES,
  TOKENS,
  UNPRICED,
} from "./names.ts";

export interface PrometheusOptions {
  /** What is shown as gauges besides: `metrics()`, `budgets()`, `quality()`, `alerts()`, or your own. */
  sources?: readonly (Source | AlertSource)[];
  /** Which generation of GenAI names. Default: `1.41`, or `latest` where `OTEL_SEMCONV_STABILITY_OPT_IN` asks for it. */
  profile?: Profile;
  /**
   * Sets of labels of one metric that are told apart; the rest counts together, as `other` or `otel_metric_overflow`. One
   * of model, feature and team takes five, as calls end in five ways: there are 200. Default 1,000: a scrape of that many
   * is 6 MB of text and 150 ms of work.
   */
  maxSeries?: number;
  /** Of what the gauges tell. Milliseconds, default 300,000. */
  windowMs?: number;
  /** In front of the names that are not OpenTelemetry's. Default `sightline`. */
  prefix?: string;
  /** On every line: `{ service: "tutor" }`. Not `le` and `quantile`, which are those of histograms and summaries. */
  labels?: { readonly [name: string]: string };
  /** The sink's. Default `prometheus`. */
  name?: string;
  clock?: Clock;
}

export interface PrometheusSettings {
  readonly sources: readonly (Source | AlertSource)[];
  readonly profile: Profile;
  readonly maxSeries: number;
  readonly windowMs: number;
  readonly prefix: string;
  readonly labels: Labels;
}

const MAX_SERIES = 1_000;
/** Two groups of five: one, and the rest. */
const LEAST_SERIES = 10;
const WINDOW_MS = 300_000;

/** A histogram would lose its own, and elsewhere `promtool check metrics` refuses them. */
const RESERVED: ReadonlySet<string> = new Set(["le", "quantile"]);

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";
const isPositive = (value: unknown): boolean =>
  typeof value === "number" && value > 0 && value < Number.POSITIVE_INFINITY;
const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

const CHECKS: Checks<PrometheusOptions> = {
  sources: [isSources, "a list of sources, each with read() and metrics that have names, or with all()"],
  profile: [(value) => PROFILES.includes(value as Profile), PROFILES.map((each) => `"${each}"`).join(" or ")],
  maxSeries: [(value) => isPositive(value) && Number(value) >= LEAST_SERIES, `a number of ${LEAST_SERIES} or more`],
  windowMs: [isPositive, "a number of milliseconds above zero"],
  prefix: [
    (value) => isText(value) && /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(value as string),
    "letters, digits and underscores",
  ],
  labels: [
    (value) =>
      isObject(value) &&
      Object.entries(value).every(([name, each]) => typeof each === "string" && !RESERVED.has(labelName(name))),
    "texts by name, but not by le and quantile, which are Prometheus's own",
  ],
  name: [isText, "a text"],
  clock: [isClock, "a clock with epochMs() and monotonicMs()"],
};

/** @throws ConfigError for an option that makes no sense, and for a metric of a source whose name is taken */
export function prometheusSettings(options: PrometheusOptions, env: NodeJS.ProcessEnv): PrometheusSettings {
  checkOptions("prometheus", options, CHECKS);
  const {
    sources = [],
    profile = profileOf(env),
    maxSeries = MAX_SERIES,
    windowMs = WINDOW_MS,
    prefix = PREFIX,
  } = options;
  const labels: { [name: string]: string } = {};
  for (const [name, value] of Object.entries(options.labels ?? {})) labels[labelName(name)] = labelValue(value);
  checkNames(sources);
  checkWindow(sources, windowMs);
  return { sources, profile, maxSeries, windowMs, prefix, labels };
}

function checkWindow(sources: NonNullable<PrometheusOptions["sources"]>, windowMs: number): void {
  for (const source of sources) {
    const windows = "read" in source ? source.windows : undefined;
    if (windows === undefined || (windowMs >= windows.leastMs && windowMs <= windows.mostMs)) continue;
    const takes = `takes windowMs from ${windows.leastMs} to ${windows.mostMs}, as a source has them`;
    throw new ConfigError("CONFIG_BAD_VALUE", `prometheus() ${takes}; it got ${windowMs}.`);
  }
}

function isSources(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => isObject(each) && (isSource(each) || isAlertSource(each)));
}

function isSource(value: object): boolean {
  return (
    "read" in value &&
    isFunction(value.read) &&
    "metrics" in value &&
    Array.isArray(value.metrics) &&
    value.metrics.every(isMetric)
  );
}

function isMetric(value: unknown): boolean {
  return isObject(value) && "name" in value && isText(value.name);
}

function isAlertSource(value: object): boolean {
  return "all" in value && isFunction(value.all);
}

/** Without their `_total`, as OpenMetrics compares them. */
const OURS = [CALLS, COST, PRICED, UNPRICED, ATTEMPTS, TOKENS, DURATION, FIRST_CHUNK, SAMPLES, ALERT].map(baseOf);

export function baseOf(name: string): string {
  return name.replace(/_total$/, "");
}

/** A name that two have would be one metric with two meanings, which no scraper takes. */
function checkNames(sources: readonly (Source | AlertSource)[]): void {
  const taken = new Set(OURS);
  for (const source of sources) {
    if (!("read" in source)) continue;
    for (const { name } of guard(() => source.metrics, [])) {
      const base = baseOf(labelName(name));
      if (taken.has(base)) {
        throw new ConfigError(
          "CONFIG_BAD_VALUE",
          `prometheus({ sources }): the metric "${name}" is there already. Give it another name, or its source once.`,
        );
      }
      taken.add(base);
    }
  }
}
