import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { configure, flush, mask, shutdown, spool, startSpan, stats } from "sightline";
import { SinkError } from "../../src/core/errors.ts";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { finalSpans } from "../../src/sinks/final-spans.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { sampleFinding, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { assertBooks } from "../support/books.ts";
import { otlpServer } from "../support/otlp-server.ts";

const signal = new AbortController().signal;

/** Records what reaches it; `answer` may throw or reject. */
function inner(answer: (batch: readonly TraceRecord[]) => ReturnType<Sink["write"]> = () => {}, sync = false) {
  const batches: TraceRecord[][] = [];
  const write = (batch: readonly TraceRecord[]) => {
    const result = answer(batch);
    batches.push([...batch]);
    return result;
  };
  const sink: Sink = { name: "inner", write, ...(sync && { writeSync: (batch) => void write(batch) }) };
  return { sink, batches, seqs: () => batches.flat().map(({ seq }) => seq) };
}

/** For what happens in the background: the runner's own limit ends a wait that is in vain. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}

const open = (seq: number, n = 1): SpanRecord =>
  sampleSpan({ spanId: n.toString(16).padStart(16, "0"), seq, unfinished: true });
const done = (seq: number, n = 1): SpanRecord => sampleSpan({ spanId: n.toString(16).padStart(16, "0"), seq });
const droppedOf = (sink: Sink) => sink.stats!().dropped;

sinkContract(() => finalSpans(inner().sink));
sinkContract(() => finalSpans(inner(() => {}, true).sink));

test("an unfinished record waits, and its successor takes its place", async () => {
  const { sink, batches, seqs } = inner();
  const final = finalSpans(sink);
  await final.write([open(1)], signal);
  assert.equal(batches.length, 0, "an empty batch is not written");
  await final.write([open(2), sampleScore()], signal);
  await final.write([done(3), sampleFinding()], signal);
  await final.flush!(signal, true);
  await final.close!();
  assert.deepEqual(
    batches.map((batch) => batch.map(({ record }) => record)),
    [["score"], ["span", "finding"]],
  );
  assert.deepEqual(seqs().includes(3), true);
  assert.deepEqual(final.stats!(), { replayed: 0, spooled: 0, dropped: {} });
});

test("of two unfinished records the one with the higher seq is kept, whichever came last", async () => {
  const { sink, seqs } = inner();
  const final = finalSpans(sink);
  await final.write([open(3), open(2)], signal);
  await final.write([open(1)], signal);
  await final.flush!(signal, true);
  assert.deepEqual(seqs(), [3]);
});

test("what never ends goes out once: with the last flush, with close, or after ten minutes with the next batch", async () => {
  const clock = fakeClock();
  const { sink, seqs } = inner();
  const final = finalSpans(sink, { clock });
  await final.write([open(1)], signal);
  await Promise.all([final.flush!(signal, true), final.flush!(signal, true)]);
  assert.deepEqual(seqs(), [1]);

  await final.write([open(2, 2)], signal);
  await final.close!();
  assert.deepEqual(seqs(), [1, 2]);

  await final.write([open(3, 3)], signal);
  clock.advance(600_000);
  await final.write([done(4, 4)], signal);
  assert.deepEqual(seqs(), [1, 2, 4]);
  clock.advance(1);
  await final.write([open(6, 6), done(5, 5)], signal);
  assert.deepEqual(seqs(), [1, 2, 4, 5, 3]);
});

test("more than a thousand do not wait: they go straight on", async () => {
  const { sink, batches } = inner();
  const final = finalSpans(sink);
  await final.write(
    Array.from({ length: 1_200 }, (_, i) => open(1, i + 1)),
    signal,
  );
  assert.equal(batches.flat().length, 200);
  await final.flush!(signal, true);
  assert.equal(batches.flat().length, 1_200);
});

test("a batch that fails may come again: nothing is lost or doubled", async () => {
  let isDown = true;
  const { sink, seqs } = inner(() => {
    if (isDown) throw new SinkError("down", { retry: "later" });
  });
  const final = finalSpans(sink);
  const batch = [open(1, 1), open(1, 2), done(2, 2), done(2, 3)];
  await final.write([open(0, 3)], signal);
  for (let attempt = 0; attempt < 3; attempt++) {
    await assert.rejects(async () => final.write(batch, signal), SinkError);
    await assert.rejects(async () => final.flush!(signal, true), SinkError);
  }
  isDown = false;
  await final.write(batch, signal);
  await final.flush!(signal, true);
  assert.deepEqual(seqs(), [2, 2, 1]);
  assert.deepEqual(droppedOf(final), {});
});

test("what the sink refuses is counted, alone", async () => {
  const { sink, batches } = inner((batch) => {
    if (batch.some(({ seq }) => seq === 13)) throw new SinkError("bad", { retry: "split", reason: "rejected_by_sink" });
    if (batch.some(({ seq }) => seq === 14)) throw new TypeError("a record at fault");
  });
  const final = finalSpans(sink);
  await final.write([open(1, 1), open(13, 2), open(1, 3), open(14, 4), open(1, 5)], signal);
  await final.flush!(signal, true);
  assert.equal(batches.flat().length, 3);
  assert.deepEqual(droppedOf(final), { rejected_by_sink: 2 });

  const never = finalSpans(
    inner(() => {
      throw new SinkError("no", { retry: "never", reason: "rejected_by_sink" });
    }).sink,
  );
  await never.write([open(1), open(1, 2)], signal);
  await never.flush!(signal, true);
  assert.deepEqual(never.stats!(), { replayed: 0, spooled: 0, dropped: { rejected_by_sink: 2 }, lastError: "no" });

  const partial = finalSpans(inner(() => ({ rejected: [{ spanId: "", reason: "" }] })).sink);
  await partial.write([open(1), open(1, 2)], signal);
  await partial.flush!(signal, true);
  assert.deepEqual(droppedOf(partial), { rejected_by_sink: 1 });
});

test("what a key or an address is at fault for stays until it is put right", async () => {
  let isKnown = false;
  const { sink, seqs } = inner(() => {
    if (!isKnown) throw new SinkError("401", { retry: "never" });
  });
  const final = finalSpans(sink);
  await final.write([open(1)], signal);
  await assert.rejects(async () => final.flush!(signal, true), /401/);
  isKnown = true;
  await final.flush!(signal, true);
  assert.deepEqual([seqs(), droppedOf(final)], [[1], {}]);
});

test("what cannot be written at close is counted, and close says why", async () => {
  const { sink } = inner(() => {
    throw new SinkError("down", { retry: "later" });
  });
  const final = finalSpans(sink);
  await final.write([open(1), open(1, 2)], signal);
  await assert.rejects(async () => final.close!(), /down/);
  assert.deepEqual(droppedOf(final), { shutdown: 2 });
});

test("an ordinary flush leaves alone what waits", async () => {
  const { sink, seqs } = inner();
  let flushes = 0;
  const final = finalSpans({ ...sink, flush: () => void flushes++ });
  await final.write([open(1), done(2, 2)], signal);
  for (let n = 0; n < 3; n++) await final.flush!();
  assert.deepEqual([seqs(), flushes], [[2], 3]);
  await final.write([done(3)], signal);
  await final.flush!(signal, true);
  assert.deepEqual(seqs(), [2, 3]);
});

test("a flush for every request sends a span that is open meanwhile once", async () => {
  const clock = fakeClock();
  const { sink, batches } = inner();
  configure({ sinks: [finalSpans(sink)], clock, maxOpenMs: 20, signals: false });
  const stream = startSpan("stream");
  clock.advance(2_000);
  startSpan("request").end();
  await until(() => stats().sinks["inner"]!.emitted === 2);
  for (let n = 0; n < 3; n++) await flush();
  stream.end();
  await flush();
  await shutdown();
  assertBooks(stats());
  assert.equal(stats().sinks["inner"]!.emitted, 3);
  const names = batches.flat().map((record) => (record as SpanRecord).name);
  assert.deepEqual(names.sort(), ["request", "stream"]);
});

test("a configuration that takes the sink over takes over what waits: it is neither sent nor lost", async () => {
  const clock = fakeClock();
  const { sink, batches } = inner();
  const final = finalSpans(sink);
  const again = () => configure({ sinks: [final], clock, maxOpenMs: 20, signals: false });
  again();
  const late = startSpan("late");
  startSpan("lost");
  clock.advance(2_000);
  again();
  // Whatever the first one does in the background is over when the second one has been flushed twice.
  await flush();
  await new Promise(setImmediate);
  await flush();
  assert.deepEqual(batches, []);
  late.end();
  await shutdown();
  assertBooks(stats());
  const names = batches.flat().map((record) => (record as SpanRecord).name);
  assert.deepEqual(names.sort(), ["late", "lost"]);
  const { emitted, replayed, written, dropped } = stats().sinks["inner"]!;
  assert.deepEqual({ emitted, replayed, written, dropped }, { emitted: 1, replayed: 2, written: 3, dropped: {} });
});

test("while another configuration uses it, close leaves alone what waits", async () => {
  const { sink, seqs } = inner();
  const final = finalSpans(sink);
  final.open!();
  await final.write([open(1)], signal);
  final.open!();
  await final.close!();
  assert.deepEqual([seqs(), final.stats!()], [[], { replayed: 1, spooled: 0, dropped: {} }]);
  await final.close!();
  assert.deepEqual(seqs(), [1]);
});

test("when nobody waits any more, close ends, sends nothing again, and has counted at once", async () => {
  let writes = 0;
  const hanging: Sink = {
    name: "hanging",
    write: (_, aborted) =>
      new Promise((_, reject) => {
        writes++;
        aborted.addEventListener("abort", () => reject(new SinkError("called off", { retry: "later" })));
      }),
  };
  for (const isFlushed of [true, false]) {
    writes = 0;
    const final = finalSpans(hanging);
    await final.write([open(1), open(1, 2)], signal);
    const [flushing, closing] = [new AbortController(), new AbortController()];
    const flushed = isFlushed && Promise.resolve(final.flush!(flushing.signal, true)).catch(() => {});
    const closed = Promise.resolve(final.close!(closing.signal)).catch(() => {});
    await until(() => writes === 1);
    flushing.abort();
    closing.abort();
    assert.deepEqual(droppedOf(final), { shutdown: 2 });
    await Promise.all([flushed, closed]);
    assert.deepEqual([writes, droppedOf(final)], [1, { shutdown: 2 }]);
  }
});

test("at process exit, when there is no time, what waits is counted", async () => {
  const { sink, batches } = inner();
  const final = finalSpans(sink);
  await final.write([open(1), open(1, 2)], signal);
  void final.flush!(AbortSignal.abort(), true);
  assert.deepEqual([batches, droppedOf(final)], [[], { exit: 2 }]);
});

test("what an error says has been taken does not come again, and what waits is held", async () => {
  let isDown = true;
  const { sink, seqs } = inner((batch) => {
    if (isDown) throw new SinkError("half", { retry: "later", remaining: batch.slice(1) });
  });
  const final = finalSpans(sink);
  const batch = [done(1, 1), open(2, 2), done(3, 3), open(4, 4)];
  await assert.rejects(async () => final.write(batch, signal), /half/);
  isDown = false;
  await final.write([batch[2]!], signal);
  await final.flush!(signal, true);
  assert.deepEqual(seqs(), [3, 2, 4]);

  isDown = true;
  await final.write([open(5, 5), open(6, 6)], signal);
  await assert.rejects(async () => final.flush!(signal, true), /half/);
  isDown = false;
  await final.flush!(signal, true);
  assert.deepEqual([seqs(), droppedOf(final)], [[3, 2, 4, 6], {}]);
});

test("a fault in the sink's own code is that of one record, whatever its kind", async () => {
  for (const Fault of [TypeError, RangeError, ReferenceError]) {
    const { sink, seqs } = inner((batch) => {
      if (batch.some(({ seq }) => seq === 13)) throw new Fault("at fault");
    });
    const final = finalSpans(sink);
    await final.write([open(1, 1), open(13, 2), open(3, 3)], signal);
    await final.flush!(signal, true);
    assert.deepEqual([seqs().sort(), droppedOf(final)], [[1, 3], { rejected_by_sink: 1 }]);
  }
});

test("writeSync while a configuration goes on: what is unfinished waits, until the end", async () => {
  const { sink, seqs } = inner(() => {}, true);
  const final = finalSpans(sink);
  final.open!();
  final.writeSync!([open(1, 1)]);
  final.writeSync!([open(2, 2), done(3, 3)]);
  final.writeSync!([done(4, 1)]);
  assert.deepEqual(seqs(), [3, 4]);
  await final.close!();
  assert.deepEqual(seqs(), [3, 4, 2]);
  final.writeSync!([open(5, 5)]);
  assert.deepEqual(seqs(), [3, 4, 2, 5]);

  // A spool is not closed at the end.
  final.open!();
  final.writeSync!([open(6, 6)]);
  final.writeSync!([]);
  final.writeSync!([open(7, 7)]);
  assert.deepEqual(seqs(), [3, 4, 2, 5, 6, 7]);
});

test("writeSync writes everything at once, what waits first; its failure is counted once", () => {
  const { sink, seqs } = inner(() => {}, true);
  const final = finalSpans(sink);
  void final.write([open(1, 1), open(1, 2)], signal);
  final.writeSync!([open(2, 3), done(3, 2)]);
  assert.deepEqual(seqs(), [1, 2, 3]);

  const full = finalSpans(
    inner(() => {
      throw new Error("disk full");
    }, true).sink,
  );
  void full.write([open(1)], signal);
  assert.throws(() => full.writeSync!([done(1, 2)]), /disk full/);
  assert.deepEqual(droppedOf(full), { exit: 1 });
});

test("the books of a configuration add up, with spans that end late and spans that never end", async () => {
  for (const sync of [false, true]) {
    const clock = fakeClock();
    const { sink, batches } = inner(() => {}, sync);
    configure({ sinks: [finalSpans(sink)], clock, maxOpenMs: 20, signals: false, delivery: { batchRecords: 1 } });
    const late = startSpan("late");
    const lost = startSpan("lost");
    clock.advance(2_000);
    startSpan("other").end();
    await until(() => stats().sinks["inner"]!.emitted === 3 && stats().sinks["inner"]!.queued === 0);
    assertBooks(stats());
    assert.equal(batches.flat().length, 1);
    late.end();
    await flush();
    assertBooks(stats());
    await shutdown();
    const books = stats();
    assertBooks(books);
    assert.deepEqual(books.sinks["inner"]!.dropped, {});
    const names = batches.flat().map((record) => (record as SpanRecord).name);
    assert.deepEqual(names.sort(), ["late", "lost", "other"]);
    lost.end();
  }
});

test("the books add up when the sink is down to the end", async () => {
  const { sink } = inner(() => {
    throw new SinkError("down", { retry: "later" });
  });
  configure({ sinks: [finalSpans(sink)], signals: false });
  startSpan("open");
  startSpan("ended").end();
  const result = await shutdown({ timeoutMs: 200 });
  const books = stats();
  assertBooks(books);
  assert.equal(result.dropped, 2);
  assert.deepEqual(books.sinks["inner"]!.dropped, { shutdown: 2 });
});

test("with a spool, unfinished records wait before its disk and are on it at the end, through other wrappers too", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-final-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  let isDown = true;
  const { sink, batches } = inner(() => {
    if (isDown) throw new SinkError("down", { retry: "later", retryAfterMs: 60_000 });
  });
  const make = () => spool(mask(finalSpans(sink), { keys: ["plan"] }), { dir });
  const lane = () => {
    assertBooks(stats());
    const { emitted, replayed, written, spooled, dropped } = stats().sinks["spool(inner)"]!;
    return { emitted, replayed, written, spooled, dropped };
  };
  const clock = fakeClock();
  configure({ sinks: [make()], clock, maxOpenMs: 20, signals: false, delivery: { batchRecords: 1 } });
  const late = startSpan("late");
  startSpan("lost", { metadata: { plan: "secret plan" } });
  clock.advance(2_000);
  startSpan("other").end();
  await until(() => lane().emitted === 3 && stats().sinks["spool(inner)"]!.queued === 0);
  assert.deepEqual(lane(), { emitted: 3, replayed: 0, written: 2, spooled: 1, dropped: {} });
  late.end();
  await shutdown({ timeoutMs: 300 });
  assert.deepEqual(lane(), { emitted: 4, replayed: 0, written: 1, spooled: 3, dropped: {} });

  isDown = false;
  configure({ sinks: [make()], signals: false });
  await flush();
  // What was taken over does not wait again.
  const names = batches.flat().map((record) => (record as SpanRecord).name);
  assert.deepEqual(names.sort(), ["late", "lost", "other"]);
  assert.ok(!JSON.stringify(batches).includes("secret plan"));
  await shutdown();
  assert.deepEqual(lane(), { emitted: 0, replayed: 3, written: 3, spooled: 0, dropped: {} });
});

test("at process exit, what waits before a spool is on its disk", (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-final-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const code = `
    import { configure, spool, startSpan, stats } from "sightline";
    import { fakeClock } from "sightline/testing";
    import { finalSpans } from "./src/sinks/final-spans.ts";
    const clock = fakeClock();
    const sink = { name: "inner", write: () => Promise.reject(new Error("down")) };
    configure({ sinks: [spool(finalSpans(sink), { dir: ${JSON.stringify(dir)} })], clock, maxOpenMs: 20, signals: false,
      delivery: { batchRecords: 1 } });
    startSpan("open");
    clock.advance(100);
    const wait = () => {
      const { emitted, queued, written } = Object.values(stats().sinks)[0];
      if (emitted === 1 && queued === 0 && written === 1) process.exit();
      setImmediate(wait);
    };
    wait();
  `;
  const args = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", code];
  execFileSync(process.execPath, args, { cwd: new URL("../..", import.meta.url).pathname, stdio: "ignore" });
  const text = readdirSync(dir, { recursive: true, encoding: "utf8" })
    .filter((name) => statSync(join(dir, name)).isFile())
    .map((name) => readFileSync(join(dir, name), "utf8"))
    .join("");
  assert.equal(text.match(/"name":"open"/g)?.length, 1);
});

/** A program with a span that has waited for its end since `maxOpenMs`; `end` is how it ends. Gives what it says. */
async function die(endpoint: string, end: string): Promise<{ stdout: string; stderr: string }> {
  const code = `
    import { configure, shutdown, startSpan, stats } from "sightline";
    import { otlpSink } from "sightline/sinks/otlp";
    import { fakeClock } from "sightline/testing";
    const clock = fakeClock();
    configure({ sinks: [otlpSink({ endpoint: ${JSON.stringify(endpoint)}, name: "otlp" })], clock, maxOpenMs: 20,
      delivery: { batchRecords: 1 } });
    startSpan("open");
    clock.advance(100);
    const books = () => stats().sinks["otlp"];
    const wait = () => (books().written === 1 && books().queued === 0 ? end() : setImmediate(wait));
    const end = async () => { ${end} };
    wait();
  `;
  const args = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", code];
  const child = spawn(process.execPath, args, { cwd: new URL("../..", import.meta.url).pathname });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  await once(child, "close");
  return { stdout, stderr };
}

test("however a process ends that has time, what waits is delivered, once", { concurrency: 2 }, async (t) => {
  const ends = {
    "out of work": "",
    shutdown: "await shutdown();",
    SIGTERM: 'process.kill(process.pid, "SIGTERM"); setInterval(() => {}, 1_000);',
    "SIGTERM with a host that runs out of work":
      'process.once("SIGTERM", () => {}); process.kill(process.pid, "SIGTERM");',
    "SIGTERM with a host that shuts down":
      'process.once("SIGTERM", () => shutdown().then(() => process.exit())); process.kill(process.pid, "SIGTERM");',
  };
  await Promise.all(
    Object.entries(ends).map(([name, end]) =>
      t.test(name, async () => {
        await using server = await otlpServer();
        const { stderr } = await die(server.url, end);
        assert.deepEqual([server.spans().map((span) => span.name), stderr], [["open"], ""]);
      }),
    ),
  );
});

test("process.exit() without a shutdown: what waits is counted as lost, and that is said", async () => {
  await using server = await otlpServer();
  const { stderr } = await die(server.url, "process.exit();");
  assert.equal(stderr, 'sightline: 1 of 1 records for "otlp" were lost (exit 1)\n');
  assert.equal(server.spans().length, 0);
});

test("a receiver that hangs keeps a process no longer than its shutdown", async () => {
  await using server = await otlpServer();
  server.answer(() => ({ hang: true }));
  const { stdout, stderr } = await die(
    server.url,
    `process.on("exit", () => console.log(performance.now() - since));
     const since = performance.now();
     await shutdown({ timeoutMs: 300 });`,
  );
  assert.ok(Number(stdout) < 5_000, stdout);
  assert.match(stderr, /1 of 1 records for "otlp" were lost \(shutdown 1\)/);
});

test("what waits is bounded by its size too", async () => {
  const written: TraceRecord[] = [];
  const sink = finalSpans({ name: "inner", write: (batch) => void written.push(...batch) });
  const large = (n: number) =>
    sampleSpan({ spanId: n.toString(16).padStart(16, "0"), unfinished: true, input: "x".repeat(1024 * 1024) });
  await sink.write(
    Array.from({ length: 20 }, (_, n) => large(n + 1)),
    new AbortController().signal,
  );
  assert.equal(written.length, 13, "7 with all that is around their input fit into 8 Mi characters");
  await sink.write([{ ...large(1), unfinished: undefined, seq: 1 } as never], new AbortController().signal);
  await sink.write([large(30)], new AbortController().signal);
  assert.equal(written.length, 14, "there is room again for one");
});

test("of batches on their way together, a successor that is through first leaves nothing behind", async () => {
  const ends: (() => void)[] = [];
  const { sink, seqs } = inner((batch) => {
    return batch.some(({ record }) => record === "score") ? new Promise<void>((end) => ends.push(end)) : undefined;
  });
  const final = finalSpans(sink);
  const early = final.write([open(1), sampleScore()], signal);
  const second = final.write([open(2), sampleScore()], signal);
  await final.write([done(3)], signal);
  ends.shift()!();
  await early;
  ends.shift()!();
  await second;
  await final.flush!(signal, true);
  assert.deepEqual(seqs().slice(2), [3]);
  assert.deepEqual(droppedOf(final), {});
});

test("the same where the first one fails and comes again after its successor", async () => {
  let calls = 0;
  const { sink, batches } = inner((batch) => {
    if (batch.some(({ record }) => record === "score") && ++calls === 1) throw new Error("down");
  });
  const spans = () => batches.flat().flatMap(({ record, seq }) => (record === "span" ? [seq] : []));
  const final = finalSpans(sink);
  assert.throws(() => final.write([open(1), sampleScore()], signal), /down/);
  await final.write([done(2)], signal);
  await final.write([open(1), sampleScore()], signal);
  await final.flush!(signal, true);
  assert.deepEqual(spans(), [2]);
  await final.write([open(1, 2)], signal);
  await final.flush!(signal, true);
  assert.deepEqual(spans(), [2, 1], "another span waits as ever");
});
