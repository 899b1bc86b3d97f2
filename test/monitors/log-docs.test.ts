/** docs/logs.md: its lines, its table and its queries are of the schema that `logSink` writes. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LOG_FIELDS } from "../../src/monitors/log/log-line.ts";

const page = readFileSync(new URL("../../docs/logs.md", import.meta.url), "utf8");
const fields: ReadonlySet<string> = new Set(LOG_FIELDS);

function block(language: string): string[] {
  const found = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, "s").exec(page)?.[1];
  assert.ok(found !== undefined, `no block of ${language}`);
  return found.trim().split("\n");
}

/** What a pattern finds as its group, in all lines. */
function names(lines: readonly string[], pattern: RegExp): string[] {
  return lines.flatMap((line) => [...line.matchAll(pattern)].map((match) => match[1]!));
}

function assertKnown(found: readonly string[], atLeast: number): void {
  assert.deepEqual(
    found.filter((name) => !fields.has(name)),
    [],
  );
  assert.ok(new Set(found).size >= atLeast, `${new Set(found).size} different names were found`);
}

test("the table of the schema has every field, and no other", () => {
  const table = page.slice(page.indexOf("## The schema"), page.indexOf("## Where lines go"));
  const rows = table.split("\n").filter((line) => line.startsWith("| `"));
  const named = names(
    rows.map((row) => row.split("|")[1]!),
    /`(\w+)`/g,
  );
  assert.deepEqual([...named].sort(), [...LOG_FIELDS].sort());
});

test("the lines that are shown have the fields in their order", () => {
  for (const line of block("json").map((text) => JSON.parse(text))) {
    assert.deepEqual(
      Object.keys(line),
      LOG_FIELDS.filter((name) => name in line),
    );
    assert.equal(line.message, `llm_call_${line.status}`);
  }
});

test("every field that a query names is one of the schema", () => {
  assertKnown(names(block("kql"), /(\w+)\s*(?::|>)/g), 6);
  assertKnown(names(block("datadog"), /@(\w+):/g), 6);
  assertKnown(names(block("dsl"), /"(?:term|range)": \{ "(\w+)"|"field": "(\w+)"/g).filter(Boolean), 5);
  assertKnown(names(block("dsl"), /"field": "(\w+)"/g), 3);
  for (const line of block("dsl")) assert.equal(typeof JSON.parse(line), "object");
  const words = names(
    block("insights").map((line) => line.replace(/"[^"]*"/g, "")),
    /\b([a-z_]+)\b(?!\()/g,
  );
  const syntax = ["fields", "filter", "sort", "stats", "by", "and", "desc", "m"];
  assertKnown(
    words.filter((word) => !syntax.includes(word)),
    10,
  );
});

test("jq answers the queries as they stand", {
  skip: spawnSync("jq", ["--version"]).error !== undefined && "no jq here",
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), "sightline-logs-"));
  await writeFile(join(folder, "calls.ndjson"), `${block("json").join("\n")}\n`);
  const answers = block("sh").map((command) =>
    execFileSync("sh", ["-c", command], { cwd: folder, encoding: "utf8" }).trim(),
  );
  await rm(folder, { recursive: true });
  const ids = answers.slice(0, 4).map((text) => text.split("\n").map((line) => JSON.parse(line).request_id));
  assert.deepEqual(ids, [["req_77b1"], ["req_77b1"], ["req_9a02", "req_77b1"], ["req_9a02"]]);
  assert.deepEqual(
    answers[4]!.split("\n").map((line) => JSON.parse(line)),
    [
      { feature: "chat", usd: 0.00554, unpriced: 0 },
      { feature: "code_review", usd: 0, unpriced: 0 },
      { feature: "summarizer", usd: 0, unpriced: 0 },
    ],
  );
  assert.equal(answers[5], "30000");
});
