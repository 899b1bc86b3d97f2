/** The benchmark: `npm run bench -- --help`. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { budgetRows } from "./lib/budgets.js";
import { documentOf } from "./lib/document.js";
import { HELP, readFlags } from "./lib/flags.js";
import { machine, versionOf } from "./lib/machine.js";
import { measureRounds } from "./lib/rounds.js";
import { rowsOf, textTable } from "./lib/table.js";
import { UsageError } from "./lib/usage-error.js";

const DOCUMENT = new URL("../docs/performance.md", import.meta.url);

try {
  await main(readFlags(process.argv.slice(2)));
} catch (error) {
  console.error(error instanceof UsageError ? `bench: ${error.message}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function main(flags) {
  if (flags.help) return console.log(HELP);
  const results = flags.from ? kept(flags.from) : await measure(flags);
  if (flags.json) writeFileSync(flags.json, `${JSON.stringify(results, null, 1)}\n`);
  for (const { node, workloads } of results.runs) {
    console.log(`\nNode ${node}: medians (least–most), × = ratio to the floor of the same round`);
    for (const [workload, rounds] of Object.entries(workloads)) console.log(`\n${textTable(rowsOf(workload, rounds))}`);
  }
  const budgets = budgetRows(results.runs);
  if (budgets.length > 1) console.log(`\n${textTable(budgets)}`);
  if (flags.write) writeFileSync(DOCUMENT, documentOf(results));
}

async function measure({ nodes, ...options }) {
  const started = performance.now();
  const runs = [];
  for (const node of nodes) {
    const version = versionOf(node);
    const say = (line) => process.stderr.write(`Node ${version}, ${line}\n`);
    const failed = (error) => {
      say(error.message);
      process.exitCode = 1;
    };
    runs.push({ node: version, workloads: await measureRounds({ ...options, node, size: "full" }, say, failed) });
  }
  return { ...machine(), minutes: (performance.now() - started) / 60_000, runs };
}

function kept(file) {
  if (!existsSync(file)) throw new UsageError(`--from: no such file: ${file}`);
  return JSON.parse(readFileSync(file, "utf8"));
}
