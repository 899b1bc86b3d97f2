/** How processes end, and what arrives of what they have recorded. The whole table is in `exits.fault.ts`. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { ConfigError, configure, memorySink, type SpanRecord, shutdown } from "sightline";
import { arrived, type Collector, collector, type Death, die, parseRecords, type Run } from "./lab/deaths.ts";

const root = mkdtempSync(join(tmpdir(), "sightline-exits-"));
after(() => rmSync(root, { recursive: true }));

interface End extends Death {
  readonly file: readonly SpanRecord[];
  readonly http: readonly SpanRecord[];
}

let runs = 0;

/** Runs one of the small programs, with a file and a server at hand. */
async function end(t: TestContext, program: string, server?: Collector, run: Run = {}): Promise<End> {
  const collected = server ?? (await collector(50));
  t.after(() => collected.close());
  const path = join(root, `${++runs}.ndjson`);
  const options = { program, path, url: collected.url };
  const death = await die(options, { script: "exit-small.mjs", ...run });
  return { ...death, file: readFile(path), http: collected.records };
}

function readFile(path: string): SpanRecord[] {
  try {
    return parseRecords(readFileSync(path, "utf8"));
  } catch {
    return [];
  }
}

// https://github.com/anomalyco/opencode/issues/30087
test("P11 museum opencode#30087 process.exit() in a finally block: the span is in the file", async (t) => {
  const { code, file, losses } = await end(t, "process.exit in finally");
  assert.deepEqual({ code, spans: arrived(file).spans, losses }, { code: 0, spans: 1, losses: [] });
});

// https://github.com/langfuse/langfuse/issues/5843
test("P11 museum langfuse#5843 flush, then process.exit: what flush says was written has arrived", async (t) => {
  const { http, said, losses } = await end(t, "flush, then process.exit");
  assert.deepEqual(said["flush"], { ok: true, written: 300, pending: 0, spooled: 0, dropped: 0, errors: [] });
  assert.deepEqual({ spans: arrived(http).spans, losses }, { spans: 300, losses: [] });
});

// https://github.com/langfuse/langfuse/issues/11984
test("museum langfuse#11984 a flush that delivers nothing says so, and the loss is one line at the end", async (t) => {
  const server = await collector(0);
  server.close();
  const { said, stats, losses } = await end(t, "flush, then process.exit", server);
  const flushed = said["flush"] as { ok: boolean; written: number; pending: number; errors: string[] };
  assert.deepEqual([flushed.ok, flushed.written, flushed.pending], [false, 0, 300]);
  assert.match(flushed.errors.join(), /^http: .*ECONNREFUSED/);
  assert.deepEqual(stats?.sinks["http"]?.dropped, { exit: 300 });
  assert.equal(losses.length, 1);
  assert.match(
    losses[0]!,
    /^sightline: 300 of 300 records for "http" were lost \(exit 300\); last error: .*ECONNREFUSED$/,
  );
});

// https://github.com/open-telemetry/opentelemetry-js/issues/5602 and
// https://github.com/open-telemetry/opentelemetry-js/issues/3310
test("museum otel-js#5602, otel-js#3310 shutdown waits for what is in flight and delivers what is queued", async (t) => {
  const { http, said, losses } = await end(t, "shutdown with a batch in flight");
  assert.equal((said["shutdown"] as { ok: boolean }).ok, true);
  assert.deepEqual({ spans: http.length, losses }, { spans: 301, losses: [] });
});

// https://github.com/pinojs/pino/issues/2054
test("P11 museum pino#2054 a lot of data, then an uncaught error: all is in the file, the error is the host's", async (t) => {
  const { code, file, stderr } = await end(t, "a lot of data, then an uncaught error");
  assert.equal(code, 1);
  assert.match(stderr, /Error: This is a test error/);
  assert.equal(arrived(file).spans, 1);
});

// https://github.com/DataDog/dd-trace-js flushes on `beforeExit` only, which `process.exit` does not emit.
test("P11 museum dd-trace process.exit without beforeExit: the file has everything", async (t) => {
  const { file, losses } = await end(t, "only process.exit");
  assert.deepEqual({ spans: arrived(file).spans, losses }, { spans: 10, losses: [] });
});

// https://github.com/DataDog/dd-trace-js/issues/10072
test("P16 museum dd-trace#10072 a root that never ends withholds nobody, and comes as unfinished", async (t) => {
  const { file } = await end(t, "a root that never ends");
  assert.deepEqual(arrived(file), { spans: 3, open: true });
});

test("P16 a program that runs out of work with a span open: over HTTP too it comes as unfinished", async (t) => {
  const { http, losses } = await end(t, "a root that never ends, naturally");
  assert.deepEqual({ ...arrived(http), losses }, { spans: 3, open: true, losses: [] });
});

test("a trace whose root was lost is printed on the console as the process ends", async (t) => {
  const { stderr } = await end(t, "a root that was lost");
  assert.match(stderr, /child/);
});

test("P11 process.exit with the console on a pipe that is full: what its reader takes later is everything", async (t) => {
  const { stderr, stats } = await end(t, "console to a slow reader", undefined, { readLate: true });
  assert.equal(arrived(parseRecords(stderr)).spans, 5_000);
  assert.equal(stats?.sinks["console"]?.written, 5_000);
});

test("P22 losses are one line for all sinks, said once, on one line, without credentials", async (t) => {
  const { losses, stderr } = await end(t, "losses, twice");
  assert.equal(losses.length, 1, stderr);
  const part = /1,200 of 1,200 records for "(one|two)" were lost \([^)]+\); last error: refused by \S+/g;
  assert.deepEqual(
    [...losses[0]!.matchAll(part)].map(([, name]) => name),
    ["one", "two"],
  );
  assert.ok(!stderr.includes("abcdefghij"), stderr);
});

test("P11 process.exit with http and no spool, and nobody reads stderr: counted, and the exit code is kept", async (t) => {
  const { code, stats, stderr } = await end(t, "losses, nobody reads", undefined, { closeStderr: true });
  assert.deepEqual(
    { code, stderr, dropped: stats?.sinks["http"]?.dropped },
    { code: 4, stderr: "", dropped: { exit: 3 } },
  );
});

for (const sink of ["file", "http"] as const) {
  test(`P10 SIGTERM with 1,000 queued records, ${sink}: all arrive, the process ends by SIGTERM`, async (t) => {
    const server = await collector(20);
    t.after(() => server.close());
    const path = join(root, "sigterm.ndjson");
    const target = sink === "http" ? server.url : path;
    const onReady: Run["onReady"] = (child) => child.kill("SIGTERM");
    const death = await die({ death: "signal", sink, count: 1_000, target }, { onReady });
    assert.deepEqual({ code: death.code, signal: death.signal }, { code: null, signal: "SIGTERM" });
    assert.deepEqual(arrived(sink === "http" ? server.records : readFile(path)), { spans: 1_000, open: true });
    assert.deepEqual(death.losses, []);
  });
}

test("P10 configure({ signals }) says which signals are listened to, and nothing listens after shutdown", async () => {
  const before = { SIGINT: process.listenerCount("SIGINT"), SIGTERM: process.listenerCount("SIGTERM") };
  const ours = () => [
    process.listenerCount("SIGINT") - before.SIGINT,
    process.listenerCount("SIGTERM") - before.SIGTERM,
  ];
  for (const [signals, expected] of [
    [undefined, [1, 1]],
    [true, [1, 1]],
    [["SIGTERM"], [0, 1]],
    [false, [0, 0]],
  ] as const) {
    configure({ sinks: [memorySink()], ...(signals !== undefined && { signals }) });
    assert.deepEqual(ours(), expected);
    await shutdown();
    assert.deepEqual(ours(), [0, 0]);
  }
  for (const signals of [["SIGHUP"], "SIGTERM", 1]) {
    assert.throws(
      () => configure({ sinks: [memorySink()], signals: signals as never }),
      (error) => error instanceof ConfigError && /signals.*SIGINT, SIGTERM/.test(error.message),
    );
  }
});
