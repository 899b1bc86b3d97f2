/**
 * Runs every test file that proves a promise and writes what came of it to `docs/promises.md`: promise, test, result,
 * figure. Tests say what they prove by their names, `P7 …` or `museum <project>#<issue> …`, and give their figures with
 * `t.diagnostic("figure: …")`. Children of the tests import the built package, so build first.
 *
 *     node scripts/promises.js            exits with 1 when a test fails or a promise has none
 *     node scripts/promises.js --check    runs nothing: has every promise a test?
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { relative } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";

const PROMISES = {
  P1: "Never throws into your code, never changes your result",
  P2: "Configuration errors surface once, in `configure`",
  P3: "Bounded memory",
  P4: "Bounded time in your thread",
  P5: "Any value can be captured",
  P6: "No prototype pollution",
  P7: "At least once with a spool; the death of the process loses nothing acknowledged",
  P8: "Torn and corrupt files heal themselves",
  P9: "A full disk is a state, not a crash",
  P10: "Signals: flushed within the deadline, the exit code kept, your handlers left alone",
  P11: "`process.exit`, an uncaught error, an unhandled rejection: what is queued is written",
  P12: "Delivery follows the server's word",
  P13: "No retry storms; a bad sink harms only itself",
  P14: "Duplicates are recognisable and harmless",
  P15: "Clock jumps corrupt nothing",
  P16: "A span that never ends hides nothing",
  P17: "One context per process, however often the package is loaded",
  P18: "We do not trace ourselves",
  P19: "Secrets do not leave the call stack",
  P20: "Masking is linear and fails closed",
  P21: "The viewer is safe by default",
  P22: "What was lost is known",
};
const NOT_BUILT_YET = ["P21"];
/** More cases than these in one file become one row. */
const MOST_CASES = 8;

const root = new URL("..", import.meta.url).pathname;
const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
const sources = readdirSync(`${root}test`, { recursive: true })
  .filter((file) => /\.(test|fault)\.ts$/.test(file) && !file.includes("node_modules"))
  .map((file) => `test/${file}`)
  .sort();
const texts = new Map(sources.map((file) => [file, readFileSync(`${root}${file}`, "utf8")]));

const results = values.check ? named() : await run();
const unproven = Object.keys(PROMISES).filter(
  (id) => !NOT_BUILT_YET.includes(id) && !results.some(({ name }) => promisesOf(name).includes(id)),
);
const failed = results.filter(({ result }) => result === "failed");
for (const id of unproven) console.error(`${id} (${PROMISES[id]}) has no test`);
for (const { name, file } of failed) console.error(`failed: ${name} (${file})`);
if (unproven.length > 0 || failed.length > 0) process.exitCode = 1;
if (!values.check) {
  writeFileSync(`${root}docs/promises.md`, page());
  console.error(`docs/promises.md: ${results.length} tests, ${failed.length} failed`);
}

/** The tests that the sources name. */
function named() {
  return [...texts].flatMap(([file, text]) =>
    [...text.matchAll(/\btest\(\s*["'`]((?:P\d+|museum) [^"'`]*)/g)].map(([, name]) => ({ name, file })),
  );
}

async function run() {
  const files = [...new Set(named().map(({ file }) => file))];
  const args = ["--conditions=@sightline/source", "--import", "tsx", "--test", "--test-concurrency=2"];
  const reporter = `--test-reporter=${root}scripts/ndjson-reporter.js`;
  const child = spawn(process.execPath, [...args, reporter, ...files], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const closed = once(child, "close");
  const found = [];
  /** Diagnostics follow the test that they belong to. */
  let latest;
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.type !== "diagnostic") {
      const result = event.type === "fail" ? "failed" : event.skip || event.todo ? "skipped" : "passed";
      latest = { name: event.name, file: relative(root, event.file ?? ""), result, figures: [] };
      if (/^(P\d+|museum) /.test(event.name) || result === "failed") found.push(latest);
      if (event.nesting === 0) console.error(`${result}: ${event.name}`);
    } else if (event.message.startsWith("figure: ")) latest?.figures.push(event.message.slice("figure: ".length));
  }
  await closed;
  return found;
}

function page() {
  const { model } = cpus()[0];
  const machine = `${process.platform} ${process.arch}, ${cpus().length} × ${model}, ${Math.round(totalmem() / 1024 ** 3)} GiB`;
  const rows = Object.entries(PROMISES).flatMap(([id, wording]) => promiseRows(id, wording));
  const museum = results
    .filter(({ name }) => museumOf(name))
    .sort((a, b) => (museumOf(a.name) < museumOf(b.name) ? -1 : 1));
  return `# Promises and their proof

Written by \`npm run promises\` from what the tests said; not by hand. Node ${process.version}, ${machine}.

| promise | test | result | figure |
|---|---|---|---|
${rows.join("\n")}

## Failures of others

Each happened to a tracing, logging or telemetry library; each is a test here.

| what happened | test | result | figure |
|---|---|---|---|
${museum.map((test) => row(museumLink(test), test)).join("\n")}
`;
}

function promiseRows(id, wording) {
  const tests = results.filter(({ name }) => promisesOf(name).includes(id));
  const title = `**${id}** ${wording}`;
  if (tests.length === 0) return [`| ${title} | | ${NOT_BUILT_YET.includes(id) ? "not built yet" : "**no test**"} | |`];
  return folded(tests).map((test, i) => row(i === 0 ? title : id, test));
}

/** The rows of a table of cases in one file (a status each, a text each) as one, where all passed and none has a figure. */
function folded(tests) {
  const isCase = ({ result, figures }) => result === "passed" && figures.length === 0;
  return tests.flatMap((test) => {
    const same = tests.filter((other) => isCase(other) && other.file === test.file);
    if (same.length <= MOST_CASES || !isCase(test)) return [test];
    if (test !== same[0]) return [];
    return [{ ...test, name: `${test.name}; ${what(same[1].name)}; … ${same.length} cases` }];
  });
}

function row(title, { name, file, result, figures }) {
  const cells = [
    title,
    `${what(name)} (\`${file}\`)`,
    result === "passed" ? result : `**${result}**`,
    figures.join("; "),
  ];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("<", "&lt;")).join(" | ")} |`;
}

/** `P3 P4 museum pino#2106 …` proves two promises and is an entry of the museum. */
function prefixOf(name) {
  return /^(?:(?:P\d+|museum \S+) )*/.exec(name)[0];
}

function promisesOf(name) {
  return prefixOf(name).match(/\bP\d+\b/g) ?? [];
}

function museumOf(name) {
  return /\bmuseum (.+?):? /.exec(prefixOf(name))?.[1];
}

function what(name) {
  return name.slice(prefixOf(name).length);
}

/** The address that the test's file names for the issue. */
function museumLink({ name, file }) {
  const entry = museumOf(name);
  const number = /#(\d+)/.exec(entry)?.[1];
  const address = new RegExp(`https://github\\.com/[\\w.-]+/[\\w.-]+/(issues|pull|discussions)/${number}\\b`);
  const link = number && address.exec(texts.get(file) ?? "")?.[0];
  return link ? `[${entry}](${link})` : entry;
}
