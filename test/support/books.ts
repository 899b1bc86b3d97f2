/** The postcondition of every fault test: nothing is lost without being counted. */
import assert from "node:assert/strict";
import type { LaneStats, Stats } from "../../src/core/runtime.ts";

/** `started = ended + open`, and for every sink what came in is somewhere. */
export function assertBooks(stats: Stats): void {
  assert.equal(stats.started, stats.ended + stats.open, `started: ${JSON.stringify(stats)}`);
  for (const [name, lane] of Object.entries(stats.sinks)) assertLane(name, lane);
}

/** `emitted + replayed = written + queued + spooled + sampledOut + Σ dropped`, and no figure is below zero. */
export function assertLane(name: string, lane: LaneStats): void {
  const shown = `${name}: ${JSON.stringify(lane)}`;
  const { emitted, replayed, written, queued, bytes, spooled, sampledOut, retries } = lane;
  const dropped = Object.values(lane.dropped);
  for (const figure of [emitted, replayed, written, queued, bytes, spooled, sampledOut, retries, ...dropped]) {
    assert.ok(Number.isInteger(figure) && figure >= 0, shown);
  }
  const lost = dropped.reduce((sum, count) => sum + count, 0);
  assert.equal(emitted + replayed, written + queued + spooled + sampledOut + lost, shown);
  assert.equal(queued === 0, bytes === 0, shown);
}
