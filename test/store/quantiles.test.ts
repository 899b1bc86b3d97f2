import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile } from "../../src/store/aggregate-rows.ts";
import { addQuantiles } from "../../src/store/sqlite/aggregate/quantiles.ts";
import { Tally } from "../../src/store/sqlite/aggregate/tally.ts";

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

test("durations of more than one block are told apart by their parts", () => {
  const tally = new Tally(false);
  const parts = [0, 1, 2].map((group) => tally.part(tally.member(group, 0), 0));
  const durations: number[][] = [[], [], []];
  for (let i = 0; i < 70_000; i++) {
    const duration = (i * 7_919) % 100_003;
    tally.addDuration(parts[i % 3]!, duration);
    durations[i % 3]!.push(duration);
  }
  const row = tally.rows(true);
  for (const [group, part] of parts.entries()) {
    const sorted = durations[group]!.sort((a, b) => a - b);
    const { p50, p95, p99 } = row({}, [part]);
    assert.deepEqual(
      [p50, p95, p99],
      [0.5, 0.95, 0.99].map((p) => percentile(sorted, p)),
    );
  }
  assert.equal(
    row({}, parts).p50,
    percentile(
      durations.flat().sort((a, b) => a - b),
      0.5,
    ),
  );
});
