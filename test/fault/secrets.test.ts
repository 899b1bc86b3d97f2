/** P19: what is planted in a program and in our own configuration is in nothing that leaves the process or can be printed. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, type TestContext, test } from "node:test";
import { inspect, promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { configure, consoleSink, fileSink, flush, memorySink, type Sink, shutdown, spool, stats } from "sightline";
import { httpSink } from "sightline/sinks/http";
import { slot } from "../../src/core/runtime.ts";
import { SECRETS } from "../capture/corpus.ts";
import { assertBooks } from "../support/books.ts";
import { PLACES, run } from "./lab/secret-places.ts";

const USER_ID_KEY = ["user", "id", "hmac", "key", "13579"].join("-");
const HEADER = ["opaque", "header", "credential", "24680"].join("-");
const MASK_KEY = ["top", "secret", "field", "name"].join(" ");

/** The secret as it is, and as JSON and JSON in JSON write it. */
function spellings(secret: string): string[] {
  const once = JSON.stringify(secret).slice(1, -1);
  return [...new Set([secret, once, JSON.stringify(once).slice(1, -1), encodeURIComponent(secret)])];
}

function hits(output: string, secret: string): boolean {
  return spellings(secret).some((spelling) => output.includes(spelling));
}

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "sightline-secrets-"));
});
after(() => rm(dir, { recursive: true, force: true }));

async function readAll(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("\n");
}

/** A real server that keeps what it was sent: bodies unzipped, as the collector would read them. */
async function collector() {
  let bodies = "";
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    bodies += request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
    response.end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, bodies: () => bodies, close: () => server.close() };
}

function captured(): { stream: PassThrough; text: () => string } {
  const stream = new PassThrough();
  let text = "";
  stream.on("data", (chunk) => (text += chunk));
  return { stream, text: () => text };
}

test("P19 no planted secret in memory, file, spool, console, HTTP bodies, stats, inspection or JSON", async (t: TestContext) => {
  const server = await collector();
  const memory = memorySink();
  const [tree, lines] = [captured(), captured()];
  const refused: Sink = {
    name: "refused",
    write(batch) {
      throw new Error(`cannot send to https://u:${HEADER}@h.example: ${JSON.stringify(batch).slice(0, 2_000)}`);
    },
  };
  const sinks = [
    memory,
    fileSink({ path: join(dir, "traces.ndjson") }),
    spool(refused, { dir: join(dir, "spool") }),
    consoleSink({ stream: tree.stream, width: 200 }),
    consoleSink({ stream: lines.stream, format: "json", name: "lines" }),
    httpSink({ url: server.url, headers: { authorization: `Bearer ${HEADER}`, "x-api-key": HEADER } }),
    { ...refused, name: "refusing" },
  ];
  configure({ sinks, userIdKey: USER_ID_KEY, mask: { keys: [MASK_KEY] } });
  const shown: string[] = [];
  const show = (value: unknown) => {
    shown.push(inspect(value, { depth: Infinity, showHidden: true }), JSON.stringify(value) ?? "", String(value));
  };
  const expected = new Map<string, number>();
  for (const planted of SECRETS) expected.set(planted.shape, run(planted, show));
  const result = await flush({ timeoutMs: 1_000 });
  show(result);
  show(stats());
  show(sinks);
  show(slot);
  for (const sink of sinks) show(sink);
  assertBooks(stats());
  const spooled = await readAll(join(dir, "spool"));
  await shutdown({ timeoutMs: 500 });
  show(stats());
  server.close();

  const outputs: Record<string, string> = {
    memory: memory.records.map((record) => JSON.stringify(record)).join("\n"),
    file: await readFile(join(dir, "traces.ndjson"), "utf8"),
    spool: spooled,
    console: tree.text(),
    "console lines": lines.text(),
    "HTTP bodies": server.bodies(),
    "inspection, JSON, String, stats": shown.join("\n"),
  };
  const found: string[] = [];
  for (const [output, text] of Object.entries(outputs)) {
    assert.ok(text.length > 10_000, `${output} has the program's records: ${text.length} characters`);
    for (const { shape, secret } of SECRETS) if (hits(text, secret)) found.push(`${output}: ${shape}`);
    for (const ours of [USER_ID_KEY, HEADER]) if (hits(text, ours)) found.push(`${output}: ${ours}`);
  }
  assert.deepEqual(found, []);
  const spans = new Set(memory.records.map((record) => record.traceId)).size;
  assert.equal(spans, SECRETS.length + 1, "a trace for each secret, and the remote one");
  for (const [shape, places] of expected) assert.equal(places, PLACES, shape);
  t.diagnostic(
    `figure: ${SECRETS.length} secrets, ${PLACES} places each, ${Object.keys(outputs).length} outputs, ${found.length} hits`,
  );
});

test("P19 the corpus has 60 secrets and more, and the check would find them", () => {
  assert.ok(SECRETS.length >= 60);
  assert.equal(new Set(SECRETS.map(({ shape }) => shape)).size, SECRETS.length);
  for (const { secret, text, shape } of SECRETS) {
    assert.ok(hits(JSON.stringify({ body: JSON.stringify({ text }) }), secret), shape);
    assert.ok(hits(inspect({ a: [text] }), secret) || secret.length > 60, shape);
  }
});

test("P19 without masking every secret is found: the search can fail", async () => {
  const memory = memorySink();
  configure({ sinks: [memory], mask: false });
  for (const planted of SECRETS) run(planted, () => {});
  await flush();
  await shutdown();
  const lines = memory.records.map((record) => JSON.stringify(record));
  for (const { secret, shape } of SECRETS) {
    const found = lines.filter((line) => hits(line, secret)).length;
    assert.ok(found >= PLACES - 6, `${shape} is in ${found} records`);
  }
});

test("P19 no planted secret in what NODE_DEBUG shows", async (t: TestContext) => {
  const child = new URL("children/secrets.ts", import.meta.url).pathname;
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ["--conditions=@sightline/source", "--import", "tsx", child],
    {
      env: {
        ...process.env,
        NODE_TEST_CONTEXT: undefined,
        NODE_DEBUG: "sightline",
        SIGHTLINE_SINK: "http://127.0.0.1:9/v1",
        SIGHTLINE_HEADERS: `authorization=Bearer ${HEADER},x-api-key=${HEADER}`,
        SIGHTLINE_USER_ID_KEY: USER_ID_KEY,
      },
      maxBuffer: 64 * 1024 ** 2,
    },
  );
  assert.match(stderr, /SIGHTLINE \d+: internal error/, "the fault is shown");
  assert.match(stderr, /ECONNREFUSED|the connection failed/, "the sink's error is shown");
  const found = SECRETS.filter(({ secret }) => hits(stdout + stderr, secret)).map(({ shape }) => shape);
  for (const ours of [USER_ID_KEY, HEADER]) if (hits(stdout + stderr, ours)) found.push(ours);
  assert.deepEqual(found, []);
  t.diagnostic(`figure: ${SECRETS.length} secrets, ${stderr.length} characters of NODE_DEBUG, ${found.length} hits`);
});
