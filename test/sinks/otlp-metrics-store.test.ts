import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Instrument } from "../../src/semconv/metrics.ts";
import type { Metric } from "../../src/sinks/otlp/messages.ts";
import { CUMULATIVE, createMetricStore, DELTA, type Interval } from "../../src/sinks/otlp/metrics-store.ts";
import { toProtobuf } from "../../src/sinks/otlp/to-protobuf.ts";
import { fromBytes, fromJson } from "../proto/otlp-proto.ts";

const LATENCY: Instrument = {
  name: "latency",
  description: "How long.",
  unit: "s",
  kind: "histogram",
  bounds: [0.1, 0.5, 1],
};
const TOKENS: Instrument = { name: "tokens", description: "How many.", unit: "{token}", kind: "counter", bounds: [] };
const INTERVAL: Interval = { start: "1000", end: "2000", temporality: CUMULATIVE };

function collected(values: readonly number[], instrument = LATENCY): Metric[] {
  const store = createMetricStore(10);
  for (const value of values) store.add({ instrument, value, attributes: { a: "1" } });
  return store.metrics(INTERVAL);
}

test("a histogram, calculated by hand", () => {
  // (-inf, 0.1]: 0.05, 0.1. (0.1, 0.5]: 0.5. (0.5, 1]: none. (1, inf): 1.25, 8.
  assert.deepEqual(collected([0.05, 0.1, 0.5, 1.25, 8]), [
    {
      name: "latency",
      description: "How long.",
      unit: "s",
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [
          {
            attributes: [{ key: "a", value: { stringValue: "1" } }],
            startTimeUnixNano: "1000",
            timeUnixNano: "2000",
            count: "5",
            sum: 9.9,
            bucketCounts: ["2", "1", "0", "2"],
            explicitBounds: [0.1, 0.5, 1],
            min: 0.05,
            max: 8,
          },
        ],
      },
    },
  ]);
});

test("a counter, calculated by hand: an integer, monotonic", () => {
  assert.deepEqual(collected([3, 0, 40], TOKENS), [
    {
      name: "tokens",
      description: "How many.",
      unit: "{token}",
      sum: {
        aggregationTemporality: 2,
        isMonotonic: true,
        dataPoints: [
          {
            attributes: [{ key: "a", value: { stringValue: "1" } }],
            startTimeUnixNano: "1000",
            timeUnixNano: "2000",
            asInt: "43",
          },
        ],
      },
    },
  ]);
});

const finite = fc.double({ min: -1e6, max: 1e6, noNaN: true });
const bounds = fc.uniqueArray(finite, { maxLength: 15 }).map((list) => list.sort((a, b) => a - b));

test("every value is in the one bucket whose (lower, upper] holds it, and the buckets add up to the count", () => {
  fc.assert(
    fc.property(bounds, fc.array(finite, { minLength: 1, maxLength: 50 }), (limits, values) => {
      // Values on a bound are the ones that matter.
      const all = [...values, ...limits];
      const store = createMetricStore(10);
      const instrument = { ...LATENCY, bounds: limits };
      for (const value of all) store.add({ instrument, value, attributes: {} });
      const [point] = store.metrics(INTERVAL)[0]!.histogram!.dataPoints;
      const { count, sum, bucketCounts, explicitBounds, min, max } = point!;
      assert.deepEqual(explicitBounds, limits);
      assert.equal(bucketCounts.length, limits.length + 1);
      const edges = [Number.NEGATIVE_INFINITY, ...limits, Number.POSITIVE_INFINITY];
      const expected = bucketCounts.map((_, i) => all.filter((v) => v > edges[i]! && v <= edges[i + 1]!).length);
      assert.deepEqual(bucketCounts.map(Number), expected);
      assert.equal(Number(count), all.length);
      assert.equal(
        sum,
        all.reduce((a, b) => a + b, 0),
      );
      assert.deepEqual([min, max], [Math.min(...all), Math.max(...all)]);
    }),
  );
});

test("what was collected in parts and absorbed is what was collected at once", () => {
  const value = fc.integer({ min: 0, max: 1_000 });
  const measured = fc.record({ value, series: fc.constantFrom("a", "b", "c") });
  fc.assert(
    fc.property(fc.array(fc.array(measured, { maxLength: 20 }), { maxLength: 6 }), (parts) => {
      const whole = createMetricStore(10);
      const sum = createMetricStore(10);
      for (const part of parts) {
        const store = createMetricStore(10);
        for (const { value, series } of part) {
          for (const instrument of [LATENCY, TOKENS]) {
            whole.add({ instrument, value, attributes: { series } });
            store.add({ instrument, value, attributes: { series } });
          }
        }
        sum.absorb(store);
      }
      assert.deepEqual(sum.metrics(INTERVAL), whole.metrics(INTERVAL));
    }),
  );
});

test("the order of attributes makes no series", () => {
  const store = createMetricStore(10);
  store.add({ instrument: TOKENS, value: 1, attributes: { a: 1, b: "2" } });
  store.add({ instrument: TOKENS, value: 2, attributes: { b: "2", a: 1 } });
  assert.deepEqual(
    store.metrics(INTERVAL)[0]!.sum!.dataPoints.map(({ asInt }) => asInt),
    ["3"],
  );
});

test("series beyond the limit count in one of their own, for each instrument", () => {
  const store = createMetricStore(3);
  const add = (instrument: Instrument, n: number) => store.add({ instrument, value: n, attributes: { n } });
  for (let n = 1; n <= 5; n++) add(TOKENS, n);
  // Those that are known go on.
  add(TOKENS, 1);
  add(LATENCY, 9);
  const [tokens, latency] = store.metrics(INTERVAL);
  assert.deepEqual(
    tokens!.sum!.dataPoints.map(({ attributes, asInt }) => [attributes, asInt]),
    [
      [[{ key: "n", value: { intValue: "1" } }], "2"],
      [[{ key: "n", value: { intValue: "2" } }], "2"],
      [[{ key: "otel.metric.overflow", value: { boolValue: true } }], String(3 + 4 + 5)],
    ],
  );
  assert.equal(latency!.histogram!.dataPoints.length, 1);
  const more = createMetricStore(3);
  more.absorb(store);
  assert.deepEqual(more.metrics(INTERVAL), store.metrics(INTERVAL));
});

test("nothing is lost at the limit, whatever comes", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), fc.integer({ min: 1, max: 5 }), (values, maxSeries) => {
      const store = createMetricStore(maxSeries);
      for (const n of values) store.add({ instrument: TOKENS, value: n, attributes: { n } });
      const points = store.metrics(INTERVAL)[0]?.sum?.dataPoints ?? [];
      assert.ok(points.length <= maxSeries);
      assert.equal(
        points.reduce((sum, { asInt }) => sum + Number(asInt), 0),
        values.reduce((a, b) => a + b, 0),
      );
    }),
  );
});

test("no number that is none, no integer beyond what JSON and 64 bits hold", () => {
  const store = createMetricStore(10);
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    store.add({ instrument: LATENCY, value, attributes: {} });
  }
  assert.equal(store.isEmpty, true);
  for (let n = 0; n < 3; n++) {
    store.add({ instrument: TOKENS, value: Number.MAX_SAFE_INTEGER, attributes: {} });
  }
  assert.equal(store.metrics(INTERVAL)[0]!.sum!.dataPoints[0]!.asInt, String(Number.MAX_SAFE_INTEGER));
});

test("both forms decode by the official definitions, to the same", () => {
  const store = createMetricStore(10);
  for (const value of [0, 0.05, 3]) store.add({ instrument: LATENCY, value, attributes: { a: "1", port: 443 } });
  store.add({ instrument: TOKENS, value: 0, attributes: {} });
  store.add({ instrument: TOKENS, value: 7, attributes: { b: true } });
  for (const temporality of [DELTA, CUMULATIVE] as const) {
    const metrics = store.metrics({ ...INTERVAL, temporality });
    const data = {
      resourceMetrics: [{ resource: { attributes: [] }, scopeMetrics: [{ scope: { name: "s" }, metrics }] }],
    };
    const decoded = fromJson("metrics.v1.MetricsData", JSON.stringify(data));
    assert.deepEqual(fromBytes("metrics.v1.MetricsData", toProtobuf("MetricsData", data)), decoded);
    const [latency] = decoded["resourceMetrics"][0].scopeMetrics[0].metrics;
    assert.equal(latency.histogram.aggregationTemporality, temporality);
    assert.deepEqual(latency.histogram.dataPoints[0].bucketCounts, ["2", "0", "0", "1"]);
  }
});
