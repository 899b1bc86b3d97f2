import type { TraceRecord } from "../core/record.ts";
import { seal } from "../core/trace.ts";
import type { Held } from "./budget.ts";
import { strip } from "./strip.ts";

/** Records that are sent together. */
export interface Batch {
  readonly held: Held[];
  bytes: number;
  /** Full, or handed to the sink: no record joins any more. */
  closed: boolean;
  /** What is sent: sealed at the first attempt and kept, so that a retry sends the very same records. */
  records: readonly TraceRecord[] | undefined;
  /** When its first attempt failed, in monotonic milliseconds. */
  failedSince: number | undefined;
}

/**
 * A queue of records, cut into batches as they enter. Its array is as long as there are batches, not records
 * (some 400 when a lane is full), so that both ends cost next to nothing.
 */
export interface Queue {
  readonly batches: number;
  readonly records: number;
  readonly bytes: number;
  readonly head: Batch | undefined;
  push(held: Held): void;
  /** Takes the newest record out; `undefined` when all that is left has been handed to the sink. */
  popNewest(): Held | undefined;
  shift(): Batch | undefined;
  /** Halves the head; a single record loses its input and output. False when it cannot get any smaller. */
  shrinkHead(): boolean;
}

export function createQueue(limits: { readonly batchRecords: number; readonly batchBytes: number }): Queue {
  const batches: Batch[] = [];
  let records = 0;
  let bytes = 0;

  return {
    get batches() {
      return batches.length;
    },
    get records() {
      return records;
    },
    get bytes() {
      return bytes;
    },
    get head() {
      return batches[0];
    },
    push(held) {
      const size = held.draft.bytes;
      let last = batches.at(-1);
      if (last !== undefined && last.bytes + size > limits.batchBytes) last.closed = true;
      if (last === undefined || last.closed) batches.push((last = newBatch([])));
      last.held.push(held);
      last.bytes += size;
      if (last.held.length >= limits.batchRecords || last.bytes >= limits.batchBytes) last.closed = true;
      records++;
      bytes += size;
    },
    popNewest() {
      const last = batches.at(-1);
      if (last === undefined || last.records !== undefined) return undefined;
      const held = last.held.pop()!;
      if (last.held.length === 0) batches.pop();
      last.bytes -= held.draft.bytes;
      bytes -= held.draft.bytes;
      records--;
      return held;
    },
    shift() {
      const batch = batches.shift();
      records -= batch?.held.length ?? 0;
      bytes -= batch?.bytes ?? 0;
      return batch;
    },
    shrinkHead() {
      const batch = batches[0]!;
      if (batch.held.length > 1) {
        const middle = batch.held.length >> 1;
        batches.splice(0, 1, part(batch, 0, middle), part(batch, middle, batch.held.length));
        return true;
      }
      const stripped = strip(sealBatch(batch)[0]!);
      if (stripped !== undefined) batch.records = [stripped];
      return stripped !== undefined;
    },
  };
}

/** Closes the batch and stamps its records with the trace attributes as they are now. */
export function sealBatch(batch: Batch): readonly TraceRecord[] {
  batch.closed = true;
  return (batch.records ??= batch.held.map((held) => seal(held.draft)));
}

function newBatch(held: Held[]): Batch {
  const bytes = held.reduce((sum, { draft }) => sum + draft.bytes, 0);
  return { held, bytes, closed: false, records: undefined, failedSince: undefined };
}

function part(batch: Batch, start: number, end: number): Batch {
  return { ...newBatch(batch.held.slice(start, end)), closed: true, records: batch.records?.slice(start, end) };
}
