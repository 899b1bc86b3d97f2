import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile } from "../../src/store/aggregate-rows.ts";
import { addQuantiles } from "../../src/store/sqlite/aggregate/quantiles.ts";

test("what is selected is what sorting finds, of few values and many, equal, rising and falling ones", () => {
  const kinds: ((i: number, length: number) => number)[] = [
    (i) => (i * 7_919) % 1_009,
    (i) => i,
    (i, length) => length - i,
    () => 5,
    (i) => i % 3,
    (i, length) => Math.min(i, length - i),
  ];
  for (const length of [1, 2, 3, 4, 20, 101, 5_000]) {
    for (const [kind, value] of kinds.entries()) {
      const values = Float64Array.from({ length }, (_, i) => value(i, length));
      const sorted = [...values].sort((a, b) => a - b);
      const told = {};
      addQuantiles(told, values);
      const wanted = { p50: percentile(sorted, 0.5), p95: percentile(sorted, 0.95), p99: percentile(sorted, 0.99) };
      assert.deepEqual(told, wanted, `${length} of kind ${kind}`);
    }
  }
});
