/**
 * What does it cost to have a span on disk, with its batch or before `span.end()` returns? Medians of fresh processes that
 * import the built package; an input of 500 characters a span.
 *
 *     node bench/durability.js [--runs=5] [--spans=25600] [folder]
 *
 * The number of spans is best a multiple of 256, a batch, as the last one waits for a second to be full.
 * "turn": microseconds a span takes in the caller's turn. "all": until the last is on disk, divided by their number.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    spans: { type: "string", default: "25600" },
    measure: { type: "string" },
  },
});
const [folder = tmpdir()] = positionals;
const spans = Number(values.spans);
const PER_TURN = 200;

if (values.measure) await measure(JSON.parse(values.measure));
else compare();

function compare() {
  for (const kind of ["none", "file", "spool"]) {
    for (const durability of kind === "none" ? ["batch"] : ["batch", "record"]) {
      const samples = Array.from({ length: Number(values.runs) }, () => sample({ kind, durability }));
      const [turn, all] = ["turn", "all"].map((name) => median(samples.map((each) => each[name])).toFixed(1));
      console.log(`${kind}, ${durability}: turn ${turn} µs, all ${all} µs`);
    }
  }
}

function sample(variant) {
  const dir = mkdtempSync(join(folder, "sightline-durability-"));
  const options = JSON.stringify({ ...variant, dir });
  const args = [fileURLToPath(import.meta.url), `--spans=${spans}`, `--measure=${options}`];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  rmSync(dir, { recursive: true });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

async function measure({ kind, durability, dir }) {
  const { configure, fileSink, spool, startSpan, stats } = await import("sightline");
  const nowhere = { name: "nowhere", write() {} };
  const hanging = { name: "hanging", write: () => new Promise(() => {}) };
  const SINKS = {
    none: () => nowhere,
    file: () => fileSink({ path: join(dir, "traces.ndjson"), durability }),
    spool: () => spool(hanging, { dir, durability }),
  };
  configure({ sinks: [SINKS[kind]()] });
  const onDisk = () => Object.values(stats().sinks).reduce((sum, { written, spooled }) => sum + written + spooled, 0);
  const input = "x".repeat(500);
  let inTurns = 0;
  const began = performance.now();
  for (let n = 0; n < spans; n += PER_TURN) {
    const turn = performance.now();
    for (let i = 0; i < PER_TURN; i++) startSpan("step", { input }).end();
    inTurns += performance.now() - turn;
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Not flush: a spool's waits for the sink behind it, which takes nothing here.
  while (onDisk() < spans) await new Promise((resolve) => setImmediate(resolve));
  const all = performance.now() - began;
  console.log(JSON.stringify({ turn: (inTurns * 1_000) / spans, all: (all * 1_000) / spans }));
  process.exit(0);
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}
