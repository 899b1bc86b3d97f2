import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlannedSpan } from "../../../src/openai/plan.ts";
import { withinSeconds } from "../../../src/openai/wire/run-times.ts";

function span(startMs: number, endMs: number, unfinished = false): PlannedSpan {
  return {
    key: [],
    name: "",
    type: "agent",
    kind: "client",
    startMs,
    endMs,
    unfinished,
    failure: undefined,
    patch: {},
  };
}

function times(spans: readonly [PlannedSpan, ...PlannedSpan[]], sentMs?: number, endedMs?: number) {
  return withinSeconds(spans, { sentMs, endedMs }).map(({ startMs, endMs }) => [startMs, endMs]);
}

test("a run within one second lasts as long as the clock here has seen", () => {
  assert.deepEqual(times([span(11_000, 11_000), span(11_000, 11_000)], 11_250, 11_700), [
    [11_250, 11_700],
    [11_250, 11_700],
  ]);
});

test("never outside of the second that the API tells: sent before it, or seen after it, or a clock that is wrong", () => {
  assert.deepEqual(times([span(11_000, 14_000)], 10_950, 19_300), [[11_000, 14_999]]);
  assert.deepEqual(times([span(11_000, 14_000)], 3_611_000, 3_614_500), [[11_999, 14_999]]);
});

test("steps stay in order and inside; those of the first and the last second begin and end with the run", () => {
  const steps = [span(11_000, 12_000), span(12_000, 14_000), span(14_000, 14_000)] as const;
  assert.deepEqual(times([span(11_000, 14_000), ...steps], 11_400, 14_600), [
    [11_400, 14_600],
    [11_400, 12_000],
    [12_000, 14_600],
    [14_000, 14_600],
  ]);
});

test("a step that ended in the second in which the run began does not end before it began", () => {
  assert.deepEqual(times([span(11_000, 15_000), span(11_000, 11_000)], 11_400, 15_100)[1], [11_400, 11_400]);
});

test("what is not known stays as the API tells it, and so does what it tells below the second", () => {
  assert.deepEqual(times([span(11_000, 14_000)]), [[11_000, 14_000]]);
  assert.deepEqual(times([span(11_123, 14_456)], 11_500, 14_500), [[11_123, 14_456]]);
  assert.deepEqual(times([span(11_000, 14_456, true)], 11_500, undefined), [[11_500, 14_456]]);
});
