import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConfigError,
  client,
  configure,
  event,
  flush,
  generation,
  memorySink,
  ObserveError,
  observe,
  score,
  shutdown,
  startSpan,
  stats,
  updateTrace,
  withSpan,
} from "sightline";
import { fakeClock } from "sightline/testing";
import { traced } from "../support/traced.ts";

test("an asynchronous picker or function of options says nothing, and rejects into no one's face", async () => {
  const unhandled: unknown[] = [];
  const listener = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", listener);
  const bad = async (): Promise<never> => {
    throw new Error("of a picker");
  };
  const sink = await traced(async () => {
    assert.equal(observe({ name: "input", input: bad }, (n: number) => n)(1), 1);
    assert.equal(observe({ name: "output", output: bad }, (n: number) => n)(1), 1);
    assert.equal(
      observe(bad as never, function options(n: number) {
        return n;
      })(1),
      1,
    );
    await new Promise(setImmediate);
  });
  process.off("unhandledRejection", listener);
  assert.deepEqual(unhandled, []);
  assert.deepEqual(
    ["input", "output", "options"].map((name) => sink.get(name).record.status.code),
    ["ok", "ok", "ok"],
  );
});

test("nothing of the manual side throws, whatever it is given, with tracing on and off", async () => {
  const calls = (): void => {
    const any = undefined as never;
    for (const nothing of [any, null as never]) {
      generation(nothing);
      event("e", nothing);
      score(nothing);
      client.startTrace(nothing);
      client.startSpan("x", nothing);
      client.endSpan("x", nothing);
      client.generation(nothing);
      updateTrace(nothing);
      startSpan("s", nothing).end(nothing);
    }
  };
  calls();
  await traced(calls);
});

test("a record that cannot be right is not written, or is written as far as it is right", async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const sink = await traced(() => {
    startSpan("revoked").end(proxy);
    for (const parent of [5, true, {}, { traceId: "zz" }]) startSpan("odd parent", { parent: parent as never }).end();
    client.startSpan("unknown", { name: "nowhere" });
    client.generation({ traceId: "unknown", name: "nowhere" });
    for (const value of [{}, Number.NaN, undefined]) score({ name: "s", value: value as never });
    startSpan("odd fields", { type: "zzz" as never, level: "LOUD" as never, cost: Number.NaN }).end();
    withSpan("metadata", () => updateTrace({ metadata: 5 as never }));
  });
  assert.equal(sink.get("revoked").record.status.code, "ok");
  const odd = sink.findAll("odd parent");
  assert.equal(odd.length, 4);
  for (const { record } of odd) {
    assert.match(record.traceId, /^[0-9a-f]{32}$/);
    assert.equal(record.parentSpanId, undefined);
  }
  assert.equal(sink.find("nowhere"), undefined);
  assert.equal(sink.records.filter((record) => record.record === "score").length, 0);
  const { type, level, cost } = sink.get("odd fields").record;
  assert.deepEqual([type, level, cost?.total], ["span", "DEFAULT", undefined]);
  assert.equal(sink.get("metadata").record.trace.metadata, undefined);
});

test("options of observe that cannot be meant throw at decoration", () => {
  const bad = (code: string) => (error: unknown) => error instanceof ObserveError && error.code === code;
  assert.throws(() => observe({ type: "llm" as never }), bad("OBSERVE_BAD_OPTION"));
  assert.throws(() => observe([] as never), bad("OBSERVE_BAD_OPTION"));
  assert.throws(() => observe({ nmae: "x" } as never), bad("OBSERVE_UNKNOWN_OPTION"));
});

test("names are bounded and masked", async () => {
  const secret = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789";
  const sink = await traced(() => {
    withSpan("x".repeat(1_000_000), (span) => void span.event(`e ${secret}`));
    event(`with ${secret}`);
    startSpan("renamed")
      .update({ name: `to ${secret}` })
      .end();
  });
  assert.equal(JSON.stringify(sink.records).includes("abcdefghij"), false);
  assert.equal(Math.max(...sink.findAll(() => true).map(({ record }) => record.name.length)), 512);
});

test("traces are in order below the wall clock's milliseconds", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  for (let i = 0; i < 300; i++) withSpan(`${i}`.padStart(3, "0"), () => {});
  await flush();
  const names = sink.traces().map(({ roots }) => roots[0]?.record.name);
  assert.deepEqual(names, [...names].sort());
  await shutdown();
});

test("a process that has to wait between the two clocks has seen no jump", async () => {
  const sink = memorySink();
  const clock = fakeClock();
  let isInterrupted = false;
  const epochMs = (): number => {
    if (isInterrupted) clock.advance(2.6);
    isInterrupted = false;
    return Math.floor(clock.epochMs());
  };
  configure({ sinks: [sink], clock: { epochMs, monotonicMs: clock.monotonicMs } });
  for (let i = 0; i < 600; i++) {
    isInterrupted = i % 50 === 49;
    withSpan(`${i}`, () => clock.advance(0.07));
  }
  await flush();
  const starts = sink.findAll(() => true).map(({ record }) => BigInt(record.startTime));
  assert.equal(starts.length, 600);
  assert.deepEqual(
    starts.filter((start, i) => i > 0 && start <= starts[i - 1]!),
    [],
  );
  await shutdown();
});

test("a process that has to wait as the wall clock is set is not set back by the next trace", async () => {
  const sink = memorySink();
  const clock = fakeClock();
  let aheadMs = 0;
  let waitMs = 0;
  const epochMs = (): number => {
    clock.advance(waitMs);
    waitMs = 0;
    return clock.epochMs() + aheadMs;
  };
  configure({ sinks: [sink], clock: { epochMs, monotonicMs: clock.monotonicMs } });
  const jumped = clock.epochMs() + 50;
  [aheadMs, waitMs] = [50, 20];
  for (let i = 0; i < 3; i++) withSpan(`${i}`, () => clock.advance(1));
  await flush();
  const starts = sink.findAll(() => true).map(({ record }) => Number(BigInt(record.startTime) / 1_000_000n) - jumped);
  assert.deepEqual(starts, [0, 21, 22]);
  await shutdown();
});

test("a wrong mask or delivery is refused: a typo must not unmask", () => {
  const refused = (options: object) =>
    assert.throws(
      () => configure(options),
      (error) => error instanceof ConfigError && error.code === "CONFIG_BAD_VALUE",
      JSON.stringify(options),
    );
  for (const mask of [{ key: ["foo"] }, { keys: [5] }, { keys: "foo" }, { text: 5 }, { text: [/x/] }])
    refused({ mask });
  refused({ delivery: { bogus: 1 } });
  refused(null as never);
  refused("x" as never);
});

test("a span that was open when configure() was called again ends in the new configuration", async () => {
  const first = memorySink();
  const second = memorySink();
  configure({ sinks: [first] });
  const span = startSpan("over");
  configure({ sinks: [second] });
  span.end({ output: 1 });
  await flush();
  assert.equal(second.get("over").record.output, 1);
  assert.equal(second.get("over").record.seq, 1);
  await shutdown();
  assert.equal(stats().sinks["memory"]?.written, 1, "the books stay open after shutdown()");
});

test("flush() names what was lost and why", async () => {
  configure({ sinks: [memorySink()], delivery: { queueRecords: 2 } });
  for (let i = 0; i < 5; i++) withSpan("s", () => {});
  const { ok, dropped, errors } = await flush();
  assert.deepEqual({ ok, dropped, errors }, { ok: false, dropped: 3, errors: ["memory: lost 3 (queue_full 3)"] });
  await shutdown();
});

test("observe with its arguments in another order says which order it takes", () => {
  const tool = observe as unknown as (...given: unknown[]) => unknown;
  assert.throws(() => tool("look", { type: "tool" }, () => 1), {
    code: "OBSERVE_UNSUITABLE_TARGET",
    message: /observe\(\{ name, type \}, fn\)/,
  });
  assert.throws(() => tool(() => 1, { name: "look" }), {
    code: "OBSERVE_UNSUITABLE_TARGET",
    message: /is an object, not a function; options come first/,
  });
});
