import type { SpanRecord, TraceRecord } from "./record.ts";

/** The span with which a trace begins in this process: it has no parent, or one of another process or tracer. */
export function isLocalRoot(record: TraceRecord): boolean {
  return record.record === "span" && isRootHere(record);
}

export function isRootHere(span: Pick<SpanRecord, "parentSpanId" | "parentIsRemote" | "parentIsExternal">): boolean {
  return span.parentSpanId === undefined || span.parentIsRemote === true || span.parentIsExternal === true;
}
