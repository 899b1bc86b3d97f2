import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { ConfigError, configure, flush, memorySink, observe, shutdown, stats, withSpan } from "sightline";
import { fakeClock } from "sightline/testing";
import { sourcePackage } from "./support/programs.ts";
import { traced } from "./support/traced.ts";

const run = promisify(execFile);
const made = await sourcePackage("configure");
after(() => made.remove());

/** Runs a program in a process of its own; gives back its exit code and what it printed. */
async function program(source: string, env: Record<string, string> = {}) {
  const args = ["--input-type=module", "-e", source];
  const options = { env: { ...process.env, SIGHTLINE_SINK: "", ...env }, cwd: made.folder };
  try {
    return { code: 0, ...(await run(process.execPath, args, options)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

const code = (wanted: string) => (error: unknown) => error instanceof ConfigError && error.code === wanted;

test("a wrong option throws at configure(), and names the option, the value and the way out", () => {
  assert.throws(() => configure({ sink: [] } as object), code("CONFIG_UNKNOWN_OPTION"));
  assert.throws(() => configure({ sink: [] } as object), /"sink".*sinks, enabled/);
  assert.throws(() => configure({ sampleRate: 2 }), code("CONFIG_BAD_VALUE"));
  assert.throws(() => configure({ sampleRate: 2 }), /sampleRate.*from 0 to 1.*got 2/);
  assert.throws(() => configure({ sinks: [{ name: "x" }] as never }), code("CONFIG_BAD_VALUE"));
  assert.throws(() => configure({ maxOpenMs: -1 }), code("CONFIG_BAD_VALUE"));
  assert.throws(() => configure({ callSites: "some" as never }), code("CONFIG_BAD_VALUE"));
  for (const prices of [true, {}, "gpt-4o", { price: () => 1 }, [() => 1, null]]) {
    assert.throws(() => configure({ prices: prices as never }), code("CONFIG_BAD_VALUE"));
  }
  assert.throws(() => configure({ prices: { "gpt-4o": { input: 1 } } as never }), /prices.*staticPrices\(…\)/);
  assert.throws(() => configure({ findings: true as never }), code("CONFIG_BAD_VALUE"));
  assert.throws(() => configure({ findings: { toolLoop: 3 } as never }), code("CONFIG_UNKNOWN_OPTION"));
  assert.equal(
    withSpan("x", (span) => span.recording),
    false,
    "a failed configure() leaves tracing as it was",
  );
});

test("configure() again replaces the runtime and delivers the old one's queue", async () => {
  const first = memorySink();
  const second = memorySink();
  configure({ sinks: [first] });
  withSpan("to first", () => {});
  configure({ sinks: [second] });
  withSpan("to second", () => {});
  await flush();
  await new Promise(setImmediate);
  assert.deepEqual([first.findAll(/to/).length, second.findAll(/to/).length], [1, 1]);
  assert.equal(first.records.length, 1);
  await shutdown();
});

test("enabled: false, and no sinks, are off", async () => {
  const sink = memorySink();
  configure({ sinks: [sink], enabled: false });
  assert.equal(
    withSpan("x", (span) => span.recording),
    false,
  );
  configure({ sinks: [] });
  assert.equal(
    withSpan("x", (span) => span.recording),
    false,
  );
  assert.deepEqual(await flush(), { ok: true, written: 0, pending: 0, spooled: 0, dropped: 0, errors: [] });
});

test("spans that never end are exported as unfinished with their call site at shutdown, and may still end", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  withSpan("outer", (span) => {
    span.update({ input: "kept" });
    return new Promise(() => {});
  });
  withSpan("sibling", () => {});
  assert.equal(stats().open, 1);
  await flush();
  assert.deepEqual(
    sink.records.map((record) => (record.record === "span" ? record.name : "")),
    ["sibling"],
    "an open span hides nobody",
  );
  await shutdown();
  const { record } = sink.get("outer");
  assert.equal(record.unfinished, true);
  assert.equal(record.input, "kept");
  assert.equal(record.status.code, "unset");
  assert.match(record.callSite ?? "", /configure\.test\.ts:\d+:\d+$/);
});

test("with callSites all, a call site is the line that calls, whatever stands in for the function", async () => {
  const sink = memorySink();
  configure({ sinks: [sink], callSites: "all" });
  const never = () => new Promise(() => {});
  const calls = {
    arrow: observe("arrow", never),
    plain: observe("plain", function plain() {
      return never();
    }),
    bound: observe("bound", never.bind(undefined)),
  };
  for (const call of Object.values(calls)) call();
  const [line] = /configure\.test\.ts:\d+/.exec(new Error().stack!)!;
  await shutdown();
  const before = line.replace(/\d+$/, (number) => String(Number(number) - 1));
  for (const name of Object.keys(calls))
    assert.match(sink.get(name).record.callSite ?? "", new RegExp(`${before}:\\d+$`));
});

test("a span open for longer than maxOpenMs is exported unfinished, and its end follows with a higher seq", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const sink = memorySink();
  const clock = fakeClock();
  configure({ sinks: [sink], clock, maxOpenMs: 1_000 });
  const { startSpan } = await import("sightline");
  const span = startSpan("slow");
  clock.advance(900);
  t.mock.timers.tick(1_000);
  await flush();
  assert.equal(sink.records.length, 0);
  clock.advance(200);
  t.mock.timers.tick(1_000);
  await flush();
  assert.equal(sink.get("slow").record.unfinished, true);
  span.end({ output: "after all" });
  await flush();
  assert.equal(sink.records.length, 1);
  assert.equal(sink.get("slow").record.seq, 1);
  assert.equal(sink.get("slow").record.unfinished, undefined);
  const { started, ended, open } = stats();
  assert.deepEqual({ started, ended, open }, { started: 1, ended: 1, open: 0 });
  await shutdown();
});

test("sampling decides by the trace id, at the root, for the whole trace", async () => {
  const ids = [`${"0".repeat(18)}${"f".repeat(14)}`, `1${"0".repeat(31)}`];
  let next = 0;
  let spans = 0;
  const sink = await traced(
    () => {
      for (const name of ["kept", "not kept"]) withSpan(name, () => withSpan(`${name} child`, () => {}));
    },
    { sampleRate: 0.5, ids: { traceId: () => ids[next++] as string, spanId: () => `${++spans}`.padStart(16, "0") } },
  );
  assert.equal(next, 2, "the child of an unsampled root starts no trace of its own");
  assert.deepEqual(
    sink.findAll(/kept/).map((node) => node.record.name),
    ["kept", "kept child"],
  );
});

test("secrets in input, output, metadata, attributes, error message and stack do not leave the call stack", async () => {
  const secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789";
  const sink = await traced(() => {
    withSpan(
      "outer",
      { input: { api_key: secret }, metadata: { text: `key ${secret}` }, attributes: { a: secret } },
      (span) => {
        span.event("e", { token: secret });
        span.fail(new Error(`bad key ${secret}`, { cause: new Error(secret) }));
        span.update({ statusMessage: `failed with ${secret}`, output: [secret] });
      },
    );
  });
  assert.equal(JSON.stringify(sink.records).includes("abcdefghij"), false);
  assert.match(sink.get("outer").record.error?.message ?? "", /^bad key \S*redacted/);
});

test("without configuration nothing is traced, nothing is printed, nothing is kept alive", async () => {
  const { code, stdout, stderr } = await program(`
    import { observe, stats } from "sightline";
    console.log(observe((n) => n + 1)(1), stats().started);
  `);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "2 0\n", stderr: "" });
});

test("unconfigured, it says so once at debug level", async () => {
  const { stderr } = await program(
    `import { observe } from "sightline"; const f = observe((n) => n + 1); f(1); f(2);`,
    { NODE_DEBUG: "sightline" },
  );
  assert.equal(stderr.match(/tracing is off/g)?.length, 1);
});

test("a bad variable never breaks the host: one line on stderr, tracing stays off", async () => {
  const source = `import { observe } from "sightline"; const f = observe((n) => n + 1); console.log(f(1), f(2));`;
  const { code, stdout, stderr } = await program(source, { SIGHTLINE_SINK: "consle" });
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "2 3\n" });
  assert.match(stderr, /^sightline: tracing stays off: SIGHTLINE_SINK takes console.*it is "consle"\.\n$/);
});

test("SIGHTLINE_ENABLED=false is the kill switch", async () => {
  const source = `import { observe, stats } from "sightline"; observe(() => 1)(); console.log(stats().started);`;
  const env = { SIGHTLINE_SINK: "console", SIGHTLINE_ENABLED: "false" };
  const { stdout, stderr } = await program(source, env);
  assert.deepEqual({ stdout, stderr }, { stdout: "0\n", stderr: "" });
});
