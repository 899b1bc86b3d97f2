/** Sampling, suppression, baggage and trace state: what one tracer decides, the other follows. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { before, test } from "node:test";
import { context, propagation, type Sampler, SpanKind, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { isTracingSuppressed, suppressTracing } from "@opentelemetry/core";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import {
  bind,
  flush,
  memorySink,
  observe,
  type Sink,
  snapshot,
  suppress,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import { carrier, exporter, memory, spansOf, startProvider, startSdk, theirs } from "./opentelemetry-both.ts";

before(startSdk);

const parentBased = (root: Sampler): Sampler => new ParentBasedSampler({ root });
const mixed = (): void => theirs("t", () => withSpan("o", () => theirs("u", () => withSpan("p", () => {}))));

test("what OpenTelemetry does not sample, we do not record", async () => {
  startProvider(parentBased(new AlwaysOffSampler()));
  assert.deepEqual((await spansOf(mixed)).paths, []);
  startProvider();
});

test("a monitor gets it all the same, marked as not sampled", async () => {
  startProvider(parentBased(new AlwaysOffSampler()));
  const monitor: Sink & ReturnType<typeof memorySink> = Object.assign(memorySink({ name: "monitor" }), {
    policy: { unsampled: true },
  });
  const { ours } = await spansOf(mixed, { sinks: [memory, monitor] });
  assert.deepEqual(ours, []);
  assert.deepEqual(monitor.records.map((record) => record.record === "span" && record.name).sort(), ["o", "p"]);
  startProvider();
});

test("what we do not sample, OpenTelemetry does not", async () => {
  startProvider(parentBased(new AlwaysOnSampler()));
  const { paths } = await spansOf(() => withSpan("root", mixed), { sampleRate: 0 });
  assert.deepEqual(paths, []);
});

test("a tenth, decided by either: whole traces or nothing", async () => {
  startProvider(parentBased(new TraceIdRatioBasedSampler(0.1)));
  const theirRoot = await spansOf(async () => {
    for (let i = 0; i < 500; i++) mixed();
  });
  assert.ok(theirRoot.ours.length > 20 && theirRoot.ours.length < 200, `${theirRoot.ours.length}`);
  assert.equal(theirRoot.paths.filter((path) => path === "t > o > u > p").length * 4, theirRoot.paths.length);

  startProvider(parentBased(new AlwaysOnSampler()));
  const ourRoot = await spansOf(
    async () => {
      for (let i = 0; i < 500; i++) withSpan("r", mixed);
    },
    { sampleRate: 0.1 },
  );
  assert.ok(ourRoot.ours.length > 30 && ourRoot.ours.length < 300, `${ourRoot.ours.length}`);
  assert.equal(ourRoot.paths.filter((path) => path === "r > t > o > u > p").length * 5, ourRoot.paths.length);
});

test("one of their spans that a sampler leaves out is passed over inside ours", async () => {
  const noisy: Sampler = {
    shouldSample: (_context, _traceId, name) => ({ decision: name === "noise" ? 0 : 2 }),
    toString: () => "noisy",
  };
  startProvider(noisy);
  const { paths } = await spansOf(() =>
    theirs("t", () => withSpan("o", () => theirs("noise", () => withSpan("p", () => theirs("u", () => {}))))),
  );
  assert.deepEqual(paths, ["t", "t > o", "t > o > p", "t > o > p > u"]);
  startProvider();
});

test("a span of theirs that is none: the no-op tracer's, and one with ids of zeros", async () => {
  trace.disable();
  const { paths } = await spansOf(() => {
    theirs("noop", () => withSpan("a", () => theirs("noop", () => withSpan("b", () => {}))));
    const zeros = trace.wrapSpanContext({ traceId: "0".repeat(32), spanId: "0".repeat(16), traceFlags: 0 });
    withSpan("c", () => context.with(trace.setSpan(context.active(), zeros), () => withSpan("d", () => {})));
  });
  assert.deepEqual(paths, ["a", "a > b", "c", "c > d"]);
  startProvider();
});

test("suppressTracing silences us", async () => {
  const step = observe("step", async () => withSpan("deeper", () => {}));
  const { paths } = await spansOf(() =>
    theirs("t", async () => {
      await context.with(suppressTracing(context.active()), async () => {
        await step();
        await null;
        withTrace({ userId: "u" }, () => withSpan("o", () => {}));
        withContext({ traceparent: "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01" }, () => step());
      });
      withSpan("heard", () => {});
    }),
  );
  assert.deepEqual(paths, ["t", "t > heard"]);
});

test("suppress silences them, and what was bound before is heard again", async () => {
  const { paths } = await spansOf(() =>
    withSpan("o", async () => {
      const heard = bind(() => theirs("heard", () => withSpan("too", () => {})));
      const run = snapshot();
      await suppress(async () => {
        assert.ok(isTracingSuppressed(context.active()));
        await null;
        theirs("silent", () => withSpan("silent too", () => {}));
        heard();
        suppress(() => theirs("silent", () => {}));
        run(() => theirs("again", () => {}));
      });
    }),
  );
  assert.deepEqual(paths, ["o", "o > again", "o > heard", "o > heard > too"]);
});

test("suppress enters one context of theirs, and none inside suppressTracing", async (t) => {
  const enter = t.mock.method(AsyncLocalStorageContextManager.prototype, "with");
  const entered = (fn: () => void): number => {
    const before = enter.mock.callCount();
    fn();
    return enter.mock.callCount() - before;
  };
  await spansOf(() => {
    assert.equal(
      entered(() => suppress(() => assert.ok(isTracingSuppressed(context.active())))),
      1,
    );
    context.with(suppressTracing(context.active()), () =>
      assert.equal(
        entered(() => suppress(() => {})),
        0,
      ),
    );
  });
});

test("a sink's own requests are traced by neither", async () => {
  const server = createServer((_request, response) => response.end()).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const traced = observe("traced fetch", (address: string) => theirs("fetch", () => fetch(address)));
  const seen: boolean[] = [];
  const posting: Sink = {
    name: "posting",
    async write() {
      seen.push(isTracingSuppressed(context.active()));
      await (await traced(url)).text();
      seen.push(isTracingSuppressed(context.active()));
      await (await traced(url)).text();
    },
  };
  const { paths } = await spansOf(
    () =>
      theirs("t", async () => {
        withSpan("o", () => {});
        await flush();
      }),
    { sinks: [memory, posting] },
  );
  server.close();
  assert.deepEqual(paths, ["t", "t > o"]);
  assert.ok(seen.length >= 2 && seen.every(Boolean));
});

const RULES = { "app.plan": "metadata.plan", "user.id": "userId" } as const;

test("baggage on the list becomes attributes of the traces that begin with it", async () => {
  const baggage = propagation.createBaggage({
    "app.plan": { value: "pro" },
    "user.id": { value: "u-1" },
    secret: { value: "x" },
  });
  const within = (fn: () => unknown) => () => context.with(propagation.setBaggage(context.active(), baggage), fn);
  const programs: [string, () => unknown][] = [
    ["a trace of ours", within(() => withSpan("o", () => {}))],
    ["a trace of theirs", within(() => theirs("t", () => withSpan("o", () => {})))],
    ["with attributes of our own", within(() => withTrace({ userId: "u-2" }, () => withSpan("o", () => {})))],
    [
      "ours inside theirs with attributes",
      () =>
        withTrace(
          { userId: "u-2" },
          within(() => theirs("t", () => withSpan("o", () => {}))),
        ),
    ],
  ];
  for (const [name, program] of programs) {
    const { ours } = await spansOf(program, { baggage: RULES });
    const userId = name.includes("attributes") ? "u-2" : "u-1";
    assert.deepEqual(ours[0]!.trace, { userId, metadata: { plan: "pro" } }, name);
    assert.equal((await spansOf(program)).ours[0]!.trace.metadata, undefined, name);
  }
});

test("attributes on the list become baggage that OpenTelemetry's propagator sends", async () => {
  await spansOf(
    () =>
      withTrace({ userId: "u-1", sessionId: "s-1", metadata: { plan: "pro" } }, () =>
        withSpan("o", (span) => {
          const headers: Record<string, string> = {};
          propagation.inject(context.active(), headers);
          assert.deepEqual(headers, {
            traceparent: `${span.traceparent().slice(0, -2)}01`,
            baggage: "app.plan=pro,user.id=u-1",
          });
          const held = propagation.getBaggage(context.active());
          withSpan("p", () => assert.equal(propagation.getBaggage(context.active()), held));
        }),
      ),
    { baggage: RULES },
  );
  await spansOf(() =>
    withTrace({ userId: "u-1" }, () => withSpan("o", () => assert.equal(propagation.getActiveBaggage(), undefined))),
  );
});

test("a parent's trace state goes on through ours", async () => {
  const { ours } = await spansOf(() => {
    const headers = { traceparent: "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01", tracestate: "vendor=1" };
    context.with(propagation.extract(context.active(), headers), () =>
      theirs("t", () =>
        withSpan("o", () => {
          const span = trace.getTracer("test").startSpan("u", { kind: SpanKind.CLIENT });
          assert.equal(span.spanContext().traceState?.serialize(), "vendor=1");
          span.end();
        }),
      ),
    );
  });
  assert.equal(ours.length, 1);
});

test("reading the context allocates nothing when nothing has changed", async () => {
  await spansOf(() => {
    const places: [string, (fn: () => void) => void][] = [
      ["outside", (fn) => fn()],
      ["in theirs", (fn) => theirs("t", fn)],
      ["in ours", (fn) => withSpan("o", fn)],
      ["theirs in ours", (fn) => withSpan("o", () => theirs("t", fn))],
      ["ours in theirs", (fn) => theirs("t", () => withSpan("o", fn))],
      ["suppressed", (fn) => suppress(fn)],
    ];
    for (const [name, place] of places) {
      place(() => {
        const first = carrier.get();
        for (let i = 0; i < 20_000; i++) carrier.get();
        const heap = process.memoryUsage().heapUsed;
        for (let i = 0; i < 100_000; i++) if (carrier.get() !== first) assert.fail(name);
        // One object a call would be 16 bytes and more, a closure 64.
        assert.ok(process.memoryUsage().heapUsed - heap < 400_000, name);
      });
    }
  });
  assert.equal(exporter.getFinishedSpans().length, 3);
});
