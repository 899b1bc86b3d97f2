/** The command line as a user runs it: the built file, in processes of its own, on what dead processes left. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { flakyServer } from "../../src/testing/flaky-server.ts";

const root = new URL("../..", import.meta.url).pathname;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      args,
      { cwd: root, env: { ...process.env, ...env } },
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode ?? -1, stdout, stderr });
      },
    );
  });
}

const sightline = (...args: string[]) => run(["dist/cli/main.js", ...args]);

/** A process that spools so many spans for a collector that is down, and dies. */
async function leave(dir: string, name: string, count: number): Promise<void> {
  const program = `
    import { configure, spool, startSpan } from "sightline";
    import { httpSink } from "sightline/sinks/http";
    configure({ sinks: [spool(httpSink({ url: "http://127.0.0.1:9", name: "${name}" }), { dir: ${JSON.stringify(dir)} })] });
    for (let i = 0; i < ${count}; i++) startSpan("left " + i).end();
    process.exit(0);
  `;
  assert.equal((await run(["--input-type=module", "--eval", program])).code, 0);
}

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), "sightline-cli-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

// Mostly waiting, each for processes of its own.
describe("sightline spool", { concurrency: 5 }, () => {
  test("P7 status shows what a dead process left, replay delivers it, and then nothing waits", async (t) => {
    const dir = folder(t);
    await using server = await flakyServer([{ ok: true }]);
    await leave(dir, "collector", 300);

    const before = await sightline("spool", "status", dir);
    assert.match(before.stdout, /^sink +records +bytes +segments +owner +state\ncollector-\w+ +300 .* left behind\n$/);

    const replayed = await sightline("spool", "replay", dir, "--to", server.url);
    assert.deepEqual([replayed.code, replayed.stdout], [0, "delivered 300 of 300 records\n"]);
    const names = server.records().map(({ name }) => name);
    assert.deepEqual(
      names,
      Array.from({ length: 300 }, (_, i) => `left ${i}`),
    );

    assert.equal((await sightline("spool", "status", dir)).stdout, `${dir}: nothing waits here\n`);
    assert.equal((await sightline("spool", "replay", dir, "--to", "console")).stdout, `${dir}: nothing waits here\n`);
  });

  test("what the sink does not take stays, and the exit code says so", async (t) => {
    const dir = folder(t);
    await leave(dir, "collector", 5);
    const { code, stdout } = await sightline("spool", "replay", dir, "--to", "http://127.0.0.1:9");
    assert.equal(code, 1);
    assert.match(stdout, /^delivered 0 of 5 records; 5 wait: /);
    const [owner] = JSON.parse((await sightline("spool", "status", dir, "--json")).stdout);
    assert.match(owner.sink, /^collector-/);
    assert.deepEqual([owner.waiting, owner.isLiving], [5, false]);
  });

  test("with records of several sinks, replay wants to know whose", async (t) => {
    const dir = folder(t);
    await Promise.all([leave(dir, "a", 2), leave(dir, "b", 3)]);
    const unsure = await sightline("spool", "replay", dir, "--to", "console:json");
    assert.equal(unsure.code, 2);
    const [, a, b] = /holds records of several sinks; say --from (a-\w+) or (b-\w+)/.exec(unsure.stderr)!;
    assert.ok(a !== undefined && b !== undefined);
    const one = await sightline("spool", "replay", dir, "--from", b, "--to", "console:json");
    assert.equal(one.stdout, "delivered 3 of 3 records\n");
  });

  test("a slip of the pen is told in one line", async () => {
    const told = async (...args: string[]) => {
      const { code, stderr } = await sightline("spool", ...args);
      assert.deepEqual([code, stderr.split("\n").length], [2, 2], stderr);
      return stderr;
    };
    assert.match(
      await told("replay", ".", "--to", "nowhere"),
      /^sightline: --to takes console, .* it is "nowhere"\.\n$/,
    );
    assert.match(await told("replay", ".", "--to", "console", "--from", "x"), /"\." has no records of "x"/);
    assert.match(await told("replay", "no/such", "--to", "console"), /"no\/such" is no directory/);
    assert.match(await told("status", "package.json"), /"package.json" is no directory/);
    assert.match((await sightline("spool", "replay", ".")).stderr, /required option '--to <sink>' not specified/);
    assert.match((await sightline("spol")).stderr, /unknown command 'spol'\n\(Did you mean spool\?\)/);
  });

  test("P7 a server that wants none of it (a wrong address, an expired key) loses nothing", async (t) => {
    const dir = folder(t);
    await leave(dir, "collector", 300);
    for (const status of [401, 404, 302]) {
      await using server = await flakyServer([{ status }]);
      const { code, stdout } = await sightline("spool", "replay", dir, "--to", server.url);
      assert.equal(code, 1);
      assert.match(stdout, new RegExp(`^delivered 0 of 300 records; 300 wait: .*${status}`));
    }
    assert.equal(
      (await sightline("spool", "replay", dir, "--to", "console:json")).stdout,
      "delivered 300 of 300 records\n",
    );
  });
});
