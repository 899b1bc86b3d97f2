import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const root = new URL("../..", import.meta.url).pathname;
const run = promisify(execFile);

interface Line {
  contender: string;
  workload: string;
  figures: Record<string, number>;
}

test("every workload of the benchmark runs, delivers what it counts, and is in the tables", async () => {
  const { stdout } = await run(process.execPath, ["bench/smoke.js"], { cwd: root });
  const lines: Line[] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const { WORKLOADS } = await import(`${root}bench/lib/workloads.js`);
  const { documentOf } = await import(`${root}bench/lib/document.js`);
  const { BUDGETS, judge } = await import(`${root}bench/lib/budgets.js`);
  const workloads: Record<string, Record<string, Line["figures"]>[]> = {};
  for (const { contender, workload, figures } of lines) {
    workloads[workload] ??= [{}];
    workloads[workload][0]![contender] = figures;
    for (const value of Object.values(figures)) assert.ok(Number.isFinite(value), `${contender}, ${workload}`);
  }
  for (const [workload, { sizes, contenders }] of Object.entries<any>(WORKLOADS)) {
    if (sizes.smoke === undefined) continue;
    for (const ours of ["bare", "als", "floor", "sightline", "plain"].filter((name) => contenders.includes(name))) {
      assert.ok(workloads[workload]?.[0]?.[ours], `${ours} did not run ${workload}`);
    }
    assert.equal(workloads[workload]?.[0]?.["sightline"]?.["loss"] ?? 0, 0, `${workload} lost spans`);
  }
  const written = documentOf({ date: "2026-11-22", machine: "one", runs: [{ node: "20.0.0", workloads }] });
  for (const { title } of Object.values<any>(WORKLOADS).filter(({ sizes }) => sizes.smoke)) {
    assert.ok(written.includes(title), title);
  }
  // Those beside a peer have no figure where bench/peers is not installed.
  const judged = BUDGETS.filter((budget: object) => judge(budget, workloads) !== undefined);
  assert.ok(judged.length >= 21, `${judged.length} budgets judged`);
});

test("a wrong flag is said in one line, and nothing is measured", async () => {
  const cases: [string, RegExp][] = [
    ["--only=leef", /--only: no "leef"; there are leaf, nested/],
    ["--contenders=me", /--contenders: no "me"; there are bare, als/],
    ["--rounds=0", /--rounds takes a number from 1 to 9999, not "0"/],
    ["--node=3", /--node: no Node 3 here; npm ci --prefix test\/compat\/node/],
    ["--only=", /--only is empty/],
    ["--onyl=leaf", /Unknown option '--onyl'/],
    ["--from=nowhere.json", /--from: no such file: nowhere.json/],
  ];
  for (const [flag, message] of cases) {
    const failed = await run(process.execPath, ["bench/run.js", flag], { cwd: root }).catch((error) => error);
    assert.equal(failed.code, 2, flag);
    assert.match(failed.stderr, message);
    assert.equal(failed.stdout, "");
  }
});
