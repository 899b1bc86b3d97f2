import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { configure, flush, memorySink, type SpanRecord, shutdown, stats, withSpan } from "sightline";
import { observeOpenAI, tracedFetch } from "sightline/openai";
import { waitLimitMs } from "../../../src/openai/wire/attempts.ts";
import { recordedSpans } from "./recorded-spans.ts";
import { type Answer, COMPLETION, chatChunk, DONE, events, json, scriptedServer } from "./scripted-server.ts";

const CLIENTS: [string, any, boolean][] = [
  ["openai 4", OpenAI4, true],
  ["openai 4 with the global fetch", OpenAI4, false],
  ["openai 5", OpenAI5, true],
  ["openai 6", OpenAI, true],
];
const CHAT = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "hi" }] };
const SOON = { "retry-after-ms": "20", "x-request-id": "req_busy" };
const BUSY = json(429, { error: { message: "slow down", code: "rate_limit_exceeded", type: "requests" } }, SOON);
const GOOD = json(200, COMPLETION, { "x-request-id": "req_good" });
const RESET: Answer = (request) => request.socket.destroy();

function client(Client: any, own: boolean, baseURL: string, options: object = {}): any {
  const inner: typeof fetch = own ? new Client({ apiKey: "k" }).fetch : globalThis.fetch;
  return new Client({ baseURL, apiKey: "k", fetch: tracedFetch({ fetch: inner }), ...options });
}

/** Without what differs from run to run. */
function attempts({ http }: SpanRecord): unknown {
  return http!.attempts?.map(({ durationMs, waitMs, ...attempt }) => {
    assert.ok(durationMs >= 0 && durationMs < 1000);
    assert.ok(waitMs === undefined || waitMs >= 10, `waited ${waitMs}`);
    return attempt;
  });
}

for (const [name, Client, own] of CLIENTS) {
  test(`${name}: attempts of one call are one span`, async () => {
    await using server = await scriptedServer(BUSY, json(503, { error: { message: "down" } }, SOON), GOOD);
    const spans = await recordedSpans(() => client(Client, own, server.baseURL).chat.completions.create(CHAT));
    assert.equal(spans.length, 1);
    const [span] = spans;
    assert.deepEqual(attempts(span!), [
      { status: 429, requestId: "req_busy" },
      { status: 503, requestId: "req_busy" },
      { status: 200, requestId: "req_good" },
    ]);
    assert.deepEqual([span!.status.code, span!.level, span!.http!.status], ["ok", "DEFAULT", 200]);
    assert.equal(span!.http!.requestId, "req_good");
    assert.equal(span!.usage!.totalTokens, 14);
    assert.equal(span!.error, undefined);
  });

  test(`${name}: a call that fails in the end says why, with all its attempts`, async () => {
    await using server = await scriptedServer(BUSY);
    const openai = client(Client, own, server.baseURL, { maxRetries: 1 });
    const spans = await recordedSpans(async () => {
      await assert.rejects(openai.chat.completions.create(CHAT), Client.RateLimitError);
      assert.equal(stats().open, 0, "over as soon as the client has read why");
    });
    const [span] = spans;
    assert.equal(spans.length, 1);
    assert.deepEqual(attempts(span!), [
      { status: 429, requestId: "req_busy" },
      { status: 429, requestId: "req_busy" },
    ]);
    const { type, status, code, message } = span!.error!;
    assert.deepEqual([type, status, code, message], ["RateLimitError", 429, "rate_limit_exceeded", "slow down"]);
    assert.deepEqual(span!.attributes, { "openai.error.type": "requests" });
    assert.equal(span!.level, "ERROR");
  });

  test(`${name}: connections that fail are attempts too`, async () => {
    await using server = await scriptedServer(RESET, GOOD);
    const [span] = await recordedSpans(() => client(Client, own, server.baseURL).chat.completions.create(CHAT));
    const [first, second] = span!.http!.attempts!;
    assert.match(first!.error!, /^(?:ECONNRESET|UND_ERR_SOCKET)$/);
    assert.deepEqual([first!.status, second!.status, span!.status.code], [undefined, 200, "ok"]);
  });

  test(`${name}: a stream that is tried again`, async () => {
    await using server = await scriptedServer(BUSY, events([chatChunk("x = 1", "stop"), DONE]));
    const [span] = await recordedSpans(async () => {
      for await (const _ of await client(Client, own, server.baseURL).chat.completions.create({
        ...CHAT,
        stream: true,
      }));
    });
    assert.deepEqual(attempts(span!), [{ status: 429, requestId: "req_busy" }, { status: 200 }]);
    assert.equal(span!.http!.stream!.end, "completed");
  });

  test(`${name}: a timeout is no abort of the caller's`, async () => {
    await using server = await scriptedServer(() => {});
    const openai = client(Client, own, server.baseURL, { maxRetries: 1, timeout: 150 });
    const spans = await recordedSpans(() =>
      withSpan("outer", () => assert.rejects(openai.chat.completions.create(CHAT), Client.APIConnectionTimeoutError)),
    );
    assert.equal(spans.length, 2);
    const [span] = spans;
    assert.equal(span!.http!.attempts!.length, 2);
    assert.deepEqual([span!.error!.type, span!.level], ["APIConnectionTimeoutError", "ERROR"]);
    assert.ok(Number(span!.endTime) - Number(span!.startTime) >= 250e6);
  });

  test(`${name}: an observed client's timeout is known, even without another attempt`, async () => {
    await using server = await scriptedServer(() => {});
    const openai = observeOpenAI(new Client({ baseURL: server.baseURL, apiKey: "k", maxRetries: 0, timeout: 30 }));
    const [span] = await recordedSpans(() =>
      withSpan("outer", () => assert.rejects(openai.chat.completions.create(CHAT), Client.APIConnectionTimeoutError)),
    );
    assert.deepEqual([span!.error!.type, span!.level], ["APIConnectionTimeoutError", "ERROR"]);
  });

  test(`${name}: an abort before the answer is a warning`, async () => {
    await using server = await scriptedServer(() => {});
    const observed = observeOpenAI(new Client({ baseURL: server.baseURL, apiKey: "k" }));
    const spans = await recordedSpans(() =>
      withSpan("outer", async () => {
        for (const openai of [client(Client, own, server.baseURL), observed]) {
          const abort = new AbortController();
          setTimeout(() => abort.abort(), 20);
          const call = openai.chat.completions.create(CHAT, { signal: abort.signal });
          await assert.rejects(call, Client.APIUserAbortError);
        }
        assert.ok(stats().open <= 2);
      }),
    );
    for (const { level, status } of spans.slice(0, 2)) {
      assert.deepEqual([level, status.code, status.message], ["WARNING", "error", "aborted"]);
    }
  });
}

test("what may not be tried again is over when its body is read, whoever reads it", async () => {
  await using server = await scriptedServer(json(429, { error: { message: "no" } }, { "x-should-retry": "false" }));
  const [span] = await recordedSpans(async () => {
    await (await tracedFetch()(`${server.baseURL}/chat/completions`, { method: "POST", body: "{}" })).text();
  });
  assert.equal(span!.error!.message, "no");
  assert.equal(span!.http!.attempts, undefined);
});

test("a failure that nobody reads: over when its trace is, at the time at which it came", async () => {
  await using server = await scriptedServer(BUSY);
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      await tracedFetch()(`${server.baseURL}/chat/completions`, { method: "POST", body: "{}" });
      await sleep(100);
    }),
  );
  const [failed, outer] = spans;
  assert.deepEqual([failed!.name, outer!.name], ["chat", "outer"]);
  assert.equal(failed!.error!.message, "429 status code (no body)");
  assert.ok(Number(outer!.endTime) - Number(failed!.endTime) >= 90e6);
});

test("a failure that nobody reads, without a trace around it: over when no other attempt can come any more", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const answer = new Response("{}", { status: 503, headers: { "retry-after": "30" } });
  const sink = memorySink();
  configure({ sinks: [sink] });
  await tracedFetch({ fetch: async () => answer })("http://localhost/v1/chat/completions", { method: "POST" });
  t.mock.timers.tick(31_999);
  assert.equal(stats().open, 1);
  t.mock.timers.tick(1);
  assert.equal(stats().open, 0);
  t.mock.timers.reset();
  await flush();
  assert.equal((sink.records[0] as SpanRecord).error!.status, 503);
  await shutdown();
});

test("at the end of the process it is written too", async () => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const down = new TypeError("fetch failed", { cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }) });
  const traced = tracedFetch({ fetch: () => Promise.reject(down) });
  const call = traced("http://localhost/v1/chat/completions", { method: "POST", body: JSON.stringify(CHAT) });
  await assert.rejects(call, (error) => error === down);
  await shutdown();
  const [span] = sink.records as SpanRecord[];
  assert.deepEqual(
    [span!.error!.type, span!.error!.causes![0]!.message, span!.unfinished],
    ["TypeError", "refused", undefined],
  );
});

test("clients that do not count: the same request under the same span goes on with the call that waits", async () => {
  const good = (id: string) => json(200, COMPLETION, { "x-request-id": id });
  await using server = await scriptedServer(BUSY, BUSY, good("other"), good("new"), good("same"));
  const traced = tracedFetch();
  const post = (body: object, headers: Record<string, string> = {}) =>
    traced(`${server.baseURL}/chat/completions`, { method: "POST", body: JSON.stringify(body), headers });
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      await post(CHAT);
      await withSpan("inner", () => post(CHAT));
      await (await post({ ...CHAT, seed: 1 })).json();
      await (await post(CHAT, { "x-stainless-retry-count": "0" })).json();
      await (await post(CHAT)).json();
    }),
  );
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  assert.deepEqual(
    spans
      .filter(({ type }) => type === "generation")
      .map(({ http, parentSpanId }) => [names.get(parentSpanId!), http!.requestId, http!.attempts?.length]),
    [
      ["outer", "other", undefined],
      ["outer", "new", undefined],
      ["outer", "same", 2],
      ["inner", "req_busy", undefined],
    ],
  );
});

test("the server says whether to try again, whatever the status", async () => {
  const again = json(400, { error: { message: "not yet" } }, { ...SOON, "x-should-retry": "true" });
  await using server = await scriptedServer(again, GOOD);
  const [span] = await recordedSpans(() => client(OpenAI, true, server.baseURL).chat.completions.create(CHAT));
  assert.deepEqual(attempts(span!), [
    { status: 400, requestId: "req_busy" },
    { status: 200, requestId: "req_good" },
  ]);
});

test("an attempt that is under way keeps the call open when its trace is over", async () => {
  await using server = await scriptedServer(BUSY, async (request, response, body) => {
    await sleep(60);
    await GOOD(request, response, body);
  });
  const spans = await recordedSpans(async () => {
    let call: Promise<unknown> | undefined;
    await withSpan("outer", async () => {
      call = client(OpenAI, true, server.baseURL)
        .chat.completions.create(CHAT)
        .then(() => {});
      while (server.requests < 2) await sleep(2);
    });
    await call;
  });
  assert.deepEqual(
    spans.map(({ name, http, status }) => [name, http?.attempts?.length, status.code]),
    [
      ["outer", undefined, "ok"],
      ["chat gpt-4.1", 2, "ok"],
    ],
  );
});

test("what becomes of the body of an attempt that failed means nothing once the next is under way", async () => {
  await using server = await scriptedServer(BUSY, async (request, response, body) => {
    await sleep(30);
    await GOOD(request, response, body);
  });
  const traced = tracedFetch();
  const post = (count: string) =>
    traced(`${server.baseURL}/chat/completions`, {
      method: "POST",
      body: JSON.stringify(CHAT),
      headers: { "x-stainless-retry-count": count },
    });
  const [span] = await recordedSpans(async () => {
    const failed = await post("0");
    const next = post("1");
    await failed.body!.cancel();
    await (await next).json();
  });
  assert.deepEqual([span!.level, span!.http!.status, span!.usage!.totalTokens], ["DEFAULT", 200, 14]);
});

test("clients that do not count read what an error says, and try again", async () => {
  await using server = await scriptedServer(BUSY, BUSY, json(200, COMPLETION));
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      const traced = tracedFetch();
      const post = () => traced(`${server.baseURL}/chat/completions`, { method: "POST", body: JSON.stringify(CHAT) });
      for (const status of [429, 429, 200]) {
        const response = await post();
        assert.equal(response.status, status);
        await response.text();
      }
    }),
  );
  const [span, ...others] = spans.filter(({ type }) => type === "generation");
  assert.equal(others.length, 0);
  assert.deepEqual([span!.status.code, span!.http!.attempts!.map(({ status }) => status)], ["ok", [429, 429, 200]]);
});

test("clients that do not count and give up: what the error says is on the span", async () => {
  await using server = await scriptedServer(BUSY);
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      const traced = tracedFetch();
      await (await traced(`${server.baseURL}/chat/completions`, { method: "POST", body: JSON.stringify(CHAT) })).text();
    }),
  );
  const [span] = spans.filter(({ type }) => type === "generation");
  assert.deepEqual([span!.error!.message, span!.unfinished], ["slow down", undefined]);
});

test("who counts and begins to read an error will not try again", async () => {
  await using server = await scriptedServer(BUSY);
  const [span] = await recordedSpans(async () => {
    const init = { method: "POST", body: "{}", headers: { "x-stainless-retry-count": "0" } };
    const response = await tracedFetch()(`${server.baseURL}/chat/completions`, init);
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
    assert.equal(stats().open, 0);
  });
  assert.equal(span!.error!.message, "slow down");
});

test("50 calls at once, each tried three times: no attempt in another's span", async () => {
  const seen = new Map<string, number>();
  await using server = await scriptedServer((request, response, body) => {
    const { seed } = JSON.parse(body);
    const count = (seen.get(seed) ?? 0) + 1;
    seen.set(seed, count);
    const id = { "x-request-id": `req_${seed}_${count}` };
    return (count < 3 ? json(429, {}, { ...SOON, ...id }) : json(200, COMPLETION, id))(request, response, body);
  });
  const openai = client(OpenAI, true, server.baseURL, { maxRetries: 3 });
  const spans = await recordedSpans(() =>
    withSpan("outer", () =>
      Promise.all(Array.from({ length: 50 }, (_, seed) => openai.chat.completions.create({ ...CHAT, seed }))),
    ),
  );
  assert.equal(spans.length, 51);
  for (const { http, genAi } of spans.slice(0, 50)) {
    const seed = (genAi!.parameters as any).seed;
    assert.deepEqual(
      http!.attempts!.map(({ requestId }) => requestId),
      [1, 2, 3].map((count) => `req_${seed}_${count}`),
    );
  }
});

test("a run that is created at the second attempt has no span for its request", async () => {
  const run = {
    id: "run_1",
    object: "thread.run",
    thread_id: "thread_1",
    status: "completed",
    created_at: 1_770_000_000,
  };
  await using server = await scriptedServer(BUSY, json(200, run));
  const spans = await recordedSpans(() =>
    withSpan("outer", () =>
      client(OpenAI, true, server.baseURL).beta.threads.runs.create("thread_1", { assistant_id: "asst_1" }),
    ),
  );
  assert.deepEqual(
    spans.filter(({ name }) => name.startsWith("POST")),
    [],
  );
  const agent = spans.find(({ type }) => type === "agent")!;
  assert.deepEqual(attempts(agent), [{ status: 429, requestId: "req_busy" }, { status: 200 }]);
});

test("a run that is not created has a span for its request", async () => {
  await using server = await scriptedServer(json(400, { error: { message: "already has an active run run_2" } }));
  const [span] = await recordedSpans(async () => {
    const { runs } = client(OpenAI, true, server.baseURL).beta.threads;
    await assert.rejects(runs.create("thread_1", { assistant_id: "asst_1" }), OpenAI.BadRequestError);
  });
  assert.deepEqual(
    [span!.name, span!.error!.message, span!.genAi!.openai!.threadId],
    ["POST /threads/{thread_id}/runs", "already has an active run run_2", "thread_1"],
  );
});

test("how long another attempt may be in coming", () => {
  assert.deepEqual([undefined, 0, 20_000].map(waitLimitMs), [10_000, 10_000, 22_000]);
});
