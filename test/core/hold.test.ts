/** Spans that wait for what may still become known of them: `runtime.open.hold`. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { configure, flush, memorySink, shutdown, startSpan, stats, withSpan } from "sightline";
import type { RecordingSpan } from "../../src/core/recording-span.ts";
import { slot } from "../../src/core/runtime.ts";

afterEach(() => shutdown());

function held(name: string, settled: string[]): RecordingSpan {
  const span = startSpan(name) as RecordingSpan;
  slot.runtime!.open.hold(span, () => {
    settled.push(name);
    span.end({ output: "settled" });
  });
  return span;
}

test("a span that waits is settled when nothing else of its trace is open, before the last one's record", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const settled: string[] = [];
  withSpan("root", () => {
    withSpan("first", () => held("run", settled));
    assert.deepEqual(settled, [], "the root is open");
    withSpan("second", () => {});
    assert.deepEqual(settled, []);
  });
  assert.deepEqual(settled, ["run"]);
  await slot.runtime!.flush();
  assert.deepEqual(
    sink.records.map((record) => record.name),
    ["first", "second", "run", "root"],
  );
  const { started, ended, open } = stats();
  assert.deepEqual([started, ended, open], [4, 4, 0]);
});

test("of another trace's end nothing is heard, and two that wait are settled together", () => {
  configure({ sinks: [memorySink()] });
  const settled: string[] = [];
  withSpan("other", { parent: null }, () => {});
  withSpan("root", () => {
    held("a", settled);
    held("b", settled);
    withSpan("other", { parent: null }, () => {});
    assert.deepEqual(settled, []);
  });
  assert.deepEqual(settled, ["a", "b"]);
});

test("who ends it first wins: it is not settled again", () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const settled: string[] = [];
  withSpan("root", () => held("run", settled).end({ output: "ended" }));
  assert.deepEqual(settled, []);
});

test("held twice, the later way to settle counts", () => {
  configure({ sinks: [memorySink()] });
  const settled: string[] = [];
  withSpan("root", () => {
    const span = held("run", settled);
    slot.runtime!.open.hold(span, () => {
      settled.push("later");
      span.end();
    });
  });
  assert.deepEqual(settled, ["later"]);
});

test("without another span it waits until the process or the configuration ends, and is whole then", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const settled: string[] = [];
  held("run", settled);
  await shutdown();
  assert.deepEqual(settled, ["run"]);
  assert.equal(sink.get("run").record.unfinished, undefined);
  assert.equal(sink.get("run").record.output, "settled");
});

test("what throws while it settles leaves the span to be exported as it is", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const span = startSpan("run") as RecordingSpan;
  slot.runtime!.open.hold(span, () => {
    throw new Error("a fault of ours");
  });
  await shutdown();
  assert.equal(sink.get("run").record.unfinished, true);
  assert.ok(stats().internalErrors > 0);
});

test("flush settles what waits alone in its trace, and leaves the others", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const settled: string[] = [];
  held("alone", settled);
  await withSpan("root", async () => {
    held("among others", settled);
    await flush();
    assert.deepEqual(settled, ["alone"]);
    assert.ok(sink.find("alone"));
  });
  assert.deepEqual(settled, ["alone", "among others"]);
});

test("released, it is open as any other", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const settled: string[] = [];
  withSpan("root", () => slot.runtime!.open.release(held("run", settled)));
  assert.deepEqual(settled, []);
  await shutdown();
  assert.equal(sink.get("run").record.unfinished, true);
});

test("it is told why, and may go on waiting after a flush", async () => {
  configure({ sinks: [memorySink()] });
  const reasons: string[] = [];
  const hold = (): RecordingSpan => {
    const span = startSpan("run") as RecordingSpan;
    const settle = (reason: string): void => {
      reasons.push(reason);
      if (reason === "flush") slot.runtime!.open.hold(span, settle);
      else span.end();
    };
    slot.runtime!.open.hold(span, settle);
    return span;
  };
  withSpan("root", hold);
  assert.deepEqual(reasons, ["quiet"]);
  hold();
  await flush();
  await flush();
  assert.equal(stats().open, 1);
  await shutdown();
  assert.deepEqual(reasons, ["quiet", "flush", "flush", "exit"]);
});
