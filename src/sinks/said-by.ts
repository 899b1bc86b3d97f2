import { SinkError } from "../core/errors.ts";
import { guard } from "../core/guard.ts";
import { isFault } from "../core/is-fault.ts";
import type { TraceRecord } from "../core/record.ts";

// What the error of a sink says, for a sink that wraps it.

/** As the pipeline has it: a fault in the sink's own code comes from a record and will not pass. */
export function verdictOf(error: unknown): Pick<SinkError, "retry" | "reason"> {
  return { retry: isFault(error) ? "split" : "later", reason: "rejected_by_sink" };
}

/** What an error says has not been taken of these; `undefined` when it says nothing, or names anything else. */
export function remainingOf<R extends TraceRecord>(error: unknown, records: readonly R[]): readonly R[] | undefined {
  const remaining = error instanceof SinkError ? error.remaining : undefined;
  return remaining?.every((record) => records.includes(record as R)) ? (remaining as readonly R[]) : undefined;
}

/** How many of what was taken are refused for good. */
export function rejectedOf(error: unknown): number | undefined {
  return error instanceof SinkError ? error.rejected?.length : undefined;
}

export function messageOf(error: unknown): string {
  return guard(() => String(error instanceof Error ? error.message : error), "an error that cannot be read");
}
