import { dollars } from "../sinks/console-text.ts";
import type { TraceSummary } from "../store/trace-store.ts";

/** What something cost: nothing where that is not known, at least so much where some of it has no price. */
export function costText(sums: Pick<TraceSummary, "costUsd" | "unpriced">): string {
  const { costUsd = 0, unpriced = 0 } = sums;
  if (unpriced > 0) return costUsd === 0 ? "–" : `≥ ${dollars(costUsd)}`;
  return sums.costUsd === undefined ? "" : dollars(costUsd);
}
