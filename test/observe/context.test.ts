import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { bind, bindEmitter, currentSpan, observe, snapshot, startSpan, stats, withSpan } from "sightline";
import { traced } from "../support/traced.ts";

/** A small generator of numbers that are the same on every run. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state % sides;
  };
}

/** Every way of coming back later. */
const WAITS: readonly (() => Promise<unknown>)[] = [
  () => turn(),
  () => Promise.resolve(),
  () => new Promise((resolve) => process.nextTick(resolve)),
  () => new Promise<void>((resolve) => queueMicrotask(resolve)),
  () => new Promise((resolve) => setTimeout(resolve, 0)),
  async () => {
    for await (const _ of [1, 2]);
  },
];

test("1,000 interleaved flows: no span under another flow's", async () => {
  const roll = dice(1);
  class Flow {
    readonly #name: string;
    constructor(name: string) {
      this.#name = name;
    }
    @observe((self: Flow, step: string) => ({ name: `${self.#name} ${step}` }))
    async step(_step: string): Promise<void> {
      await WAITS[roll(WAITS.length)]?.();
      startSpan(`${this.#name} leaf`).end();
      await WAITS[roll(WAITS.length)]?.();
    }
    @observe((self: Flow) => ({ name: `${self.#name} items` }))
    async *items(): AsyncGenerator<number> {
      for (let i = 0; i < 2; i++) {
        await this.step("inner");
        yield i;
      }
    }
    async run(): Promise<void> {
      await withSpan(this.#name, async () => {
        await Promise.all([this.step("left"), this.step("right")]);
        for await (const _ of this.items()) await this.step("consumer");
      });
    }
  }
  const flows = 1000;
  const sink = await traced(async () => {
    await Promise.all(Array.from({ length: flows }, (_, i) => new Flow(`flow ${i}`).run()));
    assert.equal(currentSpan(), undefined);
  });
  const traces = sink.traces();
  assert.equal(traces.length, flows);
  for (const trace of traces) {
    assert.equal(trace.roots.length, 1);
    const root = trace.roots[0]!;
    const flow = root.record.name;
    assert.match(flow, /^flow \d+$/);
    const shape = root.children.map((child) => child.record.name.replace(`${flow} `, ""));
    assert.deepEqual(shape.sort(), ["consumer", "consumer", "items", "left", "right"]);
    const items = root.children.find((child) => child.record.name === `${flow} items`)!;
    assert.deepEqual(
      items.children.map((child) => child.record.name),
      [`${flow} inner`, `${flow} inner`],
    );
  }
  assert.equal(sink.records.length, flows * 14);
});

test("generators stepped in turns by one caller keep their own context", async () => {
  const count = observe(function* count(id: number): Generator<string> {
    for (let i = 0; i < 3; i++) {
      startSpan(`child of ${id}`).end();
      yield currentSpan()?.spanId as string;
    }
  });
  const sink = await traced(() =>
    withSpan("caller", (caller) => {
      const all = Array.from({ length: 50 }, (_, id) => count(id));
      for (let step = 0; step < 4; step++) {
        for (const generator of all) {
          generator.next();
          assert.equal(currentSpan(), caller);
        }
      }
    }),
  );
  for (const span of sink.get("caller").children) {
    const id = (span.record.input as { id: number }).id;
    assert.deepEqual(
      span.children.map((child) => child.record.name),
      Array(3).fill(`child of ${id}`),
    );
  }
  assert.equal(sink.records.length, 1 + 50 * 4);
});

test("bind runs in the context of its making, and changes nothing else", async () => {
  const error = Object.freeze(new Error("boom"));
  const sink = await traced(() => {
    const host = { n: 1 };
    const late = withSpan("maker", () =>
      bind(function late(this: unknown, a: number, b: number) {
        startSpan("inside").end();
        return [this, a, b];
      }),
    );
    const failing = withSpan("maker", () =>
      bind(() => {
        throw error;
      }),
    );
    withSpan("caller", () => {
      assert.deepEqual(late.call(host, 1, 2), [host, 1, 2]);
      assert.equal(late.call(host, 1, 2)[0], host);
      assert.throws(failing, (thrown) => thrown === error);
      startSpan("after").end();
    });
    assert.deepEqual([late.name, late.length], ["late", 2]);
  });
  sink.expectTree(`
    maker
    ├─ inside
    └─ inside
    maker
    caller
    └─ after
  `);
});

test("bind and snapshot outside of any span keep later spans out of the caller's trace", async () => {
  const sink = await traced(() => {
    const bound = bind(() => startSpan("bound").end());
    const run = snapshot();
    withSpan("caller", () => {
      bound();
      assert.equal(
        run(() => 7),
        7,
      );
      run(() => startSpan("snapped").end());
    });
  });
  assert.deepEqual(
    sink
      .traces()
      .flatMap((trace) => trace.roots.map((root) => root.record.name))
      .sort(),
    ["bound", "caller", "snapped"],
  );
});

test("a snapshot is the same however often and wherever it is used", async () => {
  const sink = await traced(async () => {
    const run = withSpan("source", () => snapshot());
    await Promise.all([
      withSpan("a", async () => {
        await turn();
        run(() => startSpan("one").end());
      }),
      withSpan("b", async () => {
        await run(async () => {
          await turn();
          startSpan("two").end();
        });
      }),
    ]);
  });
  const names = sink.get("source").children.map((child) => child.record.name);
  assert.deepEqual(names.sort(), ["one", "two"]);
});

test("bind, snapshot and bindEmitter do no harm while tracing is off", () => {
  assert.equal(bind((a: number) => a + 1)(1), 2);
  assert.equal(
    snapshot()(() => 3),
    3,
  );
  const emitter = bindEmitter(new EventEmitter());
  let heard = 0;
  emitter.once("x", () => heard++);
  emitter.emit("x");
  emitter.emit("x");
  assert.equal(heard, 1);
});

test("a bound emitter's listeners run where they were added", async () => {
  const sink = await traced(() => {
    const emitter = bindEmitter(new EventEmitter());
    for (const add of ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const) {
      withSpan(add, () => emitter[add]("x", () => startSpan(`heard by ${add}`).end()));
    }
    withSpan("emitter", () => emitter.emit("x"));
  });
  for (const add of ["on", "addListener", "once", "prependListener", "prependOnceListener"]) {
    assert.deepEqual(
      sink.get(add).children.map((child) => child.record.name),
      [`heard by ${add}`],
    );
  }
  assert.equal(sink.get("emitter").children.length, 0);
});

/** What a program can see of an emitter; plain and bound ones must tell the same. */
async function emitterProgram(emitter: EventEmitter): Promise<unknown[]> {
  const seen: unknown[] = [];
  const say = (what: string) =>
    function (this: unknown, ...args: unknown[]): void {
      seen.push([what, this === emitter, args]);
    };
  const first = say("first");
  const second = say("second");
  const symbol = Symbol.for("event");
  emitter.on("newListener", (event, listener) => seen.push(["new", event, listener === first]));
  emitter.on("removeListener", (event, listener) => seen.push(["removed", event, listener === first]));
  seen.push(emitter.on("x", first) === emitter, emitter.once("x", second) === emitter);
  emitter.on("x", first);
  seen.push(
    emitter.listenerCount("x"),
    emitter.listeners("x").map((listener) => listener === first),
  );
  seen.push(emitter.listenerCount("x", first), emitter.rawListeners("x").length);
  emitter.emit("x", 1, 2);
  seen.push(["left after the first", emitter.listenerCount("x")]);
  emitter.emit("x");
  emitter.off("x", first);
  seen.push(["left after off", emitter.listenerCount("x")]);
  emitter.removeListener("x", first);
  seen.push(["left after both", emitter.listenerCount("x")]);
  emitter.once("y", first);
  emitter.off("y", first);
  seen.push(emitter.listenerCount("y"), emitter.emit("y"));
  emitter.prependOnceListener(symbol, second);
  seen.push(emitter.eventNames().length, emitter.emit(symbol, "by symbol"), emitter.listenerCount(symbol));
  const waited = once(emitter, "z");
  emitter.emit("z", "waited for");
  seen.push(await waited, emitter.listenerCount("z"), emitter.listenerCount("error"));
  try {
    emitter.on("x", "not a function" as never);
  } catch (error) {
    seen.push((error as { code?: string }).code);
  }
  const thrown = new Error("boom");
  emitter.on("throws", () => {
    throw thrown;
  });
  try {
    emitter.emit("throws");
  } catch (error) {
    seen.push(error === thrown);
  }
  emitter.removeAllListeners();
  seen.push(emitter.eventNames(), Object.keys(emitter).sort());
  return seen;
}

test("a bound emitter behaves as a plain one", async () => {
  const plain = await emitterProgram(new EventEmitter());
  await traced(async () => {
    assert.deepEqual(await withSpan("bound", () => emitterProgram(bindEmitter(new EventEmitter()))), plain);
    const twice = bindEmitter(bindEmitter(new EventEmitter()));
    assert.deepEqual(await emitterProgram(twice), plain);
  });
});

test("a call that overflows the stack leaves the context as it was, and the counts agree", async () => {
  class Deep {
    @observe down(n: number): number {
      return this.down(n + 1) + 1;
    }
  }
  await traced(() =>
    withSpan("caller", (caller) => {
      assert.throws(() => new Deep().down(0), RangeError);
      assert.equal(currentSpan(), caller);
      const { started, ended, open } = stats();
      assert.equal(started, ended + open);
      withSpan("afterwards", (span) => assert.equal(currentSpan(), span));
    }),
  );
});

test("a carrier that throws breaks no helper", async () => {
  const fails = (): never => {
    throw new Error("of the carrier");
  };
  await traced(
    async () => {
      const { carrier, suppress, withContext, withTrace, updateTrace, currentTraceId } = await import("sightline");
      assert.equal(bind(() => 1)(), 1);
      assert.equal(
        snapshot()(() => 2),
        2,
      );
      assert.equal(
        suppress(() => 3),
        3,
      );
      assert.equal(
        withContext({ traceparent: `00-${"a".repeat(32)}-${"b".repeat(16)}-01` }, () => 4),
        4,
      );
      assert.equal(
        withTrace({ userId: "u" }, () => 5),
        5,
      );
      assert.equal(
        withSpan("span", () => 6),
        6,
      );
      updateTrace({ userId: "u" });
      assert.deepEqual(carrier(), {});
      assert.equal(currentSpan(), undefined);
      assert.equal(currentTraceId(), undefined);
      startSpan("span").end();
    },
    { carrier: { get: fails, run: fails } },
  );
});
