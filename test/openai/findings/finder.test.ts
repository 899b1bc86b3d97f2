import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { configure, memorySink, shutdown, startSpan, stats, withSpan } from "sightline";
import { recordAssistantRun } from "sightline/openai";
import { createCapture } from "../../../src/capture/capture.ts";
import type { Finder } from "../../../src/core/finder.ts";
import type { FindingRecord, SpanRecord } from "../../../src/core/record.ts";
import { createFinder } from "../../../src/openai/findings/finder.ts";
import type { FindingsOptions } from "../../../src/openai/index.ts";
import { fakeClock } from "../../../src/testing/fake-clock.ts";
import { sampleScore, sampleSpan } from "../../../src/testing/sample-records.ts";
import { traced } from "../../support/traced.ts";
import { aRun, T0 } from "../payloads.ts";
import { agent, chat, http, inTrace, openAgent, refused, root, step, T, tool } from "./records.ts";

function finder(options?: FindingsOptions): Finder {
  return createFinder(options, fakeClock(), createCapture());
}

const see = (to: Finder, record: SpanRecord, openSpans = 0, hasMore = false): readonly FindingRecord[] =>
  to.see({ record, trace: { info: record.trace, openSpans }, bytes: 0 }, hasMore);

const stuck = { runStatus: "requires_action", expiresAt: T + 600 };
const cut = () => chat({}, { finishReasons: ["length"] });

test("the rules look when the last open span of a trace has ended, and not before", () => {
  const to = finder();
  assert.deepEqual(see(to, cut(), 2), []);
  assert.deepEqual(see(to, openAgent(65, stuck), 1), []);
  const found = see(to, root({ trace: { userId: "u1" } }));
  assert.deepEqual(
    found.map(({ name }) => name),
    ["stuck_in_requires_action", "incomplete_token_cap"],
  );
  assert.deepEqual(new Set(found.map(({ trace }) => trace.userId)), new Set(["u1"]));
  assert.deepEqual(
    found.map(({ seq }) => seq),
    [0, 0],
  );
});

test("a plain span that ends last is enough", () => {
  const to = finder();
  see(to, cut(), 2);
  see(to, root(), 1);
  const detached = sampleSpan({ spanId: "d".repeat(16), parentSpanId: root().spanId });
  assert.equal(see(to, detached).length, 0, "what the root's end had found is not sent again");
  see(to, { ...cut(), traceId: "9".repeat(32) }, 1);
  assert.equal(see(to, { ...detached, traceId: "9".repeat(32) }).length, 1);
});

test("of spans that wait together the last is the one to look at, also when the root is before it", () => {
  const to = finder();
  const { unfinished, ...done } = openAgent(65, {}, { seq: 9 });
  assert.deepEqual(see(to, openAgent(65, stuck, { spanId: done.spanId, seq: 1 }), 0, true), []);
  assert.deepEqual(see(to, cut(), 0, true), []);
  assert.deepEqual(see(to, root(), 1, true), []);
  const late = sampleSpan({ spanId: "d".repeat(16), parentSpanId: root().spanId });
  assert.deepEqual(see(to, { ...late, traceId: "9".repeat(32) }, 1), [], "of another trace");
  assert.deepEqual(
    see(to, done, 1).map(({ name }) => name),
    ["incomplete_token_cap"],
  );
  assert.deepEqual(see(to, late, 1), [], "nothing is due any more");
});

test("a local root that ends counts, though others of the trace are open", () => {
  const to = finder();
  see(to, cut(), 3);
  assert.equal(see(to, root({ parentSpanId: "e".repeat(16), parentIsRemote: true }), 2).length, 1);
});

test("a trace whose root was only exported as unfinished is not over", () => {
  const to = finder();
  see(to, openAgent(5, { runStatus: "in_progress" }), 1);
  assert.deepEqual(see(to, root({ unfinished: true })), []);
  assert.deepEqual(
    see(to, root({ seq: 2 })).map(({ name }) => name),
    ["usage_read_too_early"],
  );
});

test("what comes late is looked at; the same is sent once, what has changed with a higher seq", () => {
  const to = finder();
  const calls = (from: number, n: number) =>
    Array.from({ length: n }, (_, i) => tool(from + i, "look", { page: from + i }, "nothing"));
  for (const record of [agent(), ...calls(0, 8)]) see(to, record, 1);
  const [first, ...more] = see(to, root());
  assert.deepEqual([first!.name, first!.seq, more.length], ["tool_loop", 0, 0]);
  assert.match(first!.message, /8 steps/);
  assert.deepEqual(
    see(to, cut()).map(({ name }) => name),
    ["incomplete_token_cap"],
    "only what is new",
  );
  const [second] = calls(8, 1).flatMap((record) => see(to, record));
  assert.match(second!.message, /9 steps/);
  assert.deepEqual([second!.id, second!.seq], [first!.id, 1]);
});

test("a late record of a span takes the place of the one before, and an older one does not", () => {
  const to = finder();
  const { unfinished, ...done } = openAgent(65, { runStatus: "completed" }, { seq: 3 });
  see(to, done, 1);
  see(to, openAgent(65, stuck, { spanId: done.spanId, seq: 1 }), 1);
  assert.deepEqual(see(to, root()), []);
});

test("what shows over several traces is told in the one where it begins", () => {
  const to = finder();
  const limited = (n: number) => inTrace(n, refused(429, "slow down"))[0]!;
  assert.deepEqual(see(to, limited(1)), []);
  assert.deepEqual(see(to, limited(2)), []);
  const [finding] = see(to, limited(3));
  assert.deepEqual([finding!.name, finding!.traceId], ["retry_storm", limited(3).traceId]);
  const usage = { inputTokens: 2000, outputTokens: 1, cacheReadInputTokens: 0 };
  const told = Array.from({ length: 8 }, (_, i) =>
    see(to, inTrace(10 + i, chat({ usage }))[0]!).map(({ name }) => name),
  );
  assert.deepEqual(told, [[], [], [], [], ["cache_never_hits"], [], [], []]);
});

test("texts of the provider's errors are masked before they are sent", () => {
  const to = finder();
  const errorMessage = "You exceeded your current quota with sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH";
  const [finding] = see(to, agent({ runStatus: "failed", errorCode: "rate_limit_exceeded", errorMessage }));
  assert.match(String(finding!.evidence["errorMessage"]), /quota/);
  assert.doesNotMatch(JSON.stringify(finding), /abcdefghij/);
});

test("options hold", () => {
  assert.deepEqual(see(finder({ off: ["incomplete_token_cap"] }), cut()), []);
  const slow = openAgent(65, stuck, { parentSpanId: undefined } as object);
  assert.deepEqual(see(finder({ stuckAfterMs: 90_000 }), slow), []);
  assert.equal(see(finder(), slow).length, 1);
});

test("plain spans, scores and findings are passed over; junk is no fault", () => {
  const faults = stats().internalErrors;
  const to = finder();
  for (let i = 0; i < 3; i++) assert.deepEqual(see(to, root({ spanId: `${i}`.repeat(16) })), []);
  for (const record of [sampleScore(), ...see(to, cut())]) {
    assert.deepEqual(to.see({ record, trace: { info: {} }, bytes: 0 }), []);
  }
  assert.deepEqual(see(to, { ...agent(), genAi: 7, http: "x", error: null } as never), []);
  assert.equal(stats().internalErrors, faults);
  assert.deepEqual(to.see(undefined as never), []);
});

test("at most 1,000 traces are known: one that was pushed out begins anew", () => {
  const to = finder();
  const one = inTrace(1, cut())[0]!;
  const changed = { ...one, seq: 9 };
  assert.equal(see(to, one).length, 1);
  assert.equal(see(to, changed).length, 0, "known");
  for (let i = 2; i <= 1_001; i++) see(to, inTrace(i, cut())[0]!);
  assert.equal(see(to, changed).length, 1, "forgotten");
});

test("at most 2,000 facts of a trace are held, and 250 once it is over", () => {
  const to = finder();
  see(to, agent(), 1);
  for (let i = 0; i < 2_100; i++) see(to, tool(i, "look", { i }, "nothing"), 1);
  const [finding] = see(to, root());
  assert.match(finding!.message, /called tools in 1999 steps/);
  // Roots without end in one trace: the time of each must not grow with their number.
  const again = { ...cut(), parentSpanId: root().spanId };
  assert.deepEqual(
    see(to, again).map(({ name }) => name),
    ["incomplete_token_cap"],
    "the run is forgotten",
  );
});

test("through configure: findings come with their trace, before its root", async () => {
  const sink = await traced(() =>
    withSpan("answer", () => {
      recordAssistantRun({ run: aRun({ status: "expired", completed_at: null, expires_at: T0 + 600, usage: null }) });
    }),
  );
  assert.deepEqual(
    sink.all.map(({ record, name }) => `${record} ${name}`),
    ["span invoke_agent asst_tutor", "finding run_expired", "span answer"],
  );
  const [trace] = sink.traces();
  assert.deepEqual(
    trace!.find("agent")?.findings.map(({ name }) => name),
    ["run_expired"],
  );
  assert.deepEqual(trace!.findings, []);
});

test("through configure: a run that is recorded until it has ended is told of as it ended", async () => {
  const live = { completed_at: null, usage: null, expires_at: T0 + 600 };
  const sink = await traced(() => {
    recordAssistantRun({ run: aRun({ status: "queued", ...live }), observedAt: T0 * 1000 });
    recordAssistantRun({ run: aRun({ status: "requires_action", ...live }), observedAt: (T0 + 3) * 1000 });
    recordAssistantRun({ run: aRun() });
  });
  assert.deepEqual(
    sink.records.filter(({ record }) => record === "finding"),
    [],
  );
});

test("through configure: options, none, and no sampling", async () => {
  const write = () => withSpan("answer", () => void recordAssistantRun({ run: aRun({ status: "incomplete" }) }));
  const count = async (options: object) =>
    (await traced(write, options)).records.filter(({ record }) => record === "finding").length;
  assert.equal(await count({}), 1);
  assert.equal(await count({ findings: { off: ["incomplete_token_cap"] } }), 0);
  assert.equal(await count({ findings: false }), 0);
  assert.equal(await count({ sampleRate: 0 }), 0);
});

test("through configure: a shutdown with open spans looks at what there is", async () => {
  const sink = memorySink();
  configure({ sinks: [sink], clock: fakeClock() });
  const span = startSpan("answer");
  withSpan("ask", { parent: span } as object, () => {
    recordAssistantRun({ run: aRun({ status: "expired", completed_at: null, expires_at: T0 + 600 }) });
  });
  await shutdown();
  assert.deepEqual(
    sink.records.flatMap((record) => (record.record === "finding" ? record.name : [])),
    ["run_expired"],
  );
});

test("holds only facts: what a span had for input and output is let go", async () => {
  setFlagsFromString("--expose-gc");
  const to = finder();
  const write = (i: number): WeakRef<object> => {
    const output = [{ role: "assistant", parts: [{ type: "text", content: `answer ${i}` }] }];
    see(to, step(i, 10, 10, { input: output, output, http: http() }), 1);
    return new WeakRef(output);
  };
  const outputs = Array.from({ length: 10 }, (_, i) => write(i));
  await new Promise(setImmediate);
  runInNewContext("gc")();
  assert.equal(outputs.filter((output) => output.deref() !== undefined).length, 0);
  assert.deepEqual(see(to, root()), []);
});
