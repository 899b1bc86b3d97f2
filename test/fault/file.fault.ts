/** What the file sink promises when its process dies. Children run the built package. */
import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { configure, encode, fileSink, shutdown, startSpan, stats } from "sightline";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { assertBooks } from "../support/books.ts";
import { runChild } from "./lab/child.ts";
import { count, figure } from "./lab/figures.ts";
import { seed, seeded } from "./lab/random.ts";
import { readBack } from "./lab/read-back.ts";

const root = mkdtempSync(join(tmpdir(), "sightline-fault-"));
after(() => rmSync(root, { recursive: true }));

const RUNS = 50;

for (const durability of ["batch", "record"] as const) {
  test(`P7 kill -9 at random moments, file sink, durability "${durability}": no acknowledged record is lost`, async (t) => {
    const random = seeded(seed);
    let records = 0;
    let torn = 0;
    for (let run = 0; run < RUNS; run++) {
      const path = join(root, `${durability}-${run}.ndjson`);
      const isHeavy = run % 2 === 0;
      const options = { path, durability, seed: Math.floor(random() * 2 ** 31), isHeavy, maxBytes: 2_000_000 };
      const { signal, lines, stderr } = await runChild("writer.mjs", options, { killAfterMs: random() * 60 });
      assert.equal(signal, "SIGKILL", stderr);
      const result = await check(path, lines, `run ${run} of SEED=${seed}`);
      records += result.acknowledged;
      torn += result.torn;
    }
    figure(t, `${RUNS} runs, ${count(records)} acknowledged records, 0 lost, ${torn} torn lines`);
  });

  for (const death of ["abort", "oom", "throw", "exit"]) {
    test(`P7 ${death} while writing, file sink, durability "${durability}": no acknowledged record is lost`, async (t) => {
      const path = join(root, `${durability}-${death}.ndjson`);
      const settings = { nodeArgs: death === "oom" ? ["--max-old-space-size=48"] : [] };
      const { signal, code, lines } = await runChild("writer.mjs", { path, durability, seed, death }, settings);
      if (death === "abort" || death === "oom") assert.equal(signal, "SIGABRT");
      else assert.equal(code, death === "exit" ? 0 : 1);
      const { acknowledged } = await check(path, lines, `SEED=${seed}`);
      assert.ok(acknowledged >= 2_000);
      figure(t, `${count(acknowledged)} acknowledged records, 0 lost`);
    });
  }
}

test("P8 a line of 2 GB: it is left out and counted, the others are read, in little memory", async (t) => {
  const path = join(root, "long.ndjson");
  const line = Buffer.from(`${encode(sampleSpan())}\n`);
  const gap = 2 * 1024 ** 3;
  writeFileSync(path, line);
  // A hole: zeros that take no space.
  truncateSync(path, line.length + gap);
  appendFileSync(path, Buffer.concat([Buffer.from("\n"), line]));
  const { lines, stderr } = await runChild("reader.mjs", { path });
  assert.equal(lines.length, 1, stderr);
  const { records, corrupt, grownMiB } = JSON.parse(lines[0]!);
  assert.equal(records, 2);
  assert.deepEqual(corrupt, [{ path, line: 2, offset: line.length, size: gap, reason: "too_long" }]);
  assert.ok(grownMiB < 128, `${grownMiB} MiB`);
  figure(t, `2,147,483,648 bytes, 1 line counted, 2 records read, memory grew by ${grownMiB} MiB`);
});

/** All that was acknowledged is there, whole and once, in order; the next process finds a file it can go on with. */
async function check(path: string, lines: readonly string[], message: string) {
  const acknowledged = lines.flatMap((line) => line.split(" "));
  const { records, corrupt } = await readBack(path);
  const names = records.map(({ name }) => name);
  const found = new Set(names);
  assert.equal(found.size, names.length, `${message}: a record twice`);
  assert.deepEqual(
    acknowledged.filter((name) => !found.has(name)),
    [],
    message,
  );
  assert.deepEqual(
    names,
    names.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)),
    message,
  );
  for (const record of records) {
    assert.equal(record.record === "span" && String(record.input).length, Number(record.name.split(":")[1]), message);
  }
  assert.ok(corrupt.length <= 1 && corrupt.every(({ reason }) => reason === "torn"), message);

  configure({ sinks: [fileSink({ path })] });
  startSpan("next").end();
  await shutdown();
  assertBooks(stats());
  const healed = await readBack(path);
  assert.deepEqual(
    healed.records.map(({ name }) => name),
    [...names, "next"],
    message,
  );
  assert.equal(healed.corrupt.length, corrupt.length, message);
  return { acknowledged: acknowledged.length, torn: corrupt.length };
}
