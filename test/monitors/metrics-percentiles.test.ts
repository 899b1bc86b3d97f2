import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "sightline/testing";
import { addBins, addToBins, newBins } from "../../src/monitors/metrics/bins.ts";
import { metrics } from "../../src/monitors/metrics/metrics.ts";
import { quantiles } from "../../src/monitors/metrics/sketch.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { assertPercentiles, SHAPES } from "../support/percentiles.ts";

for (const [shape, draw] of Object.entries(SHAPES)) {
  test(`percentiles of 8,000 values, ${shape}: within 1 % of the exact ones (a million in test/fault)`, () => {
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
