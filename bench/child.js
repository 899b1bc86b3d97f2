/** One contender at one workload, in a process of its own. The last line that it prints is what it measured. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CONTENDERS } from "./lib/contenders.js";
import { measureCalls } from "./lib/measure-calls.js";
import { WORKLOADS } from "./lib/workloads.js";
import { CALLS } from "./workloads/calls.js";

const { contender: name, workload, size } = JSON.parse(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), "sightline-bench-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const MEASURES = { calls: callers };
const { kind, target, sizes } = WORKLOADS[workload];
console.log(JSON.stringify(await MEASURES[kind](sizes[size])));
process.exit();

async function callers(sizes) {
  const file = join(folder, "spans.ndjson");
  const { start } = await import(CONTENDERS[name].url);
  const capture = workload === "capture";
  const contender = await start({ target, file, capture, mode: "on" });
  return measureCalls(CALLS[workload], contender, { ...sizes, folder, masked: capture && name === "sightline" });
}
