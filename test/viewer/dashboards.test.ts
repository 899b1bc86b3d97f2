import assert from "node:assert/strict";
import { test } from "node:test";
import type { AggregateRow } from "../../src/store/trace-store.ts";
import { brushFilters } from "../../src/viewer/app/dashboards/brush.ts";
import { bucketWidthUs } from "../../src/viewer/app/dashboards/buckets.ts";
import { shape, shares, stacked } from "../../src/viewer/app/dashboards/shape.ts";
import { writeFilters } from "../../src/viewer/app/traces/filters.ts";

const MINUTE_US = 60e6;

function row(part: Partial<AggregateRow>): AggregateRow {
  return {
    group: {},
    count: 0,
    errors: 0,
    rateLimited: 0,
    inputTokens: 0,
    outputTokens: 0,
    costUsd: 0,
    unpriced: 0,
    sum: 0,
    ...part,
  };
}

const STRETCH = { fromUs: 90e6, toUs: 330e6, bucketUs: MINUTE_US } as const;

test("every bucket has a place: counts are 0 there, measures a gap", () => {
  const rows = [
    row({ timeUs: 60e6, count: 3, p95: 5e9 }),
    row({ timeUs: 240e6, count: 1, p95: 7e9 }),
    row({ timeUs: 900e6, count: 9, p95: 9e9 }),
    row({ count: 9 }),
  ];
  const counts = shape(rows, { ...STRETCH, measure: ({ count }) => count, empty: 0 });
  assert.deepEqual(counts.times, [60, 120, 180, 240, 300]);
  assert.deepEqual(counts.lines, [{ value: "", label: "all", isOther: false, points: [3, 0, 0, 1, 0], total: 4 }]);
  const latency = shape(rows, { ...STRETCH, measure: ({ p95 }) => p95, empty: null });
  assert.deepEqual(latency.lines[0]?.points, [5e9, null, null, 7e9, null]);
});

test("a line for each group, the largest first, the rest last", () => {
  const rows = [
    row({ timeUs: 120e6, group: { model: "mini" }, count: 1 }),
    row({ timeUs: 120e6, other: true, count: 50 }),
    row({ timeUs: 180e6, group: { model: "big" }, count: 5 }),
    row({ timeUs: 180e6, group: { model: "" }, count: 3 }),
    row({ timeUs: 240e6, group: { model: "other" }, count: 2 }),
  ];
  const { lines } = shape(rows, { ...STRETCH, by: "model", measure: ({ count }) => count, empty: 0 });
  assert.deepEqual(
    lines.map(({ label, value, isOther, total }) => [label, value, isOther, total]),
    [
      ["big", "big", false, 5],
      ["(none)", "", false, 3],
      ["other", "other", false, 2],
      ["mini", "mini", false, 1],
      ["other", "", true, 50],
    ],
  );
  const few = shape(rows, { ...STRETCH, by: "model", measure: ({ count }) => count, empty: 0, maxLines: 3 }).lines;
  assert.deepEqual(
    few.map(({ label, points }) => [label, points]),
    [
      ["big", [0, 0, 5, 0, 0]],
      ["(none)", [0, 0, 3, 0, 0]],
      ["all others", [0, 51, 0, 2, 0]],
    ],
  );
  const measured = shape(rows, {
    ...STRETCH,
    by: "model",
    measure: ({ count }) => count,
    empty: null,
    maxLines: 3,
  }).lines;
  assert.deepEqual(
    measured.map(({ label }) => label),
    ["big", "(none)", "other"],
    "medians cannot be added up",
  );
});

test("stacked lines end at the whole", () => {
  const rows = [
    row({ timeUs: 120e6, group: { model: "a" }, count: 4 }),
    row({ timeUs: 120e6, group: { model: "b" }, count: 1 }),
    row({ timeUs: 180e6, group: { model: "b" }, count: 2 }),
  ];
  const chart = stacked(shape(rows, { ...STRETCH, by: "model", measure: ({ count }) => count, empty: 0 }));
  assert.deepEqual(
    chart.lines.map(({ label, points }) => [label, points]),
    [
      ["a", [0, 5, 2, 0, 0]],
      ["b", [0, 1, 2, 0, 0]],
    ],
  );
});

test("shares are of the whole, also of what is not listed", () => {
  const rows = [
    row({ group: { team: "x" }, costUsd: 1 }),
    row({ group: { team: "y" }, costUsd: 5 }),
    row({ other: true, costUsd: 4 }),
  ];
  assert.deepEqual(
    shares(rows, "team", ({ costUsd }) => costUsd).map(({ label, share }) => [label, share]),
    [
      ["y", 0.5],
      ["x", 0.1],
      ["other", 0.4],
    ],
  );
  assert.deepEqual(shares([row({ group: { team: "x" } })], "team", ({ costUsd }) => costUsd)[0]?.share, 0);
});

test("buckets are round, and at most about a hundred", () => {
  const hour = 3_600e6;
  assert.equal(bucketWidthUs(0, hour), MINUTE_US);
  assert.equal(bucketWidthUs(0, 24 * hour), 1_800e6);
  assert.equal(bucketWidthUs(0, 0), 1e6);
  for (let stretch = 1e6; stretch < 1e17; stretch *= 1.7) {
    const width = bucketWidthUs(0, stretch);
    assert.ok(stretch / width <= 96 && width % 1e6 === 0, `${stretch}: ${width}`);
  }
});

test("a brush asks for the traces of its stretch and group", () => {
  const where = { model: "gpt-4.1", feature: "", errorType: "RateLimitError", userId: "u 1" };
  const filters = brushFilters({ fromS: 1_700_000_000.0004, toS: 1_700_000_060.0006, where });
  assert.equal(
    writeFilters(filters).toString(),
    "from=2023-11-14T22%3A13%3A20.000Z&to=2023-11-14T22%3A14%3A20.001Z&userId=u+1&model=gpt-4.1",
  );
});
