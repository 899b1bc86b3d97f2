import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Filters,
  NO_FILTERS,
  readFilters,
  setFilters,
  traceQuery,
  writeFilters,
} from "../../src/viewer/app/traces/filters.ts";
import { typedFilters } from "../../src/viewer/app/traces/parse-word.ts";

const HOUR_US = 3_600e6;
const NOW_US = 1_763_600_000_000_000;

const ALL: Filters = {
  range: { fromUs: NOW_US - HOUR_US, toUs: NOW_US + 1 },
  values: {
    name: "answer & co",
    userId: "user=42",
    sessionId: "s#1",
    feature: "tutor",
    team: "math",
    model: "gpt-4.1-mini",
    tag: "vip",
    finding: "*",
    environment: "prod",
    release: "1.2+3",
  },
  status: "error",
  metadata: { "plan.name": "pro plan", empty: "", größe: "ü&=" },
  limits: { minDurationMs: 0, maxDurationMs: 1_500.5, minCostUsd: 0.0001, maxCostUsd: 2 },
  text: "refund “now”",
};

function read(text: string): Filters {
  return readFilters(new URLSearchParams(text));
}

test("filters survive the way through the URL", () => {
  assert.deepEqual(read(writeFilters(ALL).toString()), ALL);
  assert.deepEqual(read(writeFilters(NO_FILTERS).toString()), NO_FILTERS);
  const relative = { ...NO_FILTERS, range: { last: "24h" } };
  assert.equal(writeFilters(relative).toString(), "last=24h");
  assert.deepEqual(read("last=24h"), relative);
});

test("moments are ISO 8601 where that is exact", () => {
  const range = { fromUs: 1_700_000_000_000_000, toUs: 1_700_000_000_000_001 };
  const query = writeFilters({ ...NO_FILTERS, range });
  assert.equal(query.get("from"), "2023-11-14T22:13:20.000Z");
  assert.equal(query.get("to"), "1700000000000001");
  assert.deepEqual(readFilters(query).range, range);
});

test("what is unknown or cannot be is ignored", () => {
  const wrong = [
    "span=0af7&page=3&utm=x",
    "status=broken",
    "last=0h",
    "last=24",
    "last=forever",
    "from=yesterday",
    "from=-5",
    "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
    "minDurationMs=fast",
    "minCostUsd=-1",
    "maxCostUsd=",
    "maxCostUsd=Infinity",
    "metadata.=x",
    "userId=",
    "text=%20%20",
  ];
  for (const text of wrong) assert.deepEqual(read(text), NO_FILTERS, text);
});

test("a key of metadata may have any name", () => {
  const { metadata } = read("metadata.__proto__=x&metadata.constructor=y");
  assert.deepEqual(Object.entries(metadata), [
    ["__proto__", "x"],
    ["constructor", "y"],
  ]);
  assert.equal(writeFilters(read("metadata.__proto__=x")).toString(), "metadata.__proto__=x");
});

test("the store is asked for what the filters say, at the moment of asking", () => {
  assert.deepEqual(traceQuery(read("last=24h&status=error&metadata.plan=pro"), NOW_US), {
    fromUs: NOW_US - 24 * HOUR_US,
    status: "error",
    metadata: { plan: "pro" },
  });
  assert.deepEqual(traceQuery(NO_FILTERS, NOW_US), {});
  const { range: _, values, limits, ...others } = ALL;
  assert.deepEqual(traceQuery(ALL, 0), { ...ALL.range, ...values, ...limits, ...others });
});

test("each chip takes away its own filter and no other", () => {
  const chips = setFilters(ALL);
  assert.equal(chips.length, 18);
  for (const chip of chips) {
    const left = setFilters(chip.without).map(({ key }) => key);
    assert.deepEqual(
      left,
      chips.map(({ key }) => key).filter((key) => key !== chip.key),
    );
    assert.deepEqual(chip.without.range, ALL.range);
  }
});

test("what is typed becomes filters, the rest is text", () => {
  const typed = typedFilters(
    'user:ada status:ERROR duration>=1.5s cost<$2 meta.plan:"pro plan" refund  now',
    NO_FILTERS,
  );
  assert.deepEqual(typed, {
    range: {},
    values: { userId: "ada" },
    status: "error",
    metadata: { plan: "pro plan" },
    limits: { minDurationMs: 1_500, maxCostUsd: 2 },
    text: "refund now",
  });
});

test("typed words that are no filters stay text, and text that was removed is gone", () => {
  const text = "https://x.example status:broken duration>soon constructor:x a>b";
  assert.deepEqual(typedFilters(text, NO_FILTERS), { ...NO_FILTERS, text });
  assert.deepEqual(typedFilters("  ", { ...NO_FILTERS, text: "old" }), NO_FILTERS);
});
