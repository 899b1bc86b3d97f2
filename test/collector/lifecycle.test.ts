/** From the options to the drain, and what is told to whoever runs it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { json, write } from "../../src/collector/answer.ts";
import { type CollectorOptions, collector } from "../../src/collector/index.ts";
import { ConfigError } from "../../src/core/errors.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { gate, lines, postRecords, spans, started, storeWith, until } from "./support.ts";

test("options that do not exist or make no sense are named", async () => {
  const store = memoryStore();
  const bad: [options: object, message: RegExp][] = [
    [{}, /needs a store/],
    [{ store: {} }, /store.*takes a store/],
    [{ store, prot: 1 }, /no option "prot"/],
    [{ store, port: 70_000 }, /port.*from 0 to 65535/],
    [{ store, port: "4600" }, /port/],
    [{ store, host: "" }, /host/],
    [{ store, projects: {} }, /empty/],
    [{ store, projects: { "a b": "token-of-project" } }, /"a b"/],
    [{ store, projects: { a: "short" } }, /project a must be a text of at least 12/],
    [{ store, projects: { a: "with a space in it" } }, /project a must/],
    [{ store, projects: { a: [] } }, /project a takes a token/],
    [{ store, projects: { a: "one-token-for-two", b: ["one-token-for-two"] } }, /projects a and b have one token/],
    [{ store, viewerToken: "x" }, /viewerToken/],
    [{ store, allowedHosts: ["http://a.example/"] }, /allowedHosts.*"http:\/\/a.example\/"/],
    [{ store, limits: { bodyBytes: 0 } }, /bodyBytes.*above 0/],
    [{ store, limits: { body: 1 } }, /no option "body"/],
    [{ store, monitors: { alerts: {} } }, /alerts/],
    [{ store, monitors: { alert: 1 } }, /no option "alert"/],
    [{ store, prices: "free" }, /prices/],
  ];
  for (const [options, message] of bad) {
    const error = await collector(options as CollectorOptions).then(
      () => undefined,
      (reason: ConfigError) => reason,
    );
    assert.ok(error instanceof ConfigError, JSON.stringify(Object.keys(options)));
    assert.match(error.code, /^CONFIG_/);
    assert.match(error.message, message);
    for (const secret of ["with a space in it", "one-token-for-two"]) assert.ok(!error.message.includes(secret));
  }
});

test("a port that is taken is said, and so is an address that is none", async (t) => {
  const { port } = await started(t);
  await assert.rejects(collector({ store: memoryStore(), port }), {
    code: "CONFIG_PORT_TAKEN",
    message: /4600|--port/,
  });
  await assert.rejects(collector({ store: memoryStore(), host: "192.0.2.1", port: 0 }), {
    code: "CONFIG_CANNOT_LISTEN",
  });
});

test("over a store that cannot be opened it does not start; over one that is away it does", async (t) => {
  const rejecting = (error: Error) => storeWith({ revision: () => Promise.reject(error) });
  const never: Error[] = [
    new StoreError("STORE_MISSING_DRIVER", "no driver"),
    new StoreError("STORE_NEWER_SCHEMA", "newer"),
    new StoreError("STORE_NOT_A_STORE", "a letter"),
    new StoreError("STORE_UNAVAILABLE", "damaged"),
    Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" }),
  ];
  for (const error of never) {
    await assert.rejects(collector({ store: rejecting(error), port: 0 }), (got) => got === error);
  }
  const away = new StoreError("STORE_UNAVAILABLE", "not yet", { retryAfterMs: 1_000 });
  for (const error of [away, new Error("who knows")]) {
    const { url } = await started(t, { store: rejecting(error) });
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
  }
});

test("close: what is under way is finished and stored, what comes then is refused, views end", async (t) => {
  const { opened, open } = gate();
  const inner = memoryStore();
  const store = storeWith({ append: (records, options) => opened.then(() => inner.append(records, options)) }, inner);
  const { url, port, close } = await started(t, { store });
  const tail = await fetch(`${url}/api/tail`);
  const all = spans(3);
  const underWay = postRecords(url, lines(all));
  // A connection on which a request has begun, and another that has been quiet.
  const begun = connect(port, "127.0.0.1");
  const answers: string[] = [];
  begun.on("data", (chunk) => answers.push(String(chunk)));
  begun.write(`GET /healthz HTTP/1.1\r\nHost: localhost:${port}\r\n`);
  const waiting = async () => /waiting_records 3/.test(await (await fetch(`${url}/metrics`)).text());
  await until(waiting);
  const closed = close();
  assert.equal(close(), closed, "again: the same");
  begun.write("\r\n");
  await once(begun, "close");
  assert.match(answers.join(""), /^HTTP\/1\.1 503 .*\r\nretry-after: 1\r\n/s);
  assert.match(answers.join(""), /\r\nconnection: close\r\n/i);
  const late = await fetch(`${url}/healthz`).then(
    ({ status }) => status,
    () => "nobody listens",
  );
  assert.ok(late === 503 || late === "nobody listens", `${late}: over a connection that was kept, or a new one`);
  await tail.text();
  assert.equal((await store.stats()).spans, 0);
  open();
  const response = await underWay;
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("connection"), "close");
  await closed;
  assert.equal((await store.stats()).spans, 3);
  await store.append(spans(4));
  assert.equal((await store.stats()).spans, 4, "the store is its owner's");
});

test("close: what hangs is broken off after the time, without an acknowledgement", async (t) => {
  const store = storeWith({ append: () => new Promise(() => {}) });
  const { url, close } = await started(t, { store });
  const hanging = postRecords(url, lines(spans(1))).then(
    () => "answered",
    () => "broken off",
  );
  await until(async () => /waiting_records 1/.test(await (await fetch(`${url}/metrics`)).text()));
  await close({ timeoutMs: 10 });
  assert.equal(await hanging, "broken off");
});

test("close: a sender that has gone while the store was busy is not waited for", async (t) => {
  const { opened, open } = gate();
  const inner = memoryStore();
  const store = storeWith({ append: (records, options) => opened.then(() => inner.append(records, options)) }, inner);
  const { url, close } = await started(t, { store });
  const calledOff = new AbortController();
  const body = lines(spans(1));
  const headers = { "content-type": "application/x-ndjson" };
  const gone = fetch(`${url}/v1/records`, { method: "POST", headers, body, signal: calledOff.signal }).catch(
    () => "gone",
  );
  const figure = async (name: string) =>
    new RegExp(`${name} (\\d+)`).exec(await (await fetch(`${url}/metrics`)).text())![1];
  await until(async () => (await figure("waiting_records")) === "1");
  const before = Number(await figure("connections"));
  calledOff.abort();
  assert.equal(await gone, "gone");
  await until(async () => Number(await figure("connections")) < before);
  open();
  // Without an end of its own: this would hang if it waited.
  await close({ timeoutMs: 2 ** 31 - 1 });
  assert.equal((await store.stats()).spans, 1, "kept all the same");
});

test("an answer for somebody who has gone already ends nowhere, and says so", async () => {
  const gone = { destroyed: true, writeHead: () => {}, once: () => {}, end: () => {} };
  await assert.rejects(write(json({}), { headers: {} } as IncomingMessage, gone as never, false), /gone/);
});

test("connections are kept for the next request", async (t) => {
  const { port, url } = await started(t);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const ports: number[] = [];
  for (let i = 0; i < 3; i++) {
    const asked = request({ agent, port, path: "/healthz", headers: { host: `localhost:${port}` } }).end();
    const [answer] = await once(asked, "response");
    ports.push(answer.socket.localPort);
    answer.resume();
    await once(answer, "end");
    // A refused body does not cost the connection either.
    assert.equal((await fetch(`${url}/v1/records`, { method: "POST", body: "x".repeat(100_000) })).status, 415);
  }
  assert.equal(new Set(ports).size, 1);
});

test("probes: alive, and ready while the store answers", async (t) => {
  let isThere = true;
  const store = storeWith({
    revision: async () => {
      if (!isThere) throw new Error("secret address of the store");
      return "1";
    },
  });
  const { url } = await started(t, { store, viewerToken: "viewer-token-0123456789" });
  assert.deepEqual([(await fetch(`${url}/readyz`)).status, (await fetch(`${url}/healthz`)).status], [200, 200]);
  isThere = false;
  const away = await fetch(`${url}/readyz`);
  assert.deepEqual([away.status, (await fetch(`${url}/healthz`)).status], [503, 200]);
  assert.ok(!(await away.text()).includes("secret"));
});

test("metrics: requests by route and status, records, what was refused", async (t) => {
  const { url } = await started(t);
  await postRecords(url, lines([...spans(2), { not: "a record" }]));
  await fetch(`${url}/api/traces/${"a".repeat(32)}`);
  await fetch(`${url}/api/traces/${"b".repeat(32)}`);
  await fetch(`${url}/nowhere/${"x".repeat(50)}`);
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  const text = await response.text();
  for (const line of [
    'requests_total{route="/v1/records",status="200"} 1',
    'requests_total{route="/api/traces/:",status="404"} 2',
    'requests_total{route="none",status="404"} 1',
    'records_total{form="ndjson"} 2',
    'rejected_total{reason="unreadable"} 1',
    'refused_total{code="NOT_FOUND"} 3',
    'append_seconds_bucket{le="+Inf"} 1',
    "append_seconds_count 1",
    "append_failures_total 0",
    "tails 0",
    'store_spans{project="default"} 2',
    'store_traces{project="default"} 2',
  ]) {
    assert.ok(text.includes(`\nsightline_collector_${line}\n`), line);
  }
  // Every line is one of the format's.
  for (const line of text.trimEnd().split("\n")) {
    assert.match(line, /^# (?:HELP|TYPE) \w+ .+$|^\w+(?:\{\w+="[^"]*"(?:,\w+="[^"]*")*\})? [\d.e+-]+$/);
  }
});

test("the viewer's files: those of the directory, no links, no other types; compressed once", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "collector-assets-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const outside = mkdtempSync(join(tmpdir(), "collector-outside-"));
  t.after(() => rmSync(outside, { recursive: true }));
  writeFileSync(join(outside, "secret.js"), "secret");
  mkdirSync(join(directory, "parts"));
  writeFileSync(join(directory, "index.html"), "<!doctype html><title>viewer</title>");
  writeFileSync(join(directory, "app-1234.js"), `// ${"a".repeat(5_000)}`);
  writeFileSync(join(directory, "parts", "theme.css"), "a{}");
  writeFileSync(join(directory, ".env"), "KEY=1");
  writeFileSync(join(directory, "app-1234.js.map"), "{}");
  symlinkSync(join(outside, "secret.js"), join(directory, "link.js"));
  symlinkSync(outside, join(directory, "linked"));
  const { url } = await started(t, { assets: directory, viewerToken: "viewer-token-0123456789" });
  const types = {
    "/": "text/html",
    "/index.html": "text/html",
    "/app-1234.js": "text/javascript",
    "/parts/theme.css": "text/css",
  };
  for (const [path, type] of Object.entries(types)) {
    const response = await fetch(url + path, { headers: { "accept-encoding": "gzip" } });
    assert.deepEqual([response.status, response.headers.get("content-type")], [200, `${type}; charset=utf-8`], path);
    assert.equal(response.headers.get("content-encoding"), "gzip");
  }
  const plain = await fetch(`${url}/app-1234.js`, { headers: { "accept-encoding": "identity" } });
  assert.equal(plain.headers.get("content-encoding"), null);
  assert.equal((await plain.text()).length, 5_003);
  const raw = await new Promise<Buffer>((resolve, reject) => {
    request(`${url}/app-1234.js`, { headers: { "accept-encoding": "gzip" } }, async (response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk);
      resolve(Buffer.concat(chunks));
    })
      .on("error", reject)
      .end();
  });
  assert.ok(raw.length < 200);
  assert.equal(gunzipSync(raw).length, 5_003);
  for (const path of [
    "/link.js",
    "/linked/secret.js",
    "/.env",
    "/app-1234.js.map",
    "/parts",
    "/parts/",
    "/app-1234.js/",
  ]) {
    assert.equal((await fetch(url + path)).status, 404, path);
  }
});

test("without the viewer's files it says how to get them, and works all the same", async (t) => {
  const { url } = await started(t, { assets: "/nowhere/at/all" });
  const response = await fetch(url);
  assert.deepEqual([response.status, /npm run build/.test(await response.text())], [404, true]);
  assert.equal((await fetch(`${url}/api/about`)).status, 200);
});
