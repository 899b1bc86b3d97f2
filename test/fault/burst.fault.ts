/** What a burst of a million spans does to its process while the sink is down: `bench/burst.js`, with the limits it must keep. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Stats } from "sightline";
import { assertBooks } from "../support/books.ts";
import { count, figure, median } from "./lab/figures.ts";

interface Sample {
  readonly perTurn: number;
  readonly stats: Stats;
  readonly figures: { readonly growthMiB: number; readonly growthWarmMiB: number; readonly p99Ms: number };
}

const RUNS = 3;
const SPANS = 1_000_000;
/** The child's first span and its 100,000 into a healthy sink. */
const BEFORE = 100_001;

for (const sink of ["hanging", "dead"]) {
  test(`P3 P4 ${count(SPANS)} spans into a ${sink} sink in a heap of 96 MB: alive, bounded, all accounted for`, async (t) => {
    const bench = fileURLToPath(new URL("../../bench/burst.js", import.meta.url));
    const { NODE_OPTIONS: _, ...env } = process.env;
    const args = [bench, "--json", `--runs=${RUNS}`, `--spans=${SPANS}`, sink];
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    const samples = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Sample);
    assert.equal(samples.length, 2 * RUNS);

    for (const { stats } of samples) {
      assertBooks(stats);
      const lane = stats.sinks["sink"]!;
      assert.deepEqual([stats.started, stats.open, lane.emitted], [BEFORE + SPANS, 0, BEFORE + SPANS]);
      assert.deepEqual(Object.keys(lane.dropped), ["queue_full"]);
      assert.ok(lane.queued >= 10_000 && lane.queued <= 100_000, `${lane.queued} queued`);
    }

    for (const perTurn of [100, 1_000]) {
      const of = (name: keyof Sample["figures"]) =>
        samples.filter((sample) => sample.perTurn === perTurn).map(({ figures }) => figures[name]);
      const growthMiB = median(of("growthMiB"));
      const delays = of("p99Ms");
      figure(
        t,
        `${count(perTurn)} spans a turn, median of ${RUNS}: memory grew by ${growthMiB} MiB ` +
          `(${median(of("growthWarmMiB"))} MiB over a busy process), event-loop delay p99 ${median(delays).toFixed(1)} ms`,
      );
      assert.ok(growthMiB < 64, `${growthMiB} MiB`);
    }
  });
}
