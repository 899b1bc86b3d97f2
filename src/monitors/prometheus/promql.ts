import type { AlertRule } from "../alerts/alert.ts";
import {
  ATTEMPTS,
  BOUNDS,
  CALLS,
  COST,
  DURATION,
  FIRST_CHUNK,
  LABELS,
  labelName,
  labelValue,
  PRICED,
  SAMPLES,
  TOKENS,
  UNPRICED,
} from "./names.ts";

/** The figure of a rule in one window, in PromQL. All three have the same labels, but for `metric` of a gauge's samples. */
export interface Figure {
  readonly value: string;
  readonly samples: string;
  /** Behind `and` and `unless`: which labels the samples have besides. */
  readonly match: "" | "ignoring(metric) ";
  /** As Prometheus writes it. */
  readonly window: string;
  /** Whether chance explains it can be told by this share of the samples, which is to be beyond `expected`. */
  readonly test?: { readonly share: string; readonly expected: number } | undefined;
}

export interface Scope {
  readonly prefix: string;
  /** More labels that every series must have. */
  readonly selector: { readonly [name: string]: string };
  /** Milliseconds that gauges are of. */
  readonly gaugeMs: number;
}

export interface Window {
  readonly ms: number;
  /** As Prometheus writes it. */
  readonly text: string;
}

/** The parts that figures of counters are made of. */
interface Counters {
  /** Per second. */
  rate(metric: string, ...matchers: readonly string[]): string;
  /** In the window. */
  increase(metric: string, ...matchers: readonly string[]): string;
  quantile(q: number, metric: string): string;
}

type Recipe = (from: Counters, rule: AlertRule) => Omit<Figure, "match" | "window">;

const MADE = 'status!="refused"';

function quantile(q: number, metric: string): Recipe {
  return (from, { threshold, comparison }) => {
    // Nothing between the bounds is known. The next one on the far side makes nothing look worse than it is.
    const isUp = comparison.startsWith(">");
    const bound = isUp ? BOUNDS.find((at) => at >= threshold) : BOUNDS.findLast((at) => at <= threshold);
    const within =
      bound === undefined ? "" : from.rate(`${metric}_bucket`, `le=~"${String(bound).replace(".", "[.]")}([.]0)?"`);
    return {
      value: from.quantile(q, metric),
      samples: from.increase(`${metric}_count`),
      test:
        bound === undefined ? undefined : { share: `1 - ${within} / ${from.rate(`${metric}_count`)}`, expected: 1 - q },
    };
  };
}

function share(metric: string, part: string, whole?: string): Recipe {
  const all = whole === undefined ? [] : [whole];
  return (from, { threshold }) => {
    const value = `${from.rate(metric, part)} / ${from.rate(metric, ...all)}`;
    return { value, samples: from.increase(metric, ...all), test: { share: value, expected: threshold } };
  };
}

function amount(metric: string, seconds: number, samples = CALLS, ...made: readonly string[]): Recipe {
  const own = metric === samples ? made : [];
  return (from) => ({ value: `${from.rate(metric, ...own)} * ${seconds}`, samples: from.increase(samples, ...made) });
}

const unpriced: Recipe = (from, { threshold }) => {
  const value = `${from.rate(UNPRICED)} / (${from.rate(UNPRICED)} + ${from.rate(PRICED)})`;
  const samples = `(${from.increase(UNPRICED)} + ${from.increase(PRICED)})`;
  return { value, samples, test: { share: value, expected: threshold } };
};

/** What Prometheus works out by itself, over any window and all processes together. Everything else is a gauge. */
const RECIPES: ReadonlyMap<string, Recipe> = new Map<string, Recipe>([
  ["latency_p50", quantile(0.5, DURATION)],
  ["latency_p95", quantile(0.95, DURATION)],
  ["latency_p99", quantile(0.99, DURATION)],
  ["first_chunk_p50", quantile(0.5, FIRST_CHUNK)],
  ["first_chunk_p95", quantile(0.95, FIRST_CHUNK)],
  ["error_rate", share(CALLS, 'status!~"success|refused"', MADE)],
  ["timeout_rate", share(CALLS, 'status="timeout"', MADE)],
  ["rate_limit_rate", share(ATTEMPTS, 'outcome="rate_limited"')],
  ["server_error_rate", share(ATTEMPTS, 'outcome="server_error"')],
  ["calls_per_minute", amount(CALLS, 60, CALLS, MADE)],
  ["tokens_per_minute", amount(TOKENS, 60, CALLS, MADE)],
  ["usd_per_hour", amount(COST, 3600, PRICED)],
  ["unpriced_rate", unpriced],
]);

/** Whether it can be told from counters, by model, feature and team. */
export function isCounted(metric: string): boolean {
  return RECIPES.has(metric);
}

/** Means of scores, which a window of any length can have. What else is a gauge is a state: its latest value counts. */
const MEANS = /^(?:feedback|quality(?:_(?!drift$).*)?)$/;
/** Those that are by a dimension have it as a label beside that of the budget. */
const BUDGETS: ReadonlySet<string> = new Set(["budget_used", "budget_forecast", "cost_rate"]);

export function isBudget(metric: string): boolean {
  return BUDGETS.has(metric);
}

/** Whether a wider window can tell what a narrow one cannot. */
export function canWiden(metric: string): boolean {
  return isCounted(metric) || MEANS.test(metric);
}

/** The figure that `rule` is about, in each of the windows; or why there is none. */
export function figuresOf(rule: AlertRule, windows: readonly Window[], scope: Scope): readonly Figure[] | string {
  const { metric, by, where = {} } = rule;
  const given = Object.entries(where).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const dimensions = [...new Set([...given.map(([dimension]) => dimension), ...(by === undefined ? [] : [by])])];
  const strange = dimensions.find((dimension) => !(LABELS as readonly string[]).includes(dimension));
  if (strange !== undefined) return `its ${strange} is no label in Prometheus, which has ${LABELS.join(", ")}`;
  const matchers = [...given, ...Object.entries(scope.selector)].map(
    ([name, value]) => `${labelName(name)}=${JSON.stringify(labelValue(value))}`,
  );
  const recipe = RECIPES.get(metric);
  if (recipe !== undefined) {
    return windows.map((window) => ({
      ...recipe(counters(scope, window, matchers, by), rule),
      match: "",
      window: window.text,
    }));
  }
  if (dimensions.length > 1)
    return `"${metric}" is there by one dimension at a time, not by ${dimensions.join(" and ")}`;
  if (isBudget(metric) && by !== undefined) matchers.push(`${by}!=""`);
  const suffix = isBudget(metric) || dimensions.length === 0 ? "" : `_by_${dimensions[0]}`;
  return windows.map((window) => gauge(metric, scope, window, matchers, suffix));
}

function counters({ prefix }: Scope, { text }: Window, given: readonly string[], by: string | undefined): Counters {
  const select = (metric: string, matchers: readonly string[]): string =>
    `${prefix}_${metric}${braces([...matchers, ...given])}[${text}]`;
  const sum = by === undefined ? "sum" : `sum by (${by}) `;
  return {
    rate: (metric, ...matchers) => `${sum}(rate(${select(metric, matchers)}))`,
    increase: (metric, ...matchers) => `${sum}(increase(${select(metric, matchers)}))`,
    quantile(q, metric) {
      const labels = by === undefined ? "le" : `le, ${by}`;
      return `histogram_quantile(${q}, sum by (${labels}) (rate(${select(`${metric}_bucket`, [])})))`;
    },
  };
}

function gauge(
  metric: string,
  { prefix, gaugeMs }: Scope,
  { ms, text }: Window,
  matchers: readonly string[],
  suffix: string,
): Figure {
  const value = `${prefix}_${labelName(metric)}${suffix}${braces(matchers)}`;
  const samples = `${prefix}_${SAMPLES}${suffix}${braces([`metric="${labelName(metric)}"`, ...matchers])}`;
  const figure = { value, samples, match: "ignoring(metric) ", window: text } as const;
  if (!MEANS.test(metric)) return figure;
  // Each of its points is of so many milliseconds.
  const count = `avg_over_time(${samples}[${text}]) * ${Number((ms / gaugeMs).toPrecision(6))}`;
  return { ...figure, value: `avg_over_time(${value}[${text}])`, samples: count };
}

function braces(matchers: readonly string[]): string {
  return matchers.length === 0 ? "" : `{${matchers.join(",")}}`;
}
