import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { bundlePrograms } from "../support/programs.ts";

interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly words: readonly string[];
}

const SOURCE = "test/pipeline/exit-signal-child.ts";
const programs = await bundlePrograms("exit-signals", [SOURCE]);
after(() => programs.remove());

/** Runs the child under the circumstances; each word it says may be answered with a signal. */
async function raise(
  circumstances: string,
  answers: { readonly [word: string]: NodeJS.Signals } = { ready: "SIGTERM" },
  command: readonly string[] = [process.execPath],
): Promise<End> {
  const [program = "", ...args] = [...command, programs.path(SOURCE), circumstances];
  const child: ChildProcess = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const words: string[] = [];
  createInterface({ input: child.stdout! }).on("line", (word) => {
    words.push(word);
    const answer = answers[word];
    if (answer !== undefined) process.kill(programOf(child.pid!, command), answer);
  });
  return new Promise((resolve) =>
    child.on("close", (code, signal) => resolve({ code, signal, words: words.slice(1) })),
  );
}

const ENDED = { code: null, signal: "SIGTERM", words: ["export", "flush 2000", "flushed", "spill"] };

test("P10 signals", { concurrency: 2 }, async (t) => {
  const runs: Promise<void>[] = [];
  const run = (name: string, fn: () => Promise<void>): void => void runs.push(t.test(name, fn));

  run("P10 SIGTERM to a host without a listener: exported, flushed, spilled, and ended by SIGTERM", async () => {
    assert.deepEqual(await raise("alone"), ENDED);
  });

  run("P10 SIGINT likewise", async () => {
    assert.deepEqual(await raise("alone", { ready: "SIGINT" }), { ...ENDED, signal: "SIGINT" });
  });

  run("P10 a second signal while the flush lasts: spilled and ended at once", async () => {
    const end = await raise("flush that never ends", { ready: "SIGINT", flush: "SIGINT" });
    assert.deepEqual(end, { code: null, signal: "SIGINT", words: ["export", "flush", "spill"] });
  });

  run("P10 a second signal of the other kind counts too", async () => {
    const end = await raise("flush that never ends", { ready: "SIGTERM", flush: "SIGINT" });
    assert.deepEqual(end, { code: null, signal: "SIGINT", words: ["export", "flush", "spill"] });
  });

  run("P10 a flush or an export that fails: ended all the same", async () => {
    assert.deepEqual(await raise("flush that fails"), { ...ENDED, words: ["spill"] });
  });

  run("P10 a spill that fails: ended all the same", async () => {
    assert.deepEqual(await raise("spill that fails"), { ...ENDED, words: ENDED.words.slice(0, 3) });
  });

  run("P10 signals: ['SIGTERM'] leaves SIGINT alone", async () => {
    assert.deepEqual(await raise("only SIGTERM"), ENDED);
    assert.deepEqual(await raise("only SIGTERM", { ready: "SIGINT" }), { code: null, signal: "SIGINT", words: [] });
  });

  run("P10 signals: false, and a target that was let go: nothing of ours listens", async () => {
    for (const circumstances of ["off", "let go"]) {
      assert.deepEqual(await raise(circumstances), { code: null, signal: "SIGTERM", words: [] }, circumstances);
    }
  });

  run("P10 two targets of one process: one listener, both are spilled", async () => {
    const { signal, words } = await raise("twice");
    assert.equal(signal, "SIGTERM");
    assert.deepEqual(
      words.filter((word) => /spill/.test(word)),
      ["spill", "second spill"],
    );
  });

  run("P10 two copies that share no slot: neither takes the other for the host", async () => {
    const { signal, words } = await raise("two copies");
    assert.equal(signal, "SIGTERM");
    assert.deepEqual(words.filter((word) => /spill/.test(word)).sort(), ["other spill", "spill"]);
  });

  for (const circumstances of ["host", "host, later", "host, once and earlier", "signal-exit 4 and host"]) {
    run(`P10 ${circumstances}: its listener runs once and has the word; we flush`, async () => {
      const { code, signal, words } = await raise(circumstances);
      assert.deepEqual({ code, signal }, { code: 7, signal: null });
      const expected = ["flush 2000", "flushed", "host SIGTERM"];
      assert.deepEqual(words.filter((word) => !word.startsWith("signal-exit")).sort(), expected);
    });
  }

  run("P10 a host that ignores the signal is not ended", async () => {
    const { code, signal, words } = await raise("host that ignores");
    assert.deepEqual({ code, signal, words }, { code: 0, signal: null, words: ["flush 2000", "flushed"] });
  });

  run("P10 a host that raises the signal again when it is done: ended by it, after a flush", async () => {
    const { code, signal, words } = await raise("host that raises again");
    assert.deepEqual({ code, signal }, { code: null, signal: "SIGTERM" });
    assert.equal(words.filter((word) => word === "host").length, 1);
    assert.equal(words.at(-1), "spill");
  });

  for (const [circumstances, handlers] of [
    ["signal-exit 3", ["signal-exit3 SIGTERM"]],
    ["signal-exit 4", ["signal-exit4 SIGTERM"]],
    ["signal-exit 3 and 4", ["signal-exit3 SIGTERM", "signal-exit4 SIGTERM"]],
  ] as const) {
    run(
      `P10 ${circumstances}, which waits for whoever listens beside it: ended after our flush and its handlers`,
      async () => {
        const { code, signal, words } = await raise(circumstances);
        assert.deepEqual({ code, signal }, { code: null, signal: "SIGTERM" });
        assert.deepEqual(words.slice(0, 4), ENDED.words);
        assert.deepEqual(words.slice(4).sort(), handlers);
      },
    );
  }

  run("P10 signal-exit and a second signal: ended at once, its handler has run", async () => {
    const end = await raise("signal-exit 4, flush that never ends", { ready: "SIGTERM", flush: "SIGTERM" });
    assert.deepEqual(end, { ...ENDED, words: ["export", "flush", "spill", "signal-exit4 SIGTERM"] });
  });

  const { how, circumstances, command } = firstProcess();
  run(`P10 as the first process of a container (${how}), which its own signals do not end: exit code 143`, async () => {
    const { code, words } = await raise(circumstances, undefined, command);
    assert.deepEqual({ code, words }, { code: 143, words: ENDED.words });
  });

  await Promise.all(runs);
});

/** A process namespace of its own where that is allowed. */
function firstProcess(): { how: string; circumstances: string; command: readonly string[] } {
  const command = ["unshare", "--pid", "--fork", process.execPath];
  return spawnSync(command[0]!, ["--pid", "--fork", "true"]).status === 0
    ? { how: "unshare", circumstances: "alone", command }
    : { how: "simulated", circumstances: "as if it were process 1", command: [process.execPath] };
}

/** `unshare` stands between us and the program. */
function programOf(pid: number, command: readonly string[]): number {
  return command[0] === "unshare" ? Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")) : pid;
}
