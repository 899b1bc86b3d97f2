import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { configure, flush, memorySink, type SpanRecord, shutdown, stats } from "sightline";
import { activeRuntime } from "../../../src/core/runtime.ts";
import {
  type CollectorOptions,
  createRunCollector,
  type RunCollector,
} from "../../../src/openai/wire/run-collector.ts";
import { takeMessages, takeRun, takeSteps } from "../../../src/openai/wire/run-state.ts";
import { aMessage, aRun, aStep } from "../payloads.ts";
import type { Wire } from "./run-support.ts";

const PENDING: Wire = aRun({ status: "in_progress", usage: null, completed_at: null });

function see(collector: RunCollector, run: Wire, nowMs = Date.now()) {
  const captures = { input: true, output: true };
  const threadId = run["thread_id"];
  const first = { parent: undefined, provider: "openai", captures, threadId, run, nowMs };
  const watched = collector.watch(run["id"], first)!;
  collector.touch(watched, takeRun(watched.state, run, nowMs));
  return watched;
}

async function collected(options: CollectorOptions, fn: (collector: RunCollector) => unknown): Promise<SpanRecord[]> {
  const sink = memorySink();
  configure({ sinks: [sink], prices: false });
  const faults = stats().internalErrors;
  try {
    await fn(createRunCollector(activeRuntime()!, options));
    await flush();
    assert.equal(stats().internalErrors, faults);
    return sink.all.filter((record): record is SpanRecord => record.record === "span");
  } finally {
    await shutdown();
  }
}

const agents = (spans: readonly SpanRecord[]) => spans.filter(({ type }) => type === "agent");

test("a run that has ended is written soon, one that is silent later", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const isOpen = (collector: RunCollector, id: string) => collector.find(id)?.long.span !== undefined;
  const ended = await collected({ settleMs: 20, silenceMs: 10_000 }, (collector) => {
    const { id } = see(collector, aRun()).state;
    t.mock.timers.tick(19);
    assert.equal(isOpen(collector, id), true);
    t.mock.timers.tick(1);
    assert.equal(isOpen(collector, id), false);
  });
  assert.equal(agents(ended)[0]?.unfinished, undefined);
  const silent = await collected({ settleMs: 20, silenceMs: 10_000 }, (collector) => {
    for (let i = 0; i < 5; i++) {
      see(collector, PENDING);
      t.mock.timers.tick(9_999);
      assert.equal(isOpen(collector, PENDING.id), true);
    }
    t.mock.timers.tick(1);
    assert.equal(isOpen(collector, PENDING.id), false);
  });
  assert.equal(agents(silent)[0]?.unfinished, true);
});

test("of more runs than are kept the oldest is written and forgotten; a later answer goes on from it", async () => {
  const spans = await collected({ maxRuns: 2 }, (collector) => {
    for (const id of ["run_a", "run_b", "run_c"]) see(collector, { ...PENDING, id, thread_id: `thread_${id}` });
    assert.equal(collector.find("run_a"), undefined);
    see(collector, { ...aRun(), id: "run_a", thread_id: "thread_run_a" });
    for (const id of ["run_d", "run_e"]) see(collector, { ...PENDING, id, thread_id: `thread_${id}` });
  });
  const a = agents(spans).filter(({ genAi }) => genAi?.openai?.runId === "run_a");
  assert.deepEqual(
    a.map(({ seq, unfinished }) => [seq, unfinished]),
    [
      [0, true],
      [1, undefined],
    ],
  );
  assert.equal(new Set(a.map(({ spanId, traceId }) => `${spanId} ${traceId}`)).size, 1);
});

test("what is kept of a run has bounds", async () => {
  const spans = await collected({ settleMs: 10 }, async (collector) => {
    const watched = see(collector, aRun());
    for (let i = 0; i < 100; i++) {
      const step_details = { type: "tool_calls", tool_calls: [{ id: `c${i}`, type: "x", x: "y".repeat(100_000) }] };
      takeSteps(watched.state, { data: [aStep({ id: `step_${i}`, step_details })] }, false);
      takeMessages(watched.state.thread, { data: [aMessage(`m${i}`, 1, "user", "z".repeat(100_000))] }, false, 0);
    }
    assert.ok(watched.state.steps.characters < 3e6 && watched.state.thread.messages.characters < 3e6);
    await sleep(40);
  });
  assert.equal(agents(spans)[0]?.genAi?.openai?.missing, "steps: too large to keep; messages: too large to keep");
});

test("answers that overtake each other: an ended run stays ended, the first start is kept", async () => {
  const spans = await collected({ settleMs: 10 }, async (collector) => {
    const created = PENDING["created_at"];
    see(collector, { ...PENDING, started_at: created + 1 });
    see(collector, { ...PENDING, status: "cancelling", started_at: created + 9 }, (created + 5) * 1000);
    see(collector, { ...PENDING, status: "cancelled", cancelled_at: created + 12 });
    see(collector, { ...PENDING, status: "cancelling" });
    await sleep(40);
  });
  const { createdAt, startedAt, cancellingSince, runStatus } = agents(spans)[0]!.genAi!.openai!;
  assert.equal(runStatus, "cancelled");
  assert.deepEqual([startedAt! - createdAt!, cancellingSince! - createdAt!], [1, 5]);
});

test("a page of steps is not all of them until the last page has been seen", async () => {
  const step = (n: number) => aStep({ id: `step_${n}`, created_at: n, usage: null });
  const missing = async (...pages: Wire[]) => {
    const spans = await collected({ settleMs: 5 }, async (collector) => {
      const watched = see(collector, aRun());
      for (const page of pages) takeSteps(watched.state, page, true);
      await sleep(20);
    });
    const { missing, stepCount } = agents(spans)[0]!.genAi!.openai!;
    return [stepCount, missing?.split("; ")[0]];
  };
  const first = { data: [step(3), step(2)], has_more: true };
  assert.deepEqual(await missing(first), [2, "steps: there are more pages"]);
  assert.deepEqual(await missing(first, { data: [step(1)], has_more: false }), [3, "messages: not listed"]);
});
