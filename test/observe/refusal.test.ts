import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import {
  BudgetExceededError,
  ConfigError,
  configure,
  flush,
  mask,
  memorySink,
  observe,
  SightlineError,
  type Sink,
  type SpanRecord,
  shutdown,
  spool,
  startSpan,
  stats,
  suppress,
  updateSpan,
  withSpan,
} from "sightline";
import { modelCallOf } from "../../src/monitors/model-call.ts";
import { REFUSE, type WatchingSink, watchingSink } from "../support/watching-sink.ts";

let calls = 0;

class Tutor {
  @observe({ type: "generation", model: "gpt-4.1", provider: "openai" })
  async answer(question: string): Promise<string> {
    calls++;
    return `x = 1, ${question}`;
  }

  @observe({ type: "embedding" })
  embed(text: string): number[] {
    calls++;
    return [text.length];
  }

  @observe({ type: "generation" })
  *tokens(): Generator<number> {
    calls++;
    yield 1;
  }

  @observe({ type: "generation" })
  async *stream(): AsyncGenerator<number> {
    calls++;
    yield 1;
  }

  @observe({ type: "tool" })
  async look(): Promise<number> {
    return ++calls;
  }
}

async function traced(sinks: readonly Sink[], fn: () => unknown, options: object = {}): Promise<SpanRecord[]> {
  const memory = memorySink();
  calls = 0;
  configure({ sinks: [memory, ...sinks], prices: false, ...options });
  try {
    await fn();
    await flush();
  } finally {
    await shutdown();
  }
  return memory.records.filter((record): record is SpanRecord => record.record === "span");
}

function caught(fn: () => unknown): unknown {
  try {
    fn();
  } catch (error) {
    return error;
  }
  return assert.fail("nothing was thrown");
}

test("a refused function is not called: an async one rejects, any other throws, and the span says why", async () => {
  const sink = watchingSink(() => REFUSE);
  const tutor = new Tutor();
  const spans = await traced([sink], async () => {
    const promise = tutor.answer("x?");
    assert.equal(Object.getPrototypeOf(promise), Promise.prototype);
    await assert.rejects(promise, (error: unknown) => {
      assert.ok(error instanceof BudgetExceededError && error instanceof SightlineError);
      assert.deepEqual(
        [error.name, error.code, error.message],
        ["BudgetExceededError", "budget_exceeded", REFUSE.refuse!.message],
      );
      assert.match(error.stack!, /refusal\.test\.ts/);
      return true;
    });
    for (const call of [() => tutor.embed("x"), () => tutor.tokens(), () => tutor.stream()]) {
      assert.ok(caught(call) instanceof BudgetExceededError);
    }
    const scope = { type: "generation", model: "gpt-4.1" } as const;
    assert.ok(caught(() => withSpan("call", scope, () => calls++)) instanceof BudgetExceededError);
    await assert.rejects(
      withSpan("call", scope, async () => calls++),
      BudgetExceededError,
    );
  });
  assert.equal(calls, 0);
  assert.equal(spans.length, 6);
  for (const { status, level, error, output, usage, cost } of spans) {
    assert.deepEqual(
      [status.code, level, error?.type, error?.code],
      ["error", "ERROR", "BudgetExceededError", "budget_exceeded"],
    );
    assert.deepEqual([output, usage, cost], [undefined, undefined, undefined]);
  }
  assert.equal(modelCallOf(spans[0]!)?.status, "refused");
  assert.deepEqual(
    sink.asked.map(({ spanId, provider, model }) => [spanId, provider, model]),
    spans.map(({ spanId, genAi }) => [spanId, genAi?.provider, genAi?.requestModel]),
  );
  assert.deepEqual(
    sink.ended,
    spans.map(({ spanId }) => spanId),
  );
});

test("what is let through is as without a watch, and its end is told once it has settled", async () => {
  const sink = watchingSink();
  const tutor = new Tutor();
  const spans = await traced([sink], async () => {
    const answer = tutor.answer("x?");
    assert.deepEqual([sink.asked.length, sink.ended.length], [1, 0]);
    assert.equal(await answer, "x = 1, x?");
    assert.equal(sink.ended.length, 1);
    assert.deepEqual([...tutor.tokens()], [1]);
    assert.deepEqual(tutor.embed("abc"), [3]);
    await tutor.look();
    assert.equal(await withSpan("call", { type: "generation" }, async () => 7), 7);
  });
  assert.equal(spans.length, 5);
  const asked = spans.filter(({ type }) => type !== "tool").map(({ spanId }) => spanId);
  assert.deepEqual(
    sink.asked.map(({ spanId }) => spanId),
    asked,
  );
  assert.deepEqual(sink.ended, asked);
  assert.deepEqual(sink.asked[0]!.trace, spans[0]!.trace);
});

test("inside suppress nothing is asked, nor of spans that somebody starts by hand", async () => {
  const sink = watchingSink(() => REFUSE);
  await traced([sink], async () => {
    assert.equal(await suppress(() => new Tutor().answer("x?")), "x = 1, x?");
    startSpan("by hand", { type: "generation" }).end();
  });
  assert.deepEqual([sink.asked, sink.ended], [[], []]);
});

test("every watch hears of every call; the first refusal counts, and the first model", async () => {
  const seen: unknown[] = [];
  const throwing = watchingSink(() => {
    throw new Error("of the watch");
  });
  const odd = [null, 7, "no", {}, { refuse: true }, { model: 3 }, Promise.reject(new Error("late"))];
  // Asked once more about the model that the second one wants.
  const strange = watchingSink(() => odd[Math.floor((strange.asked.length - 1) / 2)]);
  throwing.modelCalls.ended = () => {
    throw new Error("of the watch");
  };
  const second = watchingSink(() => ({ model: "small" }));
  const refusing = watchingSink(({ trace }) => (trace.feature === "closed" ? REFUSE : undefined));
  const last = watchingSink(() => ({ refuse: { code: "other", message: "too late" } }));
  const tutor = new Tutor();
  const before = stats().internalErrors;
  await traced([throwing, strange, second, refusing], async () => {
    for (const _ of odd) seen.push(await tutor.answer("x?"));
  });
  assert.equal(seen.length, odd.length);
  for (const { asked } of [throwing, strange, refusing]) {
    const models = asked.map(({ model }) => model);
    assert.deepEqual(models, Array(odd.length).fill(["gpt-4.1", "small"]).flat());
  }
  assert.equal(second.asked.length, odd.length);
  for (const { ended } of [strange, second, refusing]) assert.equal(ended.length, odd.length);
  // Each throws at both questions and at an end; a promise, twice.
  assert.equal(stats().internalErrors - before, 3 * odd.length + 2);
  await traced([refusing, last], async () => {
    await assert.rejects(tutor.answer("x?"), { code: "other", message: "too late" });
    updateSpan({});
  });
});

test("of two watches that want other models the last one is put to all, who may then refuse it alone", async () => {
  const tutor = new Tutor();
  const wants = (from: string, to: string) =>
    watchingSink(({ model, canReroute }) =>
      model !== from ? undefined : canReroute === false ? REFUSE : { model: to },
    );
  const said = (sink: WatchingSink) => sink.asked.map(({ model, canReroute }) => [model, canReroute]);

  const [first, second] = [wants("gpt-4.1", "small"), wants("small", "tiny")];
  await traced([first, second], () => tutor.answer("x?"));
  assert.deepEqual(said(first), [
    ["gpt-4.1", undefined],
    ["tiny", false],
  ]);
  assert.deepEqual(said(second), [
    ["gpt-4.1", undefined],
    ["small", undefined],
  ]);

  const [one, back] = [wants("gpt-4.1", "small"), wants("small", "gpt-4.1")];
  await traced([one, back], () => assert.rejects(tutor.answer("x?"), BudgetExceededError));
  assert.deepEqual([calls, one.ended.length, back.ended.length], [0, 1, 1]);

  const [cheap, none] = [
    wants("gpt-4.1", "small"),
    watchingSink(({ model }) => (model === "small" ? REFUSE : undefined)),
  ];
  await traced([cheap, none], () => assert.rejects(tutor.answer("x?"), BudgetExceededError));
  assert.equal(calls, 0);
});

test("an observed call below another one is the same call, however deep: asked for once, and counted once", async () => {
  const call = observe({ type: "generation", model: "gpt-4.1" })(async () => ++calls);
  const outer = observe({ type: "generation", model: "gpt-4.1" })(() =>
    withSpan("http", () => withSpan("socket", call)),
  );
  const sink = watchingSink();
  const spans = await traced([sink], () => outer());
  const [inner, , , around] = spans;
  assert.deepEqual(
    sink.asked.map(({ spanId }) => spanId),
    [around!.spanId],
  );
  assert.deepEqual(sink.ended, [around!.spanId]);
  assert.equal(around!.attributes?.["sightline.model.called_below"], true);
  assert.deepEqual([modelCallOf(around!), modelCallOf(inner!)?.isCall], [undefined, true]);

  // One that does not know its model is asked for again where that is known, by the same id.
  const vague = observe({ type: "generation" })(() => withSpan("http", call));
  const again = watchingSink();
  const seen = await traced([again], () => vague());
  assert.deepEqual(
    again.asked.map(({ spanId, model }) => [spanId, model]),
    [
      [seen.at(-1)!.spanId, undefined],
      [seen.at(-1)!.spanId, "gpt-4.1"],
    ],
  );
});

test("a watch that is given twice is asked once, also around masks and filters", async () => {
  const sink = watchingSink(() => REFUSE);
  const tutor = new Tutor();
  await traced([mask(sink, { omit: ["content"] })], () => assert.rejects(tutor.answer("x?"), BudgetExceededError));
  assert.equal(sink.asked.length, 1);
  sink.asked.length = 0;
  await traced([sink, mask({ ...sink, name: "masked" }, { omit: ["content"] })], () =>
    assert.rejects(tutor.answer("x?"), BudgetExceededError),
  );
  assert.equal(sink.asked.length, 1);
});

test("a spool takes no sink that watches calls: its records would come late", () => {
  assert.throws(
    () => spool(watchingSink(), { dir: join(tmpdir(), "sightline-watch-none") }),
    (error) => error instanceof ConfigError && /"watching".*late.*configure\(\{ sinks \}\)/.test(error.message),
  );
});

test("a call that is given up has ended for the watch: at shutdown, and when it has been open for too long", async () => {
  const sink = watchingSink();
  let settle = (): void => {};
  const waits = observe({ type: "generation" })(() => new Promise<void>((resolve) => (settle = resolve)));
  const spans = await traced([sink], () => void waits());
  assert.equal(spans[0]!.unfinished, true);
  assert.deepEqual(sink.ended, [sink.asked[0]!.spanId]);
  settle();
  await new Promise(setImmediate);
  assert.equal(sink.ended.length, 1);
});

test("what a watch calls is not traced and not asked for", async () => {
  const tutor = new Tutor();
  const sink: WatchingSink = watchingSink(() => void tutor.answer("which model?"));
  const spans = await traced([sink], () => tutor.answer("x?"));
  assert.deepEqual([spans.length, sink.asked.length, calls], [1, 1, 2]);
});

test("a call that a new configuration overtakes ends for the watch that was asked", async () => {
  const [sink, next] = [watchingSink(), watchingSink()];
  let settle = (): void => {};
  const waits = observe({ type: "generation" })(() => new Promise<void>((resolve) => (settle = resolve)));
  await traced([sink], async () => {
    const waiting = waits();
    configure({ sinks: [next], prices: false });
    await new Promise(setImmediate);
    // It goes on, and so does what is held back for it.
    assert.equal(sink.ended.length, 0);
    settle();
    await waiting;
  });
  assert.deepEqual([sink.ended.length, next.asked.length, next.ended.length], [1, 0, 0]);
});

test("a call that a new configuration overtakes and that never ends is given up after maxOpenMs", async () => {
  const [sink, next] = [watchingSink(), watchingSink()];
  const waits = observe({ type: "generation" })(() => new Promise<void>(() => {}));
  await traced(
    [sink],
    async () => {
      void waits();
      configure({ sinks: [next], prices: false });
      await setTimeout(5);
      assert.equal(sink.ended.length, 0);
      while (sink.ended.length === 0) await setTimeout(5);
      assert.equal(sink.ended.length, 1);
    },
    { maxOpenMs: 40 },
  );
});

test("a watch without its two functions is named as the sink's fault", () => {
  for (const modelCalls of [{}, { starting() {} }, null, 7]) {
    assert.throws(
      () => configure({ sinks: [{ name: "odd", write() {}, modelCalls } as never] }),
      (error) => error instanceof ConfigError && /modelCalls/.test(error.message),
    );
  }
});
