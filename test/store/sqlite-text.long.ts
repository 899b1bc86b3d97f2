import assert from "node:assert/strict";
import { test } from "node:test";
import { memoryStore } from "../../src/store/memory-store.ts";
import { hasSqlite } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import type { TraceQuery } from "../../src/store/trace-store.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

const TRACES = 6_000;
const SPANS = 10_000;
const START_US = 1_732_000_000_000_000;

test("words are found among the traces that a filter leaves, however frequent both are, and with a clock ahead", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const [memory, sqlite] = [memoryStore({ maxBytes: 1e9 }), sqliteStore({ path: ":temporary:" })];
  t.after(() => Promise.all([memory.close(), sqlite.close()]));
  const records = Array.from({ length: TRACES }, (_, i) => {
    const startUs = START_US + i * 1_000 + (i === 50 ? 1e12 : 0);
    return sampleSpan({
      traceId: i.toString(16).padStart(32, "0"),
      startTime: `${startUs}000`,
      endTime: `${startUs + 50}000`,
      input: `every ${i % 3 === 0 ? "third" : "other"} ${i % 1_500 === 0 ? "rare" : "common"} ${i % 100 === 0 ? "" : "elsewhere"}`,
      trace: { userId: i % 100 === 0 ? "seldom" : "often", environment: i % 7 === 0 ? "staging" : "production" },
    });
  });
  // More spans than are looked at in a turn, the words in one of them.
  const large = records[3_000]!;
  for (let i = 1; i <= SPANS; i++) {
    const spanId = i.toString(16).padStart(16, "0");
    records.push({ ...large, spanId, parentSpanId: large.spanId, input: i === 5_000 ? "every third rare" : "filler" });
  }
  for (const store of [memory, sqlite]) await store.append(records);
  for (const text of ["every", "third", "every third common", "rare", "every rare", "elsewhere", "nowhere"]) {
    for (const filter of [
      {},
      { userId: "seldom" },
      { userId: "often" },
      { environment: "staging" },
      { minCostUsd: 9 },
      { fromUs: START_US + 2_500_000, toUs: START_US + 3_500_000 },
    ]) {
      for (const limit of [3, 40]) {
        let query: TraceQuery = { ...filter, text, limit };
        for (let page = 0; page < 3; page++) {
          const [wanted, found] = [await memory.traces(query), await sqlite.traces(query)];
          assert.deepEqual(found, wanted, JSON.stringify(query));
          if (wanted.next === undefined) break;
          query = { ...query, after: wanted.next };
        }
      }
    }
  }
});
