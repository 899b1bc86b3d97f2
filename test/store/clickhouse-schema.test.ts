/** ClickHouse's tables, as statements: no server is asked. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { portions } from "../../src/store/clickhouse/portions.ts";
import {
  foundation,
  migrations,
  SCHEMA_VERSION,
  type SchemaOptions,
  TABLES,
  WORDS,
} from "../../src/store/clickhouse/schema.ts";

const ddl = (options: Partial<SchemaOptions> = {}): string[] => {
  const whole = { database: "db", ...options };
  return [...foundation(whole), ...migrations(whole).flatMap(({ statements }) => statements)];
};

test("one server: every table replaces by version, partitions by day, and has no cluster in it", () => {
  const statements = ddl();
  for (const statement of statements) {
    assert.match(statement, /^(?:CREATE (?:DATABASE|TABLE|VIEW) IF NOT EXISTS db\b|ALTER TABLE db\.\w+ )/);
  }
  assert.doesNotMatch(statements.join("\n"), /ON CLUSTER|Distributed|Replicated|TTL/);
  const spans = statements.find((statement) => statement.includes("db.span_rows "))!;
  assert.match(
    spans,
    /ENGINE = ReplacingMergeTree\(version\)\nPARTITION BY day\nORDER BY \(project, trace_id, span_id\)/,
  );
  assert.match(spans, /start_us UInt64 CODEC\(T64, LZ4\)/);
  assert.match(spans, /model LowCardinality\(String\)/);
  const texts = statements.find((statement) => statement.includes("ADD INDEX"))!;
  assert.ok(statements.some((statement) => statement.endsWith("db.payloads MODIFY SETTING merge_selector_base = 100")));
  assert.ok(texts.includes(` ${WORDS} TYPE text(tokenizer = splitByNonAlpha, `), texts);
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

test("ids go in portions that one parameter takes, all of them, in order", () => {
  const ids = Array.from({ length: 9_000 }, (_, i) => i.toString(16).padStart(32, "0"));
  const made = [...portions(ids)];
  assert.deepEqual(made.flat(), ids);
  assert.ok(made.length > 1 && made.every((portion) => Buffer.byteLength(portion.join("','")) < 100_000));
  assert.deepEqual([...portions(["x".repeat(200_000)])].length, 1);
  assert.deepEqual([...portions([])], []);
});
