/** What is sent to ClickHouse as lines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Row, tabSeparated } from "../../src/store/clickhouse/tab-separated.ts";

async function sent(rows: readonly Row[]): Promise<string> {
  const lines = tabSeparated();
  for (const row of rows) lines.add(row);
  assert.equal(lines.count, rows.length);
  const [first, again] = [await lines.stream().toArray(), await lines.stream().toArray()];
  assert.deepEqual(again, first);
  return Buffer.concat(first).toString();
}

test("lines: tabs, newlines and backslashes are escaped, whatever else stays as it is", async () => {
  const long = 'words \\n\n{"text":"\t "é" 数"}'.padEnd(1_000, "-");
  const text = await sent(Array.from({ length: 130 }, () => ["a\tb", 3, "it's", long]));
  const wanted = 'words \\\\n\\n{"text":"\\t "é" 数"}'.padEnd(1_003, "-");
  assert.equal(text, `a\\tb\t3\tit's\t${wanted}\n`.repeat(130));
});

test("lines: what is unknown, lists and maps", async () => {
  const row = [null, undefined, Number.NaN, "\\N", [], ["a", "it's \\ \n"], new Map([["k'", "v\t"]]), new Map()];
  assert.equal(await sent([row]), "\\N\t\\N\t\\N\t\\\\N\t[]\t['a','it\\'s \\\\ \\n']\t{'k\\'':'v\\t'}\t{}\n");
});
