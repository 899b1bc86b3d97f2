/**
 * Runs test files, all of them when none is named, bundled: their imports are then compiled once and not once for each
 * file, which is most of what a file takes. Options go to `node --test`.
 *
 *     node --import tsx scripts/tests.js [test/monitors/budgets.test.ts …] [--test-name-pattern=…]
 *
 * As it is written, for a debugger: node --conditions=@sightline/source --import tsx --test <file>
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { bundleTests } from "../test/support/programs.ts";

const root = new URL("..", import.meta.url).pathname;
const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith("-"));
const named = given.filter((argument) => !options.includes(argument)).map((file) => relative(root, file));
const sources = named.length > 0 ? named : all();

let tests;
let run;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (run ? run.kill(signal) : process.exit(1)));
process.on("exit", () => tests && rmSync(tests.folder, { recursive: true, force: true }));

tests = await bundleTests(sources);
const args = ["--enable-source-maps", "--conditions=@sightline/source", "--test", "--test-concurrency=2"];
run = spawn(process.execPath, [...args, ...options, ...sources.map(tests.path)], { cwd: root, stdio: "inherit" });
const [code] = await once(run, "exit");
process.exitCode = code ?? 1;

function all() {
  return readdirSync(`${root}test`, { recursive: true })
    .map((file) => `test/${file}`)
    .filter((file) => file.endsWith(".test.ts") && !file.startsWith("test/compat/"))
    .sort();
}
