import { deflateSync } from "node:zlib";
import { median } from "../../test/fault/lab/figures.ts";

/** µs that the machine of the reference took. */
export const REFERENCE_US = 22;
const SPANS = 32;
const TIMES = 41;

/**
 * How quick is the machine just now? The function that it gives back measures µs of CPU for one of the first 32 spans: zlib's deflate
 * of level 1 of their lines, median of 41.
 */
export function calibrator(spans: readonly object[]): () => number {
  const lines = spans.slice(0, SPANS).map((span) => JSON.stringify(span));
  const chunk = Buffer.from(lines.join("\n"));
  return () => {
    const times: number[] = [];
    for (let i = 0; i < TIMES; i++) {
      const before = process.cpuUsage();
      deflateSync(chunk, { level: 1 });
      const { user, system } = process.cpuUsage(before);
      times.push((user + system) / SPANS);
    }
    return median(times);
  };
}
