import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "sightline";
import { prometheusRules } from "sightline/monitors/prometheus";
import type { AlertRule } from "../../src/monitors/alerts/alert.ts";
import { isMoreThanChance } from "../../src/monitors/alerts/binomial.ts";
import { deviationsOf } from "../../src/monitors/prometheus/condition.ts";

const RULE: AlertRule = {
  name: "High error rate",
  metric: "error_rate",
  comparison: ">",
  threshold: 0.05,
  windowMs: 300_000,
  severity: "sev2",
};

interface RuleFile {
  /** Names for expressions. */
  readonly records: ReadonlyMap<string, string>;
  /** The expression of the one alert. */
  readonly alert: string;
}

/** Reads the two forms in which expressions are written: a string of JSON, and a block. */
function read(yaml: string): RuleFile {
  const rules = yaml.matchAll(/^ {6}- (record|alert): (.*)\n {8}expr: (?:(".*")|\|-\n((?: {10}.*\n)+))/gm);
  const all = [...rules].map(([, kind, name, text, block]) => {
    const expression: string = text === undefined ? block!.replace(/^ {10}/gm, "").trimEnd() : JSON.parse(text);
    return { kind, name: name!, expression };
  });
  const alerts = all.filter(({ kind }) => kind === "alert");
  assert.equal(alerts.length, 1);
  const records = all
    .filter(({ kind }) => kind === "record")
    .map(({ name, expression }) => [name, expression] as const);
  return { records: new Map(records), alert: alerts[0]!.expression };
}

function written(part: Partial<AlertRule>, options = {}): RuleFile {
  return read(prometheusRules([{ ...RULE, ...part }], options));
}

/** Of a rule that needs no other names. */
function expression(part: Partial<AlertRule>, options = {}): string {
  const { records, alert } = written(part, options);
  assert.equal(records.size, 0);
  return alert;
}

test("a rule file, written by hand", () => {
  const rule: AlertRule = {
    ...RULE,
    forMs: 120_000,
    keepFiringMs: 90_000,
    labels: { service: "tutor" },
    runbook: "api_outage",
    summary: "Calls fail.",
  };
  const [made, failed] = ["refused", "success|refused"];
  assert.equal(
    prometheusRules([rule], { intervalMs: 15_000, labels: { env: "prod" } }),
    `groups:
  - name: "sightline"
    interval: 15s
    rules:
      - alert: "High error rate"
        expr: "sum(rate(sightline_model_calls_total{status!~\\"${failed}\\"}[5m])) / sum(rate(sightline_model_calls_total{status!=\\"${made}\\"}[5m])) > 0.05"
        for: 2m
        keep_firing_for: 90s
        labels:
          env: "prod"
          service: "tutor"
          severity: "sev2"
        annotations:
          summary: "Calls fail."
          description: "error_rate is {{ printf \\"%.4g\\" $value }}, above 0.05"
          runbook: "api_outage"
`,
  );
});

test("figures of counters and histograms are worked out over the rule's window, by its dimension, where it says", () => {
  const calls = 'sum(rate(sightline_model_calls_total{status!="refused"}[2m]))';
  const figures: [Partial<AlertRule>, string][] = [
    [
      { metric: "latency_p95", by: "feature" },
      "histogram_quantile(0.95, sum by (le, feature) (rate(sightline_call_duration_seconds_bucket[2m])))",
    ],
    [
      { metric: "first_chunk_p50", where: { model: "gpt-4.1" } },
      'histogram_quantile(0.5, sum by (le) (rate(sightline_first_chunk_seconds_bucket{model="gpt-4.1"}[2m])))',
    ],
    [{ metric: "timeout_rate" }, `sum(rate(sightline_model_calls_total{status="timeout"}[2m])) / ${calls}`],
    [
      { metric: "rate_limit_rate", by: "model", where: { team: 'a"b' } },
      'sum by (model) (rate(sightline_http_attempts_total{outcome="rate_limited",team="a\\"b"}[2m])) / ' +
        'sum by (model) (rate(sightline_http_attempts_total{team="a\\"b"}[2m]))',
    ],
    [{ metric: "calls_per_minute" }, `${calls} * 60`],
    [{ metric: "usd_per_hour" }, "sum(rate(sightline_cost_usd_total[2m])) * 3600"],
    [
      { metric: "unpriced_rate" },
      "sum(rate(sightline_unpriced_calls_total[2m])) / " +
        "(sum(rate(sightline_unpriced_calls_total[2m])) + sum(rate(sightline_priced_calls_total[2m])))",
    ],
    [{ metric: "in_flight" }, "sightline_in_flight"],
    [{ metric: "budget_used" }, "sightline_budget_used"],
    [{ metric: "budget_used", by: "feature" }, 'sightline_budget_used{feature!=""}'],
    [{ metric: "quality_drift" }, "sightline_quality_drift"],
    [{ metric: "quality", by: "feature" }, "avg_over_time(sightline_quality_by_feature[2m])"],
    [{ metric: "quality_relevance" }, "avg_over_time(sightline_quality_relevance[2m])"],
    [{ metric: "circuit_open", where: { model: "m" } }, 'sightline_circuit_open_by_model{model="m"}'],
  ];
  for (const [part, figure] of figures) {
    assert.equal(expression({ ...part, windowMs: 120_000 }), `${figure} > 0.05`);
  }
});

test("too few samples, and an end other than the beginning, are conditions of their own", () => {
  assert.match(
    expression({ minSamples: 20, by: "team" }),
    / > 0\.05 and sum by \(team\) \(increase\(sightline_model_calls_total\{status!="refused"\}\[5m\]\)\) >= 20$/,
  );
  assert.match(
    expression({ metric: "quality", comparison: "<", threshold: 0.6, minSamples: 20 }),
    / < 0\.6 and ignoring\(metric\) avg_over_time\(sightline_samples\{metric="quality"\}\[5m\]\) \* 1 >= 20$/,
  );
  const none = expression({ metric: "calls_per_minute", comparison: "<", threshold: 1 });
  assert.match(none, / < 1 and sum\(increase\(.*\)\) > 0$/, "no calls are no data, not few calls");
  assert.equal(
    expression({ metric: "in_flight", threshold: 10, clear: 5, labels: { a: "1" } }),
    "(sightline_in_flight > 10 or sightline_in_flight > 5 and " +
      'ignoring(alertname, alertstate, a, severity) ALERTS{alertname="High error rate",alertstate="firing"})',
  );
});

test("a window with too few samples gives way to one four times as wide", () => {
  const { alert, records } = written({ metric: "latency_p50", threshold: 2, minSamples: 20, widenToMs: 3_600_000 });
  assert.equal(
    alert,
    `sightline:latency_p50:5m > 2 and sightline:latency_p50:samples_5m >= 20
or sightline:latency_p50:20m > 2 and sightline:latency_p50:samples_20m >= 20 unless sightline:latency_p50:samples_5m >= 20
or sightline:latency_p50:1h > 2 and sightline:latency_p50:samples_1h >= 20 unless sightline:latency_p50:samples_20m >= 20`,
  );
  assert.equal(records.size, 6);
  assert.equal(
    records.get("sightline:latency_p50:20m"),
    "histogram_quantile(0.5, sum by (le) (rate(sightline_call_duration_seconds_bucket[20m])))",
  );
  assert.equal(
    records.get("sightline:latency_p50:samples_1h"),
    "sum(increase(sightline_call_duration_seconds_count[1h]))",
  );
  const low = written({
    metric: "quality",
    comparison: "<",
    threshold: 0.7,
    windowMs: 600_000,
    minSamples: 10,
    widenToMs: 1e6,
  });
  assert.equal(
    low.alert,
    `sightline:quality:10m < 0.7 and ignoring(metric) sightline:quality:samples_10m >= 10
or sightline:quality:1000s < 0.7 and ignoring(metric) sightline:quality:samples_1000s >= 10 unless ignoring(metric) sightline:quality:samples_10m >= 10`,
  );
  assert.equal(
    low.records.get("sightline:quality:samples_10m"),
    'avg_over_time(sightline_samples{metric="quality"}[10m]) * 2',
  );
  assert.equal(expression({ metric: "in_flight", widenToMs: 3_600_000 }), "sightline_in_flight > 0.05");
});

test("confidence is a test of the share that is beyond; what fires needs it no more", () => {
  const { alert, records } = written({ metric: "timeout_rate", threshold: 0.02, confidence: 0.99, by: "team" });
  assert.equal(
    alert,
    "(sightline:timeout_rate_by_team:5m > 0.02 and (sightline:timeout_rate_by_team:deviations_above_0_02_5m > 2.327) or " +
      "sightline:timeout_rate_by_team:5m > 0.02 and ignoring(alertname, alertstate, severity) " +
      'ALERTS{alertname="High error rate",alertstate="firing"})',
  );
  assert.equal(
    records.get("sightline:timeout_rate_by_team:deviations_above_0_02_5m"),
    "2 * sqrt(sightline:timeout_rate_by_team:samples_5m) * (asin(sqrt(clamp(sightline:timeout_rate_by_team:5m, 0, 1))) - 0.1419)",
  );
  const p95 = (threshold: number) => {
    const found = written({ metric: "latency_p95", threshold, confidence: 0.99 });
    return found.records.get(`sightline:latency_p95:deviations_above_${threshold}_5m`);
  };
  const slow = 'sum(rate(sightline_call_duration_seconds_bucket{le=~"8([.]0)?"}[5m]))';
  assert.equal(
    p95(8),
    "2 * sqrt(sightline:latency_p95:samples_5m) * " +
      `(asin(sqrt(clamp(1 - ${slow} / sum(rate(sightline_call_duration_seconds_count[5m])), 0, 1))) - 0.2255)`,
  );
  assert.equal(p95(7), p95(8), "the next bound above: what is between is not counted as slow");
  assert.equal(p95(1_000), undefined, "beyond the last bound nothing is known");
});

test("two rules that need the same share its name, others have names of their own", () => {
  const rule = { ...RULE, confidence: 0.99 };
  const yaml = prometheusRules([rule, { ...rule, name: "Other" }, { ...rule, name: "Third", where: { team: "t" } }]);
  const names = [...yaml.matchAll(/- record: (.*)/g)].map(([, name]) => name);
  assert.deepEqual(names, [
    "sightline:error_rate:5m",
    "sightline:error_rate:samples_5m",
    "sightline:error_rate:deviations_above_0_05_5m",
    "sightline:error_rate:5m_2",
    "sightline:error_rate:samples_5m_2",
    "sightline:error_rate:deviations_above_0_05_5m_2",
  ]);
});

test("the arcsine test and the exact one of `alerts()` differ by one hit at most", () => {
  const half = deviationsOf(0.99) / 2;
  const least = (samples: number, isEnough: (hits: number) => boolean): number => {
    let hits = samples + 1;
    while (hits > 0 && isEnough(hits - 1)) hits--;
    return hits;
  };
  for (const share of [0.01, 0.02, 0.05, 0.5, 0.8]) {
    for (let n = 5; n <= 500; n += n < 50 ? 1 : 50) {
      const exact = least(n, (hits) => isMoreThanChance(hits, n, share, 0.99));
      const ours = least(n, (k) => Math.asin(Math.sqrt(k / n)) - Math.asin(Math.sqrt(share)) > half / Math.sqrt(n));
      assert.ok(Math.abs(exact - ours) <= 1, `${share} of ${n}: ${exact} and ${ours} hits`);
    }
  }
});

test("windows hold at least four scrapes", () => {
  const window = (windowMs: number, scrapeIntervalMs?: number) =>
    /\[(\w+)\]/.exec(expression({ metric: "usd_per_hour", windowMs }, { scrapeIntervalMs }))![1];
  assert.equal(window(30_000), "1m");
  assert.equal(window(120_000), "2m");
  assert.equal(window(120_000, 60_000), "4m");
  assert.equal(window(90_500), "90500ms");
  assert.equal(window(7_200_000), "2h");
});

test("a rule that cannot be said is refused by its name", () => {
  const bad: [Partial<AlertRule>, RegExp][] = [
    [{ by: "user" }, /"High error rate".*user is no label/],
    [{ where: { user: "user_42" } }, /user is no label/],
    [{ metric: "quality", by: "model", where: { feature: "x" } }, /"quality".*one dimension/],
    [{ windowMs: 0 }, /window is 0 ms/],
    [{ threshold: Number.NaN }, /compares with NaN/],
    [{ confidence: 1 }, /confidence is 1/],
    [{ comparison: "=" as never }, /by "="/],
  ];
  for (const [part, message] of bad) {
    assert.throws(
      () => prometheusRules([{ ...RULE, ...part }]),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});

test("names become names of alerts, each once; texts are neither templates nor YAML", () => {
  const named = (...names: string[]) =>
    [...prometheusRules(names.map((name) => ({ ...RULE, name }))).matchAll(/alert: "(.*)"/g)].map(([, name]) => name);
  assert.deepEqual(named("p95 > 8 s", "p95 > 8 s", "überlang", '数\n学 "x"\\', ' " '), [
    "p95 > 8 s",
    "p95 > 8 s_2",
    "überlang",
    "数 学 x",
    "Alert",
  ]);
  const yaml = prometheusRules([
    {
      ...RULE,
      summary: '{{ evil }}: "x"\n- y\u2028\u0085\u007f\ud800',
      labels: { "a-b": "{{", alertname: "Mine", __x: "1" },
      runbook: "https://runbooks.example/errors",
    },
  ]);
  assert.match(yaml, /summary: "\{\{\\"\{\{\\"\}\} evil \}\}: \\"x\\"\\n- y\\u2028\\u0085\\u007f\ufffd"/);
  assert.match(yaml, /runbook_url: "https:/);
  assert.match(yaml, /^ {10}a_b: "\{\{\\"\{\{\\"\}\}"$/m);
  assert.doesNotMatch(yaml, /alertname|__x/);
});
