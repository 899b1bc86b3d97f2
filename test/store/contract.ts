import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ScoreRecord, SpanRecord } from "../../src/core/record.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { TraceStore, TraceSummary } from "../../src/store/trace-store.ts";
import { sampleFinding, sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { pages } from "./support/questions.ts";

export { type CompareOptions, compareStores } from "./support/compare-stores.ts";

export interface StoreContractOptions {
  /** Cases that cannot be, by their name without `store contract:`, and why. */
  readonly skip?: { readonly [name: string]: string };
}

const T = "0193489c5a7e7c3e9f2e4d7a1b2c3d4e";
const U = "1193489c5a7e7c3e9f2e4d7a1b2c3d4e";
const V = "2193489c5a7e7c3e9f2e4d7a1b2c3d4e";
const START_US = 1_732_000_000_000_000;

/** A time in nanoseconds: `us` microseconds and `ns` nanoseconds after the samples' start. */
const at = (us: number, ns = 0) => `${START_US + us}${String(ns).padStart(3, "0")}`;
const id = (n: number) => n.toString(16).padStart(16, "0");

/** From `us` on, for `durationUs`; the first span of a trace is its root. */
function span(traceId: string, n: number, us: number, durationUs: number, part: Partial<SpanRecord> = {}): SpanRecord {
  const parent = n === 1 ? {} : { parentSpanId: id(1) };
  const times = { startTime: at(us), endTime: at(us + durationUs) };
  return sampleSpan({ traceId, spanId: id(n), ...parent, ...times, trace: {}, ...part });
}

function call(traceId: string, n: number, us: number, durationUs: number, part: Partial<SpanRecord> = {}): SpanRecord {
  return span(traceId, n, us, durationUs, {
    type: "generation",
    genAi: { provider: "openai", requestModel: "gpt-4.1" },
    ...part,
  });
}

async function listed(store: TraceStore, query = {}): Promise<readonly TraceSummary[]> {
  return (await store.traces(query)).items;
}

async function ids(store: TraceStore, query = {}): Promise<string[]> {
  return (await listed(store, query)).map(({ traceId }) => traceId);
}

const isStoreError = (code: string) => (error: unknown) =>
  error instanceof StoreError && error.code === code && error.message.length > 20;

/**
 * What every store must answer, as tests with explicit values. `open` gives an empty store each time; it is closed after
 * each case. Beside it runs `compareStores`.
 *
 * @example
 * storeContract("sqlite", () => sqliteStore({ path: ":temporary:" }));
 */
export function storeContract(
  name: string,
  open: (t: TestContext) => Promise<TraceStore> | TraceStore,
  options: StoreContractOptions = {},
): void {
  const rule = (what: string, play: (store: TraceStore) => Promise<void>) =>
    test(`store contract of ${name}: ${what}`, async (t) => {
      const reason = options.skip?.[what];
      if (reason !== undefined) return t.skip(reason);
      const store = await open(t);
      try {
        await play(store);
      } finally {
        await store.close();
      }
    });

  rule("an empty store answers everything with nothing", async (store) => {
    assert.equal(typeof store.name, "string");
    assert.deepEqual(await store.traces(), { items: [] });
    assert.deepEqual(await store.sessions(), { items: [] });
    assert.deepEqual(await store.spans(T), { items: [] });
    assert.equal(await store.trace(T), undefined);
    assert.equal(await store.span(T, id(1)), undefined);
    assert.deepEqual(await store.aggregate({ groupBy: ["model"], percentiles: true }), []);
    assert.deepEqual(await store.aggregate({}), []);
    assert.deepEqual(await store.values({ field: "model" }), []);
    assert.deepEqual(await store.prune({ beforeUs: START_US }), { traces: 0, spans: 0 });
    const { bytes, ...stats } = await store.stats();
    assert.deepEqual(stats, { spans: 0, traces: 0, scores: 0, findings: 0 });
    await store.append([]);
  });

  rule("records of every kind and awkward content come back as they were", async (store) => {
    const records = sampleRecords();
    await store.append(records);
    const newest = records.filter((record) => record.record === "span" && !record.unfinished) as SpanRecord[];
    for (const record of newest) {
      assert.deepEqual(
        await store.span(record.traceId, record.spanId),
        JSON.parse(JSON.stringify(record)),
        record.name,
      );
    }
    const trace = await store.trace(T);
    const [score, label] = records.filter(({ record }) => record === "score");
    // Both at one time: by id.
    assert.deepEqual(trace?.scores, [score, label]);
    assert.deepEqual(trace?.findings, [sampleFinding()]);
    assert.equal((await store.spans(T)).items.length, newest.length);
    const { spans, traces, scores, findings } = await store.stats();
    assert.deepEqual({ spans, traces, scores, findings }, { spans: newest.length, traces: 1, scores: 3, findings: 1 });
  });

  rule("a trace's summary: sums, models, facts, previews", async (store) => {
    const trace = {
      ...{ name: "tutoring", userId: "ann", sessionId: "s1", feature: "tutor", team: "learning" },
      ...{ environment: "test", release: "1.2", tags: ["b", "a", "b", ""], metadata: { plan: "pro", "a.b": 1 } },
    };
    await store.append([
      call(T, 2, 100, 400, {
        usage: { inputTokens: 10, outputTokens: 5 },
        cost: { currency: "USD", total: 0.25, source: "computed" },
      }),
      call(T, 3, 200, 1_900, {
        genAi: { requestModel: "b", responseModel: "a" },
        usage: { inputTokens: 7 },
        status: { code: "error" },
        trace: { userId: "left behind" },
      }),
      span(T, 1, 0, 3_000, { input: [{ role: "user", content: "Solve\n 3x" }], output: "x = 1", trace }),
      sampleFinding({ traceId: T, severity: "info", id: "1" }),
      sampleFinding({ traceId: T, severity: "warning", id: "2" }),
    ]);
    const summary: TraceSummary = {
      traceId: T,
      name: "tutoring",
      startUs: START_US,
      durationNs: 3_000_000,
      status: "ok",
      spans: 3,
      errors: 1,
      models: ["a", "gpt-4.1"],
      inputTokens: 17,
      outputTokens: 5,
      costUsd: 0.25,
      unpriced: 1,
      ...{ userId: "ann", sessionId: "s1", feature: "tutor", team: "learning", environment: "test", release: "1.2" },
      tags: ["b", "a"],
      findings: { count: 2, worst: "warning" },
      inputPreview: "Solve 3x",
      outputPreview: "x = 1",
    };
    assert.deepEqual(await listed(store), [summary]);
    const findings = (await store.trace(T))?.findings;
    assert.deepEqual(await store.trace(T), { summary, metadata: { plan: "pro", "a.b": 1 }, scores: [], findings });
  });

  rule("the record that ends last tells the trace's facts; then the higher seq, then the higher id", async (store) => {
    await store.append([
      span(T, 1, 0, 500, { trace: { userId: "early" } }),
      span(T, 9, 0, 900, { trace: { userId: "late" } }),
    ]);
    assert.equal((await listed(store))[0]?.userId, "late");
    await store.append([span(T, 3, 100, 800, { trace: { userId: "as late, seq 2" }, seq: 2 })]);
    assert.equal((await listed(store))[0]?.userId, "as late, seq 2");
    await store.append([span(T, 4, 200, 700, { trace: { userId: "as late, id 4" }, seq: 2 })]);
    assert.equal((await listed(store))[0]?.userId, "as late, id 4");
    await store.append([span(T, 5, 200, 700, { trace: {}, seq: 3 })]);
    assert.equal(
      Object.hasOwn((await listed(store))[0]!, "userId"),
      false,
      "facts are of one record, none is patched in",
    );
  });

  rule("of a span the highest seq counts, whenever it comes, and everything follows it", async (store) => {
    const usage = { inputTokens: 100, outputTokens: 1 };
    const first = call(T, 1, 0, 100, { seq: 1, unfinished: true, name: "first", status: { code: "error" }, usage });
    const second = call(T, 1, 0, 900, { seq: 3, name: "second", usage: { inputTokens: 5 }, trace: { userId: "ann" } });
    await store.append([first]);
    assert.deepEqual(await ids(store, { status: "open" }), [T]);
    assert.equal((await store.aggregate({}))[0]?.inputTokens, 100);
    await store.append([second, first]);
    await store.append([first]);
    await store.append([second, { ...first, seq: 2 }]);
    const [summary] = await listed(store);
    assert.deepEqual([summary?.status, summary?.name, summary?.spans, summary?.inputTokens], ["ok", "second", 1, 5]);
    assert.equal(summary?.durationNs, 900_000);
    assert.equal(Object.hasOwn(summary!, "outputTokens"), false);
    assert.deepEqual(await store.span(T, id(1)), second);
    assert.deepEqual(
      (await store.spans(T)).items.map(({ seq, name }) => [seq, name]),
      [[3, "second"]],
    );
    const [row] = await store.aggregate({ groupBy: ["name", "userId"] });
    assert.deepEqual(
      [row?.group, row?.count, row?.errors, row?.inputTokens],
      [{ name: "second", userId: "ann" }, 1, 0, 5],
    );
    assert.deepEqual(await ids(store, { text: "first" }), []);
    assert.deepEqual(await ids(store, { text: "second" }), [T]);
    assert.deepEqual(await ids(store, { status: "open" }), []);
    assert.equal((await store.stats()).spans, 1);
  });

  rule("several spans of a trace are replaced at once", async (store) => {
    const spans = (name: string, seq: number) => [1, 2, 3].map((n) => call(T, n, 0, 100, { seq, name, input: name }));
    await store.append(spans("old", 0));
    await store.append(spans("new", 1));
    assert.deepEqual([await ids(store, { text: "old" }), await ids(store, { text: "new" })], [[], [T]]);
    assert.equal((await store.stats()).spans, 3);
  });

  rule("a score replaced by a newer one moves to where that belongs", async (store) => {
    await store.append([span(T, 1, 0, 10), span(U, 1, 0, 10)]);
    const old = sampleScore({ id: "s", traceId: T, seq: 1, value: 0.1 });
    const moved = sampleScore({ id: "s", traceId: U, seq: 2, value: 0.9 });
    await store.append([old]);
    assert.deepEqual((await store.trace(T))?.scores, [old]);
    await store.append([moved]);
    await store.append([old]);
    assert.deepEqual((await store.trace(T))?.scores, []);
    assert.deepEqual((await store.trace(U))?.scores, [moved]);
    const [row] = await store.aggregate({ of: "scores", groupBy: ["name"] });
    assert.deepEqual([row?.group, row?.count, row?.sum], [{ name: "helpfulness" }, 1, 0.9]);
  });

  rule("roots: local, external, remote, missing, several, unfinished", async (store) => {
    const cases: [name: string, spans: SpanRecord[], status: string, lead: string, isMissing?: true][] = [
      ["local", [span(T, 1, 0, 10, { name: "root" })], "ok", "root"],
      ["failed child", [span(T, 1, 0, 10, { name: "root" }), span(T, 2, 0, 10, failed)], "ok", "root"],
      ["failed root", [span(T, 1, 0, 10, { name: "root", ...failed })], "error", "root"],
      ["external", [span(T, 2, 5, 10, { name: "e", parentIsExternal: true }), span(T, 3, 0, 10)], "ok", "e"],
      ["remote", [span(T, 2, 5, 10, { name: "r", parentIsRemote: true }), span(T, 3, 0, 10, failed)], "ok", "r"],
      [
        "remote beside local",
        [span(T, 2, 0, 10, { parentIsRemote: true, ...failed }), span(T, 1, 5, 10, { name: "l" })],
        "ok",
        "l",
      ],
      ["missing", [span(T, 3, 5, 10), span(T, 2, 0, 10, { name: "earliest" })], "ok", "earliest", true],
      ["missing, failed", [span(T, 2, 0, 10, { name: "a" }), span(T, 3, 5, 10, failed)], "error", "a", true],
      ["missing, unfinished child", [span(T, 2, 0, 10, { name: "a", unfinished: true })], "ok", "a", true],
      [
        "several",
        [span(T, 1, 5, 10, { name: "later" }), span(T, 2, 0, 10, { name: "first", parentSpanId: "" })],
        "ok",
        "first",
      ],
      [
        "one of several failed",
        [span(T, 1, 0, 10, { name: "a" }), { ...span(T, 2, 5, 10, failed), parentSpanId: "" }],
        "error",
        "a",
      ],
      ["open before failed", [span(T, 1, 0, 10, { name: "root", unfinished: true, ...failed })], "open", "root"],
      [
        "together: by id",
        [span(T, 3, 0, 9, { name: "third" }), span(T, 2, 0, 9, { name: "second" })],
        "ok",
        "second",
        true,
      ],
    ];
    for (const [project, records, status, lead, isRootMissing] of cases) {
      await store.append(records, { project });
      const [summary] = await listed(store, { project });
      const { status: found, name: foundName } = summary!;
      assert.deepEqual([found, foundName, summary?.isRootMissing], [status, lead, isRootMissing], project);
      assert.deepEqual(await ids(store, { project, status }), [T], project);
    }
    // The root that comes late.
    await store.append([span(T, 1, -50, 100, { name: "here I am" })], { project: "missing, failed" });
    const [summary] = await listed(store, { project: "missing, failed" });
    assert.deepEqual([summary?.name, summary?.status, summary?.startUs], ["here I am", "ok", START_US - 50]);
    assert.equal(Object.hasOwn(summary!, "isRootMissing"), false);
  });

  rule("spans as rows, by start and id, in pages that stay good while more comes", async (store) => {
    const records = [span(T, 1, 0, 10_000), ...[5, 4, 3, 2].map((n) => span(T, n, 100 * Math.floor(n / 2), 50))];
    await store.append(records);
    assert.deepEqual(
      (await store.spans(T)).items.map(({ spanId }) => spanId),
      [1, 2, 3, 4, 5].map(id),
    );
    const first = await store.spans(T, { limit: 2 });
    assert.deepEqual(
      first.items.map(({ spanId }) => spanId),
      [1, 2].map(id),
    );
    await store.append([span(T, 6, 50, 1), span(T, 7, 150, 1)]);
    const rest = await store.spans(T, { limit: 100, after: first.next! });
    assert.deepEqual(
      rest.items.map(({ spanId }) => spanId),
      [3, 7, 4, 5].map(id),
    );
    assert.equal(Object.hasOwn(rest, "next"), false);
    // A last page that is full has no next.
    assert.equal((await store.spans(T, { limit: 7 })).next, undefined);

    const row = call(U, 2, 10, 0, {
      startTime: at(10, 999),
      endTime: at(2_010, 1),
      firstChunkTime: at(12, 0),
      unfinished: true,
      level: "WARNING",
      usage: { inputTokens: 1, outputTokens: 0, cacheReadInputTokens: 2, reasoningOutputTokens: 3 },
      cost: { currency: "USD", total: 0, source: "provided" },
      status: { code: "error", message: "status" },
      error: { type: "RateLimitError", message: `${"m".repeat(199)}😀`, status: 429 },
      http: { method: "POST", route: "/", status: 500 },
      input: { a: "é" },
      output: "",
    });
    await store.append([row]);
    assert.deepEqual((await store.spans(U)).items, [
      {
        ...{ traceId: U, spanId: id(2), parentSpanId: id(1), seq: 1, name: "Tutor.answer", type: "generation" },
        ...{ status: "error", level: "WARNING", startUs: START_US + 10, durationNs: 1_999_002, firstChunkNs: 1_001 },
        ...{ unfinished: true, model: "gpt-4.1", provider: "openai", inputTokens: 1, outputTokens: 0 },
        ...{ cacheReadTokens: 2, reasoningTokens: 3, costUsd: 0, errorType: "RateLimitError" },
        ...{ errorMessage: "m".repeat(199), httpStatus: 429, inputPreview: '{"a":"é"}', inputSize: 9, outputSize: 2 },
      },
    ]);
  });

  rule("lists: newest first, then the highest id, in pages that stay good while more comes", async (store) => {
    await store.append([span(T, 1, 0, 10), span(U, 1, 0, 10), span(V, 1, -5, 10)]);
    assert.deepEqual(await ids(store), [U, T, V]);
    const first = await store.traces({ limit: 1 });
    await store.append([span("f".repeat(32), 1, 500, 10)]);
    assert.deepEqual(await ids(store, { limit: 5, after: first.next }), [T, V]);
    assert.deepEqual(await ids(store, { limit: 2 }), ["f".repeat(32), U]);
    assert.equal((await store.traces({ limit: 4 })).next, undefined);
    // An earlier span moves the whole trace.
    await store.append([span("f".repeat(32), 2, -100, 10)]);
    assert.deepEqual(await ids(store), [U, T, V, "f".repeat(32)]);
    const found = await pages((after) => store.traces({ limit: 3, ...(after && { after }) }));
    assert.deepEqual(
      found.map(({ length }) => length),
      [3, 1],
    );
  });

  rule("every condition of a list", async (store) => {
    const trace = {
      ...{ name: "n", userId: "u", sessionId: "s", feature: "f", team: "t", environment: "e", release: "r" },
      ...{ tags: ["one", "two"], metadata: { plan: "pro", "a.b": 1, "it's": true, none: null, deep: { a: 1 } } },
    };
    await store.append([
      call(T, 1, 0, 2_000, { trace, cost: { currency: "USD", total: 0.5, source: "computed" } }),
      call(T, 2, 0, 2_000, { trace, genAi: { requestModel: "other" } }),
      sampleFinding({ traceId: T, name: "rule" }),
      span(U, 1, 1_000, 1_000, { trace: {} }),
    ]);
    const fits: object[] = [
      { userId: "u" },
      { sessionId: "s" },
      { feature: "f" },
      { team: "t" },
      { environment: "e" },
      { release: "r" },
      { tag: "two" },
      { name: "n" },
      { model: "other" },
      { model: "gpt-4.1" },
      { status: "ok", userId: "u" },
      { finding: "*" },
      { finding: "rule" },
      { metadata: { plan: "pro" } },
      { metadata: { "a.b": "1", "it's": "true" } },
      { minDurationMs: 2 },
      { minCostUsd: 0.5 },
      { maxCostUsd: 0.5 },
      { toUs: START_US + 1 },
      { fromUs: START_US, toUs: START_US + 1_000 },
    ];
    for (const query of fits) assert.deepEqual(await ids(store, query), [T], JSON.stringify(query));
    const misses: object[] = [
      { userId: "U" },
      { userId: "" },
      { tag: "on" },
      { name: "Tutor" },
      { model: "gpt" },
      { status: "open" },
      { status: "error" },
      { finding: "rul" },
      { metadata: { plan: "free" } },
      { metadata: { "it's": "1" } },
      { metadata: { none: "null" } },
      { metadata: { deep: '{"a":1}' } },
      { metadata: { plan: "pro", other: "x" } },
      { minDurationMs: 2.1 },
      { minCostUsd: 0.51 },
      { maxCostUsd: 0.49 },
      { toUs: START_US },
      { fromUs: START_US + 1_001 },
      { userId: "u", feature: "g" },
      { project: "other" },
    ];
    for (const query of misses) assert.deepEqual(await ids(store, query), [], JSON.stringify(query));
    assert.deepEqual(await ids(store, { maxDurationMs: 1 }), [U]);
    assert.deepEqual(await ids(store, { fromUs: START_US + 1_000 }), [U]);
  });

  rule("full text: whole words, any case, all of them in one span; not keys, not parts", async (store) => {
    const question = { role: "user", content: "Löse die GLEICHUNG 3x+11=14\nbitte" };
    await store.append([
      span(T, 1, 0, 10, { name: "Tutor.answer", input: [question], output: { x: 7, done: true } }),
      span(T, 2, 0, 10, { name: "tool", error: { type: "E", message: "socket hang up" } }),
      span(U, 1, 9, 10, {
        name: "chat",
        input: "数学の先生 don't e\u0301te\u0301 nul\0byte ΟΔΟΣ",
        status: { code: "error", message: "late" },
      }),
    ]);
    for (const text of [
      ...["gleichung", "GLEICHUNG löse", "bitte", "3x", "11 14", "tutor", "answer", "tutor.answer", "7"],
      ...["socket", "hang UP", "user", "die bitte 7 tutor"],
    ]) {
      assert.deepEqual(await ids(store, { text }), [T], text);
    }
    for (const text of ["数学の先生", "don t", "don't", "E\u0301TE\u0301", "nul byte", "nul\0byte", "οδος", "late"]) {
      assert.deepEqual(await ids(store, { text }), [U], text);
    }
    for (const text of [
      ...["gleich", "gleichungen", "content", "role", "x", "true", "socket tutor", "NOT socket", "tutor OR chat"],
      ...["lose", "数学", "ete", "tuto*"],
    ]) {
      assert.deepEqual(await ids(store, { text }), [], text);
    }
    assert.deepEqual(await ids(store, { text: " !?\"'*()- " }), [U, T]);
    assert.deepEqual(await ids(store, { text: "tutor", toUs: START_US }), []);
  });

  rule("aggregate: groups, sums, errors, 429, unpriced, other", async (store) => {
    const price = (total: number) => ({ cost: { currency: "USD", total, source: "computed" } as const });
    const model = (name: string) => ({ genAi: { requestModel: name } });
    await store.append([
      call(T, 1, 0, 100, { ...model("a"), ...price(0.5), usage: { inputTokens: 10, outputTokens: 1 } }),
      call(T, 2, 0, 300, { ...model("a"), usage: { inputTokens: 20 }, error: { type: "E", status: 429 }, ...failed }),
      call(U, 1, 0, 200, { ...model("b"), ...price(0.25), http: { method: "P", route: "/", status: 429 } }),
      call(U, 2, 0, 400, { type: "embedding", genAi: {}, trace: { feature: "f" } }),
      span(U, 3, 0, 999, { type: "tool" }),
    ]);
    const nothing = { rateLimited: 0, errors: 0, inputTokens: 0, outputTokens: 0, costUsd: 0, unpriced: 0 };
    const a = {
      ...nothing,
      count: 2,
      errors: 1,
      rateLimited: 1,
      inputTokens: 30,
      outputTokens: 1,
      costUsd: 0.5,
      unpriced: 1,
      sum: 400_000,
    };
    const b = { ...nothing, count: 1, rateLimited: 1, costUsd: 0.25, sum: 200_000 };
    const none = { ...nothing, count: 1, sum: 400_000 };
    assert.deepEqual(await store.aggregate({ groupBy: ["model"] }), [
      { group: { model: "a" }, ...a },
      { group: { model: "" }, ...none },
      { group: { model: "b" }, ...b },
    ]);
    assert.deepEqual(await store.aggregate({ groupBy: ["model"], limit: 1 }), [
      { group: { model: "a" }, ...a },
      { group: {}, other: true, ...b, count: 2, sum: 600_000 },
    ]);
    const [total] = await store.aggregate({});
    assert.deepEqual([total?.group, total?.count, total?.sum, total?.costUsd], [{}, 4, 1_000_000, 0.75]);
    assert.deepEqual((await store.aggregate({ of: "spans" }))[0]?.count, 5);
    assert.deepEqual((await store.aggregate({ where: { model: "" } }))[0]?.count, 1);
    assert.deepEqual((await store.aggregate({ where: { errorType: "E", status: "error" } }))[0]?.count, 1);
    assert.deepEqual(await store.aggregate({ where: { feature: "g" } }), []);
    const grouped = await store.aggregate({ of: "spans", groupBy: ["type", "feature"] });
    assert.deepEqual(
      grouped.map(({ group, count }) => [group, count]),
      [
        [{ type: "generation", feature: "" }, 3],
        [{ type: "embedding", feature: "f" }, 1],
        [{ type: "tool", feature: "" }, 1],
      ],
    );
  });

  rule("aggregate: time, buckets and exact percentiles", async (store) => {
    const hour = 3_600_000_000;
    const first = Math.ceil(START_US / hour) * hour - START_US;
    await store.append([
      ...[10, 20, 30, 40].map((ms, i) => call(T, i + 1, first + i, ms * 1_000)),
      call(T, 9, first + hour - 1, 7_000),
      call(U, 1, first + hour, 5_000),
      call(U, 2, first + 3 * hour, 1_000, { genAi: { requestModel: "b" } }),
    ]);
    const rows = await store.aggregate({ groupBy: ["model"], bucketUs: hour, percentiles: true });
    const told = rows.map(({ group, timeUs, count, p50, p95, p99 }) => {
      const exact = [p50, p95, p99].map((figure) => Math.round(figure! * 1e3) / 1e3);
      return [group.model, (timeUs! - START_US - first) / hour, count, ...exact];
    });
    assert.deepEqual(told, [
      ["gpt-4.1", 0, 5, 20e6, 38e6, 39.6e6],
      ["gpt-4.1", 1, 1, 5e6, 5e6, 5e6],
      ["b", 3, 1, 1e6, 1e6, 1e6],
    ]);
    const between = { fromUs: START_US + first + 1, toUs: START_US + first + 3 };
    const [some] = await store.aggregate({ ...between, percentiles: true });
    assert.deepEqual([some?.count, some?.p50], [2, 25e6]);
    // Edges inside hours, which roll-ups by the hour do not know.
    const [hours] = await store.aggregate({ fromUs: START_US + first + 1, toUs: START_US + first + 3 * hour + 1 });
    assert.deepEqual([hours?.count, hours?.sum], [6, (20 + 30 + 40 + 7 + 5 + 1) * 1e6]);
  });

  rule("aggregate: of a few thousand spans that came at once, some are replaced", async (store) => {
    const all = Array.from({ length: 2_500 }, (_, i) => call(T, i + 1, i, 1_000 + i));
    await store.append(all);
    const replaced = all.filter((_, i) => i % 97 === 5 || (i > 900 && i < 1_000));
    await store.append(replaced.map((record) => ({ ...record, seq: 9, model: "other", endTime: record.startTime })));
    const [row] = await store.aggregate({ percentiles: true });
    const left = all.length - replaced.length;
    const kept = all.flatMap((record, i) => (replaced.includes(record) ? [] : [(1_000 + i) * 1_000]));
    const sum = kept.reduce((total, ns) => total + ns, 0);
    assert.deepEqual([row?.count, row?.sum, kept.length], [all.length, sum, left]);
    const [narrow] = await store.aggregate({ fromUs: START_US + 901, toUs: START_US + 1_000 });
    assert.deepEqual([narrow?.count, narrow?.sum], [99, 0]);
  });

  rule("lists by least cost and duration: over days, with changes, with what most traces have", async (store) => {
    const traceOf = (n: number) => n.toString(16).padStart(32, "0");
    const quarterUs = 900_000_000;
    const cost = (total: number) => ({ cost: { currency: "USD" as const, total, source: "computed" as const } });
    const calls = Array.from({ length: 1_200 }, (_, i) =>
      call(traceOf(i), 1, i * quarterUs, i % 300 === 7 ? 5_000_000 : 1_000, {
        ...(i % 100 !== 3 && cost(i % 100 === 50 ? 2 : 0.1)),
        trace: { feature: "f", sessionId: `s${i % 400}` },
      }),
    );
    await store.append(calls);
    // One costs less after all; one has begun two days before what was known of it.
    await store.append([
      call(traceOf(250), 1, 250 * quarterUs, 1_000, {
        seq: 9,
        ...cost(0.5),
        trace: { feature: "f", sessionId: "s250" },
      }),
      call(traceOf(650), 2, 458 * quarterUs + 7, 1_000, { trace: { feature: "f" } }),
    ]);
    const dear = [1150, 1050, 950, 850, 750, 550, 650, 450, 350, 150, 50].map(traceOf);
    assert.deepEqual(await ids(store, { minCostUsd: 1 }), dear);
    assert.deepEqual(await ids(store, { minCostUsd: 1, feature: "f" }), dear);
    assert.deepEqual(await ids(store, { minCostUsd: 3 }), []);
    assert.deepEqual(
      await ids(store, { minDurationMs: 5_000, minCostUsd: 0.05 }),
      [907, 607, 650, 307, 7].map(traceOf),
    );
    const day = { fromUs: START_US + 450 * quarterUs, toUs: START_US + 550 * quarterUs + 1 };
    assert.deepEqual(await ids(store, { minCostUsd: 1, ...day }), [550, 650, 450].map(traceOf));
    const found = await pages((after) => store.traces({ minCostUsd: 1, limit: 4, ...(after && { after }) }));
    assert.deepEqual(
      found.flat().map(({ traceId }) => traceId),
      dear,
    );
    const sessions = (await store.sessions({ minCostUsd: 1, fromUs: START_US + 1_000 * quarterUs })).items;
    assert.deepEqual(
      sessions.map(({ sessionId, traces }) => [sessionId, traces]),
      [
        ["s350", 1],
        ["s250", 1],
      ],
    );
    await store.prune({ beforeUs: START_US + 1_100 * quarterUs });
    assert.deepEqual(await ids(store, { minCostUsd: 1 }), [traceOf(1150)]);
  });

  rule("aggregate of calls by model, provider, feature and team, hour by hour, with changes", async (store) => {
    const hour = 3_600_000_000;
    const first = Math.ceil(START_US / hour) * hour - START_US;
    const made = (traceId: string, n: number, us: number, model: string, part: Partial<SpanRecord> = {}) =>
      call(traceId, n, first + us, 1_000, {
        genAi: { provider: "openai", requestModel: model },
        usage: { inputTokens: 10, outputTokens: 1 },
        trace: { feature: "f", team: "t", environment: n % 2 === 0 ? "a" : "b" },
        ...part,
      });
    await store.append([
      made(T, 1, 1, "m", { name: "x" }),
      made(T, 2, 2, "m", { name: "y", ...failed }),
      made(T, 3, 3, "n", { type: "embedding", http: { method: "POST", route: "/", status: 429 } }),
      made(T, 4, 4, "m", { type: "tool" }),
      made(U, 1, hour + 5, "m", { trace: { feature: "g" } }),
      made(U, 2, 26 * hour, "n"),
    ]);
    // It was another model after all; and one more of what is there.
    await store.append([
      made(T, 2, 2, "n", { name: "y", seq: 9, ...failed }),
      made(T, 5, hour - 1, "m", { name: "z" }),
    ]);
    const told = async (query: Parameters<TraceStore["aggregate"]>[0]) =>
      (await store.aggregate(query)).map(({ group, timeUs, count, errors, rateLimited, inputTokens, sum }) => [
        Object.values(group).join(" "),
        ...(timeUs === undefined ? [] : [(timeUs - START_US - first) / hour]),
        ...[count, errors, rateLimited, inputTokens, sum / 1e6],
      ]);
    assert.deepEqual(await told({ groupBy: ["model"], bucketUs: hour }), [
      ["m", 0, 2, 0, 0, 20, 2],
      ["m", 1, 1, 0, 0, 10, 1],
      ["n", 0, 2, 1, 1, 20, 2],
      ["n", 26, 1, 0, 0, 10, 1],
    ]);
    const hours = { fromUs: START_US + first, toUs: START_US + first + 2 * hour };
    assert.deepEqual(await told({ ...hours, groupBy: ["provider", "model", "feature", "team"] }), [
      ["openai m f t", 2, 0, 0, 20, 2],
      ["openai n f t", 2, 1, 1, 20, 2],
      ["openai m g ", 1, 0, 0, 10, 1],
    ]);
    assert.deepEqual(await told({ ...hours, where: { feature: "f" } }), [["", 4, 1, 1, 40, 4]]);
    assert.deepEqual(await told({ ...hours, groupBy: ["model"], where: { environment: "a" } }), [
      ["n", 1, 1, 0, 10, 1],
    ]);
    assert.deepEqual(await told({ ...hours, of: "spans", groupBy: ["feature"] }), [
      ["f", 5, 1, 1, 50, 5],
      ["g", 1, 0, 0, 10, 1],
    ]);
    await store.prune({ beforeUs: START_US + first + 2 * hour });
    assert.deepEqual(await told({ groupBy: ["model"], bucketUs: hour }), [
      ["m", 1, 1, 0, 0, 10, 1],
      ["n", 26, 1, 0, 0, 10, 1],
    ]);
  });

  rule("aggregate of scores: numbers and booleans by their value and time", async (store) => {
    const given = (n: number, value: ScoreRecord["value"], part: Partial<ScoreRecord> = {}) =>
      sampleScore({ id: `s${n}`, value, time: at(n), name: "q", trace: { feature: "f" }, ...part });
    await store.append([
      given(1, 0.5),
      given(2, true, { dataType: "BOOLEAN" }),
      given(3, false, { dataType: "BOOLEAN", name: "r" }),
      given(4, "good", { dataType: "CATEGORICAL" }),
      given(5, 0.25, { trace: {}, traceId: U }),
    ]);
    const rows = await store.aggregate({ of: "scores", groupBy: ["name", "feature", "model"], percentiles: true });
    const told = rows.map(({ group, count, sum, p50, errors }) => [
      group.name,
      group.feature,
      group.model,
      count,
      sum,
      p50,
      errors,
    ]);
    assert.deepEqual(told, [
      ["q", "f", "", 2, 1.5, 0.75, 0],
      ["q", "", "", 1, 0.25, 0.25, 0],
      ["r", "f", "", 1, 0, 0, 0],
    ]);
    const [later] = await store.aggregate({ of: "scores", fromUs: START_US + 2, toUs: START_US + 5 });
    assert.deepEqual([later?.count, later?.sum], [2, 1]);
  });

  rule("sessions of the traces that a query finds", async (store) => {
    const usage = { inputTokens: 2, outputTokens: 3 };
    await store.append([
      call(T, 1, 0, 10, { trace: { sessionId: "s", userId: "ann" }, usage }),
      call(U, 1, 50, 10, { trace: { sessionId: "s" }, usage, ...failed }),
      span(V, 1, 60, 10, { trace: { sessionId: "t", userId: "bob" } }),
      span("3".repeat(32), 1, 60, 10, { trace: { sessionId: "r" } }),
      span("4".repeat(32), 1, 70, 10),
    ]);
    const s = {
      sessionId: "s",
      userId: "ann",
      traces: 2,
      errors: 1,
      firstUs: START_US,
      lastUs: START_US + 50,
      inputTokens: 4,
      outputTokens: 6,
      unpriced: 2,
    };
    const alone = { traces: 1, errors: 0, firstUs: START_US + 60, lastUs: START_US + 60 };
    const t = { sessionId: "t", userId: "bob", ...alone };
    const all = [t, { sessionId: "r", ...alone }, s];
    assert.deepEqual(await store.sessions(), { items: all });
    const found = await pages((after) => store.sessions({ limit: 2, ...(after && { after }) }));
    assert.deepEqual(found, [all.slice(0, 2), all.slice(2)]);
    assert.deepEqual((await store.sessions({ userId: "bob" })).items, [t]);
    assert.deepEqual((await store.sessions({ status: "error" })).items, [
      {
        sessionId: "s",
        traces: 1,
        errors: 1,
        firstUs: START_US + 50,
        lastUs: START_US + 50,
        inputTokens: 2,
        outputTokens: 3,
        unpriced: 1,
      },
    ]);
  });

  rule("what has tokens and no price is told beside the sum, until its price comes", async (store) => {
    const of = { trace: { sessionId: "s" }, usage: { inputTokens: 2 } };
    const cost = { currency: "USD", total: 0.25, source: "computed" } as const;
    await store.append([
      call(T, 1, 0, 10, { ...of, cost }),
      call(T, 2, 1, 10, of),
      span(T, 3, 2, 10, { trace: { sessionId: "s" } }),
      call(U, 1, 3, 10, { ...of, cost: { ...cost, total: 0 } }),
    ]);
    const told = async () => {
      const [session] = (await store.sessions()).items;
      const traces = (await store.traces({ sessionId: "s" })).items;
      return [session!, ...traces].map(({ costUsd, unpriced }) => ({ costUsd, unpriced }));
    };
    const partial = { costUsd: 0.25, unpriced: 1 };
    assert.deepEqual(await told(), [partial, { costUsd: 0, unpriced: undefined }, partial]);
    await store.append([call(T, 2, 1, 10, { ...of, cost, seq: 2 })]);
    const whole = { costUsd: 0.5, unpriced: undefined };
    assert.deepEqual(await told(), [whole, { costUsd: 0, unpriced: undefined }, whole]);
  });

  rule("sql: the sums of a summary, one row a trace", async (store) => {
    const usage = { inputTokens: 2, outputTokens: 1 };
    await store.append([
      call(T, 1, 0, 10, { usage, cost: { currency: "USD", total: 0.25, source: "computed" } }),
      call(T, 2, 1, 10, { usage, status: { code: "error" } }),
      span(U, 1, 3, 10),
    ]);
    const sums = "spans, errors, input_tokens, output_tokens, cost_usd, unpriced";
    const { rows } = await store.sql(`SELECT trace_id, ${sums} FROM traces ORDER BY start_us`);
    const numbers = rows.map(([trace, ...figures]) => [trace, ...figures.map((figure) => figure && Number(figure))]);
    assert.deepEqual(numbers, [
      [T, 2, 1, 4, 2, 0.25, 1],
      [U, 1, 0, null, null, null, 0],
    ]);
  });

  rule("values of a field, those of most traces first", async (store) => {
    const user = (traceId: string, userId: string, us: number) =>
      call(traceId, 1, us, 10, { trace: { userId, tags: ["x", userId] } });
    await store.append([
      user(T, "Ann", 0),
      user(U, "Ann", 10),
      user(V, "änn", 20),
      call(V, 2, 20, 5, { genAi: { requestModel: "m" } }),
    ]);
    const values = (query: Parameters<TraceStore["values"]>[0]) => store.values(query);
    assert.deepEqual(await values({ field: "userId" }), [
      { value: "Ann", traces: 2 },
      { value: "änn", traces: 1 },
    ]);
    assert.deepEqual(await values({ field: "model" }), [
      { value: "gpt-4.1", traces: 3 },
      { value: "m", traces: 1 },
    ]);
    assert.deepEqual(
      (await values({ field: "tag", limit: 2 })).map(({ value }) => value),
      ["x", "Ann"],
    );
    assert.deepEqual(
      (await values({ field: "userId", prefix: "aN" })).map(({ value }) => value),
      ["Ann"],
    );
    assert.deepEqual(
      (await values({ field: "userId", prefix: "Ä" })).map(({ value }) => value),
      ["änn"],
    );
    assert.deepEqual(await values({ field: "userId", prefix: "%" }), []);
    assert.deepEqual(await values({ field: "userId", fromUs: START_US + 10 }), [
      { value: "Ann", traces: 1 },
      { value: "änn", traces: 1 },
    ]);
    assert.deepEqual(await values({ field: "feature" }), []);
    await store.append([span(T, 1, 0, 10, { name: "" })], { project: "nameless" });
    assert.deepEqual(await values({ field: "name", project: "nameless" }), []);
  });

  rule("projects never meet", async (store) => {
    await store.append([span(T, 1, 0, 10, { name: "mine" }), sampleScore({ traceId: T })]);
    await store.append([span(T, 1, 0, 10, { name: "theirs" }), span(T, 2, 5, 10)], { project: "b" });
    await store.append([span(T, 1, 0, 10, { name: "mine" })], { project: "default" });
    assert.equal((await store.span(T, id(1)))?.name, "mine");
    assert.equal((await store.span(T, id(1), { project: "b" }))?.name, "theirs");
    assert.deepEqual(
      (await listed(store)).map(({ spans }) => spans),
      [1],
    );
    assert.deepEqual(
      (await listed(store, { project: "b" })).map(({ spans }) => spans),
      [2],
    );
    assert.equal((await store.trace(T, { project: "b" }))?.scores.length, 0);
    assert.equal((await store.stats({ project: "b" })).spans, 2);
    assert.deepEqual(await ids(store, { project: "b", text: "mine" }), []);
    assert.equal((await store.aggregate({ of: "spans", project: "b" }))[0]?.count, 2);
    assert.deepEqual(await ids(store, { project: "c" }), []);
  });

  rule("scores and findings that come before their trace wait for it", async (store) => {
    await store.append([sampleScore({ traceId: T }), sampleFinding({ traceId: T })]);
    assert.equal(await store.trace(T), undefined);
    assert.deepEqual(await ids(store, { finding: "*" }), []);
    assert.deepEqual(await store.values({ field: "finding" }), []);
    const { scores, findings, traces } = await store.stats();
    assert.deepEqual({ scores, findings, traces }, { scores: 1, findings: 1, traces: 0 });
    await store.append([span(T, 1, 0, 10)]);
    assert.deepEqual(await ids(store, { finding: "*" }), [T]);
    const trace = await store.trace(T);
    assert.deepEqual([trace?.scores.length, trace?.findings.length], [1, 1]);
    assert.deepEqual(await store.values({ field: "finding" }), [{ value: "run_expired", traces: 1 }]);
  });

  rule("revision changes with every append, of this project at least", async (store) => {
    const before = await store.revision();
    assert.equal(await store.revision(), before);
    await store.append([span(T, 1, 0, 10)]);
    const between = await store.revision();
    assert.notEqual(between, before);
    await store.append([span(T, 1, 0, 10, { seq: 2 })]);
    assert.notEqual(await store.revision(), between);
  });

  rule("prune deletes whole traces that ended before, and what hangs on them", async (store) => {
    await store.append([
      span(T, 1, 0, 10),
      span(T, 2, 0, 999),
      sampleScore({ traceId: T, id: "a", time: at(5_000) }),
      sampleFinding({ traceId: T }),
      call(U, 1, 0, 1_000, { usage: { inputTokens: 1 } }),
      call(V, 1, 0, 100, { usage: { inputTokens: 4 } }),
      sampleScore({ traceId: "9".repeat(32), id: "b", time: at(999) }),
      sampleScore({ traceId: "9".repeat(32), id: "c", time: at(1_000) }),
    ]);
    await store.append([span(T, 1, 0, 10)], { project: "b" });
    assert.deepEqual(await store.prune({ beforeUs: START_US + 1_000 }), { traces: 3, spans: 4 });
    assert.deepEqual(await ids(store), [U]);
    assert.deepEqual(await ids(store, { project: "b" }), []);
    assert.deepEqual([await store.trace(T), await store.span(T, id(1))], [undefined, undefined]);
    assert.deepEqual(await ids(store, { text: "answer" }), [U]);
    const [row] = await store.aggregate({});
    assert.deepEqual([row?.count, row?.inputTokens], [1, 1]);
    const { spans, traces, scores, findings } = await store.stats();
    assert.deepEqual({ spans, traces, scores, findings }, { spans: 1, traces: 1, scores: 1, findings: 0 });
    // What comes again is there again.
    await store.append([span(T, 1, 0, 10)]);
    assert.deepEqual(
      (await listed(store)).map(({ spans }) => spans),
      [1, 1],
    );
  });

  rule("prune to a size keeps the newest", async (store) => {
    const payload = (n: number) =>
      Array.from({ length: 3_000 }, (_, i) => ((i * 2_654_435_761 * (n + 1)) >>> 0).toString(36)).join(" ");
    for (let n = 0; n < 40; n++)
      await store.append([span(n.toString(16).padStart(32, "0"), 1, n * 1_000, 10, { input: payload(n) })]);
    const { bytes } = await store.stats();
    assert.ok(bytes !== undefined && bytes > 0, `bytes: ${bytes}`);
    const gone = await store.prune({ maxBytes: Math.floor(bytes / 2) });
    assert.ok(gone.traces > 0 && gone.traces < 40, `${gone.traces} traces went`);
    assert.ok((await store.stats()).bytes! <= bytes / 2);
    const left = (await listed(store)).map(({ startUs }) => (startUs - START_US) / 1_000);
    assert.deepEqual(
      left,
      Array.from({ length: 40 - gone.traces }, (_, i) => 39 - i),
    );
  });

  rule("what makes no sense is a StoreError that says so", async (store) => {
    await store.append([span(T, 1, 0, 10), span(U, 1, 0, 10)]);
    const before = await store.stats();
    // Each with the field, the value, and what it takes.
    const wrong: (readonly [ask: (query: any) => Promise<unknown>, query: unknown, ...said: string[]])[] = [
      ...[store.traces, store.sessions].flatMap((ask) => [
        [ask, { bogus: 1 }, "bogus", "fromUs, toUs, userId"] as const,
        [ask, { toString: "x" }, "toString"] as const,
        [ask, { status: "failed" }, "status", "failed", "ok, error, open"] as const,
        [ask, { fromUs: Number.NaN }, "fromUs", "NaN", "a finite number"] as const,
        [ask, { fromUs: "1" }, "fromUs", '"1"'] as const,
        [ask, { toUs: Number.POSITIVE_INFINITY }, "toUs", "Infinity"] as const,
        [ask, { minCostUsd: "0" }, "minCostUsd", '"0"', "a finite number"] as const,
        [ask, { maxDurationMs: null }, "maxDurationMs", "null"] as const,
        [ask, { userId: 5 }, "userId", "5", "a text"] as const,
        [ask, { text: 5 }, "text", "5"] as const,
        [ask, { tag: ["a"] }, "tag", '["a"]'] as const,
        [ask, { metadata: { n: 1.5 } }, "metadata", "n: 1.5", "texts"] as const,
        [ask, { metadata: "x" }, "metadata", '"x"'] as const,
        [ask, { metadata: new Map([["plan", "pro"]]) }, "metadata", "Map"] as const,
        [ask, { project: 5 }, "project", "5"] as const,
        [ask, { after: 5 }, "after", "5"] as const,
        [ask, { limit: "5" }, "limit", '"5"', "a whole number above 0"] as const,
        [ask, null, "null"] as const,
        [ask, [], "[]"] as const,
        [ask, new URLSearchParams({ userId: "ann" }), "URLSearchParams"] as const,
      ]),
      [store.aggregate, { of: "x" }, "of", '"x"', "calls, spans, scores"],
      [store.aggregate, { where: { model: 5 } }, "where", "model: 5", "texts for model, provider"],
      [store.aggregate, { where: { bogus: "x" } }, "where", "bogus", "model, provider"],
      [store.aggregate, { groupBy: "name" }, "groupBy", '"name"', "a list of model, provider"],
      [store.aggregate, { groupBy: ["bogus"] }, "groupBy", "bogus"],
      [store.aggregate, { percentiles: "yes" }, "percentiles", '"yes"', "true or false"],
      [store.aggregate, { toUs: Number.NaN }, "toUs", "NaN"],
      [store.aggregate, { bucketUs: Number.NaN }, "bucketUs", "NaN", "a whole number of microseconds above 0"],
      [store.aggregate, { status: "error" }, "status", "groupBy"],
      [store.aggregate, undefined, "undefined"],
      [store.values, {}, "field", "undefined", "name, model, userId"],
      [store.values, { field: "status" }, "field", "status"],
      [store.values, { field: "name", prefix: 5 }, "prefix", "5"],
      [store.values, { field: "name", toUs: 5 }, "toUs", "fromUs"],
      [(query) => store.spans(T, query), { before: "x" }, "before", "after, limit"],
      [(query) => store.spans(T, query), { after: 5 }, "after", "5"],
      [(query) => store.span(T, id(1), query), { project: null }, "project", "null"],
      [(query) => store.trace(T, query), { limit: 1 }, "limit", "project"],
      [(traceId) => store.trace(traceId), 5, "traceId", "5"],
      [(spanId) => store.span(T, spanId), null, "spanId", "null"],
      [store.stats, { fromUs: 1 }, "fromUs", "project"],
      [store.revision, { project: 5 }, "project", "5"],
      [(options) => store.append([span(V, 1, 0, 10)], options), { project: 5 }, "project", "5"],
      [store.prune, { beforeUs: Number.NaN }, "beforeUs", "NaN", "a finite number"],
      [store.prune, { beforeUs: "x" }, "beforeUs", '"x"'],
      [store.prune, { before: 1 }, "before", "beforeUs, maxBytes"],
      [store.prune, { maxBytes: Number.NaN }, "maxBytes", "NaN"],
      [(options) => store.sql("SELECT 1", options), { limit: 0 }, "limit", "0"],
    ];
    for (const [ask, query, ...said] of wrong) {
      const isSaid = (error: Error) => said.every((part) => error.message.includes(part));
      await assert.rejects(
        ask(query),
        (error: Error) => isStoreError("STORE_BAD_QUERY")(error) && (isSaid(error) || assert.fail(error.message)),
        `${ask} ${JSON.stringify(query)}`,
      );
    }
    assert.deepEqual(await store.stats(), before);
    const bad: (() => Promise<unknown>)[] = [
      () => store.traces({ limit: 0 }),
      () => store.traces({ limit: 1.5 }),
      () => store.traces({ limit: Number.NaN }),
      () => store.traces({ after: "nonsense" }),
      () => store.sessions({ after: "" }),
      () => store.spans(T, { after: "' OR 1=1" }),
      () => store.spans(T, { limit: -1 }),
      () => store.aggregate({ bucketUs: 0 }),
      () => store.aggregate({ bucketUs: 0.5 }),
      () => store.aggregate({ groupBy: ["spanId" as "name"] }),
      () => store.aggregate({ where: { "name) OR (1": "1" } as object }),
      () => store.values({ field: "password" as "name" }),
      () => store.sql("SELEC nothing"),
    ];
    for (const ask of bad) await assert.rejects(ask, isStoreError("STORE_BAD_QUERY"), String(ask));
    assert.equal((await store.traces({ limit: 100_000 })).items.length, 2);
  });

  rule("text: over many days, newest first, page by page", async (store) => {
    const dayUs = 86_400_000_000;
    const of = (day: number) => `${day}`.padStart(32, "d");
    const days = Array.from({ length: 30 }, (_, day) => day);
    // So many spans with the word that a page need not look at all days.
    const said = (day: number, input: string, spans: number) =>
      Array.from({ length: spans }, (_, n) => span(of(day), 10 + n, day * dayUs + n, 10, { input }));
    await store.append(days.flatMap((day) => (day % 3 === 0 ? said(day, "needle", 30) : said(day, "hay", 1))));
    // Said on the day after its trace began, and said by a record that another one, of another day, replaces.
    await store.append([
      span(of(4), 2, 5 * dayUs, 10, { input: "needle" }),
      span(of(8), 2, 11 * dayUs, 10, { input: "needle" }),
      span(of(8), 2, 9 * dayUs, 10, { input: "hay", seq: 2 }),
      span(of(7), 2, 20 * dayUs, 10, { input: "hay" }),
      span(of(7), 2, 10 * dayUs, 10, { input: "needle", seq: 2 }),
    ]);
    const wanted = days.filter((day) => day % 3 === 0 || day === 4 || day === 7).reverse();
    const all: string[] = [];
    let after: string | undefined;
    do {
      const { items, next } = await store.traces({ text: "needle", limit: 2, ...(after !== undefined && { after }) });
      all.push(...items.map(({ traceId }) => traceId));
      after = next;
    } while (after !== undefined);
    assert.deepEqual(all, wanted.map(of));
    const middle = { fromUs: START_US + 3 * dayUs, toUs: START_US + 9 * dayUs };
    assert.deepEqual(await ids(store, { text: "needle", ...middle }), [7, 6, 4, 3].map(of));
    assert.deepEqual(await ids(store, { text: "nowhere" }), []);
  });

  rule("text: what is written without spaces is found as a whole run", async (store) => {
    const inputs = ["日本語の質問です。答え", "这是一个关于退款的问题", "สวัสดีครับ"];
    await store.append(inputs.map((input, i) => span(`${i + 1}`.padStart(32, "0"), 1, i, 10, { input })));
    for (const run of ["日本語の質問です", "答え", ...inputs.slice(1)]) {
      assert.equal((await ids(store, { text: run })).length, 1, run);
    }
    for (const part of ["質問", "退款", "สวัสดี"]) assert.deepEqual(await ids(store, { text: part }), [], part);
  });

  rule("what is undefined in a question is not there", async (store) => {
    await store.append([span(T, 1, 0, 10, { metadata: {}, trace: { metadata: { plan: "pro" } } })]);
    const nothing = (fields: string) => Object.fromEntries(fields.split(/\s+/).map((field) => [field, undefined]));
    const conditions = nothing(
      `project fromUs toUs userId sessionId feature team environment release tag name model status finding metadata
      minDurationMs maxDurationMs minCostUsd maxCostUsd text limit after`,
    );
    assert.deepEqual(await ids(store, conditions), [T]);
    assert.deepEqual(await ids(store, { metadata: { plan: "pro", other: undefined } }), [T]);
    assert.deepEqual(await ids(store, { metadata: Object.assign(Object.create(null), { plan: "pro" }) }), [T]);
    assert.deepEqual((await store.sessions(conditions)).items, []);
    assert.equal((await store.spans(T, nothing("project after limit"))).items.length, 1);
    assert.equal((await store.span(T, id(1), nothing("project")))?.spanId, id(1));
    const every = nothing("project fromUs toUs groupBy bucketUs where percentiles limit");
    assert.equal((await store.aggregate({ ...every, of: "spans" }))[0]?.count, 1);
    assert.equal((await store.aggregate({ of: "spans", where: { model: undefined } as object }))[0]?.count, 1);
    assert.equal((await store.values({ ...nothing("project prefix fromUs limit"), field: "name" })).length, 1);
    assert.deepEqual(await store.prune(nothing("beforeUs maxBytes")), { traces: 0, spans: 0 });
  });

  rule("a record that is none is refused, and nothing of its batch is kept", async (store) => {
    await store.append([span(T, 1, 0, 10)]);
    const none: [unknown, RegExp][] = [
      [{ a: 1 }, /neither "span", "score" nor "finding"/],
      [null, /neither/],
      [undefined, /neither/],
      ["span", /neither/],
      [{ ...span(U, 1, 0, 10), record: "trace" }, /neither/],
      [{ ...span(U, 1, 0, 10), traceId: 5 }, /a span whose traceId or spanId is no text/],
      [{ ...span(U, 1, 0, 10), spanId: undefined }, /a span whose traceId or spanId/],
      [{ ...sampleScore({ traceId: T }), id: undefined }, /a score whose id/],
      [{ ...sampleFinding({ traceId: T }), id: null }, /a finding whose id/],
    ];
    for (const [record, said] of none) {
      await assert.rejects(
        store.append([span(V, 1, 0, 10), record as SpanRecord, span(V, 2, 0, 10)]),
        (error: Error) => {
          assert.ok(isStoreError("STORE_BAD_RECORD")(error), `${error}`);
          assert.match(error.message, said);
          assert.match(error.message, /at place 1 of 3/);
          return true;
        },
      );
    }
    await assert.rejects(store.append(span(V, 1, 0, 10) as never), isStoreError("STORE_BAD_RECORD"));
    const { bytes, ...stats } = await store.stats();
    const times = { oldestUs: START_US, newestUs: START_US };
    assert.deepEqual(stats, { spans: 1, traces: 1, scores: 0, findings: 0, ...times });
    await store.append([span(V, 1, 0, 10)]);
    assert.deepEqual(await ids(store), [V, T]);
  });

  rule("after close everything says so, and close may come again", async (store) => {
    await store.append([span(T, 1, 0, 10)]);
    await store.close();
    await store.close();
    await assert.rejects(() => store.append([span(T, 1, 0, 10)]), isStoreError("STORE_CLOSED"));
    await assert.rejects(() => store.traces(), isStoreError("STORE_CLOSED"));
    await assert.rejects(() => store.revision(), isStoreError("STORE_CLOSED"));
  });

  rule("what is appended and asked at once stays whole", async (store) => {
    const batches = Array.from({ length: 20 }, (_, n) => [span(T, n + 1, n, 10), call(U, n + 1, n, 10)]);
    await Promise.all(batches.flatMap((batch) => [store.append(batch), store.traces(), store.append(batch)]));
    assert.deepEqual(
      (await listed(store)).map(({ spans }) => spans),
      [20, 20],
    );
    assert.equal((await store.aggregate({}))[0]?.count, 20);
  });
}

const failed: Pick<SpanRecord, "status"> = { status: { code: "error" } };
