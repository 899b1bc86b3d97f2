/** Texts made to cost scorers time, a megabyte of each. `npm test` does the same with fewer. */
import { test } from "node:test";
import { assertQuick } from "../support/hostile-scorers.ts";

const hostile = ["1,", ".", '"', "> ", "_a_", "=\n-\n", "!?", "的", "ﷺ", '{"a":'];

for (const piece of hostile) {
  test(`a megabyte of ${JSON.stringify(piece)} costs the scorers a moment, cut as quality cuts it`, () =>
    assertQuick(piece));
}
