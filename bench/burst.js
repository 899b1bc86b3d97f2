/**
 * What does a burst cost while a sink is down? A million spans into one that hangs and one that is dead, in a heap of
 * 96 MB: medians, each sample in a fresh process that imports the built package.
 *
 *     node bench/burst.js [--runs=3] [--spans=1000000] [--json] [hanging dead healthy]
 *
 * `--json` prints every sample with its books, a line each.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "3" },
    spans: { type: "string", default: "1000000" },
    json: { type: "boolean", default: false },
  },
});
const child = fileURLToPath(new URL("../test/fault/children/burst.mjs", import.meta.url));
const sinks = positionals.length > 0 ? positionals : ["hanging", "dead"];

for (const sink of sinks) {
  for (const perTurn of [100, 1_000]) {
    const samples = Array.from({ length: Number(values.runs) }, () => sample(sink, perTurn));
    if (values.json) {
      for (const each of samples) console.log(JSON.stringify({ sink, perTurn, ...each }));
      continue;
    }
    const figures = Object.keys(samples[0].figures).map((name) => {
      return `${name} ${round(median(samples.map(({ figures }) => figures[name])))}`;
    });
    console.log(`${sink}, ${perTurn} a turn: ${figures.join(", ")}`);
  }
}

function sample(sink, perTurn) {
  const options = JSON.stringify({ sink, perTurn, spans: Number(values.spans) });
  const { NODE_OPTIONS: _, ...env } = process.env;
  const args = ["--max-old-space-size=96", child, options];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8", env });
  if (status !== 0) throw new Error(`${sink}, ${perTurn} a turn: the process died\n${stderr}`);
  return JSON.parse(stdout);
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

function round(number) {
  return Number.isInteger(number) ? number : number.toFixed(1);
}
