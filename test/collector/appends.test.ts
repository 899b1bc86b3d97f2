/** Acknowledged is stored; many small requests are few writes; a record at fault costs itself alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TraceRecord } from "../../src/core/record.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { gate, lines, postRecords, spans, started, storeWith } from "./support.ts";

test("every acknowledged record is in the store when its answer comes, whatever else goes on", async (t) => {
  const inner = memoryStore();
  let appends = 0;
  const store = storeWith(
    {
      async append(records, options) {
        appends++;
        await new Promise((resolve) => setTimeout(resolve, 1));
        // Some fail, before or after they are written: neither is acknowledged.
        if (appends % 5 === 2) throw new StoreError("STORE_UNAVAILABLE", "before");
        await inner.append(records, options);
        if (appends % 5 === 4) throw new StoreError("STORE_UNAVAILABLE", "after");
      },
    },
    inner,
  );
  const { url } = await started(t, { store });
  const all = spans(300) as Extract<TraceRecord, { record: "span" }>[];
  let acknowledged = 0;
  let refused = 0;
  const sender = async (first: number): Promise<void> => {
    for (let i = first; i < all.length; i += 30) {
      const span = all[i]!;
      const response = await postRecords(url, lines([span]));
      await response.arrayBuffer();
      if (response.status === 200) {
        acknowledged++;
        assert.deepEqual(await store.span(span.traceId, span.spanId), span);
      } else {
        refused++;
        assert.equal(response.status, 429);
        i -= 30;
      }
    }
  };
  await Promise.all(Array.from({ length: 30 }, (_, i) => sender(i)));
  assert.equal(acknowledged, all.length);
  assert.ok(refused > 0);
  assert.equal((await store.stats()).spans, all.length);
  assert.ok(appends < acknowledged + refused, `${appends} appends for ${acknowledged + refused} requests`);
  t.diagnostic(`${acknowledged + refused} requests, ${appends} appends`);
});

test("what comes while a write runs goes together into the next one, each project by itself", async (t) => {
  const { opened, open } = gate();
  const groups: [project: string | undefined, records: number][] = [];
  const inner = memoryStore();
  const store = storeWith(
    {
      async append(records, options) {
        groups.push([options?.project, records.length]);
        if (records.length === 1 && groups.length <= 2) await opened;
        await inner.append(records, options);
      },
    },
    inner,
  );
  const projects = { a: "token-of-project-a", b: "token-of-project-b" };
  const { url } = await started(t, { store, projects });
  const post = (project: keyof typeof projects, record: TraceRecord) =>
    postRecords(url, lines([record]), { authorization: `Bearer ${projects[project]}` });
  const all = spans(200);
  const waiting = async () => {
    const text = await (await fetch(`${url}/metrics`)).text();
    return Number(/waiting_records (\d+)/.exec(text)![1]);
  };
  const answers: Promise<Response>[] = [post("a", all[0]!), post("b", all[100]!)];
  while (groups.length < 2) await new Promise((resolve) => setTimeout(resolve, 2));
  for (const span of all.slice(1, 100)) answers.push(post("a", span));
  for (const span of all.slice(101)) answers.push(post("b", span));
  while ((await waiting()) < 200) await new Promise((resolve) => setTimeout(resolve, 2));
  open();
  for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
  assert.deepEqual(groups, [
    ["a", 1],
    ["b", 1],
    ["a", 99],
    ["b", 99],
  ]);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /append_seconds_count 4\n/);
  assert.match(metrics, /records_total\{form="ndjson"\} 200\n/);
});

test("records that a store cannot keep are found and named; those of other requests and their neighbours are kept", async (t) => {
  const { opened, open } = gate();
  const inner = memoryStore();
  let calls = 0;
  const store = storeWith(
    {
      async append(records, options) {
        if (calls++ === 0) await opened;
        for (const record of records) {
          if (record.record === "span" && record.name === "poison")
            throw new RangeError("Maximum call stack size exceeded");
        }
        await inner.append(records, options);
      },
    },
    inner,
  );
  const { url } = await started(t, { store });
  const all = spans(64) as Extract<TraceRecord, { record: "span" }>[];
  const poisoned = [7, 8, 31].map((i) => ({ ...all[i]!, name: "poison" }));
  const good = all.filter((_, i) => ![7, 8, 31].includes(i));
  const blocking = postRecords(url, lines([good[0]]));
  while (calls === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  const mixed = postRecords(url, lines([...good.slice(1, 40), ...poisoned, ...good.slice(40, 50)]));
  const clean = postRecords(url, lines(good.slice(50)));
  open();
  const answers = await Promise.all(
    (await Promise.all([blocking, mixed, clean])).map((answer) => answer.json() as any),
  );
  assert.deepEqual([answers[0], answers[2]], [{ rejected: [] }, { rejected: [] }]);
  assert.deepEqual(
    answers[1].rejected.map(({ spanId }: any) => spanId),
    poisoned.map(({ spanId }) => spanId),
  );
  assert.match(answers[1].rejected[0].reason, /^cannot be stored: RangeError/);
  assert.equal((await store.stats()).spans, good.length);
});
