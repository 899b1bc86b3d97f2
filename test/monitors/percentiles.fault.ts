/** Percentiles of a million values against those of the sorted list. `npm test` does the same with fewer. */
import { test } from "node:test";
import { assertPercentiles, SHAPES } from "../support/percentiles.ts";

for (const [shape, draw] of Object.entries(SHAPES)) {
  test(`percentiles of 1,000,000 values, ${shape}: within 1 % of the exact ones`, () => {
    assertPercentiles(draw, 1_000_000);
  });
}
