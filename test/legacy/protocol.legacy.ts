/** Which world this suite runs in: without its tsconfig it would pass as a TC39 suite and prove nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";

test("a method decorator is given three arguments", () => {
  let given: unknown[] = [];
  const probe = (...args: unknown[]): void => {
    given = args;
  };
  class Probed {
    @probe method(): void {}
  }
  assert.equal(given.length, 3);
  assert.equal(given[0], Probed.prototype);
  assert.equal(given[1], "method");
  assert.equal(typeof (given[2] as PropertyDescriptor).value, "function");
});
