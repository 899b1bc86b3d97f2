/** P17: one context for all copies of a process, and a trace that goes on in others. More in `test/observe/copies.test.ts`. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import cluster from "node:cluster";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { type BuildOptions, build } from "esbuild";
import {
  carrier,
  configure,
  flush,
  memorySink,
  observe,
  readRecords,
  type SpanRecord,
  shutdown,
  startSpan,
  stats,
  withSpan,
} from "sightline";
import { assertBooks } from "../support/books.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const clustered = fileURLToPath(new URL("children/clustered.ts", import.meta.url));
const appender = join(root, "test/sinks/appender.ts");
const dir = mkdtempSync(join(tmpdir(), "sightline-copies-"));
after(() => rmSync(dir, { recursive: true }));

const bundle = join(dir, "bundle.mjs");
const bundleCjs = join(dir, "bundle.cjs");
const options: BuildOptions = {
  entryPoints: [join(root, "src/index.ts")],
  bundle: true,
  platform: "node",
  target: "node20",
} as const;
await build({ ...options, outfile: bundle, format: "esm" });
await build({ ...options, outfile: bundleCjs, format: "cjs" });

/** Runs a program of two copies, an ES module and a CommonJS one, in a process of its own; what it prints, as JSON. */
function inChild(source: string): any {
  const program = `
    import { createRequire } from "node:module";
    const load = async () => [await import(${JSON.stringify(pathToFileURL(bundle).href)}), createRequire("/")(${JSON.stringify(bundleCjs)})];
    ${source}`;
  const args = ["--input-type=module", "-e", program];
  return JSON.parse(
    execFileSync(process.execPath, args, { cwd: dir, encoding: "utf8", env: { PATH: process.env["PATH"] } }),
  );
}

test("P17 with globalThis frozen, two copies still share one context and one runtime", () => {
  const told = inChild(`
    // Node makes this global as it is first touched, which it cannot once all are frozen.
    void AbortController;
    Object.freeze(globalThis);
    const [one, other] = await load();
    const memory = one.memorySink();
    one.configure({ sinks: [memory] });
    const outer = one.observe("outer", () => other.observe("inner", () => 1)());
    const result = outer();
    await other.flush();
    console.log(JSON.stringify([result, one.startSpan !== other.startSpan, memory.tree(), other.stats().started]));
  `);
  assert.deepEqual(told, [1, true, "outer\n└─ inner", 2]);
});

test("P17 the hooks of exit and signals are set once, however many copies configure, however often", (t) => {
  const told = inChild(`
    const events = ["beforeExit", "exit", "SIGTERM", "SIGINT", "uncaughtException", "unhandledRejection"];
    const counts = () => events.map((event) => process.listenerCount(event));
    const before = counts();
    const copies = await load();
    const loaded = counts();
    copies[0].configure({ sinks: [copies[0].memorySink()] });
    const first = counts();
    for (let i = 0; i < 20; i++) for (const copy of copies) copy.configure({ sinks: [copy.memorySink()] });
    console.log(JSON.stringify({ before, loaded, first, last: counts() }));
  `);
  assert.deepEqual(told.loaded, told.before, "nothing is set by loading alone");
  assert.deepEqual(told.last, told.first);
  for (const [i, count] of told.first.entries()) assert.ok(count - told.before[i] <= 1, `${told.first}`);
  t.diagnostic(
    `figure: 2 copies, 41 configurations, ${told.last.join(", ")} listeners for beforeExit, exit, SIGTERM, SIGINT, uncaughtException, unhandledRejection`,
  );
});

test("P17 code of another realm runs in the context of this one; a copy loaded there is a world of its own, linked by carrier()", async () => {
  const memory = memorySink();
  configure({ sinks: [memory] });
  const require = createRequire(import.meta.url);
  const realm = createContext({
    require,
    process,
    AbortController,
    performance,
    setTimeout,
    clearTimeout,
    setInterval,
    clearInterval,
    setImmediate,
    clearImmediate,
    Buffer,
    observe,
  });
  const run = observe(
    "outer",
    runInContext(`(async function () { return observe("in the realm", async () => [1])(); })`, realm),
  );
  const result = await run();
  assert.equal(Array.isArray(result) && result[0], 1);

  const source = `(function () { const module = { exports: {} }; ((module, exports) => { ${await code()} })(module, module.exports); return module.exports; })()`;
  const other = runInContext(source, realm);
  const far = other.memorySink();
  other.configure({ sinks: [far] });
  const ids = withSpan("here", (span) => {
    assert.equal(other.currentSpan(), undefined);
    other.withContext(carrier(), () => other.startSpan("there").end());
    assert.equal(startSpan("still here").recording, true);
    return { traceId: span.traceId, spanId: span.spanId };
  });
  await flush();
  await other.flush();
  const { traceId, parentSpanId, parentIsRemote } = far.get("there").record;
  assert.deepEqual({ traceId, spanId: parentSpanId, parentIsRemote }, { ...ids, parentIsRemote: true });
  memory.expectTree(`
    outer
    └─ in the realm
    here
  `);
  await other.shutdown();
  await shutdown();
  assertBooks(stats());
});

async function code(): Promise<string> {
  const { outputFiles } = await build({
    ...options,
    format: "cjs",
    write: false,
    define: { "import.meta.url": JSON.stringify(import.meta.url) },
  });
  return outputFiles?.[0]?.text ?? "";
}

test("P17 cluster: the workers go on with the trace of the primary", async (t) => {
  configure({ sinks: [memorySink()] });
  cluster.setupPrimary({ exec: clustered, execArgv: process.execArgv });
  const { traceId, spanId, records } = await withSpan("primary", async (span) => {
    const workers = [1, 2].map(() => cluster.fork({ TRACEPARENT: carrier().traceparent, SIGHTLINE_SINK: "" }));
    const told = workers.map(async (worker) => (await once(worker, "message"))[0] as SpanRecord[]);
    return { traceId: span.traceId, spanId: span.spanId, records: (await Promise.all(told)).flat() };
  });
  assert.equal(records.length, 4);
  assert.equal(new Set(records.map((record) => record.spanId)).size, 4);
  for (const record of records) {
    assert.equal(record.traceId, traceId);
    if (record.name === "remote work") assert.deepEqual([record.parentSpanId, record.parentIsRemote], [spanId, true]);
    else assert.equal(records.find((other) => other.spanId === record.parentSpanId)?.name, "remote work");
  }
  await shutdown();
  t.diagnostic("figure: 2 workers, 4 spans, all in the trace of the primary");
});

test("P17 four processes write one file: no line is broken, no record is missing", async (t) => {
  const path = join(dir, "shared.ndjson");
  const run = async (id: string): Promise<void> => {
    const args = ["--import", "tsx", appender, path, id, "50", "1000000000"];
    const [exit] = await once(spawn(process.execPath, args, { stdio: "inherit", cwd: root }), "close");
    assert.equal(exit, 0);
  };
  await Promise.all(["a", "b", "c", "d"].map(run));
  const seen = new Set<string>();
  let broken = 0;
  let read = 0;
  for await (const record of readRecords(path, { onCorrupt: () => broken++ })) {
    read++;
    seen.add(record.spanId!);
  }
  assert.deepEqual({ broken, read, different: seen.size }, { broken: 0, read: 2_000, different: 2_000 });
  t.diagnostic("figure: 4 writers, 2,000 records, 0 broken lines, 0 missing");
});
