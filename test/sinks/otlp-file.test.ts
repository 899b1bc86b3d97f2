import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs, { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { configure, flush, score, shutdown, startSpan, stats } from "sightline";
import type { SinkError } from "../../src/core/errors.ts";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { otlpFile, otlpSink } from "../../src/sinks/otlp/index.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import { fromJson, type Message } from "../proto/otlp-proto.ts";
import { assertBooks } from "../support/books.ts";
import { otlpServer } from "../support/otlp-server.ts";

const signal = new AbortController().signal;

function folder(t: Pick<TestContext, "after">): string {
  const path = mkdtempSync(join(tmpdir(), "sightline-otlp-file-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

const contractFolders: string[] = [];
sinkContract(
  () => {
    contractFolders.push(mkdtempSync(join(tmpdir(), "sightline-otlp-file-")));
    return otlpFile({ path: join(contractFolders.at(-1)!, "t.jsonl") }, {});
  },
  { cleanUp: () => rmSync(contractFolders.pop()!, { recursive: true, force: true }) },
);

const linesOf = (path: string) => readFileSync(path, "utf8").split("\n").slice(0, -1);
const spansOf = (path: string): Message[] =>
  linesOf(path)
    .flatMap((line) => fromJson("trace.v1.TracesData", line)["resourceSpans"])
    .flatMap((group: Message) => group["scopeSpans"][0].spans);

test("a line is what the OTLP sink sends, one signal a file", async (t) => {
  const path = join(folder(t), "deep", "traces.jsonl");
  const batch = sampleRecords().filter((record) => record.record !== "span" || record.name !== "large");
  const file = otlpFile({ path }, {});
  await file.write(batch, signal);
  await file.close!();
  const server = await otlpServer();
  t.after(server.close);
  await otlpSink({ endpoint: server.url, protocol: "http/json" }, {}).write(batch, signal);
  const [traces, logs] = server.requests;
  assert.deepEqual(linesOf(path), [traces!.bytes.toString()]);
  assert.deepEqual(linesOf(path.replace(".jsonl", ".logs.jsonl")), [logs!.bytes.toString()]);
  assert.ok(traces!.message !== undefined && logs!.message !== undefined);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test("no line is longer than the collector reads, but for one span that is", async (t) => {
  const path = join(folder(t), "traces.jsonl");
  const file = otlpFile({ path }, {});
  const span = (n: number, size: number) =>
    sampleSpan({ spanId: n.toString(16).padStart(16, "0"), input: "x".repeat(size) });
  const batch = [...Array.from({ length: 40 }, (_, i) => span(i + 1, 60_000)), span(99, 1_500_000)];
  await file.write(batch, signal);
  const long = linesOf(path).filter((line) => Buffer.byteLength(line) >= 1024 ** 2);
  assert.equal(long.length, 1);
  assert.deepEqual(
    spansOf(path).map(({ spanId }) => spanId),
    batch.map(({ spanId }) => spanId),
  );
});

test("rotation keeps lines whole and removes the oldest", async (t) => {
  const root = folder(t);
  const path = join(root, "traces.jsonl");
  const file = otlpFile({ path, maxBytes: 20_000, maxTotalBytes: 60_000 }, {});
  for (let n = 1; n <= 40; n++) {
    await file.write([sampleSpan({ spanId: n.toString(16).padStart(16, "0"), input: "x".repeat(3_000) })], signal);
  }
  const files = readdirSync(root);
  assert.ok(files.length > 1 && files.length <= 4, files.join(", "));
  const names = files.flatMap((name) => spansOf(join(root, name)));
  assert.ok(names.length >= 5);
});

test("logs: false leaves scores out; no file is made for them", async (t) => {
  const path = join(folder(t), "traces.jsonl");
  configure({ sinks: [otlpFile({ path, logs: false }, {})], signals: false });
  const root = startSpan("root");
  score({ traceId: root.traceId, name: "good", value: 1 });
  root.end();
  await shutdown();
  assertBooks(stats());
  const lane = stats().sinks["otlp-file:traces.jsonl"]!;
  assert.deepEqual([lane.written, lane.sampledOut], [1, 1]);
  assert.ok(!existsSync(path.replace(".jsonl", ".logs.jsonl")));
});

test("an unfinished span is written once, finished", async (t) => {
  const path = join(folder(t), "traces.jsonl");
  const file = otlpFile({ path }, {});
  const done = sampleSpan({ seq: 2 });
  await file.write([{ ...done, seq: 1, unfinished: true } satisfies SpanRecord, sampleScore()], signal);
  await file.write([done], signal);
  await file.close!();
  assert.equal(spansOf(path).length, 1);
});

test("a logs file that fails for a while: no span is written twice", async (t) => {
  const path = join(folder(t), "traces.jsonl");
  const real = fs.openSync;
  let failures = 4;
  t.mock.method(fs, "openSync", (file: string, ...rest: [number, number]) => {
    if (String(file).endsWith(".logs.jsonl") && failures-- > 0) {
      throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
    }
    return real(file, ...rest);
  });
  const sink = otlpFile({ path }, {});
  configure({ sinks: [sink], clock: fakeClock(), signals: false });
  const root = startSpan("root");
  score({ traceId: root.traceId, name: "good", value: 1 });
  root.end();
  await flush({ timeoutMs: 200 });
  const batch = [sampleSpan(), sampleScore()];
  let left: readonly TraceRecord[] = batch;
  while (left.length > 0) {
    try {
      await sink.write(left, signal);
      left = [];
    } catch (error) {
      assert.equal((error as SinkError).retry, "later");
      left = (error as SinkError).remaining!;
      assert.deepEqual(left, [batch[1]]);
    }
  }
  await shutdown();
  assertBooks(stats());
  const { written, dropped } = stats().sinks["otlp-file:traces.jsonl"]!;
  assert.deepEqual([spansOf(path).length, written, dropped], [2, 2, {}]);
  assert.equal(linesOf(path.replace(".jsonl", ".logs.jsonl")).length, 2);
});

test("a logs file that can never be: the spans are written, the scores are counted", async (t) => {
  for (const durability of ["batch", "record"] as const) {
    const path = join(folder(t), "traces.jsonl");
    const sink = otlpFile({ path, durability }, {});
    mkdirSync(path.replace(".jsonl", ".logs.jsonl"));
    configure({ sinks: [sink], signals: false });
    for (let n = 0; n < 3; n++) {
      const root = startSpan(`root ${n}`);
      score({ traceId: root.traceId, name: "good", value: 1 });
      root.end();
      if (n === 1) await flush({ timeoutMs: 2_000 });
    }
    await shutdown();
    assertBooks(stats());
    const { written, dropped, lastError } = stats().sinks["otlp-file:traces.jsonl"]!;
    assert.equal(spansOf(path).length, 3);
    assert.equal(written, 3, JSON.stringify(dropped));
    assert.match(lastError!, /EISDIR/);
  }
});

test("contents as events: a file that fails gets them later, and the span once", async (t) => {
  const path = join(folder(t), "traces.jsonl");
  const logs = path.replace(".jsonl", ".logs.jsonl");
  const sink = otlpFile({ path, content: "events" }, {});
  mkdirSync(logs);
  const batch = [sampleSpan({ type: "generation", input: "question", output: "answer" })];
  assert.throws(() => sink.write(batch, signal), { retry: "never", message: /EISDIR/ });
  rmSync(logs, { recursive: true });
  assert.doesNotThrow(() => sink.writeSync!([sampleSpan({ spanId: "00000000000000aa" })]));
  assert.equal(spansOf(path).length, 2);
});

test("everything is there after process.exit(), open spans too", (t) => {
  const path = join(folder(t), "traces.jsonl");
  const code = `
    import { configure, startSpan } from "sightline";
    import { otlpFile } from "sightline/sinks/otlp";
    configure({ sinks: [otlpFile({ path: ${JSON.stringify(path)} })] });
    startSpan("open");
    for (let n = 0; n < 1000; n++) startSpan("span " + n).end();
    process.exit(0);
  `;
  const args = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", code];
  execFileSync(process.execPath, args, { cwd: new URL("../..", import.meta.url).pathname });
  assert.equal(spansOf(path).length, 1_001);
});

test("options that make no sense are refused", (t) => {
  const root = folder(t);
  assert.throws(() => otlpFile({ path: root }, {}), { name: "ConfigError", message: /otlpFile: .*is a directory/ });
  assert.throws(() => otlpFile({} as { path: string }, {}), { message: /otlpFile: path must name a file/ });
  assert.throws(() => otlpFile({ path: "a", file: 1 } as never, {}), { message: /otlpFile has no option "file"/ });
});
