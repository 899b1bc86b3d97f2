/**
 * Does every workload run with every contender that is installed? Tiny counts, no thresholds; prints a line of JSON each.
 * Ours share this process, the others have one each, as their globals can be set once.
 *
 *   npm run build && node bench/smoke.js
 */
import { installed } from "./lib/contenders.js";
import { measure } from "./lib/measure.js";
import { sample } from "./lib/rounds.js";
import { WORKLOADS } from "./lib/workloads.js";

const OURS = ["bare", "als", "floor", "sightline", "plain"];
/** Where a peer's code here differs; it takes the same way through the rest. */
const OF_PEERS = ["leaf", "capture", "off", "file", "http", "json", "protobuf"];
const size = "smoke";

for (const [workload, { contenders, sizes }] of Object.entries(WORKLOADS)) {
  if (sizes.smoke === undefined) continue;
  for (const contender of installed().filter((name) => contenders.includes(name))) {
    const isOurs = OURS.includes(contender);
    if (!isOurs && !OF_PEERS.includes(workload)) continue;
    const what = { contender, workload, size };
    const figures = isOurs ? await measure(what) : await sample(process.execPath, what);
    console.log(JSON.stringify({ contender, workload, figures }));
  }
}
process.exit();
