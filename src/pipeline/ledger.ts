/** Why a record was lost. */
export type DropReason =
  /** The lane or the shared memory was full. */
  | "queue_full"
  /** The sink does not take it even alone and without input and output. */
  | "too_large"
  /** The sink said that trying again cannot help. */
  | "rejected_by_sink"
  /** Every attempt failed, for `giveUpMs`. */
  | "gave_up"
  /** It came after `shutdown()`, or could not be delivered by its deadline. */
  | "shutdown"
  /** The process ended, and the sink has no `writeSync` or it threw. */
  | "exit";

/** What became of the records of one sink. At any moment `emitted = written + queued + rejected + Σ dropped`. */
export interface LaneStats {
  readonly emitted: number;
  readonly written: number;
  /** Waiting or in flight. */
  readonly queued: number;
  /** Estimated heap bytes of what is queued. */
  readonly bytes: number;
  /** Refused one by one by a sink that took the rest of their batch. */
  readonly rejected: number;
  readonly dropped: { readonly [reason in DropReason]?: number };
  /** Attempts to send a batch once more. */
  readonly retries: number;
  readonly lastError?: string;
}

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
