import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRetryAfter } from "../../src/core/retry-after.ts";

const NOW = Date.parse("1994-11-06T08:49:00Z");
const QUARTER = 15 * 60_000;

for (const [value, expected] of [
  ["3", 3_000],
  [" 3 ", 3_000],
  ["0", 0],
  ["1.5", 1_500],
  ["9999999999", QUARTER],
  ["9".repeat(400), QUARTER],
  ["Sun, 06 Nov 1994 08:49:37 GMT", 37_000],
  ["Sunday, 06-Nov-94 08:49:37 GMT", 37_000],
  ["Sun Nov  6 08:49:37 1994", 37_000],
  ["Sun, 06 Nov 1994 08:48:37 GMT", 0],
  ["Wed, 01 Jan 2098 00:00:00 GMT", QUARTER],
  ["5, 7", 7_000],
  ["5,5", 5_000],
  ["5, soon", undefined],
  ["5,", undefined],
  ["-5", undefined],
  ["soon", undefined],
  ["soon 5", undefined],
  ["1e3", undefined],
  ["0x10", undefined],
  ["NaN", undefined],
  ["Infinity", undefined],
  ["Sun, 99 Nov 1994 08:49:37 GMT", undefined],
  ["1994-11-06T08:49:37Z", undefined],
  ["", undefined],
  [null, undefined],
  [undefined, undefined],
] as const) {
  test(`Retry-After ${value?.slice(0, 40)}: ${expected} ms`, () => assert.equal(parseRetryAfter(value, NOW), expected));
}
