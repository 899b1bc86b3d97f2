import assert from "node:assert/strict";
import { fakeClock } from "sightline/testing";
import { metrics } from "../../src/monitors/metrics/metrics.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

const normal = (): number => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

/** Seconds. */
export const SHAPES: { readonly [shape: string]: () => number } = {
  uniform: () => 0.2 + 9.8 * Math.random(),
  lognormal: () => Math.exp(Math.log(1.2) + 0.9 * normal()),
  bimodal: () => Math.max(0.001, Math.random() < 0.94 ? 0.3 + 0.03 * normal() : 25 + 2 * normal()),
  // No mean: the largest of a million is a million times the smallest.
  "Pareto with a heavy tail": () => 0.01 / (1 - Math.random()),
  constant: () => 2.5,
};

/** The statement of the sketch; what floating point adds to it, and the nanosecond that a record's times are rounded to. */
const ACCURACY = 0.01;
const ROUNDING = 1e-6;
const GROUPS = 3;
const GROUP_SPREAD = 28_000;
const WINDOW_MS = 3_600_000;

/** As records, spread over the slices of most of an hour, against the sorted list: by rank, nothing in between. */
export function assertPercentiles(draw: () => number, count: number): void {
  const clock = fakeClock();
  const watched = metrics({ clock });
  const values = new Float64Array(count);
  const batch = 1_000;
  for (let done = 0; done < count; done += batch) {
    const records = Array.from({ length: batch }, (_, i) => {
      const nanos = Math.round(Math.min(draw(), 1e6) * 1e9);
      values[done + i] = nanos / 1e9;
      return sampleSpan({
        spanId: String(done + i),
        type: "generation",
        startTime: "1000000000000000000",
        endTime: `1${String(nanos).padStart(18, "0")}`,
        genAi: { operation: "chat", requestModel: `model_${i % GROUPS}` },
      });
    });
    watched.write(records);
    clock.advance((0.9 * WINDOW_MS * batch) / count);
  }
  const ofGroup = (group: number) => values.filter((_, i) => (i % batch) % GROUPS === group).toSorted();
  const all = [values.toSorted(), ...Array.from({ length: GROUPS }, (_, group) => ofGroup(group))];
  const quantiles = { latency_p50: 0.5, latency_p95: 0.95, latency_p99: 0.99 };
  for (const [metric, q] of Object.entries(quantiles)) {
    for (const [i, exact] of all.entries()) {
      const where = i === 0 ? {} : { where: { model: `model_${i - 1}` } };
      const [reading] = watched.read(metric, { windowMs: WINDOW_MS, ...where });
      assert.equal(reading!.samples, exact.length);
      const wanted = exact[Math.floor(q * (exact.length - 1))]!;
      const off = reading!.value! / wanted - 1;
      // The bins of a group are fewer: what is so much less than the largest reads too high.
      if (i > 0 && exact.at(-1)! / wanted > GROUP_SPREAD) assert.ok(off >= -ACCURACY);
      else assert.ok(Math.abs(off) <= ACCURACY + ROUNDING, `${metric}: ${reading!.value} for ${wanted}, off by ${off}`);
    }
  }
}
