import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { inspect } from "node:util";
import { gunzipSync, gzipSync } from "node:zlib";
import { encode } from "../../src/core/record.ts";
import { type HttpSinkOptions, httpSink } from "../../src/sinks/http.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";

const signal = new AbortController().signal;
const SECRET = "sk-live-4f3c2b1a";

async function listen(handler: RequestListener) {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/records`, close };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly body: Buffer;
}

/** A server for one test, a sink that posts to it, and what it was sent. */
async function setUp(
  t: TestContext,
  answer: (response: ServerResponse, exchange: Exchange) => void = (response) => response.end(),
  options: Partial<HttpSinkOptions> = {},
) {
  const received: Exchange[] = [];
  const server = await listen(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    received.push({ request, body: Buffer.concat(chunks) });
    answer(response, received.at(-1)!);
  });
  t.after(server.close);
  return { sink: httpSink({ url: server.url, ...options }), received, url: server.url };
}

const contractServers: { close: () => Promise<void> }[] = [];
sinkContract(
  async () => {
    const server = await listen((request, response) => {
      request.resume().on("end", () => response.end());
    });
    contractServers.push(server);
    return httpSink({ url: server.url });
  },
  { cleanUp: () => contractServers.pop()?.close() },
);

test("posts NDJSON by encode, gzipped, with the given headers", async (t) => {
  const { sink, received } = await setUp(t, undefined, {
    headers: { Authorization: `Bearer ${SECRET}`, "X-Tenant": "a" },
  });
  const records = sampleRecords();
  await sink.write(records, signal);
  const [{ request, body }] = received as [Exchange];
  assert.equal(request.method, "POST");
  assert.equal(request.url, "/v1/records");
  assert.equal(request.headers["content-type"], "application/x-ndjson");
  assert.equal(request.headers["content-encoding"], "gzip");
  assert.equal(request.headers.authorization, `Bearer ${SECRET}`);
  assert.equal(request.headers["x-tenant"], "a");
  assert.equal(gunzipSync(body).toString(), records.map((record) => `${encode(record)}\n`).join(""));
});

test("small bodies, and all without gzip, go as they are", async (t) => {
  const { sink, received } = await setUp(t);
  await sink.write([sampleSpan()], signal);
  assert.equal(received[0]!.request.headers["content-encoding"], undefined);
  assert.equal(received[0]!.body.toString(), `${encode(sampleSpan())}\n`);

  const plain = await setUp(t, undefined, { gzip: false });
  await plain.sink.write(sampleRecords(), signal);
  assert.equal(plain.received[0]!.request.headers["content-encoding"], undefined);
  assert.equal(plain.received[0]!.body.toString().split("\n").length, sampleRecords().length + 1);
});

test("an empty batch is not sent", async (t) => {
  const { sink, received } = await setUp(t);
  await sink.write([], signal);
  assert.equal(received.length, 0);
});

const LATER = [408, 425, 429, 500, 501, 502, 503, 504, 599];
const SPLIT = [400, 413, 422];
const NEVER = [300, 301, 302, 303, 304, 307, 308, 401, 403, 404, 405, 406, 409, 410, 411, 415, 451];
for (const status of [200, 201, 202, 204, 207, ...LATER, ...SPLIT, ...NEVER]) {
  const refused = SPLIT.includes(status) ? "split" : LATER.includes(status) ? "later" : "never";
  const retry = status < 300 ? "accepted" : refused;
  test(`${status} means ${retry}`, async (t) => {
    const { sink, received } = await setUp(t, (response) =>
      response.writeHead(status, { location: `/${SECRET}` }).end(),
    );
    const write = Promise.resolve(sink.write([sampleSpan()], signal));
    if (retry === "accepted") await write;
    else {
      const error = await write.then(
        () => undefined,
        (reason) => reason,
      );
      assert.equal(error.name, "SinkError");
      assert.equal(error.retry, retry);
      if (retry === "split") assert.equal(error.reason, status === 413 ? "too_large" : "rejected_by_sink");
      assert.match(error.message, new RegExp(`answered ${status}`));
      assert.doesNotMatch(inspect(error), new RegExp(SECRET));
    }
    assert.equal(received.length, 1);
  });
}

test("a redirect is not followed, to any address", async (t) => {
  const other = await setUp(t);
  for (const status of [301, 302, 303, 307, 308]) {
    const { sink } = await setUp(t, (response) => response.writeHead(status, { location: other.url }).end());
    await assert.rejects(async () => sink.write([sampleSpan()], signal), { retry: "never", message: /redirect/ });
  }
  assert.equal(other.received.length, 0);
});

const NOW = Date.parse("2026-11-21T10:00:00Z");
for (const [header, expected] of [
  ["7", 7_000],
  ["0", 0],
  ["2, 7", 7_000],
  ["9999999999", 900_000],
  ["Sat, 21 Nov 2026 10:00:30 GMT", 30_000],
  ["Sat, 21 Nov 2026 09:00:00 GMT", 0],
  ["-1", undefined],
  ["soon", undefined],
] as const) {
  test(`Retry-After ${header} on a 429 and a 503`, async (t) => {
    const clock = { epochMs: () => NOW, monotonicMs: () => 0 };
    for (const status of [429, 503]) {
      const answer = (response: ServerResponse) => response.writeHead(status, { "retry-after": header }).end();
      const { sink } = await setUp(t, answer, { clock });
      await assert.rejects(async () => sink.write([sampleSpan()], signal), { retry: "later", retryAfterMs: expected });
    }
  });
}

test("rejected records are passed on: known ones, once, with a reason of bounded length", async (t) => {
  const rejected = [
    { spanId: "a", reason: "too old" },
    { spanId: "a", reason: "again" },
    { spanId: "b", reason: "x".repeat(10_000) },
    { spanId: "c", reason: { toString: 1 } },
    { spanId: "stranger", reason: "?" },
    { reason: "no id" },
  ];
  const { sink } = await setUp(t, (response) => response.end(JSON.stringify({ rejected })));
  const batch = ["a", "b", "c", "d"].map((spanId) => sampleSpan({ spanId }));
  assert.deepEqual(await sink.write(batch, signal), {
    rejected: [
      { spanId: "a", reason: "too old" },
      { spanId: "b", reason: "x".repeat(200) },
      { spanId: "c", reason: "rejected" },
    ],
  });
});

const bomb = gzipSync(Buffer.alloc(50_000_000, " "));
for (const [what, answer] of Object.entries({
  nothing: (response) => response.end(),
  junk: (response) => response.end("<html>"),
  "JSON of another shape": (response) => response.end('{"rejected":{"spanId":5}}'),
  null: (response) => response.end("null"),
  "a list of nulls": (response) => response.end('{"rejected":[null]}'),
  "more than a megabyte": (response) => response.end(`{"rejected":[]}${" ".repeat(2_000_000)}`),
  "a gzip bomb": (response) => response.writeHead(200, { "content-encoding": "gzip" }).end(bomb),
  "broken gzip": (response) => response.writeHead(200, { "content-encoding": "gzip" }).end("not gzip"),
  "a body that breaks off": (response) => {
    response.writeHead(200, { "content-length": "100" }).write('{"rej');
    setImmediate(() => response.destroy());
  },
} satisfies { [what: string]: (response: ServerResponse) => void })) {
  test(`200 with ${what} has accepted the batch`, async (t) => {
    const { sink } = await setUp(t, answer);
    assert.equal(await sink.write([sampleSpan({ spanId: "a" })], signal), undefined);
  });
}

test("an endless answer is cut at a megabyte", async (t) => {
  let sent = 0;
  const { sink } = await setUp(t, (response) => {
    const pump = () => {
      while (!response.destroyed && response.write("x".repeat(65_536))) sent += 65_536;
    };
    response.on("drain", pump).on("error", () => {});
    pump();
  });
  await sink.write([sampleSpan()], signal);
  assert.ok(sent < 20_000_000, `${sent} bytes were taken`);
});

test("connections that fail mean later, and the error tells no address", async (t) => {
  const closed = await listen(() => {});
  await closed.close();
  const refused = httpSink({ url: `${closed.url}?key=${SECRET}` });
  const error = await Promise.resolve(refused.write([sampleSpan()], signal)).then(
    () => undefined,
    (reason) => reason,
  );
  assert.equal(error.retry, "later");
  assert.match(error.message, /ECONNREFUSED/);
  assert.doesNotMatch(inspect(error), new RegExp(SECRET));

  const { sink } = await setUp(t, (response) => response.destroy());
  await assert.rejects(async () => sink.write([sampleSpan()], signal), {
    retry: "later",
    message: /UND_ERR_SOCKET|ECONNRESET/,
  });
});

test("TLS that is none means later", async (t) => {
  const { url } = await setUp(t);
  const sink = httpSink({ url: url.replace("http:", "https:") });
  await assert.rejects(async () => sink.write([sampleSpan()], signal), { name: "SinkError", retry: "later" });
});

test("a server that hangs, before its answer or within it, is left after timeoutMs", async (t) => {
  const hanging = await setUp(t, () => {}, { timeoutMs: 30 });
  await assert.rejects(async () => hanging.sink.write([sampleSpan()], signal), { retry: "later", message: /30 ms/ });
  const dripping = await setUp(t, (response) => void response.writeHead(503).write("x"), { timeoutMs: 1e12 });
  await assert.rejects(async () => dripping.sink.write([sampleSpan()], signal), { retry: "later", message: /503/ });
  const slow = await setUp(t, (response) => void response.writeHead(200).write("{"), { timeoutMs: 30 });
  assert.equal(await slow.sink.write([sampleSpan()], signal), undefined);
});

test("an aborted signal ends the request", async (t) => {
  const stop = new AbortController();
  const { sink, received } = await setUp(t, () => stop.abort());
  await assert.rejects(async () => sink.write([sampleSpan()], stop.signal), { retry: "later", message: /called off/ });
  await assert.rejects(async () => sink.write([sampleSpan()], AbortSignal.abort()), { retry: "later" });
  assert.equal(received.length, 1);
});

test("a server that drips after its 200 is left after a second, whatever the timeout", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  let answered = () => {};
  const headers = new Promise<void>((resolve) => (answered = resolve));
  const noting: typeof fetch = async (...args) => {
    const response = await fetch(...args);
    setImmediate(answered);
    return response;
  };
  const drip = (response: ServerResponse) => void response.writeHead(200).write("{");
  const { sink } = await setUp(t, drip, { timeoutMs: 60_000, fetch: noting });
  let isOver = false;
  const write = Promise.resolve(sink.write([sampleSpan()], signal)).then(() => (isOver = true));
  await headers;
  t.mock.timers.tick(999);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isOver, false);
  t.mock.timers.tick(1);
  await write;
});

test("x-sightline-batch is the same for the same records, and for them alone", async (t) => {
  const { sink, received } = await setUp(t, undefined, { headers: { "X-Sightline-Batch": "mine" } });
  const [a, b] = [sampleSpan({ spanId: "a" }), sampleSpan({ spanId: "b" })];
  const score = sampleRecords().find((record) => record.record === "score")!;
  const batches = [
    [a, b],
    [structuredClone(a), { ...b, trace: { userId: "later" } }],
    [a],
    [b, a],
    [a, { ...b, seq: 2 }],
    [a, { ...b, traceId: "0".repeat(32) }],
    [score],
    [{ ...score, seq: 2 }],
  ];
  for (const batch of batches) await sink.write(batch, signal);
  const ids = received.map(({ request }) => request.headers["x-sightline-batch"] as string);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(ids[0], ids[1]);
  assert.equal(new Set(ids).size, batches.length - 1);
});

test("a batch beyond maxBodyBytes is to be split, unsent", async (t) => {
  const { sink, received } = await setUp(t, undefined, { maxBodyBytes: 1_000 });
  await assert.rejects(async () => sink.write(sampleRecords(), signal), { retry: "split", reason: "too_large" });
  await sink.write([sampleSpan()], signal);
  assert.equal(received.length, 1);
});

test("the given fetch is used, else the global one as it is at the first write", async (t) => {
  const calls: unknown[] = [];
  const fake = (async (url: string) => {
    calls.push(url);
    return new Response(null, { status: 204 });
  }) as typeof fetch;
  await httpSink({ url: "https://collector.example/a", fetch: fake }).write([sampleSpan()], signal);
  const sink = httpSink({ url: "https://collector.example/b" });
  t.mock.method(globalThis, "fetch", fake);
  await sink.write([sampleSpan()], signal);
  assert.deepEqual(calls, ["https://collector.example/a", "https://collector.example/b"]);
});

test("user and password in the address become a header and leave the address", async (t) => {
  const { url, received } = await setUp(t);
  const sink = httpSink({ url: url.replace("//", `//us%40er:${SECRET}@`) });
  await sink.write([sampleSpan()], signal);
  const expected = `Basic ${Buffer.from(`us@er:${SECRET}`).toString("base64")}`;
  assert.equal(received[0]!.request.headers.authorization, expected);
});

test("credentials are refused over plain http, but to this machine", () => {
  const refused = (options: HttpSinkOptions) => {
    assert.throws(
      () => httpSink(options),
      (error: Error & { code: string }) =>
        error.name === "ConfigError" && error.code === "CONFIG_HTTP_CREDENTIALS" && !inspect(error).includes(SECRET),
    );
  };
  refused({ url: "http://collector.example/", headers: { Authorization: `Bearer ${SECRET}` } });
  refused({ url: "http://collector.example/", headers: { "x-api-key": SECRET } });
  refused({ url: "http://collector.example/", headers: { "x-thing": `Bearer ${SECRET}` } });
  refused({ url: `http://user:${SECRET}@collector.example/` });
  refused({ url: `http://collector.example/?api_key=${SECRET}` });
  refused({ url: "http://127.0.0.1.collector.example/", headers: { authorization: SECRET } });
  refused({ url: "http://localhost.collector.example/", headers: { authorization: SECRET } });
  refused({ url: "http://10.0.0.1/", headers: { cookie: SECRET } });
  refused({ url: `http://us%er:${SECRET}@collector.example/` });
  for (const host of ["127.0.0.1", "127.1.2.3", "[::1]", "localhost:4318", "api.localhost"]) {
    httpSink({ url: `http://${host}/`, headers: { authorization: SECRET } });
  }
  httpSink({ url: "https://collector.example/", headers: { authorization: SECRET } });
  httpSink({ url: "http://collector.example/", headers: { "x-tenant": "a" } });
});

test("a sink shows no secret", () => {
  const url = `https://user:${SECRET}@collector.example:8443/${SECRET}?key=${SECRET}`;
  const sink = httpSink({ url, headers: { authorization: SECRET } });
  assert.equal(sink.name, "http:collector.example:8443");
  const shown =
    inspect(sink, { depth: 9, showHidden: true, getters: true }) + JSON.stringify(sink) + String(sink.write);
  assert.doesNotMatch(shown, new RegExp(SECRET));
});

test("addresses, headers and options that cannot be used are told at once, without their values", () => {
  const fails = (options: object, code: string) =>
    assert.throws(
      () => httpSink(options as HttpSinkOptions),
      (error: Error & { code: string }) => {
        assert.equal(error.name, "ConfigError");
        assert.equal(error.code, code);
        assert.doesNotMatch(inspect(error), new RegExp(SECRET));
        return true;
      },
    );
  for (const url of [
    undefined,
    "",
    "collector.example",
    `/${SECRET}`,
    `ftp://${SECRET}/`,
    `http://[${SECRET}/`,
    "file:///x",
    5,
  ]) {
    fails({ url }, "CONFIG_HTTP_URL");
  }
  const url = "https://collector.example/";
  for (const value of [`${SECRET}\r\nx: y`, `${SECRET}\0`, `${SECRET}→`, undefined, 5]) {
    fails({ url, headers: { authorization: value } }, "CONFIG_HTTP_HEADER");
  }
  fails({ url, headers: { "a b": "c" } }, "CONFIG_HTTP_HEADER");
  fails({ url, headers: new Headers({ authorization: SECRET }) }, "CONFIG_HTTP_HEADER");
  fails({ url, headers: SECRET }, "CONFIG_SINK_OPTION");
  fails({ url, timeoutMs: 0 }, "CONFIG_SINK_OPTION");
  fails({ url, gzip: "yes" }, "CONFIG_SINK_OPTION");
  fails({ url, token: SECRET }, "CONFIG_UNKNOWN_OPTION");
});
