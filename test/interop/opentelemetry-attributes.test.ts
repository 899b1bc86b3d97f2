/** Whose attributes a record carries: those of its own request, whatever the ids. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type Context, context, propagation, ROOT_CONTEXT, type Span, SpanKind, trace } from "@opentelemetry/api";
import { AlwaysOnSampler } from "@opentelemetry/sdk-trace-base";
import { bind, currentSpan, startSpan, updateTrace, withContext, withSpan } from "sightline";
import { traceRequests } from "sightline/interop/http";
import { openTelemetryCarrier } from "sightline/interop/opentelemetry";
import { carrier, exporter, type Spans, spansOf, startProvider, startSdk, theirs } from "./opentelemetry-both.ts";

startSdk();

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const BAGGAGE = { "user.id": "userId" } as const;

/** What OpenTelemetry's server instrumentation makes current for a request of one and the same caller. */
function incoming<T>(fn: () => T, user?: string, traceparent = TRACEPARENT): T {
  const headers = { traceparent, ...(user !== undefined && { baggage: `user.id=${user}` }) };
  return context.with(propagation.extract(ROOT_CONTEXT, headers), () => theirs("GET", fn));
}

function withUser(user: string, active: Context): Context {
  return propagation.setBaggage(active, propagation.createBaggage({ "user.id": { value: user } }));
}

const users = ({ ours }: Spans): Record<string, string | undefined> =>
  Object.fromEntries(ours.map(({ name, trace }) => [name, trace.userId]));

const WHO = ["ada", "bob", "eve"];

test("requests of one caller's trace have each their own baggage", async () => {
  const program = (): void => {
    for (const user of WHO) incoming(() => withSpan(user, () => {}), user);
  };
  const seen = await spansOf(program, { baggage: BAGGAGE });
  assert.deepEqual(users(seen), { ada: "ada", bob: "bob", eve: "eve" });
  assert.equal(new Set(seen.ours.map(({ traceId }) => traceId)).size, 1);
});

test("requests of one caller's trace at once: updateTrace reaches the spans of its own", async () => {
  const seen = await spansOf(() =>
    Promise.all(
      WHO.map((user, index) =>
        incoming(async () => {
          startSpan(`${user} before`).end();
          await withSpan(user, async () => {
            updateTrace({ userId: user });
            for (let turns = 0; turns < 3 - index; turns++) await turn();
            theirs("query", () => theirs("part", () => withSpan(`${user} deep`, () => {})));
          });
          await turn();
          theirs("after", () => withSpan(`${user} after`, () => {}));
        }),
      ),
    ),
  );
  const expected = WHO.flatMap((user) => ["", " before", " deep", " after"].map((part) => [user + part, user]));
  assert.deepEqual(users(seen), Object.fromEntries(expected));
});

test("attributes of requests of one caller's trace at once", async () => {
  const middleware = traceRequests({ trace: ({ headers }) => ({ userId: String(headers["x-user"]) }) });
  const all = deferred();
  let waiting = WHO.length;
  const server = createServer((incomingMessage, response) => {
    const extracted = propagation.extract(ROOT_CONTEXT, incomingMessage.headers);
    context.with(extracted, () =>
      trace.getTracer("http").startActiveSpan("GET", { kind: SpanKind.SERVER }, (span) => {
        response.once("close", () => span.end());
        middleware(incomingMessage, response, async () => {
          if (--waiting === 0) all.resolve(undefined);
          await all.promise;
          withSpan(`llm ${incomingMessage.headers["x-user"]}`, () => {});
          response.end();
        });
      }),
    );
  });
  const seen = await spansOf(async () => {
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as AddressInfo;
    const answers = WHO.map(async (user) => {
      const [answer] = await once(
        request({ port, host: "127.0.0.1", headers: { traceparent: TRACEPARENT, "x-user": user } }).end(),
        "response",
      );
      await once(answer.resume(), "end");
    });
    await Promise.all(answers);
    server.close().closeAllConnections();
    await once(server, "close");
  });
  assert.deepEqual(
    seen.ours.filter(({ name }) => name.startsWith("llm")).map(({ name, trace }) => [name, trace.userId]),
    WHO.map((user) => [`llm ${user}`, user]),
  );
  const requests = seen.ours.filter(({ name }) => name === "GET");
  assert.deepEqual(requests.map(({ trace }) => trace.userId).sort(), WHO);
});

test("a process that asks itself: its requests have neither each other's attributes nor the asker's", async () => {
  const seen = await spansOf(() =>
    withSpan("job", async (job) => {
      updateTrace({ userId: "job" });
      const ask = (user: string): Promise<void> =>
        // The server has been started inside the span, which is current in all that it does.
        incoming(
          () =>
            theirs("middleware", () =>
              theirs("router", async () => {
                assert.equal(currentSpan(), undefined);
                await withSpan(user, async () => {
                  updateTrace({ userId: user });
                  await turn();
                  startSpan(`${user} deep`).end();
                });
              }),
            ),
          undefined,
          job.traceparent(),
        );
      await Promise.all(WHO.map(ask));
      startSpan("job after").end();
    }),
  );
  const expected = ["job", ...WHO].flatMap((user) => [user, `${user} ${user === "job" ? "after" : "deep"}`]);
  assert.deepEqual(users(seen), Object.fromEntries(expected.map((name) => [name, name.split(" ")[0]])));
  assert.equal(new Set(seen.ours.map(({ traceId }) => traceId)).size, 1);
});

test("below ours the attributes are ours, through any number of theirs", async () => {
  const tracer = trace.getTracer("test");
  const programs: Record<string, () => void> = {
    "in the same context": () => theirs("a", () => theirs("b", () => theirs("c", () => startSpan("deep").end()))),
    "a span of theirs in a context of its own": () => {
      const span = tracer.startSpan("a");
      context.with(trace.setSpan(ROOT_CONTEXT, span), () => startSpan("deep").end());
      span.end();
    },
    bound: () => theirs("a", () => context.bind(context.active(), () => theirs("b", () => startSpan("deep").end())))(),
  };
  for (const [name, program] of Object.entries(programs)) {
    for (const around of [withSpan, (_: string, fn: () => void) => withContext({ traceparent: TRACEPARENT }, fn)]) {
      const seen = await spansOf(() =>
        around("outer", () => {
          updateTrace({ userId: "ada" });
          program();
          theirs("z", () => updateTrace({ sessionId: "s-1" }));
        }),
      );
      const { trace: info } = seen.ours.find((span) => span.name === "deep")!;
      assert.deepEqual(info, { userId: "ada", sessionId: "s-1" }, name);
    }
  }
  const separate = await spansOf(
    () =>
      theirs("GET", () =>
        withSpan("answer", () => {
          updateTrace({ userId: "ada" });
          theirs("a", () => theirs("b", () => startSpan("deep").end()));
        }),
      ),
    { carrier: openTelemetryCarrier({ separate: true }) },
  );
  assert.deepEqual(users(separate), { answer: "ada", deep: "ada" });
});

test("a context that came once, made current for several messages with baggage of their own", async () => {
  const ways: ((user: string) => void)[] = [
    (user) => startSpan(user).end(),
    (user) => theirs("process", () => startSpan(user).end()),
    (user) => theirs("process", () => theirs("step", () => startSpan(user).end())),
  ];
  for (const way of ways) {
    const seen = await spansOf(
      () => {
        const came = propagation.extract(ROOT_CONTEXT, { traceparent: TRACEPARENT });
        for (const user of WHO) context.with(withUser(user, came), way, undefined, user);
      },
      { baggage: BAGGAGE },
    );
    assert.deepEqual(users(seen), { ada: "ada", bob: "bob", eve: "eve" });
  }
});

test("what came is one place, also after something bound there has run", async () => {
  const seen = await spansOf(() =>
    context.with(propagation.extract(ROOT_CONTEXT, { traceparent: TRACEPARENT }), () => {
      updateTrace({ userId: "ada" });
      bind(() => startSpan("bound").end())();
      startSpan("after").end();
    }),
  );
  assert.deepEqual(users(seen), { bound: "ada", after: "ada" });
});

test("a batch of theirs: what one message's baggage says is not the batch's", async () => {
  const seen = await spansOf(
    () =>
      theirs("batch", () => {
        for (const user of WHO)
          context.with(withUser(user, context.active()), () => theirs("message", () => startSpan(user).end()));
      }),
    { baggage: BAGGAGE },
  );
  assert.deepEqual(users(seen), { ada: "ada", bob: "bob", eve: "eve" });
});

test("two spans of theirs below one that we never saw have nothing in common", async () => {
  const seen = await spansOf(() =>
    theirs("root", () => {
      theirs("a", () => theirs("b", () => withSpan("first", () => updateTrace({ userId: "ada" }))));
      theirs("c", () => theirs("d", () => startSpan("second").end()));
    }),
  );
  assert.deepEqual(users(seen), { first: "ada", second: undefined });
});

test("a sibling of a span that their sampler left out is recorded", async () => {
  const sampler = new AlwaysOnSampler();
  startProvider({
    shouldSample: (...args) => (args[2] === "noise" ? { decision: 1 } : sampler.shouldSample()),
    toString: () => "noisy",
  });
  const seen = await spansOf(() =>
    theirs("root", () => {
      theirs("noise", () => startSpan("unheard").end());
      theirs("query", () => startSpan("heard").end());
    }),
  );
  assert.deepEqual(users(seen), { heard: undefined });
  startProvider();
});

/** A span of a tracer that is not OpenTelemetry's: nothing is known of its parent. */
function foreign(spanId: string, more: object = {}): Span {
  const span = trace.wrapSpanContext({ traceId: "0af7651916cd43dd8448eb211c80319c", spanId, traceFlags: 1 });
  const spanContext = span.spanContext();
  return Object.assign(span, { spanContext: () => ({ ...spanContext }) }, more);
}

const inSpan = (span: Span, fn: () => void): void => context.with(trace.setSpan(ROOT_CONTEXT, span), fn);

test("spans of another tracer: each has its own, those of Sentry by their root", async () => {
  const [one, two] = [foreign("1".repeat(16)), foreign("2".repeat(16))];
  const lone = await spansOf(() => {
    inSpan(one, () => updateTrace({ userId: "ada" }));
    inSpan(two, () => startSpan("two").end());
    inSpan(one, () => startSpan("one").end());
  });
  assert.deepEqual(users(lone), { one: "ada", two: undefined });

  const roots = ["3", "4"].map((digit) => foreign(digit.repeat(16)));
  const children = roots.map((root, index) => foreign(`${index + 5}`.repeat(16), { _sentryRootSpan: root }));
  const sentry = await spansOf(() => {
    inSpan(roots[0]!, () => updateTrace({ userId: "ada" }));
    inSpan(children[1]!, () => updateTrace({ userId: "bob" }));
    inSpan(children[0]!, () => startSpan("child of 3").end());
    inSpan(roots[1]!, () => startSpan("4").end());
  });
  assert.deepEqual(users(sentry), { "child of 3": "ada", "4": "bob" });
});

test("10,000 requests leave nothing behind", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const heap = async (): Promise<number> => {
    await turn();
    await turn();
    collect();
    return process.memoryUsage().heapUsed;
  };
  await spansOf(
    async () => {
      const some = async (count: number): Promise<void> => {
        for (let i = 0; i < count; i++) {
          await incoming(async () => theirs("query", () => void carrier.get()), `u-${i}`);
          exporter.reset();
          if (i % 1_000 === 0) await turn();
        }
      };
      await some(2_000);
      const before = await heap();
      await some(10_000);
      const grown = (await heap()) - before;
      // A trace and a context that stayed would be 500 bytes and more each.
      assert.ok(grown < 1_500_000, `${grown}`);
    },
    { baggage: BAGGAGE },
  );
});

function deferred(): { promise: Promise<unknown>; resolve: (value: unknown) => void } {
  let resolve!: (value: unknown) => void;
  return { promise: new Promise((done) => (resolve = done)), resolve };
}
