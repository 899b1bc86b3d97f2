/** What a ClickHouse store is opened with. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError } from "../../src/core/errors.ts";
import {
  type ClickHouseStoreOptions,
  clickHouseStore,
  clickHouseUrl,
  clickhouseSink,
} from "../../src/store/clickhouse/index.ts";

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
