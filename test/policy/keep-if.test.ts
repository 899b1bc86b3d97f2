import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  configure,
  filter,
  flush,
  type KeepRule,
  keepIf,
  memorySink,
  sample,
  score,
  shutdown,
  startSpan,
  stats,
  withSpan,
} from "sightline";
import { fakeClock } from "sightline/testing";
import type { FindingRecord, ScoreRecord, SpanRecord, TraceRecord } from "../../src/core/record.ts";
import { isSampledAt, samplingThreshold } from "../../src/core/sampling.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { sampleFinding } from "../../src/testing/sample-records.ts";
import { draft, recorder, rig } from "../pipeline/rig.ts";
import { assertBooks } from "../support/books.ts";
import { hashedIds, traceId } from "./hashed-ids.ts";

afterEach(() => shutdown());

const MS = 1_000_000;

function span(fields: Partial<SpanRecord> = {}): SpanRecord {
  const { record } = draft("1", 0, { traceId: traceId(1), endTime: `${100 * MS}`, ...fields });
  return record as SpanRecord;
}

function child(fields: Partial<SpanRecord> = {}): SpanRecord {
  return span({ spanId: "2".repeat(16), parentSpanId: "1".padStart(16, "0"), endTime: `${10 * MS}`, ...fields });
}

function scored(name: string, value: ScoreRecord["value"]): ScoreRecord {
  const dataType = typeof value === "number" ? "NUMERIC" : "CATEGORICAL";
  return {
    record: "score",
    schema: 1,
    id: `${name} ${value}`,
    seq: 0,
    traceId: traceId(1),
    time: "0",
    name,
    value,
    dataType,
    trace: {},
  };
}

function cost(total: number): Pick<SpanRecord, "cost"> {
  return { cost: { currency: "USD", total, source: "provided" } };
}

function keeps(rule: KeepRule, ...records: TraceRecord[]): boolean {
  return keepIf(memorySink(), rule).policy!.tail!.keep(records);
}

const FAILED = { status: { code: "error" } } as const;

test("keepIf error: a span failed, as its newest record has it", () => {
  assert.equal(keeps({ error: true }, span(), child(FAILED)), true);
  assert.equal(keeps({ error: true }, span(), child()), false);
  assert.equal(keeps({ error: true }, span(), child({ ...FAILED, unfinished: true }), child({ seq: 1 })), false);
  assert.equal(keeps({ error: false, slowerThanMs: 1_000 }, span(FAILED)), false);
});

test("keepIf slowerThanMs: the local root's time, not a child's; a trace that waited for it in vain is slow", () => {
  assert.equal(keeps({ slowerThanMs: 99 }, span()), true);
  assert.equal(keeps({ slowerThanMs: 100 }, span()), false);
  assert.equal(keeps({ slowerThanMs: 100 }, span(), child({ endTime: `${900 * MS}` })), false);
  assert.equal(keeps({ slowerThanMs: 99 }, span({ parentSpanId: "a".repeat(16), parentIsRemote: true })), true);
  assert.equal(keeps({ slowerThanMs: 99 }, span({ unfinished: true })), true, "open for that long already");
  assert.equal(keeps({ slowerThanMs: 5_000 }, child()), true);
  assert.equal(keeps({ slowerThanMs: 5_000, maxWaitMs: 5_000 }, child()), false);
  assert.equal(keeps({ slowerThanMs: 5_000 }, scored("late", 1)), false, "a score alone has no time");
});

test("P14 keepIf costOverUsd: each span counts once, what is not known counts nothing", () => {
  const rule = { costOverUsd: 1 };
  assert.equal(keeps(rule, span(cost(0.6)), child(cost(0.6))), true);
  assert.equal(keeps(rule, span(cost(0.5)), child(cost(0.5))), false);
  assert.equal(keeps(rule, span(), child({ ...cost(0.9), unfinished: true }), child({ ...cost(0.95), seq: 1 })), false);
  assert.equal(keeps(rule, span({ cost: { currency: "USD", input: 0.7, output: 0.4, source: "computed" } })), true);
});

test("keepIf finding: anything that was found, or what is at least so bad", () => {
  const found = (severity: FindingRecord["severity"]) => sampleFinding({ traceId: traceId(1), severity });
  assert.equal(keeps({ finding: true }, span(), found("info")), true);
  assert.equal(keeps({ finding: "warning" }, span(), found("info")), false);
  assert.equal(keeps({ finding: "warning" }, span(), found("info"), { ...found("warning"), seq: 2 }), true);
  assert.equal(keeps({ finding: "warning" }, span(), found("error")), true);
  assert.equal(keeps({ finding: "error" }, span(), found("later" as "error")), true);
  assert.equal(keeps({ finding: true }, span(FAILED)), false);
  assert.equal(keeps({ finding: false, share: 0 }, span(), found("error")), false);
});

test("keepIf scoreBelow: any numeric score, or those of one name", () => {
  assert.equal(keeps({ scoreBelow: 0.5 }, span(), scored("quality", 0.4)), true);
  assert.equal(keeps({ scoreBelow: 0.5 }, span(), scored("quality", 0.5)), false);
  assert.equal(keeps({ scoreBelow: 0.5 }, span(), scored("quality", "bad"), scored("ok", false)), false);
  const named = { scoreBelow: { name: "quality", value: 0.5 } };
  assert.equal(keeps(named, span(), scored("other", 0)), false);
  assert.equal(keeps(named, span(), scored("other", 0), scored("quality", 0)), true);
});

test("keepIf when: gets the newest record of each span and score", () => {
  let seen: readonly TraceRecord[] = [];
  const when = (records: readonly TraceRecord[]): boolean => {
    seen = records;
    return records.length === 3;
  };
  const newest = child({ seq: 1 });
  assert.equal(keeps({ when }, span(), child({ unfinished: true }), newest, scored("quality", 1)), true);
  assert.equal(seen.includes(newest), true);
  assert.equal(keeps({ when }, span()), false);
});

test("keepIf share: of the rest, by the trace id as sample does", () => {
  const threshold = samplingThreshold(0.2);
  let kept = 0;
  for (let n = 0; n < 1_000; n++) {
    const record = span({ traceId: traceId(n) });
    assert.equal(keeps({ share: 0.2 }, record), isSampledAt(record.traceId, threshold));
    if (keeps({ share: 0.2 }, record)) kept++;
    assert.equal(keeps({ share: 0.2, error: true }, { ...record, ...FAILED }), true);
  }
  assert.ok(kept > 150 && kept < 250, `${kept}`);
});

test("P2 a rule that is none throws a ConfigError where it is written", () => {
  const sink = memorySink();
  const bad: [rule: any, code: string, message: RegExp][] = [
    [undefined, "CONFIG_BAD_VALUE", /takes an object; it got undefined/],
    [{}, "CONFIG_BAD_VALUE", /needs one of error, slowerThanMs, costOverUsd, scoreBelow, finding, share, when/],
    [{ error: false, graceMs: 1 }, "CONFIG_BAD_VALUE", /needs one of/],
    [{ slowerThan: 5 }, "CONFIG_UNKNOWN_OPTION", /has no option "slowerThan". It takes: error, slowerThanMs/],
    [{ error: 1 }, "CONFIG_BAD_VALUE", /error \}\) takes true or false; it got 1/],
    [{ slowerThanMs: "5s" }, "CONFIG_BAD_VALUE", /takes a number of milliseconds, 0 or more; it got 5s/],
    [{ costOverUsd: -1 }, "CONFIG_BAD_VALUE", /takes a number of USD/],
    [{ finding: "fatal" }, "CONFIG_BAD_VALUE", /takes true, "info", "warning" or "error"; it got fatal/],
    [{ scoreBelow: { name: "quality" } }, "CONFIG_BAD_VALUE", /takes a number, or \{ name, value \}/],
    [{ scoreBelow: Number.NaN }, "CONFIG_BAD_VALUE", /takes a number, or \{ name, value \}/],
    [{ share: 20 }, "CONFIG_BAD_VALUE", /takes a number from 0 to 1; it got 20/],
    [{ when: async () => true }, "CONFIG_BAD_VALUE", /answers at once, not an async one/],
    [{ when: true }, "CONFIG_BAD_VALUE", /answers at once, not boolean/],
    [{ error: true, graceMs: -1 }, "CONFIG_BAD_VALUE", /graceMs/],
    [{ error: true, maxWaitMs: 0 }, "CONFIG_BAD_VALUE", /maxWaitMs/],
    [{ error: true, maxTraces: 0 }, "CONFIG_BAD_VALUE", /maxTraces/],
    [{ error: true, maxBytes: Number.NaN }, "CONFIG_BAD_VALUE", /maxBytes/],
    [{ error: true, whenFull: "wait" }, "CONFIG_BAD_VALUE", /"keep" or "drop"; it got wait/],
  ];
  for (const [rule, code, message] of bad) {
    assert.throws(() => keepIf(sink, rule), { name: "ConfigError", code, message }, JSON.stringify(rule));
  }
  assert.throws(() => keepIf({} as Sink, { error: true }), { name: "ConfigError", message: /takes a sink first/ });
  assert.throws(() => keepIf(keepIf(sink, { error: true }), { share: 1 }), {
    name: "ConfigError",
    message: /put both into one rule/,
  });
  const durable: Sink = { ...sink, policy: { durability: "record" } };
  assert.throws(() => keepIf(durable, { error: true }), { name: "ConfigError", message: /durability "record"/ });
});

test("P22 a flush delivers the traces that are worth it and counts the others; what goes on waits", async () => {
  const [sink, all] = [memorySink(), memorySink()];
  configure({ sinks: [keepIf(sink, { error: true, costOverUsd: 1 }), { ...all, name: "all" }] });
  const fine = () => withSpan("fine", () => withSpan("child of fine", () => {}));
  fine();
  withSpan("failed", () => withSpan("child of failed", (span) => void span.fail(new Error("no"))));
  const open = startSpan("still open");
  withSpan("dear", () => {
    for (const name of ["call 1", "call 2"]) startSpan(name, { type: "generation", cost: 0.6 }).end();
  });
  const inner = startSpan("ended before its root", { parent: open });
  inner.end();
  await flush();
  assertBooks(stats());
  const names = () => sink.records.map(({ name }) => name).sort();
  assert.deepEqual(names(), ["call 1", "call 2", "child of failed", "dear", "failed"]);
  const { sampledOut, queued } = stats().sinks["memory"]!;
  assert.deepEqual({ sampledOut, queued }, { sampledOut: 2, queued: 1 });
  assert.equal(all.records.length, 8);
  score({ name: "late", value: 1, traceId: sink.get("dear").record.traceId });
  await flush();
  assert.ok(names().includes("late"), "it follows its trace");
  open.fail(new Error("after all"));
  open.end();
  await shutdown();
  assertBooks(stats());
  assert.deepEqual(
    names().filter((name) => /open|before/.test(name)),
    ["ended before its root", "still open"],
  );
  assert.deepEqual([stats().sinks["memory"]!.queued, stats().sinks["all"]!.written], [0, 10]);
});

test("P16 shutdown decides what is still open by what is known", async () => {
  const sink = memorySink();
  const clock = fakeClock();
  configure({ sinks: [keepIf(sink, { slowerThanMs: 1_000 })], clock });
  startSpan("slow");
  clock.advance(2_000);
  startSpan("quick", { parent: null });
  await shutdown();
  assertBooks(stats());
  assert.deepEqual(
    sink.records.map(({ name }) => name),
    ["slow"],
  );
  assert.equal(stats().sinks["memory"]!.sampledOut, 1);
});

test("P22 two sinks with different rules, one of them filtered and sampled: each gets its own", async () => {
  const [failed, rest, all] = [memorySink(), memorySink(), memorySink()];
  const threshold = samplingThreshold(0.5);
  configure({
    ids: hashedIds(),
    sinks: [
      keepIf({ ...failed, name: "failed" }, { error: true }),
      sample(
        filter(
          keepIf({ ...rest, name: "rest" }, { when: (records) => records.length > 1 }),
          (record) => record.name !== "child",
        ),
        0.5,
      ),
      { ...all, name: "all" },
    ],
  });
  for (let n = 0; n < 200; n++) {
    withSpan("root", (span) => {
      if (n % 4 === 0) span.fail(new Error("no"));
      if (n % 2 === 0) startSpan("child").end();
    });
  }
  await flush();
  await shutdown();
  assertBooks(stats());
  const roots = all.records.filter(({ name }) => name === "root");
  const sampled = roots.filter((record, n) => n % 2 === 0 && isSampledAt(record.traceId!, threshold));
  assert.equal(failed.records.length, 100);
  assert.deepEqual(new Set(rest.records), new Set(sampled));
  assert.equal(all.records.length, 300);
});

test("P1 a rule that throws or answers with a promise keeps the trace; no rejection is left", async () => {
  const sink = memorySink();
  let rejections = 0;
  const count = () => void rejections++;
  process.on("unhandledRejection", count);
  const answers: (() => any)[] = [
    () => Promise.reject(new Error("nobody waits for it")),
    () => {
      throw null;
    },
  ];
  configure({ sinks: [keepIf(sink, { when: () => answers.pop()!() })] });
  withSpan("one", () => {});
  withSpan("two", () => {});
  await flush();
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off("unhandledRejection", count);
  assertBooks(stats());
  assert.equal(sink.records.length, 2);
  assert.equal(rejections, 0);
});

test("in time: a trace goes graceMs after its root, or maxWaitMs after its first record", async (t) => {
  const sink = recorder();
  const pipeline = rig(t, [keepIf(sink, { when: () => true, graceMs: 3_000, maxWaitMs: 20_000 })]);
  const record = (fields: Partial<SpanRecord>) => pipeline.emit(draft("1", 1_000, fields));
  record({ traceId: traceId(1), parentSpanId: "a".repeat(16), name: "child" });
  record({ traceId: traceId(2), parentSpanId: "a".repeat(16), name: "orphan" });
  await pipeline.advance(5_000);
  record({ traceId: traceId(1), name: "root" });
  await pipeline.advance(2_900);
  assert.equal(sink.calls.length, 0);
  assert.equal(pipeline.lane().queued, 3);
  await pipeline.advance(1_200);
  assert.deepEqual(
    sink.calls.map(({ names }) => names),
    [["child", "root"]],
  );
  await pipeline.advance(10_000);
  assert.equal(sink.calls.length, 1);
  await pipeline.advance(3_000);
  assert.deepEqual(sink.calls[1]?.names, ["orphan"]);
});

for (const whenFull of ["keep", "drop"] as const) {
  test(`P3 P22 20,000 traces that never end: the buffer stays bounded and the books balance (${whenFull})`, async (t) => {
    const sink = recorder();
    const rule = { error: true, maxTraces: 1_000, maxBytes: 500_000, whenFull };
    const pipeline = rig(t, [keepIf(sink, rule)]);
    let most = 0;
    for (let n = 0; n < 20_000; n++) {
      pipeline.emit(draft(String(n), 1_000, { traceId: traceId(n), parentSpanId: "a".repeat(16) }));
      if (whenFull === "drop") most = Math.max(most, pipeline.lane().bytes);
    }
    await pipeline.advance(2_000);
    const { queued, written, dropped } = pipeline.lane();
    assert.equal(queued, 500);
    assert.ok(most <= 500_000, `${most}`);
    assert.deepEqual([written, dropped.tail_full ?? 0], whenFull === "keep" ? [19_500, 0] : [0, 19_500]);
    await pipeline.shutdown();
    t.diagnostic(
      `figure: 20,000 traces without an end, ${whenFull}: 500 waiting, 19,500 ${whenFull === "keep" ? "passed on" : "counted"}`,
    );
  });
}
