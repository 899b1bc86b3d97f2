import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify, stripVTControlCharacters } from "node:util";
import { gunzipSync } from "node:zlib";
import type { SpanRecord } from "sightline";
import { buildTraces } from "sightline/testing";
import { bundlePrograms, type Programs } from "./support/programs.ts";

const run = promisify(execFile);
const root = new URL("..", import.meta.url).pathname;
let folders: string;
let programs: Programs;

before(async () => {
  const sources = ["examples", "examples/legacy"].map(async (each) =>
    (await readdir(join(root, each))).filter((name) => /^\d+-.*\.ts$/.test(name)).map((name) => `${each}/${name}`),
  );
  programs = await bundlePrograms("examples", (await Promise.all(sources)).flat());
  folders = await mkdtemp(join(tmpdir(), "sightline-examples-"));
});
after(async () => {
  await programs.remove();
  await rm(folders, { recursive: true });
});

/** Runs an example as its reader would, in a folder of its own. */
async function example(name: string, env: Record<string, string> = {}) {
  const { SIGHTLINE_SINK: _, ...rest } = process.env;
  const folder = await mkdtemp(join(folders, "example-"));
  const options = { cwd: folder, env: { ...rest, OPENAI_API_KEY: "", COLUMNS: "110", ...env } };
  const { stdout, stderr } = await run(process.execPath, [programs.path(`examples/${name}`)], options);
  return { folder, stdout: stripVTControlCharacters(stdout), stderr: stripVTControlCharacters(stderr) };
}

// Mostly waiting, each for a process of its own.
describe("examples", { concurrency: 3 }, () => {
  test("01 hello", async () => {
    const { stdout, stderr } = await example("01-hello.ts");
    assert.equal(stdout, "Hello, Countess Lovelace!\n");
    assert.match(stderr, /Greeter\.greet[\s\S]*Greeter\.title/);
  });

  for (const name of ["02-service.ts", "legacy/02-service.ts"]) {
    test(`${name}: a service class`, async () => {
      const { stdout, stderr } = await example(name);
      assert.equal(stdout, 'See decorators. See traces. \nRangeError: no copy of "Traces" left\n');
      assert.match(stderr, /Library\.answer[\s\S]*Library\.search[\s\S]*Library\.write/);
      assert.match(stderr, /Library\.lend[\s\S]*RangeError.*no copy of "Traces" left/);
    });
  }

  test("03 the cookbook: one tree, and the same records in the file", async () => {
    const { folder, stdout, stderr } = await example("03-assistants-cookbook.ts");
    assert.match(stdout, /x\s*=\s*1/);
    const order = [
      /run_math_tutor/,
      /create_assistant/,
      /run_assistant/,
      /get_response/,
      /invoke_agent Math Tutor/,
      /chat gpt-4/,
    ];
    let at = 0;
    for (const name of order) {
      const found = stderr.slice(at).search(name);
      assert.notEqual(found, -1, `${name} comes in its place in\n${stderr}`);
      at += found;
    }
    const lines = (await readFile(join(folder, "traces.ndjson"), "utf8")).trimEnd().split("\n");
    const records = lines.map((line) => JSON.parse(line) as SpanRecord);
    const [trace, ...others] = buildTraces(records);
    assert.equal(others.length, 0);
    assert.ok(trace);
    const chat = trace.get("chat gpt-4");
    assert.equal(chat.parent?.record.name, "invoke_agent Math Tutor");
    assert.equal(chat.parent?.parent?.record.name, "get_response");
    const { inputTokens, outputTokens, totalTokens } = chat.record.usage ?? {};
    assert.equal((inputTokens ?? Number.NaN) + (outputTokens ?? Number.NaN), totalTokens);
    assert.match(stderr, new RegExp(`${inputTokens}\\D+${outputTokens}`));
    assert.equal(records.filter((record) => record.usage).length, 1, "usage stands on one level");
  });

  test("03 with BY_HAND: the generation by hand stands beside the recorded run", async () => {
    const { stderr } = await example("03-assistants-cookbook.ts", { BY_HAND: "1" });
    assert.equal(stderr.match(/chat gpt-4/g)?.length, 2);
  });

  test("04 thread and run lifecycle, by ids", async () => {
    const { stderr } = await example("04-run-lifecycle.ts");
    for (const name of [
      "openai-assistant",
      "thread.create",
      "thread.messages.create",
      "threads.runs.createAndPoll",
      "step.",
    ]) {
      assert.ok(stderr.includes(name), `${name} in\n${stderr}`);
    }
  });

  test("05 the same program, three sinks: the same records", async () => {
    const bodies: string[] = [];
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks);
      bodies.push((request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString());
      response.end("{}");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/records`;
    const program = "05-swap-sinks.ts";
    const parse = (text: string) =>
      text
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as SpanRecord);

    // One run into all three: the very same records.
    const all = await example(program, { SIGHTLINE_SINK: `console:json,file:./all.ndjson,${url}` });
    const file = parse(await readFile(join(all.folder, "all.ndjson"), "utf8"));
    assert.equal(file.length, 2);
    assert.deepEqual(parse(all.stderr), file);
    assert.deepEqual(parse(bodies.join("")), file);

    // Three runs into one each: the same but for ids and times, and nothing in the output changes.
    const shape = (records: SpanRecord[]) =>
      buildTraces(records).map((trace) =>
        trace
          .findAll(() => true)
          .map(({ record, parent }) => {
            const { traceId, spanId, parentSpanId, startTime, endTime, ...rest } = record;
            return { ...rest, parent: parent?.record.name };
          }),
      );
    bodies.length = 0;
    const byConsole = await example(program, { SIGHTLINE_SINK: "console" });
    const byJson = await example(program, { SIGHTLINE_SINK: "console:json" });
    const byFile = await example(program, { SIGHTLINE_SINK: "file:./one.ndjson" });
    const byHttp = await example(program, { SIGHTLINE_SINK: url });
    const untraced = await example(program);
    for (const { stdout } of [byConsole, byJson, byFile, byHttp]) assert.equal(stdout, untraced.stdout);
    const wanted = shape(file);
    assert.deepEqual(shape(parse(byJson.stderr)), wanted);
    assert.deepEqual(shape(parse(await readFile(join(byFile.folder, "one.ndjson"), "utf8"))), wanted);
    assert.deepEqual(shape(parse(bodies.join(""))), wanted);
    assert.match(byConsole.stderr, /summarize[\s\S]*translate/);
    server.close();
  });

  test("06 express: a request is a trace, the caller's traceparent is continued", async () => {
    const { stdout, stderr } = await example("06-express.ts");
    assert.equal(stdout, "{ forecast: 'rain' }\n");
    assert.match(stderr, /GET \/forecast\/:city[\s\S]*Weather\.forecast/);
    assert.match(stderr, /trace 0af76519…1c80319c/);
    assert.match(stderr, /ada/);
  });

  test("07 worker thread: one trace over two threads", async () => {
    const { stdout, stderr } = await example("07-worker-thread.ts");
    assert.equal(stdout, "true\n");
    assert.match(stderr, /Prime\.isPrime/);
    assert.match(stderr, /Prime\.test/);
  });

  test("08 the memory sink in a test", async () => {
    const { stdout } = await example("08-in-a-test.ts");
    assert.match(stdout, /pass 1/);
    assert.match(stdout, /fail 0/);
  });

  test("09 serverless: the trace is out before the result is", async () => {
    const { stdout, stderr } = await example("09-serverless.ts");
    assert.equal(stdout, "{ statusCode: 200, body: 'Lorem…' }\nipsum…\n");
    assert.match(stderr, /summarize[\s\S]*summarize/);
  });

  test("10 the lifecycle of a run, and each of its failures by name", async () => {
    const { stderr } = await example("10-assistant-lifecycle.ts");
    const trees = stderr.trim().split("\n\n");
    /** The trees of a story as running text; their first line has its name. */
    const story = (name: string) =>
      trees
        .filter((tree) => new RegExp(`^trace .* · ${name}`, "m").test(tree))
        .join("\n")
        .replaceAll(/[\s│├└─]+/g, " ");
    const healthy = story("as it should go");
    let at = 0;
    for (const name of [
      "openai-assistant",
      "thread.create",
      "thread.messages.create",
      "threads.runs.createAndPoll",
      "invoke_agent Math Tutor",
      "execute_tool file_search",
      "execute_tool look_up",
      "thread.messages.list",
    ]) {
      const found = healthy.slice(at).indexOf(name);
      assert.notEqual(found, -1, `${name} comes in its place in\n${stderr}`);
      at += found;
    }
    assert.doesNotMatch(healthy, /⚑/);
    const findings: { [story: string]: RegExp } = {
      "stuck in requires_action": /stuck_in_requires_action.*look_up/,
      "tool output cut without a word": /tool_output_truncated.*saw about 80 of some \d+ tokens/,
      "polling without an end": /endless_polling.*still in_progress/,
      "a thread for each question": /thread_accumulation/,
      "server_error, billed": /billed_failure.*1,?487/,
    };
    for (const [name, line] of Object.entries(findings)) {
      const tree = story(name);
      assert.notEqual(tree, "", `${name} in\n${stderr}`);
      assert.match(tree, line, `${name} in\n${stderr}`);
      const others = Object.values(findings).filter((other) => other !== line);
      for (const other of others) assert.doesNotMatch(tree, other, name);
    }
  });

  test("11 Azure: asked by deployment, priced by model", async () => {
    const { stdout, stderr } = await example("11-azure.ts");
    assert.match(stdout, /x = 1\./);
    assert.match(stderr, /ask[\s\S]*chat my-gpt-4o.*\$0\.000/);
  });

  test("12 a compatible server, and the cost that it states", async () => {
    const { stdout, stderr } = await example("12-compatible-server.ts");
    assert.equal(stdout, "x = 1\n");
    assert.match(stderr, /ask[\s\S]*chat qwen3-32b/);
    assert.match(stderr, /0\.00042/);
  });

  test("13 fastify: two services, one trace", async () => {
    const { stdout, stderr } = await example("13-fastify.ts");
    assert.equal(stdout, "Take an umbrella\n");
    assert.match(
      stderr,
      /GET \/advice\/:city[\s\S]*GET 127\.0\.0\.1[\s\S]*GET \/weather\/:city[\s\S]*look out of the window/,
    );
    assert.doesNotMatch(stderr, /health/);
    assert.equal(stderr.match(/^trace /gm)?.length, 1);
  });

  test("14 Next.js: the caller's trace goes on in the handler", async () => {
    const { stdout, stderr } = await example("14-nextjs-handler.ts");
    assert.equal(stdout, '{"answer":"You asked: why?"}\n');
    assert.match(stderr, /^trace 0af76519…1c80319c[\s\S]*POST \/api\/ask[\s\S]*answer/m);
  });

  test("15 a queue: each attempt of the job is in the trace that queued it", async () => {
    const { stdout, stderr } = await example("15-queue.ts");
    assert.equal(stdout, "sent to ada@example.com\n");
    const traces = [...stderr.matchAll(/^trace (\S+).*user ada/gm)].map(([, id]) => id);
    assert.equal(traces.length, 2, "a part of each process");
    assert.equal(new Set(traces).size, 1);
    assert.match(stderr, /sign up[\s\S]*enqueue welcome/);
    assert.match(stderr, /process welcome[\s\S]*mail server is busy[\s\S]*process welcome[\s\S]*send mail/);
  });

  test("16 OTLP: spans and scores, as a collector gets them", async () => {
    const { stdout, stderr } = await example("16-otlp.ts");
    assert.equal(stderr, "");
    assert.match(
      stdout,
      /^POST \/v1\/traces\n {2}chat gpt-4\.1 .*gen_ai\.usage\.input_tokens.*user\.id\n {2}solve user\.id\n/,
    );
    assert.match(stdout, /^POST \/v1\/logs\n {2}gen_ai\.evaluation\.result .*gen_ai\.evaluation\.name/m);
  });
});
