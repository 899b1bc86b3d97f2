import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { ConfigError } from "sightline";
import { readEnvironment } from "../src/environment.ts";
import { otlpServer } from "./support/otlp-server.ts";
import { sourcePackage } from "./support/programs.ts";

test("SIGHTLINE_SINK names sinks, several separated by commas", () => {
  const { sinks } = readEnvironment({ SIGHTLINE_SINK: "console, file:./t.ndjson,http://127.0.0.1:4000/records" }, true);
  assert.equal(sinks.length, 3);
  assert.deepEqual(readEnvironment({ SIGHTLINE_SINK: "" }, true).sinks, []);
  assert.deepEqual(readEnvironment({}, true).sinks, []);
});

test("the other variables", () => {
  const read = readEnvironment(
    { SIGHTLINE_ENABLED: "no", SIGHTLINE_SAMPLE_RATE: "0.25", SIGHTLINE_ENVIRONMENT: "prod", SIGHTLINE_RELEASE: "r" },
    true,
  );
  const trace = { environment: "prod", release: "r" };
  assert.deepEqual(read, { sinks: [], enabled: false, sampleRate: 0.25, userIdKey: undefined, trace });
  assert.equal(readEnvironment({ SIGHTLINE_USER_ID_KEY: "k".repeat(16) }, true).userIdKey, "k".repeat(16));
});

test("a wrong value throws and names variable, value and what it takes", () => {
  const wrong = [
    [{ SIGHTLINE_SINK: "syslog:x" }, /SIGHTLINE_SINK takes console.*"syslog…"/],
    [{ SIGHTLINE_ENABLED: "maybe" }, /SIGHTLINE_ENABLED takes true or false; it is "maybe"/],
    [{ SIGHTLINE_SAMPLE_RATE: "10%" }, /SIGHTLINE_SAMPLE_RATE takes a number from 0 to 1; it is "10%"/],
    [{ SIGHTLINE_SINK: "http://127.0.0.1/x", SIGHTLINE_HEADERS: "Bearer" }, /SIGHTLINE_HEADERS takes key=value/],
  ] as const;
  for (const [env, message] of wrong) {
    assert.throws(
      () => readEnvironment(env, true),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  }
});

test("what may hold a password is not shown", () => {
  for (const written of ["https//user:secret@host", "htp://user:secret@host", "//user:secret@host", "secret@host"]) {
    assert.throws(
      () => readEnvironment({ SIGHTLINE_SINK: written }, true),
      (error) => error instanceof ConfigError && !error.message.includes("user") && !error.message.includes("@"),
    );
  }
});

test("otlp, otlp-file and langfuse are known at once, with their names and checks", () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.example:4318",
    LANGFUSE_PUBLIC_KEY: "pk-lf-1",
    LANGFUSE_SECRET_KEY: "sk-lf-1",
  };
  const names = (written: string, more: object = {}) =>
    readEnvironment({ ...env, SIGHTLINE_SINK: written, ...more }, true).sinks.map(({ name }) => name);
  assert.deepEqual(names("otlp, otlp-file:./out/t.jsonl,langfuse"), [
    "otlp:collector.example:4318",
    "otlp-file:t.jsonl",
    "langfuse:cloud.langfuse.com",
  ]);
  assert.deepEqual(names("otlp", { OTEL_EXPORTER_OTLP_ENDPOINT: "" }), ["otlp:localhost:4318"]);
  const dir = join(tmpdir(), "sightline-environment");
  assert.deepEqual(names("otlp,otlp-file:./t.jsonl,langfuse", { SIGHTLINE_SPOOL: dir }), [
    "spool(otlp:collector.example:4318)",
    "otlp-file:t.jsonl",
    "spool(langfuse:cloud.langfuse.com)",
  ]);
});

test("what they would refuse at the first write is refused by configure", () => {
  const wrong = [
    [{ SIGHTLINE_SINK: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" }, /OTEL_EXPORTER_OTLP_PROTOCOL is grpc/],
    [{ SIGHTLINE_SINK: "otlp", OTEL_EXPORTER_OTLP_LOGS_TIMEOUT: "x" }, /OTEL_EXPORTER_OTLP_LOGS_TIMEOUT takes/],
    [
      { SIGHTLINE_SINK: "otlp", OTEL_EXPORTER_OTLP_ENDPOINT: "collector" },
      /OTEL_EXPORTER_OTLP_ENDPOINT: .*must be absolute/,
    ],
    [
      { SIGHTLINE_SINK: "otlp", OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "x" },
      /OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: .*must be absolute/,
    ],
    [
      { SIGHTLINE_SINK: "otlp", OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: "x" },
      /CAPTURE_MESSAGE_CONTENT takes/,
    ],
    [{ SIGHTLINE_SINK: "otlp", OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: "abc" }, /VALUE_LENGTH_LIMIT takes .*"abc"/],
    [{ SIGHTLINE_SINK: "otlp-file:t", OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "abc" }, /VALUE_LENGTH_LIMIT takes .*"abc"/],
    [{ SIGHTLINE_SINK: "otlp-file:" }, /SIGHTLINE_SINK=otlp-file: path must name a file/],
    [{ SIGHTLINE_SINK: `otlp-file:${tmpdir()}` }, /is a directory/],
    [{ SIGHTLINE_SINK: "langfuse" }, /LANGFUSE_PUBLIC_KEY/],
  ] as const;
  for (const [env, message] of wrong) {
    assert.throws(
      () => readEnvironment(env, true),
      (error) => error instanceof ConfigError && message.test(error.message),
      JSON.stringify(env),
    );
  }
});

const made = await sourcePackage("environment");
after(() => made.remove());

/** A program that was told by its environment alone where its traces go. */
async function run(code: string, env: { readonly [name: string]: string }): Promise<string> {
  const args = ["--input-type=module", "-e", code];
  const { NODE_OPTIONS: _, ...inherited } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: made.folder,
    env: { ...inherited, ...env },
  });
  return stdout;
}

const PROGRAM = `
  import { score, startSpan } from "sightline";
  const root = startSpan("root");
  startSpan("child").end();
  root.end();
  score({ traceId: root.traceId, name: "good", value: 1 });
  startSpan("open");
`;

test("SIGHTLINE_SINK=otlp node program: everything arrives before the program ends", async () => {
  await using server = await otlpServer();
  await run(PROGRAM, {
    SIGHTLINE_SINK: "otlp",
    OTEL_EXPORTER_OTLP_ENDPOINT: server.url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-tenant=a",
    OTEL_SERVICE_NAME: "tutor",
  });
  assert.deepEqual(
    server
      .spans()
      .map(({ name }) => name)
      .sort(),
    ["child", "open", "root"],
  );
  assert.equal(server.logRecords().length, 1);
  assert.ok(server.requests.every(({ headers }) => headers["x-tenant"] === "a"));
  const [{ resource }] = server.requests[0]!.message!["resourceSpans"];
  const service = resource.attributes.find(({ key }: { key: string }) => key === "service.name");
  assert.equal(service.value.stringValue, "tutor");
});

test("SIGHTLINE_SINK=otlp-file:… node program, also one that ends by process.exit()", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-environment-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "t.jsonl");
  const env = { SIGHTLINE_SINK: `otlp-file:${path}` };
  await run(PROGRAM, env);
  await run(`${PROGRAM} setTimeout(() => { startSpan("last").end(); process.exit(); }, 1_000);`, env);
  const names = readFileSync(path, "utf8").match(/"name":"(root|child|open|last)"/g)!;
  assert.equal(names.length, 7);
  assert.equal(readFileSync(join(dir, "t.logs.jsonl"), "utf8").trim().split("\n").length, 2);
});

test("SIGHTLINE_SINK=otlp-file:… node program that ends before its first batch is due", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-environment-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "t.jsonl");
  const job = 'import { observe } from "sightline"; observe("job", () => 1)();';
  await run(`${job} process.exit(0);`, { SIGHTLINE_SINK: `otlp-file:${path}` });
  await assert.rejects(run(`${job} throw new Error("uncaught");`, { SIGHTLINE_SINK: `otlp-file:${path}` }));
  assert.equal(readFileSync(path, "utf8").match(/"name":"job"/g)?.length, 2);
});

test("a spool over otlp keeps what the receiver does not take, for the next process", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "sightline-environment-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  await using server = await otlpServer();
  const env = { SIGHTLINE_SINK: "otlp", SIGHTLINE_SPOOL: dir, OTEL_EXPORTER_OTLP_ENDPOINT: server.url };
  server.answer(() => ({ status: 503, headers: { "retry-after": "60" } }));
  await run(PROGRAM, env);
  assert.equal(server.spans().length, 0);
  server.answer(() => undefined);
  await run(PROGRAM, env);
  assert.equal(server.spans().length, 6);
});
