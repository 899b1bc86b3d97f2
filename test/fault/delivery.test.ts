/** P12, line by line: what becomes of a batch by what the server says. Real sockets, fake time: see `lab/wire.ts`. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type FlakyScript, type FlakyStep, flakyServer } from "sightline/testing";
import { wire } from "./lab/wire.ts";

/** The first step of the backoff, without jitter. */
const OWN = 1_000;
const QUARTER = 15 * 60_000;

/** Between attempts, over all tests: what was computed, and what was measured. */
const gaps: { computed: number; measured: number }[] = [];
let rows = 0;

/** What the lines have in common: one record, and a server that behaves from the second request on. */
async function line(t: TestContext, step: FlakyScript, sink = {}) {
  rows++;
  const w = await wire(t, [step, { ok: true }], { sink, lane: { batchRecords: 1 } });
  w.emitMany(1);
  await w.settle();
  return w;
}

/** Tried again after so many milliseconds, not one earlier, and then taken. */
function later(name: string, step: FlakyStep, delay: number, { timeoutMs = 0, sink = {} } = {}): void {
  test(`P12 ${name}: again after ${delay} ms`, async (t) => {
    const w = await line(t, step, { ...sink, ...(timeoutMs > 0 && { timeoutMs }) });
    if (timeoutMs > 0) await w.pass(timeoutMs);
    assert.deepEqual([w.server.requests.length, w.lane().queued, w.lane().written], [1, 1, 0]);
    await w.pass(delay - 1);
    assert.equal(w.server.requests.length, 1, "not a millisecond too early");
    await w.pass(1);
    const [first, second] = w.server.requests;
    assert.deepEqual([w.server.requests.length, w.lane().written, w.lane().retries], [2, 1, 1]);
    assert.equal(second!.body, first!.body);
    gaps.push({ computed: delay, measured: second!.at - first!.at - timeoutMs });
  });
}

/** Taken by the first request, in no time. */
function taken(name: string, step: FlakyStep, waitMs = 0): void {
  test(`P12 ${name}: written, and not sent again`, async (t) => {
    const w = await line(t, step);
    if (waitMs > 0) await w.pass(waitMs);
    assert.deepEqual([w.lane().written, w.lane().dropped], [1, {}]);
    await w.pass(31_000);
    assert.equal(w.server.requests.length, 1);
  });
}

/** Dropped after the first request; the next batch is sent at once. */
function dropped(name: string, step: FlakyStep, reason: string): void {
  test(`P12 ${name}: dropped as ${reason}`, async (t) => {
    const w = await line(t, step);
    assert.deepEqual([w.lane().dropped, w.server.requests.length], [{ [reason]: 1 }, 1]);
    w.emitMany(1);
    await w.settle();
    assert.deepEqual([w.lane().written, w.server.requests.length], [1, 2]);
    await w.pass(31_000);
    assert.equal(w.server.requests.length, 2);
  });
}

for (const status of [200, 201, 202, 204, 207, 299]) taken(`${status}`, { status });
taken("200 and garbage", { body: "<html>It works!</html>" });
taken("200 and JSON of another shape", { json: { rejected: { a: 1 } } });
taken("207 and items of another shape", { status: 207, json: { items: [{ status: 201 }, { status: 400 }] } });
taken("200 that breaks off within its body", { reset: "mid-body" });
taken("200 that drips, left after a second", { drip: 50 }, 1_000);

for (const status of [408, 425, 429, 500, 501, 502, 503, 504, 507, 599]) later(`${status}`, { status }, OWN);
for (const status of [401, 402, 403, 404, 405, 406, 409, 410, 411, 415, 418, 431, 451]) {
  dropped(`${status}`, { status }, "rejected_by_sink");
}
for (const status of [300, 304]) dropped(`${status}`, { status }, "rejected_by_sink");
for (const status of [400, 422]) dropped(`${status} for a single record`, { status }, "rejected_by_sink");
dropped("413 for a single record", { status: 413 }, "too_large");

for (const status of [429, 503]) {
  for (const [value, delay] of [
    ["3", 3_000],
    ["1.5", 1_500],
    // Less than our own wait is no reason to hurry.
    ["0.1", OWN],
    ["0", OWN],
    ["Thu, 01 Jan 1970 00:00:30 GMT", 30_000],
    ["Thursday, 01-Jan-70 00:00:30 GMT", 30_000],
    ["Thu Jan  1 00:00:30 1970", 30_000],
    ["Wed, 31 Dec 1969 23:00:00 GMT", OWN],
    ["Fri, 01 Jan 2100 00:00:00 GMT", QUARTER],
    ["9999999999", QUARTER],
    ["9".repeat(400), QUARTER],
    ["-5", OWN],
    ["soon", OWN],
    ["", OWN],
    ["1e9", OWN],
    ["0x7fffffff", OWN],
    ["Infinity", OWN],
  ] as const) {
    later(`${status}, Retry-After "${value.slice(0, 40)}"`, { status, retryAfter: value }, delay);
  }
  later(`${status}, Retry-After twice, 2 and 3`, { status, retryAfter: ["2", "3"] }, 3_000);
  later(`${status}, Retry-After twice, 2 and soon`, { status, retryAfter: ["2", "soon"] }, OWN);
}
later("500 with Retry-After", { status: 500, retryAfter: "4" }, 4_000);

later("reset instead of an answer", { reset: "before" }, OWN);
later("connection that ends within the headers", { reset: "mid-headers" }, OWN);
// `fetch` itself takes a 407 for a connection that failed.
later("407", { status: 407 }, OWN);
later("hang", { hang: true }, OWN, { timeoutMs: 300 });
later("an answer that comes too late", { hang: 301 }, OWN, { timeoutMs: 300 });
later("503 that drips", { status: 503, drip: 50 }, OWN);

for (const redirect of [301, 302, 303, 307, 308] as const) {
  test(`P12 ${redirect}: dropped as rejected_by_sink, nothing goes to the other server`, async (t) => {
    await using other = await flakyServer();
    const w = await line(t, { redirect, to: `${other.url}v1` });
    assert.deepEqual([w.lane().dropped, w.server.requests.length], [{ rejected_by_sink: 1 }, 1]);
    assert.match(w.lane().lastError!, /redirect, which is not followed/);
    assert.equal(other.requests.length, 0);
  });
}

for (const [what, address] of [
  ["TLS that is none", (url: string) => url.replace("http:", "https:")],
  ["a refused connection", (url: string) => url],
] as const) {
  test(`P12 ${what}: again by our own schedule`, async (t) => {
    rows++;
    await using other = await flakyServer();
    if (what === "a refused connection") await other.close();
    const w = await wire(t, [], { sink: { url: address(other.url) }, lane: { batchRecords: 1 } });
    w.emitMany(1);
    for (const [i, ms] of [OWN, 2 * OWN, 4 * OWN].entries()) {
      await w.pass(ms - 1);
      assert.equal(w.attempts.length, i + 1, "not a millisecond too early");
      await w.pass(1);
    }
    assert.deepEqual(w.attempts, [0, 1_000, 3_000, 7_000]);
    assert.deepEqual([w.lane().queued, w.lane().retries, other.requests.length], [1, 3, 0]);
  });
}

for (const [what, step] of [
  ["4 GiB", { large: 4 * 1024 ** 3 }],
  ["a gzip bomb of 64 GiB", { bomb: 64 * 1024 ** 3 }],
] as const) {
  test(`P12 an answer of ${what}: written, and read no further than a megabyte`, async (t) => {
    let read = 0;
    const count = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        read += chunk.length;
        controller.enqueue(chunk);
      },
    });
    const counting: typeof fetch = async (...args) => {
      const response = await fetch(...args);
      return new Response(response.body!.pipeThrough(count), response);
    };
    const w = await line(t, step, { fetch: counting });
    assert.equal(w.lane().written, 1);
    while (!w.server.requests[0]!.isOver) await new Promise((resolve) => setImmediate(resolve));
    // Beyond the limit, the chunk that crosses it and one that waits; and what the sockets buffer.
    assert.ok(read > 1024 ** 2 && read < 1024 ** 2 + 4 * 65_536, `${read} bytes were read`);
    const sent = w.server.requests[0]!.sentBytes;
    assert.ok(sent < 32 * 1024 ** 2, `${sent} bytes were taken`);
    t.diagnostic(`figure: an answer of ${what}, ${(read / 1024 ** 2).toFixed(2)} MiB of it read`);
  });
}

test("P12 partial success: the rest is written, the rejected are counted, nothing is sent again", async (t) => {
  const partial = ["3", "5", "5", "99"].map((name) => name.padStart(16, "0"));
  const w = await wire(t, [{ partial }], { lane: { batchRecords: 8 } });
  w.emitMany(8);
  await w.pass(31_000);
  assert.deepEqual([w.lane().written, w.lane().dropped], [6, { rejected_by_sink: 2 }]);
  assert.equal(w.server.requests.length, 1);
  assert.equal(w.server.accepted().length, 6);
});

test("P12 a server that stays down is asked by the schedule, one request a time, then gets everything", async (t) => {
  const down: FlakyStep[] = Array.from({ length: 8 }, () => ({ status: 503 }));
  const w = await wire(t, [...down, { ok: true }], { lane: { batchRecords: 10 } });
  w.emitMany(100);
  await w.advance(160_000);
  const times = w.server.requests.map(({ at }) => at);
  const expected = [0, 1_000, 3_000, 7_000, 15_000, 31_000, 61_000, 91_000, 121_000];
  assert.deepEqual(times.slice(0, 9), expected);
  // The other nine batches at once, as soon as one was taken.
  assert.deepEqual(times.slice(9), Array(9).fill(121_000));
  assert.deepEqual([w.lane().written, w.lane().retries], [100, 8]);
  for (let i = 1; i < 9; i++)
    gaps.push({ computed: expected[i]! - expected[i - 1]!, measured: times[i]! - times[i - 1]! });
});

test("P12 no two requests are closer than the computed delay", (t) => {
  assert.ok(gaps.length > 60, `${gaps.length} delays were measured`);
  const tooClose = gaps.filter(({ computed, measured }) => measured < computed);
  assert.deepEqual(tooClose, []);
  t.diagnostic(`figure: ${rows} server answers, ${gaps.length} delays, ${tooClose.length} requests too early`);
});
