import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff, serverDelay } from "../../src/pipeline/backoff.ts";

test("delays double from 1 s to 30 s", () => {
  const delays = [1, 2, 3, 4, 5, 6, 7, 2_000].map((failures) => backoff(failures, () => 1));
  assert.deepEqual(delays, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test("jitter takes 50 to 100 % of a delay, so no retry comes at once", () => {
  assert.equal(
    backoff(1, () => 0),
    500,
  );
  assert.equal(
    backoff(1, () => 0.5),
    750,
  );
  const many = Array.from({ length: 1_000 }, () => backoff(3));
  assert.ok(many.every((delay) => delay >= 2_000 && delay <= 4_000));
  assert.ok(new Set(many).size > 900);
});

test("a server's word counts from 0 to 15 minutes and never overflows a timer", () => {
  const words = [5_000, 0, -1, 9_999_999_999_000, Number.POSITIVE_INFINITY, Number.NaN, undefined, "5", null];
  assert.deepEqual(words.map(serverDelay), [5_000, 0, 0, 900_000, 900_000, 0, 0, 0, 0]);
});
