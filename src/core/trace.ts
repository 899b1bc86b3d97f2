import { markCopy } from "./line.ts";
import type { TraceInfo, TraceRecord } from "./record.ts";

/**
 * Why a span that waits is asked to end: no other span of its trace is open; `flush` was called, and the trace is as quiet;
 * or everything that is open is exported, at an exit or because it is too much.
 */
export type SettleReason = "quiet" | "flush" | "exit";

/** What all spans of one trace in this process share. `info` is replaced, never changed in place. */
export interface Trace {
  readonly traceId: string;
  /** W3C trace flags: bit 0 sampled, bit 1 random. */
  readonly traceFlags: number;
  readonly traceState: string | undefined;
  info: TraceInfo;
  /** Spans that have started in this process and neither ended nor been given up: attributes may still come. */
  openSpans: number;
  /** Those of them that only wait for more that may become known of them, each with what ends it. */
  held?: Map<object, (reason: SettleReason) => void>;
  /** Epoch and monotonic milliseconds read together; span times are the epoch plus the monotonic distance. */
  anchorEpochMs: number;
  anchorMonotonicMs: number;
}

/** A finished record on its way to the sinks, with the trace whose attributes it will carry. */
export interface Draft {
  record: TraceRecord;
  /** A span without model call, usage, request or error: nothing that prices or rules look at. Spares them the record. */
  readonly isPlain?: boolean;
  readonly trace: Pick<Trace, "info"> & Partial<Pick<Trace, "traceFlags" | "openSpans">>;
  /** Estimated bytes that the record keeps on the heap. */
  readonly bytes: number;
}

/** Stamps the trace attributes as they are now, so that a late `updateTrace` reaches what has not been sent. */
export function seal(draft: Draft): TraceRecord {
  const { record, trace } = draft;
  if (record.trace !== trace.info) draft.record = markCopy({ ...record, trace: trace.info }, record);
  return Object.freeze(draft.record);
}

/** Merges trace attributes: tags are united, metadata is merged one level deep, everything else is replaced. */
export function mergeTraceInfo(base: TraceInfo, patch: TraceInfo): TraceInfo {
  const merged: { -readonly [K in keyof TraceInfo]: TraceInfo[K] } = { ...base };
  for (const key of Object.keys(patch) as (keyof TraceInfo)[]) {
    if (patch[key] !== undefined) (merged as Record<string, unknown>)[key] = patch[key];
  }
  if (base.tags && patch.tags) merged.tags = [...new Set([...base.tags, ...patch.tags])];
  if (base.metadata && patch.metadata) merged.metadata = { ...base.metadata, ...patch.metadata };
  return Object.freeze(merged);
}
