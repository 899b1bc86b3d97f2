import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ConfigError } from "../../src/core/errors.ts";
import type { SpanRecord } from "../../src/core/record.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { type DriverName, hasSqlite, openDriver } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { compareStores, storeContract } from "./contract.ts";

const DRIVERS: readonly DriverName[] = ["node:sqlite", "@photostructure/sqlite"];

const TRACE = "0193489c5a7e7c3e9f2e4d7a1b2c3d4e";

function span(n: number): SpanRecord {
  const startUs = 1_732_000_000_000_000 + n * 1_000;
  const times = { startTime: `${startUs}000`, endTime: `${startUs + 10}000` };
  return sampleSpan({ traceId: TRACE, spanId: (n + 1).toString(16).padStart(16, "0"), name: `span ${n}`, ...times });
}

const isStoreError = (code: string) => (error: unknown) => {
  assert.ok(error instanceof StoreError, String(error));
  assert.equal(error.code, code, error.message);
  return true;
};

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "sightline-sqlite-"));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

for (const driver of DRIVERS) {
  if (!hasSqlite(driver)) {
    test(`sqliteStore on ${driver}`, (t) => t.skip(`this Node (${process.version}) has no ${driver}`));
    continue;
  }
  storeContract(`sqlite on ${driver}`, () => sqliteStore({ path: ":temporary:", thread: false, driver }));

  test(`${driver} answers as memory does`, async (t) => {
    const store = sqliteStore({ path: ":temporary:", thread: false, driver });
    t.after(() => store.close());
    const counts = await compareStores(memoryStore(), store, 1, { spans: 1_000, times: 0.2 });
    t.diagnostic(`figure: ${JSON.stringify(counts)}`);
    assert.ok(Object.values(counts).every((count) => count > 0));
  });
}

test("in threads it answers as memory does", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const store = sqliteStore({ path: ":temporary:" });
  t.after(() => store.close());
  const counts = await compareStores(memoryStore(), store, 2, { spans: 300, times: 0.05 });
  t.diagnostic(`figure: ${JSON.stringify(counts)}`);
});

test("long answers and long appends come whole from threads", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const store = sqliteStore({ path: ":temporary:" });
  t.after(() => store.close());
  const records = Array.from({ length: 5_500 }, (_, i) => span(i));
  await store.append(records);
  const all = await store.spans(TRACE, { limit: 10_000 });
  assert.equal(all.items.length, 5_500);
  assert.equal(all.next, undefined);
  const some = await store.spans(TRACE, { limit: 2_500 });
  const rest = await store.spans(TRACE, { limit: 10_000, after: some.next! });
  assert.deepEqual([...some.items, ...rest.items], all.items);
  // Two thousand and more rows of an aggregate come in parts.
  const rows = await store.aggregate({ of: "spans", bucketUs: 2_000 });
  assert.equal(rows.length, 2_750);
});

test("a record that is none is refused, and those that were appended with it are kept", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const store = sqliteStore({ path: ":temporary:" });
  t.after(() => store.close());
  const broken = { ...span(1), status: undefined } as unknown as SpanRecord;
  const ends = await Promise.allSettled([store.append([span(0)]), store.append([broken]), store.append([span(2)])]);
  assert.deepEqual(
    ends.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.equal((await store.stats()).spans, 2);
});

test("what is no store, and what a newer version has made, is left as it is", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const directory = temporaryDirectory(t);
  const text = join(directory, "notes.txt");
  writeFileSync(text, "not a database at all, but long enough to be taken for one ".repeat(20));
  const foreign = join(directory, "foreign.db");
  const db = openDriver(foreign);
  db.exec("CREATE TABLE mine (a); PRAGMA user_version = 3");
  db.close();
  for (const path of [text, foreign]) {
    const before = readFileSync(path);
    const store = sqliteStore({ path, thread: false });
    await assert.rejects(() => store.append([span(0)]), isStoreError("STORE_NOT_A_STORE"));
    await assert.rejects(() => store.traces(), isStoreError("STORE_NOT_A_STORE"));
    await store.close();
    assert.deepEqual(readFileSync(path), before);
  }

  const path = join(directory, "traces.db");
  const store = sqliteStore({ path, thread: false });
  await store.append([span(0)]);
  await store.close();
  const newer = openDriver(path);
  newer.exec("PRAGMA user_version = 999");
  newer.close();
  const old = sqliteStore({ path, thread: false });
  await assert.rejects(() => old.append([span(0)]), isStoreError("STORE_NEWER_SCHEMA"));
  await assert.rejects(() => old.stats(), isStoreError("STORE_NEWER_SCHEMA"));
  await old.close();
});

test("a store that is opened to read is not made and not written", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const path = join(temporaryDirectory(t), "traces.db");
  const missing = sqliteStore({ path, thread: false, readOnly: true });
  await assert.rejects(() => missing.traces(), isStoreError("STORE_NOT_A_STORE"));
  await missing.close();
  assert.equal(existsSync(path), false);

  const store = sqliteStore({ path, thread: false });
  await store.append([span(0)]);
  await store.close();
  const reading = sqliteStore({ path, thread: false, readOnly: true });
  assert.equal((await reading.traces()).items.length, 1);
  assert.equal((await reading.aggregate({ of: "spans" }))[0]?.count, 1);
  await assert.rejects(() => reading.append([span(1)]), isStoreError("STORE_READ_ONLY"));
  await reading.close();
});

test("sql reads, up to a limit, and only this store", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const directory = temporaryDirectory(t);
  const store = sqliteStore({ path: join(directory, "traces.db"), thread: false });
  t.after(() => store.close());
  await store.append([span(0), span(1), span(2)]);
  const answer = await store.sql("-- how many?\nSELECT name, count(*) AS n FROM spans GROUP BY name ORDER BY name", {
    limit: 2,
  });
  assert.deepEqual(answer, {
    columns: ["name", "n"],
    rows: [
      ["span 0", 1],
      ["span 1", 1],
    ],
    isCut: true,
  });
  const writes = [
    "DELETE FROM traces",
    "WITH x AS (SELECT 1) DELETE FROM traces",
    "INSERT INTO projects (name) VALUES ('x')",
    `ATTACH '${join(directory, "other.db")}' AS other`,
    "PRAGMA user_version = 7",
    "VACUUM",
    "CREATE TABLE x (a)",
  ];
  for (const statement of writes) {
    await assert.rejects(() => store.sql(statement), isStoreError("STORE_READ_ONLY"), statement);
  }
  await assert.rejects(() => store.sql("SELECT nothing FROM nowhere"), isStoreError("STORE_BAD_QUERY"));
  assert.equal((await store.stats()).spans, 3);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith("other")),
    [],
  );
});

test("a statement that takes too long is given up, and the store goes on", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const store = sqliteStore({ path: ":temporary:", sqlTimeoutMs: 300 });
  t.after(() => store.close());
  await store.append([span(0)]);
  const endless =
    "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000000) SELECT count(*) FROM n";
  await assert.rejects(() => store.sql(endless), isStoreError("STORE_BAD_QUERY"));
  assert.equal((await store.traces()).items.length, 1);
});

test("a temporary store leaves nothing behind, and wrong options are said at once", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const left = () => readdirSync(tmpdir()).filter((name) => name.startsWith("sightline-store-")).length;
  const before = left();
  const store = sqliteStore({ path: ":temporary:", thread: false });
  await store.append([span(0)]);
  await store.close();
  assert.equal(left(), before);
  assert.throws(() => sqliteStore({ path: "" }), ConfigError);
  assert.throws(() => sqliteStore({ path: "x", durability: "none" as "full" }), ConfigError);
});
