import type { DropReason } from "../core/runtime.ts";
import type { Budget } from "./budget.ts";
import type { Ledger } from "./ledger.ts";
import type { LaneTools } from "./options.ts";
import { reasonOf, rejectedCount, remainingOf } from "./outcome.ts";
import type { Batch, Queue } from "./queue.ts";

/** How records leave a lane, and its books of that. */
export interface Departures {
  head(outcome: "written" | DropReason): void;
  /** A batch that is in the queue no more. */
  batch(batch: Batch, outcome: "written" | DropReason): void;
  /** What the sink has taken of the head before it failed. The rest stays, which may be nothing. False when it took nothing. */
  part(error: unknown): boolean;
  /** Of so many records that were taken, those that the sink counts as refused. */
  refused(result: unknown, taken: number): void;
}

/** `complain` notes why the sink has refused records. */
export function createDepartures(
  queue: Queue,
  budget: Budget,
  ledger: Ledger,
  left: LaneTools["left"],
  complain: (error: unknown) => void,
): Departures {
  function head(outcome: "written" | DropReason): void {
    const gone = queue.shift()!;
    batch(gone, outcome);
    left?.(gone.count, outcome);
  }

  function batch(gone: Batch, outcome: "written" | DropReason): void {
    if (gone.packed !== undefined) budget.add(-gone.bytes);
    else for (const held of gone.held) budget.release(held);
    if (outcome === "written") ledger.written += gone.count;
    else ledger.drop(outcome, gone.count);
  }

  function part(error: unknown): boolean {
    const remaining = remainingOf(error, queue.head?.records ?? []);
    if (remaining === undefined) return false;
    const { taken, at } = queue.cut((record) => !remaining.has(record));
    if (taken.count === 0) return false;
    batch(taken, "written");
    left?.(taken.count, "written", at);
    refused(error, taken.count);
    return true;
  }

  function refused(result: unknown, taken: number): void {
    const count = Math.min(rejectedCount(result), taken);
    if (count === 0) return;
    ledger.written -= count;
    ledger.drop("rejected_by_sink", count);
    complain(reasonOf(result) ?? `${count} records rejected`);
  }

  return { head, batch, part, refused };
}
