/** Exported rules before promtool, as Debian has it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { prometheusRules } from "sightline/monitors/prometheus";
import type { AlertRule } from "../../src/monitors/alerts/alert.ts";
import { defaultRules } from "../../src/monitors/alerts/default-rules.ts";
import { METRICS } from "../../src/monitors/metrics/metric-list.ts";
import { figure } from "../fault/lab/figures.ts";
import * as lab from "../fault/lab/operators.ts";

/** A rule for each metric that there is, in all the forms that can be said. */
function everyRule(): AlertRule[] {
  const others = [
    "budget_used",
    "budget_forecast",
    "cost_rate",
    "quality",
    "quality_relevance",
    "feedback",
    "quality_drift",
  ];
  const names = [...METRICS.map(({ name }) => name), ...others, "a source's own"];
  const rule = { threshold: 0.5, windowMs: 300_000, severity: "sev3" } as const;
  return names.flatMap((metric): AlertRule[] => [
    { ...rule, name: `${metric} high`, metric, comparison: ">" },
    {
      ...rule,
      name: `${metric} by feature`,
      metric,
      comparison: ">=",
      by: "feature",
      minSamples: 20,
      clear: 0.4,
      forMs: 90_000,
    },
    {
      ...rule,
      name: `${metric} of a model`,
      metric,
      comparison: "<",
      where: { model: 'a"b\\{{' },
      widenToMs: 3_600_000,
    },
    {
      ...rule,
      name: `${metric} surely`,
      metric,
      comparison: "<=",
      confidence: 0.95,
      keepFiringMs: 60_000,
      runbook: "{{ x",
    },
  ]);
}

test("promtool accepts the exported rules: the default ones, and every metric in every form", async (t) => {
  if (!(await lab.hasOperators(t))) return;
  const options = { labels: { env: "prod" }, selector: { job: "tutor" }, intervalMs: 15_000 };
  for (const rules of [defaultRules(), everyRule()]) {
    const path = await lab.fileWith(t, "rules.yml", prometheusRules(rules, options));
    const said = await lab.promtool(["check", "rules", path]);
    const count = Number(/(\d+) rules found/.exec(said)?.[1]);
    assert.ok(count >= rules.length && !/duplicate|error/i.test(said), said);
    figure(t, `${rules.length} rules of ours are ${count} of Prometheus`);
  }
});

test("promtool test: exported rules fire, wait, widen and end as ours do", async (t) => {
  if (!(await lab.hasOperators(t))) return;
  const rules: AlertRule[] = [
    ...defaultRules().filter(({ metric }) => metric === "error_rate" || metric === "quality_drift"),
    { name: "Busy", metric: "in_flight", comparison: ">", threshold: 10, clear: 5, windowMs: 60_000, severity: "sev4" },
    { name: "Idle", metric: "calls_per_minute", comparison: "<", threshold: 1, windowMs: 300_000, severity: "sev4" },
  ];
  const path = await lab.fileWith(t, "rules.yml", prometheusRules(rules));
  const calls = (status: string, values: string) => ({
    series: `sightline_model_calls_total{status="${status}"}`,
    values,
  });
  const fires = (eval_time: string, alertname: string, labels?: object, description?: string, more: object = {}) => ({
    eval_time,
    alertname,
    exp_alerts:
      labels === undefined
        ? []
        : [{ exp_labels: labels, exp_annotations: { summary: alertname, description, ...more } }],
  });
  const summary = "Calls fail. Check quotas and the circuit breaker.";
  const critical = [{ severity: "sev2" }, "error_rate is 0.1, above 0.05", { summary, runbook: "api_outage" }] as const;
  const tests = [
    {
      // A call a second with one failure in ten from minute 20 to 30, then none; no calls from minute 60 on.
      interval: "15s",
      input_series: [
        calls("success", "0+15x80 1201.5+13.5x39 1743+15x80 2943x100"),
        calls("error", "0x80 1.5+1.5x39 60x181"),
      ],
      alert_rule_test: [
        fires("19m", "Error rate critical"),
        fires("20m30s", "Error rate critical"),
        fires("29m", "Error rate critical", ...critical),
        // For five minutes more than its figure is above the limit.
        fires("45m", "Error rate critical"),
        fires("59m", "Idle"),
        fires("70m", "Idle"),
      ],
    },
    {
      // Six calls in a quarter of an hour: one of 25 that fails is chance, and an hour of failures is none.
      interval: "1m",
      input_series: [calls("success", "0+0.4x120 48x120"), calls("error", "0x60 1x59 1+0.4x120")],
      alert_rule_test: [
        fires("70m", "Error rate high"),
        fires("119m", "Error rate critical"),
        fires("200m", "Error rate critical", { severity: "sev2" }, "error_rate is 1, above 0.05", critical[2]),
      ],
    },
    {
      interval: "15s",
      input_series: [{ series: 'sightline_in_flight{instance="a"}', values: "3 12 7 6 5 7 12" }],
      alert_rule_test: [
        fires("0m", "Busy"),
        fires("15s", "Busy", { severity: "sev4", instance: "a" }, "in_flight is 12, above 10"),
        fires("45s", "Busy", { severity: "sev4", instance: "a" }, "in_flight is 6, above 10"),
        fires("60s", "Busy"),
        fires("75s", "Busy"),
      ],
    },
  ];
  const config = { rule_files: [path], evaluation_interval: "15s", tests };
  const said = await lab.promtool(["test", "rules", await lab.fileWith(t, "tests.yml", JSON.stringify(config))]);
  assert.match(said, /SUCCESS/);
});
