import { sumsBetween, WIDTHS, type Width } from "../rollups.ts";
import type { Scan } from "./scan.ts";
import * as at from "./tally.ts";

/** Adds up the sums of whole hours (days), from `from` to before `to`, counted since 1970. */
export function countRollups(scan: Scan, width: Width, from: number, to: number): void {
  const { connection, project, query, tally } = scan;
  const { places } = scan.groups;
  const wide = query.bucketUs === undefined ? Number.POSITIVE_INFINITY : query.bucketUs / WIDTHS[width];
  for (const { time, sums } of sumsBetween(connection, width, project, from, to)) {
    const bucket = Math.floor(time / wide);
    const { dim, count, rateLimited, inputTokens, outputTokens, costUsd, unpriced, durationNs } = sums;
    for (let i = 0; i < dim.length; i++) {
      const place = dim[i]! < places.length ? places[dim[i]!]! : -1;
      if (place < 0) continue;
      const part = tally.part(tally.member(place >> 1, 0), bucket);
      const { figures } = tally;
      figures[part + at.COUNT]! += count[i]!;
      if (place & 1) figures[part + at.ERRORS]! += count[i]!;
      figures[part + at.RATE_LIMITED]! += rateLimited[i]!;
      figures[part + at.INPUT_TOKENS]! += inputTokens[i]!;
      figures[part + at.OUTPUT_TOKENS]! += outputTokens[i]!;
      figures[part + at.COST_USD]! += costUsd[i]!;
      figures[part + at.UNPRICED]! += unpriced[i]!;
      figures[part + at.SUM]! += durationNs[i]!;
    }
  }
}
