import { grouped } from "../core/grouped.ts";
import type { DropReason, LaneStats } from "../core/runtime.ts";
import type { Sink, SinkStats } from "../sinks/sink.ts";

/** The books of a lane. */
export interface Ledger {
  emitted: number;
  written: number;
  sampledOut: number;
  retries: number;
  lastError: string | undefined;
  drop(reason: DropReason, count: number): void;
  stats(
    held: { readonly records: number; readonly bytes: number },
    sink: Sink,
    clean: (text: string) => string,
  ): LaneStats;
}

const NONE: SinkStats = { replayed: 0, spooled: 0, dropped: {} };

export function createLedger(): Ledger {
  const lost: { [reason in DropReason]?: number } = {};
  return {
    emitted: 0,
    written: 0,
    sampledOut: 0,
    retries: 0,
    lastError: undefined,
    drop(reason, count) {
      if (count > 0) lost[reason] = (lost[reason] ?? 0) + count;
    },
    stats({ records, bytes }, sink, clean) {
      const { emitted, sampledOut, retries } = this;
      // What the sink took is written when it has neither kept nor lost it.
      const own = sink.stats?.() ?? NONE;
      const { spooled } = own;
      // The lane of an earlier configuration may hand over its last records now.
      const fromOthers = Math.max(0, (own.taken ?? 0) - this.written);
      const replayed = own.replayed + fromOthers;
      const written = this.written + replayed - spooled - total(own.dropped);
      const dropped = { ...lost };
      for (const [reason, count] of Object.entries(own.dropped) as [DropReason, number][]) {
        if (count > 0) dropped[reason] = (dropped[reason] ?? 0) + count;
      }
      const stats = { emitted, replayed, written, queued: records, bytes, spooled, sampledOut, dropped, retries };
      const lastError = own.lastError === undefined ? this.lastError : clean(own.lastError);
      return lastError === undefined ? stats : { ...stats, lastError };
    },
  };
}

/** Records that did not reach the sink and never will, since an earlier look. `reasons`: `gave_up 2, too_large 1`. */
export function lossesSince(now: LaneStats, before: LaneStats | undefined): { count: number; reasons: string } {
  const reasons = Object.entries(now.dropped)
    .map(([reason, count]) => ({ reason, count: count - (before?.dropped[reason as DropReason] ?? 0) }))
    .filter(({ count }) => count > 0);
  return {
    count: reasons.reduce((sum, { count }) => sum + count, 0),
    reasons: reasons.map(({ reason, count }) => `${reason} ${grouped(count)}`).join(", "),
  };
}

function total(dropped: LaneStats["dropped"]): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0);
}
