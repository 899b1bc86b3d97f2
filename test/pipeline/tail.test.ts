import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord, TraceRecord } from "../../src/core/record.ts";
import type { Held } from "../../src/pipeline/budget.ts";
import { createTail, type Tail, type TailOutput } from "../../src/pipeline/tail.ts";
import type { TailRule } from "../../src/sinks/sink.ts";
import { draft } from "./rig.ts";

const SECOND = 1_000;
let time = 0;

/** Keeps the traces with a span that is named `keep…`. */
function tailOf(rule: Partial<TailRule> = {}): Tail {
  time = 0;
  return createTail({ ...RULE, ...rule }, () => time);
}

const RULE: TailRule = {
  keep: (records) => records.some((record) => record.name.startsWith("keep")),
  graceMs: 2 * SECOND,
  maxWaitMs: 60 * SECOND,
  maxTraces: 100,
  maxBytes: 100_000,
  whenFull: "keep",
};

/** A child; `fields` says otherwise. */
function span(trace: number, name: string, fields: Partial<SpanRecord> = {}, bytes = 1_000): Held {
  const child = { traceId: traceId(trace), parentSpanId: "f".repeat(16), name };
  return { draft: draft("0", bytes, { ...child, ...fields }), lanes: 0 };
}

function root(trace: number, name: string, bytes?: number): Held {
  const held = span(trace, name, {}, bytes);
  delete (held.draft.record as { parentSpanId?: string }).parentSpanId;
  return held;
}

function score(name: string, trace?: number): Held {
  const ids = trace === undefined ? { sessionId: "s" } : { traceId: traceId(trace) };
  const record: TraceRecord = {
    record: "score",
    schema: 1,
    id: name,
    seq: 0,
    ...ids,
    time: "0",
    name,
    value: 1,
    dataType: "NUMERIC",
    trace: {},
  };
  return { draft: { record, trace: { info: record.trace }, bytes: 600 }, lanes: 0 };
}

function traceId(trace: number): string {
  return trace.toString(16).padStart(32, "0");
}

/** The names of what came out. */
function names(out: TailOutput): { [K in keyof TailOutput]?: string[] } {
  const lists = Object.entries(out).map(([key, held]) => [key, held.map((one: Held) => one.draft.record.name)]);
  return Object.fromEntries(lists.filter(([, list]) => list!.length > 0));
}

test("a trace is decided as a whole, graceMs after its root has ended", () => {
  const tail = tailOf();
  assert.equal(tail.dueAt, Number.POSITIVE_INFINITY);
  assert.deepEqual(names(tail.offer(span(1, "child"))), {});
  assert.equal(tail.dueAt, 60 * SECOND);
  time = 5 * SECOND;
  tail.offer(root(1, "root"));
  tail.offer(span(2, "other"));
  assert.deepEqual([tail.records, tail.bytes, tail.dueAt], [3, 3_000, 7 * SECOND]);
  time = 6_999;
  tail.offer(score("keep this", 1));
  assert.deepEqual(names(tail.due()), {});
  time = 7 * SECOND;
  assert.deepEqual(names(tail.due()), { go: ["child", "root", "keep this"] });
  assert.deepEqual([tail.records, tail.bytes, tail.dueAt], [1, 1_000, 65 * SECOND]);
  time = 65 * SECOND;
  assert.deepEqual(names(tail.due()), { sampledOut: ["other"] });
  assert.deepEqual([tail.records, tail.bytes, tail.dueAt], [0, 0, Number.POSITIVE_INFINITY]);
});

test("a root is a span without a parent or with one in another process, once it has ended", () => {
  const tail = tailOf();
  const unfinished = root(1, "root");
  (unfinished.draft.record as { unfinished?: true }).unfinished = true;
  tail.offer(unfinished);
  tail.offer(score("a score", 1));
  assert.equal(tail.dueAt, 60 * SECOND, "it is still going on");
  tail.offer(root(1, "root"));
  assert.equal(tail.dueAt, 2 * SECOND);
  time = SECOND;
  tail.offer(span(2, "server", { parentIsRemote: true }));
  assert.deepEqual(names(tail.decideEnded()), { sampledOut: ["root", "a score", "root", "server"] });
});

test("what comes after the decision follows it; a record without a trace waits for nothing", () => {
  const tail = tailOf();
  tail.offer(root(1, "keep"));
  tail.offer(root(2, "not"));
  tail.decideEnded();
  assert.deepEqual(names(tail.offer(span(1, "late"))), { go: ["late"] });
  assert.deepEqual(names(tail.offer(span(2, "keep me"))), { sampledOut: ["keep me"] });
  assert.deepEqual(names(tail.offer(score("of a session"))), { go: ["of a session"] });
  assert.equal(tail.records, 0);
});

test("flush decides what has ended, exit decides everything", () => {
  const tail = tailOf();
  tail.offer(root(1, "keep"));
  tail.offer(span(2, "keep going"));
  tail.offer(span(3, "going"));
  assert.deepEqual(names(tail.decideEnded()), { go: ["keep"] });
  assert.equal(tail.records, 2);
  assert.deepEqual(names(tail.decideAll()), { go: ["keep going"], sampledOut: ["going"] });
  assert.deepEqual([tail.records, tail.bytes], [0, 0]);
});

for (const whenFull of ["keep", "drop"] as const) {
  const fate = whenFull === "keep" ? "go" : "dropped";

  test(`P3 full of traces: what has ended is decided first, then the oldest has to leave (${whenFull})`, () => {
    const tail = tailOf({ maxTraces: 2, whenFull });
    tail.offer(span(1, "oldest"));
    tail.offer(root(2, "ended"));
    assert.deepEqual(names(tail.offer(span(3, "third"))), { sampledOut: ["ended"] });
    assert.deepEqual(names(tail.offer(span(4, "fourth"))), { [fate]: ["oldest"] });
    assert.deepEqual(names(tail.offer(root(1, "root of the oldest"))), { [fate]: ["root of the oldest"] }, "as one");
    assert.deepEqual(names(tail.offer(span(3, "more of the third"))), {}, "a trace that waits has its place");
    assert.equal(tail.records, 3);
  });

  test(`P3 full of bytes: as many traces leave as it takes, the newcomer too if it is too large (${whenFull})`, () => {
    const tail = tailOf({ maxBytes: 3_000, whenFull });
    for (const trace of [1, 2, 3]) tail.offer(span(trace, `${trace}`));
    assert.deepEqual(names(tail.offer(span(3, "3b", {}, 2_000))), { [fate]: ["1", "2"] });
    assert.deepEqual([tail.records, tail.bytes], [2, 3_000]);
    assert.deepEqual(names(tail.offer(span(4, "huge", {}, 3_001))), { [fate]: ["3", "3b", "huge"] });
    assert.deepEqual([tail.records, tail.bytes], [0, 0]);
  });
}

test("giveWay frees one trace, for a lane that is short of memory", () => {
  const tail = tailOf({ whenFull: "drop" });
  tail.offer(span(1, "oldest"));
  tail.offer(root(2, "keep"));
  assert.deepEqual(names(tail.giveWay()), { go: ["keep"] });
  assert.deepEqual(names(tail.giveWay()), { dropped: ["oldest"] });
  assert.deepEqual(names(tail.giveWay()), {});
});

test("a rule that throws keeps the trace; it gets sealed, frozen records with the trace's newest attributes", () => {
  const seen: TraceRecord[] = [];
  const tail = tailOf({
    keep: (records) => {
      seen.push(...records);
      throw new Error("a fault of the user's");
    },
  });
  const held = root(1, "root");
  held.draft.trace.info = { userId: "u-1" };
  tail.offer(held);
  assert.deepEqual(names(tail.decideAll()), { go: ["root"] });
  assert.equal(Object.isFrozen(seen[0]), true);
  assert.equal(seen[0]!.trace.userId, "u-1");
});

test("a rule that records something itself neither loops nor loses", () => {
  let made = 0;
  const tail: Tail = tailOf({
    keep: () => {
      tail.offer(root(++made, "made by the rule"));
      return true;
    },
  });
  tail.offer(root(1_000, "root"));
  tail.offer(root(1_001, "root"));
  assert.equal(tail.decideEnded().go.length, 2);
  assert.equal(tail.records, 2);
  assert.equal(tail.decideAll().go.length, 2);
  assert.equal(tail.records, 2);
});

test("P4 due decides some 256 records at a time and says that there is more", () => {
  const tail = tailOf({ maxTraces: 10_000, maxBytes: 1e9 });
  for (let trace = 0; trace < 600; trace++) tail.offer(root(trace, "keep"));
  time = 2 * SECOND;
  const sizes = [];
  while (tail.dueAt <= time) sizes.push(tail.due().go.length);
  assert.deepEqual(sizes, [256, 256, 88]);
});

test("P3 10,000 decisions are remembered, the oldest are forgotten", (t) => {
  const tail = tailOf();
  const decide = (trace: number): void => {
    tail.offer(root(trace, "keep"));
    tail.decideAll();
  };
  for (let trace = 1; trace <= 10_000; trace++) decide(trace);
  assert.deepEqual(names(tail.offer(span(1, "late"))), { go: ["late"] });
  decide(10_001);
  assert.deepEqual(names(tail.offer(span(1, "very late"))), {}, "a trace of its own");
  assert.deepEqual(names(tail.offer(span(2, "late"))), { go: ["late"] });
  assert.equal(tail.records, 1);
  t.diagnostic("figure: 10,001 decided traces, 10,000 remembered");
});

test("P22 model: 20 seeds of random offers, time, flushes and lack of room: every record comes out once, as in the reference", (t) => {
  let offered = 0;
  for (let seed = 1; seed <= 20; seed++) offered += play(seed);
  t.diagnostic(`figure: 20 seeds, ${offered.toLocaleString("en")} records, 0 lost, 0 doubled`);
});

function play(seed: number): number {
  const random = randomOf(seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const rule: TailRule = {
    ...RULE,
    keep: (records) => Number.parseInt(records[0]!.traceId!.slice(-1), 16) % 2 === 0,
    maxTraces: 1 + pick(30),
    maxBytes: 2_000 + pick(60_000),
    whenFull: seed % 2 === 0 ? "keep" : "drop",
  };
  const tail = tailOf(rule);
  const model = reference(rule);
  const out = new Map<Held, number>();
  let offered = 0;
  const check = (step: string, actual: TailOutput, expected: TailOutput): void => {
    assert.deepEqual(names(actual), names(expected), `seed ${seed}, record ${offered}: ${step}`);
    for (const held of [...actual.go, ...actual.sampledOut, ...actual.dropped]) {
      out.set(held, (out.get(held) ?? 0) + 1);
    }
    assert.ok(tail.bytes <= rule.maxBytes, `seed ${seed}: ${tail.bytes} bytes`);
    assert.equal(offered, out.size + tail.records, `seed ${seed}: ${step}`);
  };
  while (offered < 2_000) {
    const dice = pick(100);
    if (dice < 80) {
      const [trace, name] = [pick(25) + Math.floor(offered / 20), String(offered++)];
      const made = [span, root][pick(4) === 0 ? 1 : 0]!;
      const held = dice < 5 ? score(name, dice < 3 ? trace : undefined) : made(trace, name);
      check("offer", tail.offer(held), model.offer(held));
    } else if (dice < 97) {
      time += pick(3 * SECOND);
      check("due", tail.due(), model.due());
    } else if (dice === 97) check("decideEnded", tail.decideEnded(), model.decideEnded());
    else if (dice === 98) check("giveWay", tail.giveWay(), model.giveWay());
    else if (pick(10) === 0) check("decideAll", tail.decideAll(), model.decideAll());
  }
  check("decideAll", tail.decideAll(), model.decideAll());
  assert.deepEqual([tail.records, tail.bytes, tail.dueAt], [0, 0, Number.POSITIVE_INFINITY]);
  assert.ok([...out.values()].every((times) => times === 1));
  return offered;
}

/** The same, written for reading: arrays, searched from the front. */
function reference(rule: TailRule): Omit<Tail, "records" | "bytes" | "dueAt"> {
  type Trace = { id: string; held: Held[]; since: number; endedAt: number };
  let traces: Trace[] = [];
  const decided = new Map<string, keyof TailOutput>();
  const isEnded = (trace: Trace): boolean => trace.endedAt < Number.POSITIVE_INFINITY;
  const inOrder = (): Trace[] => [...ended.filter((one) => traces.includes(one)), ...traces.filter((t) => !isEnded(t))];
  let ended: Trace[] = [];
  const leave = (out: any, left: Trace[], fate?: keyof TailOutput): TailOutput => {
    for (const trace of left) {
      const records = trace.held.map((held) => held.draft.record);
      decided.set(trace.id, fate ?? (rule.keep(records) ? "go" : "sampledOut"));
      out[decided.get(trace.id)!].push(...trace.held);
      traces = traces.filter((other) => other !== trace);
      ended = ended.filter((other) => other !== trace);
    }
    return out;
  };
  const nothing = (): TailOutput => ({ go: [], sampledOut: [], dropped: [] });
  const undecided = rule.whenFull === "keep" ? "go" : "dropped";
  const giveWay = (out: TailOutput): TailOutput => {
    const first = inOrder().slice(0, 1);
    return leave(out, first, first.some(isEnded) ? undefined : undecided);
  };
  const isFull = (): boolean => {
    const bytes = traces.flatMap((trace) => trace.held).reduce((sum, held) => sum + held.draft.bytes, 0);
    return traces.length > rule.maxTraces || bytes > rule.maxBytes;
  };
  return {
    offer(held) {
      const { record } = held.draft;
      const fate = record.traceId === undefined ? "go" : decided.get(record.traceId);
      if (fate !== undefined) return { ...nothing(), [fate]: [held] };
      let trace = traces.find(({ id }) => id === record.traceId);
      if (trace === undefined) {
        traces.push((trace = { id: record.traceId!, held: [], since: time, endedAt: Number.POSITIVE_INFINITY }));
      }
      trace.held.push(held);
      if (!isEnded(trace) && record.record === "span" && record.parentSpanId === undefined) {
        trace.endedAt = time;
        ended.push(trace);
      }
      const out = nothing();
      while (isFull()) giveWay(out);
      return out;
    },
    due: () =>
      leave(
        nothing(),
        inOrder().filter((trace) =>
          isEnded(trace) ? trace.endedAt + rule.graceMs <= time : trace.since + rule.maxWaitMs <= time,
        ),
      ),
    giveWay: () => giveWay(nothing()),
    decideEnded: () => leave(nothing(), inOrder().filter(isEnded)),
    decideAll: () => leave(nothing(), inOrder()),
  };
}

/** Mulberry32. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
