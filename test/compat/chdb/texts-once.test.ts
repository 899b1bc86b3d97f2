/** Tables of before long texts were kept once, on one server: what they hold is read and found, beside what comes. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { clickHouseStore } from "../../../src/store/clickhouse/index.ts";
import { foundation, migrations, SCHEMA_VERSION } from "../../../src/store/clickhouse/schema.ts";
import { searchText } from "../../../src/store/search-text.ts";
import { sampleSpan } from "../../../src/testing/sample-records.ts";
import { ask, type Lab, oneServer } from "./lab.ts";

let lab: Lab;
before(async () => {
  lab = await oneServer();
});
after(() => lab.close());

const text = (part: string): string => `A “long” text about ${part}, longer than what is kept beside its record.`;
const span = (n: number, input: string) => sampleSpan({ traceId: String(n).repeat(32), input });

test("a database of version 1 is brought up to date, and all its spans are found", async (t) => {
  const [server] = lab.servers;
  const options = { database: "older" };
  const first = migrations(options).filter(({ version }) => version === 1);
  for (const statement of [...foundation(options), ...first.flatMap(({ statements }) => statements)]) {
    await ask(server!, statement);
  }
  await ask(server!, "INSERT INTO older.migrations (version) VALUES (1)");
  const store = clickHouseStore({ url: server!.url, database: "older" });
  t.after(() => store.close());
  const records = [span(1, text("\x7f40 Ärger")), span(2, text("ärger"))];
  await store.append(records);
  // As version 1 had it.
  const old = records[0]!;
  const doc = `${searchText(old)}\n${JSON.stringify(old)}`.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  await ask(
    server!,
    `ALTER TABLE older.payloads UPDATE texts = '', doc = '${doc}' WHERE trace_id = '${old.traceId}' SETTINGS mutations_sync = 2`,
  );
  for (const record of records) assert.deepEqual(await store.span(record.traceId, record.spanId), record);
  for (const [asked, found] of [
    ["ÄRGER", 2],
    ["long text", 2],
    ["40", 1],
    ["nowhere", 0],
  ] as const) {
    assert.equal((await store.traces({ text: asked })).items.length, found, asked);
  }
  // Again from the start: statements do no harm.
  await ask(server!, "TRUNCATE TABLE older.migrations");
  const other = clickHouseStore({ url: server!.url, database: "older" });
  t.after(() => other.close());
  assert.equal((await other.traces({ text: "ärger" })).items.length, 2);
  assert.equal(await ask(server!, "SELECT count() FROM older.migrations"), String(SCHEMA_VERSION));
});
