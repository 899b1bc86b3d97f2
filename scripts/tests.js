/**
 * Runs test files, those of folders, all of them when nothing is named, bundled: what they import is then compiled once and not once for
 * each file, which is most of what a file takes. Tests of functions alone share a few processes, but named ones do not. Options go to
 * `node --test`. Files of which a test failed run once more, alone, if they are few: what fails again is broken, what does not is
 * said to have failed on a busy machine.
 *
 *     npm run test:modern -- [test/monitors/budgets.test.ts test/core …] [--test-name-pattern=…]
 *
 * As it is written, for a debugger: node --conditions=@sightline/source --import tsx --test <file>
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { relative } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { newFolder, OPTIONS } from "../test/support/programs.ts";

/** These load sources at run time. */
const BY_TSX = ["test/core/ids.test.ts", "test/observe/copies.test.ts", "test/package.test.ts"];
/** What reaches one of these has a process of its own. */
const APART = [
  /(^|\/)core\/runtime\.ts$/,
  /^(node:)?(child_process|cluster|dgram|http|http2|https|net|worker_threads)$/,
  /^(cls-hooked|openai|signal-exit)/,
];
const SHARED_PROCESSES = 3;
/** Fails a process that somebody ends before the last test: what was not run would be missed by nobody. */
const WHOLE = `
import { after } from "node:test";
let isWhole = false;
after(() => { isWhole = true; });
process.on("exit", () => { if (!isWhole) process.exitCode = 1; });
`;
/** One more than the cores that the tests are made for: some wait for a child process or a time while others compute. */
const CONCURRENCY = 3;
/** More failures than a busy machine makes: nothing runs again. */
const MOST_AGAIN = 3;

const root = new URL("..", import.meta.url).pathname;
const given = process.argv.slice(2);
const options = given.filter((argument) => argument.startsWith("-"));
const named = given.filter((argument) => !argument.startsWith("-")).map((path) => relative(root, path));
const namesFiles = named.some((path) => path.endsWith(".ts"));
const sources = named.length > 0 ? named.flatMap((path) => (path.endsWith(".ts") ? path : all(path))) : all("test");

let child;
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => (child ? child.kill(signal) : process.exit(1)));
const folder = await newFolder("tests");
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const { metafile } = await build({
  ...OPTIONS,
  metafile: true,
  entryPoints: sources.filter((source) => !BY_TSX.includes(source)),
  outbase: root,
  outdir: folder,
  define: { "import.meta.url": "sourceAddress" },
  plugins: [...OPTIONS.plugins, { name: "source addresses", setup: giveAddresses }],
});
const made = (file) => `${folder}/${file.replace(/\.ts$/, ".js")}`;
const shared = namesFiles ? [] : await sharing(sources.filter(isShared));
const alone = namesFiles ? sources : sources.filter((file) => !isShared(file));
const files = [...shared, ...alone.map((file) => (BY_TSX.includes(file) ? file : made(file)))];
const sourceOf = new Map(sources.map((source) => [BY_TSX.includes(source) ? source : made(source), source]));
/** What a reporter calls them: where they are, or where they come from. */
const fileOf = new Map(
  [...shared, ...sourceOf.keys()].flatMap((file) => [
    [file, file],
    [`${root}${sourceOf.get(file)}`, file],
  ]),
);
const loader = new URL("tsx-for-sources.js", import.meta.url);
const flags = ["--enable-source-maps", "--conditions=@sightline/source", `--import=${loader}`];
const failed = await run(files, CONCURRENCY);
const again = failed.length <= MOST_AGAIN ? failed : [];
if (again.length > 0) {
  const names = again.map((file) => sourceOf.get(file) ?? file).join(", ");
  console.log(`\nA test failed in ${names}: once more, with nothing beside.\n`);
  const broken = await run(again, 1);
  if (broken.length === 0) console.log(`\nfailed on a busy machine, passed alone: ${names}`);
  process.exitCode = broken.length > 0 ? 1 : 0;
} else process.exitCode = failed.length > 0 ? 1 : 0;

/** The files that failed; all where that is not known. */
async function run(files, concurrency) {
  const list = `${folder}/failed-files.txt`;
  // The spec reporter names what failed once more at the end, where the tail of a log has it.
  const reporters = [
    ["spec", "stdout"],
    [new URL("failed-files.js", import.meta.url).href, list],
  ];
  const args = [
    ...flags,
    "--test",
    `--test-concurrency=${concurrency}`,
    // What hangs is a failure of its own, and not of all that comes after it. The longest file takes seven minutes.
    "--test-timeout=1200000",
    ...options,
    ...reporters.flatMap(reporter),
    ...files,
  ];
  child = spawn(process.execPath, args, { cwd: root, stdio: "inherit" });
  const [code] = await once(child, "exit");
  if (code === 0) return [];
  const told = readFileSync(list, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((file) => fileOf.get(file));
  return told.length === 0 || told.includes(undefined) ? files : [...new Set(told)];
}

function reporter([name, destination]) {
  return [`--test-reporter=${name}`, `--test-reporter-destination=${destination}`];
}

function all(folder) {
  return readdirSync(root + folder, { recursive: true })
    .map((file) => `${folder}/${file}`)
    .filter((file) => file.endsWith(".test.ts") && !file.startsWith("test/compat/"))
    .sort();
}

/** Whether a test's functions, and what they import, know of nothing but their arguments; hooks would be those of all. */
function isShared(file) {
  if (BY_TSX.includes(file)) return false;
  const output = relative(root, made(file));
  return !usesHooks(file) && ![...reached(output)].some((path) => APART.some((pattern) => pattern.test(path)));
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

/** One file that imports many, for each of the processes that they share. */
async function sharing(files) {
  await writeFile(`${folder}/whole.js`, WHOLE);
  return Promise.all(
    Array.from({ length: SHARED_PROCESSES }, async (_, i) => {
      const part = files.filter((_, at) => at % SHARED_PROCESSES === i);
      const path = `${folder}/shared-${i + 1}.js`;
      const imported = [`${folder}/whole.js`, ...part.map(made)];
      await writeFile(path, imported.map((file) => `import ${JSON.stringify(file)};\n`).join(""));
      return path;
    }),
  );
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
