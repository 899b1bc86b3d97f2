import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeClock } from "../../src/testing/fake-clock.ts";

test("stands still at a known moment", () => {
  const clock = fakeClock();
  assert.equal(new Date(clock.epochMs()).toISOString(), "2026-01-01T00:00:00.000Z");
  assert.equal(clock.epochMs(), clock.epochMs());
  assert.equal(clock.monotonicMs(), 0);
  assert.equal(fakeClock(5).epochMs(), 5);
});

test("advance moves both clocks, by fractions too", () => {
  const clock = fakeClock(1000);
  clock.advance(250);
  clock.advance(0);
  clock.advance(0.5);
  assert.deepEqual([clock.epochMs(), clock.monotonicMs()], [1250.5, 250.5]);
});

test("jump moves the wall clock alone, back too", () => {
  const clock = fakeClock(10_000);
  clock.advance(1);
  clock.jump(-3600);
  assert.deepEqual([clock.epochMs(), clock.monotonicMs()], [6401, 1]);
});

test("the monotonic clock cannot be turned back", () => {
  const clock = fakeClock(10);
  for (const ms of [-1, Number.NaN]) assert.throws(() => clock.advance(ms), RangeError);
  assert.deepEqual([clock.epochMs(), clock.monotonicMs()], [10, 0]);
});

test("its functions need no this, and clocks are independent", () => {
  const { advance, epochMs } = fakeClock(0);
  const other = fakeClock(0);
  advance(1);
  assert.deepEqual([epochMs(), other.epochMs()], [1, 0]);
});
