import assert from "node:assert/strict";
import { test } from "node:test";
import { createEndings } from "../../src/pipeline/endings.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { hang, recorder, rig } from "./rig.ts";

const NO_STATS = { replayed: 0, spooled: 0, dropped: {} };

test("a flush says whether it is the last one; of those who share one, one is enough", async (t) => {
  const lasts: unknown[] = [];
  const sink: Sink = { ...recorder(), flush: (_, isLast) => void lasts.push(isLast) };
  const { flush } = rig(t, [sink]);
  await flush();
  await flush({ isLast: true });
  await Promise.all([flush(), flush({ isLast: true }), flush()]);
  await flush();
  assert.deepEqual(lasts, [false, true, true, false]);
});

test("a shutdown that is over by its deadline tells flush and close that nobody waits, and neither before", async (t) => {
  const signals: { [call: string]: AbortSignal } = {};
  const ends = (name: string, end: () => unknown, open?: string): Sink => ({
    ...recorder(undefined, name),
    flush: (signal) => {
      signals[`${name} flush`] = signal!;
      return open === "flush" ? hang() : undefined;
    },
    close: (signal) => {
      signals[`${name} close`] = signal!;
      return end() as undefined;
    },
  });
  const sinks = [ends("a", hang), ends("b", () => {}, "flush")];
  const { shutdown, advance } = rig(t, sinks);
  let result: { readonly errors: readonly string[] } | undefined;
  void shutdown({ timeoutMs: 500 }).then((given) => (result = given));
  await advance(490);
  assert.deepEqual(Object.keys(signals), ["a flush", "b flush", "a close"]);
  assert.ok(Object.values(signals).every(({ aborted }) => !aborted));
  await advance(10);
  assert.deepEqual(Object.keys(signals), ["a flush", "b flush", "a close", "b close"]);
  assert.ok(["b flush", "a close", "b close"].every((call) => signals[call]!.aborted));
  assert.deepEqual(result?.errors, ["a: not closed in time", "b: not finished in time"]);
});

test("at process exit: what is synchronous is closed, what keeps records puts its books in order, others are left alone", () => {
  const calls: string[] = [];
  const sink = (more: Partial<Sink>): Sink => ({
    name: "sink",
    write() {},
    flush: (signal, isLast) => void calls.push(`flush ${signal!.aborted} ${isLast}`),
    close: () => void calls.push("close"),
    ...more,
  });
  const finished = (more: Partial<Sink>) => {
    calls.length = 0;
    createEndings(sink(more), String).finishSync();
    return [...calls];
  };
  const writeSync = (batch: readonly unknown[]) => void calls.push(`writeSync ${batch.length}`);
  assert.deepEqual(finished({}), []);
  assert.deepEqual(finished({ stats: () => NO_STATS }), ["flush true true"]);
  assert.deepEqual(finished({ writeSync }), ["close"]);
  assert.deepEqual(finished({ writeSync, stats: () => ({ ...NO_STATS, taken: 0 }) }), ["writeSync 0"]);
});

test("process exit while a close is under way ends it", () => {
  let signal: AbortSignal | undefined;
  const close = (given?: AbortSignal) => {
    signal = given;
    return hang();
  };
  const endings = createEndings({ name: "sink", write() {}, close }, String);
  void endings.close();
  assert.equal(signal!.aborted, false);
  endings.finishSync();
  assert.equal(signal!.aborted, true);
});
