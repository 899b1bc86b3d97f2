import { figuresBetween, IS_RATE_LIMITED } from "../figures.ts";
import type { Scan } from "./scan.ts";
import * as at from "./tally.ts";

/** Counts span by span. */
export function countSpans(
  { connection, project, query, groups, user, tally }: Scan,
  fromUs: number,
  toUs: number,
): void {
  const { places } = groups;
  const { bucketUs = 0, percentiles = false } = query;
  for (const spans of figuresBetween(connection, project, fromUs, toUs)) {
    const { count, startUs, durationNs, inputTokens, outputTokens, costUsd, dim, user: users, flags } = spans;
    for (let i = 0; i < count; i++) {
      const us = startUs[i]!;
      const place = dim[i]! < places.length ? places[dim[i]!]! : -1;
      if (place < 0 || us < fromUs || us >= toUs || (user !== undefined && users[i] !== user)) continue;
      const part = tally.part(tally.member(place >> 1, users[i]!), bucketUs === 0 ? 0 : Math.floor(us / bucketUs));
      const { figures } = tally;
      const [input, output, cost] = [inputTokens[i]!, outputTokens[i]!, costUsd[i]!];
      const [hasInput, hasOutput] = [!Number.isNaN(input), !Number.isNaN(output)];
      figures[part + at.COUNT]! += 1;
      figures[part + at.ERRORS]! += place & 1;
      if (flags[i]! & IS_RATE_LIMITED) figures[part + at.RATE_LIMITED]! += 1;
      if (hasInput) figures[part + at.INPUT_TOKENS]! += input;
      if (hasOutput) figures[part + at.OUTPUT_TOKENS]! += output;
      if (!Number.isNaN(cost)) figures[part + at.COST_USD]! += cost;
      else if (hasInput || hasOutput) figures[part + at.UNPRICED]! += 1;
      figures[part + at.SUM]! += durationNs[i]!;
      if (percentiles) tally.addDuration(part, durationNs[i]!);
    }
  }
}
