/**
 * Runs test files, or those of folders, all of them when none is named, bundled: what they import is then compiled once and not once for
 * each file, which is most of what a file takes. Of all tests, those of functions alone share a few processes, and those
 * of some folders one for each folder. Options go to `node --test`. Stacks name lines of the sources when files are named,
 * and lines of the bundles when not: maps would cost a fifteenth of all time.
 *
 *     npm run test:modern -- [test/monitors/budgets.test.ts … | test/monitors …] [--test-name-pattern=…]
 *
 * As it is written, for a debugger: node --conditions=@sightline/source --import tsx --test <file>
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { newFolder, OPTIONS } from "../test/support/programs.ts";

/** These load sources at run time. */
const BY_TSX = ["test/core/ids.test.ts", "test/observe/copies.test.ts", "test/package.test.ts"];
/** What reaches one of these shares no process with functions alone. */
const APART = [
  /(^|\/)core\/runtime\.ts$/,
  /^(node:)?(child_process|cluster|dgram|http|http2|https|net|worker_threads)$/,
  /^(cls-hooked|openai|signal-exit)/,
];
const SHARED_PROCESSES = 3;
/** Folders whose tests leave their process as they found it: those of a folder share one. */
const TOGETHER =
  /^test\/(collector|formats|fuzz|monitors|openai|openai\/findings|policy|pricing|sinks|spool|testing)\/[^/]+$/;
/** What reaches one of these, and what has hooks, has a process of its own in any folder. */
const ALONE = /^(node:)?(child_process|cluster|worker_threads)$|^(cls-hooked|signal-exit)/;
/** Fails a process that somebody ends before the last test: what was not run would be missed by nobody. */
const WHOLE = `
import { after } from "node:test";
let isWhole = false;
after(() => { isWhole = true; });
process.on("exit", () => { if (!isWhole) process.exitCode = 1; });
`;
/** One more than the cores that the tests are made for: some wait for a child process or a time while others compute. */
const CONCURRENCY = 3;

const root = new URL("..", import.meta.url).pathname;
const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith("-"));
const named = given.filter((argument) => !argument.startsWith("-")).map((file) => relative(root, file));
const isOfFiles = named.some((name) => name.endsWith(".ts"));
/** All cases of what looks at a share of them, and what takes too long for each day. */
const isWhole = Boolean(process.env["WHOLE_TESTS"]);
const sources = isOfFiles
  ? named
  : all().filter((file) => named.length === 0 || named.some((each) => file.startsWith(`${each}/`)));

let run;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (run ? run.kill(signal) : process.exit(1)));
const folder = await newFolder("tests");
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const { metafile } = await build({
  ...OPTIONS,
  metafile: true,
  sourcemap: isOfFiles,
  entryPoints: sources.filter((source) => !BY_TSX.includes(source)),
  outbase: root,
  outdir: folder,
  define: { "import.meta.url": "sourceAddress" },
  plugins: [...OPTIONS.plugins, { name: "source addresses", setup: giveAddresses }],
});
const made = (file) => `${folder}/${file.replace(/\.ts$/, ".js")}`;
const groups = new Map();
const alone = [];
for (const [at, file] of sources.entries()) {
  if (isWhole && !isOfFiles && !isLong(file)) continue;
  const group = isOfFiles ? undefined : groupOf(file, at);
  if (group === undefined) alone.push(file);
  else groups.set(group, [...(groups.get(group) ?? []), file]);
}
const shared = await Promise.all([...groups].map(([group, files]) => sharing(group, files)));
const files = [...shared, ...alone.map((file) => (BY_TSX.includes(file) ? file : made(file)))];
const loader = new URL("tsx-for-sources.js", import.meta.url);
const maps = isOfFiles ? ["--enable-source-maps"] : [];
const flags = [...maps, "--conditions=@sightline/source", `--import=${loader}`];
// The spec reporter names what failed once more at the end, where the tail of a log has it.
const args = [...flags, "--test", `--test-concurrency=${CONCURRENCY}`, "--test-reporter=spec", ...options, ...files];
run = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
const [code] = await once(run, "exit");
process.exitCode = code ?? 1;

function all() {
  return readdirSync(`${root}test`, { recursive: true })
    .map((file) => `test/${file}`)
    .filter(
      (file) =>
        (file.endsWith(".test.ts") || (isWhole && file.endsWith(".long.ts"))) && !file.startsWith("test/compat/"),
    )
    .sort();
}

/** Whether the file has cases that `npm test` leaves out. */
function isLong(file) {
  if (file.endsWith(".long.ts")) return true;
  return !BY_TSX.includes(file) && reached(relative(root, made(file))).has("test/support/share.ts");
}

/** The name of the process that a test's file shares with others; hooks would be those of all. */
function groupOf(file, at) {
  if (BY_TSX.includes(file) || usesHooks(file)) return undefined;
  const paths = [...reached(relative(root, made(file)))];
  const isOfFunctions = !paths.some((path) => APART.some((pattern) => pattern.test(path)));
  if (isOfFunctions) return `functions-${at % SHARED_PROCESSES}`;
  const folder = TOGETHER.test(file) && !paths.some((path) => ALONE.test(path)) ? dirname(file) : undefined;
  return folder?.replaceAll("/", "-");
}

function usesHooks(file) {
  return /\b(before|after|beforeEach|afterEach|mock)\b[^}]*\} from "node:test"/.test(readFileSync(root + file, "utf8"));
}

/** The sources in an output and in all that it imports, and the other packages. */
function reached(output, paths = new Set()) {
  if (paths.has(output)) return paths;
  paths.add(output);
  const { inputs, imports } = metafile.outputs[output];
  for (const path of Object.keys(inputs)) paths.add(path);
  for (const { path, external } of imports) external ? paths.add(path) : reached(path, paths);
  return paths;
}

/** One file that imports those of a group. */
async function sharing(group, files) {
  const path = `${folder}/${group}.js`;
  const imported = [`${folder}/whole.js`, ...files.map(made)];
  await writeFile(`${folder}/whole.js`, WHOLE);
  await writeFile(path, imported.map((file) => `import ${JSON.stringify(file)};\n`).join(""));
  return path;
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
