/** Records that change the day of a span or trace, on one server: partitions know nothing of each other. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { clickHouseStore } from "../../../src/store/clickhouse/index.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";
import { ask, type Lab, oneServer } from "./lab.ts";

const DAY_US = 86_400_000_000;
const START_US = 20_000 * DAY_US;
const T = "0193489c5a7e7c3e9f2e4d7a1b2c3d4e";
let lab: Lab;

before(async () => {
  lab = await oneServer();
});
after(() => lab.close());

const span = (n: number, us: number, part: object = {}) =>
  sampleSpan({
    ...{ traceId: T, spanId: String(n).repeat(16), type: "generation", trace: {}, usage: { inputTokens: 1 } },
    ...{ startTime: `${START_US + us}000`, endTime: `${START_US + us + 10}000` },
    ...part,
  });

test("a span whose newest record starts on another day, and a trace that begins on an earlier one, count once anywhere", async (t) => {
  const store = clickHouseStore({ url: lab.servers[0]!.url, database: "moved" });
  t.after(() => store.close());
  const days = [0, 1, 2].map((day) => ({ fromUs: START_US + day * DAY_US, toUs: START_US + (day + 1) * DAY_US }));
  const counts = () =>
    Promise.all(days.map(async (day) => (await store.aggregate(day)).reduce((sum, { count }) => sum + count, 0)));
  const listed = () => Promise.all(days.map(async (day) => (await store.traces(day)).items.length));

  await store.append([span(1, 2 * DAY_US)]);
  assert.deepEqual(
    [await counts(), await listed()],
    [
      [0, 0, 1],
      [0, 0, 1],
    ],
  );
  // Another span, the day before: the trace begins there.
  await store.append([span(2, DAY_US)]);
  assert.deepEqual(
    [await counts(), await listed()],
    [
      [0, 1, 1],
      [0, 1, 0],
    ],
  );
  // The first one again, newer, on the first day.
  await store.append([span(1, 0, { seq: 5 })]);
  assert.deepEqual(
    [await counts(), await listed()],
    [
      [1, 1, 0],
      [1, 0, 0],
    ],
  );
  // What came before comes again.
  await store.append([span(1, 2 * DAY_US)]);
  assert.deepEqual(
    [await counts(), await listed()],
    [
      [1, 1, 0],
      [1, 0, 0],
    ],
  );
  for (const table of ["span_rows", "trace_rows", "payloads"]) {
    await ask(lab.servers[0]!, `OPTIMIZE TABLE moved.${table} FINAL`);
  }
  assert.deepEqual(
    [await counts(), await listed()],
    [
      [1, 1, 0],
      [1, 0, 0],
    ],
  );
  assert.deepEqual([(await store.stats()).spans, (await store.traces()).items[0]!.spans], [2, 2]);
  // And later again: the days in between know.
  await store.append([span(1, 2 * DAY_US, { seq: 6 })]);
  assert.deepEqual(
    [await counts(), await listed()],
    [
      [0, 1, 1],
      [0, 1, 0],
    ],
  );
});

test("sql: reads our views, counts once, and writes nothing", async (t) => {
  const store = clickHouseStore({ url: lab.servers[0]!.url, database: "asked" });
  t.after(() => store.close());
  await store.append([span(1, 0), span(1, 0, { seq: 2 }), span(2, 0)]);
  await store.append([span(1, 0), span(2, 0)]);
  assert.deepEqual(await store.sql("SELECT count() AS n, max(seq) AS newest FROM spans;"), {
    columns: ["n", "newest"],
    rows: [[2, 2]],
  });
  const cut = await store.sql("SELECT span_id FROM spans ORDER BY span_id", { limit: 1 });
  assert.deepEqual([cut.rows.length, cut.isCut], [1, true]);
  for (const statement of [
    "DROP TABLE span_rows",
    "WITH 1 AS x INSERT INTO revisions SELECT 'a', x",
    "SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
    "SELECT * FROM file('/etc/passwd', LineAsString)",
  ]) {
    await assert.rejects(store.sql(statement), { code: "STORE_READ_ONLY" }, statement);
  }
  await assert.rejects(
    store.sql("SELECT 1 SETTINGS readonly = 0, max_execution_time = 1"),
    /STORE_READ_ONLY|only reads/,
  );
  await assert.rejects(store.sql("SELECT nothing FROM spans"), { code: "STORE_BAD_QUERY" });
});
