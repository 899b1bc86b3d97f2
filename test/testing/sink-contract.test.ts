import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isRecord } from "../../src/core/is-record.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { sampleRecords } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";

const good: Sink = { name: "good", write() {} };

sinkContract(() => good);
sinkContract(async () => ({ ...good, name: "all of it", writeSync() {}, async flush() {}, async close() {} }));

/** The names of the rules that a sink breaks. */
async function broken(makeSink: () => Sink): Promise<string[]> {
  const rules: [string, () => Promise<void>][] = [];
  sinkContract(makeSink, { test: (name, run) => rules.push([name, run]), patienceMs: 20 });
  const failed: string[] = [];
  for (const [name, run] of rules) await run().catch(() => failed.push(name.replace("sink contract: ", "")));
  return failed;
}

const EMPTY = "takes an empty batch";
const EVERY = "takes records of every kind, together and alone";
const SAME = "leaves the batch and its records as they were";
const AFTER = "a write after close ends, well or with an Error";
const ABORTED = "an aborted signal ends a write, well or with an Error";

for (const [fault, makeSink, rules] of [
  ["none", () => good, []],
  ["no name", () => ({ ...good, name: "" }), ["has a name, and keeps it"]],
  [
    "a name that changes",
    () => {
      let writes = 0;
      return {
        ...good,
        get name() {
          return `sink ${writes}`;
        },
        write: () => void writes++,
      };
    },
    ["has a name, and keeps it"],
  ],
  ["chokes on nothing", () => ({ ...good, write: (batch) => void batch[0]!.name }), [EMPTY]],
  [
    "chokes on scores",
    () => ({ ...good, write: (batch) => void batch.map((record) => (record as SpanRecord).status.code) }),
    ["has a name, and keeps it", EVERY, SAME, "flush and close may come at any time, and again", AFTER],
  ],
  ["changes a record", () => ({ ...good, write: (batch) => void Object.assign(batch[0] ?? {}, { seen: 1 }) }), [SAME]],
  ["empties the batch", () => ({ ...good, write: (batch) => void (batch as unknown[]).splice(0) }), [SAME]],
  [
    "a writeSync that is not",
    () => ({ ...good, writeSync: async () => {} }) as Sink,
    ["writeSync, where there is one, is done when it returns"],
  ],
  [
    "a second close fails",
    () => {
      let closed = false;
      return {
        ...good,
        close() {
          if (closed) throw new Error("closed");
          closed = true;
        },
      };
    },
    [
      "has a name, and keeps it",
      SAME,
      "flush and close may come at any time, and again",
      "close without a write",
      AFTER,
    ],
  ],
  [
    "hangs after close",
    () => {
      let closed = false;
      return { ...good, write: () => (closed ? new Promise(() => {}) : undefined), close: () => void (closed = true) };
    },
    [AFTER],
  ],
  [
    "deaf to the signal",
    () => {
      let writes = 0;
      return {
        ...good,
        write: (_, signal) => (signal.aborted && writes++ === 0 ? new Promise(() => {}) : undefined),
      };
    },
    [ABORTED],
  ],
  [
    "throws what is no Error",
    () => ({
      ...good,
      write: (_, signal) => {
        if (signal.aborted) throw "no";
      },
    }),
    [ABORTED],
  ],
] as [string, () => Sink, string[]][]) {
  test(`the contract against a sink with a fault: ${fault}`, async () => {
    assert.deepEqual(await broken(makeSink), rules);
  });
}

test("the contract against a sink that leaves a rejection behind", async () => {
  // node:test listens too, and would fail this test.
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  try {
    const lose = () => void Promise.reject(new Error("lost"));
    assert.deepEqual(await broken(() => ({ ...good, write: (batch) => (batch.length === 0 ? lose() : undefined) })), [
      EMPTY,
    ]);
  } finally {
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
});

test("cleanUp is called after every case, failed ones too", async () => {
  const runs: (() => Promise<void>)[] = [];
  let cleaned = 0;
  const sink = {
    ...good,
    write() {
      throw new Error("no");
    },
  };
  sinkContract(() => sink, { test: (_, run) => runs.push(run), cleanUp: () => void cleaned++ });
  for (const run of runs) await run().catch(() => {});
  assert.equal(cleaned, runs.length);
});

test("the module can be imported where there is no node:test", () => {
  for (const file of ["sink-contract", "sample-records"]) {
    const source = readFileSync(new URL(`../../src/testing/${file}.ts`, import.meta.url), "utf8");
    assert.doesNotMatch(source, /from "node:test"/);
  }
});

test("the sample records are records, of every type and kind, fresh each time", () => {
  const records = sampleRecords();
  for (const record of records) assert.ok(isRecord(JSON.parse(JSON.stringify(record))), record.name);
  const spans = records.filter((record) => record.record === "span");
  assert.equal(new Set(spans.map(({ type }) => type)).size, 10);
  assert.equal(new Set(spans.map(({ kind }) => kind)).size, 5);
  assert.deepEqual(new Set(records.map(({ record }) => record)), new Set(["span", "score", "finding"]));
  assert.notEqual(sampleRecords()[0], records[0]);
});
