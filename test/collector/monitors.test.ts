/** Monitors in the collector: they hear of everything once it is durable, and hold up nothing. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { MonitorsAnswer } from "../../src/collector/api.ts";
import { createFeed } from "../../src/collector/feed.ts";
import type { TraceRecord } from "../../src/core/record.ts";
import { alerts, budgets, incidents, quality, type Sample, type Source } from "../../src/monitors/index.ts";
import { filter } from "../../src/policy/filter.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { gate, lines, postRecords, spans, started, storeWith, until } from "./support.ts";

test("sinks hear of every record once, after it is durable, and of none that is not", async (t) => {
  const heard: TraceRecord[] = [];
  const early: TraceRecord[] = [];
  let isFull = true;
  const inner = storeWith({});
  const store = storeWith(
    {
      async append(records, options) {
        if (isFull) throw new StoreError("STORE_FULL", "full");
        early.push(...records.filter((record) => heard.includes(record)));
        await inner.append(records, options);
      },
    },
    inner,
  );
  const sink: Sink = { name: "watch", write: (batch) => void heard.push(...batch) };
  const { url } = await started(t, { store, monitors: { sinks: [sink] } });
  const all = spans(500);
  const id = { "x-sightline-batch": "0123456789abcdef0123456789abcdef" };
  assert.equal((await postRecords(url, lines(all), id)).status, 429);
  isFull = false;
  assert.equal((await postRecords(url, lines(all), id)).status, 200);
  assert.equal((await postRecords(url, lines(all), id)).status, 200, "sent again, as the answer was lost");
  await until(() => heard.length >= 500);
  assert.deepEqual(heard, all);
  assert.deepEqual(early, []);
});

test("sinks that throw, reject or never end hold up neither senders nor each other", async (t) => {
  const heard: TraceRecord[] = [];
  const sinks: Sink[] = [
    {
      name: "throws",
      write: () => {
        throw new Error("no");
      },
    },
    { name: "rejects", write: () => Promise.reject(new Error("no")) },
    { name: "hangs", write: () => new Promise(() => {}) },
    filter({ name: "filtered", write: (batch) => void heard.push(...batch) }, ({ traceId }) => traceId!.endsWith("1")),
  ];
  const { url, close } = await started(t, { monitors: { sinks } });
  const all = spans(32);
  for (const span of all) assert.equal((await postRecords(url, lines([span]))).status, 200);
  await until(() => heard.length === 2);
  assert.deepEqual(
    heard.map(({ traceId }) => traceId),
    [all[0]!.traceId, all[16]!.traceId],
  );
  await close({ timeoutMs: 20 });
});

test("a sink that is too slow misses what is beyond its bound, and that is counted", async () => {
  const { opened, open } = gate();
  const heard: TraceRecord[] = [];
  const slow: Sink = {
    name: "slow",
    async write(batch) {
      await opened;
      heard.push(...batch);
    },
  };
  const feed = createFeed([slow]);
  const batch = spans(1_000);
  for (let i = 0; i < 30; i++) feed.see(batch);
  assert.equal(feed.dropped, 10_000);
  open();
  await feed.close(60_000);
  assert.equal(heard.length, 20_000);
});

/** An alert that fires, with an incident. */
async function withIncident(t: TestContext) {
  let value = 0.5;
  const source: Source = {
    metrics: [{ name: "error_rate", unit: "share", description: "Failed calls" }],
    read: () => [{ value, samples: 100, labels: {} }],
  };
  const tracked = incidents();
  const watch = alerts({
    rules: [
      {
        name: "High error rate",
        metric: "error_rate",
        comparison: ">",
        threshold: 0.05,
        windowMs: 300_000,
        minSamples: 20,
        severity: "sev2",
      },
    ],
    sources: [source],
    listeners: [tracked],
    everyMs: false,
  });
  const spent = budgets({ limits: [{ name: "daily", usd: 10, per: "day" }] });
  const server = await started(t, { monitors: { alerts: watch, incidents: tracked, budgets: spent }, prices: false });
  return { ...server, store: server.store, watch, tracked, resolve: () => (value = 0) };
}

test("what monitors know is told, incidents are acted on, and live views hear of both", async (t) => {
  const { url, watch, tracked } = await withIncident(t);
  const ask = async (): Promise<MonitorsAnswer> =>
    (await (await fetch(`${url}/api/monitors`)).json()) as MonitorsAnswer;
  assert.deepEqual((await ask()).incidents, []);
  assert.equal(((await (await fetch(`${url}/api/about`)).json()) as any).monitors, true);
  const calledOff = new AbortController();
  t.after(() => calledOff.abort());
  const tail = await fetch(`${url}/api/tail`, { signal: calledOff.signal });
  let told = "";
  void (async () => {
    for await (const piece of tail.body!.pipeThrough(new TextDecoderStream())) told += piece;
  })().catch(() => {});
  watch.evaluate();
  await until(() => told.includes('{"event":"monitors"}'));
  const { alerts: fired, incidents: open, runbooks, budgets: limits } = await ask();
  assert.equal(fired[0]!.state, "firing");
  assert.equal(open.length, 1);
  assert.ok(runbooks.length > 0);
  assert.equal(limits[0]!.budget, "daily");
  const { id } = open[0]!;
  const draft = await fetch(`${url}/api/incidents/${id}/post-mortem`);
  assert.equal(draft.headers.get("content-type"), "text/markdown; charset=utf-8");
  // How long it has been open goes on.
  const timeless = (text: string) => text.replace(/\d+ ms/g, "… ms");
  assert.equal(timeless(await draft.text()), timeless(tracked.postMortem(id)!));
  assert.equal((await fetch(`${url}/api/incidents/inc_none/post-mortem`)).status, 404);
  const act = async (action: unknown, to = id, type = "application/json") => {
    const response = await fetch(`${url}/api/incidents/${to}`, {
      method: "POST",
      headers: { "content-type": type },
      body: typeof action === "string" ? action : JSON.stringify(action),
    });
    return [response.status, (await response.json()) as any] as const;
  };
  assert.equal((await act({ action: "acknowledge", by: "ada" }))[1].acknowledgedBy, "ada");
  assert.equal((await act({ action: "mitigate", by: "ada", note: "looking" }))[1].status, "mitigating");
  await act({ action: "note", by: "bob", note: "<b>it is DNS</b>" });
  await act({ action: "step", by: "ada", step: "reduce_concurrency" });
  const [, resolved] = await act({ action: "resolve", by: "ada", note: "fixed" });
  assert.equal(resolved.status, "resolved");
  assert.deepEqual(
    resolved.timeline.slice(2).map(({ kind, by }: any) => [kind, by]),
    tracked
      .get(id)!
      .timeline.slice(2)
      .map(({ kind, by }) => [kind, by]),
  );
  const texts = resolved.timeline.map(({ text }: any) => text).join("\n");
  for (const text of ["looking", "<b>it is DNS</b>", "reduce_concurrency", "fixed"])
    assert.ok(texts.includes(text), text);
  for (const [action, message] of [
    [{ action: "explode", by: "ada" }, /acknowledge, mitigate/],
    [{ action: "acknowledge" }, /^by takes/],
    [{ action: "acknowledge", by: "a".repeat(101) }, /^by takes/],
    [{ action: "note", by: "ada" }, /^note takes/],
    [{ action: "note", by: "ada", note: "x".repeat(2_001) }, /^note takes/],
    [{ action: "step", by: "ada", step: 5 }, /^step takes/],
    ["null", /^by takes/],
    ["{", /no JSON/],
  ] as const) {
    const [status, { error }] = await act(action);
    assert.equal(status, 400, JSON.stringify(action));
    assert.match(error.message, message);
  }
  assert.equal((await act({ action: "acknowledge", by: "ada" }, "inc_nothing"))[0], 404);
  assert.equal((await act({ action: "acknowledge", by: "ada" }, id, "text/plain"))[0], 415);
  assert.equal((await act(`"${"x".repeat(20_000)}"`))[0], 413);
});

test("budgets count what everyone's calls cost", async (t) => {
  const { url } = await withIncident(t);
  const now = `${Date.now()}000000`;
  const cost = { currency: "USD", total: 4, source: "provided" } as const;
  const call = sampleSpan({ type: "generation", genAi: { requestModel: "m" }, cost, startTime: now, endTime: now });
  await postRecords(url, lines([call]));
  await until(async () => {
    const { budgets: limits } = (await (await fetch(`${url}/api/monitors`)).json()) as MonitorsAnswer;
    return limits[0]!.spentUsd === 4;
  });
});

test("how far the quality of each feature has drifted is told, with the traces that show it", async (t) => {
  const score = ({ output }: Sample): number => Number(output);
  const scorers = [{ name: "told", higherIsBetter: true, score }];
  const judged = quality({ scorers, baseline: { mean: 0.9, sd: 0.05 } });
  const { url } = await started(t, { monitors: { quality: judged }, prices: false });
  const now = `${Date.now()}000000`;
  const answers = ["good", "bad"].flatMap((feature) =>
    Array.from({ length: 20 }, (_, i) =>
      sampleSpan({
        type: "generation",
        traceId: (feature === "bad" ? 100 + i : 1 + i).toString(16).padStart(32, "0"),
        genAi: { requestModel: "m" },
        input: [{ role: "user", parts: [{ type: "text", content: "How good is it?" }] }],
        output: [{ role: "assistant", parts: [{ type: "text", content: feature === "bad" ? "0.5" : "0.9" }] }],
        startTime: now,
        endTime: now,
        trace: { feature },
      }),
    ),
  );
  await postRecords(url, lines(answers));
  const drifts = async () => ((await (await fetch(`${url}/api/monitors`)).json()) as MonitorsAnswer).drift;
  await until(async () => (await drifts()).reduce((sum, { samples }) => sum + samples, 0) === 40);
  const told = new Map((await drifts()).map((each) => [each.labels["feature"], each]));
  assert.deepEqual([...told.keys()].sort(), ["bad", "good"]);
  assert.equal(told.get("good")!.value, 0);
  assert.ok(told.get("bad")!.value! > 1, String(told.get("bad")!.value));
  assert.equal(told.get("bad")!.traces![4], (119).toString(16).padStart(32, "0"));
});

test("without monitors there is nothing to act on", async (t) => {
  const { url } = await started(t);
  const answer = await (await fetch(`${url}/api/monitors`)).json();
  assert.deepEqual(answer, { alerts: [], incidents: [], runbooks: [], budgets: [], drift: [] });
  const response = await fetch(`${url}/api/incidents/inc_1`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"action":"acknowledge","by":"ada"}',
  });
  assert.equal(response.status, 404);
});
