import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { Counter, register } from "prom-client";
import { ConfigError, configure, flush, generation, withTrace } from "sightline";
import { type PrometheusOptions, prometheus } from "sightline/monitors/prometheus";
import { fakeClock } from "sightline/testing";
import type { Alert } from "../../src/monitors/alerts/alert.ts";
import type { Query, Reading, Source } from "../../src/monitors/reading.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { anyCharacter } from "../support/any-character.ts";
import { call, parse, totalOf, write } from "./prometheus-text.ts";

const failed = { status: { code: "error" } } as const;
const tooMany = { ...failed, error: { type: "RateLimitError", status: 429 } } as const;

test("model calls, attempts, tokens and cost are counted by hand's figures", async () => {
  const sink = prometheus();
  const { cost: _, ...unpriced } = call();
  const attempts = [
    { status: 429, durationMs: 1 },
    { status: 503, durationMs: 1 },
    { error: "ECONNRESET", durationMs: 1 },
    { status: 200, durationMs: 1 },
  ];
  const http = { method: "POST", route: "/chat/completions" };
  write(
    sink,
    call(),
    call(1, { http: { ...http, status: 200, attempts } }),
    call(1, { ...tooMany, http: { ...http, status: 429 } }),
    call(1, { ...failed, error: { type: "BadRequestError", status: 400 }, http: { ...http, status: 400 } }),
    call(1, { ...failed, error: { type: "APIConnectionTimeoutError" } }),
    call(1, { ...failed, error: { type: "BudgetExceededError", code: "budget_exceeded" } }),
    unpriced,
  );
  const text = parse(await sink.text());
  const by = (name: string, label: string) =>
    Object.fromEntries(
      text.samples.filter((each) => each.name === name).map(({ labels, value }) => [labels[label], value]),
    );
  assert.deepEqual(by("sightline_model_calls_total", "status"), {
    success: 3,
    error: 1,
    timeout: 1,
    rate_limited: 1,
    refused: 1,
  });
  assert.deepEqual(by("sightline_http_attempts_total", "outcome"), {
    ok: 3,
    rate_limited: 2,
    server_error: 3,
    client_error: 1,
  });
  assert.deepEqual(by("sightline_tokens_total", "type"), { input: 700, output: 140, other: 35 });
  // Six times 0.1 without the digits that floating point adds.
  assert.match(
    await sink.text(),
    /^sightline_cost_usd_total\{model="gpt-4.1",feature="tutor",team="learning"\} 0\.6$/m,
  );
  assert.equal(totalOf(text, "sightline_unpriced_calls_total"), 1);
  assert.equal(totalOf(text, "sightline_call_duration_seconds_count"), 4, "what was refused at once was not fast");
});

test("histograms: each bucket has the one before it, the last has all, and the sum is that of the values", async () => {
  const values = fc.array(fc.double({ min: 0, max: 2_000, noNaN: true }), { minLength: 1, maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(values, async (seconds) => {
      const sink = prometheus();
      const records = seconds.map((each) => call(each));
      write(sink, ...records);
      const exposed = parse(await sink.text());
      const took = records.map(({ startTime, endTime }) => Number(BigInt(endTime) - BigInt(startTime)) / 1e9);
      const sum = took.reduce((total, each) => total + each, 0);
      const names = [...exposed.types].filter(([, type]) => type === "histogram").map(([name]) => name);
      assert.ok(names.includes("gen_ai_client_operation_duration_seconds"));
      for (const name of names.filter((each) => each !== "gen_ai_client_token_usage")) {
        const buckets = exposed.samples.filter((sample) => sample.name === `${name}_bucket`);
        let before = 0;
        for (const { labels, value } of buckets) {
          assert.ok(value >= before, `${name} ${labels["le"]}`);
          before = value;
        }
        assert.equal(buckets.at(-1)!.labels["le"], "+Inf");
        assert.equal(before, totalOf(exposed, `${name}_count`));
        if (!name.includes("duration")) continue;
        for (const { labels, value } of buckets.slice(0, -1)) {
          assert.equal(value, took.filter((each) => each <= Number(labels["le"])).length, `${name} ${labels["le"]}`);
        }
        assert.ok(Math.abs(totalOf(exposed, `${name}_sum`)! - sum) <= 1e-9 * sum);
      }
    }),
    { numRuns: 30 },
  );
});

test("OpenTelemetry's metrics have the names and labels that its rules give them in Prometheus, in each profile", async () => {
  const tool = sampleSpan({
    type: "tool",
    kind: "internal",
    genAi: { operation: "execute_tool", tool: { name: "search" } },
  });
  const expected = {
    "1.36": ["gen_ai_client_operation_duration_seconds", "gen_ai_client_token_usage"],
    "1.41": [
      "gen_ai_client_operation_duration_seconds",
      "gen_ai_client_token_usage",
      "gen_ai_execute_tool_duration_seconds",
    ],
    latest: [
      "gen_ai_client_inference_duration_seconds",
      "gen_ai_client_inference_operation_input_tokens",
      "gen_ai_client_inference_operation_output_tokens",
      "gen_ai_client_inference_usage_cache_read_input_tokens_total",
      "gen_ai_client_inference_usage_cache_write_input_tokens_total",
      "gen_ai_client_inference_usage_input_tokens_total",
      "gen_ai_client_inference_usage_output_tokens_total",
      "gen_ai_client_inference_usage_reasoning_output_tokens_total",
      "gen_ai_execute_tool_duration_seconds",
    ],
  };
  for (const [profile, names] of Object.entries(expected)) {
    const sink = prometheus({ profile: profile as "latest" });
    write(sink, call(), tool);
    const { types } = parse(await sink.text());
    assert.deepEqual([...types.keys()].filter((name) => name.startsWith("gen_ai_")).sort(), names);
  }
  const sink = prometheus({ profile: "1.41" });
  write(sink, call());
  const text = parse(await sink.text());
  const tokens = text.samples.find(({ name }) => name === "gen_ai_client_token_usage_sum")!;
  assert.deepEqual(tokens.labels, {
    gen_ai_operation_name: "chat",
    gen_ai_provider_name: "openai",
    gen_ai_request_model: "gpt-4.1",
    gen_ai_token_type: "input",
  });
  assert.equal(tokens.value, 100);
});

test("each span is counted once, when it has ended, and counters never go back", async () => {
  const sink = prometheus();
  const record = call();
  write(sink, { ...record, unfinished: true });
  assert.equal(totalOf(parse(await sink.text()), "sightline_model_calls_total"), undefined);
  write(sink, record, { ...record, seq: 2 }, record);
  const first = parse(await sink.text());
  assert.equal(totalOf(first, "sightline_model_calls_total"), 1);
  assert.equal(totalOf(first, "gen_ai_client_operation_duration_seconds_count"), 1);
  // Wrong figures of others: a call that ended before it began, a negative price.
  write(sink, call(-5), call(1, { cost: { currency: "USD", total: -3, source: "provided" } }));
  const second = parse(await sink.text());
  for (const { name, labels, value } of first.samples) {
    assert.ok(totalOf(second, name, labels)! >= value, name);
  }
});

test("any text can be a feature: labels come back as they were, and users are in none", async () => {
  const texts = fc.string({ unit: anyCharacter, minLength: 1, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(texts, async (feature) => {
      const sink = prometheus({ labels: { "the service": feature } });
      write(sink, call(1, { trace: { feature, userId: "user_42", sessionId: "session_7" } }));
      for (const form of ["prometheus", "openmetrics"] as const) {
        const text = await sink.text(form);
        const whole = feature.replace(/[\0\p{Surrogate}]/gu, "\ufffd");
        assert.equal(totalOf(parse(text), "sightline_cost_usd_total", { feature: whole, the_service: whole }), 0.1);
        assert.doesNotMatch(text, /user_42|session_7/);
      }
    }),
    { numRuns: 15 },
  );
  const sink = prometheus();
  write(sink, call(1, { trace: { feature: 'a"b\\c\nd' } }));
  assert.match(await sink.text(), /^sightline_cost_usd_total\{model="gpt-4.1",feature="a\\"b\\\\c\\nd"\} 0.1$/m);
});

test("three thousand features are a bounded text: the rest is `other`, and no call and no failure is lost", async () => {
  const sink = prometheus({ maxSeries: 100 });
  for (let i = 0; i < 3_000; i++) {
    write(sink, call(1, { ...(i % 10 === 0 && tooMany), trace: { feature: `f${i}`, team: `t${i % 7}` } }));
  }
  for (let i = 0; i < 200; i++) {
    write(sink, call(1, { genAi: { operation: "chat", requestModel: `model-${i}` }, trace: { feature: "f0" } }));
  }
  const text = parse(await sink.text());
  const series = (name: string) => text.samples.filter((sample) => sample.name === name).length;
  assert.equal(series("sightline_model_calls_total"), 100);
  assert.equal(series("sightline_call_duration_seconds_count"), 20);
  assert.equal(series("gen_ai_client_operation_duration_seconds_count"), 100);
  assert.equal(totalOf(text, "sightline_model_calls_total"), 3_200);
  assert.equal(totalOf(text, "sightline_model_calls_total", { status: "rate_limited" }), 300);
  const other = { model: "other", feature: "other", team: "other" };
  assert.equal(totalOf(text, "sightline_model_calls_total", { ...other, status: "rate_limited" }), 298);
  assert.equal(totalOf(text, "gen_ai_client_operation_duration_seconds_count"), 3_200);
  assert.ok(totalOf(text, "gen_ai_client_operation_duration_seconds_count", { otel_metric_overflow: "true" })! > 100);
});

test("OpenMetrics has the latest sampled trace of each bucket as exemplar", async () => {
  const clock = fakeClock(1_732_000_000_500);
  const sink = prometheus({ clock });
  const [slow, fast, unsampled] = [call(4), call(0.15), call(0.15, { traceFlags: 0 })];
  write(sink, call(4), slow, fast, unsampled);
  const text = await sink.text("openmetrics");
  assert.ok(text.endsWith("\n# EOF\n"));
  assert.doesNotMatch(text, /\n\n/, "no empty line");
  assert.match(text, /^# TYPE sightline_model_calls counter$/m);
  assert.match(text, /^sightline_model_calls_total\{/m);
  const { samples } = parse(text);
  const shown = samples.filter(({ exemplar }) => exemplar !== undefined);
  const of = (name: string) => shown.filter((sample) => sample.name === name);
  for (const name of ["sightline_call_duration_seconds_bucket", "gen_ai_client_operation_duration_seconds_bucket"]) {
    const found = of(name).map(({ exemplar }) => exemplar);
    assert.deepEqual(found, [
      { labels: { trace_id: fast.traceId, span_id: fast.spanId }, value: 0.15, time: 1_732_000_000.5 },
      { labels: { trace_id: slow.traceId, span_id: slow.spanId }, value: 4, time: 1_732_000_000.5 },
    ]);
  }
  for (const { labels, exemplar } of shown) {
    assert.ok(labels["le"] === "+Inf" || exemplar!.value <= Number(labels["le"]), "within its bucket");
  }
  assert.doesNotMatch(await sink.text(), /trace_id/, "the plain format has none");
});

test("the registry is its own: nothing of the global one is in it, and it leaves nothing there", async () => {
  const mine = new Counter({ name: "mine_total", help: "Mine." });
  mine.inc();
  const sink = prometheus();
  write(sink, call());
  assert.doesNotMatch(await sink.text(), /mine_total/);
  assert.doesNotMatch(await register.metrics(), /sightline|gen_ai/);
  register.clear();
});

test("traces that sampling leaves out are counted too", async () => {
  const sink = prometheus();
  configure({ sinks: [sink], sampleRate: 0 });
  withTrace({ feature: "tutor" }, () => generation({ model: "gpt-4.1" }));
  await flush();
  const text = await sink.text("openmetrics");
  assert.equal(totalOf(parse(text), "sightline_model_calls_total", { feature: "tutor", status: "success" }), 1);
  assert.doesNotMatch(text, /trace_id/, "nobody can look at that trace");
});

const READINGS: { readonly [metric: string]: (query: Query) => Reading[] } = {
  quality: ({ by, windowMs }) =>
    by === "feature"
      ? [{ value: 0.5, samples: 3, labels: { feature: "tutor" } }]
      : by === undefined
        ? [{ value: 0.8, samples: windowMs / 1_000, labels: {} }]
        : [],
  budget_used: (): Reading[] => [
    { value: 0.3, samples: 2, labels: { budget: "daily" } },
    { value: 0.9, samples: 2, labels: { budget: "each user", user: "user_42" } },
  ],
  latency_p95: ({ by }) => [{ value: 2, samples: 9, labels: by === undefined ? {} : { [by]: "x" } }],
  in_flight: () => [{ value: undefined, samples: 0, labels: {} }],
  "odd name": () => {
    throw new Error("mine");
  },
};

const source: Source = {
  metrics: Object.keys(READINGS).map((name) => ({ name, unit: "share", description: `What "${name}" is.` })),
  read: (metric, query) => READINGS[metric]!(query),
};

test("sources are read at each scrape: gauges, their samples, by dimension where no counter tells it", async () => {
  const sink = prometheus({ sources: [source], windowMs: 60_000 });
  const { samples, types } = parse(await sink.text());
  assert.deepEqual(
    samples.map(({ name, labels, value }) => [name, labels, value]),
    [
      ["sightline_quality", {}, 0.8],
      ["sightline_samples", { metric: "quality" }, 60],
      ["sightline_samples", { budget: "daily", metric: "budget_used" }, 2],
      ["sightline_samples", { metric: "latency_p95" }, 9],
      ["sightline_quality_by_feature", { feature: "tutor" }, 0.5],
      ["sightline_samples_by_feature", { feature: "tutor", metric: "quality" }, 3],
      ["sightline_budget_used", { budget: "daily" }, 0.3],
      ["sightline_latency_p95", {}, 2],
    ],
  );
  assert.equal(types.get("sightline_budget_used"), "gauge");
});

test("alerts are gauges by name, severity and state; those of users are counted together", async () => {
  const alert = (state: Alert["state"], labels: { [name: string]: string }): Alert => ({
    fingerprint: JSON.stringify(labels),
    rule: { name: "Slow", metric: "latency_p95", comparison: ">", threshold: 8, windowMs: 1, severity: "sev3" },
    labels,
    state,
    value: 9,
    samples: 1,
    since: 0,
    message: "",
    traces: [],
  });
  const all = () => [
    alert("firing", { user: "u1" }),
    alert("firing", { user: "u2" }),
    alert("pending", { feature: "f" }),
  ];
  const { samples } = parse(await prometheus({ sources: [{ all }], prefix: "tutor" }).text());
  assert.deepEqual(samples, [
    { name: "tutor_alert", labels: { name: "Slow", severity: "sev3", state: "firing" }, value: 2 },
    { name: "tutor_alert", labels: { feature: "f", name: "Slow", severity: "sev3", state: "pending" }, value: 1 },
  ]);
});

test("the handler answers scrapes in the form they ask for, and nothing else", async (t) => {
  const sink = prometheus();
  write(sink, call());
  const server = createServer(sink.handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
  const get = async (accept: string) => {
    const response = await fetch(url, { headers: { accept } });
    return [response.status, response.headers.get("content-type"), /trace_id/.test(await response.text())];
  };
  const plain = [200, "text/plain; version=0.0.4; charset=utf-8", false];
  const open = [200, "application/openmetrics-text; version=1.0.0; charset=utf-8", true];
  assert.deepEqual(await get("*/*"), plain);
  assert.deepEqual(await get("text/html,application/xhtml+xml"), plain);
  // Prometheus 2.42, and 3 without protobuf.
  const v2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75";
  assert.deepEqual(await get(`${v2},text/plain;version=0.0.4;q=0.5,*/*;q=0.1`), open);
  const v3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5";
  assert.deepEqual(await get(`${v3},text/plain;version=0.0.4;q=0.2,*/*;q=0.1`), open);
  assert.deepEqual(await get("text/plain;q=1,application/openmetrics-text;q=0.5"), plain);
  assert.deepEqual(await get("application/openmetrics-text;q=0"), plain);
  const head = await fetch(url, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  const post = await fetch(url, { method: "POST", body: "x" });
  assert.deepEqual([post.status, post.headers.get("allow")], [405, "GET, HEAD"]);
});

test("options that make no sense are refused with a word", () => {
  const bad: [PrometheusOptions, RegExp][] = [
    [{ sources: [{}] as never }, /sources.*read\(\)/],
    [{ maxSeries: 5 }, /maxSeries.*10 or more/],
    [{ prefix: "a-b" }, /prefix/],
    [{ profile: "2.0" as never }, /profile.*latest/],
    [{ labels: { a: 1 } as never }, /labels/],
    [{ port: 9464 } as never, /no option "port"/],
    [{ sources: [source, source] }, /the metric "quality" is there already/],
    [{ sources: [{ metrics: [{ name: "alert", unit: "count", description: "" }], read: () => [] }] }, /"alert"/],
  ];
  for (const [options, message] of bad) {
    assert.throws(
      () => prometheus(options),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});
