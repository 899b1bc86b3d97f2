/** What is read from files and stores, as it stands on the terminal: fixed data, fixed widths. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import type { TraceRecord } from "../../src/core/record.ts";
import { columns } from "../../src/sinks/console-text.ts";
import { type CommandLine, commandLine } from "./support/program.ts";
import { chatTraces, lines, tutorTrace } from "./support/traces.ts";

const TUTOR = "0199a3c2f0117c3a9b1d5e6f70819203";

let cli: CommandLine;
let cwd: string;

before(async () => {
  cli = await commandLine("cli-read");
  cwd = await cli.folder({ "traces.ndjson": lines([...tutorTrace(), ...chatTraces(40)]) });
});
after(() => cli.remove());

const ESC = String.fromCharCode(27);
const CONTROLS = /[^\n\P{Cc}]|\u202e/u;

const run = (args: readonly string[], env: NodeJS.ProcessEnv = {}) => cli.run(args, { cwd, env });

describe("reading", { concurrency: 2 }, () => {
  test("show: the tree with its waterfall, at 100 columns", async () => {
    const { code, stdout, stderr } = await run(["show", "0199a3c2"]);
    assert.equal(
      stdout,
      `run_math_tutor  ok  6.21s  $0.0123  1,204 tok  8 spans  ✗ 1 error  ⚑ 1 finding
trace 0199a3c2f0117c3a9b1d5e6f70819203  2026-11-21 09:30:00  user user_42  session lesson 7
feature tutor  team learning  production  #math
run_math_tutor                                ━━━━━━━━━━━━━━━━━━━                              6.21s
│  ★ correct true
├─ create_assistant                           ━╸                                               410ms
├─ run_assistant                               ╺━━                                             830ms
│  └─ threads.runs.create                      ╺╸                                              350ms
├─ wait                                           ━━━━━━━━━━━━                                 4.02s
└─ get_response                                               ━━━                              920ms
   ├─ run gpt-4.1                 generation      ━━━━━━━━━━━━━━   980→224=1,204 tok  $0.0123  4.70s
   └─ ✗ messages.list                                         ━                                310ms
         RateLimitError 429: retry after 3 s
         ⚑ rate_limited_in_run: The messages could not be read: 429.
           → Wait as long as the answer says.
`,
    );
    assert.deepEqual([code, stderr], [0, ""]);
  });

  test("show: no line is wider than the terminal, whatever its width", async () => {
    for (const width of [40, 60, 100, 160]) {
      const { stdout } = await run(["show", TUTOR, "--payloads"], { COLUMNS: String(width) });
      const widest = Math.max(...stdout.split("\n").map(columns));
      assert.ok(widest <= width, `${widest} columns of ${width}:\n${stdout}`);
      assert.match(stdout, /messages\.list/);
    }
    const { stdout } = await run(["show", TUTOR], { COLUMNS: "160" });
    assert.match(
      stdout,
      /^ {3}├─ run gpt-4\.1 {17}generation {10}━{30}╸ {3}980→224=1,204 tok {2}\$0\.0123 {2}4\.70s$/m,
    );
  });

  test("show: one span in full, and payloads below the tree", async () => {
    const one = await run(["show", TUTOR, "--span", "messages.list"]);
    assert.match(
      one.stdout,
      /^✗ messages\.list {2}span\ntrace .*\nspan .* below \w{16}\nstarted .* took 310ms\nstatus {5}RateLimitError 429: retry after 3 s\n$/,
    );
    const all = await run(["show", TUTOR, "--payloads"]);
    assert.match(all.stdout, /\ninput\n {2}\{\n {4}"question": "Solve 3x \+ 11 = 14\."\n {2}\}\noutput\n {2}x = 1\n/);
  });

  test("show: a trace is found by the beginning of its id, by both ends, and as the latest", async () => {
    for (const word of [TUTOR, TUTOR.toUpperCase(), "0199a3c2f", "0199a3…9203", "0199a3c2...9203"]) {
      assert.match((await run(["show", word])).stdout, /^run_math_tutor/, word);
    }
    assert.match((await run(["show", "latest"])).stdout, /^chat über/);
    const several = await run(["show", "0199a3"]);
    assert.equal(several.code, 2);
    assert.match(several.stderr, /^sightline: "0199a3" begins several traces:\n( {2}0199a3c3\w{24} .*\n){5} {2}…\n$/);
    assert.match(
      (await run(["show", "ffff"])).stderr,
      /^sightline: No trace begins with "ffff" in traces\.ndjson\.\n$/,
    );
    assert.match(
      (await run(["show", "f".repeat(32)])).stderr,
      /^sightline: There is no trace f{32} in traces\.ndjson\./,
    );
    assert.match((await run(["show", "best"])).stderr, /A trace is named by its id.*it is "best"/);
    assert.match((await run(["show", TUTOR, "--span", "x"])).stderr, /has no span "x"\. It has: run_math_tutor, /);
  });

  test("show --json is one document with whole records", async () => {
    const { stdout } = await run(["show", TUTOR, "--json"]);
    const { summary, spans, scores, findings } = JSON.parse(stdout);
    assert.deepEqual([summary.name, spans.length, scores.length, findings.length], ["run_math_tutor", 8, 1, 1]);
    assert.deepEqual(spans[0].input, { question: "Solve 3x + 11 = 14." });
  });

  test("list: at 100 columns, cut at 60, more of it at 160", async () => {
    const { stdout, stderr } = await run(["list", "-n", "3"]);
    assert.equal(
      stdout,
      `trace             started         status  name                took  tokens     cost  user
0199a3c300000027  11-21 09:30:49  error   chat über          490ms   1,429  $0.0200  user_3
0199a3c300000026  11-21 09:30:48  ok      chat plain         480ms   1,418        –  user_2
0199a3c300000025  11-21 09:30:47  ok      chat 日本語の質問  470ms   1,407  $0.0010  user_1
`,
    );
    assert.equal(stderr, "more than 3: --limit\n");
    for (const width of [40, 60, 100, 160]) {
      const { stdout } = await run(["list"], { COLUMNS: String(width) });
      const widest = Math.max(...stdout.split("\n").map(columns));
      assert.ok(widest <= width, `${widest} columns of ${width}:\n${stdout}`);
    }
    assert.match((await run(["list", "-n", "1"], { COLUMNS: "160" })).stdout, /models\n.* gpt-4\.1$/m);
  });

  test("list: filters are those of the store, and JSON is a line for each trace", async () => {
    const names = async (...args: string[]) => {
      const { stdout } = await run(["list", "--json", "-n", "100", ...args]);
      return stdout
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line).name);
    };
    assert.equal((await names()).length, 41);
    assert.equal((await names("--status", "error")).length, 4);
    assert.deepEqual(await names("--user", "user_42", "--metadata", "plan=pro", "--tag", "math"), ["run_math_tutor"]);
    assert.deepEqual(await names("--text", "RETRY after", "--min-duration", "6s", "--max-cost", "0.02"), [
      "run_math_tutor",
    ]);
    assert.deepEqual(await names("--finding", "*"), ["run_math_tutor"]);
    assert.equal((await names("--since", "2026-11-21T09:30:45Z")).length, 5);
    assert.equal((await names("--until", "2026-11-21T09:30:12Z")).length, 3);
    assert.deepEqual(await names("--last", "1s"), []);
    assert.equal((await run(["list", "--user", "nobody"])).stdout, "no traces\n");
  });

  test("cost: the dearest first, as table, CSV and JSON", async () => {
    const { stdout } = await run(["cost", "--by", "feature,model"]);
    assert.equal(
      stdout,
      `feature  model         calls  errors     in    out  unpriced     cost  share
chat     gpt-4.1           7          7,126  1,260            $0.1400  45.9%  ━━━━━━━
search   gpt-4.1           7       2  7,147  1,470            $0.1400  45.9%  ━━━━━━━
tutor    gpt-4.1           1            980    224            $0.0123   4.0%  ━
search   gpt-4.1-mini      7       1  7,133  1,330            $0.0070   2.3%
chat     gpt-4.1-mini      6          6,114  1,140            $0.0060   2.0%
chat     home-made         7          7,140  1,400         7    $0.00   0.0%
search   home-made         6       1  6,120  1,200         6    $0.00   0.0%
$0.3053 for 41 calls; 13 of them have tokens and no known price
`,
    );
    const csv = await run(["cost", "--by", "team", "--format", "csv"]);
    assert.equal(csv.stdout.split("\n")[0], "team,calls,errors,input_tokens,output_tokens,cost_usd,unpriced_calls");
    assert.equal(csv.stdout.split("\n")[1], "alpha,14,2,14273,2730,0.28,0");
    const [first] = JSON.parse((await run(["cost", "--json"])).stdout);
    assert.deepEqual([first.group.model, first.count], ["gpt-4.1", 15]);
    const rest = await run(["cost", "--by", "user", "-n", "1"]);
    assert.match(rest.stdout, /^others /m);
    const hourly = await run(["cost", "--every", "1h", "--format", "csv"]);
    assert.match(hourly.stdout, /^time,model,.*\n2026-11-21T09:00:00\.000Z,/);
  });

  test("stats: how much there is, and how the models do", async () => {
    const { stdout } = await run(["stats"]);
    assert.match(
      stdout,
      /^traces\.ndjson: 41 traces, 48 spans, 1 score, 1 finding, .*\nfrom 2026-11-21 09:30:00 to 2026-11-21 09:30:49\n\nmodel +calls +errors .*\ngpt-4\.1 +15 +2 +310ms +1\.75s /,
    );
    // What has no known price is not free; a sum without it is the least it can be.
    assert.match(stdout, /^home-made .* –$/m);
    const mixed = chatTraces(6).map((record) => ({ ...record, genAi: { responseModel: "mixed" } }));
    const folder = await cli.folder({ "traces.ndjson": lines(mixed as TraceRecord[]) });
    assert.match((await cli.run(["stats"], { cwd: folder })).stdout, /^mixed +6 .* ≥ \$0\.0420$/m);
    assert.equal(JSON.parse((await run(["stats", "--json"])).stdout).spans, 48);
  });

  test("findings: what is stored, or what rules find now; exit code 1 when there is something", async () => {
    const stored = await run(["findings"]);
    assert.equal(stored.code, 1);
    assert.match(
      stored.stdout,
      /^⚑ rate_limited_in_run {2}warning\n {2}0199a3c2\w+\n {4}The messages .*\n {2}→ Wait as long/,
    );
    const none = await run(["findings", "--severity", "error"]);
    assert.deepEqual([none.code, none.stdout], [0, "nothing was found\n"]);
    const ran = await run(["findings", "--run", "--json"]);
    assert.deepEqual([ran.code, ran.stdout === ""], [ran.stdout === "" ? 0 : 1, ran.stdout === ""]);
  });

  test("query: a table, CSV, JSON lines; what writes, and what makes no sense, is refused", async () => {
    const sql = "SELECT type, count(*) AS n FROM spans GROUP BY type ORDER BY n DESC";
    assert.equal((await run(["query", sql])).stdout, "type         n\ngeneration  41\nspan         7\n");
    assert.equal((await run(["query", sql, "--format", "csv"])).stdout, "type,n\ngeneration,41\nspan,7\n");
    assert.equal((await run(["query", sql, "--json", "-n", "1"])).stdout, '{"type":"generation","n":41}\n');
    const twice = "SELECT 1 AS x, 2 AS x";
    for (const form of ["--json", "--format=json"]) {
      const { code, stdout, stderr } = await run(["query", twice, form]);
      assert.deepEqual([code, stdout, /two columns are named x.*with AS/.test(stderr)], [2, "", true], stderr);
    }
    assert.equal((await run(["query", twice, "--format", "csv"])).stdout, "x,x\n1,2\n");
    const writes = await run(["query", "DELETE FROM traces"]);
    assert.deepEqual([writes.code, writes.stdout], [2, ""]);
    assert.match(writes.stderr, /^sightline: .*only reads/);
    assert.equal((await run(["query", "SELEC"])).code, 2);
  });

  test("query: a statement that takes too long ends the program too", { timeout: 30_000 }, async () => {
    const endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    const { code, stderr } = await cli.run(["query", endless, "--timeout", "1s"], { cwd });
    assert.equal(code, 2);
    assert.match(stderr, /^sightline: The statement has taken longer than 1000 ms\. .*--timeout\.\n$/);
  });

  test("query: messages name the file that was named", async () => {
    const run = async (sql: string) => (await cli.run(["query", sql, "traces.ndjson"], { cwd })).stderr;
    assert.match(await run("SELECT nothing FROM spans"), /^sightline: The store traces\.ndjson does not understand/);
    assert.match(await run("DELETE FROM spans"), /^sightline: query only reads: traces\.ndjson stays as it is\./);
  });

  test("colours: on request only, and never with NO_COLOR", async () => {
    assert.ok(!(await run(["show", TUTOR])).stdout.includes(ESC));
    assert.ok(!(await run(["list"], { NO_COLOR: "1" })).stdout.includes(ESC));
    const colored = await run(["show", TUTOR], { FORCE_COLOR: "1" });
    assert.ok(colored.stdout.startsWith(`${ESC}[1mrun_math_tutor${ESC}[22m  ${ESC}[32mok${ESC}[39m`));
    assert.ok(colored.stdout.includes(`${ESC}[31m✗ messages.list${ESC}[0m`));
  });

  test("what traces say neither moves the cursor nor turns a line around", async () => {
    const evil = "a\x1b[2J\x07\u202eb\nc";
    const records = chatTraces(1).map((record) => ({ ...record, name: evil, input: evil, trace: { userId: evil } }));
    const folder = await cli.folder({ "evil.ndjson": lines(records) });
    for (const args of [
      ["list"],
      ["show", "latest"],
      ["show", "latest", "--payloads"],
      ["cost", "--by", "user"],
      ["stats"],
      ["show", "latest", "--span", "0"],
    ]) {
      const { stdout, code } = await cli.run([...args, "evil.ndjson"], { cwd: folder });
      assert.equal(code, 0);
      assert.doesNotMatch(stdout, CONTROLS, args.join(" "));
    }
    const csv = await cli.run(["export", "evil.ndjson", "--to", "csv"], {
      cwd: await cli.folder({ "evil.ndjson": lines(records.map((record) => ({ ...record, name: "=1+1" }))) }),
    });
    assert.match(csv.stdout, /,'=1\+1,/);
  });

  test("a reader who has seen enough closes the pipe: exit code 0, and not a word", async () => {
    const folder = await cli.folder({ "many.ndjson": lines(chatTraces(4_000)) });
    const child = cli.start(["list", "many.ndjson", "--json", "-n", "4000"], { cwd: folder });
    let said = "";
    child.stderr.on("data", (chunk) => (said += chunk));
    await once(child.stdout, "readable");
    child.stdout.destroy();
    assert.deepEqual(await once(child, "close"), [0, null]);
    assert.equal(said, "");
  });

  test("directories, patterns, several files and compressed ones are read together", async () => {
    const records = chatTraces(6);
    const folder = await cli.folder({
      ".traces/a.ndjson": lines(records.slice(0, 2)),
      "logs/b.ndjson": lines(records.slice(2, 4)),
      "logs/c.ndjson.gz": gzipSync(lines(records.slice(4))),
      "torn.ndjson": `${lines(records.slice(0, 1))}{"record":"sp`,
    });
    const count = async (...args: string[]) => {
      const { stdout, stderr } = await cli.run(["list", "--json", ...args], { cwd: folder });
      return [stdout.split("\n").length - 1, stderr];
    };
    assert.deepEqual(await count(), [2, ""]);
    assert.deepEqual(await count("logs"), [4, ""]);
    assert.deepEqual(await count("logs/*.gz"), [2, ""]);
    assert.deepEqual(await count(".traces", "logs/b.ndjson"), [4, ""]);
    assert.deepEqual(await count("torn.ndjson"), [1, "sightline: left out, as they hold no record: 1 line\n"]);
  });
});
