import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ConfigError } from "sightline";
import { type PrometheusOptions, prometheus } from "sightline/monitors/prometheus";
import type { Alert } from "../../src/monitors/alerts/alert.ts";
import type { Query, Reading, Source } from "../../src/monitors/reading.ts";
import { call, parse, write } from "./prometheus-text.ts";

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
