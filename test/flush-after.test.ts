import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConfigError,
  configure,
  flushAfter,
  memorySink,
  observe,
  type Sink,
  shutdown,
  stats,
  withSpan,
} from "sightline";
import { httpSink } from "sightline/sinks/http";
import { collector } from "./fault/lab/deaths.ts";
import { assertBooks } from "./support/books.ts";

/** Records over HTTP to a server that takes 20 ms. */
async function serve(run: (arrived: () => number) => Promise<void>): Promise<void> {
  const server = await collector(20);
  configure({ sinks: [httpSink({ url: server.url, name: "http" })] });
  try {
    await run(() => server.records.length);
  } finally {
    await shutdown();
    assertBooks(stats());
    server.close();
  }
}

const answer = observe("answer", async (question: string) => `${question}!`);

test("AWS Lambda: the result is out when the records have arrived", () =>
  serve(async (arrived) => {
    const handler = flushAfter(async function handler(this: object, event: { q: string }, context: { id: number }) {
      return { statusCode: 200, body: await answer(event.q), id: context.id, self: this };
    });
    const self = {};
    const result = await handler.call(self, { q: "a" }, { id: 7 });
    assert.deepEqual(result, { statusCode: 200, body: "a!", id: 7, self });
    assert.equal(result.self, self);
    assert.equal(arrived(), 1);
  }));

test("AWS Lambda: the handler's error is the one that was thrown, after the records have arrived", () =>
  serve(async (arrived) => {
    for (const error of [new Error("no"), null]) {
      const handler = flushAfter(async () => {
        await answer("a");
        throw error;
      });
      const before = arrived();
      await handler().then(assert.fail, (thrown) => assert.equal(thrown, error));
      assert.equal(arrived(), before + 1);
    }
  }));

test("Cloudflare: the result is out at once, the flush is the platform's", () =>
  serve(async (arrived) => {
    const waiting: Promise<unknown>[] = [];
    const ctx = { waitUntil: (promise: Promise<unknown>) => void waiting.push(promise) };
    const worker = {
      fetch: flushAfter(
        async (request: Request, _env: object, _ctx: typeof ctx) => new Response(await answer(request.url)),
        { waitUntil: (_request, _env, context) => (promise) => context.waitUntil(promise) },
      ),
    };
    const response = await worker.fetch(new Request("https://host/"), {}, ctx);
    assert.equal(await response.text(), "https://host/!");
    assert.deepEqual([waiting.length, arrived()], [1, 0]);
    await waiting[0];
    assert.equal(arrived(), 1);
  }));

test("Vercel: waitUntil without arguments; a handler that fails is flushed too", () =>
  serve(async (arrived) => {
    const waiting: Promise<unknown>[] = [];
    const waitUntil = (promise: Promise<unknown>) => void waiting.push(promise);
    const error = new Error("no");
    const GET = flushAfter(
      async () => {
        await answer("a");
        throw error;
      },
      { waitUntil: () => waitUntil },
    );
    await assert.rejects(GET(), (thrown) => thrown === error);
    await Promise.all(waiting);
    assert.equal(arrived(), 1);
  }));

test("a waitUntil that throws changes nothing", () =>
  serve(async () => {
    const handler = flushAfter(async (n: number) => n * 2, {
      waitUntil: () => () => {
        throw new Error("no context");
      },
    });
    assert.equal(await handler(2), 4);
  }));

test("a sink that never answers: the result is out after timeoutMs, and unchanged", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hanging: Sink = { name: "hanging", write: () => new Promise(() => {}) };
  configure({ sinks: [hanging] });
  const handler = flushAfter(async () => withSpan("span", () => "result"), { timeoutMs: 300 });
  let result: string | undefined;
  void handler().then((value) => (result = value));
  const tick = async (ms: number) => {
    t.mock.timers.tick(ms);
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  };
  await tick(0);
  await tick(299);
  assert.equal(result, undefined);
  await tick(1);
  assert.equal(result, "result");
  const closing = shutdown({ timeoutMs: 1 });
  await tick(1);
  await closing;
});

test("a handler without a promise gives its value at once, throws at once, and is flushed in the background", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const flushed: Promise<unknown>[] = [];
  const waitUntil = () => (promise: Promise<unknown>) => void flushed.push(promise);
  const double = flushAfter((n: number) => withSpan("double", () => n * 2), { waitUntil });
  assert.equal(double(2), 4);
  const error = new Error("no");
  const fail = flushAfter(
    (): never => {
      throw error;
    },
    { waitUntil },
  );
  assert.throws(fail, (thrown) => thrown === error);
  await Promise.all(flushed);
  assert.equal(flushed.length, 2);
  assert.equal(sink.records.length, 1);
  await shutdown();
});

test("an error that nobody handles stays unhandled, once", async (t) => {
  const unhandled: unknown[] = [];
  const listener = (error: unknown) => void unhandled.push(error);
  const before = process.rawListeners("unhandledRejection") as (() => void)[];
  process.removeAllListeners("unhandledRejection").on("unhandledRejection", listener);
  t.after(() => {
    process.removeAllListeners("unhandledRejection");
    for (const each of before) process.on("unhandledRejection", each);
  });
  for (const waitUntil of [undefined, () => () => {}]) {
    void flushAfter(() => Promise.reject("no"), waitUntil && { waitUntil })();
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(unhandled, ["no", "no"]);
});

test("name, length, properties, and the type are the handler's", async () => {
  const streaming = Symbol("streaming");
  const echo = async <T>(event: T, _context: object) => event;
  const original = Object.assign(echo, { [streaming]: true });
  const handler = flushAfter(original);
  assert.deepEqual([handler.name, handler.length, handler[streaming]], ["echo", 2, true]);
  const result: number = await handler(7, {});
  assert.equal(result, 7);
});

test("what makes no sense is refused at once, with the way out", () => {
  const refused = (make: () => unknown, message: RegExp) =>
    assert.throws(make, (error) => error instanceof ConfigError && message.test(error.message));
  const handler = async () => {};
  refused(() => flushAfter(undefined as never), /handler must be a function; it is undefined/);
  refused(() => flushAfter(handler, null as never), /options must be an object/);
  refused(() => flushAfter(handler, { timeout: 1 } as never), /no option "timeout"; it has timeoutMs, waitUntil/);
  refused(() => flushAfter(handler, { timeoutMs: -1 }), /timeoutMs.*-1/);
  refused(() => flushAfter(handler, { waitUntil: 7 } as never), /waitUntil must be a function/);
});
