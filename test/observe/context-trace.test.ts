import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import {
  carrier,
  client,
  currentSpan,
  event,
  flush,
  generation,
  memorySink,
  observe,
  score,
  startSpan,
  stats,
  suppress,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import { sequentialIds } from "sightline/testing";
import { traced } from "../support/traced.ts";

const TRACE = "a".repeat(32);
const SPAN = "b".repeat(16);
const remote = (flags = "01") => ({ traceparent: `00-${TRACE}-${SPAN}-${flags}`, tracestate: "vendor=x" });

test("nothing inside suppress is recorded, in whatever way it is asked for", async () => {
  const run = observe({ root: true }, async function run() {
    await turn();
    startSpan("later").end();
  });
  const error = Object.freeze(new Error("boom"));
  const sink = await traced(async () => {
    await withSpan("outer", async (outer) => {
      const result = suppress(async () => {
        await run();
        withSpan("span", () => {});
        withSpan("new trace", { parent: null }, () => startSpan("below").end());
        startSpan("explicit parent", { parent: outer }).end();
        startSpan("remote parent", { parent: remote().traceparent }).end();
        withContext(remote(), () => startSpan("in a remote trace").end());
        withTrace({ userId: "u" }, () => startSpan("with attributes").end());
        generation({ name: "generation", parent: null });
        event("event");
        const trace = client.startTrace({ agentId: "agent" });
        client.endSpan(client.startSpan(trace.id, { name: "by id" }).id);
        client.endTrace(trace.id);
        return 1;
      });
      assert.equal(currentSpan(), outer);
      assert.equal(await result, 1);
      assert.throws(
        () =>
          suppress(() => {
            throw error;
          }),
        (thrown) => thrown === error,
      );
      startSpan("after").end();
    });
  });
  sink.expectTree(`
    outer
    └─ after
  `);
});

test("below a span that is not sampled nothing starts a trace of its own", async () => {
  const run = observe(async function* run(): AsyncGenerator<number> {
    startSpan("child").end();
    yield 1;
  });
  const sink = await traced(
    async () => {
      await withSpan("outer", async () => {
        for await (const _ of run()) startSpan("consumer").end();
        generation({ name: "generation" });
        event("event");
      });
      const { started, open } = stats();
      assert.deepEqual({ started, open }, { started: 0, open: 0 });
    },
    { sampleRate: 0 },
  );
  assert.equal(sink.records.length, 0);
});

/** What goes on working after the call: each starts spans only when it is consumed. */
const LAZY: Readonly<Record<string, () => any>> = {
  "a generator": function* () {
    startSpan("child").end();
    yield 1;
    withSpan("another child", () => {});
  },
  "an async generator": async function* () {
    startSpan("child").end();
    yield 1;
    await withSpan("another child", async () => {});
  },
  "a promise of a generator": async () => LAZY["a generator"]?.(),
  "an iterator by hand": () => ({
    next: () => ({ value: 1, done: startSpan("child").end() === undefined }),
    [Symbol.iterator]() {
      return this;
    },
  }),
  "an async iterable": () => ({
    [Symbol.asyncIterator]: () => LAZY["an async generator"]?.(),
  }),
};

for (const [kind, make] of Object.entries(LAZY)) {
  test(`${kind} of an unsampled trace starts no traces of its own where it is consumed`, async () => {
    let traces = 0;
    const ids = {
      ...sequentialIds(),
      // The first trace is not sampled, all others would be.
      traceId: () => (traces++ === 0 ? "1" : "f").repeat(32),
    };
    const sink = await traced(
      async () => {
        for await (const _ of await observe("lazy", make)());
      },
      { sampleRate: 0.5, ids },
    );
    assert.equal(sink.records.length, 0);
  });
}

test("an unsampled trace travels on as unsampled", async () => {
  await traced(
    () =>
      withSpan("outer", () => {
        assert.match(carrier().traceparent ?? "", /-0[02]$/);
      }),
    { sampleRate: 0 },
  );
});

test("a remote parent: same trace, marked as remote, and tracestate goes on", async () => {
  const sink = await traced(() =>
    withContext(remote(), () => {
      assert.equal(carrier().traceparent?.slice(0, 35), `00-${TRACE}`);
      withSpan("server", () => {
        assert.equal(carrier().tracestate, "vendor=x");
        startSpan("local").end();
      });
    }),
  );
  const { record: server } = sink.get("server");
  const { record: local } = sink.get("local");
  assert.deepEqual([server.traceId, server.parentSpanId, server.parentIsRemote], [TRACE, SPAN, true]);
  assert.deepEqual([local.traceId, local.parentSpanId, local.parentIsRemote], [TRACE, server.spanId, undefined]);
});

test("a remote parent that is not sampled mutes what is below it", async () => {
  const sink = await traced(() => withContext(remote("00"), () => withSpan("server", () => startSpan("local").end())));
  assert.equal(sink.records.length, 0);
});

test("a carrier is plain JSON, and survives the trip", async () => {
  const sink = await traced(() => {
    const sent = withSpan("sender", () => JSON.parse(JSON.stringify(carrier())));
    withContext(sent, () => startSpan("receiver").end());
  });
  assert.equal(sink.get("receiver").record.parentSpanId, sink.get("sender").record.spanId);
  assert.deepEqual(carrier(), {});
});

const { proxy: revoked, revoke } = Proxy.revocable({}, {});
revoke();

const MALFORMED: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  "a number": 5,
  "a string": "00-",
  "an empty object": {},
  "a number inside": { traceparent: 5 },
  "too short": { traceparent: `00-${TRACE}-${SPAN}` },
  "zero ids": { traceparent: `00-${"0".repeat(32)}-${SPAN}-01` },
  "version ff": { traceparent: `ff-${TRACE}-${SPAN}-01` },
  "upper case": { traceparent: `00-${TRACE.toUpperCase()}-${SPAN}-01` },
  "a megabyte": { traceparent: "0".repeat(1 << 20) },
  "a revoked proxy": revoked,
  "a getter that throws": {
    get traceparent() {
      throw new Error("getter");
    },
  },
  "a get that throws": {
    get() {
      throw new Error("get");
    },
  },
};

for (const [what, context] of Object.entries(MALFORMED)) {
  test(`withContext ignores ${what}`, async () => {
    const sink = await traced(() => {
      assert.equal(
        withContext(context, () => startSpan("root").end() ?? 7),
        7,
      );
    });
    assert.equal(sink.get("root").record.parentSpanId, undefined);
  });
}

test("withContext takes headers of every kind", async () => {
  const kinds: readonly unknown[] = [
    new Headers(remote()),
    new Map(Object.entries(remote())),
    { Traceparent: remote().traceparent },
    { traceparent: [remote().traceparent] },
    Object.assign(Object.create(null), remote()),
  ];
  const sink = await traced(() => {
    for (const [index, kind] of kinds.entries()) withContext(kind, () => startSpan(`from ${index}`).end());
  });
  for (const index of kinds.keys()) assert.equal(sink.get(`from ${index}`).record.traceId, TRACE);
});

test("a late updateTrace reaches the spans that are open and those that were not sent yet", async () => {
  const sink = await traced(async () => {
    await withSpan("root", async () => {
      startSpan("ended before").end();
      const open = startSpan("open");
      await withSpan("deep", async () => {
        await turn();
        updateTrace({ userId: "u-1", tags: ["a"], metadata: { x: 1 } });
      });
      updateTrace({ tags: ["b", "a"], metadata: { y: 2 } });
      open.end();
    });
    score({ name: "helpful", value: 1 });
  });
  for (const name of ["root", "ended before", "open", "deep"]) {
    const { trace } = sink.get(name).record;
    assert.deepEqual([trace.userId, trace.tags, trace.metadata], ["u-1", ["a", "b"], { x: 1, y: 2 }], name);
  }
});

test("what was sent stays as it was sent", async () => {
  const sink = memorySink();
  await traced(
    async () => {
      const root = startSpan("root");
      startSpan("sent", { parent: root }).end();
      await flush();
      const before = JSON.stringify(sink.get("sent").record);
      withSpan("inner", { parent: root }, () => updateTrace({ userId: "late" }));
      root.end();
      await flush();
      assert.equal(JSON.stringify(sink.get("sent").record), before);
      assert.equal(sink.get("root").record.trace.userId, "late");
    },
    { sinks: [sink] },
  );
});

test("attributes of parallel traces do not mix", async () => {
  const sink = await traced(() =>
    Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        withTrace({ userId: `u-${i}` }, async () => {
          await turn();
          await withSpan(`outer ${i}`, async () => {
            await turn();
            updateTrace({ sessionId: `s-${i}` });
            startSpan(`inner ${i}`).end();
          });
        }),
      ),
    ),
  );
  for (const { name, trace } of sink.records) {
    const i = name.split(" ")[1];
    assert.deepEqual([trace.userId, trace.sessionId], [`u-${i}`, `s-${i}`]);
  }
  assert.equal(sink.records.length, 200);
});

test("withTrace: inner adds to outer, and outside of it nothing is left", async () => {
  const sink = await traced(() => {
    withTrace({ userId: "u", tags: ["a"] }, () => {
      withTrace({ sessionId: "s", tags: ["b"] }, () => startSpan("both").end());
      startSpan("outer only").end();
    });
    startSpan("neither").end();
  });
  const shown = (name: string) => {
    const { userId, sessionId, tags } = sink.get(name).record.trace;
    return [userId, sessionId, tags];
  };
  assert.deepEqual(shown("both"), ["u", "s", ["a", "b"]]);
  assert.deepEqual(shown("outer only"), ["u", undefined, ["a"]]);
  assert.deepEqual(shown("neither"), [undefined, undefined, undefined]);
});

test("updateTrace and withTrace take hostile values", async () => {
  const hostile = {
    get userId(): string {
      throw new Error("getter");
    },
  };
  await traced(() => {
    withSpan("root", () => {
      for (const patch of [
        hostile,
        revoked,
        null,
        undefined,
        5,
        { tags: "no array" },
        { metadata: revoked },
      ] as any[]) {
        updateTrace(patch);
        assert.equal(
          withTrace(patch, () => 1),
          1,
        );
      }
    });
    updateTrace({ userId: "outside" });
    for (const patch of [hostile, revoked, null, undefined] as any[])
      assert.equal(
        withTrace(patch, () => 1),
        1,
      );
  });
});
