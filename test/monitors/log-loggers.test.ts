import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { Console } from "node:console";
import { once } from "node:events";
import { Writable } from "node:stream";
import { test } from "node:test";
import { promisify } from "node:util";
import pino from "pino";
import { configure, flush, generation, shutdown, stats } from "sightline";
import winston from "winston";
import type { LogLine } from "../../src/monitors/log/log-line.ts";
import { type LogSinkOptions, logSink } from "../../src/monitors/log/log-sink.ts";

const run = promisify(execFile);

function gathered(): { stream: Writable; text: () => string; lines: () => any[] } {
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
  return { stream, text: () => text, lines };
}

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

/** A program that logs calls through these sinks. */
function program(sinks: string, rest: string, imports = ""): string[] {
  const source = `${imports}
    import { configure, generation } from "sightline";
    import { logSink } from ${JSON.stringify(new URL("../../src/monitors/log/log-sink.ts", import.meta.url).href)};
    configure({ sinks: [${sinks}], prices: false });
    const say = (i) => generation({ model: "gpt-4.1", usage: { input_tokens: i } });
    ${rest}`;
  return ["--conditions=@sightline/source", "--import", "tsx", "--input-type=module", "-e", source];
}

const cwd = new URL("../..", import.meta.url).pathname;
const env = { ...process.env, SIGHTLINE_SINK: "" };

test("standard output of a real process has every line, also of calls right before its exit; what a logger did not take is told", async () => {
  const loggers = {
    stdout: "",
    pino: "logger: pino(),",
    child: "logger: pino().child({}),",
    winston: "logger: winston.createLogger({ transports: [new winston.transports.Console()] }),",
    console: "logger: console,",
  };
  const sinks = Object.entries(loggers).map(
    ([name, logger]) => `logSink({ ${logger} name: "${name}", fields: { by: "${name}" } })`,
  );
  sinks.push(
    "logSink({ logger: ({ input_tokens }) => { if (input_tokens > 498) throw new Error(); }, name: 'throwing' })",
  );
  const loop = "for (let i = 1; i <= 500; i++) say(i); process.exit(0);";
  const imports = 'import pino from "pino"; import winston from "winston";';
  const { stdout, stderr } = await run(process.execPath, program(sinks.join(), loop, imports), {
    cwd,
    env,
    maxBuffer: 8e6,
  });
  const lines = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  for (const name of Object.keys(loggers)) {
    const numbers = lines.filter(({ by }) => by === name).map(({ input_tokens }) => input_tokens);
    assert.deepEqual(
      numbers,
      Array.from({ length: 500 }, (_, n) => n + 1),
      name,
    );
  }
  assert.match(stderr, /^sightline: 2 of 500 records for "throwing" were lost \(exit 2\)[^\n]*\n$/);
});

test("a process whose reader has left goes on to its own end", async () => {
  const loop = `
    for (let i = 0; i < 10; i++) {
      for (let n = 0; n < 500; n++) say(n);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    process.stderr.write("done");`;
  const child = spawn(process.execPath, program("logSink()", loop), { cwd, env });
  let stderr = "";
  child.stderr.on("data", (chunk) => (stderr += chunk));
  await once(child.stdout, "data");
  child.stdout.destroy();
  const [code] = await once(child, "exit");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /done/);
  assert.match(stderr, /records for "log" were lost/);
});
