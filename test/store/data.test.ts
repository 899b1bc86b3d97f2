import assert from "node:assert/strict";
import { test } from "node:test";
import { BLOCK_SPANS, BLOCK_US, block, blocks, DATA_START_US, wordOf } from "./support/data.ts";

test("a block is a function of seed and number", () => {
  assert.deepEqual(block(1, 3), block(1, 3));
  assert.notDeepEqual(block(1, 3)[0], block(1, 4)[0]);
  assert.notDeepEqual(block(1, 3)[0], block(2, 3)[0]);
});

test("the data are as they are said to be", (t) => {
  const records = block(1, 3);
  assert.equal(records.length, BLOCK_SPANS);
  const sizes = new Map<string, number>();
  for (const { traceId } of records) sizes.set(traceId, (sizes.get(traceId) ?? 0) + 1);
  const share = (from: number, to: number) =>
    [...sizes.values()].filter((n) => n >= from && n <= to).length / sizes.size;
  t.diagnostic(
    `figure: ${sizes.size} traces, ${share(3, 12)} small, ${share(20, 60)} medium, ${share(200, 200)} large`,
  );
  assert.ok(sizes.size > 620 && sizes.size < 820, `${sizes.size} traces`);
  assert.ok(Math.abs(share(3, 12) - 0.85) < 0.04);
  assert.ok(Math.abs(share(20, 60) - 0.14) < 0.04);
  assert.ok(share(200, 200) > 0.002 && share(200, 200) < 0.03);
  const bytes = records.reduce((sum, record) => sum + JSON.stringify(record).length, 0) / records.length;
  t.diagnostic(`figure: ${Math.round(bytes)} B a span`);
  assert.ok(bytes > 2_800 && bytes < 3_400, `${bytes} B a span`);
  assert.equal(JSON.stringify(records[5]!.input).length > 1_900, true);
  assert.equal(new Set(records.map(({ spanId }) => spanId)).size, records.length);
  for (const { startTime, endTime } of records) {
    const us = Number(startTime.slice(0, -3)) - DATA_START_US;
    assert.ok(us >= 3 * BLOCK_US, "not before its block");
    assert.ok(BigInt(endTime) > BigInt(startTime));
  }
  const text = JSON.stringify(records);
  const count = (word: string) => text.split(` ${word} `).length;
  const [frequent, rare] = [count(wordOf(0)), count(wordOf(19_000))];
  t.diagnostic(`figure: ${frequent} and ${rare} times the words of rank 0 and 19,000`);
  assert.ok(frequent > 20 * rare && rare > 1);
});

test("blocks: so many spans, whatever the size of a block", () => {
  const sizes = [...blocks(1, 12_345)].map(({ length }) => length);
  assert.deepEqual(sizes, [10_000, 2_345]);
});
