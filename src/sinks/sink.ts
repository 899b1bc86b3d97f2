import type { CallWatch } from "../core/call-watch.ts";
import type { TraceRecord } from "../core/record.ts";
import type { DropReason } from "../core/runtime.ts";

/** What a sink that took only part of a batch says about the rest. Rejected records are counted and not sent again. */
export interface WriteResult {
  readonly rejected?: readonly { readonly spanId: string; readonly reason: string }[];
}

/** What became of records that a sink had taken; the lane works it into its own figures. */
export interface SinkStats {
  /** What `write` and `writeSync` have taken, for a sink that several configurations share for a while. */
  readonly taken?: number;
  /** Taken over from an earlier process. */
  readonly replayed: number;
  /** Safe on disk and not yet delivered. */
  readonly spooled: number;
  readonly dropped: { readonly [reason in DropReason]?: number };
  readonly lastError?: string;
}

/** Which traces a tail-sampled sink gets; made by `keepIf`. */
export interface TailRule {
  /** Looks at what is known of a trace as it is decided. */
  readonly keep: (records: readonly TraceRecord[]) => boolean;
  /** Milliseconds after the root has ended, for children and scores that come later. */
  readonly graceMs: number;
  /** Milliseconds after a trace's first record from which on it is decided without its root. */
  readonly maxWaitMs: number;
  /** The most traces that wait to be decided, and the most heap bytes they keep. */
  readonly maxTraces: number;
  readonly maxBytes: number;
  /** What becomes of the oldest waiting trace when there is no room and none has ended: it goes on, or is dropped (`tail_full`). */
  readonly whenFull: "keep" | "drop";
}

/** What the lane does with records on behalf of a sink. Set by `filter`, `sample`, `mask` and `keepIf`. */
export interface SinkPolicy {
  /**
   * Runs once for each record, off the caller's turn, as its batch is formed. `undefined`: not for this sink, counted as
   * `sampledOut`. What it throws drops the record, counted as `policy_failed`. The record is frozen.
   */
  readonly prepare?: (record: TraceRecord) => TraceRecord | undefined;
  readonly tail?: TailRule;
  /**
   * For sinks that `writeSync` makes safe in little time. `record`: every record goes there inside `span.end()`. `batch`:
   * within the batch interval, and at once when the memory for what waits is full.
   */
  readonly durability?: "batch" | "record";
  /** So many records make a batch where `delivery` of `configure` does not say: for sinks whose requests cost more than the records in them. */
  readonly batchRecords?: number;
  /**
   * So many batches may be on their way at once, and arrive in any order. Default 1, as for every sink with `writeSync` and
   * behind a spool. Until the sink has taken something, at first and after a failure, it is one.
   */
  readonly concurrency?: number;
  /** Wants the records of traces that head sampling left out too: monitors. */
  readonly unsampled?: true;
}

/**
 * Where records go. A custom sink is one object with a name and a function.
 *
 * @example
 * configure({ sinks: [{ name: "mine", write: (batch) => console.log(batch.length) }] });
 */
export interface Sink {
  readonly name: string;
  /** Tells apart what has one name, without saying it: a fingerprint of the address. A spool keeps records by both. */
  readonly destination?: string;
  /**
   * Take a batch. Throw or reject with `SinkError` to say whether trying again can help. Of other errors, a `TypeError`
   * without cause and its like mean that one record is at fault, all others mean later.
   *
   * What goes out in several steps may be taken in part. Then `remaining` of the `SinkError` says which records of the
   * batch have not been taken, and what the error asks for is about those alone. The others count as written, except for
   * those in its `rejected`, and do not come again; a spool has them delivered.
   */
  write(batch: readonly TraceRecord[], signal: AbortSignal): void | WriteResult | Promise<void | WriteResult>;
  /** Last chance inside process `exit`. Synchronous, best effort. Its `SinkError` may have `remaining` too. */
  writeSync?(batch: readonly TraceRecord[]): void;
  /**
   * Push out what the sink itself still holds. The signal comes when nobody waits for it any more. `isLast`: nothing comes
   * after this, as the process ends. A sink with `stats` and without `writeSync` is called once more inside process
   * `exit`, with a signal that is aborted: what it holds is lost, and it counts that.
   */
  flush?(signal?: AbortSignal, isLast?: boolean): void | Promise<void>;
  /** The signal comes when nobody waits for it any more. */
  close?(signal?: AbortSignal): void | Promise<void>;
  /** Called as the sink becomes part of a configuration: a spool begins to replay what an earlier process left. */
  open?(): void;
  /** For a sink that keeps records after `write` has returned. */
  stats?(): SinkStats;
  readonly policy?: SinkPolicy;
  /** Hears of model calls before they are made, and may refuse them: budgets. */
  readonly modelCalls?: CallWatch;
  /**
   * For a sink that lets records wait in memory before it sends them: the same with `wrap` between the two. So a spool has
   * what goes to the sink, and nothing that it took over has to wait again.
   */
  through?(wrap: (sink: Sink) => Sink): Sink;
}
