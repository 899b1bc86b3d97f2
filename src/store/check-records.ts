import type { TraceRecord } from "../core/record.ts";
import { showValue } from "../core/show-value.ts";
import { StoreError } from "./store-error.ts";

/**
 * What a store is to keep, before it does: whether each says what it is, and has its ids. No more is looked at, as all that
 * is kept comes this way.
 *
 * @throws StoreError `STORE_BAD_RECORD`
 */
export function checkRecords(records: readonly TraceRecord[]): void {
  if (!Array.isArray(records)) throw bad(`append() takes a list of records; it got ${showValue(records)}.`);
  for (let i = 0; i < records.length; i++) {
    const problem = problemOf(records[i]);
    if (problem !== undefined) throw bad(`append() takes records; ${problem}, at place ${i} of ${records.length}.`);
  }
}

/** Without what the record has inside: that is nobody's business in a log. */
function problemOf(record: TraceRecord | undefined): string | undefined {
  switch (record?.record) {
    case "span":
      if (typeof record.traceId === "string" && typeof record.spanId === "string") return undefined;
      return "it got a span whose traceId or spanId is no text";
    case "score":
    case "finding":
      return typeof record.id === "string" ? undefined : `it got a ${record.record} whose id is no text`;
    default:
      return `it got something with neither "span", "score" nor "finding" as its record`;
  }
}

function bad(message: string): StoreError {
  return new StoreError("STORE_BAD_RECORD", message);
}
