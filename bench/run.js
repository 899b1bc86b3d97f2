/** The benchmark: `npm run bench -- --help`. */
import { readFileSync, writeFileSync } from "node:fs";
import { HELP, readFlags } from "./lib/flags.js";
import { machine, versionOf } from "./lib/machine.js";
import { measureRounds } from "./lib/rounds.js";
import { rowsOf, textTable } from "./lib/table.js";
import { UsageError } from "./lib/usage-error.js";

try {
  await main(readFlags(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof UsageError ? `bench: ${error.message}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function main(flags) {
  if (flags.help) return console.log(HELP);
  const results = flags.from ? JSON.parse(readFileSync(flags.from, "utf8")) : await measure(flags);
  for (const { node, workloads } of results.runs) {
    for (const [workload, rounds] of Object.entries(workloads)) {
      console.log(
        `\nNode ${node}, medians of ${rounds.length} rounds (least–most), × = ratio to the floor of the same round`,
      );
      console.log(textTable(rowsOf(workload, rounds)));
    }
  }
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, null, 1)}\n`);
}

async function measure({ nodes, ...options }) {
  const started = performance.now();
  const runs = [];
  for (const node of nodes) {
    const version = versionOf(node);
    const say = (line) => process.stderr.write(`Node ${version}, ${line}\n`);
    runs.push({ node: version, workloads: await measureRounds({ ...options, node }, say) });
  }
  return { ...machine(), minutes: (performance.now() - started) / 60_000, runs };
}
