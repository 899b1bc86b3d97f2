/** The table of the security reference, line by line, as far as a socket can show it. */
import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { type TestContext, test } from "node:test";
import { memoryStore } from "../../src/store/memory-store.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { postRecords, raw, started } from "./support.ts";

const get = (path: string, ...headers: string[]): string =>
  `GET ${path} HTTP/1.1\r\n${[...headers, "Connection: close"].join("\r\n")}\r\n\r\n`;
const post = (path: string, body: string, ...headers: string[]): string =>
  `POST ${path} HTTP/1.1\r\n${[...headers, `Content-Length: ${body.length}`, "Connection: close"].join("\r\n")}\r\n\r\n${body}`;

async function codeOf(port: number, text: string): Promise<string> {
  const { status, body } = await raw(port, text);
  return status === 200 || !body.startsWith("{") ? String(status) : `${status} ${JSON.parse(body).error.code}`;
}

test("Host: loopback's names with the port are served, all others are refused before the route", async (t) => {
  const { port } = await started(t);
  for (const host of [`localhost:${port}`, `LOCALHOST:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
    assert.equal(await codeOf(port, get("/healthz", `Host: ${host}`)), "200", host);
  }
  const others = [
    "evil.com",
    `evil.com:${port}`,
    `127.0.0.1.nip.io:${port}`,
    `localhost.evil.com:${port}`,
    `localhost.:${port}`,
    "localhost",
    `localhost:${port + 1}`,
    `127.0.0.1:${port}@evil.com`,
    `127.1:${port}`,
    `0.0.0.0:${port}`,
    `localhost:${port}, evil.com`,
    `[::ffff:127.0.0.1]:${port}`,
  ];
  for (const host of others) {
    for (const path of ["/healthz", "/", "/api/about", "/nothing"]) {
      assert.equal(await codeOf(port, get(path, `Host: ${host}`)), "403 HOST_NOT_ALLOWED", `${host} ${path}`);
    }
  }
});

test("Host: missing, empty and doubled ones, and an address that brings its own", async (t) => {
  const { port } = await started(t);
  const own = `Host: localhost:${port}`;
  assert.equal(await codeOf(port, get("/healthz")), "400");
  assert.equal(await codeOf(port, "GET /healthz HTTP/1.0\r\n\r\n"), "400 HOST_MISSING");
  assert.equal(await codeOf(port, get("/healthz", "Host: ")), "400 HOST_MISSING");
  assert.equal(await codeOf(port, get("/healthz", own, "Host: evil.com")), "400 HEADER_TWICE");
  assert.equal(await codeOf(port, get("/healthz", own, own)), "400 HEADER_TWICE");
  assert.equal(await codeOf(port, get("/api/about", own, "Authorization: a", "Authorization: b")), "400 HEADER_TWICE");
  assert.equal(await codeOf(port, get(`http://localhost:${port}/healthz`, own)), "400 BAD_ADDRESS");
  assert.equal(await codeOf(port, get("http://evil.com/healthz", own)), "400 BAD_ADDRESS");
  assert.equal(await codeOf(port, get("//evil.com/healthz", own)), "400 BAD_ADDRESS");
  assert.equal(await codeOf(port, `OPTIONS * HTTP/1.1\r\n${own}\r\nConnection: close\r\n\r\n`), "400 BAD_ADDRESS");
});

test("allowedHosts: more names, with any port or the one that is said, and a token for the viewer", async (t) => {
  const { port, token } = await started(t, { allowedHosts: ["Traces.example.com", "other.example:8443"] });
  assert.match(token!, /^[\w-]{22}$/, "who is reached through a proxy is reached from anywhere");
  assert.equal(await codeOf(port, get("/healthz", "Host: traces.example.COM")), "200");
  assert.equal(await codeOf(port, get("/healthz", "Host: traces.example.com:8080")), "200");
  assert.equal(await codeOf(port, get("/healthz", "Host: other.example:8443")), "200");
  assert.equal(await codeOf(port, get("/healthz", "Host: other.example")), "403 HOST_NOT_ALLOWED");
  assert.equal(await codeOf(port, get("/healthz", "Host: x.traces.example.com")), "403 HOST_NOT_ALLOWED");
  assert.equal(await codeOf(port, get("/api/about", "Host: traces.example.com")), "401 UNAUTHORIZED");
  const withToken = get("/api/about", "Host: traces.example.com", `Authorization: Bearer ${token}`);
  assert.equal((await raw(port, withToken)).status, 200);
});

test("it listens on loopback only, and elsewhere only with a token", async (t) => {
  const { port } = await started(t);
  const address = Object.values(networkInterfaces())
    .flat()
    .find((each) => each !== undefined && !each.internal && each.family === "IPv4")?.address;
  const open = await started(t, { host: "0.0.0.0" });
  assert.match(open.token!, /^[\w-]{22}$/);
  assert.equal(open.viewerUrl, `${open.url}/#token=${open.token}`);
  assert.equal((await postRecords(open.url, "")).status, 401, "records too");
  const bearer = { authorization: `Bearer ${open.token}` };
  assert.equal((await postRecords(open.url, JSON.stringify(sampleSpan()), bearer)).status, 200);
  assert.equal((await fetch(`${open.url}/api/traces`, { headers: bearer })).status, 200);
  if (address === undefined) return t.skip("this machine has no other address to be reached by");
  assert.equal(
    (await raw(port, get("/healthz", `Host: localhost:${port}`), address)).status,
    0,
    "nobody listens there",
  );
  const there = `Host: ${address}:${open.port}`;
  assert.equal(
    (await raw(open.port, get("/healthz", there), address)).status,
    200,
    "the address itself is no stolen name",
  );
  assert.equal((await raw(open.port, get("/api/about", there), address)).status, 401);
});

test("Origin and Sec-Fetch-Site: what changes or reads data comes from this origin or from no page", async (t) => {
  const { port } = await started(t);
  const host = `Host: localhost:${port}`;
  const json = "Content-Type: application/json";
  const attempts: [request: string, code: string][] = [
    [get("/api/about", host, `Origin: http://localhost:${port}`, "Sec-Fetch-Site: same-origin"), "200"],
    [get("/api/about", host, "Sec-Fetch-Site: none"), "200"],
    [get("/api/about", host, "Sec-Fetch-Site: cross-site"), "403 OTHER_ORIGIN"],
    [get("/api/about", host, "Sec-Fetch-Site: same-site"), "403 OTHER_ORIGIN"],
    [get("/api/tail", host, "Origin: http://evil.com"), "403 OTHER_ORIGIN"],
    [get("/api/tail", host, "Origin: null"), "403 OTHER_ORIGIN"],
    [get("/api/tail", host, `Origin: http://127.0.0.1:${port}`), "403 OTHER_ORIGIN"],
    [get("/api/tail", host, `Origin: http://localhost:${port}.evil.com`), "403 OTHER_ORIGIN"],
    [post("/api/incidents/x", "{}", host, json, "Origin: http://evil.com"), "403 OTHER_ORIGIN"],
    [post("/api/incidents/x", "{}", host, json, "Origin: null"), "403 OTHER_ORIGIN"],
    [post("/v1/records", "{}", host, "Content-Type: text/plain", "Origin: http://evil.com"), "403 OTHER_ORIGIN"],
    [post("/v1/records", "{}", host, "Content-Type: text/plain", "Sec-Fetch-Site: cross-site"), "403 OTHER_ORIGIN"],
    [post("/v1/records", "{}", host, "Content-Type: text/plain"), "415 BAD_CONTENT_TYPE"],
    // A link from anywhere opens the page.
    [get("/healthz", host, "Sec-Fetch-Site: cross-site"), "200"],
  ];
  for (const [request, code] of attempts) {
    const { status, body, headers } = await raw(port, request);
    const got = status === 200 ? "200" : `${status} ${JSON.parse(body).error.code}`;
    assert.equal(got, code, request);
    assert.equal(
      Object.keys(headers).find((name) => name.startsWith("access-control")),
      undefined,
    );
  }
});

test("methods: those of the route, no preflight", async (t) => {
  const { url } = await started(t);
  for (const [method, path, allow] of [
    ["DELETE", "/api/traces", "GET, HEAD"],
    ["PUT", "/", "GET, HEAD"],
    ["OPTIONS", "/api/about", "GET, HEAD"],
    ["GET", "/v1/records", "POST"],
    ["GET", "/api/incidents/x", "POST"],
    ["PATCH", "/v1/traces", "POST"],
  ] as const) {
    const response = await fetch(url + path, { method });
    assert.equal(response.status, 405, `${method} ${path}`);
    assert.equal(response.headers.get("allow"), allow);
  }
  const head = await fetch(`${url}/api/about`, { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), "");
  assert.ok(Number(head.headers.get("content-length")) > 0);
  assert.equal((await fetch(`${url}/api/tail`, { method: "HEAD" })).status, 405);
});

test("headers of every answer, refusals included", async (t) => {
  const { url } = await started(t);
  const expected = {
    "content-security-policy":
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
  };
  const tail = new AbortController();
  const paths = ["/", "/api/about", "/api/traces?x=1", "/nothing", "/healthz", "/metrics", "/api/tail"];
  for (const path of paths) {
    const { headers } = await fetch(url + path, { signal: tail.signal });
    const got = Object.fromEntries(Object.keys(expected).map((name) => [name, headers.get(name)]));
    assert.deepEqual(got, expected, path);
    for (const name of ["x-powered-by", "server", "access-control-allow-origin", "set-cookie", "etag"]) {
      assert.equal(headers.get(name), null, `${path} ${name}`);
    }
  }
  tail.abort();
});

test("tokens: missing, short, wrong and right ones; never in an answer, an error or the log", async (t) => {
  const viewerToken = "viewer-token-0123456789";
  const projects = { shop: ["shop-token-1-abcdef", "shop-token-2-abcdef"], tutor: "tutor-token-abcdef" };
  const { url, store, lines } = await started(t, { viewerToken, projects });
  const texts: string[] = [];
  const ask = async (path: string, headers: { [name: string]: string }, method = "GET") => {
    const body = method === "POST" ? JSON.stringify(sampleSpan()) : null;
    const type = method === "POST" ? { "content-type": "application/x-ndjson" } : {};
    const response = await fetch(url + path, { method, headers: { ...type, ...headers } as HeadersInit, body });
    texts.push(await response.text(), JSON.stringify([...response.headers]));
    return response.status;
  };
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
  for (const path of ["/api/about", "/api/traces", "/api/tail", "/metrics", "/api/monitors"]) {
    assert.equal(await ask(path, {}), 401, path);
    assert.equal(await ask(path, { authorization: "Bearer " }), 401);
    assert.equal(await ask(path, { authorization: `Bearer ${viewerToken.slice(0, -1)}` }), 401);
    assert.equal(await ask(path, { authorization: `Bearer ${viewerToken}x` }), 401);
    assert.equal(await ask(path, { authorization: "Bearer shop-token-1-abcdef" }), 401, "who sends may not look");
    assert.equal(await ask(`${path}?token=${viewerToken}`, {}), 401, "an address is no place for it");
  }
  assert.equal(await ask("/api/about", { authorization: `Bearer ${viewerToken}` }), 200);
  assert.equal(await ask("/api/about", { authorization: `bearer ${viewerToken}` }), 200);
  assert.equal(await ask("/healthz", {}), 200);
  assert.equal(await ask("/v1/records", {}, "POST"), 401);
  assert.equal(await ask("/v1/records", { authorization: `Bearer ${viewerToken}` }, "POST"), 401, "nor the other way");
  assert.equal(await ask("/v1/records", basic("pk-lf-1:wrong"), "POST"), 401);
  assert.equal((await store.stats({ project: "shop" })).spans, 0);
  assert.equal(await ask("/v1/records", { authorization: "Bearer shop-token-1-abcdef" }, "POST"), 200);
  assert.equal(await ask("/v1/records", { "x-api-key": "shop-token-2-abcdef" }, "POST"), 200);
  assert.equal(await ask("/v1/records", basic("pk-lf-1:tutor-token-abcdef"), "POST"), 200);
  assert.equal((await store.stats({ project: "shop" })).spans, 1);
  assert.equal((await store.stats({ project: "tutor" })).spans, 1);
  assert.equal((await store.stats()).spans, 0);
  const all = [...texts, ...lines].join("\n");
  for (const token of [viewerToken, ...projects.shop, projects.tutor]) assert.ok(!all.includes(token));
});

test("paths: nothing is decoded and nothing outside is reached", async (t) => {
  const { port } = await started(t, { assets: new URL("../../src/collector", import.meta.url).pathname });
  const host = `Host: localhost:${port}`;
  for (const path of [
    "/../package.json",
    "/..%2fpackage.json",
    "/%2e%2e/package.json",
    "/..\\package.json",
    "/api/traces/../about",
    "/api/traces/..%2fabout",
    "/api.ts",
    "/api/",
    "/index.html%00.js",
    "/etc/passwd",
    "/__proto__",
    "/constructor",
  ]) {
    const { status } = await raw(port, get(path, host));
    assert.ok(status === 404 || status === 400, `${path} ${status}`);
  }
  assert.equal((await raw(port, get("/\0", host))).status, 400);
  for (const id of ["0".repeat(32), "A".repeat(32), "a".repeat(31), `${"a".repeat(32)}.json`, "%61".repeat(32)]) {
    assert.equal(await codeOf(port, get(`/api/traces/${id}`, host)), "400 BAD_PARAMETER", id);
  }
});

test("limits: headers of 8 KiB, addresses of 2 KiB, no body with a question", async (t) => {
  const { port } = await started(t);
  const host = `Host: localhost:${port}`;
  assert.equal((await raw(port, get("/healthz", host, `X-Long: ${"a".repeat(7_500)}`))).status, 200);
  assert.equal((await raw(port, get("/healthz", host, `X-Long: ${"a".repeat(9_000)}`))).status, 431);
  const many = Array.from({ length: 10_000 }, (_, i) => `X-${i}: 1`);
  assert.equal((await raw(port, get("/healthz", host, ...many))).status, 431);
  assert.equal(await codeOf(port, get(`/api/traces?text=${"a".repeat(900)}`, host)), "200");
  assert.equal(await codeOf(port, get(`/api/traces?text=${"a".repeat(2_100)}`, host)), "414 URL_TOO_LONG");
  assert.equal(await codeOf(port, `${get("/healthz", host, "Content-Length: 5")}12345`), "413 NO_BODY");
  assert.equal(await codeOf(port, `${get("/healthz", host, "Transfer-Encoding: chunked")}0\r\n\r\n`), "413 NO_BODY");
  const smuggled = post("/v1/records", "{}", host, "Transfer-Encoding: chunked");
  assert.equal((await raw(port, smuggled)).status, 400, "two lengths are none");
});

test("slow requests are cut off: headers that drip, a body that never comes", async (t) => {
  const { port } = await started(t, { limits: { headersTimeoutMs: 50, requestTimeoutMs: 100 } });
  const dripping = await raw(port, `GET /healthz HTTP/1.1\r\nHost: localhost:${port}\r\nX-Slow: `);
  assert.equal(dripping.status, 408);
  const host = `Host: localhost:${port}`;
  const body = await raw(
    port,
    `POST /v1/records HTTP/1.1\r\n${host}\r\nContent-Type: application/x-ndjson\r\nContent-Length: 10\r\n\r\n12`,
  );
  assert.equal(body.status, 408);
});

test("connections: no more than the limit", async (t: TestContext) => {
  const { port } = await started(t, { limits: { connections: 2 }, store: memoryStore() });
  const host = `Host: localhost:${port}`;
  const held = new AbortController();
  t.after(() => held.abort());
  for (let i = 0; i < 2; i++) await fetch(`http://127.0.0.1:${port}/api/tail`, { signal: held.signal });
  assert.equal((await raw(port, get("/healthz", host))).status, 0);
});
