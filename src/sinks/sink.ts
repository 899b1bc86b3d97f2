import type { TraceRecord } from "../core/record.ts";

/** What a sink that took only part of a batch says about the rest. Rejected records are counted and not sent again. */
export interface WriteResult {
  readonly rejected?: readonly { readonly spanId: string; readonly reason: string }[];
}

/**
 * Where records go. A custom sink is one object with a name and a function.
 *
 * @example
 * configure({ sinks: [{ name: "mine", write: (batch) => console.log(batch.length) }] });
 */
export interface Sink {
  readonly name: string;
  /** Take a batch. Throw or reject with `SinkError` to say whether trying again can help; any other error means later. */
  write(batch: readonly TraceRecord[], signal: AbortSignal): void | WriteResult | Promise<void | WriteResult>;
  /** Last chance inside process `exit`. Synchronous, best effort. */
  writeSync?(batch: readonly TraceRecord[]): void;
  /** Push out what the sink itself still holds. */
  flush?(): void | Promise<void>;
  close?(): void | Promise<void>;
}
