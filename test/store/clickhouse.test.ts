/** What needs no ClickHouse: the statements, the options, and what a server's errors become. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { ConfigError } from "../../src/core/errors.ts";
import { asStoreError } from "../../src/store/clickhouse/errors.ts";
import {
  type ClickHouseStoreOptions,
  clickHouseStore,
  clickHouseUrl,
  clickhouseSink,
} from "../../src/store/clickhouse/index.ts";
import { portions } from "../../src/store/clickhouse/portions.ts";
import {
  foundation,
  migrations,
  SCHEMA_VERSION,
  type SchemaOptions,
  TABLES,
} from "../../src/store/clickhouse/schema.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";

const ddl = (options: Partial<SchemaOptions> = {}): string[] => {
  const whole = { database: "db", ...options };
  return [...foundation(whole), ...migrations(whole).flatMap(({ statements }) => statements)];
};

test("one server: every table replaces by version, partitions by day, and has no cluster in it", () => {
  const statements = ddl();
  assert.ok(statements.every((statement) => /^CREATE (?:DATABASE|TABLE|VIEW) IF NOT EXISTS db\b/.test(statement)));
  assert.doesNotMatch(statements.join("\n"), /ON CLUSTER|Distributed|Replicated|TTL/);
  const spans = statements.find((statement) => statement.includes("db.span_rows "))!;
  assert.match(
    spans,
    /ENGINE = ReplacingMergeTree\(version\)\nPARTITION BY day\nORDER BY \(project, trace_id, span_id\)/,
  );
  assert.match(spans, /start_us UInt64 CODEC\(DoubleDelta, ZSTD\(1\)\)/);
  assert.match(spans, /model LowCardinality\(String\)/);
  const payloads = statements.find((statement) => statement.includes("db.payloads "))!;
  assert.match(payloads, /INDEX words_index substringIndex\(doc, '\\n', 1\) TYPE text\(tokenizer = splitByNonAlpha, /);
  for (const view of ["spans", "traces"]) {
    assert.match(
      statements.find((statement) => statement.includes(`VIEW IF NOT EXISTS db.${view} AS\n`))!,
      /FINAL WHERE is_moved = 0$/,
    );
  }
});

test("TTL: whole parts go, by the end of their day", () => {
  const statements = ddl({ ttlDays: 30 });
  for (const table of ["span_rows", "payloads", "trace_rows"]) {
    const made = statements.find((statement) => statement.includes(`db.${table} (`))!;
    assert.match(made, /\nTTL day \+ toIntervalDay\(31\)\n/);
    assert.match(made, /ttl_only_drop_parts = 1/);
  }
  assert.match(
    statements.find((statement) => statement.includes("db.scores ("))!,
    /\nTTL toDateTime\(intDiv\(time_us, 1000000\)\) \+ toIntervalDay\(30\)\n/,
  );
});

test("a cluster: rows in local tables, one Distributed table over each, a trace on one shard", () => {
  const statements = ddl({ cluster: "c" });
  assert.doesNotMatch(statements.join("\n"), /ON CLUSTER|Replicated/);
  for (const table of TABLES) {
    assert.equal(statements.filter((statement) => statement.includes(`db.${table}_local (`)).length, 1, table);
    const over = statements.find((statement) =>
      statement.includes(`IF NOT EXISTS db.${table} AS db.${table}_local\n`),
    )!;
    const shard = { scores: "id", findings: "id", revisions: "project" }[table as string] ?? "trace_id";
    assert.ok(over.endsWith(`ENGINE = Distributed('c', 'db', '${table}_local', cityHash64(${shard}))`), over);
  }
});

test("a replicated cluster: every statement ON CLUSTER, copies by path and replica", () => {
  const statements = ddl({ cluster: "c", replicated: true });
  for (const statement of statements) assert.match(statement.split("\n")[0]!, / ON CLUSTER c(?: |$)/, statement);
  for (const table of TABLES) {
    const made = statements.find((statement) => statement.includes(`db.${table}_local ON CLUSTER c (`))!;
    const engine = table === "revisions" ? "ReplicatedSummingMergeTree" : "ReplicatedReplacingMergeTree";
    assert.ok(
      made.includes(`ENGINE = ${engine}('/clickhouse/tables/{shard}/{database}/${table}', '{replica}', `),
      made,
    );
    assert.doesNotMatch(made, /non_replicated_deduplication_window/);
  }
});

test("migrations have rising versions up to this release's", () => {
  const versions = migrations({ database: "db" }).map(({ version }) => version);
  assert.deepEqual(
    versions,
    Array.from({ length: SCHEMA_VERSION }, (_, i) => i + 1),
  );
});

test("options that make no sense, and names that would need quoting, are refused", () => {
  const url = "http://127.0.0.1:1";
  const bad: object[] = [
    {},
    { url: "db:8123" },
    { url: "ftp://db" },
    { url: [] },
    { url, connection: {} },
    { url, database: "a; DROP TABLE x" },
    { url, database: "`a`" },
    { url, cluster: "a'b" },
    { url, replicated: true },
    { connection: {}, cluster: "c" },
    { url, ttlDays: 0.5 },
    { url, tls: {} },
  ];
  for (const options of bad) {
    assert.throws(() => clickHouseStore(options as ClickHouseStoreOptions), ConfigError, JSON.stringify(options));
  }
  assert.throws(() => clickhouseSink({ url, project: "" }), ConfigError);
});

test("clickhouse:// addresses", () => {
  assert.deepEqual(clickHouseUrl("clickhouse://db"), { url: "http://db:8123" });
  assert.deepEqual(
    clickHouseUrl("clickhouse://ann:p%40ss@db:9/traces?cluster=c&secure=1&replicated=1&ttlDays=7&node=e"),
    {
      ...{
        url: ["https://db:9", "https://e:8443"],
        username: "ann",
        password: "p@ss",
        database: "traces",
        cluster: "c",
      },
      ...{ replicated: true, ttlDays: 7 },
    },
  );
  assert.deepEqual(clickHouseUrl("clickhouses://db"), { url: "https://db:8443" });
  assert.equal(clickHouseStore({ url: "http://ann:secret@db:8123/traces" }).name, "clickhouse:db:8123");
  assert.throws(() => clickHouseStore({ url: "http://db/a-b" }), ConfigError);
  for (const text of [
    "http://db",
    "clickhouse://",
    "clickhouse://db?database=x",
    "clickhouse://db/a-b",
    "clickhouse://u:secret@db?x=1",
  ]) {
    assert.throws(
      () => clickHouseUrl(text),
      (error) => error instanceof ConfigError && !error.message.includes("secret"),
      text,
    );
  }
});

interface Asked {
  readonly query: string;
  readonly parameters: URLSearchParams;
  readonly body: string;
}

/** Speaks enough of ClickHouse's HTTP for a store to open; `answer` says what else it does. */
async function fake(
  t: TestContext,
  answer: (asked: Asked, response: ServerResponse) => boolean | undefined = () => false,
): Promise<{ url: string; asked: Asked[]; server: Server }> {
  const asked: Asked[] = [];
  const server = createServer(async (request: IncomingMessage, response) => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { searchParams } = new URL(request.url!, "http://fake");
    const query = searchParams.get("query") ?? body;
    const one = { query, parameters: searchParams, body };
    if (!query.includes("migrations") && !query.startsWith("CREATE")) asked.push(one);
    if (answer(one, response)) return;
    response.setHeader("X-ClickHouse-Summary", "{}");
    response.end(query.includes("max(version) AS version") ? `{"version":${SCHEMA_VERSION}}\n` : "");
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, server };
}

const EVIL = "x' OR 1=1; DROP TABLE span_rows; -- {project:String} \\' `";

test("no value is ever part of a statement", async (t) => {
  const { url, asked } = await fake(t);
  const store = clickHouseStore({ url });
  t.after(() => store.close());
  const project = EVIL;
  const texts = { userId: EVIL, sessionId: EVIL, feature: EVIL, team: EVIL, environment: EVIL, release: EVIL };
  const query = { ...texts, project, tag: EVIL, name: EVIL, model: EVIL, finding: EVIL, metadata: { [EVIL]: EVIL } };
  const ignore = () => undefined;
  await store.traces({ ...query, status: EVIL as "ok" });
  await store.traces({ project, text: "DROP TABLE" }).catch(ignore);
  await store.sessions({ ...query, text: "DROP TABLE" });
  await store.trace(EVIL, { project }).catch(ignore);
  await store.spans(EVIL, { project });
  await store.span(EVIL, EVIL, { project });
  await store.aggregate({ project, groupBy: ["model"], where: { model: EVIL, userId: EVIL }, bucketUs: 7 });
  await store.aggregate({ project, of: "scores", where: { name: EVIL }, percentiles: true });
  await store.values({ project, field: "userId", prefix: EVIL });
  await store.values({ project, field: "finding", prefix: EVIL });
  await store.revision({ project }).catch(ignore);
  await store.stats({ project }).catch(ignore);
  await store.append([sampleSpan({ name: EVIL, traceId: EVIL }), sampleScore({ id: EVIL })], { project });
  await store.prune({ beforeUs: 1 });
  assert.ok(asked.length > 20, `${asked.length} statements`);
  for (const { query } of asked) assert.doesNotMatch(query, /DROP|OR 1=1/i, query);
  // They came as parameters, or as rows.
  assert.ok(asked.some(({ parameters }) => parameters.get("param_userId")?.includes("DROP TABLE")));
  assert.ok(asked.some(({ body }) => body.includes("DROP TABLE")));
});

test("an append tells its own repetitions from new rows, and small ones wait for company", async (t) => {
  const { url, asked } = await fake(t);
  const store = clickHouseStore({ url });
  t.after(() => store.close());
  await store.append([sampleSpan()]);
  await store.append([sampleSpan()]);
  const inserts = asked.filter(({ query }) => query.startsWith("INSERT"));
  const tokens = inserts.map(({ parameters }) => parameters.get("insert_deduplication_token"));
  assert.equal(new Set(tokens).size, inserts.length);
  const [payloads] = inserts;
  assert.deepEqual(
    ["async_insert", "wait_for_async_insert"].map((name) => payloads!.parameters.get(name)),
    ["1", "1"],
  );
});

const failing = (code: number, text: string) => (_: Asked, response: ServerResponse) => {
  response.statusCode = 500;
  response.setHeader("X-ClickHouse-Exception-Code", String(code));
  response.end(`Code: ${code}. DB::Exception: ${text} (SOME_ERROR) (version 26.7.2.1)`);
  return true;
};

async function refusal(store: TraceStore): Promise<StoreError> {
  try {
    await store.append([sampleSpan()]);
  } catch (error) {
    assert.ok(error instanceof StoreError, String(error));
    return error;
  }
  throw new Error("the append was acknowledged");
}

test("what a server says becomes what a store says", async (t) => {
  const expected: readonly (readonly [number, string, string])[] = [
    [210, "STORE_UNAVAILABLE", "Connection refused (127.0.0.1:9000): while sending to a replica"],
    [252, "STORE_UNAVAILABLE", "Too many parts (300)"],
    [241, "STORE_UNAVAILABLE", "Memory limit (total) exceeded"],
    [159, "STORE_UNAVAILABLE", "Timeout exceeded"],
    [516, "STORE_UNAVAILABLE", "default: Authentication failed"],
    [243, "STORE_FULL", "Cannot reserve 1.00 MiB, not enough space"],
    [47, "STORE_BAD_QUERY", "Unknown expression identifier `x`"],
  ];
  for (const [code, kind, text] of expected) {
    let isOpen = false;
    const { url } = await fake(t, (asked, response) => {
      if (!isOpen && asked.query.includes("migrations")) return false;
      isOpen = true;
      return failing(code, text)(asked, response);
    });
    const store = clickHouseStore({ url });
    const error = await refusal(store);
    assert.equal(error.code, kind, `${code}: ${error.message}`);
    assert.equal(error.retryAfterMs !== undefined, kind !== "STORE_BAD_QUERY");
    assert.match(error.message, new RegExp(`clickhouse:127.0.0.1:\\d+ .*${text.slice(0, 12)}`));
    await store.close();
  }
});

test("a server that is not there, hangs up, or never answers: unavailable, and asked again by the next call", async (t) => {
  const gone = await fake(t);
  await new Promise((resolve) => gone.server.close(resolve));
  const nowhere = clickHouseStore({ url: gone.url });
  assert.equal((await refusal(nowhere)).code, "STORE_UNAVAILABLE");
  await nowhere.close();

  let isDown = true;
  const reset = await fake(t, (_, response) => {
    if (isDown) response.socket!.destroy();
    return isDown;
  });
  const store = clickHouseStore({ url: reset.url });
  const error = await refusal(store);
  assert.deepEqual([error.code, error.retryAfterMs], ["STORE_UNAVAILABLE", 1_000]);
  isDown = false;
  await store.append([sampleSpan()]);
  await store.close();

  const silent = await fake(t, (asked) => asked.query.startsWith("INSERT"));
  const waiting = clickHouseStore({ url: silent.url, requestTimeoutMs: 100 });
  const late = await refusal(waiting);
  assert.equal(late.code, "STORE_UNAVAILABLE");
  assert.match(late.message, /Timeout/);
  await waiting.close();
});

test("when one node does not answer the next is asked", async (t) => {
  const gone = await fake(t);
  await new Promise((resolve) => gone.server.close(resolve));
  const there = await fake(t);
  const store = clickHouseStore({ url: [gone.url, there.url] });
  t.after(() => store.close());
  assert.deepEqual(await store.traces(), { items: [] });
  assert.equal(there.asked.length, 1);
});

test("tables of a newer release are left alone", async (t) => {
  const { url } = await fake(t, (asked, response) => {
    if (!asked.query.includes("migrations")) return false;
    response.end(`{"version":${SCHEMA_VERSION + 1}}\n`);
    return true;
  });
  const store = clickHouseStore({ url });
  t.after(() => store.close());
  await assert.rejects(store.traces(), { code: "STORE_NEWER_SCHEMA" });
});

test("sql: what writes is refused before it is sent", async (t) => {
  const { url, asked } = await fake(t);
  const store = clickHouseStore({ url });
  t.after(() => store.close());
  for (const statement of [
    "DROP TABLE span_rows",
    " insert into x values (1)",
    "SET readonly = 0",
    "SYSTEM SHUTDOWN",
  ]) {
    await assert.rejects(store.sql(statement), { code: "STORE_READ_ONLY" }, statement);
  }
  await assert.rejects(store.sql("whatever"), { code: "STORE_BAD_QUERY" });
  assert.deepEqual(asked, []);
  await store.sql("SELECT 1").catch(() => undefined);
  const [first] = asked as readonly Asked[];
  assert.equal(first!.parameters.get("readonly"), "1");
});

test("errors that are no server's are not taken for one", () => {
  const own = new StoreError("STORE_CLOSED", "closed");
  assert.equal(asStoreError(own, "x"), own);
  const plain = asStoreError(new Error("Code: 62. DB::Exception: Syntax error"), "x") as StoreError;
  assert.equal(plain.code, "STORE_BAD_QUERY");
});

test("ids go in portions that one parameter takes, all of them, in order", () => {
  const ids = Array.from({ length: 9_000 }, (_, i) => i.toString(16).padStart(32, "0"));
  const made = [...portions(ids)];
  assert.deepEqual(made.flat(), ids);
  assert.ok(made.length > 1 && made.every((portion) => Buffer.byteLength(portion.join("','")) < 100_000));
  assert.deepEqual([...portions(["x".repeat(200_000)])].length, 1);
  assert.deepEqual([...portions([])], []);
});
