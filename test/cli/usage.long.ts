/** What a slip of the pen is told: a sentence on stderr, nothing on stdout, exit code 2; and what help says. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { COMMANDS, type Entry } from "../../src/cli/commands.ts";
import { completedTree, completionScript } from "../../src/cli/completions.ts";
import { nearest } from "../../src/cli/nearest.ts";
import { bytesText, readDuration, readMoment, readSize } from "../../src/cli/quantities.ts";
import { type CommandLine, commandLine } from "./support/program.ts";
import { chatTraces, lines } from "./support/traces.ts";

let cli: CommandLine;
let cwd: string;

before(async () => {
  cli = await commandLine("cli-usage");
  cwd = await cli.folder({
    "traces.ndjson": lines(chatTraces(2)),
    "notes.txt": "nothing of the kind",
    "fake.db": "no database at all",
  });
});
after(() => cli.remove());

const WRONG: readonly (readonly [args: string, told: RegExp])[] = [
  ["lst", /^unknown command 'lst'\n\(Did you mean list\?\)$/],
  ["xyzzy", /^unknown command 'xyzzy'$/],
  ["spool", /^spool takes a command: status, replay$/],
  ["spool stat", /^unknown command 'stat'\n\(Did you mean status\?\)$/],
  ["--vresion", /^unknown option '--vresion'$/],
  ["list --statu ok", /^unknown option '--statu'\n\(Did you mean --status\?\)$/],
  ["list --status", /^option '--status <ok\|error\|open>' argument missing$/],
  ["list --user --json", /^option '--user <id>' argument missing$/],
  ["list --status bad", /^--status takes ok, error or open; it is "bad"\.$/],
  ["list --json=yes", /^option '--json' takes no value$/],
  ["list --no-user x", /^unknown option '--no-user'/],
  ["list -n 0", /^--limit takes a whole number from 1 on; it is "0"\.$/],
  ["list --last yesterday", /^--last takes a time such as 90s, 15m, 24h or 30d; it is "yesterday"\.$/],
  ["list --since sometime", /^--since takes a time such as 2026-11-22, .*; it is "sometime"\.$/],
  ["list --last 1h --since 2h", /^--last and --since say the same/],
  ["list --min-cost dear", /^--min-cost takes a number from 0 on; it is "dear"\.$/],
  ["list --metadata plan", /^--metadata takes key=value; it is "plan"\.$/],
  ["list nofile.ndjson", /^There is no nofile\.ndjson\. It takes files or directories/],
  [
    "list ftp://me:secret@x/?key=secret",
    /^ftp:\/\/x\/ is no address that is read: those of collectors begin with http:/,
  ],
  ["list --project zzz", /^traces\.ndjson has no project "zzz"\. The usual one is default\.$/],
  ["list notes.txt", /^notes\.txt holds nothing that is understood: /],
  [
    "list traces.ndjson http://127.0.0.1:1",
    /^Several files can be read together, but a store or a collector \(http:\/\/127\.0\.0\.1:1\) comes alone\.$/,
  ],
  ["list sqlite:none.db", /none\.db/],
  ["show", /^missing required argument 'trace'$/],
  ["completions", /^missing required argument 'shell'$/],
  ["completions tcsh", /^completions takes bash, zsh, fish; it is "tcsh"\.$/],
  ["completions bash zsh", /^too many arguments: 2, and at most 1 are taken$/],
  ["cost --by money", /^--by takes feature, .*; it is "money"\.$/],
  ["cost --by team,team", /^--by names a field twice: team,team$/],
  ["query", /^missing required argument 'sql'$/],
  ["import traces.ndjson", /^required option '--into <store>' not specified$/],
  ["import traces.ndjson --into http://127.0.0.1:1", /is the address of a collector; a store is /],
  ["export", /^required option '--to <ndjson\|csv\|parquet\|otlp\|langfuse>' not specified$/],
  ["export --to excel", /^--to takes ndjson, csv, parquet, otlp or langfuse; it is "excel"\.$/],
  ["export --to parquet", /^Parquet is written into a file: --out traces\.parquet$/],
  ["export --to otlp --out x", /^--out goes with ndjson, csv and parquet; otlp is sent\.$/],
  ["export --to csv --endpoint http://x", /^--endpoint goes with --to otlp\.$/],
  ["export --to csv --header a=b", /^--header goes with --to otlp\.$/],
  ["export --to otlp --endpoint http://127.0.0.1:45999 --header secret", /^--header takes name=value\.$/],
  ["export --to langfuse", /a key is missing: set option publicKey or variable LANGFUSE_PUBLIC_KEY/],
  ["serve --port 99999", /^--port takes a port from 0 to 65535; it is "99999"\.$/],
  ["serve --retention soon", /^--retention takes a time such as /],
  ["serve --max-size big", /^--max-size takes a size such as 500MB or 10GB; it is "big"\.$/],
  ["serve --token secret", /^--token takes project=secret\.$/],
  ["serve --budget 5/day", /^--budget goes with --monitors\.$/],
  ["serve --monitors --budget 5/year", /^--budget takes an amount in USD per hour, day or month/],
  ["view nofile", /^There is no nofile\./],
  ["tail --lines many", /^--lines takes a whole number from 0 to 9999/],
];

describe("the command line", { concurrency: 2 }, () => {
  for (const [args, told] of WRONG) {
    test(`sightline ${args}`, async () => {
      const { code, stdout, stderr } = await cli.run(args.split(" "), { cwd });
      assert.match(stderr, /^sightline: /);
      assert.match(stderr.slice("sightline: ".length).trimEnd(), told);
      assert.doesNotMatch(stderr, /\n\s+at /);
      assert.equal(stdout, "");
      assert.ok(code === 2 || (code === 1 && /notes|sqlite:none/.test(args)), `exit code ${code}`);
    });
  }

  test("what cannot be reached or opened is a sentence too, with exit code 1", async () => {
    const down = await cli.run(["list", "http://127.0.0.1:45999"], { cwd });
    assert.deepEqual(
      [down.code, down.stderr],
      [1, "sightline: No collector answers at http://127.0.0.1:45999: ECONNREFUSED.\n"],
    );
    const blocked = await cli.run(["list", "http://127.0.0.1:1"], { cwd });
    assert.equal(blocked.code, 1);
    assert.match(
      blocked.stderr,
      /^sightline: http:\/\/127\.0\.0\.1:1: HTTP clients do not connect to this port, .*\.\n$/,
    );
    const fake = await cli.run(["list", "sqlite:fake.db"], { cwd });
    assert.equal(fake.code, 1);
    assert.match(fake.stderr, /^sightline: .*fake\.db/);
    assert.doesNotMatch(fake.stderr, /\n\s+at /);
  });

  test("where there is nothing to look at, it says how to make something", async () => {
    const empty = await cli.folder();
    for (const command of ["view", "list", "stats"]) {
      const { code, stderr } = await cli.run([command], { cwd: empty });
      assert.equal(code, 2);
      assert.match(
        stderr,
        /^sightline: There is no \.traces\/, traces\.ndjson or traces\.db here\. .*SIGHTLINE_SINK=file:traces\.ndjson node app\.js\n$/,
      );
    }
  });

  test("a secret in an address is not said again", async () => {
    const { stderr } = await cli.run(["list", "http://user:hunter2@127.0.0.1:1/#token=abc", "traces.ndjson"], { cwd });
    assert.doesNotMatch(stderr, /hunter2|abc/);
  });

  test("help: of all, of each command with its options and an example, within 80 columns", async () => {
    const all = await cli.run(["--help"], { env: { COLUMNS: "80" } });
    assert.deepEqual([all.code, all.stderr], [0, ""]);
    assert.equal((await cli.run([], { env: { COLUMNS: "80" } })).stdout, all.stdout);
    for (const { name, about } of COMMANDS) assert.ok(all.stdout.includes(`  ${name} `) && about !== "", name);
    const leaves: string[][] = COMMANDS.flatMap(({ name, below }: Entry) =>
      (below ?? [undefined]).map((one) => (one ? [name, one.name] : [name])),
    );
    for (const path of leaves) {
      const { stdout, code } = await cli.run([...path, "--help"], { env: { COLUMNS: "80" } });
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^Usage: sightline ${path.join(" ")}`));
      assert.match(stdout, /\nExamples:\n {2}sightline /);
    }
    assert.match((await cli.run(["help", "cost"])).stdout, /^Usage: sightline cost/);
    assert.match((await cli.run(["--version"])).stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test("completions name every command and every option, and the shell takes them", async () => {
    const tree = await completedTree(COMMANDS);
    for (const shell of ["bash", "zsh", "fish"]) {
      const script = completionScript(shell, tree);
      for (const word of ["view", "spool", "status", "retention", "min-duration"])
        assert.ok(script.includes(word), `${shell}: ${word}`);
    }
    const { stdout } = await cli.run(["completions", "bash"]);
    assert.equal(await completed(stdout, "sightline", "co"), "cost completions");
    assert.equal(await completed(stdout, "sightline", "list", "--sta"), "--status");
    assert.equal(await completed(stdout, "sightline", "list", "--status", ""), "ok error open");
    assert.equal(await completed(stdout, "sightline", "spool", ""), "status replay --help");
    assert.equal(await completed(stdout, "sightline", "spool", "replay", "--f"), "--from");
  });
});

/** What bash offers for the last word. */
async function completed(script: string, ...words: string[]): Promise<string> {
  const { execFileSync } = await import("node:child_process");
  const program = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _sightline; echo "\${COMPREPLY[*]}"`;
  return execFileSync("bash", ["-c", program], { encoding: "utf8" }).trim();
}

test("the name that was meant: one letter wrong, missing, too many, swapped, or only its beginning", () => {
  const names = ["list", "show", "stats", "status", "completions"];
  for (const [written, meant] of [
    ["lits", "list"],
    ["lst", "list"],
    ["shwo", "show"],
    ["statss", "stats"],
    ["compl", "completions"],
    ["xyz", undefined],
    ["", undefined],
  ] as const) {
    assert.equal(nearest(written, names), meant, written);
  }
});

test("times, sizes and moments as people write them", () => {
  assert.equal(readDuration("x", "1.5h"), 5_400_000);
  assert.equal(readSize("x", "10GB"), 1e10);
  assert.equal(readSize("x", "512 kb"), 512_000);
  assert.equal(readMoment("x", "24h", 86_400_000), 0);
  assert.equal(readMoment("x", "1970-01-02", 0), 86_400_000_000);
  assert.deepEqual([17, 999, 1_000, 9_950, 123_456, 1_500_000_000].map(bytesText), [
    "17 B",
    "999 B",
    "1.0 kB",
    "10 kB",
    "123 kB",
    "1.5 GB",
  ]);
  for (const bad of ["", "5", "-1h", "0s", "1y"]) assert.throws(() => readDuration("x", bad), /takes a time/);
});
