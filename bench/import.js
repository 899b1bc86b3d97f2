/**
 * What does importing sightline cost? Prints medians over an empty module, each sample in a fresh process, interleaved.
 *
 *   node bench/import.js [--rounds=21] [--max=15] [dist/index.js …]
 *
 * Wall time is what a user waits; processor time hardly depends on what else the machine does, so `--max` (milliseconds)
 * looks at that one. Exits with 1 when it is exceeded.
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
const PROBE = `
  const cpu = process.cpuUsage();
  const started = process.hrtime.bigint();
  await import(process.argv[1]);
  const wall = Number(process.hrtime.bigint() - started) / 1e6;
  const { user, system } = process.cpuUsage(cpu);
  console.log(JSON.stringify({ wall, cpu: (user + system) / 1e3 }));
`;

const folder = mkdtempSync(join(tmpdir(), "sightline-import-"));
const empty = join(folder, "empty.mjs");
writeFileSync(empty, "");
const files = positionals.length > 0 ? positionals : [new URL("../dist/index.js", import.meta.url).pathname];
const contenders = [empty, ...files].map((file) => ({ url: pathToFileURL(resolve(file)).href, samples: [] }));
for (let round = 0; round < Number(values.rounds); round++) {
  for (const { url, samples } of contenders) samples.push(sample(url));
}
rmSync(folder, { recursive: true });

const [floor, ...costs] = contenders.map(({ samples }) => ({
  wall: median(samples, "wall"),
  cpu: median(samples, "cpu"),
}));
console.log(`node ${process.version}, median of ${values.rounds} fresh processes each`);
console.log(`empty module: ${ms(floor.wall)}, ${ms(floor.cpu)} of processor time`);
for (const [index, { wall, cpu }] of costs.entries()) {
  console.log(`${files[index]}: +${ms(wall - floor.wall)}, +${ms(cpu - floor.cpu)} of processor time`);
  if (cpu - floor.cpu <= Number(values.max)) continue;
  console.error(`over the budget of ${values.max} ms`);
  process.exitCode = 1;
}

function sample(url) {
  const args = ["--input-type=module", "-e", PROBE, url];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

function median(samples, field) {
  return samples.map((each) => each[field]).toSorted((a, b) => a - b)[samples.length >> 1];
}

function ms(number) {
  return `${number.toFixed(1)} ms`;
}
