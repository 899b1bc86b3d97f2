/** What a spool promises when its process dies: at least once. Children run the built package. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { configure, flush, type LaneStats, shutdown, spool, stats, type TraceRecord } from "sightline";
import { assertBooks } from "../support/books.ts";
import { runChild } from "./lab/child.ts";
import { count, figure } from "./lab/figures.ts";
import { seed, seeded } from "./lab/random.ts";

const root = mkdtempSync(join(tmpdir(), "sightline-fault-"));
after(() => rmSync(root, { recursive: true }));

const RUNS = 50;

/** One spool, the server behind it, and the processes that live and die with them. */
function scene(name: string, durability: "batch" | "record") {
  const dir = join(root, name);
  const path = join(root, `${name}.delivered`);
  const acknowledged: string[] = [];

  return {
    acknowledged,
    async live(options: object, settings: Parameters<typeof runChild>[2] = {}) {
      const end = await runChild("writer.mjs", { path, dir, durability, ...options }, settings);
      acknowledged.push(...end.lines.flatMap((line) => line.split(" ")));
      return end;
    },
    /** The next process delivers what is left; then everything acknowledged has been delivered, whole. */
    async check(message: string) {
      const delivered = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
      const { replayed, lane } = await replay(dir);
      const arrived = new Set([...delivered, ...replayed.map((record) => record.name)]);
      assert.deepEqual(
        acknowledged.filter((each) => !arrived.has(each)),
        [],
        message,
      );
      for (const record of replayed) {
        assert.equal(
          record.record === "span" && String(record.input).length,
          Number(record.name.split(":")[1]),
          message,
        );
      }
      const { corrupt = 0, ...others } = lane.dropped;
      assert.deepEqual([others, lane.queued, lane.spooled], [{}, 0, 0], message);
      assert.equal(lane.replayed, replayed.length + corrupt, message);

      const again = await replay(dir);
      assert.equal(again.replayed.length, 0, `${message}: delivered for good`);
      const twice = delivered.length + replayed.length - arrived.size;
      return { replayed: replayed.length, torn: corrupt, twice };
    },
  };
}

async function replay(dir: string): Promise<{ replayed: TraceRecord[]; lane: LaneStats }> {
  const replayed: TraceRecord[] = [];
  configure({ sinks: [spool({ name: "server", write: (batch) => void replayed.push(...batch) }, { dir })] });
  await flush();
  await shutdown();
  assertBooks(stats());
  return { replayed, lane: Object.values(stats().sinks)[0]! };
}

for (const durability of ["batch", "record"] as const) {
  test(`P7 kill -9 at random moments, spool, durability "${durability}": every acknowledged record is delivered`, async (t) => {
    const random = seeded(seed);
    const total = { acknowledged: 0, replayed: 0, torn: 0, twice: 0 };
    for (let run = 0; run < RUNS; run++) {
      const message = `run ${run} of SEED=${seed}`;
      const place = scene(`${durability}-${run}`, durability);
      const options = { seed: Math.floor(random() * 2 ** 31), isHeavy: run % 2 === 0 };
      const { signal, stderr } = await place.live(options, { killAfterMs: random() * 60 });
      assert.equal(signal, "SIGKILL", stderr);
      const { replayed, torn, twice } = await place.check(message);
      total.acknowledged += place.acknowledged.length;
      total.replayed += replayed;
      total.torn += torn;
      total.twice += twice;
    }
    const { acknowledged, replayed, torn, twice } = total;
    figure(
      t,
      `${RUNS} runs, ${count(acknowledged)} acknowledged records, 0 lost, ${count(replayed)} replayed, ${count(twice)} sent twice, ${torn} torn lines`,
    );
  });

  for (const death of ["abort", "oom", "throw", "exit", "checkpoint"]) {
    const how = death === "checkpoint" ? "kill -9 between send and checkpoint" : `${death} while writing`;
    test(`P7 ${how}, spool, durability "${durability}": every acknowledged record is delivered`, async (t) => {
      const place = scene(`${durability}-${death}`, durability);
      const settings = { nodeArgs: death === "oom" ? ["--max-old-space-size=48"] : [] };
      const { signal, code, stderr } = await place.live({ seed, death }, settings);
      if (death === "abort" || death === "oom") assert.equal(signal, "SIGABRT", stderr);
      else if (death === "checkpoint") assert.equal(signal, "SIGKILL", stderr);
      else assert.equal(code, death === "exit" ? 0 : 1, stderr);
      assert.ok(place.acknowledged.length >= 2_000);
      const { replayed, twice } = await place.check(`SEED=${seed}`);
      if (death === "checkpoint") assert.ok(twice > 0, "what the server had taken is sent again");
      figure(t, `${count(place.acknowledged.length)} acknowledged records, 0 lost, ${count(replayed)} replayed`);
    });
  }
}

test("P7 kill -9 while replaying what a killed process left, six times over: every acknowledged record is delivered", async (t) => {
  const random = seeded(seed);
  const place = scene("lives", "batch");
  for (let life = 0; life < 6; life++) {
    await place.live({ seed: Math.floor(random() * 2 ** 31), life }, { killAfterMs: random() * 60 });
  }
  const { replayed, twice } = await place.check(`SEED=${seed}`);
  figure(
    t,
    `6 lives, ${count(place.acknowledged.length)} acknowledged records, 0 lost, ${count(replayed)} replayed at last, ${count(twice)} sent twice`,
  );
});
