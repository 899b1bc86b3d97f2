import assert from "node:assert/strict";
import { test } from "node:test";
import {
  configure,
  flush,
  generation,
  memorySink,
  type SpanRecord,
  shutdown,
  startSpan,
  stats,
  withSpan,
} from "sightline";
import { sampleRecords } from "sightline/testing";
import { type Finder, registerFinder } from "../../src/core/finder.ts";
import type { FindingRecord } from "../../src/core/record.ts";
import { slot } from "../../src/core/runtime.ts";
import type { Draft } from "../../src/core/trace.ts";
import { createIntake, type Pricing } from "../../src/pipeline/intake.ts";
import { assertBooks } from "../support/books.ts";
import { traced } from "../support/traced.ts";

const [sample] = sampleRecords() as SpanRecord[];
const USAGE = { inputTokens: 1, outputTokens: 1 };
const COST = { currency: "USD", total: 1, source: "computed" } as const;

function draft(name: string, part: Partial<SpanRecord> = {}, bytes = 600): Draft {
  const { cost: _, usage: __, genAi: ___, ...rest } = sample!;
  return { record: { ...rest, name, type: "span", ...part }, trace: { info: {} }, bytes };
}

const call = (name: string, part: Partial<SpanRecord> = {}, bytes?: number): Draft =>
  draft(name, { type: "generation", usage: USAGE, ...part }, bytes);

function rig(part: Partial<Pricing> = {}, finder?: () => Finder | undefined) {
  const out: Draft[] = [];
  const log: string[] = [];
  const pricing: Pricing = { prepare: () => void log.push("prepared"), costOf: () => COST, ...part };
  const intake = createIntake({ pricing, finder, emit: (each) => out.push(each) });
  const names = () => out.map(({ record }) => (record.record === "span" ? record.name : record.record));
  return { intake, out, log, names };
}

test("nothing waits until a record needs its price; then all do, in order, until a turn of their own", async () => {
  const { intake, out, log, names } = rig();
  intake.emit(draft("first"));
  assert.deepEqual(names(), ["first"]);
  intake.emit(call("priced"));
  intake.emit(draft("after it"));
  assert.deepEqual([names(), log], [["first"], []], "the caller's turn reads nothing");
  await Promise.resolve();
  assert.deepEqual(log, [], "nor its microtasks");
  await new Promise(setImmediate);
  assert.deepEqual([names(), log], [["first", "priced", "after it"], ["prepared"]]);
  intake.emit(call("at once"));
  assert.deepEqual([names().at(-1), log.length], ["at once", 1], "read once");
  assert.deepEqual((out[1]!.record as SpanRecord).cost, COST);
  assert.ok(out[1]!.bytes > 600, "what the cost takes is counted");
});

test("drain, a full queue and the end of the process do not wait for that turn", () => {
  const drained = rig();
  drained.intake.emit(call("a"));
  drained.intake.drain();
  assert.deepEqual(drained.names(), ["a"]);

  const many = rig();
  for (let n = 0; n < 1_000; n++) many.intake.emit(call(String(n)));
  assert.deepEqual(
    many.names(),
    Array.from({ length: 1_000 }, (_, n) => String(n)),
  );

  const large = rig();
  for (let n = 0; n < 3; n++) large.intake.emit(call(String(n), {}, 2 * 1024 * 1024));
  assert.deepEqual(large.names(), ["0", "1", "2"]);

  const ended = rig();
  ended.intake.finish();
  assert.deepEqual(ended.log, [], "a program without model calls reads no prices");
  ended.intake.emit(call("late"));
  assert.deepEqual([ended.names(), ended.log], [["late"], ["prepared"]]);
});

test("only model calls with usage are priced, and a cost that is stated stays", () => {
  const { intake, out } = rig();
  const stated = { currency: "USD", total: 5, source: "provided" } as const;
  intake.emit(call("stated", { cost: stated }));
  intake.emit(draft("no usage", { type: "generation" }));
  intake.emit(draft("an agent", { type: "agent", usage: USAGE }));
  assert.equal(out.length, 3, "none of them waits");
  intake.emit(call("embedding", { type: "embedding" }));
  intake.emit(call("an empty cost", { cost: { currency: "USD", source: "provided" } }));
  intake.drain();
  assert.deepEqual(
    out.map(({ record }) => (record as SpanRecord).cost),
    [stated, undefined, undefined, COST, COST],
  );
});

test("without prices nothing waits", () => {
  const out: Draft[] = [];
  const intake = createIntake({ emit: (each) => out.push(each) });
  intake.emit(call("a"));
  assert.deepEqual([out.length, intake.unpriced], [1, 0]);
});

test("what throws costs no record, and is counted", () => {
  const fail = () => {
    throw new Error("broken");
  };
  const { intake, names } = rig({ prepare: fail, costOf: fail }, () => ({ see: fail }));
  const before = stats().internalErrors;
  intake.emit(call("a", { genAi: {} }));
  intake.emit(call("b", { genAi: {} }));
  intake.drain();
  assert.deepEqual([names(), intake.unpriced, stats().internalErrors - before], [["a", "b"], 2, 5]);
});

function finding(name: string): FindingRecord {
  const { traceId, startTime: time, trace } = sample!;
  const said = { severity: "info", message: "", nextStep: "", evidence: {} } as const;
  return { record: "finding", schema: 1, id: name, seq: 0, traceId, time, name, trace, ...said };
}

test("findings go before the record that they were found with, and their finder sees its cost", () => {
  const seen: unknown[] = [];
  let asked = 0;
  const finder: Finder = {
    see(each) {
      seen.push((each.record as SpanRecord).cost);
      return [finding("one"), finding("two")];
    },
  };
  const { intake, names, out } = rig({}, () => (++asked < 2 ? undefined : finder));
  intake.emit(draft("nothing of a model"));
  assert.equal(asked, 0, "nobody looks for rules");
  intake.emit(draft("before the rules were loaded", { http: { method: "GET", route: "/files" } }));
  intake.emit(call("call", { genAi: {} }));
  intake.emit(draft("the rest is seen too"));
  intake.drain();
  assert.deepEqual(names(), [
    "nothing of a model",
    "before the rules were loaded",
    "finding",
    "finding",
    "call",
    "finding",
    "finding",
    "the rest is seen too",
  ]);
  assert.deepEqual([seen, asked], [[COST, undefined], 2]);
  assert.equal(out[2]!.trace, out[4]!.trace, "findings carry the trace's attributes");
});

test("the finder is told which spans have more of their trace behind them", () => {
  const seen: [string, boolean | undefined][] = [];
  const see: Finder["see"] = ({ record }, hasMore) => {
    seen.push([record.record === "span" ? record.name : record.record, hasMore]);
    return [];
  };
  const { intake } = rig({}, () => ({ see }));
  const other = { traceId: "9".repeat(32) };
  for (const each of [call("a", { genAi: {} }), call("b", other), draft("c"), draft("d", other)]) intake.emit(each);
  intake.emit({ ...draft(""), record: { ...finding("of the same trace"), record: "finding" } });
  intake.drain();
  assert.deepEqual(seen, [
    ["a", true],
    ["b", true],
    ["c", false],
    ["d", false],
    ["finding", true],
  ]);
  intake.emit(draft("at once"));
  assert.deepEqual(seen.at(-1), ["at once", false]);
});

test("through configure(): model calls have their cost, and the books are right", async () => {
  const sink = await traced(
    () =>
      withSpan("Tutor.answer", () => {
        generation({
          model: "prod-eu-1",
          provider: "azure.ai.openai",
          genAi: { responseModel: "gpt-4o-2024-08-06" },
          usage: { prompt_tokens: 1149, completion_tokens: 100, prompt_tokens_details: { cached_tokens: 1024 } },
        });
        generation({ model: "gpt-4o", usage: { input: 1, output: 1 }, cost: { input: 1, output: 2, tools: 0.5 } });
      }),
    {},
  );
  assert.deepEqual(sink.get("chat prod-eu-1").record.cost, {
    currency: "USD",
    total: 0.0025925,
    input: 0.0015925,
    output: 0.001,
    source: "computed",
    model: "azure/gpt-4o",
    book: "genai-prices",
  });
  const stated = { currency: "USD", total: 3.5, input: 1, output: 2, tools: 0.5, source: "provided" };
  assert.deepEqual(sink.get("chat gpt-4o").record.cost, stated);
  assertBooks(stats());
  assert.equal(stats().unpriced, 0);
});

test("prices: false records no cost but what is stated; a function is asked, outside of the trace", async () => {
  const none = await traced(() => generation({ model: "gpt-4o", usage: { input: 1, output: 1 } }), { prices: false });
  assert.equal(none.get("chat gpt-4o").record.cost, undefined);
  assert.equal(stats().unpriced, 0);
  const own = await traced(() => generation({ model: "mine", usage: { input: 1, output: 1 } }), {
    prices: ({ model }) => withSpan("looks it up", () => (model === "mine" ? 0.25 : undefined)),
  });
  assert.deepEqual(
    own.records.map((record) => record.record === "span" && [record.name, record.cost?.total]),
    [["chat mine", 0.25]],
  );
});

test("rules that are registered after configure() look, with its options; findings: false keeps them silent", async () => {
  const registered = slot.shared.get("finder");
  slot.shared.delete("finder");
  try {
    const given: unknown[] = [];
    const say = () => generation({ model: "m", provider: "p" });
    const quiet = memorySink();
    configure({ sinks: [quiet], findings: false });
    registerFinder(({ options }) => {
      given.push(options);
      return { see: ({ record }) => [finding(`found with ${(record as SpanRecord).spanId}`)] };
    });
    say();
    await flush();
    assert.deepEqual([quiet.records.length, given], [1, []]);
    const loud = memorySink();
    configure({ sinks: [loud], findings: { toolLoopSteps: 3 } });
    say();
    say();
    await flush();
    assert.deepEqual(
      loud.records.map((record) => record.record),
      ["finding", "span", "finding", "span"],
    );
    assert.deepEqual(given, [{ toolLoopSteps: 3 }], "made once");
    await shutdown();
  } finally {
    slot.shared.delete("finder");
    if (registered !== undefined) slot.shared.set("finder", registered);
  }
});

test("a span that is still open when the configuration ends is priced like any other", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  startSpan("open", { type: "generation", model: "gpt-4", usage: { input: 1000, output: 0 } } as never);
  await shutdown();
  assert.deepEqual([sink.get("open").record.unfinished, sink.get("open").record.cost?.total], [true, 0.03]);
});
