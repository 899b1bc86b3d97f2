/**
 * What does importing sightline cost? Prints medians over an empty module, each sample in a fresh process, interleaved.
 *
 *   node bench/import.js [--rounds=21] [--max=15] [dist/index.js …]
 *
 * `import()` is the time that the statement takes; `process` is the wall time of the whole `node` process. With `--max`,
 * exits with 1 when an import() median exceeds that many milliseconds.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "21" }, max: { type: "string", default: "Infinity" } },
});

const folder = mkdtempSync(join(tmpdir(), "sightline-import-"));
const empty = join(folder, "empty.mjs");
writeFileSync(empty, "");
const files = positionals.length > 0 ? positionals : [new URL("../dist/index.js", import.meta.url).pathname];
const contenders = [empty, ...files].map((file) => pathToFileURL(resolve(file)).href);
const PROBE =
  "const t = process.hrtime.bigint(); await import(process.argv[1]); console.log(Number(process.hrtime.bigint() - t) / 1e6)";

const samples = contenders.map(() => ({ import: [], process: [] }));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const [index, url] of contenders.entries()) {
    const started = performance.now();
    const { stdout, stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", PROBE, url], {
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    samples[index].process.push(performance.now() - started);
    samples[index].import.push(Number(stdout));
  }
}

rmSync(folder, { recursive: true });

const [floor, ...rest] = samples.map((sample) => ({ import: median(sample.import), process: median(sample.process) }));
console.log(`node ${process.version}, median of ${values.rounds} fresh processes each`);
console.log(`empty module: import() ${ms(floor.import)}, process ${ms(floor.process)}`);
for (const [index, cost] of rest.entries()) {
  const over = { import: cost.import - floor.import, process: cost.process - floor.process };
  console.log(`${files[index]}: import() +${ms(over.import)}, process +${ms(over.process)}`);
  if (over.import > Number(values.max)) {
    console.error(`over the budget of ${values.max} ms`);
    process.exitCode = 1;
  }
}

function median(numbers) {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

function ms(number) {
  return `${number.toFixed(1)} ms`;
}
