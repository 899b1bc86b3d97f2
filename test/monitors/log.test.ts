import assert from "node:assert/strict";
import { execFile, execFileSync, spawn, spawnSync } from "node:child_process";
import { Console } from "node:console";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import OpenAI from "openai";
import pino from "pino";
import {
  ConfigError,
  configure,
  flush,
  generation,
  memorySink,
  observe,
  type SpanRecord,
  shutdown,
  stats,
  withTrace,
} from "sightline";
import { tracedFetch } from "sightline/openai";
import { fakeOpenAI, sinkContract } from "sightline/testing";
import winston from "winston";
import { LOG_FIELDS, type LogLine } from "../../src/monitors/log/log-line.ts";
import { type LogSinkOptions, logSink } from "../../src/monitors/log/log-sink.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { bundlePrograms, type Programs } from "../support/programs.ts";
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
  const lines = () =>
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  return { stream, lines };
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

const run = promisify(execFile);

/** Two calls, one of which failed, through the real pipeline. */
async function logTwo(options: LogSinkOptions): Promise<void> {
  configure({ sinks: [logSink(options)], prices: false });
  generation({ model: "gpt-4.1", usage: { input_tokens: 3, output_tokens: 4 } });
  generation({ model: "gpt-4.1", level: "ERROR" });
  await flush();
  await shutdown();
}

test("pino gets fields and message, at the level of the call", async () => {
  const { stream, lines } = gathered();
  const logger = pino({ base: null, formatters: { level: (label) => ({ level: label }) } }, stream);
  for (const each of [logger, logger.child({ service: "tutor" })]) await logTwo({ logger: each });
  const [first, second, third] = lines();
  assert.deepEqual(
    [first.level, first.msg, first.status, first.model],
    ["info", "llm_call_success", "success", "gpt-4.1"],
  );
  assert.deepEqual([first.total_tokens, first.logger, "message" in first], [7, "sightline", false]);
  assert.ok(!Number.isNaN(Date.parse(first.timestamp)) && first.time > 0);
  assert.deepEqual([second.level, second.msg, second.status], ["error", "llm_call_error", "error"]);
  assert.deepEqual([third.service, third.status, lines().length], ["tutor", "success", 4]);
});

test("winston gets message and fields, at the level of the call", async () => {
  const { stream, lines } = gathered();
  const format = winston.format.combine(winston.format.timestamp(), winston.format.json());
  const logger = winston.createLogger({ format, transports: [new winston.transports.Stream({ stream })] });
  for (const each of [logger, logger.child({ service: "tutor" })]) await logTwo({ logger: each });
  const [first, second, third] = lines();
  assert.deepEqual(
    [first.level, first.message, first.status, first.total_tokens],
    ["info", "llm_call_success", "success", 7],
  );
  assert.deepEqual([second.level, second.message, second.status], ["error", "llm_call_error", "error"]);
  assert.deepEqual([third.service, third.status, lines().length], ["tutor", "success", 4]);
});

test("a console gets whole lines, each level on its own method", async () => {
  const [out, err] = [gathered(), gathered()];
  await logTwo({ logger: new Console(out.stream, err.stream) });
  assert.deepEqual([out.lines().length, err.lines().length], [1, 1]);
  assert.deepEqual([out.lines()[0].level, out.lines()[0].message], ["INFO", "llm_call_success"]);
  assert.deepEqual([err.lines()[0].level, err.lines()[0].message], ["ERROR", "llm_call_error"]);
});

test("a logger that is known by no name is called as its shape says, with the levels that it has", async () => {
  const called: unknown[] = [];
  const note =
    (name: string) =>
    (...args: unknown[]) =>
      void called.push([
        name,
        ...args.map((each) =>
          typeof each === "string" && each.startsWith("{") ? JSON.parse(each).status : typeof each,
        ),
      ]);
  const nest = { log: note("log"), error: note("error") };
  await logTwo({ logger: nest, shape: "console" });
  await logTwo({ logger: { info: note("info"), warning: note("warning") }, shape: "pino", levels: { error: "WARN" } });
  await logTwo({ logger: { info: note("info"), log: note("log") }, shape: "winston" });
  assert.deepEqual(called, [
    ["log", "success"],
    ["error", "error"],
    ["info", "object", "string"],
    ["warning", "object", "string"],
    ["info", "string", "object"],
    ["info", "string", "object"],
  ]);
});

test("a function of the user's gets the line; one that throws or rejects costs that line alone, counted", async () => {
  const taken: LogLine[] = [];
  await logTwo({ logger: (line) => void taken.push(line) });
  assert.deepEqual(
    taken.map(({ message, level }) => [message, level]),
    [
      ["llm_call_success", "INFO"],
      ["llm_call_error", "ERROR"],
    ],
  );
  let calls = 0;
  const throwing = (line: LogLine): void => {
    if (++calls === 1) throw new Error("of the logger");
    taken.push(line);
  };
  await logTwo({ logger: throwing });
  const { written, dropped } = stats().sinks["log"]!;
  assert.deepEqual([calls, taken.length, written, dropped], [2, 3, 1, { rejected_by_sink: 1 }]);
  await logTwo({ logger: async () => Promise.reject(new Error("late")) });
  assert.equal(stats().sinks["log"]!.written, 2);
  await new Promise(setImmediate);
});

const CHILD = "test/monitors/children/log.ts";
const env = { ...process.env, SIGHTLINE_SINK: "" };
let programs: Programs;
before(async () => {
  programs = await bundlePrograms("log", [CHILD]);
});
after(() => programs.remove());

test("standard output of a real process has every line, also of calls right before its exit; what a logger did not take is told", async () => {
  const own = ["stdout", "pino", "child"];
  const all = [...own, "winston", "console"];
  const assertWhole = (stdout: string, stderr: string, names: readonly string[]): void => {
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const name of names) {
      const numbers = lines.filter(({ by }) => by === name).map(({ input_tokens }) => input_tokens);
      assert.deepEqual(
        numbers,
        Array.from({ length: 500 }, (_, n) => n + 1),
        name,
      );
    }
    assert.match(stderr, /^sightline: 2 of 500 records for "throwing" were lost \(exit 2\)[^\n]*\n$/);
  };
  const { stdout, stderr } = await run(process.execPath, [programs.path(CHILD), ...own], { env, maxBuffer: 8e6 });
  assertWhole(stdout, stderr, own);
  // Node writes `process.stdout` at once where it is a file. Of a full pipe process.exit() loses what it still holds, and
  // winston and the console write to nothing else.
  const folder = await mkdtemp(join(tmpdir(), "sightline-logs-"));
  const path = join(folder, "stdout");
  const command = 'file=$1; shift; exec "$@" >"$file"';
  const toFile = ["-c", command, "sh", path, process.execPath, programs.path(CHILD), ...all];
  const { stderr: said } = await run("sh", toFile, { env });
  assertWhole(readFileSync(path, "utf8"), said, all);
  await rm(folder, { recursive: true });
});

test("a process whose reader has left goes on to its own end", async () => {
  const child = spawn(process.execPath, [programs.path(CHILD)], { env });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += chunk));
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [code] = await once(child, "close");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /done/);
  assert.match(stderr, /records for "log" were lost/);
});

// docs/logs.md: its lines, its table and its queries are of the schema that `logSink` writes.

const page = readFileSync(new URL("../../docs/logs.md", import.meta.url), "utf8");
const fields: ReadonlySet<string> = new Set(LOG_FIELDS);

function block(language: string): string[] {
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(page)?.[1];
  assert.ok(found !== undefined, `no block of ${language}`);
  return found.trim().split("\n");
}

/** What a pattern finds as its group, in all lines. */
function names(lines: readonly string[], pattern: RegExp): string[] {
  return lines.flatMap((line) => [...line.matchAll(pattern)].map((match) => match[1]!));
}

function assertKnown(found: readonly string[], atLeast: number): void {
  assert.deepEqual(
    found.filter((name) => !fields.has(name)),
    [],
  );
  assert.ok(new Set(found).size >= atLeast, `${new Set(found).size} different names were found`);
}

test("the table of the schema has every field, and no other", () => {
  const table = page.slice(page.indexOf("## The schema"), page.indexOf("## Where lines go"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const named = names(
    rows.map((row) => row.split("|")[1]!),
    /`(\w+)`/g,
  );
  assert.deepEqual([...named].sort(), [...LOG_FIELDS].sort());
});

test("the lines that are shown have the fields in their order", () => {
  for (const line of block("json").map((text) => JSON.parse(text))) {
    assert.deepEqual(
      Object.keys(line),
      LOG_FIELDS.filter((name) => name in line),
    );
    assert.equal(line.message, `llm_call_${line.status}`);
  }
});

test("every field that a query names is one of the schema", () => {
  assertKnown(names(block("kql"), /(\w+)\s*(?::|>)/g), 6);
  assertKnown(names(block("datadog"), /@(\w+):/g), 6);
  assertKnown(names(block("dsl"), /"(?:term|range)": \{ "(\w+)"|"field": "(\w+)"/g).filter(Boolean), 5);
  assertKnown(names(block("dsl"), /"field": "(\w+)"/g), 3);
  for (const line of block("dsl")) assert.equal(typeof JSON.parse(line), "object");
  const words = names(
    block("insights").map((line) => line.replace(/"[^"]*"/g, "")),
    /\b([a-z_]+)\b(?!\()/g,
  );
  const syntax = ["fields", "filter", "sort", "stats", "by", "and", "desc", "m"];
  assertKnown(
    words.filter((word) => !syntax.includes(word)),
    10,
  );
});

test("jq answers the queries as they stand", {
  skip: spawnSync("jq", ["--version"]).error !== undefined && "no jq here",
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "sightline-logs-"));
  await writeFile(join(folder, "calls.ndjson"), `${block("json").join("\n")}\n`);
  const answers = block("sh").map((command) =>
    execFileSync("sh", ["-c", command], { cwd: folder, encoding: "utf8" }).trim(),
  );
  await rm(folder, { recursive: true });
  const ids = answers.slice(0, 4).map((text) => text.split("\n").map((line) => JSON.parse(line).request_id));
  assert.deepEqual(ids, [["req_77b1"], ["req_77b1"], ["req_9a02", "req_77b1"], ["req_9a02"]]);
  assert.deepEqual(
    answers[4]!.split("\n").map((line) => JSON.parse(line)),
    [
      { feature: "chat", usd: 0.00554, unpriced: 0 },
      { feature: "code_review", usd: 0, unpriced: 0 },
      { feature: "summarizer", usd: 0, unpriced: 0 },
    ],
  );
  assert.equal(answers[5], "30000");
});
