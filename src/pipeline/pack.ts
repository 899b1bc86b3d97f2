import type * as Zlib from "node:zlib";
import { guard } from "../core/guard.ts";
import type { TraceRecord } from "../core/record.ts";
import { seal } from "../core/trace.ts";
import type { Budget } from "./budget.ts";
import type { Batch, Queue } from "./queue.ts";

/** On first use: only a backlog is packed. */
const zlib = (): typeof Zlib => process.getBuiltinModule("node:zlib");

/** Some 3,500 small spans; a sink that keeps up has fewer waiting. */
const BACKLOG_BYTES = 2 * 1024 * 1024;
/** A third of the time of level 6, for a few per cent more bytes. */
const LEVEL = { level: 1 };
/** In the thread pool at once, in estimated heap bytes: a few milliseconds of work, so that the host's own need not wait. */
const AT_ONCE_BYTES = 2 * 1024 * 1024;

/**
 * Compresses the batches of a backlog in the thread pool. They then take about a tenth of the memory, and as one piece,
 * which the garbage collector need not walk. Records of traces that are still going on are left alone, as `updateTrace` may
 * still reach them. Figures: docs/decisions/backlog.md.
 */
export interface Packer {
  /** Looks off the caller's turn whether there is a backlog. */
  relieve(): void;
  /** Packs a batch before it returns, as there is no memory left; false where none is left that may be packed. */
  packNow(): boolean;
}

/** `isStuck`: batches wait for the sink, not for us. `ownBytes`: the sink may have so many at once beside one batch. */
export function createPacker(queue: Queue, budget: Budget, isStuck: () => boolean, ownBytes: number): Packer {
  const backlogBytes = BACKLOG_BYTES + ownBytes;
  /** Packed, being packed, or not worth it. */
  const seen = new WeakSet<Batch>();
  let scheduled = false;
  let running = 0;

  function relieve(): void {
    if (scheduled || running >= AT_ONCE_BYTES || queue.bytes <= backlogBytes) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (queue.bytes <= backlogBytes || !isStuck()) return;
      // The newest first: what is packed before the garbage collector has moved it costs nothing more.
      for (let i = queue.batches.length - 1; i > 0 && running < AT_ONCE_BYTES; i--) {
        if (isReady(queue.batches[i]!)) start(queue.batches[i]!);
      }
    });
  }

  function packNow(): boolean {
    for (let i = queue.batches.length - 1; i > 0; i--) {
      const batch = queue.batches[i]!;
      if (!isReady(batch)) continue;
      seen.add(batch);
      const lines = linesOf(batch);
      if (lines === undefined) continue;
      const packed = zlib().deflateRawSync(lines, LEVEL);
      if (packed.length >= batch.bytes) continue;
      replace(batch, packed);
      return true;
    }
    return false;
  }

  function replace(batch: Batch, packed: Buffer): void {
    for (const one of batch.held) budget.release(one);
    budget.add(packed.length);
    queue.pack(batch, packed);
  }

  function isReady(batch: Batch): boolean {
    if (!batch.closed || batch.records !== undefined || seen.has(batch)) return false;
    return batch.held.every(({ draft }) => (draft.trace.openSpans ?? 0) === 0);
  }

  function start(batch: Batch): void {
    seen.add(batch);
    const lines = linesOf(batch);
    if (lines === undefined) return;
    const { count, bytes } = batch;
    running += bytes;
    zlib().deflateRaw(lines, LEVEL, (error, packed) => {
      running -= bytes;
      const isUnchanged = batch.records === undefined && batch.count === count && queue.batches.includes(batch);
      if (error === null && isUnchanged && packed.length < batch.bytes) replace(batch, packed);
      relieve();
    });
  }

  return {
    packNow,
    relieve,
  };
}

/** Not `encode`, which would keep the lines. `undefined` where a record holds what JSON does not: a host's error is none of ours. */
function linesOf({ held }: Batch): string | undefined {
  return guard(() => held.map(({ draft }) => JSON.stringify(seal(draft))).join("\n"), undefined);
}

export function unpack(packed: Buffer): readonly TraceRecord[] {
  const lines = zlib().inflateRawSync(packed).toString().split("\n");
  return lines.map((line) => Object.freeze(JSON.parse(line) as TraceRecord));
}
