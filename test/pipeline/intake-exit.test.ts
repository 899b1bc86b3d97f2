/** How the process ends with records that have just begun to wait for their prices. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { SpanRecord } from "sightline";
import { type SourcePackage, sourcePackage } from "../support/programs.ts";

const run = promisify(execFile);

let folder = "";
let made: SourcePackage;
before(async () => {
  made = await sourcePackage("intake-exit");
  folder = await mkdtemp(join(tmpdir(), "sightline-intake-"));
});
after(() => made.remove());

/** What a program prints and what its file sink has written. `say` is a sink that only writes asynchronously. */
async function program(name: string, source: string, first = "") {
  const path = join(folder, `${name}.ndjson`);
  const head = `
    ${first}
    const { configure, event, fileSink, flush, generation, startSpan, stats, withSpan } = await import("sightline");
    const say = { name: "say", async write(batch) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      for (const { name, cost } of batch) console.log(name, cost?.total);
    } };
    const path = ${JSON.stringify(path)};
    const file = fileSink({ path });
    const call = (model = "gpt-4o") => generation({ model, usage: { prompt_tokens: 1000, completion_tokens: 100 } });
  `;
  const args = ["--input-type=module", "-e", head + source];
  const options = { env: { ...process.env, SIGHTLINE_SINK: "" }, cwd: made.folder };
  const { stdout, stderr, code } = await run(process.execPath, args, options).then(
    (result) => ({ ...result, code: 0 }),
    (error) => error as { stdout: string; stderr: string; code: number },
  );
  const text = await readFile(path, "utf8").catch(() => "");
  const records = text.split("\n").filter(Boolean) as string[];
  const written = records.map((line) => JSON.parse(line) as SpanRecord).map(({ name, cost }) => [name, cost?.total]);
  return { stdout, stderr, code, written };
}

// 1000 × 2.5 + 100 × 10 = 3500
const PRICED = ["chat gpt-4o", 0.0035];

test("process.exit right after the first call: it is written with its cost, and what came after it behind it", async () => {
  const { written, stderr } = await program(
    "exit",
    `configure({ sinks: [file] });
     call();
     withSpan("after it", () => {});
     process.exit();`,
  );
  assert.deepEqual([written, stderr], [[PRICED, ["after it", undefined]], ""]);
});

test("an uncaught error, and a record made while the process exits", async () => {
  const { written, code } = await program(
    "uncaught",
    `configure({ sinks: [file] });
     process.on("exit", () => call());
     call();
     throw new Error("the host's own");`,
  );
  assert.deepEqual([written, code], [[PRICED, PRICED], 1]);
});

test("a process that runs out of work delivers to sinks that cannot write at exit", async () => {
  const { stdout, stderr } = await program("natural", "configure({ sinks: [say] }); call();");
  assert.deepEqual([stdout, stderr], ["chat gpt-4o 0.0035\n", ""]);
});

test("and so it does with a span that nobody has ended", async () => {
  const { stdout } = await program(
    "open",
    `configure({ sinks: [say] });
     startSpan("open", { type: "generation" }).update({ model: "gpt-4o", usage: { prompt_tokens: 1000, completion_tokens: 100 } });`,
  );
  assert.equal(stdout, "open 0.0035\n");
});

test("flush() at once has everything priced and written; SIGTERM too", async () => {
  const flushed = await program(
    "flush",
    `configure({ sinks: [say] });
     call();
     const { ok, written } = await flush();
     console.log(ok, written);
     process.exit();`,
  );
  assert.equal(flushed.stdout, "chat gpt-4o 0.0035\ntrue 1\n");
  const killed = await program(
    "signal",
    `configure({ sinks: [say] });
     setInterval(() => {}, 1000);
     call();
     process.kill(process.pid, "SIGTERM");`,
  );
  assert.equal(killed.stdout, "chat gpt-4o 0.0035\n");
});

const WITHOUT_LIBRARY = `
  import Module from "node:module";
  const resolve = Module._resolveFilename;
  Module._resolveFilename = (request, ...rest) => {
    if (request.endsWith("/genai-prices")) throw new Error("Cannot find module '" + request + "'");
    return resolve(request, ...rest);
  };`;

test("without the library: records without cost, counted, and one line", async () => {
  const { written, stdout, stderr } = await program(
    "missing",
    `configure({ sinks: [file] });
     call();
     call("gpt-5");
     await flush();
     call("gpt-4");
     const { unpriced, internalErrors } = stats();
     console.log(unpriced, internalErrors);
     process.exit();`,
    WITHOUT_LIBRARY,
  );
  const models = ["gpt-4o", "gpt-5", "gpt-4"];
  assert.deepEqual(
    written,
    models.map((model) => [`chat ${model}`, undefined]),
  );
  assert.equal(stdout, "3 0\n");
  assert.equal(stderr, "sightline: no prices, so no cost is recorded: Cannot find module 'sightline/genai-prices'\n");
});

test("an unknown model: no cost, counted, one line", async () => {
  const { written, stdout, stderr } = await program(
    "unknown",
    `configure({ sinks: [file] });
     call("gpt-99");
     call("gpt-99");
     await flush();
     console.log(stats().unpriced);`,
  );
  assert.deepEqual([written.map(([, total]) => total), stdout], [[undefined, undefined], "2\n"]);
  assert.match(stderr, /^sightline: no price for "gpt-99": no cost is recorded\. .*\n$/);
});

test('a sink with durability "record" has the record, with its cost, when the call returns', async () => {
  const { written } = await program(
    "durable",
    `configure({ sinks: [fileSink({ path, durability: "record" })] });
     call();
     process.kill(process.pid, "SIGKILL");`,
  );
  assert.deepEqual(written, [PRICED]);
});

test("a program without model calls reads no prices", async () => {
  const { stdout } = await program(
    "idle",
    `const { cache } = (await import("node:module")).createRequire(import.meta.url);
     const loaded = () => Object.keys(cache).filter((path) => path.includes("genai-prices")).length;
     configure({ sinks: [file] });
     withSpan("a", () => event("b"));
     await flush();
     console.log(loaded());
     call();
     await flush();
     console.log(loaded());`,
  );
  assert.equal(stdout, "0\n1\n");
});
