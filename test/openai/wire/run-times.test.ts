import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlannedSpan } from "../../../src/openai/plan.ts";
import { onOurClock, type SeenTimes } from "../../../src/openai/wire/run-times.ts";

function span(startMs: number, endMs: number, key: string[] = [], unfinished = false): PlannedSpan {
  return { key, name: "", type: "agent", kind: "client", startMs, endMs, unfinished, failure: undefined, patch: {} };
}

const UNSEEN: SeenTimes = {
  sentMs: undefined,
  answeredMs: undefined,
  endedMs: undefined,
  isEndStreamed: false,
  stepTimes: new Map(),
};

function times(spans: readonly [PlannedSpan, ...PlannedSpan[]], seen: Partial<SeenTimes> = {}) {
  const answeredMs = seen.sentMs === undefined ? undefined : seen.sentMs + 100;
  return onOurClock(spans, { ...UNSEEN, answeredMs, ...seen }).map(({ startMs, endMs }) => [startMs, endMs]);
}

test("a run within one second lasts as long as the clock here has seen", () => {
  assert.deepEqual(times([span(11_000, 11_000), span(11_000, 11_000)], { sentMs: 11_250, endedMs: 11_700 }), [
    [11_250, 11_700],
    [11_250, 11_700],
  ]);
});

test("sent before its second, and seen long after it: the seconds of the API", () => {
  assert.deepEqual(times([span(11_000, 14_000)], { sentMs: 10_950, endedMs: 19_300 }), [[11_000, 14_999]]);
});

test("an API whose clock is not ours: its times are moved, and nothing ends after it was seen to have ended", () => {
  const run = [span(11_000, 14_000), span(12_000, 13_000)] as const;
  const hour = 3_600_000;
  assert.deepEqual(times(run, { sentMs: hour + 11_000, endedMs: hour + 14_500 }), [
    [hour + 11_000, hour + 14_500],
    [hour + 12_000, hour + 13_000],
  ]);
  // 900 ms behind: made at 10.35 by its clock, asked for at 11.25 by ours.
  assert.deepEqual(times([span(10_000, 11_000)], { sentMs: 11_250, endedMs: 12_150 }), [[11_250, 12_150]]);
  // 5 s ahead.
  assert.deepEqual(times([span(16_000, 17_000)], { sentMs: 11_250, endedMs: 12_150 }), [[11_250, 12_150]]);
});

test("steps stay in order and inside; those of the first and the last second begin and end with the run", () => {
  const steps = [span(11_000, 12_000), span(12_000, 14_000), span(14_000, 14_000)] as const;
  assert.deepEqual(times([span(11_000, 14_000), ...steps], { sentMs: 11_400, endedMs: 14_600 }), [
    [11_400, 14_600],
    [11_400, 12_000],
    [12_000, 14_600],
    [14_000, 14_600],
  ]);
});

test("a step that ended in the second in which the run began does not end before it began", () => {
  const run = [span(11_000, 15_000), span(11_000, 11_000)] as const;
  assert.deepEqual(times(run, { sentMs: 11_400, endedMs: 15_100 })[1], [11_400, 11_400]);
});

test("what came in a stream happened when it came: the end, and the steps", () => {
  const stepTimes = new Map([["step_1", { startMs: 11_500, endMs: 12_345 }]]);
  const run = [span(11_000, 11_000), span(11_000, 11_000, ["run", "step_1", "chat"])] as const;
  assert.deepEqual(times(run, { sentMs: 11_400, endedMs: 12_800, isEndStreamed: true, stepTimes }), [
    [11_400, 12_800],
    [11_500, 12_345],
  ]);
});

test("what is not known stays as the API tells it, and so does what it tells below the second", () => {
  assert.deepEqual(times([span(11_000, 14_000)]), [[11_000, 14_000]]);
  assert.deepEqual(times([span(11_123, 14_456)], { sentMs: 11_100, endedMs: 14_500 }), [[11_123, 14_456]]);
  assert.deepEqual(times([span(11_000, 14_456, [], true)], { sentMs: 11_500 }), [[11_500, 14_456]]);
});
