/**
 * Has the caller's path become dearer? Sightline beside the floor on the four core workloads, seven rounds in pairs. The
 * bounds are wide, for machines that are busy; what is over one is measured once more.
 *
 *   npm run bench:guard
 */
import { measureRounds } from "./lib/rounds.js";
import { median, pairedRatios } from "./lib/statistics.js";
import { CORE } from "./lib/workloads.js";

/**
 * Ratios to the floor: twice and more what a quiet machine shows (5.0, 2.2, 2.3, 2.3), 1.6 times what one with a load of 20
 * does (7.1, 2.9, 3.6). The budget is 1.6; the bounds go down with what is reached.
 */
const BOUNDS = { leaf: 12, nested: 5, children: 6, chain: 6 };
const ROUNDS = 7;

const over = await ratios(CORE);
if (over.length > 0 && (await ratios(over, "again")).length > 0) process.exitCode = 1;

async function ratios(workloads, again = "") {
  const contenders = ["floor", "sightline"];
  const node = process.execPath;
  const results = await measureRounds({ node, workloads, contenders, rounds: ROUNDS, size: "guard" });
  return workloads.filter((workload) => {
    const all = pairedRatios(results[workload], "sightline", "floor", "path");
    const ratio = median(all);
    const spread = `${Math.min(...all).toFixed(2)}–${Math.max(...all).toFixed(2)}`;
    console.log(`${workload}: ${ratio.toFixed(2)} × floor (${spread}), bound ${BOUNDS[workload]} ${again}`.trim());
    return ratio > BOUNDS[workload];
  });
}
