/** The collector is killed in the middle of its work, again and again: what it has acknowledged is there. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { lines, postRecords } from "./support.ts";

const ROUNDS = Number(process.env["KILL_ROUNDS"] ?? 20);
const SENDERS = 8;
const PER_REQUEST = 5;
const PROGRAM = fileURLToPath(new URL("./collector-process.ts", import.meta.url));

async function start(path: string): Promise<{ child: ChildProcess; url: string }> {
  const args = ["--conditions=@sightline/source", "--import", "tsx", PROGRAM, path];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const died = once(child, "exit").then(([code]) => assert.fail(`the collector ended with ${code} before it listened`));
  const [url] = (await Promise.race([once(createInterface(child.stdout!), "line"), died])) as [string];
  // Its end is to come later.
  died.catch(() => {});
  return { child, url };
}

test(`killed ${ROUNDS} times during ingestion: no acknowledged span is lost, none is there twice`, async (t) => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  let state = seed;
  const random = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return state % most;
  };
  const directory = mkdtempSync(join(tmpdir(), "collector-fault-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "traces.db");
  /** By round, which is a trace of its own. */
  const acknowledged: Set<string>[] = [];
  let sent = 0;
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const traceId = (round + 1).toString(16).padStart(32, "a");
    const known = new Set<string>();
    acknowledged.push(known);
    const { child, url } = await start(path);
    const killAfter = 1 + random(40);
    let answers = 0;
    const sender = async (): Promise<void> => {
      for (;;) {
        const records = Array.from({ length: PER_REQUEST }, () =>
          sampleSpan({ traceId, spanId: (++sent).toString(16).padStart(16, "0"), input: "x".repeat(2_000) }),
        );
        const response = await postRecords(url, lines(records));
        if (response.status !== 200) refused++;
        else for (const { spanId } of records) known.add(spanId);
        if (++answers === killAfter) child.kill("SIGKILL");
      }
    };
    const exited = once(child, "exit");
    // Each ends with the connection that breaks.
    await Promise.allSettled(Array.from({ length: SENDERS }, sender));
    assert.deepEqual((await exited).slice(1), ["SIGKILL"]);
  }
  const store = sqliteStore({ path });
  t.after(() => store.close());
  let kept = 0;
  let total = 0;
  for (const [round, known] of acknowledged.entries()) {
    const traceId = (round + 1).toString(16).padStart(32, "a");
    const { items } = await store.spans(traceId, { limit: 10_000 });
    const ids = items.map(({ spanId }) => spanId);
    assert.equal(new Set(ids).size, ids.length, "none is there twice");
    const lost = [...known].filter((id) => !ids.includes(id));
    assert.deepEqual(lost, [], `round ${round}`);
    for (const id of [...known].slice(-3)) assert.equal((await store.span(traceId, id))?.input, "x".repeat(2_000));
    total += known.size;
    kept += ids.length;
  }
  assert.equal(refused, 0);
  assert.ok(total >= ROUNDS * PER_REQUEST);
  assert.equal((await store.stats()).spans, kept);
  t.diagnostic(`${sent} spans sent, ${total} acknowledged, ${kept} kept`);
});
