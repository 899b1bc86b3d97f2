import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import OpenAI from "openai";
import {
  ConfigError,
  configure,
  flush,
  memorySink,
  observe,
  type SpanRecord,
  shutdown,
  stats,
  withTrace,
} from "sightline";
import { tracedFetch } from "sightline/openai";
import { fakeOpenAI, sinkContract } from "sightline/testing";
import { LOG_FIELDS, type LogLine } from "../../src/monitors/log/log-line.ts";
import { type LogSinkOptions, logSink } from "../../src/monitors/log/log-sink.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { REFUSE, watchingSink } from "../support/watching-sink.ts";

const never = new AbortController().signal;
const START = 1_763_719_200_000;

sinkContract(() => logSink({ stream: gathered().stream }));
sinkContract(() => logSink({ logger: () => {} }));

/** A stream that keeps what it is given. */
function gathered(): { stream: Writable; lines: () => any[] } {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += chunk;
      done();
    },
  });
  return {
    stream,
    lines: () =>
      text
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
  };
}

function call(part: Partial<SpanRecord> = {}): SpanRecord {
  return sampleSpan({
    type: "generation",
    kind: "client",
    startTime: `${START}000000`,
    endTime: `${START + 847}300000`,
    genAi: { provider: "openai", operation: "chat", requestModel: "gpt-4.1", responseModel: "gpt-4.1-2025-04-14" },
    ...part,
  });
}

async function linesOf(records: readonly SpanRecord[], options: Omit<LogSinkOptions, "stream"> = {}): Promise<any[]> {
  const { stream, lines } = gathered();
  await logSink({ stream, ...options }).write(records, never);
  return lines();
}

test("a successful call is one flat line with the names, units and order of the schema", async () => {
  const [line, ...others] = await linesOf([
    call({
      firstChunkTime: `${START + 234}100000`,
      usage: { inputTokens: 1250, outputTokens: 380 } as SpanRecord["usage"] & object,
      cost: { currency: "USD", total: 0.0043, source: "provided" },
      http: { method: "POST", route: "/chat/completions", status: 200, requestId: "req_1" },
      trace: {
        feature: "chat",
        team: "alpha",
        userId: "u-42",
        sessionId: "s-9",
        environment: "production",
        release: "7",
      },
    }),
  ]);
  assert.deepEqual(others, []);
  assert.deepEqual(line, {
    timestamp: "2025-11-21T10:00:00.847Z",
    level: "INFO",
    logger: "sightline",
    message: "llm_call_success",
    request_id: "req_1",
    correlation_id: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e",
    span_id: "00f067aa0ba902b7",
    model: "gpt-4.1",
    response_model: "gpt-4.1-2025-04-14",
    provider: "openai",
    feature: "chat",
    team: "alpha",
    user_id: "u-42",
    session_id: "s-9",
    environment: "production",
    release: "7",
    status: "success",
    latency_ms: 847.3,
    time_to_first_token_ms: 234.1,
    input_tokens: 1250,
    output_tokens: 380,
    total_tokens: 1630,
    estimated_cost_usd: 0.0043,
    http_status: 200,
    retry_count: 0,
  });
  assert.deepEqual(
    Object.keys(line),
    LOG_FIELDS.filter((name) => name in line),
  );
});

test("what is not known is absent, never zero", async () => {
  const [line] = await linesOf([call({ genAi: { requestModel: "gpt-4.1" }, trace: {} })]);
  assert.deepEqual(Object.keys(line), [
    ...["timestamp", "level", "logger", "message", "correlation_id", "span_id", "model", "status", "latency_ms"],
  ]);
});

test("a failure says its class, code, message, status and attempts, each kind with its own status", async () => {
  const http = { method: "POST", route: "/chat/completions", status: 429 };
  const attempts = [1, 2, 3].map(() => ({ status: 429, durationMs: 5 }));
  const failed = (
    error: SpanRecord["error"] & object,
    more: Partial<SpanRecord> = {},
    spanId = error.type,
  ): SpanRecord => call({ spanId, status: { code: "error" }, level: "ERROR", error, ...more });
  const lines: LogLine[] = await linesOf([
    failed(
      { type: "RateLimitError", code: "rate_limit_exceeded", message: "Slow down.", status: 429 },
      { http: { ...http, attempts } },
    ),
    failed({ type: "APIConnectionTimeoutError", message: "Request timed out." }),
    failed({ type: "InternalServerError", status: 500, message: "x".repeat(3000) }),
    failed({ type: "Error", code: "ECONNRESET", message: "reset" }),
    failed(
      { type: "BudgetExceededError", code: "budget_exceeded", message: "used up" },
      { http: { ...http, status: 402 } },
    ),
  ]);
  const shown = lines.map((line) => [
    line.level,
    line.message,
    line.status,
    line.error_type,
    line.error_code,
    line.retry_count,
  ]);
  assert.deepEqual(shown, [
    ["ERROR", "llm_call_rate_limited", "rate_limited", "RateLimitError", "rate_limit_exceeded", 2],
    ["ERROR", "llm_call_timeout", "timeout", "APIConnectionTimeoutError", undefined, undefined],
    ["ERROR", "llm_call_error", "error", "InternalServerError", undefined, undefined],
    ["ERROR", "llm_call_error", "error", "ECONNRESET", "ECONNRESET", undefined],
    ["ERROR", "llm_call_refused", "refused", "BudgetExceededError", "budget_exceeded", undefined],
  ]);
  assert.equal(lines[2]!.error_message!.length, 1000);
  assert.ok(lines.every((line) => Object.keys(line).every((name) => LOG_FIELDS.includes(name as keyof LogLine))));
});

test("other spans, scores, findings and spans that only carry the bill of others are no lines", async () => {
  const records = [sampleSpan(), call({ unfinished: true }), call({ type: "tool" })];
  assert.deepEqual(await linesOf(records), []);
  const agent = sampleSpan({
    type: "agent",
    usage: { inputTokens: 5 } as never,
    cost: { currency: "USD", total: 1, source: "provided" },
  });
  assert.deepEqual(await linesOf([agent]), []);
});

test("a span is logged once however often its record comes, within the window", async () => {
  const ids = ["a", "b", "a", "c", "b"];
  const records = ids.map((spanId, seq) => call({ spanId, seq }));
  assert.deepEqual(
    (await linesOf(records)).map(({ span_id }) => span_id),
    ["a", "b", "c"],
  );
  const many = Array.from({ length: 512 }, (_, i) => call({ spanId: `${i}` }));
  const pushedOut = [call({ spanId: "a" }), ...many, call({ spanId: "511" }), call({ spanId: "a" })];
  assert.equal((await linesOf(pushedOut, { remember: 512 })).length, 514);
  assert.equal((await linesOf(pushedOut)).length, 513);
  const both = [call({ unfinished: true, status: { code: "unset" } }), call({ unfinished: true }), call()];
  const lines = await linesOf(both, { includeUnfinished: true });
  assert.deepEqual(
    lines.map(({ message, level }) => [message, level]),
    [
      ["llm_call_unfinished", "INFO"],
      ["llm_call_success", "INFO"],
    ],
  );
});

test("levels and fields are as the user says, and a field that throws or is no JSON costs no line", async () => {
  const refused = call({ status: { code: "error" }, error: { type: "RateLimitError", status: 429 } });
  const [line] = await linesOf([refused], {
    levels: { rate_limited: "WARN" },
    fields: ({ status }, { name }) => ({ service: "tutor", name, was: status, model: undefined }),
  });
  assert.deepEqual([line.level, line.service, line.name, line.was], ["WARN", "tutor", "Tutor.answer", "rate_limited"]);
  assert.equal("model" in line, false);
  const before = stats().internalErrors;
  const throwing = () => {
    throw new Error("of the user");
  };
  assert.equal((await linesOf([call()], { fields: throwing }))[0].model, "gpt-4.1");
  const [plain] = await linesOf([call()], { fields: { big: 7n, tenant: "acme" } });
  assert.deepEqual([plain.model, plain.tenant, plain.big], ["gpt-4.1", "acme", undefined]);
  assert.equal(stats().internalErrors - before, 2);
  assert.equal((await linesOf([call()], { fields: { service: "tutor" } }))[0].service, "tutor");
});

test("a stream that is full is waited for, and nothing is written twice", async () => {
  const waiting: (() => void)[] = [];
  const written: string[] = [];
  const stream = new Writable({
    highWaterMark: 1,
    write(chunk, _encoding, done) {
      written.push(String(chunk));
      waiting.push(done);
    },
  });
  const sink = logSink({ stream });
  const first = sink.write([call({ spanId: "a" })], never);
  const controller = new AbortController();
  const second = sink.write([call({ spanId: "b" })], controller.signal);
  controller.abort();
  await assert.rejects(Promise.resolve(second), { retry: "later" });
  const third = sink.write([call({ spanId: "b" })], never);
  assert.equal(written.length, 1);
  waiting.shift()!();
  await first;
  await new Promise(setImmediate);
  waiting.shift()!();
  await third;
  assert.deepEqual(
    written.map((line) => JSON.parse(line).span_id),
    ["a", "b"],
  );
});

test("a stream that is gone costs the lines, counted, and never the host", async () => {
  const stream = new Writable({
    write(_chunk, _encoding, done) {
      done(Object.assign(new Error("write EPIPE"), { code: "EPIPE" }));
    },
  });
  configure({ sinks: [logSink({ stream })], prices: false });
  const answer = observe({ name: "answer", type: "generation", model: "gpt-4.1" })(() => "x = 1");
  for (let i = 0; i < 3; i++) {
    answer();
    await flush();
  }
  const { written, dropped, lastError } = stats().sinks["log"]!;
  await shutdown();
  assert.deepEqual([written, dropped], [0, { rejected_by_sink: 3 }]);
  assert.match(lastError!, /EPIPE|closed/);
});

test("calls through the client are logged whatever the sampling rate, refused ones too", async () => {
  await using fake = await fakeOpenAI({ script: [{ match: "POST /chat/completions", status: 429, times: 1 }] });
  const openai = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey, fetch: tracedFetch(), maxRetries: 1 });
  const { stream, lines } = gathered();
  const memory = memorySink();
  let calls = 0;
  const watch = watchingSink(() => (++calls > 2 ? REFUSE : undefined));
  const unsampled = { ...watch, policy: { unsampled: true } } as const;
  configure({ sinks: [logSink({ stream }), memory, unsampled], sampleRate: 0, environment: "test" });
  const ask = () =>
    openai.chat.completions.create({ model: "gpt-4.1", messages: [{ role: "user", content: "secret" }] });
  await withTrace({ feature: "chat", userId: "u-1" }, ask);
  await assert.rejects(ask);
  await shutdown();
  const [answered, refused, ...others] = lines();
  assert.deepEqual([others, memory.records], [[], []]);
  assert.deepEqual(
    [answered.status, answered.retry_count, answered.http_status, answered.feature, answered.environment],
    ["success", 1, 200, "chat", "test"],
  );
  assert.ok(answered.latency_ms > 0 && answered.input_tokens > 0 && answered.estimated_cost_usd > 0);
  assert.match(answered.request_id, /^req_/);
  assert.deepEqual([refused.status, refused.error_code, refused.http_status], ["refused", "budget_exceeded", 402]);
  assert.deepEqual(["latency_ms" in refused, "estimated_cost_usd" in refused], [false, false]);
  assert.ok(!JSON.stringify(lines()).includes("secret"));
});

test("options that make no sense are named, with the way out", () => {
  const logger = { write() {} };
  const bad: [any, RegExp][] = [
    [{ stream: 7 }, /stream.*writable stream/],
    [{ stream: process.stdout, logger: console }, /not both/],
    [{ shape: "pino" }, /give the logger too/],
    [{ shape: "bunyan", logger: console }, /"pino", "winston" or "console"/],
    [{ logger }, /a method info or log/],
    [{ logger: { info() {} } }, /shape: "pino"/],
    [{ levels: { failed: "WARN" } }, /rate_limited/],
    [{ levels: { error: "warn" } }, /WARN/],
    [{ remember: 511 }, /whole number from 512 on/],
    [{ level: "WARN" }, /no option "level"/],
  ];
  for (const [options, message] of bad) {
    assert.throws(
      () => logSink(options),
      (error) => error instanceof ConfigError && message.test(error.message),
      JSON.stringify(options),
    );
  }
});
