/** P2: a wrong configuration is told of once, as it is made, and never later. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  ConfigError,
  configure,
  fileSink,
  flush,
  memorySink,
  ObserveError,
  type Options,
  observe,
  shutdown,
  startSpan,
  stats,
  withSpan,
} from "sightline";
import { httpSink } from "sightline/sinks/http";
import { readEnvironment, unknownVariables } from "../../src/environment.ts";
import { assertBooks } from "../support/books.ts";

const nothing = { name: "nothing", write: () => {} };

/** For every option of `configure`, values of every wrong type. */
const WRONG: { readonly [K in keyof Required<Options>]: readonly unknown[] } = {
  sinks: [
    null,
    5,
    "console",
    {},
    nothing,
    [null],
    [5],
    ["console"],
    [{ name: "x" }],
    [{ write() {} }],
    [{ name: 5, write() {} }],
  ],
  enabled: [null, 1, "true", {}],
  environment: [null, 5, {}, ["a"], Symbol("s")],
  release: [null, 5, {}],
  version: [null, 1.2, {}],
  sampleRate: [null, -0.1, 1.1, Number.NaN, "0.5", 5n, {}],
  captureInput: [null, 0, "no"],
  captureOutput: [null, 0, "no"],
  mask: [
    null,
    true,
    5,
    "password",
    [],
    [/x/],
    { key: [] },
    { keys: "x" },
    { keys: [5] },
    { text: "x" },
    { text: [/x/] },
  ],
  maxOpenMs: [null, 0, -1, Number.NaN, "1h"],
  callSites: [null, true, "some", []],
  delivery: [
    null,
    5,
    [],
    { queue: 1 },
    { queueRecords: 0 },
    { batchMs: "1s" },
    { attemptMs: Number.NaN },
    { giveUpMs: null },
  ],
  clock: [null, 5, Date, {}, { epochMs: Date.now }, { epochMs: 1, monotonicMs: 2 }],
  ids: [null, 5, {}, { traceId: () => "a" }, { traceId: "a", spanId: "b" }],
  carrier: [null, 5, {}, { get() {} }, { get: 1, run: 2 }],
} as never;

const MISSPELT = ["sink", "Sinks", "url", "apiKey", "samplerate", "batchMs", "__proto__x", ""];

function configError(error: unknown, ...words: string[]): true {
  assert.ok(error instanceof ConfigError, String(error));
  assert.match(error.code, /^CONFIG_[A-Z_]+$/);
  for (const word of words) assert.ok(error.message.includes(word), `"${error.message}" does not name ${word}`);
  return true;
}

test("P2 a wrong value of any option is a ConfigError with a code at configure(), and never anything later", async (t) => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  let refused = 0;
  const refuses = (options: any, ...words: string[]): void => {
    refused++;
    assert.throws(
      () => configure(options),
      (error) => configError(error, ...words),
      words.join(),
    );
  };
  for (const [option, values] of Object.entries(WRONG)) {
    for (const value of values)
      refuses({ sinks: [nothing], [option]: value }, option === "delivery" ? "takes" : option);
  }
  for (const option of MISSPELT) refuses({ [option]: 1 }, option, "sinks");
  for (const options of [null, 5, "x", [], [nothing], Symbol("s")]) refuses(options, "configure()");
  const throwing = {
    get name() {
      throw new Error("of a sink");
    },
    write() {},
  };
  refuses({ sinks: [throwing] }, "sinks");
  refuses(
    {
      sinks: [
        new Proxy(nothing, {
          get: () => {
            throw new Error("of a sink");
          },
        }),
      ],
    },
    "sinks",
  );
  withSpan("still the first configuration", () => {});
  await flush();
  assert.deepEqual(
    sink.records.map(({ name }) => name),
    ["still the first configuration"],
  );
  assert.equal(Object.keys(WRONG).length, 15, "an option has no wrong values here");
  assertBooks(stats());
  t.diagnostic(`figure: ${refused} wrong configurations, ${refused} ConfigErrors, 0 later`);
  await shutdown();
});

test("P2 every option may be undefined, as in { ...defaults, release: process.env.RELEASE }", async () => {
  configure({
    ...(Object.fromEntries(Object.keys(WRONG).map((key) => [key, undefined])) as Options),
    sinks: [memorySink()],
  });
  assert.equal(startSpan("on").recording, true);
  await shutdown();
});

test("P2 bad variables are a ConfigError that names the variable; unknown ones are told of once and change nothing", async () => {
  const url = "http://127.0.0.1:9/records";
  const wrong: readonly NodeJS.ProcessEnv[] = [
    { SIGHTLINE_SINK: "syslog" },
    { SIGHTLINE_SINK: "console,," + "csv:x" },
    { SIGHTLINE_SINK: "file:" },
    { SIGHTLINE_SINK: "file:/" },
    { SIGHTLINE_SINK: "file:/dev/null/traces.ndjson" },
    { SIGHTLINE_SINK: "http://" },
    { SIGHTLINE_SINK: "http://[::1" },
    { SIGHTLINE_SINK: "https://host:99999/" },
    { SIGHTLINE_SINK: "ftp://host/" },
    { SIGHTLINE_SINK: url, SIGHTLINE_HEADERS: "Bearer x" },
    { SIGHTLINE_SINK: url, SIGHTLINE_HEADERS: "=x" },
    { SIGHTLINE_SINK: url, SIGHTLINE_HEADERS: "bad name=x" },
    { SIGHTLINE_SINK: url, SIGHTLINE_HEADERS: "x=a%0d%0ab" },
    { SIGHTLINE_ENABLED: "maybe" },
    { SIGHTLINE_SAMPLE_RATE: "10%" },
    { SIGHTLINE_SAMPLE_RATE: "-1" },
    { SIGHTLINE_SAMPLE_RATE: "1e9" },
  ];
  for (const env of wrong) {
    assert.throws(
      () => readEnvironment(env, true),
      (error) => configError(error),
      JSON.stringify(env),
    );
  }
  const named =
    readFileSync(new URL("../../src/environment.ts", import.meta.url), "utf8").match(/SIGHTLINE_[A-Z_]+/g) ?? [];
  assert.equal(
    unknownVariables(Object.fromEntries(named.filter((name) => !name.endsWith("_")).map((name) => [name, "x"]))),
    undefined,
  );
  assert.equal(unknownVariables({ SIGHTLINE_SINK: "console", PATH: "/", SIGHTLINE: "1" }), undefined);
  const source = `
    import { configure, flush, observe, stats } from "sightline";
    configure(); configure();
    const f = observe("f", (n) => n + 1);
    console.log(f(1), stats().started);`;
  const { code, stdout, stderr } = await program(source, { SIGHTLINE_SINKS: "console", SIGHTLINE_SAMPLERATE: "0.1" });
  assert.deepEqual({ code, stdout }, { code: 0, stdout: "2 0\n" });
  assert.match(
    stderr,
    /^sightline: SIGHTLINE_SAMPLERATE, SIGHTLINE_SINKS ignored: [^\n]*SIGHTLINE_SAMPLE_RATE[^\n]*\n$/,
  );
});

test("P2 bad options of a sink are a ConfigError as it is made", () => {
  for (const make of [
    () => fileSink(undefined as never),
    () => fileSink({} as never),
    () => fileSink({ path: "" }),
    () => fileSink({ path: 5 } as never),
    () => fileSink({ path: "x.ndjson", maxBytes: 0 }),
    () => fileSink({ path: "x.ndjson", maxByte: 1 } as never),
    () => fileSink({ path: "x.ndjson", name: 5 } as never),
    () => httpSink(undefined as never),
    () => httpSink({} as never),
    () => httpSink({ url: "nowhere" }),
    () => httpSink({ url: "http://" }),
    () => httpSink({ url: "file:///etc/passwd" }),
    () => httpSink({ url: "http://127.0.0.1/", header: {} } as never),
    () => httpSink({ url: "http://127.0.0.1/", headers: { "bad name": "x" } }),
  ]) {
    assert.throws(make, (error) => configError(error), String(make));
  }
});

test("P2 what observe cannot mean is an ObserveError at decoration, a misspelt exclude too", () => {
  const says = (make: () => unknown, code: string, ...words: string[]): void =>
    assert.throws(make, (error) => {
      assert.ok(error instanceof ObserveError, String(error));
      assert.equal(error.code, code);
      for (const word of words) assert.ok(error.message.includes(word), error.message);
      return true;
    });
  const decorate = (options: object) => {
    @observe(options)
    class Service {
      static make(): void {}
      run(): void {}
      secret(): void {}
      get size(): number {
        return 1;
      }
    }
    return Service;
  };
  says(() => decorate({ exclude: ["secrte"] }), "OBSERVE_UNKNOWN_MEMBER", "Service", '"secrte"', "run, secret");
  says(() => decorate({ exclude: "secret" }), "OBSERVE_BAD_OPTION", "exclude");
  says(() => decorate({ exclude: [Symbol("s")] }), "OBSERVE_BAD_OPTION", "exclude");
  says(() => decorate({ exlude: ["secret"] }), "OBSERVE_UNKNOWN_OPTION", "exlude", "exclude");
  for (const exclude of [[], ["secret"], ["make", "size"], ["toString"]]) decorate({ exclude });
  // A field is not known before there is an instance.
  decorate({ exclude: ["field"], fields: true });
});

test("P2 configure() again, with spans open, in the same sink: every record once, nothing thrown", async (t) => {
  const sink = memorySink();
  const work = observe("work", async (depth: number): Promise<number> => {
    configure({ sinks: [sink] });
    await null;
    return depth === 0 ? 0 : 1 + (await work(depth - 1));
  });
  configure({ sinks: [sink] });
  const open = Array.from({ length: 10 }, (_, i) => startSpan(`open ${i}`));
  assert.equal(await work(20), 20);
  configure({ sinks: [sink, nothing] });
  for (const span of open) span.end({ output: "after all" });
  await flush();
  assertBooks(stats());
  const ended = sink.all.filter((record) => record.record === "span" && !record.unfinished);
  const keys = ended.map((record) => `${record.traceId} ${record.spanId}`);
  assert.deepEqual([keys.length, new Set(keys).size], [31, 31]);
  assert.deepEqual(
    sink.findAll("work").map(({ parent }) => parent?.record.name ?? "none"),
    ["none", ...Array(20).fill("work")],
  );
  t.diagnostic(`figure: 23 configurations, ${keys.length} spans open meanwhile, each recorded once`);
  await shutdown();
});

/** Runs a program in a process of its own. */
function program(
  source: string,
  env: NodeJS.ProcessEnv,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const args = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", source];
  const cwd = new URL("../..", import.meta.url);
  return new Promise((resolve) => {
    const child = execFile(process.execPath, args, { cwd, env: { ...process.env, ...env } }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
}
