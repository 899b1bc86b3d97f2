/**
 * What does it cost to have a record on disk? 1,000 records of 2 KB, median of five, by the built package; the figures in
 * docs/decisions/spool.md.
 *
 *     node bench/spool.js [folder]
 *
 * "taken": microseconds a record until the spool has acknowledged it. "delivered": milliseconds until all have been read
 * back, handed to a sink that takes everything, and the checkpoint says so.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode, spool } from "sightline";

const [folder = tmpdir()] = process.argv.slice(2);
const COUNT = 1_000;
const signal = new AbortController().signal;

function records() {
  return Array.from({ length: COUNT }, (_, i) => ({
    record: "span",
    schema: 1,
    traceId: "0193489c5a7e7c3e9f2e4d7a1b2c3d4e",
    spanId: i.toString(16).padStart(16, "0"),
    traceFlags: 1,
    seq: 1,
    name: "Tutor.answer",
    type: "span",
    kind: "internal",
    startTime: "1732000000000000000",
    endTime: "1732000000250000000",
    status: { code: "ok" },
    level: "DEFAULT",
    input: "x".repeat(1_650),
    trace: {},
  }));
}

/** Writes lines to a file, to compare with. */
async function plain(dir, each) {
  const lines = records().map((record) => Buffer.from(`${encode(record)}\n`));
  const fd = openSync(join(dir, "plain"), "a");
  const startedAt = performance.now();
  for (const line of lines) {
    writeSync(fd, line);
    if (each === "sync") fdatasyncSync(fd);
  }
  const taken = performance.now() - startedAt;
  closeSync(fd);
  return { taken };
}

async function spooled(dir, size) {
  const sink = spool({ name: "nowhere", write() {} }, { dir });
  const all = records();
  // As JSON already, like the lines that it is compared with; made once for all sinks of a record.
  for (const record of all) encode(record);
  sink.open();
  const startedAt = performance.now();
  if (size === 1) for (const record of all) sink.writeSync([record]);
  else for (let i = 0; i < all.length; i += size) await sink.write(all.slice(i, i + size), signal);
  const taken = performance.now() - startedAt;
  await sink.flush();
  const delivered = performance.now() - startedAt - taken;
  await sink.close();
  return { taken, delivered };
}

const VARIANTS = {
  "plain write, one by one": (dir) => plain(dir, "write"),
  "plain write + fdatasync, one by one": (dir) => plain(dir, "sync"),
  "spool, durability: record (one by one)": (dir) => spooled(dir, 1),
  "spool, durability: batch (256 at once)": (dir) => spooled(dir, 256),
};

function median(values) {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

console.log(`${COUNT} records of ${encode(records()[0]).length} bytes, median of 5, in ${folder}\n`);
for (const [name, run] of Object.entries(VARIANTS)) {
  const samples = [];
  // The first warms up.
  for (let i = 0; i < 6; i++) {
    const dir = mkdtempSync(join(folder, "sightline-bench-"));
    samples.push(await run(dir));
    rmSync(dir, { recursive: true });
  }
  const taken = median(samples.slice(1).map((sample) => sample.taken));
  const delivered = median(samples.slice(1).map((sample) => sample.delivered ?? 0));
  const rest = delivered > 0 ? `, delivered ${delivered.toFixed(1)} ms` : "";
  console.log(`${name.padEnd(40)} taken ${((taken / COUNT) * 1_000).toFixed(1).padStart(7)} µs a record${rest}`);
}
