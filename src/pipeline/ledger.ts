import type { DropReason, LaneStats } from "../core/runtime.ts";

/** The books of a lane. */
export interface Ledger {
  emitted: number;
  written: number;
  rejected: number;
  retries: number;
  lastError: string | undefined;
  drop(reason: DropReason, count: number): void;
  stats(queue: { readonly records: number; readonly bytes: number }): LaneStats;
}

export function createLedger(): Ledger {
  const dropped: { [reason in DropReason]?: number } = {};
  return {
    emitted: 0,
    written: 0,
    rejected: 0,
    retries: 0,
    lastError: undefined,
    drop(reason, count) {
      dropped[reason] = (dropped[reason] ?? 0) + count;
    },
    stats({ records, bytes }) {
      const { emitted, written, rejected, retries, lastError } = this;
      const stats = { emitted, written, queued: records, bytes, rejected, dropped: { ...dropped }, retries };
      return lastError === undefined ? stats : { ...stats, lastError };
    },
  };
}

/** Records that did not reach the sink and never will. */
export function lostCount({ rejected, dropped }: LaneStats): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, rejected);
}
