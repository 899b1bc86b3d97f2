import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
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

const ENDLESS = "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
/** How a process runs a file of the sources. */
const SOURCES = ["--conditions=@sightline/source", "--import", "tsx"];

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
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
  const several = ["SELECT 1; DROP TABLE traces", "SELECT ';'; SELECT 2", "SELECT 1;; /* ; */ x", "; SELECT 1"];
  for (const statement of several) {
    await assert.rejects(() => store.sql(statement), isStoreError("STORE_BAD_QUERY"), statement);
  }
  const one = [`SELECT 'a''; b' AS "x;y" -- ; no`, "SELECT 1 AS [a;b]; -- ; no\n;", "SELECT /* ; */ 1; /* ; SELECT 2"];
  for (const statement of one) assert.equal((await store.sql(statement)).rows.length, 1, statement);
  assert.equal((await store.stats()).spans, 3);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.startsWith("other")),
    [],
  );
});

test("its files and folders are for this user only", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  if (process.platform === "win32") return t.skip("Windows has no modes of files");
  const folder = join(temporaryDirectory(t), "of", "mine");
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  for (const [name, driver] of DRIVERS.filter((name) => hasSqlite(name)).entries()) {
    const path = join(folder, `${name}.db`);
    const store = sqliteStore({ path, driver });
    t.after(() => store.close());
    await store.append([span(0)]);
    const modes = ["", "-wal", "-shm"].map((end) => statSync(path + end).mode & 0o777);
    assert.deepEqual(modes, [0o600, 0o600, 0o600], driver);
  }
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(statSync(join(folder, "..")).mode & 0o777, 0o700);
  const under = sqliteStore({ path: join(folder, "0.db", "traces.db") });
  await assert.rejects(() => under.traces(), isStoreError("STORE_UNAVAILABLE"));
  await under.close();
});

test("a store is read where nothing may be written, and if it cannot be, that is said", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  if (process.platform === "win32") return t.skip("Windows has no modes of files");
  // Before the folder is deleted: its owner could not.
  t.after(() => chmodSync(join(folder, "reading"), 0o755));
  const folder = temporaryDirectory(t);
  chmodSync(folder, 0o755);
  // Root may write anywhere: then it is another user who reads.
  const isRoot = process.getuid?.() === 0;
  const reading = join(folder, "reading");
  mkdirSync(reading);
  const path = join(reading, "traces #1?.db");
  const store = sqliteStore({ path });
  await store.append([span(0)]);
  const open = join(reading, "open.db");
  const kept = sqliteStore({ path: open });
  t.after(() => kept.close());
  await kept.append([span(0)]);
  // As a copy that was made while it was open.
  const torn = join(reading, "torn.db");
  for (const end of ["", "-wal"]) copyFileSync(open + end, torn + end);
  await store.close();
  const files = readdirSync(reading);
  for (const name of files) chmodSync(join(reading, name), 0o444);
  const secret = join(reading, "secret.db");
  writeFileSync(secret, "");
  chmodSync(secret, 0);
  chmodSync(reading, 0o555);
  for (const driver of DRIVERS.filter((name) => hasSqlite(name))) {
    const child = spawn(
      process.execPath,
      [...SOURCES, new URL("./sqlite-reader.ts", import.meta.url).pathname, driver, path, torn, secret],
      { stdio: ["ignore", "pipe", "inherit"], ...(isRoot && { env: { ...process.env, READ_AS: "65534" } }) },
    );
    let said = "";
    child.stdout.on("data", (text) => {
      said += text;
    });
    await once(child, "close");
    const [good, copied, unreadable, ...rest] = said.split("\n");
    assert.deepEqual([good, ...rest], ["1 listed", ""], driver);
    assert.match(copied!, /^STORE_UNAVAILABLE .*torn\.db-wal.*copy both files/);
    assert.match(unreadable!, /^STORE_UNAVAILABLE .*may not read it/);
  }
  assert.deepEqual(readdirSync(reading).sort(), [...files, "secret.db"].sort());
});

test("a statement that takes too long is given up; the store goes on, and the process can end", async (t) => {
  if (!hasSqlite()) return t.skip("no SQLite here");
  const store = sqliteStore({ path: ":temporary:", sqlTimeoutMs: 300 });
  t.after(() => store.close());
  await store.append([span(0)]);
  await assert.rejects(() => store.sql(ENDLESS), isStoreError("STORE_BAD_QUERY"));
  assert.deepEqual((await store.sql("SELECT count(*) FROM spans")).rows, [[1]]);
  await assert.rejects(() => store.sql("DELETE FROM traces"), isStoreError("STORE_READ_ONLY"));
  assert.equal((await store.traces()).items.length, 1);

  const child = spawn(process.execPath, [...SOURCES, new URL("./sqlite-endless.ts", import.meta.url).pathname], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  child.stdout.on("data", (text) => {
    said += text;
  });
  await until(() => said.includes("closed"));
  if (child.exitCode === null) await once(child, "exit");
  assert.equal(child.exitCode, 0);
  assert.match(said, /^STORE_BAD_QUERY\n1\nSTORE_CLOSED\nclosed\n$/);
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
