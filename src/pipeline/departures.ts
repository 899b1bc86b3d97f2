import type { DropReason } from "../core/runtime.ts";
import type { Budget } from "./budget.ts";
import type { Ledger } from "./ledger.ts";
import type { LaneTools } from "./options.ts";
import { reasonOf, rejectedCount, remainingOf } from "./outcome.ts";
import type { Batch, Queue } from "./queue.ts";

/** How records leave a lane, and its books of that. */
export interface Departures {
  /** A batch leaves the queue. */
  batch(batch: Batch, outcome: "written" | DropReason): void;
  /** A batch that is in the queue no more. */
  gone(batch: Batch, outcome: "written" | DropReason): void;
  /** What the sink has taken of a batch before it failed. Gives what stays, which may be nothing; `undefined` when it took nothing. */
  part(batch: Batch, error: unknown): Batch | undefined;
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
  function batch(leaving: Batch, outcome: "written" | DropReason): void {
    queue.remove(leaving);
    gone(leaving, outcome);
    left?.(leaving.count, outcome);
  }

  function gone({ packed, bytes, held, count }: Batch, outcome: "written" | DropReason): void {
    if (packed !== undefined) budget.add(-bytes);
    else for (const one of held) budget.release(one);
    if (outcome === "written") ledger.written += count;
    else ledger.drop(outcome, count);
  }

  function part(sent: Batch, error: unknown): Batch | undefined {
    const records = sent.records ?? [];
    const remaining = remainingOf(error, records);
    if (remaining === undefined || records.every((record) => remaining.has(record))) return undefined;
    const { taken, at, rest } = queue.cut(sent, (record) => !remaining.has(record));
    gone(taken, "written");
    left?.(taken.count, "written", at);
    refused(error, taken.count);
    return rest;
  }

  function refused(result: unknown, taken: number): void {
    const count = Math.min(rejectedCount(result), taken);
    if (count === 0) return;
    ledger.written -= count;
    ledger.drop("rejected_by_sink", count);
    complain(reasonOf(result) ?? `${count} records rejected`);
  }

  return { batch, gone, part, refused };
}
