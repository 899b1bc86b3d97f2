import assert from "node:assert/strict";
import { test } from "node:test";
import {
  currentSpan,
  currentSpanId,
  currentTraceId,
  event,
  generation,
  observe,
  type Span,
  startSpan,
  stats,
  updateSpan,
  updateTrace,
  withSpan,
  withTrace,
} from "sightline";
import { traced } from "../support/traced.ts";

test("withSpan makes the span current, nests, and gives back what fn gives", async () => {
  const sink = await traced(async () => {
    const answer = await withSpan("outer", { type: "chain" }, async (outer) => {
      assert.equal(currentSpan(), outer);
      assert.equal(currentSpanId(), outer.spanId);
      assert.equal(currentTraceId(), outer.traceId);
      return withSpan("inner", () => 42);
    });
    assert.equal(answer, 42);
    assert.equal(currentSpan(), undefined);
    assert.equal(currentTraceId(), undefined);
  });
  sink.expectTree(`
    outer [chain]
    └─ inner
  `);
});

test("withSpan stays synchronous, and rethrows the identical value", async () => {
  const sink = await traced(() => {
    assert.throws(
      () =>
        withSpan("boom", () => {
          throw null;
        }),
      (thrown) => thrown === null,
    );
  });
  const { record } = sink.get("boom");
  assert.equal(record.status.code, "error");
  assert.deepEqual(record.error, { type: "null", message: "null" });
});

test("startSpan is not current, ends once, and is disposable", async () => {
  const sink = await traced(() => {
    {
      using span = startSpan("manual", { input: { n: 1 } });
      assert.notEqual(currentSpan(), span);
      span.update({ output: "first" });
    }
    const twice = startSpan("twice");
    twice.end({ output: 1 });
    twice.end({ output: 2 });
    twice.update({ output: 3 });
    assert.equal(stats().lateUpdates > 0, true);
  });
  assert.deepEqual(sink.get("manual").record.input, { n: 1 });
  assert.equal(sink.get("manual").record.output, "first");
  assert.equal(sink.get("twice").record.output, 1);
  assert.equal(sink.findAll("twice").length, 1);
});

test("an explicit parent: a span, its ids, a traceparent, null", async () => {
  const remote = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  let outer: Span | undefined;
  const sink = await traced(() => {
    withSpan("outer", (span) => {
      outer = span;
      startSpan("root", { parent: null }).end();
    });
    startSpan("by span", { parent: outer as Span }).end();
    startSpan("by ids", { parent: { traceId: "ab".repeat(16), spanId: "cd".repeat(8) } }).end();
    startSpan("by header", { parent: remote }).end();
    startSpan("by junk", { parent: "junk" }).end();
  });
  assert.equal(sink.get("root").record.parentSpanId, undefined);
  assert.notEqual(sink.get("root").record.traceId, outer?.traceId);
  assert.equal(sink.get("by span").record.parentSpanId, outer?.spanId);
  assert.equal(sink.get("by span").record.traceId, outer?.traceId);
  assert.equal(sink.get("by ids").record.parentSpanId, "cd".repeat(8));
  assert.equal(sink.get("by header").record.traceId, "0af7651916cd43dd8448eb211c80319c");
  assert.equal(sink.get("by header").record.parentSpanId, "b7ad6b7169203331");
  assert.equal(sink.get("by junk").record.parentSpanId, undefined);
});

test("replayed data keeps its own times, in every form", async () => {
  const sink = await traced(() => {
    startSpan("date", { startTime: new Date(1_700_000_000_000) }).end({ endTime: 1_700_000_001_500 });
    startSpan("nanos", { startTime: 1_700_000_000_000_000_001n }).end({ endTime: "1700000000000000002" });
    startSpan("iso", { startTime: "2023-11-14T22:13:20.000Z" }).end({ endTime: "junk" });
    startSpan("backwards", { startTime: 2_000 }).end({ endTime: 1_000 });
  });
  const times = (name: string) => [sink.get(name).record.startTime, sink.get(name).record.endTime];
  assert.deepEqual(times("date"), ["1700000000000000000", "1700000001500000000"]);
  assert.deepEqual(times("nanos"), ["1700000000000000000", "1700000000000000000"]);
  assert.equal(times("iso")[0], "1700000000000000000");
  assert.deepEqual(times("backwards"), ["2000000000", "2000000000"]);
});

test("generation and event are recorded at once under the current span", async () => {
  const sink = await traced(() => {
    withSpan("outer", () => {
      generation({
        model: "gpt-4",
        usage: { prompt_tokens: 10, completion_tokens: 5, prompt_tokens_details: { cached_tokens: 4 } },
        input: [{ role: "user", content: "hi" }],
        output: "hello",
        cost: 0.01,
        startTime: 1_000,
        endTime: 3_000,
      });
      event("cache miss", { metadata: { key: "k" } });
    });
  });
  const { record } = sink.get("chat gpt-4");
  assert.equal(record.type, "generation");
  assert.equal(record.genAi?.requestModel, "gpt-4");
  assert.deepEqual(record.usage, { inputTokens: 10, outputTokens: 5, totalTokens: 15, cacheReadInputTokens: 4 });
  assert.deepEqual(record.cost, { currency: "USD", total: 0.01, source: "provided" });
  assert.deepEqual([record.startTime, record.endTime], ["1000000000", "3000000000"]);
  assert.equal(sink.get("cache miss").record.type, "event");
  assert.equal(sink.get("cache miss").parent?.record.name, "outer");
});

test("a late updateTrace reaches spans that are open and spans that have ended but are not sent", async () => {
  const sink = await traced(() => {
    withSpan("outer", () => {
      withSpan("ended before", () => {});
      updateTrace({ userId: "u-1", tags: ["a"], metadata: { first: 1 } });
      updateTrace({ sessionId: "s-1", tags: ["b", "a"], metadata: { second: 2 } });
      withSpan("after", () => {});
    });
  });
  for (const name of ["outer", "ended before", "after"]) {
    assert.deepEqual(sink.get(name).record.trace, {
      userId: "u-1",
      sessionId: "s-1",
      tags: ["a", "b"],
      metadata: { first: 1, second: 2 },
    });
  }
});

test("withTrace outside a trace gives its attributes to every trace that starts within", async () => {
  const sink = await traced(() => {
    withTrace({ userId: "u-1" }, () =>
      withTrace({ sessionId: "s-1" }, () => {
        assert.equal(currentTraceId(), undefined);
        withSpan("first", () => {});
        withSpan("second", () => {});
      }),
    );
    withSpan("outside", () => {});
  });
  assert.deepEqual(sink.get("first").record.trace, { userId: "u-1", sessionId: "s-1" });
  assert.deepEqual(sink.get("second").record.trace, { userId: "u-1", sessionId: "s-1" });
  assert.notEqual(sink.get("first").record.traceId, sink.get("second").record.traceId);
  assert.deepEqual(sink.get("outside").record.trace, {});
});

test("updateSpan adds to the current span, and does nothing without one", async () => {
  updateSpan({ metadata: { nowhere: true } });
  const sink = await traced(() => {
    updateSpan({ metadata: { nowhere: true } });
    withSpan("outer", () => {
      updateSpan({ metadata: { a: 1 }, level: "WARNING", statusMessage: "slow" });
      updateSpan({ metadata: { b: 2 } });
    });
  });
  const { record } = sink.get("outer");
  assert.deepEqual(record.metadata, { a: 1, b: 2 });
  assert.equal(record.level, "WARNING");
  assert.deepEqual(record.status, { code: "ok", message: "slow" });
});

test("environment and release stand on every record; the fake clock gives the duration", async () => {
  const sink = await traced(
    (clock) =>
      withSpan("outer", () => {
        clock.advance(1_500.25);
        withSpan("inner", () => clock.advance(2));
      }),
    { environment: "test", release: "r1", version: "v1" },
  );
  const { record } = sink.get("inner");
  assert.deepEqual(record.trace, { environment: "test", release: "r1", version: "v1" });
  assert.equal(BigInt(record.endTime) - BigInt(record.startTime), 2_000_000n);
  const outer = sink.get("outer").record;
  assert.equal(BigInt(record.startTime) - BigInt(outer.startTime), 1_500_250_000n);
});

test("with tracing off everything calls straight through", async () => {
  const span = startSpan("nobody");
  assert.equal(span.recording, false);
  span.update({ output: 1 }).event("e").fail(new Error("x")).end();
  assert.equal(
    withSpan("nobody", (off) => off.recording),
    false,
  );
  assert.equal(
    withTrace({ userId: "u" }, () => 1),
    1,
  );
  assert.equal(observe((n: number) => n + 1)(1), 2);
  assert.equal(generation({ model: "m" }).spanId, "0".repeat(16));
});

test("a wall clock that jumps leaves durations and order alone", async () => {
  const sink = await traced((clock) =>
    withSpan("outer", () => {
      clock.advance(10);
      clock.jump(-3_600_000);
      withSpan("inner", () => clock.advance(5));
    }),
  );
  const outer = sink.get("outer").record;
  const inner = sink.get("inner").record;
  assert.equal(BigInt(inner.endTime) - BigInt(inner.startTime), 5_000_000n);
  assert.equal(BigInt(inner.startTime) - BigInt(outer.startTime), 10_000_000n);
});
