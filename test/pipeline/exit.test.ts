import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, type TestContext, test } from "node:test";
import type { LaneStats } from "../../src/core/runtime.ts";
import { type ExitTarget, installExitHooks } from "../../src/pipeline/exit.ts";
import { bundlePrograms } from "../support/programs.ts";
import { assertBooks, recorder, rig, turns } from "./rig.ts";

const SOURCE = "test/pipeline/exit-child.ts";
const programs = await bundlePrograms("exit", [SOURCE]);
after(() => programs.remove());

interface Death {
  readonly code: number | null;
  /** Records by the call that took them. */
  readonly write: number;
  readonly writeSync: number;
  readonly flushes: number;
  readonly stats: LaneStats;
}

/** Runs the child until it is dead, and checks its books. */
async function die(death: string, kind: string, emitted: number): Promise<Death> {
  const args = [programs.path(SOURCE), death, kind];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  const lines = output.trim().split("\n");
  const stats = JSON.parse(lines.pop()!) as LaneStats;
  assertBooks({ stats: () => ({ sink: stats }) }, emitted);
  const sum = (how: string): number =>
    lines.reduce((total, line) => total + (line.startsWith(`${how} `) ? Number(line.slice(how.length)) : 0), 0);
  return { code, write: sum("write"), writeSync: sum("writeSync"), flushes: sum("flushes"), stats };
}

test("ways to die", { concurrency: 2 }, async (t) => {
  const deaths: Promise<void>[] = [];
  const run = (name: string, fn: () => Promise<void>): void => void deaths.push(t.test(name, fn));

  run("natural end: flushed, and only last words are spilled", async () => {
    const { code, write, writeSync, flushes } = await die("natural", "spilling", 1_001);
    assert.deepEqual({ code, write, writeSync, flushes }, { code: 0, write: 1_000, writeSync: 1, flushes: 1 });
  });

  run("natural end with a host that goes on: flushed again", async () => {
    const { code, write, stats } = await die("late", "remote", 1_003);
    assert.deepEqual({ code, write, dropped: stats.dropped }, { code: 0, write: 1_002, dropped: { exit: 1 } });
  });

  run("natural end with a hanging sink: the process ends, and the loss is counted", async () => {
    const { code, flushes, stats } = await die("natural", "hanging", 1_001);
    assert.deepEqual({ code, flushes, dropped: stats.dropped }, { code: 0, flushes: 1, dropped: { exit: 1_001 } });
  });

  for (const [death, expected] of [
    ["exit", 0],
    ["throw", 1],
    ["reject", 1],
  ] as const) {
    run(`${death}: everything is spilled, the exit code is kept`, async () => {
      const { code, write, writeSync } = await die(death, "spilling", 1_001);
      assert.deepEqual({ code, write, writeSync }, { code: expected, write: 0, writeSync: 1_001 });
    });
  }

  run("process.exit with a batch in flight: that one too", async () => {
    const { code, writeSync, stats } = await die("exit in flight", "spilling", 1_001);
    assert.deepEqual({ code, writeSync, written: stats.written }, { code: 3, writeSync: 1_001, written: 1_001 });
  });

  run("process.exit with a sink that has no writeSync: counted", async () => {
    const { code, write, stats } = await die("exit", "remote", 1_001);
    assert.deepEqual({ code, write, dropped: stats.dropped }, { code: 0, write: 0, dropped: { exit: 1_001 } });
  });

  await Promise.all(deaths);
});

/** Installs targets into a fresh slot; returns the listeners that the process got, which go with the test. */
function install(t: TestContext, targets: readonly Pick<ExitTarget, "flush" | "spillSync" | "stats">[]) {
  const before = new Set([...process.listeners("exit"), ...process.listeners("beforeExit")] as unknown[]);
  const slot = { shared: new Map<string, unknown>() };
  const letGo = targets.map((target) =>
    installExitHooks(slot, { abandon() {}, async exportOpen() {}, losses: () => undefined, ...target }),
  );
  const exit = process.listeners("exit").filter((listener) => !before.has(listener)) as (() => void)[];
  const beforeExit = process.listeners("beforeExit").filter((listener) => !before.has(listener)) as (() => void)[];
  t.after(() => {
    for (const listener of exit) process.off("exit", listener);
    for (const listener of beforeExit) process.off("beforeExit", listener);
  });
  return { exit, beforeExit, letGo };
}

test("hooks are set once per process, and a target can be let go", (t) => {
  const { emitMany, ...pipeline } = rig(t, [recorder()]);
  const spills = [0, 0];
  const targets = [0, 1].map((i) => ({ ...pipeline, spillSync: () => void spills[i]!++ }));
  const { exit, beforeExit, letGo } = install(t, targets);
  assert.deepEqual([exit.length, beforeExit.length], [1, 1]);
  exit[0]!();
  assert.deepEqual(spills, [1, 1]);
  letGo[0]!();
  exit[0]!();
  assert.deepEqual(spills, [1, 2]);
});

test("a target that throws does not keep the others from being spilled", (t) => {
  const pipeline = rig(t, [recorder()]);
  let spilled = 0;
  const fail = (): never => {
    throw new Error("no");
  };
  const { exit } = install(t, [
    { ...pipeline, spillSync: fail },
    { ...pipeline, spillSync: () => void spilled++ },
  ]);
  exit[0]!();
  assert.equal(spilled, 1);
});

test("beforeExit flushes once, and again only for new records", async (t) => {
  const { emitMany, ...pipeline } = rig(t, [recorder()]);
  let flushes = 0;
  const flush = () => {
    flushes++;
    return pipeline.flush();
  };
  const { beforeExit } = install(t, [{ ...pipeline, flush }]);
  const end = async (): Promise<number> => {
    beforeExit[0]!();
    beforeExit[0]!();
    await turns();
    return flushes;
  };
  assert.deepEqual([await end(), await end()], [1, 1]);
  emitMany(3);
  assert.deepEqual([await end(), await end()], [2, 2]);
  assert.equal(pipeline.lane().written, 3);
});

test("all flushes of beforeExit together take two seconds, even for records that never end", async (t) => {
  const { emitMany, ...pipeline } = rig(t, [recorder()]);
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const timeouts: (number | undefined)[] = [];
  const flush: ExitTarget["flush"] = (options) => {
    timeouts.push(options?.timeoutMs);
    now += 1_500;
    emitMany(1);
    return pipeline.flush(options);
  };
  const { beforeExit } = install(t, [{ ...pipeline, flush }]);
  for (let i = 0; i < 4; i++) {
    beforeExit[0]!();
    await turns();
  }
  assert.deepEqual(timeouts, [2_000, 500]);
});
