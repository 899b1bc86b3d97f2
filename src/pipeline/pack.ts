import type * as Zlib from "node:zlib";
import type { TraceRecord } from "../core/record.ts";
import { seal } from "../core/trace.ts";
import type { Budget } from "./budget.ts";
import type { Batch, Queue } from "./queue.ts";

/** On first use: only a backlog is packed. */
const zlib = (): typeof Zlib => process.getBuiltinModule("node:zlib");

/** Some 3,500 small spans; a sink that keeps up has fewer waiting. */
const BACKLOG_BYTES = 2 * 1024 * 1024;
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
}

/** `isStuck`: batches wait for the sink, not for us. */
export function createPacker(queue: Queue, budget: Budget, isStuck: () => boolean): Packer {
  /** Packed, being packed, or not worth it. */
  const seen = new WeakSet<Batch>();
  let scheduled = false;
  let running = 0;

  function relieve(): void {
    if (scheduled || running >= AT_ONCE_BYTES || queue.bytes <= BACKLOG_BYTES) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      if (queue.bytes <= BACKLOG_BYTES || !isStuck()) return;
      // The newest first: what is packed before the garbage collector has moved it costs nothing more.
      for (let i = queue.batches.length - 1; i > 0 && running < AT_ONCE_BYTES; i--) {
        if (isReady(queue.batches[i]!)) start(queue.batches[i]!);
      }
    });
  }

  function isReady(batch: Batch): boolean {
    if (!batch.closed || batch.records !== undefined || seen.has(batch)) return false;
    return batch.held.every(({ draft }) => (draft.trace.openSpans ?? 0) === 0);
  }

  function start(batch: Batch): void {
    seen.add(batch);
    const { held, count, bytes } = batch;
    running += bytes;
    pack(
      held.map(({ draft }) => seal(draft)),
      (packed) => {
        running -= bytes;
        const isUnchanged = batch.records === undefined && batch.count === count && queue.batches.includes(batch);
        if (packed !== undefined && isUnchanged && packed.length < batch.bytes) {
          for (const one of held) budget.release(one);
          budget.add(packed.length);
          queue.pack(batch, packed);
        }
        relieve();
      },
    );
  }

  return { relieve };
}

/** Level 1: a third of the time of level 6, for a few per cent more bytes. Not `encode`, which would keep the lines. */
function pack(records: readonly TraceRecord[], done: (packed: Buffer | undefined) => void): void {
  const lines = records.map((record) => JSON.stringify(record)).join("\n");
  zlib().deflateRaw(lines, { level: 1 }, (error, packed) => done(error ? undefined : packed));
}

export function unpack(packed: Buffer): readonly TraceRecord[] {
  const lines = zlib().inflateRawSync(packed).toString().split("\n");
  return lines.map((line) => Object.freeze(JSON.parse(line) as TraceRecord));
}
