/** What a program asks monitors for by mistake. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { alerts, budgets, dashboard, liveDashboard, metrics, quality } from "../../src/monitors/index.ts";
import { prometheus } from "../../src/monitors/prometheus/exporter.ts";

test("a figure, window or dimension that there is not is an error with a code, and never another one in its place", () => {
  const watched: any = metrics();
  const bad: [query: unknown[], message: RegExp][] = [
    [
      ["nope", { windowMs: 60_000 }],
      /^metrics\(\)\.read\("nope", query\) knows no such metric\. It knows: latency_p50, /,
    ],
    [["latency_p95"], /takes windowMs from 10000 to 3600000; it got undefined\.$/],
    [["latency_p95", { windowMs: Number.NaN }], /it got NaN\.$/],
    [["latency_p95", { windowMs: -5 }], /it got -5\.$/],
    [["in_flight", { windowMs: 9e9 }], /it got 9000000000\.$/],
    [["latency_p95", { windowMs: 60_000, by: "nope" }], /of model, feature, team, user; it got "nope"\.$/],
    [["latency_p95", { windowMs: 60_000, where: { rule: "x" } }], /it got "rule"\.$/],
  ];
  for (const [query, message] of bad) {
    assert.throws(() => watched.read(...query), { name: "ConfigError", code: "CONFIG_METRIC_QUERY", message });
  }
  assert.throws(
    () => metrics({ clock: {} as any }),
    /takes a clock with epochMs\(\) and monotonicMs\(\); it got \{\}\.$/,
  );
  for (const draw of [dashboard, liveDashboard] as any[]) assert.throws(() => draw(), { code: "CONFIG_BAD_VALUE" });
});

test("quality() and budgets() are asked the same way", () => {
  const answers: any = quality();
  const spend: any = budgets({ limits: [{ name: "daily", usd: 1, per: "day" }] });
  const code = "CONFIG_METRIC_QUERY";
  assert.throws(() => answers.read("nope", { windowMs: 60_000 }), { code });
  assert.throws(() => answers.read("quality"), { code });
  assert.throws(() => answers.read("quality", { windowMs: Number.NaN }), { code });
  assert.throws(() => spend.read("nope", { windowMs: 60_000 }), { code });
  assert.throws(() => spend.read("budget_used", { windowMs: 60_000, by: "nope" }), { code });
  assert.equal(spend.read("budget_used").length, 1, "the windows are those of the limits");
});

test("a rule, or an exporter, about a window that the source does not have is refused", () => {
  const rule = { name: "slow", metric: "latency_p95", comparison: ">", threshold: 1, severity: "sev3" } as const;
  const sources = [metrics()];
  for (const windows of [{ windowMs: 7_200_000 }, { windowMs: 1_000 }, { windowMs: 60_000, widenToMs: 7_200_000 }]) {
    assert.throws(() => alerts({ sources, everyMs: false, rules: [{ ...rule, ...windows }] }), {
      code: "CONFIG_ALERT_RULE",
      message:
        /rule "slow" has (windowMs|widenToMs) (7200000|1000); .* of latency_p95 has windows from 10000 to 3600000 ms/,
    });
  }
  assert.throws(() => prometheus({ sources, windowMs: 7_200_000 }), /takes windowMs from 10000 to 3600000.*7200000/);
});
