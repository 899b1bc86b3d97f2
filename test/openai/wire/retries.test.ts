import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import OpenAI from "openai";
import OpenAI4 from "openai4";
import OpenAI5 from "openai5";
import { configure, flush, memorySink, type SpanRecord, shutdown, stats, withSpan, withTrace } from "sightline";
import { observeOpenAI, tracedFetch } from "sightline/openai";
import { waitLimitMs } from "../../../src/openai/wire/attempts.ts";
import type { SentRequest } from "../../../src/openai/wire/request.ts";
import { type WaitingCall, waitingCalls } from "../../../src/openai/wire/waiting-calls.ts";
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
    assert.ok(durationMs >= 0 && durationMs < 60_000);
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
    assert.deepEqual(span!.attributes, { "sightline.openai.error_type": "requests" });
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
    const openai = observeOpenAI(new Client({ baseURL: server.baseURL, apiKey: "k", maxRetries: 0, timeout: 100 }));
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
  const init = { method: "POST", headers: { "x-stainless-retry-count": "0" } };
  await tracedFetch({ fetch: async () => answer })("http://localhost/v1/chat/completions", init);
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
  // A timer that is set to more than 2^31 ms fires at once.
  assert.deepEqual([3_600_000, 2 ** 31, Number.POSITIVE_INFINITY].map(waitLimitMs), [62_000, 62_000, 62_000]);
});

/** What each model call was: its attempts' request ids. */
function attemptIds(spans: readonly SpanRecord[]): (string | undefined)[][] {
  return spans
    .filter(({ http }) => http !== undefined)
    .map(({ http }) => (http!.attempts ?? [http!]).map(({ requestId }) => requestId));
}

/** Answers with the statuses in turn and `req_0`, `req_1`, … */
function statuses(...list: number[]): typeof fetch {
  let next = 0;
  return async () => {
    const status = list[next]!;
    return new Response("{}", {
      status,
      headers: { "content-type": "application/json", "x-request-id": `req_${next++}` },
    });
  };
}

const CHAT_URL = "http://localhost/v1/chat/completions";

/** `count`: what the client says which attempt it is. */
async function send(
  traced: typeof fetch,
  body: unknown,
  count?: number,
  headers: object = {},
  url = CHAT_URL,
): Promise<void> {
  const counted: Record<string, string> = count === undefined ? {} : { "x-stainless-retry-count": String(count) };
  const response = await traced(url, { method: "POST", body: body as string, headers: { ...headers, ...counted } });
  if (response.ok) await response.text();
}

const form = (name: string): FormData => {
  const data = new FormData();
  data.set("file", new File(["x"], name));
  return data;
};

test("bodies that are no strings are not taken for alike: what does not count has a span for each", async () => {
  for (const [one, two] of [
    [form("first.mp3"), form("second.mp3")],
    [Buffer.from("one"), Buffer.from("two")],
    [new Blob(["one"]), new Blob(["two"])],
  ]) {
    const traced = tracedFetch({ fetch: statuses(500, 200) });
    const spans = await recordedSpans(() =>
      withSpan("outer", async () => {
        await send(traced, one);
        await send(traced, two);
      }),
    );
    assert.deepEqual(attemptIds(spans).sort(), [["req_0"], ["req_1"]]);
  }
});

test("uploads of a client that counts: merged where only one waits, apart where two do", async () => {
  const alone = tracedFetch({ fetch: statuses(500, 503, 200) });
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      for (const count of [0, 1, 2]) await send(alone, form("a.mp3"), count);
    }),
  );
  assert.deepEqual(attemptIds(spans), [["req_0", "req_1", "req_2"]]);

  const two = tracedFetch({ fetch: statuses(500, 500, 200, 200) });
  const apart = await recordedSpans(() =>
    withSpan("outer", async () => {
      await send(two, form("a.mp3"), 0);
      await send(two, form("b.mp3"), 0);
      await send(two, form("b.mp3"), 1);
      await send(two, form("a.mp3"), 1);
    }),
  );
  assert.deepEqual(attemptIds(apart).sort(), [["req_0"], ["req_1"], ["req_2"], ["req_3"]]);
});

test("an upload goes on with no call of another count", async () => {
  const traced = tracedFetch({ fetch: statuses(500, 200) });
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      await send(traced, form("a.mp3"), 0);
      await send(traced, form("b.mp3"), 2);
    }),
  );
  assert.deepEqual(attemptIds(spans).sort(), [["req_0"], ["req_1"]]);
});

test("clients that do not count, without a span around them: two users' requests are two calls", async () => {
  const inContext: ((fn: () => Promise<void>) => Promise<void>)[] = [
    (fn) => fn(),
    (fn) => withTrace({ sessionId: "s" }, fn),
  ];
  for (const run of inContext) {
    const traced = tracedFetch({ fetch: statuses(500, 200) });
    const spans = await recordedSpans(async () => {
      await run(() => send(traced, "{}"));
      await run(() => send(traced, "{}"));
    });
    assert.deepEqual(attemptIds(spans).sort(), [["req_0"], ["req_1"]]);
  }
});

test("clients that do not count: polling by hand is no retry", async () => {
  const traced = tracedFetch({ fetch: statuses(500, 200) });
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      for (let i = 0; i < 2; i++) await traced("http://localhost/v1/models", { method: "GET" });
    }),
  );
  assert.deepEqual(attemptIds(spans).sort(), [["req_0"], ["req_1"]]);
});

test("clients that do not count: another key is another call", async () => {
  for (const name of ["authorization", "api-key"]) {
    const traced = tracedFetch({ fetch: statuses(500, 200, 200) });
    const spans = await recordedSpans(() =>
      withSpan("outer", async () => {
        await send(traced, "{}", undefined, { [name]: "alice" });
        await send(traced, "{}", undefined, { [name]: "bob" });
        await send(traced, "{}", undefined, { [name]: "alice" });
      }),
    );
    assert.deepEqual(attemptIds(spans), [["req_1"], ["req_0", "req_2"]], name);
  }
});

test("a client that counts may have another key at each attempt, but its own call comes first", async () => {
  const traced = tracedFetch({ fetch: statuses(429, 429, 200, 200) });
  const spans = await recordedSpans(async () => {
    await send(traced, "{}", 0, { authorization: "alice" });
    await send(traced, "{}", 0, { authorization: "bob" });
    await send(traced, "{}", 1, { authorization: "alice" });
    await send(traced, "{}", 1, { authorization: "bob, renewed" });
  });
  assert.deepEqual(attemptIds(spans), [
    ["req_0", "req_2"],
    ["req_1", "req_3"],
  ]);
});

test("counted requests in contexts without a span: each goes on with its own context's call", async () => {
  const traced = tracedFetch({ fetch: statuses(429, 429, 200, 200) });
  const spans = await recordedSpans(async () => {
    let go = (): void => {};
    const failed = new Promise<void>((resolve) => (go = resolve));
    await Promise.all([
      withTrace({ userId: "alice" }, async () => {
        await send(traced, "{}", 0);
        await failed;
        await send(traced, "{}", 1);
      }),
      withTrace({ userId: "bob" }, async () => {
        await send(traced, "{}", 0);
        go();
        await sleep(20);
        await send(traced, "{}", 1);
      }),
    ]);
  });
  assert.deepEqual(attemptIds(spans), [
    ["req_0", "req_2"],
    ["req_1", "req_3"],
  ]);
});

test("of calls that are the same in all, the newest whose turn it is goes on: older ones have been given up", async () => {
  const traced = tracedFetch({ fetch: statuses(429, 429, 200) });
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      await send(traced, "{}", 0);
      await send(traced, "{}", 0);
      await send(traced, "{}", 1);
    }),
  );
  assert.deepEqual(attemptIds(spans).sort(), [["req_0"], ["req_1", "req_2"]]);
});

test("long bodies that differ in one place only are told apart", async () => {
  const long = "x".repeat(100_000);
  const traced = tracedFetch({ fetch: statuses(429, 429, 200, 200) });
  const [a, b] = ["a", "b"].map((letter) => `${long}${letter}${long.slice(1000)}`);
  const spans = await recordedSpans(() =>
    withSpan("outer", async () => {
      await send(traced, a, 0);
      await send(traced, b, 0);
      await send(traced, a, 1);
      await send(traced, b, 1);
    }),
  );
  assert.deepEqual(attemptIds(spans), [
    ["req_0", "req_2"],
    ["req_1", "req_3"],
  ]);
});

test("at most 1,000 calls wait: the oldest is over when another comes", async () => {
  const down: typeof fetch = () => Promise.reject(new TypeError("fetch failed"));
  const traced = tracedFetch({ fetch: down });
  configure({ sinks: [memorySink()] });
  for (let i = 0; i < 1010; i++) await assert.rejects(send(traced, String(i), 0));
  assert.equal(stats().open, 1000);
  await shutdown();
});

test("a call finds the one that it goes on with among many by what it says, not one after another", () => {
  let looks = 0;
  const calls = waitingCalls<WaitingCall>();
  const request = (body: string): SentRequest => ({
    method: "POST",
    url: new URL(CHAT_URL),
    body,
    header: (name) => (name === "x-stainless-retry-count" ? "1" : undefined),
    signal: undefined,
  });
  for (let i = 0; i < 1000; i++) {
    calls.add({
      exchange: { parent: undefined },
      request: request(String(i)),
      end() {},
      get attempts() {
        looks++;
        return 1;
      },
    });
  }
  assert.equal(calls.take(request("500"), undefined)!.request.body, "500");
  assert.equal(calls.take(request("500"), undefined), undefined);
  assert.ok(looks < 10, `${looks} were looked at`);
});

test("a failure without a span around it that nothing can follow is over at once", async () => {
  const traced = tracedFetch({ fetch: () => Promise.reject(new TypeError("fetch failed")) });
  await recordedSpans(async () => {
    await assert.rejects(send(traced, "{}"));
    assert.equal(stats().open, 0);
  });
});

test("a flush while a call waits for its next attempt changes nothing", async () => {
  await using server = await scriptedServer(
    json(429, {}, { "retry-after-ms": "80", "x-request-id": "req_busy" }),
    GOOD,
  );
  const [span, ...others] = await recordedSpans(async () => {
    const call = client(OpenAI, true, server.baseURL, { maxRetries: 1 }).chat.completions.create(CHAT);
    while (stats().open === 0 || server.requests === 0) await sleep(5);
    await sleep(30);
    await flush();
    assert.equal(stats().open, 1);
    await call;
  });
  assert.equal(others.length, 0);
  assert.deepEqual(attemptIds([span!]), [["req_busy", "req_good"]]);
});

test("a timeout that was given to one request is known without another attempt", async () => {
  await using server = await scriptedServer(() => {});
  for (const Client of [OpenAI5, OpenAI]) {
    const openai = client(Client, true, server.baseURL, { maxRetries: 0 });
    const [span] = await recordedSpans(() =>
      withSpan("outer", () => assert.rejects(openai.chat.completions.create(CHAT, { timeout: 1000 }))),
    );
    assert.deepEqual([span!.error!.type, span!.level], ["APIConnectionTimeoutError", "ERROR"]);
  }
});
