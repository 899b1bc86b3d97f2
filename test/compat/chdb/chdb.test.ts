/** ClickHouse in this process: the contract, and the same answers as memory's. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { clickHouseStore } from "../../../src/store/clickhouse/index.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";
import { compareStores, storeContract } from "../../store/contract.ts";

const { createChdbConnection } = createRequire(import.meta.url)("chdb/connection");
const path = mkdtempSync(join(tmpdir(), "sightline-chdb-"));
let databases = 0;

after(() => rmSync(path, { recursive: true, force: true }));

/** One directory for a process; each store has a database in it. */
const open = () => clickHouseStore({ connection: createChdbConnection({ path }), database: `d${databases++}` });

storeContract("chDB", open);

// 7 asks for an empty key of metadata after a prune.
for (const seed of [3, 7]) {
  test(`chDB answers as memory does, seed ${seed}`, async (t) => {
    const store = open();
    t.after(() => store.close());
    const counts = await compareStores(memoryStore(), store, seed, { spans: 1_000, times: 0.2 });
    t.diagnostic(`figure: ${JSON.stringify(counts)}`);
    assert.ok(Object.values(counts).every((count) => count > 0));
  });
}

test("sql in process: reads our views, and writes nothing", async (t) => {
  const store = open();
  t.after(() => store.close());
  await store.append([sampleSpan(), sampleSpan({ seq: 7 })]);
  await store.append([sampleSpan()]);
  assert.deepEqual(await store.sql("SELECT count() AS n, max(seq) AS newest FROM spans;"), {
    columns: ["n", "newest"],
    rows: [[1, 7]],
  });
  for (const statement of [
    "DROP TABLE span_rows",
    "WITH 1 AS x INSERT INTO revisions SELECT 'a', x",
    "SELECT 1); DROP TABLE span_rows; SELECT (1",
    "SELECT nothing FROM spans",
  ]) {
    await assert.rejects(store.sql(statement), { code: /STORE_READ_ONLY|STORE_BAD_QUERY/ }, statement);
  }
  assert.equal((await store.stats()).spans, 1);
});

// Of what stands between the spaces of words(): ASCII letters and digits, and characters beyond ASCII, byte by byte.
test("a word is one token of the text index, whatever letters it has", async (t) => {
  const store = open();
  t.after(() => store.close());
  for (const length of [1, 40]) {
    const word = `concat(repeat('a', ${length}), char(number), repeat('7', ${length}))`;
    const { rows } = await store.sql(
      `SELECT countIf(tokens(concat(${word}, ' b'), 'splitByNonAlpha') = [${word}, 'b']) AS whole FROM numbers(128, 128)`,
    );
    assert.deepEqual(rows, [[128]]);
  }
  const texts = ["straße ÄRGER", "ΣΊΣΥΦΟΣ ́e", "日本語 テスト", "नमस्ते ١٢٣", "𝒜𝓁 x2y", "naïve café"];
  await store.append(texts.map((input, i) => sampleSpan({ traceId: `${i + 1}`.padStart(32, "0"), input })));
  for (const [i, text] of texts.entries()) {
    for (const asked of [text, ...text.split(" ")]) {
      const { items } = await store.traces({ text: asked });
      assert.deepEqual(
        items.map(({ traceId }) => Number(traceId)),
        [i + 1],
        asked,
      );
    }
  }
  assert.deepEqual((await store.traces({ text: "stra" })).items, []);
});
