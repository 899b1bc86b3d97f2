import assert from "node:assert/strict";
import { test } from "node:test";
import { common, type Pair } from "../../src/viewer/app/parts/common.ts";

/** Length of the longest common subsequence by the textbook's table. */
function lcsLength(left: readonly string[], right: readonly string[]): number {
  let row = new Array<number>(right.length + 1).fill(0);
  for (const one of left) {
    const next = [0];
    right.forEach((other, y) => {
      next.push(one === other ? row[y]! + 1 : Math.max(next[y]!, row[y + 1]!));
    });
    row = next;
  }
  return row.at(-1)!;
}

function checkPairs(pairs: readonly Pair[], left: readonly string[], right: readonly string[]): void {
  pairs.forEach(([x, y], index) => {
    assert.equal(left[x], right[y]);
    if (index > 0) assert.ok(x > pairs[index - 1]![0] && y > pairs[index - 1]![1], "in order");
  });
}

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

test("finds a longest common subsequence of 2,000 random pairs of lists", () => {
  const next = random(7);
  for (let round = 0; round < 2_000; round++) {
    const letters = 1 + Math.floor(next() * 8);
    const list = () => Array.from({ length: Math.floor(next() * 30) }, () => String(Math.floor(next() * letters)));
    const [left, right] = [list(), list()];
    const pairs = common(left, right);
    checkPairs(pairs, left, right);
    assert.equal(pairs.length, lcsLength(left, right), `seed 7, round ${round}: ${left} | ${right}`);
  }
});

test("nothing in common, and nothing at all", () => {
  assert.deepEqual(common([], []), []);
  assert.deepEqual(common(["a"], []), []);
  assert.deepEqual(common(["a", "b"], ["c"]), []);
});

test("lists of 10,000 that are shuffled end in bounded work, in order", () => {
  const next = random(11);
  const left = Array.from({ length: 10_000 }, () => String(Math.floor(next() * 50)));
  const right = Array.from({ length: 10_000 }, () => String(Math.floor(next() * 50)));
  const pairs = common(left, right, 500_000);
  checkPairs(pairs, left, right);
  assert.ok(pairs.length > 1_000, `${pairs.length} pairs`);
});

test("a few edits in 10,000 equal lines cost next to nothing", () => {
  const left = Array.from({ length: 10_000 }, (_, index) => `line ${index % 97}`);
  const right = [...left.slice(0, 4_000), "new", ...left.slice(4_003)];
  assert.equal(common(left, right, 30_000).length, 9_997);
});
