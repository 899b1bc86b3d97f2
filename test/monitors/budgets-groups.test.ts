import assert from "node:assert/strict";
import { test } from "node:test";
import type { BudgetLimit } from "../../src/monitors/budgets/budgets-options.ts";
import { stderrOf } from "../support/stderr-of.ts";
import { made, memoryState } from "./budgets-lab.ts";

const perUser: BudgetLimit = { name: "per user", usd: 0.001, per: "day", by: "user", hard: true };

test("a hard cap holds for each of 21,000 users that have used it up, in the next process too, and not on the next day", async () => {
  const state = memoryState();
  const { spend, start, status, clock, monitor } = made([perUser], { state });
  const text = await stderrOf(() => {
    for (let i = 0; i < 21_000; i++) spend(0.00208, { userId: `u${i}` });
  });
  const refused = (begin: typeof start): number => {
    let count = 0;
    for (let i = 0; i < 21_000; i++) if (begin({ userId: `u${i}` })?.refuse) count++;
    return count;
  };
  assert.equal(refused(start), 21_000);
  assert.equal(text, "", "nobody was put to `other`");
  assert.equal(status("other"), undefined);
  monitor.flush!();
  assert.equal(refused(made([perUser], { state, clock }).start), 21_000);
  clock.advance(86_400_000);
  assert.equal(start({ userId: "u5" }), undefined);
});

test("more groups than are kept apart are told of once, and counted in status; who has used up the limit stays", async () => {
  const state = memoryState();
  const { spend, start, status, monitor, clock } = made([{ ...perUser, maxGroups: 100 }], { state });
  const text = await stderrOf(() => {
    for (let i = 0; i < 150; i++) spend(0.002, { userId: `spent ${i}` });
    for (let i = 0; i < 400; i++) spend(0.0004, { userId: `little ${i}` });
  });
  assert.match(
    text,
    /^sightline: budget "per user" keeps 100 of by: "user" apart in a period,.* may not hold\. Raise the limit's maxGroups\.\n$/,
  );
  for (let i = 0; i < 150; i++) assert.ok(start({ userId: `spent ${i}` })?.refuse, `${i}`);
  const { groups, spentUsd } = status("other");
  assert.ok(groups! >= 300 - 25 && groups! <= 300, `${groups}`);
  assert.equal(spentUsd, (groups! * 4) / 10_000);
  monitor.flush!();
  const again = made([{ ...perUser, maxGroups: 1_000 }], { state, clock });
  assert.equal(again.status("other").groups, groups);
});

test("without `hard` nobody stays beyond the bound", async () => {
  const { spend, status } = made([{ ...perUser, hard: false, maxGroups: 100 }]);
  const text = await stderrOf(() => {
    for (let i = 0; i < 300; i++) spend(0.002, { userId: `u${i}` });
  });
  assert.match(text, /put together as "other"\. Raise/);
  assert.ok(status("other").groups! >= 190);
});
