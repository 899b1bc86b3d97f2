import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, flush, generation, startSpan, updateTrace } from "sightline";
import { type FakeClock, fakeClock } from "sightline/testing";
import type { SpanRecord } from "../../src/core/record.ts";
import { type Metrics, type MetricsOptions, metrics } from "../../src/monitors/metrics/metrics.ts";
import type { Query } from "../../src/monitors/reading.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";

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
  assert.deepEqual(watched.read("no_such_metric", MINUTE), []);
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
