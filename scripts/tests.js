/**
 * Runs test files, all of them when none is named, bundled: what they import is then compiled once and not once for
 * each file, which is most of what a file takes. Options go to `node --test`.
 *
 *     npm run test:modern -- [test/monitors/budgets.test.ts …] [--test-name-pattern=…]
 *
 * As it is written, for a debugger: node --conditions=@sightline/source --import tsx --test <file>
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { newFolder, OPTIONS } from "../test/support/programs.ts";

/** These load sources at run time. */
const BY_TSX = ["test/core/ids.test.ts", "test/observe/copies.test.ts", "test/package.test.ts"];

const root = new URL("..", import.meta.url).pathname;
const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith("-"));
const named = given.filter((argument) => !argument.startsWith("-")).map((file) => relative(root, file));
const sources = named.length > 0 ? named : all();

let run;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (run ? run.kill(signal) : process.exit(1)));
const folder = await newFolder("tests");
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

await build({
  ...OPTIONS,
  entryPoints: sources.filter((source) => !BY_TSX.includes(source)),
  outbase: root,
  outdir: folder,
  define: { "import.meta.url": "sourceAddress" },
  plugins: [...OPTIONS.plugins, { name: "source addresses", setup: giveAddresses }],
});
const files = sources.map((file) => (BY_TSX.includes(file) ? file : `${folder}/${file.replace(/\.ts$/, ".js")}`));
const loader = new URL("tsx-for-sources.js", import.meta.url);
const flags = ["--enable-source-maps", "--conditions=@sightline/source", `--import=${loader}`];
// The spec reporter names what failed once more at the end, where the tail of a log has it.
const args = [...flags, "--test", "--test-concurrency=2", "--test-reporter=spec", ...options, ...files];
run = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
const [code] = await once(run, "exit");
process.exitCode = code ?? 1;

function all() {
  return readdirSync(`${root}test`, { recursive: true })
    .map((file) => `test/${file}`)
    .filter((file) => file.endsWith(".test.ts") && !file.startsWith("test/compat/"))
    .sort();
}

/** Tests and sources look for files relative to themselves: each knows where it was, on the line that it begins with. */
function giveAddresses({ onLoad }) {
  onLoad({ filter: /\.[jt]s$/ }, async ({ path }) => {
    if (path.includes("/node_modules/")) return undefined;
    const source = await readFile(path, "utf8");
    if (!source.includes("import.meta.url")) return undefined;
    const address = `const sourceAddress = ${JSON.stringify(pathToFileURL(path).href)};`;
    return {
      contents: source.replace(/^(#!.*\n)?/, (hashbang) => hashbang + address),
      loader: path.endsWith(".ts") ? "ts" : "js",
    };
  });
}
