/** P16: a span that never ends hides nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  configure,
  flush,
  memorySink,
  observe,
  type Sink,
  type SpanRecord,
  shutdown,
  startSpan,
  stats,
  withSpan,
} from "sightline";
import { recordAssistantRun } from "sightline/openai";
import { fakeClock } from "sightline/testing";
import { assertBooks } from "../support/books.ts";

const HOUR = 3_600_000;
/** Spans that the table of open ones holds. */
const MAX_OPEN = 100_000;

/** Ways to leave a span open for good. Each does work inside it, and calls `child` there. */
const WAYS: Readonly<Record<string, (child: () => void) => unknown>> = {
  "a span that is forgotten": (child) => {
    const span = startSpan("hung");
    withSpan("work", { parent: span }, child);
  },
  "a promise that never settles": (child) =>
    void withSpan("hung", () => {
      withSpan("work", child);
      return new Promise(() => {});
    }),
  "a generator that is abandoned": (child) => {
    const steps = observe("hung", function* () {
      withSpan("work", child);
      yield 1;
      yield 2;
    });
    for (const step of [steps().next()]) assert.equal(step.value, 1);
  },
  "an async generator that is abandoned": async (child) => {
    const steps = observe("hung", async function* () {
      withSpan("work", child);
      yield 1;
      yield 2;
    });
    await steps().next();
  },
  "a thenable that nobody awaits": (child) => {
    const query = { then: () => assert.fail("the query was run") };
    observe("hung", () => {
      withSpan("work", child);
      return query;
    })();
  },
  "a stream that nobody reads": (child) => {
    observe("hung", () => {
      withSpan("work", child);
      return new ReadableStream({ pull: (controller) => controller.enqueue("x") });
    })();
  },
  "an async iterable that nobody iterates": (child) => {
    observe("hung", () => {
      withSpan("work", child);
      return { async *[Symbol.asyncIterator]() {} };
    })();
  },
};

// https://github.com/DataDog/dd-trace-js/issues/10072: one span that never ended withheld its whole trace.
for (const [way, leave] of Object.entries(WAYS)) {
  test(`museum dd-trace#10072 P16 ${way}: children and siblings leave at once, the span itself as unfinished`, async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const sink = memorySink();
    const clock = fakeClock();
    configure({ sinks: [sink], clock });
    const names = async (): Promise<string[]> => {
      await flush();
      assertBooks(stats());
      return sink.all.map(({ name }) => name);
    };
    await withSpan("root", async () => {
      await leave(() => startSpan("child").end());
      clock.advance(1);
      withSpan("sibling", () => {});
    });
    assert.deepEqual(await names(), ["child", "work", "sibling", "root"]);
    assert.equal(stats().open, 1);
    const { spanId } = sink.get("root").record;
    clock.advance(HOUR - 2);
    t.mock.timers.tick(60_000);
    assert.equal((await names()).length, 4, "not before maxOpenMs");
    clock.advance(2);
    t.mock.timers.tick(60_000);
    await names();
    const { record } = sink.get("hung");
    assert.deepEqual([record.unfinished, record.status.code, record.parentSpanId], [true, "unset", spanId]);
    assert.match(record.callSite ?? "", /open\.test\.ts:\d+:\d+$/);
    assert.equal(sink.get("work").record.parentSpanId, record.spanId);
    sink.expectTree(`
      root
      ├─ hung (unfinished)
      │  └─ work
      │     └─ child
      └─ sibling
    `);
    clock.advance(2 * HOUR);
    t.mock.timers.tick(600_000);
    assert.equal((await names()).length, 5, "once and not again");
    await shutdown();
    assert.equal(sink.all.length, 5);
    assertBooks(stats());
  });
}

test("P16 a run that hangs is recorded as far as it is, as unfinished, beside everything else", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const run = {
    id: "run_1",
    object: "thread.run",
    thread_id: "thread_1",
    assistant_id: "asst_1",
    created_at: 1_774_963_844,
  };
  withSpan("request", () => {
    recordAssistantRun({ run: { ...run, status: "requires_action" } } as never);
    withSpan("sibling", () => {});
  });
  await flush();
  assert.equal(sink.get("sibling").record.status.code, "ok");
  assert.equal(sink.find((record) => record.unfinished === true)?.record.type, "agent");
  await shutdown();
  assertBooks(stats());
});

/** Counts records and keeps none. */
function countingSink(): Sink & { unfinished: number; whole: number } {
  return {
    name: "counting",
    unfinished: 0,
    whole: 0,
    write(batch) {
      for (const record of batch as readonly SpanRecord[]) {
        if (record.unfinished) this.unfinished++;
        else this.whole++;
      }
    },
  };
}

// https://github.com/langchain-ai/langsmith-sdk/issues/1979: spans that never end are kept for ever.
test("museum langsmith#1979 P16 more spans than the table holds never end: the oldest leave as unfinished, all are counted", async (t) => {
  const beyond = 5_000;
  const sink = countingSink();
  configure({ sinks: [sink], callSites: "none" });
  const spans = Array.from({ length: MAX_OPEN + beyond }, () => startSpan("forgotten", { parent: null }));
  await flush();
  assert.deepEqual([sink.unfinished, sink.whole], [beyond, 0]);
  assert.deepEqual([stats().started, stats().ended, stats().open], [spans.length, 0, spans.length]);
  assertBooks(stats());
  // One that has left may still end.
  spans[0]!.end();
  spans.at(-1)!.end();
  await flush();
  assert.deepEqual([sink.whole, stats().ended, stats().open], [2, 2, spans.length - 2]);
  await shutdown();
  // All at once they are more than the queue's 32 MiB: what does not fit is counted.
  const full = stats().sinks["counting"]?.dropped.queue_full ?? 0;
  assert.deepEqual([sink.unfinished + full, sink.whole], [MAX_OPEN + beyond - 1, 2], "one record each, and the ends");
  assertBooks(stats());
  assert.equal(stats().internalErrors, 0);
  t.diagnostic(
    `figure: ${spans.length.toLocaleString("en")} spans never end, at most ${MAX_OPEN.toLocaleString("en")} held; at shutdown ${full.toLocaleString("en")} do not fit in the queue and are counted`,
  );
});

// https://github.com/langchain-ai/langsmith-sdk/issues/2227: a parent kept all its children (`child_runs`).
test("museum langsmith#2227 P16 an open parent keeps none of its ended children", async (t) => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const sink = countingSink();
  configure({ sinks: [sink], callSites: "none" });
  const parent = startSpan("parent");
  const count = 5_000;
  const start = (): WeakRef<object>[] =>
    Array.from({ length: count }, (_, i) => {
      const child = startSpan("child", { parent, input: { i } });
      child.end();
      return new WeakRef(child);
    });
  const children = start();
  await flush();
  // What a WeakRef gives is kept until the next turn.
  for (let i = 0; i < 3; i++) {
    await new Promise(setImmediate);
    collect();
  }
  const alive = children.filter((child) => child.deref() !== undefined).length;
  assert.equal(sink.whole, count);
  assert.ok(alive <= 10, `${alive} children are kept`);
  parent.end();
  await shutdown();
  assertBooks(stats());
  t.diagnostic(`figure: ${count.toLocaleString("en")} ended children of an open parent, ${alive} kept`);
});

test("P3 P16 what open spans have captured is bounded: above 32 MiB the oldest go out as unfinished", async (t) => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const input = { texts: Array.from({ length: 4 }, () => "x".repeat(60_000)) };
  for (let i = 0; i < 400; i++) {
    startSpan(`big ${i}`).update({ input });
    if (i % 20 === 0) await flush();
  }
  await flush();
  const names = sink.records.map(({ name }) => name);
  t.diagnostic(`figure: 400 spans with 240 KB each that never end, ${400 - names.length} of them held`);
  assert.ok(names.length > 300 && names.length < 400, `${names.length} went out`);
  assert.deepEqual(
    names,
    names.map((_, i) => `big ${i}`),
  );
  assert.equal(stats().open, 400);
  await shutdown();
  assertBooks(stats());
  assert.equal(sink.records.length, 400);
});

test("P16 a shutdown with 90,000 open spans exports them in turns, and none is lost", async (t) => {
  let exported = 0;
  let turns = 0;
  const sink: Sink = {
    name: "sink",
    async write(batch) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
      exported += batch.length;
    },
  };
  configure({ sinks: [sink] });
  for (let i = 0; i < 90_000; i++) startSpan("open");
  const result = await shutdown({ timeoutMs: 60_000 });
  t.diagnostic(`figure: 90,000 unfinished spans, ${result.dropped} lost`);
  assert.deepEqual([result.dropped, exported], [0, 90_000]);
  assert.ok(turns > 300);
  assertBooks(stats());
});
