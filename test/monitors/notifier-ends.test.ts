import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bundlePrograms, type Programs } from "../support/programs.ts";

const CHILD = "test/monitors/children/notifier-ends.ts";
const ALERT = "Down: error_rate is 50 %, above 5 %";
const hanging = createServer(() => {});
let folder: string;
let programs: Programs;
let hangs: string;
let down: string;
let files = 0;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "sightline-ends-"));
  programs = await bundlePrograms("notifier-ends", [CHILD]);
  hangs = await listening(hanging);
  const closed = createServer();
  down = await listening(closed);
  closed.close();
});
after(async () => {
  hanging.closeAllConnections();
  hanging.close();
  rmSync(folder, { recursive: true });
  await programs.remove();
});

async function listening(server: typeof hanging): Promise<string> {
  await once(server.listen(0, "127.0.0.1"), "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

/** `end`: `natural`, `exit`, `throw` or a signal. `how`: `wired` to alerts, `alone`, `late` or `unconfigured`. */
async function run(url: string, end: string, how: string, ...path: string[]) {
  const child = spawn(process.execPath, [programs.path(CHILD), url, end, how, ...path]);
  let out = "";
  let err = "";
  child.stderr.on("data", (text) => (err += text));
  child.stdout.on("data", (text) => {
    out += text;
    if (String(text).includes("ready")) child.kill(end as NodeJS.Signals);
  });
  const [code, signal] = (await once(child, "close")) as [number | null, string | null];
  const lines = (text: string, part: string) => text.split("\n").filter((line) => line.includes(part));
  return { ended: code ?? signal, dead: lines(out, "dead"), said: lines(err, "sightline:") };
}

const waitingIn = (path: string): string[] =>
  JSON.parse(readFileSync(path, "utf8")).parts.notifier.channels.webhook.waiting.map(
    ({ notification }: { notification: { title: string } }) => notification.title,
  );

test("what no channel took by the end of the process is a dead letter, and said, however it ends", async () => {
  const refused = /^sightline: 1 notification for "webhook" was not delivered(; last error: .*ECONNREFUSED)?$/;
  const ends = [
    ["natural", "wired", 0, ALERT],
    ["SIGTERM", "wired", "SIGTERM", ALERT],
    ["SIGINT", "wired", "SIGINT", ALERT],
    ["exit", "wired", 3, ALERT],
    ["throw", "wired", 1, ALERT],
    ["natural", "alone", 0, "B"],
    ["SIGTERM", "alone", "SIGTERM", "B"],
    ["natural", "unconfigured", 0, ALERT],
  ] as const;
  await Promise.all(
    ends.map(async ([end, how, ended, title]) => {
      const result = await run(down, end, how);
      assert.deepEqual([result.ended, result.dead], [ended, [`dead webhook closed ${title}`]], `${end} ${how}`);
      assert.equal(result.said.length, 1, `${end} ${how}: ${result.said}`);
      assert.match(result.said[0]!, refused);
    }),
  );
});

test("what comes as the process exits is a dead letter at once, and said", async () => {
  const { dead, said } = await run(down, "exit", "late");
  assert.deepEqual(dead, [`dead webhook closed ${ALERT}`, "dead webhook closed late"]);
  assert.equal(said.length, 2);
});

test("a channel that hangs holds no process that a signal ends, and what it has not taken is said", async () => {
  for (const how of ["wired", "alone"]) {
    const { ended, dead, said } = await run(hangs, "SIGTERM", how);
    assert.deepEqual([ended, dead.length, said.length], ["SIGTERM", 1, 1], how);
  }
});

test("with a state, what waits behind a channel that hangs is in it, whatever ends the process, and nothing is said", async () => {
  const ends = [
    ["SIGKILL", "alone"],
    ["SIGKILL", "wired"],
    ["SIGTERM", "alone"],
    ["SIGTERM", "unconfigured"],
    ["exit", "alone"],
  ] as const;
  await Promise.all(
    ends.map(async ([end, how]) => {
      const path = join(folder, `${++files}.json`);
      await run(hangs, "exit", "first", path);
      assert.deepEqual(waitingIn(path), [ALERT]);
      const { dead, said } = await run(hangs, end, how === "wired" ? "second" : how, path);
      const second = how === "unconfigured" ? [] : ["B"];
      assert.deepEqual(waitingIn(path), [ALERT, ...second], `${end} ${how}`);
      assert.deepEqual([dead, said], [[], []], `${end} ${how}`);
    }),
  );
});
