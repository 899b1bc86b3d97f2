import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { request as httpRequest, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import express, { type Request } from "express";
import {
  ConfigError,
  currentSpan,
  observe,
  startSpan,
  stats,
  suppress,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import { traceRequests } from "sightline/interop/http";
import { SightlineInterceptor } from "sightline/interop/nestjs";
import { traced } from "../support/traced.ts";
import { CALLER, SPAN, serve, TRACE } from "./serve.ts";

const work = observe("work", async () => {
  await turn();
  return "done";
});

/** An application with the middleware first. */
function appWith(options?: Parameters<typeof traceRequests<Request>>[0]): express.Express {
  const app = express();
  app.use(traceRequests(options));
  app.get("/users/:id", async (_request, response) => void response.json({ work: await work() }));
  app.get("/broken", () => {
    throw new Error("boom");
  });
  // Express writes what is thrown to the console otherwise.
  app.set("env", "test");
  return app;
}

test("a request is a span of kind server in the trace of its caller", async () => {
  let port = 0;
  const sink = await traced(() =>
    serve(appWith(), async (url) => {
      port = Number(new URL(url).port);
      const response = await fetch(`${url}/users/7?token=s3cr3t`, { headers: CALLER });
      assert.deepEqual(await response.json(), { work: "done" });
    }),
  );
  const { record, children } = sink.get("GET /users/:id");
  assert.equal(record.traceId, TRACE);
  assert.equal(record.parentSpanId, SPAN);
  assert.equal(record.parentIsRemote, true);
  assert.equal(record.traceState, "vendor=x");
  assert.equal(record.kind, "server");
  assert.equal(record.level, "DEFAULT");
  assert.deepEqual(record.attributes, {
    "http.request.method": "GET",
    "url.scheme": "http",
    "url.path": "/users/7",
    "server.address": "127.0.0.1",
    "server.port": port,
    "http.route": "/users/:id",
    "http.response.status_code": 200,
  });
  assert.deepEqual(
    children.map((child) => child.record.name),
    ["work"],
  );
  assert.doesNotMatch(JSON.stringify(sink.records), /s3cr3t/);
});

test("without a caller a request starts a trace", async () => {
  const sink = await traced(() => serve(appWith(), async (url) => (await fetch(`${url}/users/7`)).text()));
  assert.equal(sink.get("GET /users/:id").record.parentSpanId, undefined);
});

test("statuses: no route, a thrown error", async () => {
  const sink = await traced(() =>
    serve(appWith(), async (url) => {
      assert.equal((await fetch(`${url}/nowhere/${"x".repeat(40)}`)).status, 404);
      assert.equal((await fetch(`${url}/broken`)).status, 500);
    }),
  );
  const missing = sink.get("GET").record;
  assert.equal(missing.attributes?.["http.response.status_code"], 404);
  assert.equal(missing.attributes?.["http.route"], undefined);
  assert.equal(missing.level, "DEFAULT");
  const broken = sink.get("GET /broken").record;
  assert.equal(broken.level, "ERROR");
  assert.equal(broken.status.code, "error");
  assert.equal(broken.attributes?.["error.type"], "500");
});

test("a router is named by its pattern, also where it is mounted at ids", async () => {
  const app = appWith();
  const router = express.Router({ mergeParams: true });
  router.get("/", (_request, response) => void response.end("all"));
  router.get("/books/:book", (_request, response) => void response.end("one"));
  app.use("/v1/authors/:author", router);
  const sink = await traced(() =>
    serve(app, async (url) => {
      await (await fetch(`${url}/v1/authors/12345/books/7`)).text();
      await (await fetch(`${url}/v1/authors/0af76519-16cd-43dd-8448-eb211c80319c`)).text();
    }),
  );
  assert.deepEqual(sink.records.map((record) => record.record === "span" && record.name).sort(), [
    "GET /v1/authors/:id",
    "GET /v1/authors/:id/books/:book",
  ]);
});

test("a method that nobody knows does not become a name", async () => {
  const sink = await traced(() =>
    serve(appWith(), async (url) => (await fetch(`${url}/users/7`, { method: "PURGE" })).text()),
  );
  const { attributes } = sink.get("HTTP").record;
  assert.equal(attributes?.["http.request.method"], "_OTHER");
  assert.equal(attributes?.["http.request.method_original"], "PURGE");
});

test("headers on the list are recorded, credentials masked, all others not", async () => {
  const app = express();
  app.use(traceRequests({ headers: ["User-Agent", "authorization", "x-request-id", "x-absent", "set-cookie"] }));
  app.get("/", (_request, response) => {
    response.setHeader("x-request-id", "r-1");
    response.setHeader("x-other", "not this");
    response.end();
  });
  const headers = {
    "user-agent": "test/1",
    authorization: "Bearer abcdefghijklmnop1234567890",
    "x-private": "nor this",
  };
  const sink = await traced(() => serve(app, async (url) => (await fetch(url, { headers })).text()));
  const { attributes } = sink.get("GET /").record;
  assert.deepEqual(attributes?.["http.request.header.user-agent"], ["test/1"]);
  assert.deepEqual(attributes?.["http.response.header.x-request-id"], ["r-1"]);
  assert.doesNotMatch(JSON.stringify(sink.records), /abcdefghijklmnop|not this|nor this|x-absent/);
});

test("ignored requests leave no trace, nor does what they call", async () => {
  const sink = await traced(() =>
    serve(appWith({ ignore: (request) => request.path === "/users/1" }), async (url) => {
      await (await fetch(`${url}/users/1`, { headers: CALLER })).text();
      await (await fetch(`${url}/users/2`)).text();
    }),
  );
  assert.equal(sink.traces().length, 1);
  assert.equal(sink.get("GET /users/:id").record.attributes?.["url.path"], "/users/2");
});

test("span: false continues the trace and records nothing of its own", async () => {
  const options = { span: false, trace: () => ({ userId: "ada" }) };
  const sink = await traced(() =>
    serve(appWith(options), async (url) => {
      await (await fetch(`${url}/users/1`, { headers: CALLER })).text();
      await (await fetch(`${url}/users/2`)).text();
    }),
  );
  const [first, second, ...others] = sink.findAll("work").map(({ record }) => record);
  assert.deepEqual(others, []);
  assert.deepEqual([first?.traceId, first?.parentSpanId], [TRACE, SPAN]);
  assert.notEqual(second?.traceId, TRACE);
  assert.equal(first?.trace.userId, "ada");
  assert.equal(second?.trace.userId, "ada");
});

test("trace and name are read from the request", async () => {
  const sink = await traced(() =>
    serve(
      appWith({
        trace: (request) => ({ userId: request.header("x-user") as string, tags: ["web"] }),
        name: (request) => `user ${request.params["id"]}`,
      }),
      async (url) => (await fetch(`${url}/users/7`, { headers: { "x-user": "ada" } })).text(),
    ),
  );
  const { record } = sink.get("user 7");
  assert.deepEqual(record.trace, { userId: "ada", tags: ["web"] });
});

test("baggage becomes attributes of the trace", async () => {
  const sink = await traced(
    () =>
      serve(appWith(), async (url) =>
        (await fetch(`${url}/users/7`, { headers: { ...CALLER, baggage: "user.id=ada,other=x" } })).text(),
      ),
    { baggage: { "user.id": "userId" } },
  );
  assert.deepEqual(sink.get("work").record.trace, { userId: "ada" });
});

test("callbacks that throw change nothing", async () => {
  const fail = (): never => {
    throw new Error("of the callback");
  };
  const sink = await traced(() =>
    serve(appWith({ ignore: fail, trace: fail, name: fail }), async (url) => {
      assert.deepEqual(await (await fetch(`${url}/users/7`)).json(), { work: "done" });
    }),
  );
  assert.equal(sink.get("GET /users/:id").children.length, 1);
});

test("a client that goes away makes a warning", async () => {
  const app = express();
  app.use(traceRequests());
  let closed: Promise<unknown> = Promise.resolve();
  app.get("/stream", (_request, response) => {
    closed = once(response, "close");
    response.on("close", () => startSpan("gone").end());
    response.write("first");
  });
  app.get("/silent", (_request, response) => {
    closed = once(response, "close");
    response.app.emit("reached");
  });
  const sink = await traced(() =>
    serve(app, async (url) => {
      const streaming = httpRequest(`${url}/stream`).end();
      const [response] = await once(streaming, "response");
      response.on("error", () => {});
      streaming.destroy();
      await closed;
      const silent = httpRequest(`${url}/silent`).end();
      silent.on("error", () => {});
      await once(app, "reached");
      silent.destroy();
      await closed;
    }),
  );
  const streamed = sink.get("GET /stream").record;
  assert.equal(streamed.level, "WARNING");
  assert.equal(sink.get("gone").parent?.record.name, "GET /stream", "a listener runs where it was added");
  assert.match(streamed.status.message ?? "", /went away/);
  assert.equal(streamed.attributes?.["http.response.status_code"], 200);
  const { level, attributes } = sink.get("GET /silent").record;
  assert.equal(level, "WARNING");
  assert.equal(attributes?.["http.response.status_code"], undefined, "no head had been sent");
});

test("a streamed response ends its span with its last byte", async () => {
  const app = express();
  app.use(traceRequests());
  const sink = await traced((clock) => {
    app.get("/stream", async (_request, response) => {
      response.write("a");
      clock.advance(1_000);
      await turn();
      startSpan("late").end();
      response.end("b");
    });
    return serve(app, async (url) => assert.equal(await (await fetch(`${url}/stream`)).text(), "ab"));
  });
  const { record, children } = sink.get("GET /stream");
  assert.ok(BigInt(record.endTime) - BigInt(record.startTime) >= 1_000_000_000n);
  assert.equal(children[0]?.record.name, "late");
});

test("listeners on request and response run where they were added, body parsers too", async () => {
  const app = express();
  app.use(traceRequests());
  app.post("/raw", (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => {
      startSpan("chunk").end();
      chunks.push(chunk);
    });
    response.on("finish", () => startSpan("log line").end());
    request.once("end", () => void work().then(() => response.end(Buffer.concat(chunks))));
  });
  app.post("/json", express.json(), async (request, response) => void response.json([request.body, await work()]));
  const body = JSON.stringify({ a: 1 });
  const headers = { "content-type": "application/json", ...CALLER };
  const sink = await traced(() =>
    serve(app, async (url) => {
      assert.equal(await (await fetch(`${url}/raw`, { method: "POST", body, headers })).text(), body);
      const answer = await fetch(`${url}/json`, { method: "POST", body, headers });
      assert.deepEqual(await answer.json(), [{ a: 1 }, "done"]);
    }),
  );
  const names = sink.get("POST /raw").children.map((child) => child.record.name);
  assert.deepEqual(names.sort(), ["chunk", "log line", "work"]);
  assert.equal(sink.get("POST /json").children[0]?.record.name, "work");
});

test("used twice it records once", async () => {
  const app = express();
  app.use(traceRequests(), traceRequests());
  app.get("/", (_request, response) => void response.end());
  const sink = await traced(() => serve(app, async (url) => (await fetch(url, { headers: CALLER })).text()));
  assert.equal(sink.records.length, 1);
});

test("what is current is a request's own only if a middleware of ours opened it: the rest may be of listen()", async () => {
  const app = express();
  app.use("/span", (_request, _response, next) => withSpan("outer", () => next()));
  app.use("/joined", (request, _response, next) => withContext(request.headers, next));
  app.use("/attributes", (_request, _response, next) => withTrace({ userId: "ada" }, next));
  app.use(traceRequests({ name: (request) => request.originalUrl }));
  app.use("/span", (request, response, next) =>
    new SightlineInterceptor().intercept(nestContext(request, response), { handle: () => Object(next()) }),
  );
  app.use((_request, response) => void response.end());
  const sink = await traced(() =>
    serve(app, async (url) => {
      await (await fetch(`${url}/span`)).text();
      await (await fetch(`${url}/joined`, { headers: CALLER })).text();
      await (await fetch(`${url}/attributes`)).text();
    }),
  );
  const of = (name: string) => {
    const { record, parent } = sink.get(name);
    return [record.kind, record.traceId === TRACE, parent?.record.name ?? record.parentSpanId];
  };
  assert.deepEqual(of("/span"), ["server", false, undefined]);
  assert.deepEqual(of("App.get"), ["internal", false, "/span"]);
  assert.deepEqual(of("/joined"), ["server", true, SPAN]);
  assert.equal(sink.get("/attributes").record.trace.userId, "ada");
});

class App {
  get(): void {}
}

function nestContext(request: object, response: object) {
  return {
    getType: () => "http",
    getClass: () => App,
    getHandler: () => App.prototype.get,
    switchToHttp: () => ({ getRequest: () => request, getResponse: () => response }),
  };
}

test("a server that was started inside a span, or inside withTrace, has requests of their own all the same", async () => {
  const options = { trace: (request: Request) => (request.url === "/users/1" ? { userId: "ada" } : undefined) };
  const ask = async (url: string): Promise<void> => {
    await (await fetch(`${url}/users/1`)).text();
    await (await fetch(`${url}/users/2`, { headers: CALLER })).text();
  };
  const sink = await traced(async () => {
    let started: Promise<void> = Promise.resolve();
    let go = (): void => {};
    const isOver = new Promise<void>((resolve) => (go = resolve));
    withSpan("over", () => {
      started = serve(appWith(options), async (url) => {
        await isOver;
        await suppress(() => ask(url));
      });
      return undefined;
    });
    go();
    await started;
    await withSpan("still open", () => serve(appWith(options), (url) => suppress(() => ask(url))));
    await withTrace({ tags: ["all"] }, () =>
      serve(appWith({ ...options, span: false }), (url) => suppress(() => ask(url))),
    );
  });
  const served = sink.findAll((span) => span.name === "GET /users/:id");
  const shown = served.map(({ record, parent }) => [record.kind, record.traceId === TRACE, parent?.record.name]);
  assert.deepEqual(shown.sort(), [
    ["server", false, undefined],
    ["server", false, undefined],
    ["server", true, undefined],
    ["server", true, undefined],
  ]);
  const silent = sink.findAll("work").filter(({ record }) => record.trace.tags?.[0] === "all");
  const users = Object.fromEntries(silent.map(({ record }) => [String(record.traceId === TRACE), record.trace.userId]));
  assert.deepEqual(users, { false: "ada", true: undefined }, "one request's user is not the next one's");
});

for (const flags of ["00", "01"]) {
  test(`a server that was started in a trace of another process (flags ${flags}) has traces of its own`, async () => {
    const started = { traceparent: CALLER.traceparent.replace(/01$/, flags) };
    const sink = await traced(
      () =>
        withContext(started, () =>
          serve(appWith(), async (url) => {
            await suppress(async () => {
              for (let i = 0; i < 3; i++) await (await fetch(`${url}/users/7`)).text();
              await (await fetch(`${url}/users/7`, { headers: { baggage: "user.id=ada" } })).text();
            });
          }),
        ),
      { baggage: { "user.id": "userId" } },
    );
    const served = sink.findAll("GET /users/:id").map(({ record }) => record);
    assert.equal(new Set(served.map(({ traceId }) => traceId)).size, 4);
    assert.deepEqual(
      new Set(served.map(({ kind, parentSpanId }) => `${kind} ${parentSpanId}`)),
      new Set(["server undefined"]),
    );
    assert.equal(
      served.some(({ traceId }) => traceId === TRACE),
      false,
    );
    assert.equal(served.at(-1)?.trace.userId, "ada");
  });
}

test("a client that left before the middleware ran: the span ends at once", async () => {
  const app = express();
  const reached = new EventEmitter();
  app.use((request, response, next) => {
    if (request.url !== "/slow") return next();
    response.once("close", () => setImmediate(next));
    reached.emit("request");
  });
  app.use(traceRequests());
  app.get("/slow", (_request, response) => {
    startSpan("late").end();
    response.end();
    reached.emit("handled");
  });
  let open = 0;
  const sink = await traced(() =>
    serve(app, async (url) => {
      const isReached = once(reached, "request");
      const isHandled = once(reached, "handled");
      const asked = httpRequest(`${url}/slow`).end();
      asked.on("error", () => {});
      await isReached;
      asked.destroy();
      await isHandled;
      open = stats().open;
    }),
  );
  assert.equal(open, 0);
  const { record, children } = sink.get("GET");
  assert.deepEqual([record.level, record.unfinished], ["WARNING", undefined]);
  assert.match(record.status.message ?? "", /went away/);
  assert.equal(children[0]?.record.name, "late");
});

test("a response that the server itself gives up was not completed", async () => {
  const app = express();
  app.use(traceRequests());
  app.get("/response", (_request, response) => void response.destroy());
  app.get("/error", (_request, response) => void response.destroy(new Error("of the server")));
  app.get("/socket", (request) => void request.socket.destroy());
  const paths = ["response", "error", "socket"];
  const sink = await traced(() =>
    serve(app, async (url) => {
      for (const path of paths) await assert.rejects(fetch(`${url}/${path}`));
    }),
  );
  for (const path of paths) {
    const { level, status } = sink.get(`GET /${path}`).record;
    assert.deepEqual([level, status.message], ["WARNING", "The response was not completed"], path);
  }
});

test("an error in a mounted router keeps the mount; of what is mounted at a pattern only words are kept", async () => {
  const app = appWith();
  const inner = express.Router({ mergeParams: true });
  inner.get("/", (_request, response) => void response.end());
  inner.get("/:id/boom", () => {
    throw new Error("boom");
  });
  inner.get("/:id/later", async () => {
    await turn();
    throw new Error("boom");
  });
  inner.get(/^\/r(x+)$/, (_request, response) => void response.end());
  const outer = express.Router();
  outer.use("/users", inner);
  outer.use(
    (_error: unknown, _request: unknown, response: express.Response, _next: unknown) => void response.status(500).end(),
  );
  app.use("/users", inner);
  app.use("/api", outer);
  app.use("/:tenant/x", inner);
  const names: Record<string, string> = {
    "/users/7/boom?a=/b/c": "GET /users/:id/boom",
    "/users/7/later": "GET /users/:id/later",
    "/api/users/7/boom/": "GET /api/users/:id/boom",
    "/api/users": "GET /api/users",
    "/api/users/rxx": "GET /api/users/^\\/r(x+)$",
    "/ada@example.com/x/7/boom": "GET /:id/x/:id/boom",
    "/ada%40example.com/x": "GET /:id/x",
    "/12345/x": "GET /:id/x",
    "/f47ac10b-58cc-4372-a567-0e02b2c3d479/x": "GET /:id/x",
    "/Ada/x": "GET /:id/x",
    "/acme/x": "GET /acme/x",
  };
  const found: Record<string, string> = {};
  for (const path of Object.keys(names)) {
    const sink = await traced(() => serve(app, async (url) => (await fetch(url + path)).text()));
    found[path] = sink.findAll((span) => span.kind === "server")[0]!.record.name;
  }
  assert.deepEqual(found, names);
});

/** As `compression` does: listeners for `drain` go to the stream in between. */
function drainElsewhere(response: express.Response, elsewhere: EventEmitter): void {
  const { on } = response;
  response.on = function (this: express.Response, event: string, listener: (...args: any[]) => void) {
    if (event !== "drain") return on.call(this, event, listener);
    elsewhere.on(event, listener);
    return this;
  } as typeof on;
}

for (const order of ["before", "after"]) {
  test(`who waits for "drain" once hears it from what has replaced on, put ${order} the middleware`, async () => {
    const elsewhere = new EventEmitter();
    const app = express();
    const trace = traceRequests();
    const replace: express.RequestHandler = (_request, response, next) => {
      drainElsewhere(response, elsewhere);
      next();
    };
    app.use(...(order === "before" ? [replace, trace] : [trace, replace]));
    app.get("/", (_request, response) => {
      response.once("drain", () => {
        startSpan("drained").end();
        response.end("done");
      });
      elsewhere.emit("drain");
    });
    const sink = await traced(() =>
      serve(app, async (url) => {
        const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
        assert.equal(await answer.text(), "done");
      }),
    );
    assert.equal(sink.get("GET /").children[0]?.record.name, "drained");
  });
}

test("an unsampled caller stays unsampled", async () => {
  const headers = { traceparent: CALLER.traceparent.replace(/01$/, "00") };
  const sink = await traced(() => serve(appWith(), async (url) => (await fetch(`${url}/users/7`, { headers })).text()));
  assert.deepEqual(sink.records, []);
});

test("while tracing is off, and inside suppress, the next one is called", async () => {
  const next = async (url: string): Promise<void> => {
    assert.deepEqual(await (await fetch(`${url}/users/7`)).json(), { work: "done" });
  };
  await serve(appWith(), next);
  const app = express();
  app.use((_request, _response, go) => suppress(() => go()));
  app.use(appWith());
  const sink = await traced(() => serve(app, next));
  assert.deepEqual(sink.records, []);
});

test("Node's own server: any function is what comes next", async () => {
  const middleware = traceRequests();
  const sink = await traced(() =>
    serve(
      (request, response) =>
        middleware(request, response, async () => {
          assert.ok(currentSpan());
          response.end(await work());
        }),
      async (url) => assert.equal(await (await fetch(url, { headers: CALLER })).text(), "done"),
    ),
  );
  assert.equal(sink.get("GET").children[0]?.record.name, "work");
});

test("what next throws reaches the caller, as it is", async () => {
  const error = new Error("of the next one");
  await traced(() =>
    serve(
      (request, response) => {
        assert.throws(
          () =>
            traceRequests()(request, response, () => {
              throw error;
            }),
          (thrown) => thrown === error,
        );
        response.end();
      },
      async (url) => (await fetch(url)).text(),
    ),
  );
});

test("500 requests at a time: everything under its own", async () => {
  const app = express();
  app.use(traceRequests({ name: (request) => request.url }));
  app.post("/:id", express.text(), async (request, response) => {
    updateTrace({ userId: request.params.id });
    await withSpan(`for ${request.body}`, () => turn());
    response.end();
  });
  const sink = await traced(() =>
    serve(app, async (url) => {
      const ask = async (id: number) =>
        (await fetch(`${url}/${id}`, { method: "POST", body: String(id) })).arrayBuffer();
      await Promise.all(Array.from({ length: 500 }, (_, id) => ask(id)));
    }),
  );
  assert.equal(sink.records.length, 1_000);
  for (const { roots } of sink.traces()) {
    assert.equal(roots.length, 1);
    const { record, children } = roots[0]!;
    assert.equal(children[0]?.record.name, `for ${record.name.slice(1)}`);
    assert.equal(record.trace.userId, record.name.slice(1));
  }
});

test("bad options are refused when the middleware is made", () => {
  for (const options of [
    { nmae: () => "" },
    { span: 1 },
    { ignore: "/health" },
    { headers: "x" },
    { headers: [1] },
    null,
  ]) {
    assert.throws(() => traceRequests(options as never), ConfigError, JSON.stringify(options));
  }
  assert.throws(
    () => traceRequests({ nmae: 1 } as never),
    /traceRequests\(\) has no option "nmae"\. It takes: span, ignore/,
  );
});

test("a middleware that was not called says so at the first request", () => {
  const middleware = traceRequests as unknown as (request: object) => unknown;
  assert.throws(() => middleware(new IncomingMessage(new Socket())), {
    code: "CONFIG_BAD_VALUE",
    message: /it got an object of class IncomingMessage: where it was to be called, write traceRequests\(\)/,
  });
});
