/** P4, P5 and P6 from end to end: any value, in any place of a record, on its way to a sink. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { runInNewContext } from "node:vm";
import {
  ConfigError,
  configure,
  flush,
  memorySink,
  observe,
  readRecords,
  type SpanRecord,
  score,
  shutdown,
  startSpan,
  stats,
  type TraceRecord,
  updateTrace,
  withContext,
  withSpan,
} from "sightline";
import { recordAssistantRun } from "sightline/openai";
import { LIMITS } from "../../src/capture/limits.ts";
import { createRedactor } from "../../src/capture/redact.ts";
import { snapshot } from "../../src/capture/snapshot.ts";
import { encode } from "../../src/core/record.ts";
import { parseBaggage } from "../../src/core/traceparent.ts";
import { buildTraces } from "../../src/core/tree.ts";
import { normalizeUsage } from "../../src/core/usage.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { assertBooks } from "../support/books.ts";

/** What `fn` records. The books must balance. */
async function recorded(fn: () => unknown): Promise<TraceRecord[]> {
  const sink = memorySink();
  configure({ sinks: [sink] });
  await fn();
  await flush();
  assertBooks(stats());
  await shutdown();
  return [...sink.all];
}

function* chain(length: number): Generator<Error> {
  let error = new Error("the first");
  for (let i = 0; i < length; i++) error = new Error(`caused ${i}`, { cause: error });
  yield error;
}

let asked = 0;
const MILLION = 1_000_000;
const text50 = "some words of it ".repeat(3_000_000);
const graph = (levels: number): unknown => {
  let value: unknown = { leaf: 1 };
  for (let i = 0; i < levels; i++) value = { left: value, right: value };
  return value;
};
const deep = (levels: number): unknown => {
  let value: unknown = "bottom";
  for (let i = 0; i < levels; i++) value = [value];
  return value;
};
const sleepy = {
  get slow() {
    asked++;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5_000);
    return 1;
  },
};

const HUGE: Readonly<Record<string, () => unknown>> = {
  "a string of 50 MB": () => text50,
  "a Buffer of 2 MB": () => Buffer.alloc(2_000_000, "x"),
  "100,000 levels": () => deep(100_000),
  "a graph of 2^30 paths": () => graph(30),
  "an object of a million keys": () => Object.fromEntries(Array.from({ length: MILLION }, (_, i) => [`k${i}`, i])),
  "a Map of a million": () => new Map(Array.from({ length: MILLION }, (_, i) => [i, i])),
  "a Set of a million": () => new Set(Array.from({ length: MILLION }, (_, i) => i)),
  "an array of a million": () => new Array(MILLION).fill("x"),
  "a getter that sleeps": () => sleepy,
  "a million times api_key.": () => "api_key.".repeat(MILLION),
  "an error of 50 MB": () => new Error(text50),
  "an error with 100,000 causes": () => [...chain(100_000)][0],
};

test("P4 what a huge value costs is bounded in values and characters, and so is its record", async (t) => {
  // V8 lists all names of one object or none: the one thing that cannot be bounded.
  const most = 5 * (2 * LIMITS.string + 2 * LIMITS.margin) + LIMITS.nodes + LIMITS.names;
  const redactor = createRedactor();
  const names = { "an object of a million keys": MILLION };
  let work = 0;
  let bytes = 0;
  for (const [what, make] of Object.entries(HUGE)) {
    const value = make();
    const own = snapshot(value, "input", LIMITS, redactor).work - (names[what as keyof typeof names] ?? 0);
    assert.ok(own <= most, `${what}: ${own} steps`);
    work = Math.max(work, own);
    const [record] = await recorded(() => observe("huge", (given: unknown) => given)(value));
    bytes = Math.max(bytes, Buffer.byteLength(encode(record!)));
    assert.equal((record as SpanRecord).name, "huge");
    // Metadata and the rest together would not be more than batches take.
    assert.ok(Buffer.byteLength(encode(record!)) < 1_048_576, what);
    const isWhole = what.startsWith("a getter") || what.startsWith("an error with");
    assert.equal((record as SpanRecord).cuts !== undefined || isWhole, true, `${what}: what is cut is said`);
  }
  assert.equal(asked, 0);
  assert.ok(createRedactor().steps === 0 && redactor.steps < 20 * most, `${redactor.steps} characters judged`);
  const n = (count: number): string => count.toLocaleString("en");
  t.diagnostic(
    `figure: ${Object.keys(HUGE).length} huge values, at most ${n(work)} values and characters read, largest record ${n(bytes)} bytes`,
  );
});

test("P4 what is said of one span again and again keeps it bounded: events, links, metadata, updates, names", async () => {
  const link = { traceId: "a".repeat(32), spanId: "b".repeat(16) };
  const [record] = await recorded(() => {
    const span = startSpan("x".repeat(10_000_000), { links: new Array(10_000).fill(link) });
    for (let i = 0; i < 10_000; i++) span.event("again", { i });
    for (let i = 0; i < 100; i++) span.update({ output: "partial ".repeat(20_000), statusMessage: text50 });
    span.end();
  });
  const { name, events, links, cuts } = record as SpanRecord;
  assert.deepEqual([name.length, events?.length, links?.length], [512, 128, 128]);
  assert.deepEqual(
    cuts?.filter(({ path }) => ["events", "links"].includes(path)),
    [
      { path: "links", reason: "entries" },
      { path: "events", reason: "entries" },
    ],
  );
  assert.ok(encode(record!).length < 1_048_576);
});

test("P4 headers of any length are read up to their limit", () => {
  const long = `${"k=v,".repeat(5_000_000)}key=found`;
  assert.deepEqual(Object.keys(parseBaggage(long, ["key"])), []);
  withContext({ traceparent: text50, tracestate: long, baggage: long }, () => {});
});

const fails = (): never => {
  throw new Error("of the host's");
};

class Private {
  #hidden = 1;
  shown = 2;
  get asked(): number {
    asked++;
    return this.#hidden;
  }
}

function cycle(): object {
  const ring: Record<string, unknown> = {};
  ring["ring"] = new Map([[ring, [ring]]]);
  return ring;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function looped(): Error {
  const error = new Error("loop");
  error.cause = new AggregateError([error], "several", { cause: error });
  return error;
}

const HOSTILE: Readonly<Record<string, () => unknown>> = {
  "a cycle": cycle,
  "a revoked proxy": revoked,
  "a proxy with throwing traps": () => new Proxy({}, { get: fails, ownKeys: fails, getPrototypeOf: fails, has: fails }),
  "a throwing getter": () => Object.defineProperty({}, "a", { get: fails, enumerable: true }),
  "a throwing toJSON": () => ({ toJSON: fails }),
  "a toJSON that gives itself": () => {
    const self: object = { toJSON: () => self };
    return self;
  },
  "a BigInt": () => 10n ** 30n,
  "a Symbol": () => Symbol("s"),
  NaN: () => Number.NaN,
  "-0": () => -0,
  "an invalid Date": () => new Date(Number.NaN),
  "a lone surrogate": () => "\ud800",
  "private fields and an accessor": () => new Private(),
  "a function": () => fails,
  "a class": () => Private,
  "a WeakMap": () => new WeakMap(),
  "an error that causes itself": looped,
  "an error whose parts throw": () =>
    Object.defineProperties(new Error("x"), { stack: { get: fails }, message: { get: fails }, name: { get: fails } }),
  "an error with odd parts": () =>
    Object.assign(new Error("x"), { name: "n".repeat(1e6), code: Number.NaN, status: Number.POSITIVE_INFINITY }),
  "objects of another realm": () =>
    runInNewContext("({ e: new Error('x'), m: new Map([[{}, []]]), d: new Date(NaN), p: Promise.resolve() })"),
  "a Promise": () => Promise.resolve(1),
  "a stream": () => new ReadableStream(),
  "no prototype": () => Object.create(null),
  "a hole": () => new Array(3),
  "a toString that throws": () => ({ toString: fails, valueOf: fails, [Symbol.toPrimitive]: fails }),
  "an array whose length throws": () =>
    Object.setPrototypeOf([1], {
      get length() {
        return fails();
      },
    }),
};

/** Every place in which a value can enter a record. */
const PLACES: Readonly<Record<string, (value: any) => unknown>> = {
  argument: (value) => observe("p", (_: unknown) => {})(value),
  result: (value) => observe("p", () => value)(),
  thrown: (value) => {
    try {
      observe("p", () => {
        throw value;
      })();
    } catch (error) {
      assert.equal(Object.is(error, value), true);
    }
  },
  cause: (value) =>
    startSpan("p")
      .fail(new Error("x", { cause: value }))
      .end(),
  metadata: (value) => startSpan("p", { metadata: value }).end(),
  "in metadata": (value) => startSpan("p", { metadata: { value } }).end(),
  attributes: (value) => startSpan("p", { attributes: { value } }).end(),
  event: (value) => startSpan("p").event(value, value).event("e", { value }).end(),
  link: (value) =>
    startSpan("p", {
      links: [{ traceId: "a".repeat(32), spanId: "b".repeat(16), attributes: { value } }, value],
    }).end(),
  "status message": (value) => startSpan("p").end({ statusMessage: value }),
  "model and parameters": (value) =>
    startSpan("p", { model: value, modelParameters: { value }, provider: value }).end(),
  genAi: (value) => startSpan("p", { genAi: { toolDefinitions: value } }).end(),
  usage: (value) => startSpan("p", { usage: { prompt_tokens: value, other: value } }).end(),
  cost: (value) => startSpan("p", { cost: { total: value, input: value } }).end(),
  times: (value) => startSpan("p", { startTime: value, completionStartTime: value }).end({ endTime: value }),
  "kind, type and level": (value) => startSpan("p", { kind: value, type: value, level: value }).end(),
  "trace attributes": (value) =>
    withSpan("p", () => updateTrace({ userId: value, tags: [value], metadata: { value }, public: value })),
  score: (value) => {
    score({ name: "p", value: 1, comment: value, metadata: { value }, sessionId: value });
    startSpan("p").end();
  },
  picker: (value) => observe({ name: "p", input: () => value, output: () => value }, () => 1)(),
};

test("P5 any value in any place of a record: the record is there, is JSON, and round-trips", async (t) => {
  asked = 0;
  let runs = 0;
  for (const [place, put] of Object.entries(PLACES)) {
    for (const [what, make] of Object.entries(HOSTILE)) {
      const records = await recorded(() => void put(make()));
      assert.ok(records.length >= 1, `${what} as ${place}: ${records.length} records`);
      for (const record of records) {
        assert.deepEqual(JSON.parse(encode(record)), record, `${what} as ${place}`);
        assert.ok(encode(record).length < 1_048_576, `${what} as ${place}`);
      }
      runs++;
    }
  }
  assert.equal(asked, 0, "an accessor was asked");
  t.diagnostic(`figure: ${runs} values in places, ${runs} records that round-trip, 0 accessors asked`);
});

const POISON =
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"a":{"__proto__":{"polluted":true}}}';
const poison = (): any => JSON.parse(POISON);

function assertClean(where: string): void {
  for (const of of [{}, [], () => {}, "", new Map()]) {
    assert.equal((of as { polluted?: unknown }).polluted, undefined, where);
  }
}

const dir = mkdtempSync(join(tmpdir(), "sightline-values-"));
after(() => rmSync(dir, { recursive: true }));

test("P6 no key pollutes a prototype: capture, trace attributes, usage, configuration, sinks, files, assistants", async (t) => {
  const places = Object.entries(PLACES);
  for (const [place, put] of places) {
    const records = await recorded(() => void put(poison()));
    assertClean(place);
    buildTraces(records).map((trace) => trace.tree());
    assertClean(`tree of ${place}`);
  }
  const [record] = await recorded(() =>
    withSpan("p", { metadata: poison() }, (span) => {
      span.update({ metadata: poison(), attributes: poison(), input: poison() });
      updateTrace({ metadata: poison() });
      updateTrace({ metadata: { b: 1, ...poison() } });
    }),
  );
  for (const kept of [(record as SpanRecord).input, (record as SpanRecord).metadata, record!.trace.metadata]) {
    assert.deepEqual(
      Object.keys(kept as object)
        .filter((key) => key !== "b")
        .sort(),
      ["__proto__", "a", "constructor"],
      "the keys stay data",
    );
    assert.equal(Object.getPrototypeOf(kept), Object.prototype);
  }
  assert.throws(
    () => configure(poison()),
    (error) => error instanceof ConfigError,
  );
  assert.throws(() => configure({ sinks: [], delivery: JSON.parse('{"__proto__":{"queueRecords":1}}') }), ConfigError);
  normalizeUsage(poison());
  for (const name of ["__proto__", "constructor", "toString"]) {
    configure({ sinks: [{ ...memorySink(), name }] });
    startSpan("p").end();
    assert.equal((await flush()).written, 1);
    assert.equal(Object.hasOwn(stats().sinks, name), true);
    assertBooks(stats());
    await shutdown();
  }
  const path = join(dir, "poison.ndjson");
  const line = encode(sampleSpan()).slice(0, -1);
  writeFileSync(
    path,
    `${POISON}\n${line},${POISON.slice(1)}\n${line},"trace":${POISON},"traceId":"__proto__","spanId":"__proto__","parentSpanId":"constructor"}\n`,
  );
  const read: TraceRecord[] = [];
  for await (const one of readRecords(path)) read.push(one);
  assert.equal(read.length, 2);
  assert.equal(buildTraces(read).length, 2);
  await recorded(() => {
    const run = {
      id: "run_1",
      object: "thread.run",
      thread_id: "__proto__",
      assistant_id: "a",
      status: "completed",
      created_at: 1,
      metadata: poison(),
      usage: poison(),
      ...poison(),
    };
    recordAssistantRun({ run, steps: [{ id: "__proto__", ...poison() }], messages: [poison()] } as never);
  });
  assertClean("the end");
  t.diagnostic(`figure: ${places.length + 9} ways in for __proto__ and constructor.prototype, 0 prototypes changed`);
});
