/**
 * Runs the test suites under every supported Node: the one that runs this, and those of test/compat/node
 * (`npm ci` there first). Prints one line for each.
 *
 *   node scripts/matrix.js [22 24 …] [--areas]      only those of test/compat/node, only the areas that ask Node itself
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** Contexts, streams, files, sockets, signals, threads, SQLite. What other areas do is computed from their arguments. */
const AREAS = ["collector", "core", "e2e", "fault", "interop", "observe", "pipeline", "sinks", "spool", "store"];

const root = new URL("..", import.meta.url).pathname;
const compat = join(root, "test/compat/node");
const packaged = Object.keys(JSON.parse(readFileSync(join(compat, "package.json"), "utf8")).dependencies);
const { positionals: wanted, values } = parseArgs({ allowPositionals: true, options: { areas: { type: "boolean" } } });
const nodes = wanted.length > 0 ? wanted.map((version) => `node${version}`) : ["", ...packaged];
const SUITES = {
  "test:modern": ["test:modern", ...(values.areas ? ["--", ...AREAS.map((area) => `test/${area}`)] : [])],
  "test:legacy": ["test:legacy"],
  // Each Node has another SQLite, and 20 has none.
  sqlite: ["test:modern", "--", "test/store/sqlite.long.ts"],
};

for (const name of nodes) {
  const bin = name === "" ? undefined : join(compat, "node_modules", name, "bin");
  const env = { ...process.env, ...(bin && { PATH: `${bin}:${process.env.PATH}` }) };
  const version = spawnSync("node", ["--version"], { env, encoding: "utf8" }).stdout.trim();
  const started = performance.now();
  const results = Object.entries(SUITES).map(([suite, script]) => ({ suite, ...runSuite(script, env) }));
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  console.log(`node ${version}: ${results.map(({ suite, tally }) => `${suite} ${tally}`).join(", ")} (${seconds} s)`);
  for (const { status, output } of results) {
    if (status === 0 && !output.includes("\nfailed on a busy machine")) continue;
    // What failed, once more at the end; all of it where it did not come so far.
    console.log(output.slice(Math.max(0, output.indexOf("failing tests:"))));
    if (status !== 0) process.exitCode = 1;
  }
}

function runSuite(script, env) {
  const { status, stdout, stderr } = spawnSync("npm", ["run", "--silent", ...script], {
    cwd: root,
    env,
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  // Several where something ran once more.
  const counts = (what) => [...stdout.matchAll(new RegExp(`^(?:#|ℹ) ${what} (\\d+)`, "gm"))].map(([, count]) => count);
  const tally = `${counts("pass")[0] ?? "no"} passed, ${counts("fail").at(-1) ?? "no"} failed`;
  return { status, output: stderr + stdout, tally };
}
