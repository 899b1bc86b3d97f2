import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { configure, flush, memorySink, shutdown, spool, startSpan, stats } from "sightline";
import { ConfigError, SinkError } from "../../src/core/errors.ts";
import { lazySink } from "../../src/sinks/lazy-sink.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { assertBooks } from "../support/books.ts";

const signal = new AbortController().signal;

sinkContract(() => lazySink("lazy", async () => memorySink()));

/** A sink that notes its calls, and how often it was loaded. */
function noted() {
  const calls: string[] = [];
  const sink: Sink = {
    name: "inner",
    write: (batch) => void calls.push(`write ${batch.length}`),
    writeSync: (batch) => void calls.push(`writeSync ${batch.length}`),
    flush: () => void calls.push("flush"),
    close: () => void calls.push("close"),
    open: () => void calls.push("open"),
    stats: () => ({ replayed: 0, spooled: 0, dropped: { rejected_by_sink: 1 } }),
  };
  const load = async () => {
    calls.push("load");
    return sink;
  };
  return { calls, load };
}

test("is loaded by the first write, once, and hands everything on", async () => {
  const { calls, load } = noted();
  const sink = lazySink("lazy", load, { destination: () => "d", policy: { durability: "batch" } });
  assert.deepEqual(
    [sink.name, sink.destination, sink.policy, "writeSync" in sink],
    ["lazy", "d", { durability: "batch" }, false],
  );
  sink.open!();
  await sink.flush!();
  assert.deepEqual([calls, sink.stats!()], [[], { replayed: 0, spooled: 0, dropped: {} }]);
  await Promise.all([sink.write([sampleSpan()], signal), sink.write([], signal), sink.flush!()]);
  sink.open!();
  await sink.write([sampleSpan(), sampleSpan()], signal);
  await sink.close!();
  assert.deepEqual(calls, ["load", "open", "write 1", "write 0", "flush", "open", "write 2", "close"]);
  assert.deepEqual(sink.stats!().dropped, { rejected_by_sink: 1 });
});

test("is closed without being loaded", async () => {
  const { calls, load } = noted();
  await lazySink("lazy", load).close!();
  assert.deepEqual(calls, []);
});

test("one that writes synchronously is loaded in the turn of its first write", async () => {
  const { calls, load } = noted();
  let made: Sink | undefined;
  void load().then((sink) => (made = sink));
  await new Promise(setImmediate);
  calls.length = 0;
  const sink = lazySink("lazy", load, { loadSync: () => made! });
  sink.open!();
  assert.deepEqual(calls, []);
  sink.writeSync!([sampleSpan()]);
  void sink.write([], signal);
  assert.deepEqual(calls, ["open", "writeSync 1", "write 0"]);
});

test("where that is not possible, a write loads it the other way; writeSync says so", async () => {
  const { calls, load } = noted();
  const sink = lazySink("lazy", load, {
    loadSync() {
      throw Object.assign(new Error("Cannot find module"), { code: "MODULE_NOT_FOUND" });
    },
  });
  assert.throws(() => sink.writeSync!([sampleSpan()]), /"lazy" could not be loaded: Cannot find module; .*bundler/);
  await sink.write([sampleSpan()], signal);
  sink.writeSync!([sampleSpan()]);
  assert.deepEqual(calls, ["load", "write 1", "writeSync 1"]);
});

test("what cannot be loaded says never and how to help, and is tried again", async () => {
  const missing = Object.assign(new Error("Cannot find module"), { code: "ERR_MODULE_NOT_FOUND" });
  const problems = [missing, new ConfigError("CONFIG_BAD_VARIABLE", "OTEL_X takes a number.")];
  const memory = memorySink();
  const sink = lazySink("lazy", async () => {
    const problem = problems.shift();
    if (problem !== undefined) throw problem;
    return memory;
  });
  for (const said of [
    /^sink "lazy" could not be loaded: Cannot find module; .*bundler/,
    /loaded: OTEL_X takes a number\.$/,
  ]) {
    await assert.rejects(
      async () => sink.write([sampleSpan()], signal),
      (error) => error instanceof SinkError && error.retry === "never" && said.test(error.message),
    );
  }
  await sink.write([sampleSpan()], signal);
  assert.equal(memory.all.length, 1);
});

test("in a configuration, with and without a spool, the books add up", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-lazy-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  for (const isSpooled of [false, true]) {
    const memory = memorySink();
    const lazy = lazySink("lazy", async () => ({ name: "memory", write: memory.write }));
    configure({ sinks: [isSpooled ? spool(lazy, { dir }) : lazy], signals: false });
    for (let n = 0; n < 100; n++) startSpan(`span ${n}`).end();
    assert.equal((await flush()).ok, true);
    await shutdown();
    assertBooks(stats());
    assert.equal(memory.all.length, 100);
  }
});
