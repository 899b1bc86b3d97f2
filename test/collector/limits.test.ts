/** What is too much: bodies, gzip bombs, bytes in flight, rates; and a store that cannot take more. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { StoreError } from "../../src/store/store-error.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { gate, lines, postRecords, raw, spans, started, storeWith, until } from "./support.ts";

const gzip = { "content-encoding": "gzip" };

async function codeOf(response: Response): Promise<[number, string]> {
  return [response.status, ((await response.json()) as any).error?.code];
}

test("a body beyond the limit is refused: by its length, by what comes, and inflated", async (t) => {
  const { url, port, store } = await started(t, { limits: { bodyBytes: 2_000, inflatedBytes: 4_000 } });
  const record = JSON.stringify(spans(1)[0]);
  assert.deepEqual(await codeOf(await postRecords(url, "x".repeat(2_001))), [413, "BODY_TOO_LARGE"]);
  const host = `Host: localhost:${port}\r\nContent-Type: application/x-ndjson\r\nConnection: close`;
  const chunks = `7d1\r\n${"x".repeat(2_001)}\r\n0\r\n\r\n`;
  const chunked = await raw(
    port,
    `POST /v1/records HTTP/1.1\r\n${host}\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`,
  );
  assert.equal(chunked.status, 413);
  const padded = gzipSync(`${record}\n${" ".repeat(4_000)}`);
  assert.deepEqual(await codeOf(await postRecords(url, padded, gzip)), [413, "BODY_TOO_LARGE"]);
  assert.equal((await store.stats()).spans, 0, "nothing of it is kept");
  assert.equal((await postRecords(url, gzipSync(`${record}\n${" ".repeat(3_000)}`), gzip)).status, 200);
});

test("a gzip bomb is stopped while it is inflated", async (t) => {
  const { url } = await started(t);
  // 400 MB in 400 KB; twenty of them at once.
  const bomb = Buffer.concat(Array(40).fill(gzipSync(Buffer.alloc(10_000_000), { level: 9 })));
  assert.ok(bomb.length < 500_000);
  const before = process.memoryUsage().rss;
  let peak = before;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 5);
  const answers = await Promise.all(Array.from({ length: 20 }, () => postRecords(url, bomb, gzip)));
  clearInterval(watch);
  for (const answer of answers) assert.ok([413, 429].includes(answer.status), String(answer.status));
  assert.ok(answers.some(({ status }) => status === 413));
  // 64 MiB in flight, and as much again between the inflater and the garbage collector.
  assert.ok(peak - before < 400 * 1024 ** 2, `${Math.round((peak - before) / 1024 ** 2)} MiB`);
  assert.equal((await postRecords(url, lines(spans(1)))).status, 200, "and it goes on");
});

test("encodings: gzip or nothing; torn gzip is no body", async (t) => {
  const { url } = await started(t);
  const body = gzipSync(lines(spans(50)));
  for (const encoding of ["br", "deflate", "zstd", "gzip, gzip"]) {
    const response = await postRecords(url, body, { "content-encoding": encoding });
    assert.deepEqual(await codeOf(response), [415, "BAD_ENCODING"], encoding);
  }
  for (const torn of [body.subarray(0, -20), body.subarray(5), Buffer.alloc(0), Buffer.from("hello")]) {
    assert.deepEqual(await codeOf(await postRecords(url, torn, gzip)), [400, "BAD_GZIP"]);
  }
  const said = async (sent: Uint8Array) => (await postRecords(url, sent, gzip)).json();
  const problem = (message: string) => ({ error: { code: "BAD_GZIP", message } });
  assert.deepEqual(await said(body.subarray(0, -20)), problem("The body is cut: its gzip has no end."));
  assert.deepEqual(await said(Buffer.from("hello")), problem("The body says it is gzip, and is not."));
});

test("bytes in flight are bounded: 429 with Retry-After while others wait, and room again after them", async (t) => {
  const { opened, open } = gate();
  const inner = storeWith({});
  const store = storeWith({ append: (records, options) => opened.then(() => inner.append(records, options)) }, inner);
  const { url } = await started(t, { store, limits: { inFlightBytes: 10_000 } });
  const body = lines(spans(15));
  assert.ok(body.length > 5_000 && body.length < 10_000);
  const first = postRecords(url, body);
  const metrics = async () => (await fetch(`${url}/metrics`)).text();
  await until(async () => /waiting_records 15/.test(await metrics()));
  assert.match(await metrics(), new RegExp(`in_flight_bytes ${body.length}\\n`));
  const refused = await postRecords(url, body);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.deepEqual(await codeOf(refused), [429, "TOO_MUCH_IN_FLIGHT"]);
  open();
  assert.equal((await first).status, 200);
  assert.equal((await postRecords(url, body)).status, 200);
  assert.match(await metrics(), /in_flight_bytes 0\n/);
});

test("senders that go away give back what they held", async (t) => {
  const { url, port } = await started(t, { limits: { inFlightBytes: 10_000 } });
  const head = `POST /v1/records HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Type: application/x-ndjson\r\n`;
  const socket = connect(port, "127.0.0.1");
  socket.write(`${head}Content-Length: 9000\r\n\r\n${" ".repeat(8_000)}`);
  const inFlight = async () => Number(/in_flight_bytes (\d+)/.exec(await (await fetch(`${url}/metrics`)).text())![1]);
  await until(async () => (await inFlight()) === 8_000);
  socket.destroy();
  await until(async () => (await inFlight()) === 0);
  assert.equal((await postRecords(url, lines(spans(15)))).status, 200);
});

test("rates: requests and bytes of a project, whatever the others send", async (t) => {
  const clock = fakeClock();
  const projects = { a: "token-of-project-a", b: "token-of-project-b" };
  const limits = { requestsPerSecond: 2, bytesPerSecond: 10_000 };
  const { url } = await started(t, { projects, limits, clock });
  const post = (project: keyof typeof projects, body: string) =>
    postRecords(url, body, { authorization: `Bearer ${projects[project]}` });
  for (let i = 0; i < 4; i++) assert.equal((await post("a", "")).status, 200, "two seconds' worth at once");
  const refused = await post("a", "");
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal((await post("b", "")).status, 200);
  clock.advance(600);
  assert.equal((await post("a", "")).status, 200);
  clock.advance(10_000);
  const large = lines(spans(150));
  assert.ok(large.length > 40_000);
  assert.equal((await post("a", large)).status, 200, "what has come is taken, and paid for");
  const later = await post("a", "");
  assert.equal(later.status, 429);
  const wait = Number(later.headers.get("retry-after"));
  assert.ok(wait >= 2, `${wait} s`);
  clock.advance(wait * 1_000);
  assert.equal((await post("a", "")).status, 200);
});

test("a store that is full or away: 429 with its word on when, nothing acknowledged, and it recovers", async (t) => {
  let trouble: Error | undefined = new StoreError("STORE_FULL", "the disk is full", { retryAfterMs: 7_000 });
  const inner = storeWith({});
  const store = storeWith(
    {
      append: async (records, options) => {
        if (trouble) throw trouble;
        await inner.append(records, options);
      },
    },
    inner,
  );
  const { url, lines: said } = await started(t, { store });
  const body = lines(spans(2));
  const full = await postRecords(url, body);
  assert.equal(full.headers.get("retry-after"), "7");
  assert.deepEqual(await codeOf(full), [429, "STORE_FULL"]);
  trouble = new StoreError("STORE_UNAVAILABLE", "no replica answers");
  const away = await postRecords(url, body);
  assert.equal(away.headers.get("retry-after"), "5");
  assert.deepEqual(await codeOf(away), [429, "STORE_UNAVAILABLE"]);
  const otlp = await fetch(`${url}/v1/traces`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      resourceSpans: [
        { scopeSpans: [{ spans: [{ traceId: "a".repeat(32), spanId: "b".repeat(16), startTimeUnixNano: "1" }] }] },
      ],
    }),
  });
  assert.equal(otlp.status, 429);
  assert.equal(otlp.headers.get("retry-after"), "5");
  assert.equal(((await otlp.json()) as any).code, 8, "RESOURCE_EXHAUSTED");
  trouble = new StoreError("STORE_CLOSED", "closed");
  assert.equal((await postRecords(url, body)).status, 503);
  trouble = new Error("secret path /var/lib");
  const unforeseen = await postRecords(url, body);
  const text = await unforeseen.text();
  assert.equal(unforeseen.status, 503);
  assert.ok(!text.includes("secret"), text);
  assert.equal((await store.stats()).spans, 0);
  trouble = undefined;
  assert.equal((await fetch(`${url}/readyz`)).status, 503, "senders were told to wait");
  assert.equal((await postRecords(url, body)).status, 200);
  assert.equal((await store.stats()).spans, 2);
  assert.equal((await fetch(`${url}/readyz`)).status, 200);
  assert.deepEqual(
    said,
    [
      "nothing can be kept: the disk is full",
      "nothing can be kept: no replica answers",
      "nothing can be kept: closed",
      "a request failed: secret path /var/lib",
      "records are kept again",
    ],
    "whoever runs it hears of it, once for each that changes",
  );
});
