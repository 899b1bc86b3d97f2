/** What moves records: import, export; and the doctor, who looks whether they would move. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { link, readdir, readFile, stat, symlink } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { parquetReadObjects } from "hyparquet";
import { type FakeLangfuse, fakeLangfuse } from "../support/fake-langfuse/server.ts";
import { type CommandLine, commandLine } from "./support/program.ts";
import { chatTraces, lines, tutorTrace } from "./support/traces.ts";

let cli: CommandLine;
let cwd: string;

before(async () => {
  cli = await commandLine("cli-move");
  cwd = await cli.folder({ "traces.ndjson": lines([...tutorTrace(), ...chatTraces(300)]) });
});
after(() => cli.remove());

interface Taken {
  readonly url: string;
  readonly bodies: any[];
  /** Of each request. */
  readonly headers: IncomingHttpHeaders[];
  close(): void;
}

/** Answers with these statuses in turn, the last one from then on. */
async function server(...statuses: number[]): Promise<Taken> {
  const bodies: any[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const answering = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    headers.push(request.headers);
    for await (const chunk of request) chunks.push(chunk);
    const status = statuses.length > 1 ? statuses.shift()! : statuses[0]!;
    const body = Buffer.concat(chunks);
    if (status === 200) bodies.push(request.headers["content-encoding"] === "gzip" ? undefined : body);
    response.writeHead(status, { "content-type": "application/json", "retry-after": "0" }).end("{}");
  }).listen(0, "127.0.0.1");
  await once(answering, "listening");
  const { port } = answering.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, bodies, headers, close: () => answering.close() };
}

describe("moving", { concurrency: 2 }, () => {
  test("import: what is there already is not there twice; damaged lines are counted, exit code 1", async () => {
    const folder = await cli.folder({
      "a.ndjson": lines(chatTraces(5)),
      "b.ndjson": `${lines(chatTraces(2))}rubbish\n`,
    });
    const first = await cli.run(["import", "a.ndjson", "--into", "t.db"], { cwd: folder });
    assert.deepEqual([first.code, first.stderr], [0, ""]);
    assert.match(first.stdout, /^5 records into sqlite:t\.db in /);
    const second = await cli.run(["import", ".", "--into", "t.db", "--json"], { cwd: folder });
    assert.equal(second.code, 1);
    const { records, damaged } = JSON.parse(second.stdout);
    assert.deepEqual([records, damaged], [7, 1]);
    assert.equal(JSON.parse((await cli.run(["stats", "t.db", "--json"], { cwd: folder })).stdout).spans, 5);
  });

  test("a project that a store does not have is refused, with those that it has", async () => {
    const folder = await cli.folder({ "a.ndjson": lines(chatTraces(2)) });
    await cli.run(["import", "a.ndjson", "--into", "t.db", "--project", "shop"], { cwd: folder });
    await cli.run(["import", "a.ndjson", "--into", "t.db"], { cwd: folder });
    for (const command of ["list", "stats", "cost", "findings"]) {
      const { code, stdout, stderr } = await cli.run([command, "t.db", "--project", "zzz"], { cwd: folder });
      assert.deepEqual([code, stdout], [2, ""], command);
      assert.match(stderr, /^sightline: .*t\.db has no project "zzz"\. It has default, shop\.\n$/);
    }
    assert.equal((await cli.run(["list", "t.db", "--project", "shop"], { cwd: folder })).code, 0);
    assert.equal((await cli.run(["list", "a.ndjson", "--project", "default"], { cwd: folder })).code, 0);
  });

  test("import: a file that cannot be read costs itself alone, and of each it is said what came: exit code 1", async () => {
    const records = chatTraces(5);
    const folder = await cli.folder({
      "a.ndjson": lines(records.slice(0, 2)),
      "b.txt": "nothing of the kind",
      "c.ndjson": lines(records.slice(2)),
    });
    const args = ["import", "a.ndjson", "b.txt", "c.ndjson", "--into"];
    const asJson = await cli.run([...args, "json.db", "--json"], { cwd: folder });
    assert.equal(asJson.code, 1);
    const told = JSON.parse(asJson.stdout);
    assert.deepEqual(
      [told.records, told.damaged, told.store, told.files.map(({ path, records }: any) => [path, records])],
      [
        5,
        0,
        "sqlite:json.db",
        [
          ["a.ndjson", 2],
          ["b.txt", 0],
          ["c.ndjson", 3],
        ],
      ],
    );
    assert.match(told.problem, /^b\.txt holds nothing that is understood/);
    assert.deepEqual(
      told.files.map(({ problem }: any) => problem),
      [undefined, told.problem, undefined],
    );
    assert.equal(asJson.stderr, `sightline: ${told.problem}\n`);
    const asText = await cli.run([...args, "text.db"], { cwd: folder });
    assert.match(asText.stdout, /^5 records into .*\na\.ndjson: 2 records\nb\.txt: 0 records\nc\.ndjson: 3 records\n$/);
    assert.deepEqual([asText.code, asText.stderr], [1, asJson.stderr]);
    for (const store of ["json.db", "text.db"])
      assert.equal(JSON.parse((await cli.run(["stats", store, "--json"], { cwd: folder })).stdout).spans, 5);
  });

  test("export: NDJSON comes back as the same records", async () => {
    const { code, stdout, stderr } = await cli.run(["export", "--to", "ndjson"], { cwd });
    assert.deepEqual([code, stderr], [0, "301 traces, 308 spans, 1 score, 1 finding\n"]);
    const key = (line: string) => {
      const { cost, ...record } = JSON.parse(line);
      return JSON.stringify(record);
    };
    const sorted = (text: string) => text.trimEnd().split("\n").map(key).sort();
    assert.deepEqual(sorted(stdout), sorted(await readFile(join(cwd, "traces.ndjson"), "utf8")));
  });

  test("export: what is exported is never written over, under whatever name", async () => {
    const folder = await cli.folder({ "t.ndjson": lines(chatTraces(3)) });
    await cli.run(["import", "t.ndjson", "--into", "own.db"], { cwd: folder });
    await symlink("t.ndjson", join(folder, "soft"));
    await link(join(folder, "t.ndjson"), join(folder, "hard"));
    const kept = await Promise.all(["t.ndjson", "own.db"].map((file) => readFile(join(folder, file))));
    for (const [source, out] of [
      ["own.db", "own.db"],
      ["own.db", "own.db-wal"],
      ["t.ndjson", "./t.ndjson"],
      ["t.ndjson", "soft"],
      [".", "hard"],
    ] as const) {
      for (const to of ["ndjson", "parquet"]) {
        const { code, stderr } = await cli.run(["export", source, "--to", to, "-o", out], { cwd: folder });
        assert.deepEqual(
          [code, stderr.includes(`${out} is what is exported`)],
          [2, true],
          `${source} ${out}: ${stderr}`,
        );
      }
    }
    assert.deepEqual(await Promise.all(["t.ndjson", "own.db"].map((file) => readFile(join(folder, file)))), kept);
  });

  test("export: a file is its owner's, replaced when it is whole, and nothing is left beside it", async () => {
    const folder = await cli.folder({ "t.ndjson": lines(chatTraces(3)), "out/t.csv": "old", "out/t.parquet": "old" });
    for (const to of ["csv", "parquet"]) {
      const { code } = await cli.run(["export", "t.ndjson", "--to", to, "-o", `out/t.${to}`], { cwd: folder });
      const { mode, size } = await stat(join(folder, `out/t.${to}`));
      assert.deepEqual([code, mode & 0o777, size > 100], [0, 0o600, true]);
    }
    assert.deepEqual((await readdir(join(folder, "out"))).sort(), ["t.csv", "t.parquet"]);
    const nowhere = await cli.run(["export", "t.ndjson", "--to", "csv", "-o", "none/t.csv"], { cwd: folder });
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /^sightline: "none\/t\.csv" cannot be written: there is no folder /);
  });

  test("an archive that ends early is read as far as it goes, and that is said: exit code 1", async () => {
    const whole = gzipSync(lines(chatTraces(500)));
    const folder = await cli.folder({
      "torn.ndjson.gz": whole.subarray(0, whole.length / 2),
      "two.ndjson.gz": Buffer.concat([whole, whole]),
    });
    const torn = await cli.run(["list", "torn.ndjson.gz", "-n", "1"], { cwd: folder });
    assert.deepEqual([torn.code, torn.stdout.includes("chat ")], [1, true]);
    assert.match(torn.stderr, /torn\.ndjson\.gz is an archive that ends early: what came after is missing/);
    assert.equal((await cli.run(["import", "torn.ndjson.gz", "--into", "t.db"], { cwd: folder })).code, 1);
    assert.equal((await cli.run(["list", "two.ndjson.gz", "-n", "1"], { cwd: folder })).code, 0);
  });

  test("export: CSV and Parquet have the same rows", async () => {
    const csv = await cli.run(["export", "--to", "csv", "--user", "user_42"], { cwd });
    const [heading, ...rows] = csv.stdout.trimEnd().split("\n");
    assert.match(heading!, /^trace_id,span_id,parent_span_id,trace_name,name,/);
    assert.equal(rows.length, 8);
    const made = await cli.run(["export", "--to", "parquet", "--out", "t.parquet", "--user", "user_42"], { cwd });
    assert.deepEqual([made.code, made.stderr], [0, "1 trace, 8 spans → t.parquet\n"]);
    const bytes = await readFile(join(cwd, "t.parquet"));
    const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
    const objects = await parquetReadObjects({ file });
    assert.equal(objects.length, 8);
    const run = objects.find(({ name }) => name === "run")!;
    assert.deepEqual(
      [run["input_tokens"], run["cost_usd"], run["started"], run["parent_span_id"]],
      [980n, 0.0123, new Date("2026-11-21T09:30:01.260Z"), "0000000000000006"],
    );
    const nowhere = await cli.run(["export", "--to", "parquet", "--out", "no/such/t.parquet"], { cwd });
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /cannot be written: there is no folder /);
  });

  test("export: OTLP arrives whole, also when the receiver is busy first; what is refused is said, exit code 1", async () => {
    for (const json of [false, true]) {
      const good = await server(503, 200);
      const args = ["export", "--to", "otlp", "--endpoint", good.url];
      const sent = await cli.run(json ? [...args, "--json"] : args, { cwd });
      assert.deepEqual([sent.code, sent.stdout], [0, ""]);
      const all = { traces: 301, spans: 308, scores: 1, findings: 1, delivered: 310, rejected: 0 };
      if (json) assert.deepEqual(JSON.parse(sent.stderr), all);
      else assert.match(sent.stderr, /^301 traces, 308 spans, 1 score, 1 finding → otlp:127\.0\.0\.1/);
      assert.ok(good.bodies.length >= 2);
      good.close();
    }
    const closed = await server(401);
    const refused = await cli.run(["export", "--to", "otlp", "--endpoint", closed.url, "--json"], { cwd });
    assert.equal(refused.code, 1);
    const { delivered, isBroken, reason } = JSON.parse(refused.stderr);
    assert.deepEqual([delivered, isBroken, /401/.test(reason)], [0, true, true], refused.stderr);
    closed.close();
  });

  test("export: keys of the environment go to its own address only; another one gets what is given for it", async () => {
    const good = await server(200);
    const send = async (args: readonly string[], env: NodeJS.ProcessEnv) => {
      good.headers.length = 0;
      const variables = { OTEL_EXPORTER_OTLP_HEADERS: "x-key=of%20environment", ...env };
      const ran = await cli.run(["export", "-n", "1", "--to", "otlp", ...args], { cwd, env: variables });
      assert.equal(ran.code, 0, ran.stderr);
      const keys = good.headers.map((sent) => [sent["x-key"], sent["x-other"]]);
      assert.ok(keys.length > 0);
      for (const key of keys) assert.deepEqual(key, keys[0]);
      return keys[0];
    };
    const named = ["--endpoint", good.url];
    const own = { OTEL_EXPORTER_OTLP_ENDPOINT: `${good.url}/` };
    const elsewhere = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:45999" };
    const signal = {
      ...own,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://127.0.0.1:45999/v1/traces",
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: "x-key=of%20traces",
    };
    assert.deepEqual(await send(named, {}), [undefined, undefined]);
    assert.deepEqual(await send(named, elsewhere), [undefined, undefined]);
    assert.deepEqual(await send(named, own), ["of environment", undefined]);
    assert.deepEqual(await send(named, signal), ["of environment", undefined]);
    const given = ["--header", "X-Key=a=b", "--header=x-other=2"];
    assert.deepEqual(await send([...named, ...given], {}), ["a=b", "2"]);
    assert.deepEqual(await send(given, own), ["a=b", "2"]);
    good.close();
    const closed = await server(401);
    const env = { OTEL_EXPORTER_OTLP_HEADERS: "x-key=1" };
    const { stderr } = await cli.run(["export", "--to", "otlp", "--endpoint", closed.url], { cwd, env });
    assert.match(stderr, /answered 401.*: give --header name=value; OTEL_EXPORTER_OTLP_HEADERS goes to/);
    closed.close();
  });
});

describe("export to Langfuse", { concurrency: 2 }, () => {
  const keysOf = ({ baseUrl, publicKey, secretKey }: FakeLangfuse) => ({
    LANGFUSE_BASE_URL: baseUrl,
    LANGFUSE_PUBLIC_KEY: publicKey,
    LANGFUSE_SECRET_KEY: secretKey,
  });
  const exported = async (langfuse: FakeLangfuse, ...args: string[]) => {
    const open = { ...chatTraces(1)[0]!, traceId: "e".repeat(32), unfinished: true as const };
    const folder = await cli.folder({ "traces.ndjson": lines([...tutorTrace(), ...chatTraces(300), open]) });
    return cli.run(["export", "--to", "langfuse", ...args], { cwd: folder, env: keysOf(langfuse) });
  };

  test("all of it arrives once, what is still open too, though the server is busy at first", async () => {
    const busy = [429, 503, 500];
    await using langfuse = await fakeLangfuse(() => {
      const status = busy.shift();
      return status === undefined ? undefined : { status, headers: { "retry-after": "0" } };
    });
    const { code, stdout, stderr } = await exported(langfuse);
    assert.deepEqual([code, stdout], [0, ""], stderr);
    assert.match(stderr, /^302 traces, 309 spans, 1 score, 1 finding → langfuse:127\.0\.0\.1/);
    const ids = langfuse.observations.map(({ traceId, id }) => `${traceId} ${id}`);
    assert.deepEqual([ids.length, new Set(ids).size, langfuse.scores.length], [310, 310, 1]);
  });

  test("what the server takes no more is said in numbers, with the reason: exit code 1", async () => {
    let requests = 0;
    await using langfuse = await fakeLangfuse(() => (++requests > 1 ? { status: 401 } : undefined));
    const { code, stderr } = await exported(langfuse, "--json");
    assert.equal(code, 1);
    const told = JSON.parse(stderr);
    assert.deepEqual([told.isBroken, /401/.test(told.reason)], [true, true], stderr);
    assert.equal(told.delivered, langfuse.observations.length + langfuse.scores.length, stderr);
  });

  test("of a span that was held back to the end it is said when it did not arrive", async () => {
    await using langfuse = await fakeLangfuse(({ spans }) =>
      spans.some(({ traceId }) => traceId === "e".repeat(32)) ? { status: 401 } : undefined,
    );
    const { code, stderr } = await exported(langfuse, "--json");
    assert.equal(code, 1);
    const told = JSON.parse(stderr);
    assert.deepEqual([told.isBroken, told.delivered], [true, 310], stderr);
  });

  test("a span that was held back is sent again when the server is busy, and counted when it is refused", async () => {
    const statuses = [429, 503, 400, 400];
    await using langfuse = await fakeLangfuse(({ spans }) => {
      const isOpen = spans.some(({ traceId }) => traceId === "e".repeat(32));
      return isOpen ? { status: statuses.shift()!, headers: { "retry-after": "0" } } : undefined;
    });
    const { code, stderr } = await exported(langfuse);
    assert.equal(code, 1);
    assert.match(stderr, /^310 records → langfuse:127\.0\.0\.1.*, 1 was refused: /);
    assert.equal(statuses.length, 1);
  });

  test("a span that is refused costs itself alone, and is counted: exit code 1", async () => {
    await using langfuse = await fakeLangfuse(({ spans }) =>
      spans.some(({ name }) => name === "run") ? { status: 400 } : undefined,
    );
    const { code, stderr } = await exported(langfuse);
    assert.equal(code, 1);
    assert.match(stderr, /^310 records → langfuse:127\.0\.0\.1.*, 1 was refused: /);
    assert.equal(langfuse.observations.length, 309);
  });
});

describe("doctor", { concurrency: 2 }, () => {
  const checks = async (folder: string, env: NodeJS.ProcessEnv = {}, ...args: string[]) => {
    const { code, stdout } = await cli.run(["doctor", "--json", ...args], { cwd: folder, env });
    return { code, all: JSON.parse(stdout) as { state: string; about: string; said: string; way?: string }[] };
  };

  test("a sound folder: all is well", async () => {
    const manifest = JSON.stringify({ name: "sightline", version: "0.1.0" });
    const folder = await cli.folder({
      "node_modules/sightline/package.json": manifest,
      "tsconfig.json": '{ // old\n "compilerOptions": { "experimentalDecorators": true, }, }',
    });
    const { code, stdout } = await cli.run(["doctor"], { cwd: folder });
    assert.equal(code, 0);
    assert.match(stdout, /^✓ Node: /);
    assert.match(stdout, /\n✓ sightline: 0\.1\.0\n/);
    assert.match(stdout, /\n✓ decorators: experimentalDecorators: /);
    assert.match(stdout, /\n\nall is well\n$/);
  });

  test("two copies, a slip in a variable, a damaged store: each with a way out", async () => {
    const at = (version: string) => JSON.stringify({ name: "sightline", version });
    const folder = await cli.folder({
      "node_modules/sightline/package.json": at("0.1.0"),
      "node_modules/other/node_modules/sightline/package.json": at("0.2.0"),
      "node_modules/openai/package.json": JSON.stringify({ version: "3.3.0" }),
      "bad.db": "no database, and longer than a head of one would be",
    });
    const { code, all } = await checks(
      folder,
      { SIGHTLINE_SNIK: "console", SIGHTLINE_SAMPLE_RATE: "2" },
      "--store",
      "sqlite:bad.db",
    );
    assert.equal(code, 1);
    const found = (about: string, state: string) => all.find((check) => check.about === about && check.state === state);
    assert.match(found("sightline", "warning")!.said, /^2 copies: 0\.1\.0 in .*; 0\.2\.0 in /);
    assert.match(found("openai", "warning")!.said, /^3\.3\.0; /);
    assert.match(found("variables", "warning")!.said, /SIGHTLINE_SNIK ignored/);
    assert.match(found("variables", "problem")!.said, /SIGHTLINE_SAMPLE_RATE takes a number from 0 to 1/);
    assert.match(found("store", "problem")!.said, /bad\.db/);
    assert.equal(found("SIGHTLINE_SAMPLE_RATE", "ok"), undefined, "nothing is well of what is wrong");
    for (const { state, way } of all) assert.equal(state === "ok", way === undefined);
  });

  test("sinks: reached or not, refused or not; nothing secret is said", async () => {
    const [good, closed] = [await server(200), await server(401)];
    const sink = `${good.url}/v1/records,${closed.url}/v1/records,http://127.0.0.1:45999/v1/records,file:deep/down/t.ndjson`;
    const { code, all } = await checks(await cli.folder(), {
      SIGHTLINE_SINK: sink,
      SIGHTLINE_HEADERS: "authorization=Bearer hunter2",
    });
    assert.equal(code, 1);
    const sinks = all.filter(({ about }) => about.startsWith("sink "));
    assert.deepEqual(
      sinks.map(({ state }) => state),
      ["ok", "problem", "problem", "ok"],
    );
    assert.deepEqual(
      sinks.map(({ said }) => said.slice(0, 25)),
      ["answers 200", "answers 401", "cannot be reached: ECONNR", "will be made by the first"],
    );
    assert.ok(!JSON.stringify(all).includes("hunter2"));
    const ofVariables = all.filter(({ about }) => about.startsWith("SIGHTLINE_")).map(({ about }) => about);
    assert.deepEqual(
      ofVariables,
      ["SIGHTLINE_HEADERS"],
      "where records go is no good news beside sinks that are not reached",
    );
    const well = await checks(await cli.folder(), { SIGHTLINE_SINK: `${good.url}/v1/records`, SIGHTLINE_ENABLED: "0" });
    assert.deepEqual(
      well.all.filter(({ about }) => about.startsWith("SIGHTLINE_")).map(({ about, state }) => [about, state]),
      [
        ["SIGHTLINE_SINK", "ok"],
        ["SIGHTLINE_ENABLED", "warning"],
      ],
    );
    // What configure() refuses is told once, and nobody is asked.
    for (const refused of ["https:/nowhere", "http://", "langfuse", "file:", "otlpp"]) {
      const { code, all } = await checks(await cli.folder(), { SIGHTLINE_SINK: refused });
      const problems = all.filter(({ state }) => state === "problem").map(({ about }) => about);
      assert.deepEqual([code, problems], [1, ["variables"]], refused);
      assert.ok(!all.some(({ about }) => about.startsWith("sink ") || about === "SIGHTLINE_SINK"), refused);
    }
    good.close();
    closed.close();
  });
});
