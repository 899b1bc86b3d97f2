import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Hono } from "hono";
import { stream, streamSSE } from "hono/streaming";
import { ConfigError, flush, observe, stats, suppress, withSpan } from "sightline";
import { honoTracing, traceRequests } from "sightline/interop/http";
import { traced } from "../support/traced.ts";
import { CALLER, SPAN, serve, TRACE } from "./serve.ts";

const work = observe("work", async () => {
  await turn();
  return "done";
});

function appWith(...given: Parameters<typeof honoTracing>): Hono {
  const app = new Hono();
  app.use(honoTracing(...given));
  app.get("/users/:id", async (c) => c.json({ work: await work() }));
  app.post("/echo", async (c) => c.json({ body: await c.req.json(), work: await work() }));
  app.get("/broken", async () => {
    await work();
    throw new RangeError("boom");
  });
  app.onError((_error, c) => c.text("sorry", 500));
  return app;
}

test("a request is a span of kind server in the trace of its caller", async () => {
  const sink = await traced(async () => {
    const app = appWith({ headers: ["content-type"] });
    app.route(
      "/v1",
      new Hono().get("/deep/:what", async (c) => c.text(await work())),
    );
    const answer = await app.request("https://api.example:8443/users/7?token=s3cr3t", { headers: CALLER });
    assert.deepEqual(await answer.json(), { work: "done" });
    await (await app.request("/v1/deep/x")).text();
    assert.equal((await app.request("/nowhere/x")).status, 404);
  });
  const { record, children } = sink.get("GET /users/:id");
  assert.deepEqual([record.traceId, record.parentSpanId, record.kind], [TRACE, SPAN, "server"]);
  assert.equal(record.traceState, "vendor=x");
  assert.deepEqual(record.attributes, {
    "http.request.method": "GET",
    "url.scheme": "https",
    "url.path": "/users/7",
    "server.address": "api.example",
    "server.port": 8443,
    "http.route": "/users/:id",
    "http.response.status_code": 200,
    "http.response.header.content-type": ["application/json"],
  });
  assert.equal(children[0]?.record.name, "work");
  assert.equal(sink.get("GET /v1/deep/:what").children.length, 1);
  assert.equal(sink.get("GET").record.attributes?.["http.response.status_code"], 404);
  assert.doesNotMatch(JSON.stringify(sink.records), /s3cr3t/);
});

test("errors: handled by the application, and thrown through it", async () => {
  const sink = await traced(async () => {
    const app = appWith();
    app.get("/odd", () => {
      throw "no Error";
    });
    assert.equal(await (await app.request("/broken")).text(), "sorry");
    await assert.rejects(
      async () => app.request("/odd"),
      (thrown) => thrown === "no Error",
    );
  });
  const broken = sink.get("GET /broken").record;
  assert.deepEqual([broken.level, broken.error?.type, broken.error?.message], ["ERROR", "RangeError", "boom"]);
  assert.equal(sink.findAll((span) => span.error?.message === "no Error").length, 1);
});

test("a streamed answer ends its span with its last byte; the answer is as without", async () => {
  const sink = await traced(async (clock) => {
    const app = appWith();
    app.get("/sse", (c) =>
      streamSSE(c, async (events) => {
        await events.writeSSE({ data: "a" });
        clock.advance(1_000);
        await work();
        await events.writeSSE({ data: "b" });
      }),
    );
    app.get("/bytes", (c) => {
      c.header("set-cookie", "a=1", { append: true });
      c.header("set-cookie", "b=2", { append: true });
      return stream(c, (to) => to.pipe(new Blob(["abc"]).stream()));
    });
    const events = await app.request("/sse");
    assert.equal(events.headers.get("content-type"), "text/event-stream");
    assert.equal(await events.text(), "data: a\n\ndata: b\n\n");
    const bytes = await app.request("/bytes");
    assert.deepEqual(bytes.headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal(await bytes.text(), "abc");
    const given = await app.request("/sse");
    await given.body?.cancel();
  });
  const [sse, cancelled] = sink.findAll("GET /sse");
  assert.ok(sse && BigInt(sse.record.endTime) - BigInt(sse.record.startTime) >= 1_000_000_000n);
  assert.equal(sse.children[0]?.record.name, "work");
  assert.equal(cancelled?.record.level, "WARNING");
  assert.equal(sink.get("GET /bytes").record.level, "DEFAULT");
});

test("every body without a length is followed to its end, whatever its type; that of a HEAD is none", async () => {
  const types = ["text/plain", "text/html", "application/json", "application/octet-stream"];
  const sink = await traced(async (clock) => {
    const app = appWith();
    for (const type of types) {
      app.get(`/${type}`, () => {
        const pull = async (controller: ReadableStreamDefaultController): Promise<void> => {
          clock.advance(1_000);
          await work();
          controller.enqueue(new TextEncoder().encode("{}"));
          controller.close();
        };
        return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { headers: { "content-type": type } });
      });
    }
    app.get("/length", () => new Response("abc", { headers: { "content-length": "3" } }));
    for (const type of types) assert.equal(await (await app.request(`/${type}`)).text(), "{}");
    await app.request("/length");
    await app.request("/text/plain", { method: "HEAD" });
    assert.equal(stats().open, 0);
  });
  for (const type of types) {
    const { record, children } = sink.get(`GET /${type}`);
    assert.ok(BigInt(record.endTime) - BigInt(record.startTime) >= 1_000_000_000n, type);
    assert.equal(children[0]?.record.name, "work");
  }
  assert.equal(sink.get("HEAD /text/plain").record.attributes?.["http.response.status_code"], 200);
});

test("a body that nobody reads has its name at once, and ends its span when nobody holds it", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const sink = await traced(async () => {
    const app = appWith();
    await (async () => void (await app.request("/users/7")))();
    await flush();
    for (let i = 0; i < 200 && stats().open > 0; i++) {
      collect();
      await turn();
    }
    assert.equal(stats().open, 0);
  });
  const { record } = sink.get("GET /users/:id");
  assert.deepEqual([record.level, record.attributes?.["http.response.status_code"]], ["DEFAULT", 200]);
});

test("ignored requests and those without a span keep their very response", async () => {
  const body = new ReadableStream();
  await traced(async () => {
    for (const options of [{ ignore: () => true }, { span: false }]) {
      const app = appWith(options);
      const response = new Response(body);
      app.get("/stream", () => response);
      assert.equal(await app.request("/stream"), response);
    }
  });
});

test("a server of Node's that was started inside a span has requests of their own; app.request() is its caller's work", async () => {
  const app = appWith();
  const sink = await traced(async () => {
    await withSpan("boot", () =>
      serve(adapter(app), (url) => suppress(async () => (await fetch(`${url}/users/7`)).text())),
    );
    await withSpan("caller", async () => (await app.request("/users/8")).text());
  });
  const found = sink.findAll("GET /users/:id").map(({ record, parent }) => [record.kind, parent?.record.name]);
  assert.deepEqual(found, [
    ["server", undefined],
    ["internal", "caller"],
  ]);
});

test("inside traceRequests() of Node's server it is a child, which knows the route", async () => {
  const listener = adapter(appWith());
  const sink = await traced(() =>
    serve(
      (request, response) => traceRequests()(request, response, () => void listener(request, response)),
      async (url) => (await fetch(`${url}/users/7`)).text(),
    ),
  );
  const { record, parent } = sink.get("GET /users/:id");
  assert.deepEqual([record.kind, parent?.record.kind], ["internal", "server"]);
});

/** What an adapter for Node does, `@hono/node-server` among them. */
function adapter(app: Hono): Parameters<typeof serve>[0] {
  return async (incoming, outgoing) => {
    const { method = "GET", headers } = incoming;
    const body = method === "POST" ? (Readable.toWeb(incoming) as ReadableStream) : null;
    const request = new Request(`http://${headers.host}${incoming.url}`, {
      method,
      headers: headers as Record<string, string>,
      body,
      duplex: "half",
    } as RequestInit);
    const response = await app.fetch(request, { incoming, outgoing });
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    if (response.body === null) outgoing.end();
    else await pipeline(Readable.fromWeb(response.body as never), outgoing).catch(() => {});
  };
}

test("under an adapter for Node the span ends with Node's response", async () => {
  const app = appWith();
  let reached: Promise<unknown> = Promise.resolve();
  app.get("/endless", (c) => {
    reached = once((c.env as { outgoing: NodeJS.EventEmitter }).outgoing, "close");
    return c.body(new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(3)) }));
  });
  const sink = await traced(() =>
    serve(adapter(app), async (url) => {
      const post = { method: "POST", body: '{"a":1}', headers: { ...CALLER, "content-type": "application/json" } };
      assert.deepEqual(await (await fetch(`${url}/echo`, post)).json(), { body: { a: 1 }, work: "done" });
      assert.equal((await fetch(`${url}/broken`)).status, 500);
      const endless = httpRequest(`${url}/endless`).end();
      const [response] = await once(endless, "response");
      response.on("error", () => {});
      endless.destroy();
      await reached;
    }),
  );
  const { record, children } = sink.get("POST /echo");
  assert.deepEqual([record.traceId, record.attributes?.["http.response.status_code"]], [TRACE, 200]);
  assert.equal(children[0]?.record.name, "work");
  assert.equal(sink.get("GET /broken").record.error?.message, "boom");
  assert.equal(sink.get("GET /endless").record.level, "WARNING");
});

test("ignore, span, trace, name", async () => {
  const sink = await traced(async () => {
    const options = { ignore: ({ req }: { req: { raw: Request } }) => req.raw.url.endsWith("/users/1") };
    await appWith(options).request("/users/1");
    await appWith({ span: false, trace: () => ({ userId: "ada" }) }).request("/users/2", { headers: CALLER });
    await (await appWith({ trace: () => ({ userId: "bob" }), name: () => "mine" }).request("/users/3")).text();
  });
  assert.equal(sink.records.length, 3);
  const [silent] = sink.findAll((span) => span.traceId === TRACE);
  assert.deepEqual([silent?.record.name, silent?.record.trace.userId], ["work", "ada"]);
  assert.equal(sink.get("mine").record.trace.userId, "bob");
});

test("bad options are refused when the middleware is made", () => {
  assert.throws(() => honoTracing({ ignore: true } as never), ConfigError);
});
