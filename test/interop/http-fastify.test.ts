import assert from "node:assert/strict";
import { AsyncResource } from "node:async_hooks";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fastify, { type FastifyInstance } from "fastify";
import { ConfigError, observe, startSpan, suppress, withSpan } from "sightline";
import { fastifyTracing } from "sightline/interop/http";
import { traced } from "../support/traced.ts";
import { CALLER, SPAN, TRACE } from "./serve.ts";

const work = observe("work", async () => {
  await turn();
  return "done";
});

/** The context of nobody's request. */
const elsewhere = new AsyncResource("elsewhere");

async function served(app: FastifyInstance, fn: (url: string) => Promise<unknown>): Promise<void> {
  await app.listen({ port: 0, host: "127.0.0.1" });
  try {
    await fn(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`);
  } finally {
    app.server.closeAllConnections();
    await app.close();
  }
}

async function appWith(...given: Parameters<typeof fastifyTracing>): Promise<FastifyInstance> {
  const app = fastify();
  await app.register(fastifyTracing(...given));
  app.get("/users/:id", async () => ({ work: await work() }));
  app.get("/broken", async () => {
    await work();
    throw new RangeError("boom");
  });
  app.get("/refused", async () => {
    throw Object.assign(new Error("not you"), { statusCode: 403 });
  });
  app.post("/echo", async (request) => ({ body: request.body, work: await work() }));
  return app;
}

test("a request is a span of kind server in the trace of its caller, in the whole application", async () => {
  const app = await appWith({ headers: ["x-request-id"] });
  await app.register(
    async (inner) => {
      inner.get("/deep/:what", async (_request, reply) => {
        reply.header("x-request-id", "r-1");
        return work();
      });
    },
    { prefix: "/v1" },
  );
  const sink = await traced(() =>
    served(app, async (url) => {
      const answer = await fetch(`${url}/users/7?token=s3cr3t`, { headers: CALLER });
      assert.deepEqual(await answer.json(), { work: "done" });
      assert.equal(await (await fetch(`${url}/v1/deep/x`, { headers: CALLER })).text(), "done");
    }),
  );
  for (const name of ["GET /users/:id", "GET /v1/deep/:what"]) {
    const { record, children } = sink.get(name);
    assert.deepEqual([record.traceId, record.parentSpanId, record.kind], [TRACE, SPAN, "server"]);
    assert.equal(record.traceState, "vendor=x");
    assert.deepEqual(
      children.map((child) => child.record.name),
      ["work"],
    );
  }
  const { attributes } = sink.get("GET /v1/deep/:what").record;
  assert.equal(attributes?.["http.route"], "/v1/deep/:what");
  assert.equal(attributes?.["http.response.status_code"], 200);
  assert.deepEqual(attributes?.["http.response.header.x-request-id"], ["r-1"]);
  assert.doesNotMatch(JSON.stringify(sink.records), /s3cr3t/);
});

test("errors: thrown, refused, no route", async () => {
  const app = await appWith();
  const sink = await traced(() =>
    served(app, async (url) => {
      assert.equal((await fetch(`${url}/broken`)).status, 500);
      assert.equal((await fetch(`${url}/refused`)).status, 403);
      assert.equal((await fetch(`${url}/nowhere`)).status, 404);
    }),
  );
  const broken = sink.get("GET /broken").record;
  assert.equal(broken.level, "ERROR");
  assert.deepEqual([broken.error?.type, broken.error?.message], ["RangeError", "boom"]);
  assert.equal(broken.attributes?.["error.type"], undefined, "the error says its type");
  const refused = sink.get("GET /refused").record;
  assert.deepEqual([refused.level, refused.error, refused.status.code], ["DEFAULT", undefined, "ok"]);
  assert.equal(sink.get("GET").record.attributes?.["http.response.status_code"], 404);
});

test("handlers run in the span after a body was read, by whatever parser", async () => {
  const app = await appWith();
  app.addContentTypeParser("text/old", (_request, payload, done) => {
    let text = "";
    payload.on("data", (chunk) => {
      startSpan("chunk").end();
      text += chunk;
    });
    payload.on("end", () => done(null, text));
  });
  app.addHook("preParsing", (request, _reply, payload, done) => {
    if (request.headers["content-type"] !== "text/elsewhere") return done(null, payload);
    elsewhere.runInAsyncScope(() => done(null, payload));
  });
  app.addContentTypeParser("text/elsewhere", { parseAs: "string" }, (_request, body, done) => done(null, body));
  const sink = await traced(() =>
    served(app, async (url) => {
      for (const type of ["application/json", "text/old", "text/elsewhere"]) {
        const headers = { "content-type": type };
        const answer = await fetch(`${url}/echo`, { method: "POST", body: '{"a":1}', headers });
        assert.equal((await answer.json()).work, "done");
      }
    }),
  );
  const children = sink.findAll("POST /echo").map((span) => span.children.map((child) => child.record.name));
  assert.deepEqual(children, [["work"], ["chunk", "work"], ["work"]]);
});

test("a streamed answer ends its span with its last byte, a client that goes away makes a warning", async () => {
  const app = await appWith();
  let closed: Promise<unknown> = Promise.resolve();
  const sink = await traced((clock) => {
    app.get("/stream", (_request, reply) => {
      const parts = async function* () {
        yield "a";
        clock.advance(1_000);
        await turn();
        yield "b";
      };
      return reply.send(Readable.from(parts()));
    });
    app.get("/endless", (_request, reply) => {
      closed = once(reply.raw, "close");
      reply.hijack();
      reply.raw.write("a");
    });
    return served(app, async (url) => {
      assert.equal(await (await fetch(`${url}/stream`)).text(), "ab");
      const endless = httpRequest(`${url}/endless`).end();
      const [response] = await once(endless, "response");
      response.on("error", () => {});
      endless.destroy();
      await closed;
    });
  });
  const { record } = sink.get("GET /stream");
  assert.ok(BigInt(record.endTime) - BigInt(record.startTime) >= 1_000_000_000n);
  assert.equal(sink.get("GET /endless").record.level, "WARNING");
});

test("ignore, span, trace, name", async () => {
  const ignoring = await appWith({ ignore: (request) => request.routeOptions?.url === "/users/:id" });
  const ignored = await traced(() => served(ignoring, async (url) => (await fetch(`${url}/users/7`)).text()));
  assert.deepEqual(ignored.records, []);

  const silent = await appWith({ span: false });
  const context = await traced(() =>
    served(silent, async (url) => (await fetch(`${url}/users/7`, { headers: CALLER })).text()),
  );
  assert.deepEqual(
    context.records.map((record) => record.record === "span" && [record.name, record.parentSpanId]),
    [["work", SPAN]],
  );

  const named = await appWith({ trace: () => ({ userId: "ada" }), name: (request) => `from ${request.raw.url}` });
  const sink = await traced(() => served(named, async (url) => (await fetch(`${url}/users/7`)).text()));
  assert.equal(sink.get("from /users/7").record.trace.userId, "ada");
});

test("inject() of Fastify is traced as a request", async () => {
  const app = await appWith();
  const sink = await traced(async () => {
    assert.equal((await app.inject({ url: "/users/7", headers: CALLER })).statusCode, 200);
    await app.close();
  });
  assert.equal(sink.get("GET /users/:id").record.traceId, TRACE);
});

test("inject() is the work of who calls it, unless the headers say another trace", async () => {
  const app = await appWith();
  const sink = await traced(async () => {
    await withSpan("caller", async () => {
      await app.inject({ url: "/users/7" });
      await app.inject({ url: "/users/8", headers: CALLER });
    });
    await app.close();
  });
  const found = sink
    .findAll("GET /users/:id")
    .map(({ record, parent }) => [record.kind, parent?.record.name, record.traceId === TRACE]);
  assert.deepEqual(found, [
    ["internal", "caller", false],
    ["server", undefined, true],
  ]);
});

test("a server that was started inside a span has requests of their own", async () => {
  const app = await appWith();
  const sink = await traced(() =>
    withSpan("boot", () => served(app, (url) => suppress(async () => (await fetch(`${url}/users/7`)).text()))),
  );
  const { record, parent } = sink.get("GET /users/:id");
  assert.deepEqual([record.kind, parent], ["server", undefined]);
});

test("200 requests at a time: everything under its own", async () => {
  const app = fastify();
  await app.register(fastifyTracing({ name: (request) => request.raw.url }));
  app.post("/:id", async (request) => {
    await turn();
    startSpan(`for ${request.body}`).end();
    return "";
  });
  const sink = await traced(() =>
    served(app, async (url) => {
      const headers = { "content-type": "text/plain" };
      const ask = async (id: number) =>
        (await fetch(`${url}/${id}`, { method: "POST", body: String(id), headers })).arrayBuffer();
      await Promise.all(Array.from({ length: 200 }, (_, id) => ask(id)));
    }),
  );
  assert.equal(sink.records.length, 400);
  for (const { roots } of sink.traces()) {
    assert.equal(roots[0]?.children[0]?.record.name, `for ${roots[0]?.record.name.slice(1)}`);
  }
});

test("bad options are refused when the plugin is made", () => {
  assert.throws(() => fastifyTracing({ span: "no" } as never), ConfigError);
});
