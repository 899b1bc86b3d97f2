import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { DDSketch } from "@datadog/sketches-js";
import { configure, flush, generation, startSpan, updateTrace } from "sightline";
import { type FakeClock, fakeClock } from "sightline/testing";
import type { SpanRecord } from "../../src/core/record.ts";
import { idWindow } from "../../src/monitors/id-window.ts";
import { addBins, addToBins, newBins } from "../../src/monitors/metrics/bins.ts";
import { type Metrics, type MetricsOptions, metrics } from "../../src/monitors/metrics/metrics.ts";
import { metricsDashboard } from "../../src/monitors/metrics/metrics-dashboard.ts";
import { quantiles } from "../../src/monitors/metrics/sketch.ts";
import { sparkline } from "../../src/monitors/metrics/sparkline.ts";
import type { Query } from "../../src/monitors/reading.ts";
import { columns as widthOf } from "../../src/sinks/console-text.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { assertPercentiles, SHAPES } from "../support/percentiles.ts";

const MINUTE: Query = { windowMs: 60_000 };
const HOUR: Query = { windowMs: 3_600_000 };
const START_MS = 1_732_000_000_000;

let made = 0;

function call(
  part: Partial<SpanRecord> & { seconds?: number; model?: string; feature?: string; user?: string } = {},
): SpanRecord {
  const { seconds = 1, model = "gpt-4.1", feature, user, ...rest } = part;
  made++;
  return sampleSpan({
    spanId: made.toString(16).padStart(16, "0"),
    traceId: made.toString(16).padStart(32, "0"),
    type: "generation",
    kind: "client",
    startTime: `${START_MS}000000`,
    endTime: `${BigInt(START_MS) * 1_000_000n + BigInt(Math.round(seconds * 1e9))}`,
    genAi: { operation: "chat", provider: "openai", requestModel: model },
    usage: { inputTokens: 90, outputTokens: 10 },
    cost: { currency: "USD", total: 0.01, source: "computed" },
    trace: { ...(feature && { feature }), ...(user && { userId: user }) },
    ...rest,
  });
}

function failedCall(status: number, part: Partial<SpanRecord> = {}): SpanRecord {
  const { usage: _, cost: __, ...record } = call(part);
  return { ...record, status: { code: "error" }, level: "ERROR", error: { type: "APIError", status } };
}

function setUp(options: MetricsOptions = {}): {
  watched: Metrics;
  clock: FakeClock;
  value: (metric: string, query?: Query) => number | undefined;
} {
  const clock = fakeClock();
  const watched = metrics({ clock, ...options });
  return { watched, clock, value: (metric, query = MINUTE) => watched.read(metric, query)[0]?.value };
}

const times = (count: number, make: () => SpanRecord): SpanRecord[] => Array.from({ length: count }, make);

test("every metric can be read, of all and by each dimension, before anything has come and after", () => {
  const { watched } = setUp();
  for (const round of [0, 1]) {
    for (const { name } of watched.metrics) {
      const [hour] = watched.read(name, HOUR);
      assert.ok(hour!.samples >= 0, `${name} of an hour`);
      const [reading, ...more] = watched.read(name, MINUTE);
      assert.equal(more.length, 0, name);
      assert.deepEqual(reading?.labels, {}, name);
      for (const by of ["model", "feature", "team", "user"] as const) {
        for (const { labels } of watched.read(name, { ...MINUTE, by })) assert.equal(typeof labels[by], "string", name);
      }
    }
    // Rates of nothing are unknown; counts are not.
    if (round === 0) {
      for (const name of [
        "latency_p95",
        "error_rate",
        "rate_limit_rate",
        "unpriced_rate",
        "token_quota_used",
        "queued",
      ])
        assert.deepEqual(watched.read(name, MINUTE)[0]!.value, undefined, name);
      for (const name of ["calls_per_minute", "usd_per_hour", "in_flight"])
        for (const query of [MINUTE, HOUR]) assert.equal(watched.read(name, query)[0]!.value, 0, name);
    }
    watched.write([call({ feature: "f", user: "u" }), sampleScore(), sampleSpan()]);
  }
  assert.throws(() => watched.read("no_such_metric", MINUTE), { code: "CONFIG_METRIC_QUERY" });
});

test("what a minute of calls comes to", () => {
  const { watched, clock, value } = setUp();
  clock.advance(60_000);
  watched.write([
    ...times(90, () => call({ seconds: 2 })),
    ...times(4, () => failedCall(500)),
    ...times(3, () => failedCall(429)),
    ...times(2, () => failedCall(408)),
    ...times(1, () => failedCall(400)),
  ]);
  const all = watched.read("error_rate", MINUTE)[0]!;
  assert.deepEqual([all.value, all.samples, all.traces?.length], [0.1, 100, 5]);
  assert.equal(value("timeout_rate"), 0.02);
  assert.equal(value("rate_limit_rate"), 0.03);
  assert.equal(value("server_error_rate"), 0.04);
  assert.equal(value("calls_per_minute"), 100);
  assert.equal(value("tokens_per_minute"), 9_000);
  assert.ok(Math.abs(value("latency_p95")! / 2 - 1) <= 0.01);
  // 408 took a second.
  assert.equal(watched.read("latency_p95", MINUTE)[0]!.samples, 92);
  assert.equal(value("unpriced_rate"), 0);
});

test("a window has nothing that is older than itself and one slice", () => {
  for (const [windowMs, sliceMs] of [
    [60_000, 10_000],
    [300_000, 10_000],
    [600_000, 180_000],
    [3_600_000, 180_000],
  ] as const) {
    const { watched, clock } = setUp();
    const samples = () => watched.read("error_rate", { windowMs })[0]!.samples;
    for (let i = 0; i < 40; i++) {
      const offset = (i * 7919) % sliceMs;
      clock.advance(offset);
      watched.write([call()]);
      clock.advance(windowMs);
      assert.equal(samples(), 1, `${windowMs} after ${offset}`);
      clock.advance(sliceMs);
      assert.equal(samples(), 0, `${windowMs} and a slice after ${offset}`);
      clock.advance(sliceMs - offset);
    }
  }
});

test("every window agrees with the list of what has come, at any time", () => {
  const { watched, clock } = setUp();
  const arrivals: number[] = [];
  for (let i = 0; i < 700; i++) {
    clock.advance(Math.random() < 0.01 ? Math.random() * 900_000 : Math.random() * 8_000);
    watched.write([call()]);
    arrivals.push(clock.monotonicMs());
    if (i % 10 > 0) continue;
    for (const [windowMs, sliceMs] of [
      [60_000, 10_000],
      [300_000, 10_000],
      [600_000, 180_000],
      [3_600_000, 180_000],
    ] as const) {
      const { samples } = watched.read("latency_p50", { windowMs })[0]!;
      const count = (ms: number) => arrivals.filter((at) => clock.monotonicMs() - at < ms).length;
      assert.ok(samples >= count(windowMs) && samples <= count(windowMs + sliceMs), `${samples} of ${windowMs}`);
    }
  }
});

test("rates do not explode in the first minutes, and are exact once the window has been seen", () => {
  const { watched, clock, value } = setUp();
  watched.write([call()]);
  assert.equal(value("calls_per_minute"), 1);
  assert.equal(value("tokens_per_minute"), 100);
  // A cent: as if ten minutes had gone by, or the window where that is shorter.
  assert.equal(value("usd_per_hour", HOUR), 0.06);
  assert.equal(value("usd_per_hour", { windowMs: 300_000 }), 0.12);
  for (let second = 1; second <= 3_600; second++) {
    clock.advance(1_000);
    watched.write([call()]);
  }
  assert.ok(Math.abs(value("calls_per_minute")! - 60) <= 1, String(value("calls_per_minute")));
  assert.ok(Math.abs(value("usd_per_hour", HOUR)! - 36) <= 0.1, String(value("usd_per_hour", HOUR)));
  assert.ok(Math.abs(value("usd_per_hour")! - 36) <= 1, String(value("usd_per_hour")));
});

test("what a call cost that has no price is unknown: never zero, and said", () => {
  const { watched, value } = setUp();
  const { cost: _, ...unpriced } = call({ model: "new-model" });
  watched.write([unpriced]);
  assert.equal(value("usd_per_hour", HOUR), undefined);
  assert.equal(value("unpriced_rate"), 1);
  watched.write(times(3, call));
  assert.equal(value("usd_per_hour", HOUR), 0.18);
  assert.equal(value("unpriced_rate"), 0.25);
  const by = watched.read("usd_per_hour", { ...HOUR, by: "model" });
  assert.deepEqual(
    by.map(({ labels, value, samples }) => [labels["model"], value, samples]),
    [
      ["new-model", undefined, 0],
      ["gpt-4.1", 0.18, 3],
    ],
  );
  const { usage: __, cost: ___, ...silent } = call({ model: "silent" });
  watched.write([silent]);
  const [tokens] = watched.read("tokens_per_minute", { ...MINUTE, where: { model: "silent" } });
  assert.deepEqual([tokens?.value, tokens?.samples], [undefined, 0]);
});

test("a record that comes twice, an open span and a later update of it count once", () => {
  const { watched, value } = setUp();
  const record = call();
  watched.write([{ ...record, unfinished: true, seq: 0 }]);
  assert.equal(value("calls_per_minute"), 0);
  watched.write([record, record]);
  watched.write([{ ...record, seq: 2, cost: { currency: "USD", total: 99, source: "provided" } }]);
  assert.equal(value("calls_per_minute"), 1);
  // The first final one stands.
  assert.equal(watched.snapshot().all.usd, 0.01);
  assert.deepEqual(watched.snapshot().counted, { records: 1, duplicates: 2 });
});

test("a wall clock that jumps, to either side, changes no window", () => {
  const { watched, clock, value } = setUp();
  clock.advance(60_000);
  for (const jump of [-86_400_000, 40 * 86_400_000, -1, 3_600_000]) {
    clock.jump(jump);
    watched.write([call()]);
    clock.advance(1_000);
  }
  assert.equal(watched.read("error_rate", MINUTE)[0]!.samples, 4);
  clock.jump(7_200_000);
  assert.equal(watched.read("error_rate", MINUTE)[0]!.samples, 4);
  clock.advance(70_000);
  clock.jump(-7_200_000);
  assert.equal(watched.read("error_rate", MINUTE)[0]!.samples, 0);
  assert.equal(value("calls_per_minute"), 0);
});

test("records with NaN, negative and absurd values leave a window as it is", () => {
  const { watched, value } = setUp();
  watched.write(times(10, () => call({ seconds: 2 })));
  const before = watched.snapshot().all;
  for (const bad of [Number.NaN, -5, Number.POSITIVE_INFINITY, 1e300, "9", null] as any[]) {
    watched.write([
      call({
        usage: { totalTokens: bad },
        cost: { currency: "USD", total: bad, source: "provided" },
        endTime: String(bad),
      }),
      { ...call(), endTime: "1", status: null, trace: null, genAi: null, usage: {} } as any,
      null as any,
      {
        record: "span",
        type: "generation",
        get usage() {
          throw new Error("no");
        },
      } as any,
      call({
        http: {
          method: "POST",
          route: "/x",
          attempts: bad,
          rateLimit: { limitTokens: bad, remainingTokens: bad },
        } as any,
      }),
    ]);
  }
  const after = watched.snapshot().all;
  assert.equal(after.metrics["latency_p50"], before.metrics["latency_p50"]);
  assert.equal(after.tokens, 1_000 + 6 * 100);
  assert.equal(after.usd!.toFixed(4), "0.2200");
  for (const { name } of watched.metrics) {
    const figure = value(name);
    assert.ok(figure === undefined || (Number.isFinite(figure) && figure >= 0), `${name}: ${figure}`);
  }
  assert.equal(value("token_quota_used"), undefined);
});

test("groups are capped, the rest is other, and a group that is still gives its place to a new one", () => {
  const { watched, clock } = setUp({ maxGroups: 3 });
  const users = () =>
    Object.fromEntries(
      watched.read("calls_per_minute", { ...HOUR, by: "user" }).map(({ labels, samples }) => [labels["user"], samples]),
    );
  watched.write(Array.from({ length: 10 }, (_, i) => call({ user: `user_${i}` })));
  assert.deepEqual(users(), { user_0: 1, user_1: 1, user_2: 1, other: 7 });
  // A user who is called so is one of the others.
  watched.write([call({ user: "other" })]);
  assert.equal(users()["other"], 8);
  clock.advance(299_999);
  watched.write([call({ user: "user_1" }), call({ user: "late" })]);
  assert.equal(users()["late"], undefined);
  clock.advance(1);
  watched.write([call({ user: "late" }), call({ user: "later" }), call({ user: "latest" })]);
  assert.deepEqual(users(), { user_1: 2, late: 1, later: 1, other: 10 });
  // Of all, nothing is lost by it.
  assert.equal(watched.read("error_rate", HOUR)[0]!.samples, 16);
});

test("a value of a dimension can be asked for, two dimensions at once cannot", () => {
  const { watched } = setUp();
  watched.write([call({ feature: "a", seconds: 1 }), call({ feature: "b", seconds: 9 }), call()]);
  const where = { feature: "b" };
  const [slow, ...more] = watched.read("latency_p50", { ...MINUTE, where });
  assert.deepEqual([slow?.labels, slow?.samples, more.length], [{ feature: "b" }, 1, 0]);
  assert.deepEqual(watched.read("latency_p50", { ...MINUTE, where, by: "feature" }).length, 1);
  assert.deepEqual(watched.read("latency_p50", { ...MINUTE, where, by: "user" }), []);
  assert.deepEqual(watched.read("latency_p50", { ...MINUTE, where: { feature: "none" } }), []);
  // What says no feature is in no group.
  assert.equal(watched.read("calls_per_minute", { ...MINUTE, by: "feature" }).length, 2);
});

test("how many are above a limit is told with a percentile where it is asked", () => {
  const { watched } = setUp();
  watched.write([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((seconds) => call({ seconds })));
  for (const query of [MINUTE, HOUR]) {
    assert.equal(watched.read("latency_p95", { ...query, above: 7.5 })[0]!.above, 3);
    assert.equal(watched.read("latency_p95", { ...query, above: 0 })[0]!.above, 10);
    assert.equal(watched.read("latency_p95", { ...query, above: 11 })[0]!.above, 0);
    assert.ok(!("above" in watched.read("latency_p95", query)[0]!));
  }
});

test("examples are the slowest, the costliest and the newest failures of the window, five at most", () => {
  const { watched, clock } = setUp();
  const old = call({ seconds: 500 });
  watched.write([old]);
  clock.advance(120_000);
  const slow = times(20, () => call({ seconds: Math.random() * 10 }));
  const dear = call({ cost: { currency: "USD", total: 5, source: "computed" } });
  const limited = failedCall(429);
  watched.write([...slow, dear, limited, ...times(3, () => failedCall(500))]);
  const ids = slow
    .toSorted((a, b) => (a.endTime < b.endTime ? 1 : -1))
    .slice(0, 4)
    .map(({ traceId }) => traceId);
  assert.deepEqual(watched.read("latency_p95", MINUTE)[0]!.traces, ids);
  assert.equal(watched.read("latency_p95", HOUR)[0]!.traces![0], old.traceId);
  assert.equal(watched.read("usd_per_hour", MINUTE)[0]!.traces![0], dear.traceId);
  assert.deepEqual(watched.read("rate_limit_rate", MINUTE)[0]!.traces, [limited.traceId]);
  assert.equal(watched.read("server_error_rate", MINUTE)[0]!.traces!.length, 3);
  clock.advance(400_000);
  watched.write(times(9, () => call({ seconds: 0.1 })));
  const recent = watched.read("latency_p95", HOUR)[0]!.traces!;
  assert.ok(!recent.includes(old.traceId), "five minutes later it gives way");
});

test("memory does not depend on how much comes: slices, bins and groups have a limit", () => {
  const { watched, clock } = setUp({ maxGroups: 5 });
  const sizes: number[] = [];
  for (let round = 0; round < 140; round++) {
    const batch = Array.from({ length: 150 }, () =>
      // As wide as times can be, so that all bins are there.
      call({
        seconds: 10 ** (Math.random() * 11 - 5.5),
        user: `user_${Math.random()}`,
        feature: `f${Math.random()}`,
        model: `m${Math.random()}`,
      }),
    );
    for (const record of batch) Object.assign(record.trace, { team: String(Math.random()) });
    watched.write(batch);
    clock.advance(30_000);
    if (round % 20 === 19) sizes.push(watched.snapshot().memory.bytes);
  }
  const { groups, slices, bins, bytes } = watched.snapshot().memory;
  // Four dimensions of five values and `other`, and all.
  assert.equal(groups, 25);
  assert.equal(slices, groups * 52);
  // 512 of a group, what times there can be of all; two sets of bins for each slice.
  assert.ok(bins <= 24 * 52 * 2 * 512 + 52 * 2 * 1_408, String(bins));
  assert.ok(bytes < 25 * 230_000 + 3e6, String(bytes));
  assert.ok(sizes.at(-1)! <= sizes.at(-2)! * 1.05, "after the hour it stays as it is");
});

test("calls under way are counted by their spans, and never more than are kept", async () => {
  const watched = metrics();
  const watch = watched.modelCalls;
  const start = (spanId: string, feature?: string) =>
    watch.starting({ traceId: "t", spanId, model: "gpt-4.1", trace: feature === undefined ? {} : { feature } });
  const count = (query: Query = MINUTE) => watched.read("in_flight", query)[0]?.value;
  assert.equal(start("a", "f"), undefined);
  start("a", "f");
  start("b");
  assert.equal(count(), 2);
  assert.equal(count({ ...MINUTE, where: { feature: "f" } }), 1);
  assert.deepEqual(watched.read("in_flight", { ...MINUTE, by: "model" }), [
    { value: 2, samples: 2, labels: { model: "gpt-4.1" } },
  ]);
  watch.ended("t", "a");
  watch.ended("t", "never heard of");
  assert.equal(count(), 1);
  for (let i = 0; i < 6_000; i++) start(`many ${i}`);
  assert.equal(count(), 5_000);
});

test("quota by the headers: the newest wins, is over at its reset, and is unknown a window later", () => {
  const { watched, clock, value } = setUp();
  const told = (remainingTokens: number, model = "gpt-4.1") =>
    call({
      model,
      http: {
        method: "POST",
        route: "/chat/completions",
        status: 200,
        rateLimit: {
          limitTokens: 1000,
          remainingTokens,
          resetTokensMs: 30_000,
          limitRequests: 10,
          remainingRequests: 9,
        },
      },
    });
  watched.write([told(100), told(400), told(900, "small")]);
  assert.deepEqual(
    watched.read("token_quota_used", { ...MINUTE, by: "model" }).map(({ labels, value }) => [labels["model"], value]),
    [
      ["gpt-4.1", 0.6],
      ["small", 0.1],
    ],
  );
  assert.equal(value("token_quota_used"), 0.6);
  assert.equal(value("token_quota_used", { ...MINUTE, where: { model: "small" } }), 0.1);
  assert.deepEqual(watched.read("token_quota_used", { ...MINUTE, by: "feature" }), []);
  assert.equal(value("request_quota_used")!.toFixed(3), "0.100");
  clock.advance(30_000);
  assert.equal(value("token_quota_used"), 0);
  assert.equal(value("request_quota_used")!.toFixed(3), "0.100");
  clock.advance(60_001);
  assert.equal(value("token_quota_used"), undefined);
});

test("quota as configured is what came in the last minute, however long the window", () => {
  const { watched, clock, value } = setUp({ quota: { requestsPerMinute: 100, tokensPerMinute: 20_000 } });
  watched.write(times(50, call));
  assert.equal(value("request_quota_used", HOUR), 0.5);
  assert.equal(value("token_quota_used", HOUR), 0.25);
  clock.advance(75_000);
  assert.equal(value("request_quota_used", HOUR), 0);
});

test("what waits and whether the circuit is open is asked for, and an answer that makes no sense is none", () => {
  let waiting: any = 7;
  let state: any = "open";
  const { watched, value } = setUp({ queued: () => waiting, circuit: () => state });
  assert.deepEqual([value("queued"), value("circuit_open"), watched.snapshot().circuit], [7, 1, "open"]);
  state = "half_open";
  assert.equal(value("circuit_open"), 0);
  for (const bad of [Number.NaN, -1, "7", undefined]) {
    waiting = state = bad;
    assert.deepEqual([value("queued"), value("circuit_open")], [undefined, undefined]);
  }
  const broken = setUp({
    queued: () => {
      throw new Error("no");
    },
  });
  assert.equal(broken.value("queued"), undefined);
});

test("a snapshot is plain JSON without anything that is not known", () => {
  const { watched, clock } = setUp({ windowMs: 60_000 });
  watched.write([call({ feature: "__proto__", user: "u" }), failedCall(500)]);
  const snapshot = watched.snapshot();
  assert.deepEqual(JSON.parse(JSON.stringify(snapshot)), JSON.parse(JSON.stringify({ ...snapshot })));
  assert.equal(snapshot.time, clock.epochMs());
  assert.equal(snapshot.all.calls, 2);
  assert.equal(Object.entries(snapshot.feature).find(([name]) => name === "__proto__")?.[1].calls, 1);
  assert.ok(!("first_chunk_p50" in snapshot.all.metrics));
  assert.equal(snapshot.timeline.calls.length, 30);
  assert.deepEqual(
    [snapshot.timeline.calls.at(-1), snapshot.timeline.failed.at(-1), snapshot.timeline.calls[0]],
    [2, 1, 0],
  );
});

test("every model call reaches the monitor, whatever the sampling rate", async () => {
  const watched = metrics();
  configure({ sinks: [watched], sampleRate: 0 });
  for (let i = 0; i < 20; i++) {
    const span = startSpan("request");
    updateTrace({ feature: "f" });
    generation({ model: "gpt-4.1", usage: { inputTokens: 1, outputTokens: 1 } } as any);
    span.end();
  }
  await flush();
  configure({ enabled: false });
  assert.equal(watched.read("error_rate", MINUTE)[0]!.samples, 20);
});

test("options that make no sense are refused with the way out", () => {
  const bad: [options: object, message: RegExp][] = [
    [{ windowMs: 5 }, /windowMs.*10000 to 3600000/],
    [{ maxGroups: 0 }, /maxGroups.*from 1 to 1000/],
    [{ accuracy: 0.5 }, /accuracy.*0.001 to 0.2/],
    [{ quota: {} }, /requestsPerMinute, tokensPerMinute or both/],
    [{ quota: { tokensPerMinute: -1 } }, /above zero/],
    [{ queue: () => 1 }, /no option "queue"/],
  ];
  for (const [options, message] of bad) assert.throws(() => metrics(options), message);
});

for (const [shape, draw] of Object.entries(SHAPES)) {
  test(`percentiles of 8,000 values, ${shape}: within 1 % of the exact ones (a million in percentiles.fault.ts)`, () => {
    assertPercentiles(draw, 8_000);
  });
}

test("few samples have percentiles of their own: not the largest, as below twenty in the course", () => {
  const watched = metrics({ clock: fakeClock() });
  const seconds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 100];
  watched.write(
    seconds.map((second, i) =>
      sampleSpan({
        spanId: String(i),
        type: "generation",
        startTime: "1000000000000000000",
        endTime: `1${second * 1e9}`.replace(/^1(\d+)$/, (_, nanos: string) => `1${nanos.padStart(18, "0")}`),
        genAi: { requestModel: "m" },
      }),
    ),
  );
  const [p95] = watched.read("latency_p95", { windowMs: 60_000 });
  assert.ok(Math.abs(p95!.value! / 9 - 1) <= 0.01, String(p95!.value));
});

test("accuracy is what was asked for", () => {
  for (const accuracy of [0.001, 0.05]) {
    const sketch = quantiles(accuracy);
    const bins = newBins(sketch.keys);
    const values = Array.from({ length: 5_000 }, () => 10 ** (Math.random() * 8 - 4));
    for (const value of values) addToBins(bins, sketch.keyOf(value), 1);
    values.sort((a, b) => a - b);
    for (const q of [0, 0.01, 0.5, 0.999, 1]) {
      const exact = values[Math.floor(q * 4_999)]!;
      assert.ok(Math.abs(sketch.of([bins])(q)! / exact - 1) <= accuracy + 1e-9, `${accuracy} ${q}`);
    }
  }
});

test("bins with a limit keep the highest apart and put the lowest together, in any order", () => {
  for (let round = 0; round < 60; round++) {
    const limit = 1 + Math.floor(Math.random() * 300);
    const whole = newBins(limit);
    const parts = [newBins(limit), newBins(limit), newBins(limit)];
    const keys = Array.from({ length: 200 }, () => Math.floor((Math.random() - 0.5) * 1_000));
    for (const [i, key] of keys.entries()) {
      addToBins(whole, key, 1);
      addToBins(parts[i % 3]!, key, 1);
    }
    const merged = newBins(limit);
    for (const part of parts) addBins(merged, part);
    const lowest = Math.max(...keys) - limit + 1;
    for (const bins of [whole, merged]) {
      const wanted = new Map<number, number>();
      for (const key of keys) wanted.set(Math.max(key, lowest), (wanted.get(Math.max(key, lowest)) ?? 0) + 1);
      const found = new Map<number, number>();
      for (let key = bins.low; key <= bins.high; key++) {
        const count = bins.counts[key - bins.first]!;
        if (count > 0) found.set(key, count);
      }
      assert.deepEqual([...found].sort(), [...wanted].sort());
      assert.equal(bins.total, 200);
      assert.ok(bins.counts.length <= limit);
    }
  }
});

function busy() {
  const clock = fakeClock();
  const watched = metrics({ clock, quota: { tokensPerMinute: 1_000 }, queued: () => 3, circuit: () => "open" });
  const features = ["summarizer", "検索アシスタント", "evil \u001b[2J\nname", "a".repeat(300)];
  for (let i = 0; i < 120; i++) {
    clock.advance(2_500);
    const isBad = i % 12 === 0;
    watched.write([
      sampleSpan({
        spanId: String(i),
        type: "generation",
        startTime: "1000000000000000000",
        endTime: "1000000002500000000",
        genAi: { operation: "chat", requestModel: "gpt-4.1" },
        usage: { totalTokens: 40 },
        cost: { currency: "USD", total: 0.002, source: "computed" },
        trace: { feature: features[i % 4]! },
        ...(isBad && { status: { code: "error" }, error: { type: "RateLimitError", status: 429 } }),
      }),
    ]);
  }
  return watched;
}

test("the panel says what the snapshot says, as people read it", () => {
  const watched = busy();
  const panel = metricsDashboard(watched, { columns: 100 });
  for (const said of [
    /^Model calls {2}last 5 min +120 calls, 10 failed$/m,
    /^Latency {3}p50 2\.(?:4[89]|5[0-2]?) s {3}p95 2\.(?:4[89]|5[0-2]?) s/m,
    /^Failures {2}errors 8.3 % {3}timeouts 0 % {3}429 8.3 % {3}5xx 0 %$/m,
    /^Rate {6}calls 24\/min {3}tokens \d+\/min {3}\d+ % of quota$/m,
    /^Money {5}last hour 1.4\d USD\/h {3}unpriced calls 0 %$/m,
    /^Now {7}in flight 0 {3}queued 3 {3}circuit open$/m,
    /^Calls {5}[▁-█]{30} {2}up to \d in 10 s/m,
    /^Failed/m,
    /^Model +calls/m,
    /^gpt-4.1 +120/m,
  ]) {
    assert.match(panel, said);
  }
});

test("no line is wider than the terminal, with nothing to show and with names made to break it", () => {
  for (const watched of [busy(), metrics({ clock: fakeClock() })]) {
    for (const columns of [40, 50, 72, 80, 100, 110, 120, 200]) {
      const panel = metricsDashboard(watched, { columns });
      assert.ok(panel.endsWith("\n"));
      assert.ok(!panel.includes("\u001b"));
      for (const line of panel.split("\n")) assert.ok(widthOf(line) <= columns, `${columns}: ${line}`);
      assert.ok(!panel.includes("NaN") && !panel.includes("undefined"), panel);
    }
  }
});

test("colours are asked for, and change no column", () => {
  const watched = busy();
  for (const columns of [80, 120]) {
    const colored = metricsDashboard(watched, { columns, colors: true });
    assert.ok(colored.includes("\u001b[31mopen\u001b[0m"));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const plain = colored.replace(/\u001b\[\d+m/g, "").replace(/ +$/gm, "");
    assert.equal(plain, metricsDashboard(watched, { columns }));
  }
});

test("a line of bars goes from zero to the largest, with gaps for what is not known", () => {
  assert.equal(sparkline([0, 1, 4, 8, null]), "▁▁▄█ ");
  assert.equal(sparkline([0, 0]), "▁▁");
  assert.equal(sparkline([]), "");
});

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

test("of each span one record counts, as long as it is among the last so many", () => {
  const ids = idWindow(1_000);
  const spans = Array.from({ length: 3_000 }, () => [hex(16), hex(8)] as const);
  const known: string[] = [];
  for (const [traceId, spanId] of spans) {
    assert.equal(ids.add(traceId, spanId), true);
    assert.equal(ids.add(traceId, spanId), false);
    known.push(`${traceId}${spanId}`);
    // The table as it is to be: what goes out leaves nothing behind that another one is not found by.
    if (known.length > 1_000) known.shift();
    assert.equal(ids.size, known.length);
  }
  for (const [traceId, spanId] of spans.slice(-1_000)) assert.equal(ids.add(traceId, spanId), false);
  const [first] = spans;
  assert.equal(ids.add(...first!), true);
});

test("a window agrees with a set of strings, whatever comes twice and when", () => {
  const ids = idWindow(97);
  let order: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    const [traceId, spanId] = [`t${Math.floor(Math.random() * 15)}`, `s${Math.floor(Math.random() * 15)}`];
    const id = `${traceId} ${spanId}`;
    const isNew = !order.includes(id);
    if (isNew) order = [...order, id].slice(-97);
    assert.equal(ids.add(traceId, spanId), isNew, `${i}: ${id}`);
  }
});

test("spans of one trace, traces of one span id and ids of any form are told apart", () => {
  const ids = idWindow(200_000);
  const traceId = hex(16);
  let counted = 0;
  for (let i = 0; i < 50_000; i++) {
    counted += Number(ids.add(traceId, i.toString(16).padStart(16, "0")));
    counted += Number(ids.add(i.toString(16).padStart(32, "0"), "00f067aa0ba902b7"));
  }
  assert.equal(counted, 100_000);
  for (const [a, b] of [
    ["", ""],
    ["a", ""],
    ["", "a"],
    ["ab", "c"],
    ["a", "bc"],
    ["é", "🙂"],
  ] as const) {
    assert.equal(ids.add(a, b), true, `${a} ${b}`);
  }
});

test("a window agrees with a set of strings while it grows and when it is full, of whatever size", () => {
  for (const capacity of [1, 2, 3, 1_500, 5_000]) {
    const ids = idWindow(capacity);
    const known = new Set<string>();
    for (let i = 0; i < 4 * capacity + 100; i++) {
      // Every third comes again: from within the window, its edges or beyond them.
      const spanId = String(i % 3 === 2 ? i - Math.floor(1.2 * capacity * Math.random()) : i);
      const isNew = !known.has(spanId);
      if (isNew) known.add(spanId);
      if (known.size > capacity) known.delete(known.values().next().value as string);
      assert.equal(ids.add("t", spanId), isNew, `${capacity}: ${i}`);
      assert.equal(ids.size, known.size);
    }
  }
});

test("a batch of any length counts whole, but for the record that nobody can read", () => {
  for (const length of [0, 1, 63, 64, 65, 200]) {
    const { watched, value } = setUp();
    const unreadable = call({ model: "m9" });
    Object.defineProperty(unreadable, "http", {
      value: {
        get rateLimit() {
          throw new Error("no");
        },
      },
    });
    const batch = Array.from({ length }, (_, i) =>
      call({ model: `m${i % 7}`, feature: `f${i % 3}`, user: `u${i % 90}` }),
    );
    watched.write([...batch.slice(0, 60), unreadable, ...batch.slice(60)]);
    const { counted, all, model, feature, user } = watched.snapshot();
    assert.equal(counted.records, length);
    assert.equal(all.calls, length);
    for (const groups of [model, feature, user]) {
      assert.equal(
        Object.values(groups).reduce((sum, { calls }) => sum + calls, 0),
        length,
      );
    }
    assert.equal(Math.round(value("calls_per_minute") ?? 0), length);
  }
});

test("100,000 ids take 2.3 MB, however many have come, and few take little", () => {
  const ids = idWindow();
  assert.ok(ids.bytes < 64 * 1024);
  for (let i = 0; i < 150_000; i++) ids.add("0193489c5a7e7c3e9f2e4d7a1b2c3d4e", String(i));
  assert.equal(ids.size, 100_000);
  assert.ok(ids.bytes < 2.3e6, String(ids.bytes));
});

test("quantiles are those of Datadog's own sketch, whatever has been counted", () => {
  const ours = quantiles(0.01);
  for (let round = 0; round < 100; round++) {
    const theirs = new DDSketch({ relativeAccuracy: 0.01 });
    const bins = newBins(ours.keys);
    for (let i = Math.ceil(Math.random() * 50); i > 0; i--) {
      const seconds = Math.exp(12 * (Math.random() - 0.5));
      theirs.accept(seconds);
      addToBins(bins, ours.keyOf(seconds), 1);
    }
    for (const share of [0, 0.01, 0.5, 0.9, 0.95, 0.99, 1]) {
      const value = ours.of([bins])(share)!;
      assert.ok(Math.abs(value / theirs.getValueAtQuantile(share) - 1) < 1e-9, `${share}: ${value}`);
    }
  }
});
