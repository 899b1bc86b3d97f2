/** What is sent to a ClickHouse: a server that answers nothing notes it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { clickHouseStore } from "../../src/store/clickhouse/index.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { type Asked, fake } from "./support/fake-clickhouse.ts";

const EVIL = "x' OR 1=1; DROP TABLE span_rows; -- {project:String} \\' `";

test("no value is ever part of a statement", async (t) => {
  const { url, asked } = await fake(t);
  const store = clickHouseStore({ url });
  t.after(() => store.close());
  const project = EVIL;
  const texts = { userId: EVIL, sessionId: EVIL, feature: EVIL, team: EVIL, environment: EVIL, release: EVIL };
  const query = { ...texts, project, tag: EVIL, name: EVIL, model: EVIL, finding: EVIL, metadata: { [EVIL]: EVIL } };
  const ignore = () => undefined;
  await assert.rejects(store.traces({ ...query, status: EVIL as "ok" }), { code: "STORE_BAD_QUERY" });
  await store.traces({ ...query, status: "ok" });
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
