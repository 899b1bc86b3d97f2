/** Node's own client in place of the global `fetch`, and where it must not be. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { createRequire } from "node:module";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { type TestContext, test } from "node:test";
import { httpSink } from "../../src/sinks/http.ts";
import { DISPATCHER } from "../../src/sinks/node-fetch.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

const { signal } = new AbortController();
const slots = globalThis as { [at: symbol]: unknown };

async function setUp(t: TestContext) {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    request.resume().on("end", () => response.end("{}"));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { requests, port, sink: httpSink({ url: `http://127.0.0.1:${port}/` }) };
}

/** `fetch` says of itself that it is one. */
const isFetch = ({ headers }: IncomingMessage) => headers["sec-fetch-mode"] !== undefined;

test("one connection serves one request after the other, before and after the program's own fetch", async (t) => {
  const { requests, sink, port } = await setUp(t);
  await sink.write([sampleSpan()], signal);
  await (await fetch(`http://127.0.0.1:${port}/`)).text();
  assert.notEqual(slots[DISPATCHER], undefined);
  await sink.write([sampleSpan()], signal);
  assert.deepEqual(requests.map(isFetch), [false, true, false]);
  assert.equal(requests[0]!.socket, requests[2]!.socket);
  const { headers } = requests[0]!;
  assert.equal(headers["transfer-encoding"], undefined);
  assert.ok(Number(headers["content-length"]) > 0);
});

test("a fetch that somebody put in its place gets the requests", async (t) => {
  const { requests, sink } = await setUp(t);
  const given = globalThis.fetch;
  t.mock.method(globalThis, "fetch", (...args: Parameters<typeof fetch>) => given(...args));
  await sink.write([sampleSpan()], signal);
  assert.deepEqual(requests.map(isFetch), [true]);
});

test("where somebody watches Node's client, fetch gets the requests", async (t) => {
  const { requests, sink } = await setUp(t);
  const http = createRequire(import.meta.url)("node:http");
  const { request } = http;
  t.after(() => {
    http.request = request;
  });
  http.request = (...args: unknown[]) => request(...args);
  await sink.write([sampleSpan()], signal);
  http.request = request;
  const watch = (): void => {};
  subscribe("http.client.request.start", watch);
  await sink.write([sampleSpan()], signal);
  unsubscribe("http.client.request.start", watch);
  const proto = http.ClientRequest.prototype;
  proto._storeHeader = function (...args: unknown[]) {
    return Object.getPrototypeOf(proto)._storeHeader.apply(this, args);
  };
  await sink.write([sampleSpan()], signal);
  Reflect.deleteProperty(proto, "_storeHeader");
  await sink.write([sampleSpan()], signal);
  assert.deepEqual(requests.map(isFetch), [true, true, true, false]);
});

test("a dispatcher that is not Node's gets the requests", async (t) => {
  const { requests, sink, port } = await setUp(t);
  await (await fetch(`http://127.0.0.1:${port}/`)).text();
  const nodes = slots[DISPATCHER] as { dispatch(...args: unknown[]): boolean; compose(...args: unknown[]): unknown };
  t.after(() => {
    slots[DISPATCHER] = nodes;
  });
  // As the package `undici` has them: one that says what it wants, and one of another name.
  class Agent {
    dispatch(options?: unknown, handler?: unknown): boolean {
      if (handler === undefined) throw new TypeError("handler must be an object");
      return nodes.dispatch(options, handler);
    }
  }
  class ProxyAgent extends Agent {}
  let intercepted = 0;
  const composed = nodes.compose((dispatch: typeof nodes.dispatch) => (options: unknown, handler: unknown) => {
    intercepted++;
    return dispatch(options, handler);
  });
  for (const [i, dispatcher] of [new Agent(), new ProxyAgent(), composed].entries()) {
    slots[DISPATCHER] = dispatcher;
    await sink.write([sampleSpan()], signal);
    assert.equal(isFetch(requests[i + 1]!), true);
  }
  slots[DISPATCHER] = nodes;
  await sink.write([sampleSpan()], signal);
  assert.equal(isFetch(requests[4]!), false);
  assert.equal(intercepted, 1);
});

test("a failed connection is told by its code", async () => {
  const sink = httpSink({ url: "http://127.0.0.1:1/" });
  await assert.rejects(async () => sink.write([sampleSpan()], signal), { retry: "later", message: /ECONNREFUSED/ });
});

test("an answer that changes the protocol is a failed connection, and nothing waits for it", async (t) => {
  for (const more of ["upgrade: foo\r\nconnection: upgrade\r\n", ""]) {
    const server = createSocketServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => socket.write(`HTTP/1.1 101 Switching Protocols\r\n${more}\r\n`));
      t.after(() => socket.destroy());
    });
    t.after(() => server.close());
    await once(server.listen(0, "127.0.0.1"), "listening");
    const sink = httpSink({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
    await assert.rejects(async () => sink.write([sampleSpan()], signal), {
      retry: "later",
      message: /the connection failed/,
    });
  }
});

test("answers are asked for as they are: nothing here unpacks them", async (t) => {
  const { requests, sink } = await setUp(t);
  await sink.write([sampleSpan()], signal);
  assert.equal(requests[0]!.headers["accept-encoding"], "identity");
});

test("a kept connection that the server closes as the next request comes costs no failure", async (t) => {
  let connections = 0;
  let requests = 0;
  const server = createSocketServer((socket) => {
    connections++;
    let served = 0;
    t.after(() => socket.destroy());
    socket.on("error", () => {});
    socket.on("data", () => {
      requests++;
      if (served++ === 0) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
      else socket.resetAndDestroy();
    });
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const sink = httpSink({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
  for (let i = 0; i < 5; i++) await sink.write([sampleSpan()], signal);
  // The 2nd and the 4th find the connection of the one before, are reset, and go over one of their own.
  assert.deepEqual([connections, requests], [5, 7]);
});

test("a new connection that is reset is not tried again", async (t) => {
  let connections = 0;
  const server = createSocketServer((socket) => {
    connections++;
    socket.on("error", () => {}).on("data", () => socket.resetAndDestroy());
  });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const sink = httpSink({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` });
  await assert.rejects(async () => sink.write([sampleSpan()], signal), { retry: "later", message: /ECONNRESET/ });
  assert.equal(connections, 1);
});
