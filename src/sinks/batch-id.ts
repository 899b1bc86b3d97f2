import type { TraceRecord } from "../core/record.ts";

/**
 * 32 hex digits by which a receiver recognises a batch that it has taken before: the same records in the same order give
 * the same id, sent again after a timeout or replayed by another process.
 */
export function batchId(batch: readonly TraceRecord[]): string {
  const hash = process.getBuiltinModule("node:crypto").createHash("sha256");
  for (const record of batch) hash.update(`${keyOf(record)} ${record.seq}\n`);
  return hash.digest("hex").slice(0, 32);
}

function keyOf(record: TraceRecord): string {
  return record.record === "span" ? `${record.traceId} ${record.spanId}` : `${record.record} ${record.id}`;
}
