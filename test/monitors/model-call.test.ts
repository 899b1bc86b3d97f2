import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, flush, generation, memorySink, withSpan } from "sightline";
import { recordAssistantRun, tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import type { SpanRecord } from "../../src/core/record.ts";
import { type CallStatus, type ModelCall, modelCallOf } from "../../src/monitors/model-call.ts";
import { sampleFinding, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";

const CHAT: Partial<SpanRecord> = {
  type: "generation",
  kind: "client",
  genAi: { operation: "chat", provider: "openai", requestModel: "gpt-4.1" },
};

function callOf(part: Partial<SpanRecord>): ModelCall | undefined {
  return modelCallOf(sampleSpan({ ...CHAT, ...part }));
}

function failed(error: SpanRecord["error"], part: Partial<SpanRecord> = {}): ModelCall {
  return callOf({ status: { code: "error" }, level: "ERROR", ...(error && { error }), ...part })!;
}

test("a generation is a call with its times, tokens, money and whose it is", () => {
  const call = callOf({
    startTime: "1732000000000000000",
    endTime: "1732000001250000500",
    firstChunkTime: "1732000000400000000",
    usage: { inputTokens: 40, outputTokens: 2 },
    cost: { currency: "USD", input: 0.1, output: 0.2, source: "computed" },
    trace: { userId: "u", sessionId: "s", feature: "f", team: "t" },
  });
  assert.deepEqual(call, {
    traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e",
    spanId: "00f067aa0ba902b7",
    isCall: true,
    status: "success",
    model: "gpt-4.1",
    provider: "openai",
    feature: "f",
    team: "t",
    user: "u",
    session: "s",
    latencySeconds: 1.2500005,
    secondsToFirstChunk: 0.4,
    inputTokens: 40,
    outputTokens: 2,
    totalTokens: 42,
    costUsd: 0.3,
    errorType: undefined,
    errorMessage: undefined,
    httpStatus: undefined,
    attempts: 1,
    rateLimitedAttempts: 0,
    serverErrorAttempts: 0,
    rateLimit: undefined,
  });
});

test("scores, findings, other spans, open spans and generations that say nothing are no model calls", () => {
  const none = [
    sampleScore(),
    sampleFinding(),
    sampleSpan(),
    sampleSpan({ type: "tool", status: { code: "error" } }),
    sampleSpan({ ...CHAT, unfinished: true }),
    // A function of the user's around a call that has a record of its own.
    sampleSpan({ type: "generation" }),
    sampleSpan({ type: "agent", kind: "client", genAi: { openai: { apiType: "assistants" } } }),
  ];
  for (const record of none) assert.equal(modelCallOf(record), undefined, JSON.stringify(record).slice(0, 300));
});

test("every way to run out of time is a timeout, and no other failure is", () => {
  const timeouts: NonNullable<SpanRecord["error"]>[] = [
    { type: "APIConnectionTimeoutError", message: "Request timed out." },
    { type: "TimeoutError", code: 23, message: "The operation was aborted due to timeout" },
    { type: "HeadersTimeoutError", code: "UND_ERR_HEADERS_TIMEOUT" },
    { type: "BodyTimeoutError", code: "UND_ERR_BODY_TIMEOUT" },
    { type: "Error", code: "UND_ERR_CONNECT_TIMEOUT" },
    { type: "Error", code: "ETIMEDOUT" },
    { type: "Error", code: "ESOCKETTIMEDOUT" },
    { type: "TypeError", message: "fetch failed", causes: [{ type: "ConnectTimeoutError" }] },
    { type: "APIError", status: 408 },
    { type: "InternalServerError", status: 504 },
  ];
  for (const error of timeouts) assert.equal(failed(error).status, "timeout", JSON.stringify(error));
  for (const type of ["Error", "TypeError", "APIConnectionError", "TimelineOutput"]) {
    assert.equal(failed({ type }).status, "error", type);
  }
});

test("a status, and whether it was the provider's doing, by the error that the client throws", () => {
  const rows: [error: NonNullable<SpanRecord["error"]>, status: CallStatus, limited: number, server: number][] = [
    [{ type: "RateLimitError", status: 429 }, "rate_limited", 1, 0],
    [{ type: "APIError", code: "rate_limit_exceeded" }, "rate_limited", 1, 0],
    [{ type: "InternalServerError", status: 503 }, "error", 0, 1],
    [{ type: "APIConnectionError", message: "Connection error." }, "error", 0, 1],
    [{ type: "Error", code: "ECONNRESET" }, "error", 0, 1],
    [{ type: "TypeError", message: "fetch failed" }, "error", 0, 1],
    [{ type: "TypeError", message: "x is not a function" }, "error", 0, 0],
    [{ type: "BadRequestError", status: 400 }, "error", 0, 0],
    [{ type: "APIError", code: "server_error" }, "error", 0, 1],
    [{ type: "APIConnectionTimeoutError" }, "timeout", 0, 1],
  ];
  for (const [error, status, limited, server] of rows) {
    const call = failed(error);
    const said = [call.status, call.rateLimitedAttempts, call.serverErrorAttempts, call.attempts];
    assert.deepEqual(said, [status, limited, server, 1], JSON.stringify(error));
  }
});

test("a caller's abort is no failure, and a refusal of our own is no call", () => {
  for (const error of [{ type: "AbortError" }, { type: "APIUserAbortError" }]) {
    const call = failed(error, { level: "WARNING" });
    assert.deepEqual([call.status, call.isCall, call.serverErrorAttempts], ["success", true, 0]);
  }
  const aborted = failed({ type: "Error", message: "left" }, { status: { code: "error", message: "aborted" } });
  assert.equal(aborted.status, "success");
  const refused = failed({ type: "BudgetExceededError", code: "budget_exceeded" });
  assert.deepEqual([refused.status, refused.isCall, refused.attempts], ["refused", false, 0]);
});

test("429 and 5xx are counted by attempt, the failure by call", () => {
  const http = { method: "POST", route: "/chat/completions", status: 200 };
  const attempt = (status: number | undefined) => ({ durationMs: 1, ...(status !== undefined && { status }) });
  const saved = callOf({ http: { ...http, attempts: [429, 503, undefined, 200].map(attempt) } })!;
  assert.deepEqual(
    [saved.status, saved.attempts, saved.rateLimitedAttempts, saved.serverErrorAttempts],
    ["success", 4, 1, 2],
  );
  const { status: _, ...unanswered } = http;
  const left = failed({ type: "AbortError" }, { http: { ...unanswered, attempts: [503, undefined].map(attempt) } });
  // The second would have had an answer, had its caller waited.
  assert.deepEqual([left.status, left.attempts, left.serverErrorAttempts], ["success", 2, 1]);
});

test("records with anything in them say nothing false and throw nothing", () => {
  const anything: any[] = [null, Number.NaN, -1, Number.POSITIVE_INFINITY, "x", {}, [], true];
  for (const value of anything) {
    const call = callOf({
      startTime: value,
      endTime: value,
      firstChunkTime: value,
      usage: { inputTokens: value, outputTokens: value, totalTokens: value },
      cost: { currency: "USD", total: value, source: "provided" },
      trace: { userId: value === "x" ? 1 : value, feature: value === "x" ? null : value } as any,
      http: { method: "POST", route: "/x", status: value, attempts: value },
    });
    assert.deepEqual(
      [call?.latencySeconds, call?.secondsToFirstChunk, call?.totalTokens, call?.costUsd, call?.user, call?.feature],
      Array(6).fill(undefined),
      String(value),
    );
  }
  assert.equal(callOf({ startTime: "1732000001000000000", endTime: "1732000000000000000" })?.latencySeconds, undefined);
  assert.equal(callOf({ startTime: "0", endTime: "1732000000000000000" })?.latencySeconds, undefined);
  assert.equal(callOf({ traceId: 7 as any }), undefined);
});

test("times are subtracted to the nanosecond, whatever their digits", () => {
  const between = (from: bigint, to: bigint) => callOf({ startTime: `${from}`, endTime: `${to}` })?.latencySeconds;
  for (let i = 0; i < 500; i++) {
    const from = 1_700_000_000_000_000_000n + BigInt(Math.floor(Math.random() * 1e15));
    const nanos = BigInt(Math.floor(10 ** (Math.random() * 14)));
    assert.equal(between(from, from + nanos), Number(nanos) / 1e9, `${from} + ${nanos}`);
  }
  // 1970 to 2001 has eighteen digits.
  const seconds = between(999_999_999_999_000_000n, 1_000_000_000_000_000_000n)!;
  assert.ok(Math.abs(seconds - 1e-3) < 1e-6, String(seconds));
});

/** What the monitors make of everything that was recorded. */
async function callsOf(run: () => unknown): Promise<ModelCall[]> {
  const sink = memorySink();
  configure({ sinks: [sink] });
  await run();
  await flush();
  const calls = sink.records.map(modelCallOf).filter((call) => call !== undefined);
  configure({ enabled: false });
  return calls;
}

const RUN = {
  id: "run_1",
  object: "thread.run",
  status: "completed",
  model: "gpt-4.1",
  thread_id: "thread_1",
  assistant_id: "asst_1",
  created_at: 1_732_000_000,
  completed_at: 1_732_000_030,
  usage: { prompt_tokens: 300, completion_tokens: 30, total_tokens: 330 },
};

function step(id: string, tokens: number, seconds: number) {
  return {
    id,
    object: "thread.run.step",
    run_id: "run_1",
    type: "message_creation",
    status: "completed",
    created_at: 1_732_000_000,
    completed_at: 1_732_000_000 + seconds,
    step_details: { type: "message_creation", message_creation: { message_id: `msg_${id}` } },
    usage: { prompt_tokens: tokens * 10, completion_tokens: tokens, total_tokens: tokens * 11 },
  };
}

const sum = (calls: readonly ModelCall[], of: (call: ModelCall) => number | undefined) =>
  calls.reduce((total, call) => total + (of(call) ?? 0), 0);

test("an Assistants run is as many calls as it has steps, with its tokens and money once", async () => {
  const calls = await callsOf(() =>
    recordAssistantRun({ run: RUN, steps: [step("a", 10, 2), step("b", 20, 3)] } as any),
  );
  const counted = calls.filter(({ isCall }) => isCall);
  assert.deepEqual(counted.map(({ latencySeconds }) => latencySeconds).sort(), [2, 3]);
  assert.equal(
    sum(calls, ({ totalTokens }) => totalTokens),
    330,
  );
  assert.ok(sum(calls, ({ costUsd }) => costUsd) > 0);
});

test("a run whose steps are not known is one call without a latency: its times are those of its tools too", async () => {
  const calls = await callsOf(() => recordAssistantRun({ run: RUN } as any));
  assert.deepEqual(
    calls.map(({ isCall, status, totalTokens, latencySeconds }) => [isCall, status, totalTokens, latencySeconds]),
    [[true, "success", 330, undefined]],
  );
});

test("a run that fails is one failed call, whether or not anything is known of its steps and tokens", async () => {
  const fail = { ...RUN, status: "failed", last_error: { code: "rate_limit_exceeded", message: "slow down" } };
  for (const [data, calls, tokens] of [
    [{ run: { ...fail, usage: null } }, 1, 0],
    [{ run: fail }, 1, 330],
    [{ run: fail, steps: [step("a", 10, 2), step("b", 20, 3)] }, 3, 330],
    [{ run: { ...RUN, status: "expired" } }, 1, 330],
  ] as const) {
    const all = await callsOf(() => recordAssistantRun(data as any));
    const failures = all.filter(({ isCall, status }) => isCall && status !== "success");
    const status = data.run.status === "expired" ? "timeout" : "rate_limited";
    assert.deepEqual(
      failures.map((call) => call.status),
      [status],
    );
    assert.equal(all.filter(({ isCall }) => isCall).length, calls);
    assert.equal(
      sum(all, ({ totalTokens }) => totalTokens),
      tokens,
    );
  }
});

test("over the wire: a run that cannot be created is a failed call, a response that is fetched again is none", async () => {
  const api = await fakeOpenAI();
  try {
    const calls = await callsOf(async () => {
      const fetch = tracedFetch();
      const headers = { authorization: `Bearer ${api.apiKey}`, "content-type": "application/json" };
      const post = (path: string, body: object) =>
        fetch(`${api.baseURL}${path}`, { method: "POST", headers, body: JSON.stringify(body) }).then((answer) =>
          answer.json().catch(() => undefined),
        );
      const made: any = await post("/responses", { model: "gpt-4.1", input: "q" });
      await fetch(`${api.baseURL}/responses/${made.id}`, { headers }).then((answer) => answer.json());
      await post("/threads/thread_none/runs", { assistant_id: "asst_none" });
    });
    assert.deepEqual(
      calls.map(({ isCall, status, httpStatus }) => [isCall, status, httpStatus]),
      [
        [true, "success", 200],
        [true, "error", 404],
      ],
    );
  } finally {
    await api.close();
  }
});

test("an agent that runs here is no call, and what it pays for itself is counted as money only", async () => {
  const calls = await callsOf(() =>
    withSpan("agent", { type: "agent" }, () =>
      generation({ model: "gpt-4.1", usage: { inputTokens: 1, outputTokens: 1 } } as any),
    ),
  );
  assert.ok(calls.every(({ isCall }) => isCall));
  const paid = modelCallOf(sampleSpan({ type: "agent", cost: { currency: "USD", total: 2, source: "provided" } }));
  assert.deepEqual([paid?.isCall, paid?.costUsd, paid?.attempts], [false, 2, 0]);
});
