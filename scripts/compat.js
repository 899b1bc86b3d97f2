/**
 * Packs the built package, installs it beside the dependencies of a folder in test/compat as a user would, and runs
 * that folder's tests. Two folders at a time: an installation waits for the network while tests compute.
 *
 *   node scripts/compat.js nest openai7
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const AT_ONCE = 2;

const root = new URL("..", import.meta.url).pathname;
const packed = mkdtempSync(join(tmpdir(), "sightline-pack-"));
process.on("exit", () => rmSync(packed, { recursive: true }));

const { status: failed, output: said } = await npm(root, "pack", "--ignore-scripts", "--pack-destination", packed);
if (failed) throw new Error(`npm pack ended with ${failed}: ${said}`);
const tarball = join(packed, readdirSync(packed)[0]);
const waiting = process.argv.slice(2);
const failures = [];
await Promise.all(Array.from({ length: AT_ONCE }, work));
// What failed comes last, where the tail of a log has it.
for (const failure of failures) console.log(failure);
process.exitCode = failures.length > 0 ? 1 : 0;

async function work() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const started = performance.now();
    const { status, output } = await check(join(root, "test/compat", name));
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    if (status === 0) console.log(`${output}\n${name}: ok, ${seconds} s`);
    else failures.push(`${output}\n${name}: npm ended with ${status} after ${seconds} s`);
  }
}

/** Stops at the first step that fails. */
async function check(folder) {
  let output = "";
  for (const args of [["ci"], ["install", "--no-save", "--no-package-lock", tarball], ["test"]]) {
    const step = await npm(folder, ...args);
    output += step.output;
    if (step.status !== 0) return { status: step.status, output };
  }
  return { status: 0, output };
}

async function npm(cwd, ...args) {
  const child = spawn("npm", args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const [status] = await once(child, "close");
  return { status: status ?? 1, output };
}
