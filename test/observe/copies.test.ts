import assert from "node:assert/strict";
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { type BuildOptions, build } from "esbuild";
import * as imported from "sightline";

type Copy = typeof imported;

const root = fileURLToPath(new URL("../..", import.meta.url));
const remote = fileURLToPath(new URL("./conformance/fixtures/remote.ts", import.meta.url));
const storages = fileURLToPath(new URL("./conformance/fixtures/storages.ts", import.meta.url));

const elsewhere = mkdtempSync(join(tmpdir(), "sightline-copies-"));
after(() => rmSync(elsewhere, { recursive: true }));
cpSync(join(root, "src"), join(elsewhere, "src"), { recursive: true });
symlinkSync(join(root, "node_modules"), join(elsewhere, "node_modules"));
writeFileSync(join(elsewhere, "package.json"), '{ "type": "module" }');
const moved = join(elsewhere, "src/index.ts");
const bundled = join(elsewhere, "bundle.mjs");
const minified = join(elsewhere, "minified.cjs");
const bundle: BuildOptions = { entryPoints: [moved], bundle: true, platform: "node", target: "node20" };
await build({ ...bundle, outfile: bundled, format: "esm" });
await build({ ...bundle, outfile: minified, format: "cjs", minify: true });

/** Every way in which a second copy comes into a process. */
const copies: Readonly<Record<string, Copy>> = {
  imported,
  required: createRequire(import.meta.url)("sightline"),
  "another folder": await import(pathToFileURL(moved).href),
  bundled: await import(pathToFileURL(bundled).href),
  minified: createRequire(import.meta.url)(minified),
};
const pairs = Object.entries(copies).flatMap(([a, one]) =>
  Object.entries(copies)
    .filter(([b]) => a !== b)
    .map(([b, other]) => ({ a, b, one, other })),
);

test("these are copies, not one module under several names", () => {
  const modules = new Set(Object.values(copies).map((copy) => copy.startSpan));
  assert.ok(modules.size >= 4, `${modules.size} different modules`);
});

for (const { a, b, one, other } of pairs) {
  test(`${a} and ${b}: one context, one runtime`, async () => {
    const memory = one.memorySink();
    one.configure({ sinks: [memory] });
    const steps = other.observe(function* steps() {
      one.startSpan("in the generator").end();
      yield 1;
    });
    await one.withSpan("parent", async (parent) => {
      assert.equal(other.currentSpan(), parent);
      assert.equal(other.currentTraceId(), one.currentTraceId());
      assert.deepEqual(other.carrier(), one.carrier());
      for (const _ of steps()) other.startSpan("of the caller").end();
      other.updateTrace({ userId: "u" });
      other.updateSpan({ metadata: { by: b } });
      await other.bind(async () => one.startSpan("bound").end())();
      other.suppress(() => one.startSpan("never").end());
    });
    assert.ok(other.stats().started >= 5);
    assert.equal((await other.flush()).ok, true);
    memory.expectTree(`
      parent
      ├─ steps
      │  └─ in the generator
      ├─ of the caller
      └─ bound
    `);
    assert.equal(memory.get("in the generator").record.trace.userId, "u");
    assert.deepEqual(memory.get("parent").record.metadata, { by: b });
  });

  test(`${a} and ${b}: trace attributes and silence hold across copies`, async () => {
    const memory = one.memorySink();
    one.configure({ sinks: [memory] });
    one.withTrace({ userId: "u" }, () => {
      other.withTrace({ sessionId: "s" }, () => {
        one.updateTrace({ feature: "f" });
        other.startSpan("attributed").end();
      });
    });
    one.suppress(() => other.withTrace({ userId: "u" }, () => other.startSpan("never").end()));
    one.withContext({ traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` }, () => {
      other.withTrace({ userId: "far" }, () => other.startSpan("remote").end());
    });
    await one.flush();
    const { userId, sessionId, feature } = memory.get("attributed").record.trace;
    assert.deepEqual({ userId, sessionId, feature }, { userId: "u", sessionId: "s", feature: "f" });
    assert.equal(memory.get("remote").record.parentSpanId, "b".repeat(16));
    assert.deepEqual(memory.records.map((record) => record.name).sort(), ["attributed", "remote"]);
  });

  test(`${a} and ${b}: errors are instances across copies`, () => {
    const thrown = caught(() => one.configure({ nope: 1 } as never));
    assert.ok(thrown instanceof other.ConfigError);
    assert.ok(thrown instanceof other.SightlineError);
    assert.ok(!(thrown instanceof other.SinkError));
    assert.ok(!(thrown instanceof other.ObserveError));
    assert.ok(new one.SinkError("no", { retry: "never" }) instanceof other.SinkError);
    assert.equal((thrown as Error).name, "ConfigError");
    assert.ok(!(new Error("any") instanceof other.SightlineError));
  });

  test(`${a} and ${b}: what one observes is followed once, and known to the other`, async () => {
    const memory = one.memorySink();
    one.configure({ sinks: [memory] });
    class Svc {
      run(): string {
        return "ran";
      }
    }
    other.observe(one.observe(Svc));
    new Svc().run();
    const query = { runs: 0, then: (ok: (value: number) => void) => ok(++query.runs) };
    const inner = one.observe("inner", () => query);
    const outer = other.observe("outer", () => inner());
    assert.equal(outer(), query);
    assert.equal(query.runs, 0);
    assert.equal(await outer(), 1);
    await one.flush();
    const names = memory.records.map((record) => record.name).sort();
    assert.deepEqual(names, ["Svc.run", "inner", "inner", "outer", "outer"]);
  });
}

test("a SinkError of any copy tells the pipeline of any other what to do", async () => {
  for (const { one, other } of pairs) {
    let writes = 0;
    const write = (): never => {
      writes++;
      throw new other.SinkError("not this", { retry: "never" });
    };
    one.configure({ sinks: [{ name: "refusing", write }] });
    one.startSpan("refused").end();
    const { dropped } = await one.flush({ timeoutMs: 1_000 });
    assert.deepEqual([writes, dropped], [1, 1]);
  }
});

test("the exit hooks are set once, whoever configures", () => {
  const counts = (): number[] => ["beforeExit", "exit"].map((event) => process.listenerCount(event));
  const before = counts();
  for (const copy of Object.values(copies)) copy.configure({ sinks: [copy.memorySink()] });
  assert.deepEqual(counts(), before);
});

test("one process, several copies: exactly one AsyncLocalStorage, and enterWith is never called", () => {
  const files = [join(root, "src/index.ts"), moved, bundled, minified].map((file) => pathToFileURL(file).href);
  const output = execFileSync(process.execPath, ["--import", "tsx", storages, ...files], { cwd: root });
  assert.equal(String(output), "4 copies, 1 storages\n");
});

test("a worker thread goes on with the trace", async () => {
  await goesOn(async (context) => {
    // Node 20 does not load TypeScript in a worker through the parent's `--import tsx`.
    const start = `import("tsx/esm/api").then((tsx) => (tsx.register(), import("${pathToFileURL(remote)}")))`;
    const worker = new Worker(start, { eval: true, workerData: context });
    const [records] = await once(worker, "message");
    return records;
  });
});

test("a forked process goes on with the trace", async () => {
  await goesOn(async (context) => {
    const child = fork(remote, { execArgv: process.execArgv });
    child.send(context as object);
    const [records] = await once(child, "message");
    return records;
  });
});

test("a job that waited in a queue goes on with the trace", async () => {
  await goesOn(async (context) => {
    const queue = [JSON.stringify({ job: 1, context })];
    const memory = imported.memorySink();
    imported.configure({ sinks: [memory] });
    const job = JSON.parse(queue.shift() as string);
    await imported.withContext(job.context, () =>
      imported.withSpan("remote work", () => imported.startSpan("remote child").end()),
    );
    await imported.flush();
    return memory.records;
  });
});

/** Hands the context of a span to the far side, and looks at how what it recorded hangs together. */
async function goesOn(send: (context: unknown) => Promise<readonly imported.SpanRecord[] | any>): Promise<void> {
  imported.configure({ sinks: [imported.memorySink()] });
  const { traceId, spanId, records } = await imported.withSpan("local", async (span) => ({
    traceId: span.traceId,
    spanId: span.spanId,
    records: (await send(imported.carrier())) as imported.SpanRecord[],
  }));
  const [child, work] = records;
  assert.deepEqual([work?.name, child?.name], ["remote work", "remote child"]);
  assert.deepEqual([work?.traceId, work?.parentSpanId, work?.parentIsRemote], [traceId, spanId, true]);
  assert.deepEqual([child?.traceId, child?.parentSpanId, child?.parentIsRemote], [traceId, work?.spanId, undefined]);
}

function caught(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return undefined;
}
