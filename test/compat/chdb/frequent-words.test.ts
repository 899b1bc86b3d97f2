/** Words that more than 20,000 spans have are looked for among the newest traces, others lead to theirs: one server. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { clickHouseStore } from "../../../src/store/clickhouse/index.ts";
import { memoryStore } from "../../../src/store/index.ts";
import type { TraceQuery } from "../../../src/store/trace-store.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";
import { type Lab, oneServer } from "./lab.ts";

let lab: Lab;
before(async () => {
  lab = await oneServer();
});
after(() => lab.close());

const SPANS = 22_000;
const MINUTE_NS = 60_000_000_000n;

/** A trace a minute; every thousandth has a word that is rare, every tenth another user. */
function span(n: number, seq: number, words: string) {
  const startTime = String(1_763_000_000_000_000_000n + BigInt(n) * MINUTE_NS);
  return sampleSpan({
    ...{ traceId: n.toString(16).padStart(32, "0"), spanId: n.toString(16).padStart(16, "0"), seq },
    ...{ name: "answer", startTime, endTime: startTime, input: words, output: "", status: { code: "ok" } },
    trace: { userId: n % 10 === 0 ? "rare" : "busy" },
  });
}

test("pages of frequent and of rare words are those of the store in memory, also where records were replaced", async (t) => {
  const stores = [
    memoryStore({ maxSpans: 2 * SPANS }),
    clickHouseStore({ url: lab.servers[0]!.url, database: "frequent" }),
  ];
  t.after(() => Promise.all(stores.map((store) => store.close())));
  const records = Array.from({ length: SPANS }, (_, n) => span(n, 1, n % 1_000 === 0 ? "common needle" : "common"));
  // Of the newest thousand every other has the word no more, and of the needles three.
  const replaced = records.flatMap((_, n) =>
    (n >= SPANS - 1_000 && n % 2 === 0) || n % 7_000 === 0 ? [span(n, 2, "other")] : [],
  );
  for (const store of stores) {
    await store.append(records);
    await store.append(replaced);
  }
  const queries: TraceQuery[] = [
    { text: "common" },
    { text: "common", userId: "rare" },
    { text: "needle", limit: 5 },
    { text: "common needle", userId: "rare" },
    { text: "common", fromUs: 1_763_000_000_000_000 + (SPANS - 500) * 60_000_000 },
  ];
  for (const query of queries) {
    const [expected, found] = await Promise.all(stores.map((store) => pagesOf(store, query)));
    assert.deepEqual(found, expected, JSON.stringify(query));
    t.diagnostic(`figure: ${JSON.stringify(query)}: ${expected!.map((page) => page.length).join(", ")} traces`);
  }
});

async function pagesOf(store: ReturnType<typeof memoryStore>, query: TraceQuery): Promise<string[][]> {
  const pages: string[][] = [];
  for (let after: string | undefined, i = 0; i < 3; i++) {
    const { items, next } = await store.traces({ ...query, ...(after !== undefined && { after }) });
    pages.push(items.map(({ traceId }) => traceId));
    if (next === undefined) break;
    after = next;
  }
  return pages;
}
