import type { TraceRecord } from "./record.ts";

/** The span with which a trace begins in this process: it has no parent, or one in another process. */
export function isLocalRoot(record: TraceRecord): boolean {
  return record.record === "span" && (record.parentSpanId === undefined || record.parentIsRemote === true);
}
