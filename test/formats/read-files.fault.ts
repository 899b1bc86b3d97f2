/** Large files: memory stays at a chunk, and damage everywhere costs no more than the lines do. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readFiles } from "../../src/formats/index.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

const directory = mkdtempSync(join(tmpdir(), "formats-"));
after(() => rmSync(directory, { recursive: true }));

const MB = 1e6;
const SIZE = 200 * MB;
/** What a chunk, its text and its records may take, and what the collector of garbage leaves for later. */
const MEMORY = 250 * MB;

test("200 MB of NDJSON", async (t) => {
  const path = join(directory, "large.ndjson");
  const out = createWriteStream(path);
  let written = 0;
  let size = 0;
  while (size < SIZE) {
    const spanId = (++written).toString(16).padStart(16, "0");
    const line = `${JSON.stringify(sampleSpan({ spanId, input: `question ${written} `.repeat(80), output: "x = 1 ".repeat(40) }))}\n`;
    size += line.length;
    if (!out.write(line)) await once(out, "drain");
  }
  out.end();
  await once(out, "close");
  const before = process.memoryUsage().rss;
  let peak = 0;
  let records = 0;
  const start = performance.now();
  for await (const batch of readFiles([path])) {
    records += batch.records.length;
    peak = Math.max(peak, process.memoryUsage().rss - before);
  }
  const seconds = (performance.now() - start) / 1_000;
  t.diagnostic(`figure: ${Math.round(size / MB / seconds)} MB/s, ${Math.round(peak / MB)} MB of memory more`);
  assert.equal(records, written);
  assert.ok(peak < MEMORY, `${peak} bytes`);
});

test("a million lines that hold nothing, and a hundred thousand that nearly do", async (t) => {
  const path = join(directory, "damaged.ndjson");
  const count = 1_100_000;
  const content = `${JSON.stringify(sampleSpan())}\n${"x\n".repeat(1_000_000)}${"{x}\n".repeat(100_000)}`;
  writeFileSync(path, content);
  let heard = 0;
  let last = 0;
  const start = performance.now();
  const onDamaged = ({ offset }: { readonly offset: number }): void => {
    assert.ok(offset > last);
    last = offset;
    heard++;
  };
  for await (const { reading } of readFiles([path], { onDamaged }))
    if (reading.isDone) assert.equal(reading.damaged, count);
  t.diagnostic(`figure: ${Math.round(performance.now() - start)} ms`);
  assert.equal(heard, count);
});
