import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep, setImmediate as turn } from "node:timers/promises";
import { context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import {
  bind,
  currentSpan,
  event,
  observe,
  score,
  snapshot,
  startSpan,
  updateSpan,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import { carrier, memory, spansOf, startSdk, theirs } from "./opentelemetry-both.ts";

startSdk();

test("theirs, ours, theirs, ours: one tree", async () => {
  const { paths, ours, get } = await spansOf(() =>
    theirs("GET /", () => withSpan("answer", () => theirs("query", () => withSpan("parse", () => event("hit"))))),
  );
  assert.deepEqual(paths, [
    "GET /",
    "GET / > answer",
    "GET / > answer > query",
    "GET / > answer > query > parse",
    "GET / > answer > query > parse > hit",
  ]);
  const [answer, parse] = ["answer", "parse"].map((name) => ours.find((span) => span.name === name)!);
  assert.equal(answer!.parentIsExternal, true);
  assert.equal(answer!.parentSpanId, get("GET /").spanId);
  assert.equal(parse!.parentIsExternal, true);
  assert.equal(answer!.parentIsRemote, undefined);
  assert.equal(ours.find((span) => span.name === "hit")!.parentIsExternal, undefined);
});

test("ours at the root, and siblings on both sides", async () => {
  const { paths } = await spansOf(() =>
    withSpan("job", () => {
      theirs("a", () => withSpan("b", () => {}));
      withSpan("c", () => theirs("d", () => {}));
      theirs("e", () => theirs("f", () => {}));
    }),
  );
  assert.deepEqual(paths, ["job", "job > a", "job > a > b", "job > c", "job > c > d", "job > e", "job > e > f"]);
});

const WAYS: Record<string, () => Promise<unknown>> = {
  await: async () => null,
  "a timer": () => sleep(1),
  setImmediate: () => turn(),
  nextTick: () => new Promise((resolve) => process.nextTick(resolve)),
  "a microtask": () => new Promise<void>((resolve) => queueMicrotask(resolve)),
};

for (const [name, wait] of Object.entries(WAYS)) {
  test(`both find their parents behind ${name}`, async () => {
    const step = observe("ours", async () => {
      await wait();
      await theirs("inner", async () => {
        await wait();
        withSpan("leaf", () => {});
      });
      await wait();
      theirs("after", () => {});
    });
    const { paths } = await spansOf(() =>
      theirs("root", async () => {
        await wait();
        await Promise.all([step(), step()]);
        await wait();
        withSpan("last", () => {});
      }),
    );
    assert.deepEqual(paths, [
      "root",
      "root > last",
      "root > ours",
      "root > ours",
      "root > ours > after",
      "root > ours > after",
      "root > ours > inner",
      "root > ours > inner",
      "root > ours > inner > leaf",
      "root > ours > inner > leaf",
    ]);
  });
}

test("300 requests at once stay apart", async () => {
  const step = observe("step", async (_id: number) => {
    await turn();
    await theirs("query", async () => {
      await turn();
      startSpan("leaf").end();
    });
  });
  const { paths, ours } = await spansOf(() =>
    Promise.all(Array.from({ length: 300 }, (_, id) => theirs(`request ${id}`, () => step(id)))),
  );
  for (let id = 0; id < 300; id++) {
    const root = `request ${id}`;
    assert.equal(paths.filter((path) => path === `${root} > step > query > leaf`).length, 1);
    assert.equal(paths.filter((path) => path.startsWith(`${root} `) || path === root).length, 4);
  }
  assert.equal(new Set(ours.map(({ traceId }) => traceId)).size, 300);
});

test("a generator's body goes on in its own span, whoever asks for the next step", async () => {
  const numbers = observe("numbers", async function* () {
    yield theirs("one", () => 1);
    await turn();
    yield theirs("two", () => withSpan("deep", () => 2));
  });
  const { paths } = await spansOf(async () => {
    const stream = theirs("maker", () => numbers());
    await theirs("reader", async () => {
      for await (const _ of stream) theirs("between", () => {});
    });
  });
  assert.deepEqual(paths, [
    "maker",
    "maker > numbers",
    "maker > numbers > one",
    "maker > numbers > two",
    "maker > numbers > two > deep",
    "reader",
    "reader > between",
    "reader > between",
  ]);
});

test("bind and snapshot bring both contexts back", async () => {
  const { paths } = await spansOf(async () => {
    const calls: (() => void)[] = [];
    const leaf = (): void => {
      theirs("their leaf", () => {});
      withSpan("our leaf", () => {});
    };
    theirs("t", () => calls.push(bind(leaf)));
    withSpan("o", () => calls.push(bind(leaf)));
    const outside = snapshot();
    await theirs("elsewhere", () =>
      withSpan("inner", () => {
        for (const call of calls) call();
      }),
    );
    withSpan("other", () => outside(leaf));
    theirs("another", () => outside(leaf));
  });
  assert.deepEqual(paths, [
    "another",
    "elsewhere",
    "elsewhere > inner",
    "o",
    "o > our leaf",
    "o > their leaf",
    "other",
    "our leaf",
    "our leaf",
    "t",
    "t > our leaf",
    "t > their leaf",
    "their leaf",
    "their leaf",
  ]);
});

test("what OpenTelemetry binds brings ours back too", async () => {
  const { paths } = await spansOf(() => {
    const leaf = (): void => withSpan("leaf", () => {});
    const bound = withSpan("a", () => context.bind(context.active(), leaf));
    const deeper = withSpan("b", () => theirs("c", () => context.bind(context.active(), leaf)));
    withSpan("elsewhere", () => {
      bound();
      deeper();
    });
  });
  assert.deepEqual(paths, ["a", "a > leaf", "b", "b > c", "b > c > leaf", "elsewhere"]);
});

test("a new root of theirs inside ours, and of ours inside theirs", async () => {
  const lone = observe({ name: "lone", root: true }, () => theirs("below", () => {}));
  const { paths } = await spansOf(() =>
    withSpan("ours", () => {
      const own = trace.getTracer("test").startSpan("root", { root: true });
      context.with(trace.setSpan(ROOT_CONTEXT, own), () => withSpan("in root", () => {}));
      own.end();
      theirs("theirs", () => lone());
    }),
  );
  assert.deepEqual(paths, ["lone", "lone > below", "ours", "ours > theirs", "root", "root > in root"]);
});

test("where theirs has been taken out of the context, ours goes on", async () => {
  const { paths } = await spansOf(() =>
    theirs("t", () =>
      withSpan("o", () => {
        context.with(ROOT_CONTEXT, () => withSpan("a", () => {}));
        context.with(trace.deleteSpan(context.active()), () => withSpan("b", () => {}));
      }),
    ),
  );
  assert.deepEqual(paths, ["t", "t > o", "t > o > a", "t > o > b"]);
});

test("a parent in another process is the parent of both", async () => {
  const traceparent = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01";
  const { ours } = await spansOf(() =>
    withContext({ traceparent, tracestate: "vendor=1" }, () => {
      theirs("t", () => withSpan("below", () => {}));
      const { traceId, spanId, isRemote, traceState } = trace.getActiveSpan()!.spanContext();
      assert.deepEqual(
        [traceId, spanId, isRemote, traceState?.serialize()],
        ["0123456789abcdef0123456789abcdef", "0123456789abcdef", true, "vendor=1"],
      );
      withSpan("o", () => assert.equal(trace.getActiveSpan()!.spanContext().traceState?.get("vendor"), "1"));
    }),
  );
  assert.deepEqual(
    ours.map((span) => [span.name, span.traceId, span.parentIsRemote]),
    [
      ["below", "0123456789abcdef0123456789abcdef", undefined],
      ["o", "0123456789abcdef0123456789abcdef", true],
    ],
  );
});

test("a parent that OpenTelemetry took from headers", async () => {
  const remote = {
    traceId: "0123456789abcdef0123456789abcdef",
    spanId: "0123456789abcdef",
    traceFlags: 1,
    isRemote: true,
  };
  const { ours } = await spansOf(() =>
    context.with(trace.setSpanContext(ROOT_CONTEXT, remote), () => withSpan("o", () => {})),
  );
  assert.deepEqual(
    ours.map((span) => [span.traceId, span.parentSpanId, span.parentIsRemote, span.parentIsExternal]),
    [[remote.traceId, remote.spanId, true, undefined]],
  );
});

test("headers that OpenTelemetry has taken already are not taken once more", async () => {
  const { paths, ours } = await spansOf(
    () =>
      withSpan("caller", (caller) => {
        const headers = { traceparent: caller.traceparent(), baggage: "plan=pro" };
        const server = trace.getTracer("test").startSpan("server");
        context.with(trace.setSpan(ROOT_CONTEXT, server), () =>
          withContext(headers, () => withSpan("handler", () => {})),
        );
        server.end();
      }),
    { baggage: { plan: "metadata.plan" } },
  );
  assert.deepEqual(paths, ["caller", "caller > server", "caller > server > handler"]);
  assert.deepEqual(ours.find(({ name }) => name === "handler")!.trace.metadata, { plan: "pro" });
});

test("the current span inside one of theirs is ours around it", async () => {
  const { ours } = await spansOf(() =>
    withSpan("o", (span) => {
      theirs("t", () => {
        assert.equal(currentSpan()?.spanId, span.spanId);
        updateSpan({ metadata: { seen: true } });
        score({ name: "good", value: true });
      });
      theirs("u", () => theirs("v", () => assert.equal(currentSpan(), span)));
    }),
  );
  assert.deepEqual(ours[0]!.metadata, { seen: true });
  assert.equal(memory.records.find((record) => record.record === "score")!.spanId, ours[0]!.spanId);
  await spansOf(() => theirs("alone", () => assert.equal(currentSpan(), undefined)));
});

test("all spans of one of their traces share its attributes", async () => {
  const { ours } = await spansOf(() =>
    withTrace({ userId: "u-1" }, () =>
      theirs("root", () => {
        theirs("a", () => withSpan("first", () => {}));
        theirs("b", () => updateTrace({ sessionId: "s-1" }));
        theirs("c", () => {
          currentSpan();
          theirs("d", () => withSpan("second", () => {}));
        });
      }),
    ),
  );
  assert.deepEqual(
    ours.map(({ name, trace }) => [name, trace.userId, trace.sessionId]),
    [
      ["first", "u-1", "s-1"],
      ["second", "u-1", "s-1"],
    ],
  );
});

test("separate: theirs keep their own parents, ours the nearest", async () => {
  const { openTelemetryCarrier } = await import("sightline/interop/opentelemetry");
  const { paths } = await spansOf(
    async () => {
      await theirs("GET /", () =>
        withSpan("answer", async () => {
          await turn();
          theirs("query", () => withSpan("parse", () => withSpan("deep", () => theirs("last", () => {}))));
          withSpan("after", () => {});
        }),
      );
      withSpan("job", () => withSpan("step", () => theirs("query of job", () => theirs("part", () => {}))));
    },
    { carrier: openTelemetryCarrier({ separate: true }) },
  );
  assert.deepEqual(paths, [
    "GET /",
    "GET / > answer",
    "GET / > answer > after",
    "GET / > query",
    "GET / > query > last",
    "GET / > query > parse",
    "GET / > query > parse > deep",
    "job",
    "job > step",
    "job > step > query of job",
    "job > step > query of job > part",
  ]);
});

test("below another carrier, which puts stand-ins of its own into the context", async () => {
  const { agentsCarrier } = await import("sightline/interop/openai-agents");
  const tool = { spanId: "span_1", traceId: "trace_1", parentId: null } as never;
  const { paths } = await spansOf(
    () =>
      theirs("t", async () => {
        await withSpan("o", async () => {
          await turn();
          theirs("u", () => withSpan("p", () => withSpan("q", () => {})));
        });
        withSpan("r", () => {});
      }),
    { carrier: agentsCarrier(() => tool, carrier) },
  );
  assert.deepEqual(paths, ["t", "t > o", "t > o > u", "t > o > u > p", "t > o > u > p > q", "t > r"]);
});

test("1,000 spans deep, no context is larger than another", async () => {
  let size = 0;
  const down = async (left: number): Promise<void> => {
    await null;
    const { _currentContext } = context.active() as unknown as { _currentContext: Map<symbol, unknown> };
    size = Math.max(size, _currentContext.size);
    if (left > 0) await withSpan("step", () => down(left - 1));
  };
  await spansOf(() => theirs("t", () => down(1_000)));
  // The span and the trace.
  assert.equal(size, 2);
});

test("options that are none are refused", async () => {
  const { openTelemetryCarrier } = await import("sightline/interop/opentelemetry");
  const make = openTelemetryCarrier as (options: unknown) => unknown;
  assert.throws(() => make({ seperate: true }), { code: "CONFIG_UNKNOWN_OPTION", message: /"seperate".*separate/ });
  assert.throws(() => make({ separate: 1 }), {
    code: "CONFIG_BAD_VALUE",
    message: /separate.*true or false; it got 1/,
  });
});
