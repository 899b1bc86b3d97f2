import type { AlertRule } from "../alerts/alert.ts";
import type { Figure } from "./promql.ts";

/** Has a name for an expression, under which Prometheus keeps it: `part` says which of the figure's. */
export type Recorder = (expression: string, part: string) => string;

/**
 * When a rule holds, in PromQL: what `alerts()` says of it, window by window. The first window with enough samples decides.
 * What is needed more than once gets a name.
 *
 * `confidence` is the arcsine test in place of the exact binomial one, which PromQL cannot say: with 5 to 500 samples they
 * differ by one hit at most (`test/monitors/prometheus-rules.test.ts`). What fires goes on until its figure is on the good
 * side of `clear`: `ALERTS` has it, with the labels of the figure and `added`, those of the rule.
 */
export function conditionOf(
  rule: AlertRule,
  figures: readonly Figure[],
  { alert, added, record }: { readonly alert: string; readonly added: readonly string[]; readonly record: Recorder },
): string {
  const { comparison, threshold, clear = threshold, confidence } = rule;
  const isLong = figures.length > 1 || confidence !== undefined;
  const named = isLong ? figures.map((figure) => recorded(figure, record)) : figures;
  const tests = named.map((figure) =>
    confidence === undefined ? undefined : testOf(rule, figure, confidence, record),
  );
  const ignored = ["alertname", "alertstate", ...added].join(", ");
  const firing = `ignoring(${ignored}) ALERTS{alertname=${JSON.stringify(alert)},alertstate="firing"}`;
  const windows = named.map((figure, i) => {
    const begins = `${figure.value} ${comparison} ${threshold}`;
    const goesOn = `${figure.value} ${comparison} ${clear} and ${firing}`;
    const sure = tests.slice(i).filter((test) => test !== undefined);
    let condition = begins;
    if (sure.length > 0) condition = `(${begins} and (${sure.join(" or ")}) or ${goesOn})`;
    else if (clear !== threshold) condition = `(${begins} or ${goesOn})`;
    const asks = figures.length > 1 || needsSamples(rule);
    const narrower = named[i - 1];
    return [
      condition,
      ...(asks ? [`and ${figure.match}${enough(rule, figure)}`] : []),
      ...(narrower === undefined ? [] : [`unless ${narrower.match}${enough(rule, narrower)}`]),
    ].join(" ");
  });
  return windows.join("\nor ");
}

function recorded(figure: Figure, record: Recorder): Figure {
  const { samples, window, test } = figure;
  const value = record(figure.value, window);
  const isSame = test !== undefined && test.share === figure.value;
  return {
    ...figure,
    value,
    samples: record(samples, `samples_${window}`),
    test: isSame ? { ...test, share: value } : test,
  };
}

/** A share of nothing is no number, and beyond no limit; a rate of nothing is zero, and below some. */
function needsSamples({ minSamples = 1, comparison }: AlertRule): boolean {
  return minSamples > 1 || comparison.startsWith("<");
}

/** Increases are extrapolated: the one call of a window may count as 0.9. */
function enough({ minSamples = 1 }: AlertRule, { samples }: Figure): string {
  return minSamples > 1 ? `${samples} >= ${minSamples}` : `${samples} > 0`;
}

/** By the arcsine of its root, how far a share of n spreads does not depend on the share: 1 / (2 √n). */
function testOf(rule: AlertRule, figure: Figure, confidence: number, record: Recorder): string | undefined {
  const { test, samples, window } = figure;
  if (test === undefined) return undefined;
  const expected = rounded(Math.asin(Math.sqrt(Math.min(1, Math.max(0, test.expected)))));
  // What is left of a difference of rates may be just below zero.
  const seen = `asin(sqrt(clamp(${test.share}, 0, 1)))`;
  const isUp = rule.comparison.startsWith(">");
  const beyond = isUp ? `${seen} - ${expected}` : `${expected} - ${seen}`;
  const part = `deviations_${isUp ? "above" : "below"}_${rule.threshold}_${window}`;
  return `${record(`2 * sqrt(${samples}) * (${beyond})`, part)} > ${rounded(deviationsOf(confidence))}`;
}

/** How many standard deviations chance stays below with this confidence. Abramowitz and Stegun 26.2.23, right to 4.5e-4. */
export function deviationsOf(confidence: number): number {
  const t = Math.sqrt(-2 * Math.log(1 - confidence));
  const above = 2.515517 + t * (0.802853 + t * 0.010328);
  return t - above / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
