import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page, TraceQuery, TraceSummary } from "../../src/store/trace-store.ts";
import { totals } from "../../src/viewer/app/sessions/totals.ts";
import { joined, traceList } from "../../src/viewer/app/traces/trace-list.ts";

function trace(n: number, part: Partial<TraceSummary> = {}): TraceSummary {
  return {
    traceId: `t${n}`,
    name: "x",
    startUs: n * 1e6,
    durationNs: 1e6,
    status: "ok",
    spans: 1,
    errors: 0,
    models: [],
    ...part,
  };
}

const ids = (items: readonly TraceSummary[]) => items.map(({ traceId }) => traceId).join(" ");

/** A store of numbered traces, newest first, three to a page. */
function source(numbers: number[]) {
  const asked: TraceQuery[] = [];
  const state = { fails: false };
  const load = async (query: TraceQuery): Promise<Page<TraceSummary>> => {
    asked.push(query);
    if (state.fails) throw new Error("down");
    const all = [...numbers].sort((a, b) => b - a).filter((n) => query.after === undefined || n < Number(query.after));
    const items = all.slice(0, 3).map((n) => trace(n));
    return all.length > 3 ? { items, next: String(all[2]) } : { items };
  };
  return { asked, state, load, numbers };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test("pages follow each other; an error is kept apart from what is shown, and tried again", async () => {
  const from = source([1, 2, 3, 4, 5, 6, 7]);
  const list = traceList(from.load);
  list.reset({});
  await settled();
  assert.equal(ids(list.state.value.items), "t7 t6 t5");
  from.state.fails = true;
  list.more();
  list.more();
  await settled();
  assert.equal(list.state.value.error?.message, "down");
  assert.equal(ids(list.state.value.items), "t7 t6 t5");
  list.more();
  assert.equal(from.asked.length, 2, "not again by itself");
  from.state.fails = false;
  list.retry();
  await settled();
  list.more();
  await settled();
  assert.equal(ids(list.state.value.items), "t7 t6 t5 t4 t3 t2 t1");
  assert.equal(list.state.value.next, undefined);
});

test("what is new is shown at the top, or waits until it is asked for", async () => {
  const from = source([1, 2, 3, 4]);
  const list = traceList(from.load);
  list.reset({});
  await settled();
  list.more();
  await settled();
  from.numbers.push(5);
  await list.refresh({}, true);
  assert.equal(ids(list.state.value.items), "t5 t4 t3 t2 t1");
  from.numbers.push(6);
  await list.refresh({}, false);
  assert.equal(ids(list.state.value.items), "t5 t4 t3 t2 t1");
  assert.equal(list.waiting.value, 1);
  list.showWaiting();
  assert.equal(ids(list.state.value.items), "t6 t5 t4 t3 t2 t1");
  assert.equal(list.waiting.value, 0);
});

test("where nothing is shown, nothing can jump: what is new is shown at once", async () => {
  const from = source([]);
  const list = traceList(from.load);
  list.reset({});
  await settled();
  from.numbers.push(1);
  await list.refresh({}, false);
  assert.equal(ids(list.state.value.items), "t1");
  assert.equal(list.waiting.value, 0);
});

test("so much that is new that there is a gap: the newest page alone", async () => {
  const from = source([1, 2, 3]);
  const list = traceList(from.load);
  list.reset({});
  await settled();
  from.numbers.push(11, 12, 13, 14);
  await list.refresh({}, true);
  assert.equal(ids(list.state.value.items), "t14 t13 t12");
  list.more();
  await settled();
  assert.equal(ids(list.state.value.items), "t14 t13 t12 t11 t3 t2");
});

test("another question replaces the answer to the one before", async () => {
  const from = source([1, 2, 3, 4]);
  const list = traceList(from.load);
  list.reset({ userId: "a" });
  list.reset({ userId: "b" });
  await settled();
  list.more();
  await settled();
  assert.deepEqual(
    from.asked.map(({ userId, after }) => [userId, after]),
    [
      ["a", undefined],
      ["b", undefined],
      ["b", "2"],
    ],
  );
});

test("known traces are brought up to date, those that no longer fit go", () => {
  const known = { items: [trace(5), trace(4), trace(3), trace(2)], next: "2" };
  const page = { items: [trace(5, { status: "error" }), trace(3)], next: "3" };
  const { items, next } = joined(known, page);
  assert.equal(ids(items), "t5 t3 t2");
  assert.equal(items[0]?.status, "error");
  assert.equal(next, "2");
});

test("a session's totals: time that overlaps counts once, figures that nobody knows stay unknown", () => {
  const all = totals([
    trace(1, { durationNs: 2e9, models: ["b"], inputTokens: 5, unpriced: 1 }),
    trace(2, { durationNs: 3e9, status: "error", models: ["a", "b"], costUsd: 0.5 }),
    trace(60, { durationNs: 1e9 }),
  ]);
  assert.deepEqual(all, {
    traces: 3,
    errors: 1,
    busyNs: 5e9,
    fromUs: 1e6,
    toUs: 61e6,
    tokens: 5,
    costUsd: 0.5,
    unpriced: 1,
    models: ["a", "b"],
  });
  assert.equal(totals([trace(1)]).costUsd, undefined);
});
