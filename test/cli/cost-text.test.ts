/** What the command line says of money. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { costText } from "../../src/cli/cost-text.ts";

test("a cost is a sum, at least a sum, or not known", () => {
  assert.equal(costText({ costUsd: 0.25 }), "$0.2500");
  assert.equal(costText({ costUsd: 0 }), "$0.00");
  assert.equal(costText({ costUsd: 0.25, unpriced: 2 }), "≥ $0.2500");
  assert.equal(costText({ costUsd: 0, unpriced: 1 }), "–");
  assert.equal(costText({ unpriced: 1 }), "–");
  assert.equal(costText({}), "");
});
