/** What is sent to ClickHouse as lines. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tabSeparated } from "../../src/store/clickhouse/tab-separated.ts";

test("lines: tabs, newlines and backslashes are escaped, whatever else stays as it is", async () => {
  const line = ["a\tb", 3, 'words\n{"text":"\\n "é" 数"}'];
  const bytes = await tabSeparated(Array.from({ length: 130 }, () => line)).toArray();
  const text = Buffer.concat(bytes).toString();
  assert.equal(text, 'a\\tb\t3\twords\\n{"text":"\\\\n "é" 数"}\n'.repeat(130));
});
