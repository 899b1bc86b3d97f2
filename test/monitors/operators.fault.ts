/** What we expose in a real Prometheus, as Debian has it. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { prometheus, prometheusRules } from "sightline/monitors/prometheus";
import type { SpanRecord } from "../../src/core/record.ts";
import type { AlertRule } from "../../src/monitors/alerts/alert.ts";
import { alerts } from "../../src/monitors/alerts/alerts.ts";
import { metrics } from "../../src/monitors/metrics/metrics.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { figure, median } from "../fault/lab/figures.ts";
import * as lab from "../fault/lab/operators.ts";
import { seed, seeded } from "../fault/lab/random.ts";

const SIGNAL = new AbortController().signal;

/** A model call that took `seconds` and cost a cent. */
function call(seconds: number, part: Partial<SpanRecord> = {}): SpanRecord {
  const endMs = Date.now();
  return sampleSpan({
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
    type: "generation",
    kind: "client",
    startTime: `${BigInt(endMs) * 1_000_000n - BigInt(Math.round(seconds * 1e9))}`,
    endTime: `${endMs}000000`,
    genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1" },
    usage: { inputTokens: 400, outputTokens: 80 },
    cost: { currency: "USD", total: 0.01, source: "computed" },
    trace: { feature: "tutor", team: "learning", userId: "user_42" },
    ...part,
  });
}

const random = seeded(seed);

/** The median is 1.2 s, the 95th percentile 4.0 s: in the middle of a bucket of either histogram. */
function seconds(): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return 1.2 * Math.exp(0.73 * normal);
}

const RATE = 100;
const WINDOW_MS = 20_000;
/** One of ten fails; of these, one of two for a 429 after another one. */
function steadyCall(n: number): SpanRecord {
  if (n % 10 !== 0) return call(seconds());
  const failed = { status: { code: "error" } } as const;
  if (n % 20 === 0) return call(0.2, { ...failed, error: { type: "APIError", status: 500 } });
  const attempts = [1, 2].map((i) => ({ status: 429, durationMs: 100 * i }));
  const http = { method: "POST", route: "/chat/completions", status: 429, attempts };
  return call(0.2, { ...failed, error: { type: "RateLimitError", status: 429 }, http });
}

/** The bounds of the bucket of a histogram that a value is in. */
async function bucketOf(server: lab.Operator, name: string, value: number): Promise<[low: number, high: number]> {
  const { data } = await server.get(`/api/v1/label/le/values?match[]=${name}_bucket`);
  const bounds = (data as string[])
    .map((le) => (le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le)))
    .sort((a, b) => a - b);
  const at = bounds.findIndex((bound) => value <= bound);
  return [bounds[at - 1] ?? 0, bounds[at]!];
}

test("Prometheus scrapes us: its percentile is in our bucket, its rates within 1 % of ours, its alerts are ours", async (t) => {
  if (!(await lab.hasOperators(t))) return;
  const ours = metrics();
  const rule = { comparison: ">", windowMs: WINDOW_MS, severity: "sev3" } as const;
  const rules: AlertRule[] = [
    {
      ...rule,
      name: "Failing",
      metric: "error_rate",
      threshold: 0.05,
      confidence: 0.99,
      minSamples: 20,
      by: "feature",
    },
    { ...rule, name: "Slow", metric: "latency_p95", threshold: 3, minSamples: 20 },
    { ...rule, name: "Limited", metric: "rate_limit_rate", threshold: 0.08 },
    { ...rule, name: "Not slow", metric: "latency_p95", threshold: 5, confidence: 0.99 },
    { ...rule, name: "Not failing", metric: "error_rate", threshold: 0.2 },
    { ...rule, name: "Not many", metric: "in_flight", threshold: 5 },
    // None in flight are no samples.
    { ...rule, name: "No data", metric: "in_flight", comparison: "<", threshold: 5 },
  ];
  const watching = alerts({ sources: [ours], rules, everyMs: 500 });
  watching.open?.();
  t.after(() => watching.close?.());
  const exporter = prometheus({ sources: [ours, watching], windowMs: WINDOW_MS });
  const write = (...records: SpanRecord[]) => {
    for (const sink of [ours, watching, exporter]) void sink.write(records, SIGNAL);
  };
  const target = await lab.listen(t, exporter.handler);
  const path = await lab.fileWith(
    t,
    "rules.yml",
    prometheusRules(rules, { scrapeIntervalMs: 250, gaugeMs: WINDOW_MS }),
  );
  const server = await lab.startPrometheus(t, {
    global: { scrape_interval: "250ms", evaluation_interval: "500ms" },
    rule_files: [path],
    scrape_configs: [{ job_name: "sightline", static_configs: [{ targets: [target] }] }],
  });
  // What a counter begins with is no increase: its zero must have been seen.
  write(call(1), call(1, { trace: { feature: 'odd "\\\n\0 数' } }));
  await lab.eventually("the first scrape", () => lab.scalarOf(server, "sum(sightline_cost_usd_total)"));

  const started = performance.now();
  let written = 0;
  const samples: { readonly query: string; readonly theirs: number; readonly ours: number }[] = [];
  const read = (metric: string): number =>
    ours.read(metric, { windowMs: WINDOW_MS, where: { feature: "tutor" } })[0]!.value!;
  const rate = (metric: string, matchers = "") => `sum(rate(sightline_${metric}{feature="tutor"${matchers}}[20s]))`;
  const p95 = (name: string) => `histogram_quantile(0.95, sum by (le) (rate(${name}_bucket[20s])))`;
  const QUERIES: [metric: string, query: string][] = [
    ["error_rate", `${rate("model_calls_total", ',status!~"success|refused"')} / ${rate("model_calls_total")}`],
    ["rate_limit_rate", `${rate("http_attempts_total", ',outcome="rate_limited"')} / ${rate("http_attempts_total")}`],
    ["usd_per_hour", `${rate("cost_usd_total")} * 3600`],
    ["calls_per_minute", `${rate("model_calls_total")} * 60`],
    ["tokens_per_minute", `${rate("tokens_total")} * 60`],
  ];
  for (let turn = 0; ; turn++) {
    const elapsed = performance.now() - started;
    if (elapsed > 1.35 * WINDOW_MS) break;
    // By the clock, so that a machine that is late does not change the rate.
    while (written < (elapsed / 1_000) * RATE) write(steadyCall(written++));
    if (elapsed > 1.1 * WINDOW_MS && turn % 50 === 0) {
      for (const [metric, query] of QUERIES) {
        samples.push({ query: metric, theirs: await lab.scalarOf(server, query), ours: read(metric) });
      }
    }
    await sleep(10);
  }

  for (const [metric] of QUERIES) {
    const ratios = samples.filter(({ query }) => query === metric).map(({ theirs, ours: own }) => theirs / own);
    const ratio = median(ratios);
    figure(
      t,
      `${metric}: Prometheus' figure is ${(100 * (ratio - 1)).toFixed(2)} % off ours, median of ${ratios.length}`,
    );
    assert.ok(ratios.length >= 3 && Math.abs(ratio - 1) < 0.01, `${metric}: ${ratios}`);
  }
  const own = ours.read("latency_p95", { windowMs: WINDOW_MS })[0]!.value!;
  const theirs = await lab.scalarOf(server, p95("sightline_call_duration_seconds"));
  const [low, high] = await bucketOf(server, "sightline_call_duration_seconds", own);
  figure(t, `p95: ours ${own.toFixed(3)} s, Prometheus' ${theirs.toFixed(3)} s, bucket ${low} to ${high} s`);
  assert.ok(low < theirs && theirs <= high);
  // OpenTelemetry's histogram has the failed calls too.
  const genAi = await lab.scalarOf(server, p95("gen_ai_client_operation_duration_seconds"));
  assert.ok(genAi > 2.56 && genAi <= 5.12, `${genAi}`);
  assert.equal(await lab.scalarOf(server, "sightline_in_flight"), 0);

  const states = async (): Promise<string[]> => {
    const { data } = await server.get("/api/v1/alerts");
    return data.alerts.map(({ labels, state }: any) => `${labels.alertname} ${labels.feature ?? ""} ${state}`).sort();
  };
  await lab.eventually("alerts", async () => {
    assert.deepEqual(await states(), ["Failing tutor firing", "Limited  firing", "Slow  firing"]);
  });
  assert.deepEqual(
    watching
      .active()
      .map(({ rule: { name } }) => name)
      .sort(),
    ["Failing", "Limited", "Slow"],
  );
  await lab.eventually("our alerts as a gauge", async () => {
    assert.equal(await lab.scalarOf(server, 'sum(sightline_alert{state="firing"})'), 3);
  });

  const { data: features } = await server.get("/api/v1/label/feature/values?match[]=sightline_cost_usd_total");
  assert.deepEqual(features, ['odd "\\\n\ufffd 数', "tutor"]);
  const end = Date.now() / 1_000;
  const query = encodeURIComponent("sightline_call_duration_seconds_bucket");
  const exemplars = await server.get(`/api/v1/query_exemplars?query=${query}&start=${end - 120}&end=${end}`);
  const all = exemplars.data.flatMap(({ seriesLabels, exemplars: list }: any) =>
    list.map((each: any) => ({ ...each, le: seriesLabels.le })),
  );
  assert.ok(all.length >= 10, `${all.length} exemplars`);
  for (const { labels, value, le } of all) {
    assert.match(labels.trace_id, /^[0-9a-f]{32}$/);
    assert.ok(le === "+Inf" || Number(value) <= Number(le));
  }
  const { data: targets } = await server.get("/api/v1/targets");
  assert.deepEqual(
    targets.activeTargets.map(({ health, lastError }: any) => [health, lastError]),
    [["up", ""]],
  );
  assert.doesNotMatch(server.log(), /level=(warn|error)/);
  figure(
    t,
    `seed ${seed}: ${written} calls, ${all.length} exemplars, ${(await exporter.text()).split("\n").length} lines a scrape`,
  );
});

test("promtool has nothing to say about the text of a scrape, in every profile", async (t) => {
  if (!(await lab.hasOperators(t))) return;
  for (const profile of ["1.36", "1.41", "latest"] as const) {
    const exporter = prometheus({ profile, sources: [metrics()], labels: { service: 'a"b' } });
    const tool = { operation: "execute_tool", tool: { name: "search\n" } };
    await exporter.write([call(1), call(2, { type: "tool", genAi: tool }), call(3, { type: "agent" })], SIGNAL);
    assert.equal(await lab.promtool(["check", "metrics"], await exporter.text()), "");
  }
});
