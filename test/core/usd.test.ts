import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cost, sumUsd } from "sightline";
import { totalUsd, usd } from "../../src/core/usd.ts";

test("amounts are whole 10⁻¹² USD", () => {
  assert.equal(usd(0.0015925000000000002), 0.0015925);
  assert.equal(usd(0.1 + 0.2), 0.3);
  assert.equal(usd(2.8699999999999997), 2.87);
  assert.equal(usd(1e-13), 0);
  assert.equal(usd(Number.NaN), 0);
  assert.equal(usd(123_456.789), 123_456.789);
});

test("10,000 costs sum up exactly, where plain addition does not", () => {
  const cost = (total: number): Cost => ({ currency: "USD", total, source: "computed" });
  // 10,000 × 0.0015925 = 15.925
  const costs = Array.from({ length: 10_000 }, () => cost(0.0015925));
  assert.notEqual(
    costs.reduce((sum, { total }) => sum + total!, 0),
    15.925,
    "or this test shows nothing",
  );
  assert.equal(sumUsd(costs), 15.925);
  // 3 × (0 + 1 + … + 9,999) × 10⁻⁹ = 3 × 49,995,000 × 10⁻⁹
  assert.equal(sumUsd(Array.from({ length: 10_000 }, (_, n) => n * 3e-9)), 0.149985);
  // A large one among small ones: 1,000,000 + 9,999 × 10⁻⁹
  const mixed = sumUsd([1_000_000, ...Array.from({ length: 9_999 }, () => 1e-9)]);
  assert.ok(Math.abs(mixed - 1_000_000 - 9.999e-6) < 1e-9);
});

test("parts count where there is no total, and what is unknown counts nothing", () => {
  const parts: Cost = { currency: "USD", input: 0.1, output: 0.2, tools: 0.03, source: "provided" };
  assert.equal(totalUsd(parts), 0.33);
  assert.equal(totalUsd({ ...parts, total: 1 }), 1);
  assert.equal(totalUsd({ currency: "USD", source: "provided" }), undefined);
  assert.equal(sumUsd([parts, undefined, Number.NaN, { currency: "USD", source: "provided" }, -0.03]), 0.3);
  assert.equal(sumUsd([]), 0);
});
