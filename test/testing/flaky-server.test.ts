import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { type FlakyServer, type FlakyStep, fakeClock, flakyServer, sampleRecords } from "sightline/testing";

/** The address is the server's own; what may reject is the answer or its body. */
async function get(server: FlakyServer): Promise<{ status: number; text: string }> {
  const response = await fetch(server.url, { redirect: "manual" });
  return { status: response.status, text: await response.text() };
}

/** Waits for what a socket has yet to tell. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1));
}

test("steps are taken one by one, the last one stays, and more can be appended", async () => {
  await using server = await flakyServer([{ status: 503 }, { status: 201, body: "made" }]);
  const statuses = async (count: number) => {
    const all: number[] = [];
    while (all.length < count) all.push((await get(server)).status);
    return all;
  };
  assert.deepEqual(await statuses(3), [503, 201, 201]);
  server.next({ status: 500 }, { ok: true });
  assert.deepEqual(await statuses(3), [500, 200, 200]);
});

test("without steps all is taken", async () => {
  await using server = await flakyServer();
  assert.deepEqual(await get(server), { status: 200, text: "" });
});

test("the log tells when what came, unzipped and as records", async () => {
  const clock = fakeClock();
  await using server = await flakyServer([{ ok: true }, { status: 413 }], { clock });
  const records = sampleRecords().map((record) => JSON.parse(JSON.stringify(record)));
  const body = records.map((record) => `${JSON.stringify(record)}\n`).join("");
  clock.advance(250);
  const headers = { "content-encoding": "gzip", "x-tenant": "a" };
  await fetch(`${server.url}v1/records?a=b`, { method: "POST", headers, body: gzipSync(body) });
  await fetch(server.url, { method: "PUT", body: `not JSON\n{"a":1}\nnull\n${JSON.stringify(records[0])}` });

  const [first, second] = server.requests;
  assert.deepEqual([first!.at, first!.method, first!.path, first!.status], [250, "POST", "/v1/records?a=b", 200]);
  assert.equal(first!.headers["x-tenant"], "a");
  assert.equal(first!.body, body);
  assert.deepEqual(first!.records, records);
  assert.deepEqual([second!.method, second!.records, second!.status], ["PUT", [records[0]], 413]);
  assert.equal(server.records().length, records.length + 1);
  assert.deepEqual(server.accepted(), records);
});

test("times are monotonic by default", async () => {
  await using server = await flakyServer();
  const before = performance.now();
  await get(server);
  await get(server);
  const times = [before, ...server.requests.map(({ at }) => at), performance.now()];
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  );
});

test("statuses, headers, Retry-After once and twice, bodies", async () => {
  await using server = await flakyServer([
    { status: 429, retryAfter: "1" },
    { status: 503, retryAfter: ["2", "3"], headers: { "x-reason": "busy" } },
    { json: { a: 1 } },
    { body: "garbage" },
    { partial: ["a", "b"] },
  ]);
  const first = await fetch(server.url);
  assert.deepEqual([first.status, first.headers.get("retry-after")], [429, "1"]);
  const second = await fetch(server.url);
  assert.deepEqual([second.headers.get("retry-after"), second.headers.get("x-reason")], ["2, 3", "busy"]);
  assert.deepEqual(await get(server), { status: 200, text: '{"a":1}' });
  assert.deepEqual(await get(server), { status: 200, text: "garbage" });
  const rejected = JSON.parse((await get(server)).text).rejected as { spanId: string }[];
  assert.deepEqual(
    rejected.map(({ spanId }) => spanId),
    ["a", "b"],
  );
});

test("what was rejected one by one is not among the accepted", async () => {
  const records = sampleRecords();
  await using server = await flakyServer([{ partial: [records[0]!.spanId!] }]);
  await fetch(server.url, { method: "POST", body: records.map((record) => `${JSON.stringify(record)}\n`).join("") });
  assert.equal(server.accepted().length, records.length - 1);
});

test("a step may be chosen by the request", async () => {
  await using server = await flakyServer([({ path }) => (path === "/" ? { ok: true } : { status: 404 })]);
  assert.equal((await fetch(server.url)).status, 200);
  assert.equal((await fetch(`${server.url}other`)).status, 404);
  server.next(() => ({ statsu: 200 }) as unknown as FlakyStep);
  assert.deepEqual(await get(server), {
    status: 500,
    text: 'TypeError: flakyServer: unknown "statsu" in the step {"statsu":200}',
  });
});

test("redirects", async () => {
  await using server = await flakyServer([{ redirect: 307, to: "http://127.0.0.1:9/x" }]);
  const response = await fetch(server.url, { redirect: "manual" });
  assert.deepEqual([response.status, response.headers.get("location")], [307, "http://127.0.0.1:9/x"]);
  assert.deepEqual(server.accepted(), []);
});

test("resets break the connection before the answer, within its headers, within its body", async () => {
  await using server = await flakyServer([{ reset: "before" }, { reset: "mid-headers" }, { reset: "mid-body" }]);
  await assert.rejects(
    fetch(server.url),
    (error: Error & { cause: { code: string } }) => error.cause.code === "ECONNRESET",
  );
  await assert.rejects(fetch(server.url), { name: "TypeError" });
  const response = await fetch(server.url);
  assert.equal(response.status, 200);
  await assert.rejects(response.text(), { name: "TypeError" });
  assert.deepEqual(
    server.requests.map(({ status }) => status),
    [undefined, undefined, 200],
  );
});

test("hanging: with an end, and without one", async () => {
  await using server = await flakyServer([{ hang: 5 }, { hang: true }]);
  assert.equal((await get(server)).status, 200);
  const stop = new AbortController();
  const hanging = fetch(server.url, { signal: stop.signal });
  await until(() => server.requests.length === 2);
  assert.deepEqual([server.requests[1]!.status, server.requests[1]!.isOver], [undefined, false]);
  stop.abort();
  await assert.rejects(hanging, { name: "AbortError" });
  await until(() => server.requests[1]!.isOver);
});

test("dripping: headers, then a byte at a time until the client leaves", async () => {
  await using server = await flakyServer([{ drip: 1, status: 202 }]);
  const response = await fetch(server.url);
  assert.equal(response.status, 202);
  const reader = response.body!.getReader();
  for (let i = 0; i < 3; i++) assert.equal((await reader.read()).value?.length, 1);
  await reader.cancel();
  await until(() => server.requests[0]!.isOver);
  assert.ok(server.requests[0]!.sentBytes >= 3);
});

test("large bodies and gzip bombs are sent no faster than they are taken", async () => {
  await using server = await flakyServer([
    { large: 3_000_000 },
    { bomb: 64 * 1024 ** 2 },
    { large: 4 * 1024 ** 3 },
    { bomb: 1000 },
  ]);
  assert.equal((await get(server)).text.length, 3 * 1024 ** 2);
  assert.equal((await get(server)).text.length, 64 * 1024 ** 2);
  assert.ok(server.requests[1]!.sentBytes < 100_000, `${server.requests[1]!.sentBytes} bytes on the wire`);
  const reader = (await fetch(server.url)).body!.getReader();
  await reader.read();
  await reader.cancel();
  await until(() => server.requests[2]!.isOver);
  assert.ok(server.requests[2]!.sentBytes < 100_000_000, `${server.requests[2]!.sentBytes} bytes sent`);
  assert.equal((await get(server)).text.length, 1000);
});

test("a step that does not exist throws, and names what is wrong", async () => {
  for (const [step, why] of [
    [{ staus: 500 }, /unknown "staus"/],
    [{ status: 99 }, /bad value of "status"/],
    [{ status: "500" }, /bad value of "status"/],
    [{ reset: "mid-life" }, /bad value of "reset"/],
    [{ hang: 0 }, /bad value of "hang"/],
    [{ drip: -1 }, /bad value of "drip"/],
    [{ ok: false }, /bad value of "ok"/],
    [{ partial: [1] }, /bad value of "partial"/],
    [{ redirect: 307 }, /"redirect" needs "to"/],
    [{ ok: true, to: "x" }, /"redirect" needs "to"/],
    [{ ok: true, hang: 5 }, /"ok" and "hang" exclude each other/],
    [{ retryAfter: "1" }, /nothing to do/],
    [{ status: 429, retryAfter: 1 }, /bad value of "retryAfter"/],
    [{ __proto__: null, constructor: 1 }, /unknown "constructor"/],
    [{}, /nothing to do/],
    [null, /an object is missing/],
  ] as const) {
    await assert.rejects(flakyServer([step as unknown as FlakyStep]), { name: "TypeError", message: why });
  }
  await using server = await flakyServer();
  assert.throws(() => server.next({ status: 600 }), TypeError);
});

test("bodies that are too large or not gzip break off, and are not logged", async () => {
  await using server = await flakyServer();
  const headers = { "content-encoding": "gzip" };
  const bodies = [gzipSync(Buffer.alloc(65 * 1024 ** 2)), Buffer.from("not gzip")];
  for (const body of bodies) await assert.rejects(fetch(server.url, { method: "POST", headers, body }));
  assert.equal(server.requests.length, 0);
});

test("it closes itself after so many requests, and after so much time", async () => {
  await using few = await flakyServer([], { maxRequests: 2 });
  await get(few);
  await get(few);
  await assert.rejects(get(few));
  assert.equal(few.requests.length, 2);

  await using short = await flakyServer([{ hang: true }], { maxMs: 20 });
  await assert.rejects(get(short));
  await assert.rejects(get(short), (error: Error & { cause: { code: string } }) => error.cause.code === "ECONNREFUSED");
});

test("close ends what hangs, may be called again, and lets the process end", async () => {
  const server = await flakyServer([{ hang: true }]);
  const hanging = get(server);
  await until(() => server.requests.length === 1);
  await Promise.all([assert.rejects(hanging), server.close(), server.close()]);
});

test("a server that nobody closed keeps no process alive", async () => {
  const program = `import { flakyServer } from "sightline/testing";
    const server = await flakyServer([{ ok: true }, { hang: true }]);
    await fetch(server.url, { headers: { connection: "close" } });`;
  const flags = ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", program];
  const child = spawn(process.execPath, flags, { stdio: ["ignore", "inherit", "inherit"] });
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
