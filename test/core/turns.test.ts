import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextIteration } from "node:timers/promises";
import { createTurns } from "../../src/core/turns.ts";

test("a turn is shared by whoever works while it lasts, and the next ones begin in an iteration of the event loop each", async () => {
  let nowMs = 100;
  const takeTurn = createTurns(() => nowMs);
  const steps: string[] = [];
  const work = async (name: string): Promise<void> => {
    await takeTurn();
    steps.push(name);
    nowMs += 5;
  };

  const all = Promise.all(["a", "b", "c"].map(work));
  const seen: string[][] = [];
  while (steps.length < 3) {
    await nextIteration();
    seen.push([...steps]);
    assert.ok(seen.length < 10, "all have a turn");
  }
  await all;
  for (const [i, now] of seen.entries()) {
    assert.ok(now.length - (seen[i - 1]?.length ?? 0) <= 1, `one an iteration: ${JSON.stringify(seen)}`);
  }
  assert.deepEqual(steps, ["a", "b", "c"]);
});

test("what is short takes no turns: they go on in the one that lasts", async () => {
  let nowMs = 100;
  const takeTurn = createTurns(() => nowMs);
  await takeTurn();
  const steps: number[] = [];
  const all = Promise.all(
    [0, 1, 2, 3].map(async (i) => {
      await takeTurn();
      nowMs += 1;
      steps.push(i);
    }),
  );
  await Promise.resolve();
  await Promise.resolve();
  assert.deepEqual(steps, [0, 1, 2, 3], "without an iteration of the event loop between");
  await all;

  // Five turns' worth of milliseconds are over: the fifth waits.
  nowMs += 1;
  let isDone = false;
  const fifth = takeTurn().then(() => (isDone = true));
  await Promise.resolve();
  await Promise.resolve();
  assert.equal(isDone, false);
  await fifth;
});

test("a waiter that came meanwhile is not forgotten", async () => {
  let nowMs = 0;
  const takeTurn = createTurns(() => nowMs);
  await takeTurn();
  nowMs += 10;
  let second: Promise<void> | undefined;
  await takeTurn().then(() => {
    nowMs += 10;
    second = takeTurn();
  });
  await second;
});
