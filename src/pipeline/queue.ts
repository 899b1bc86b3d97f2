import type { TraceRecord } from "../core/record.ts";
import { seal } from "../core/trace.ts";
import type { Held } from "./budget.ts";
import { unpack } from "./pack.ts";
import { strip } from "./strip.ts";

/** Records that are sent together. */
export interface Batch {
  /** Empty once the batch has been packed. */
  held: readonly Held[];
  /** How many records it stands for. */
  count: number;
  bytes: number;
  /** Full, or handed to the sink: no record joins any more. */
  closed: boolean;
  /** What is sent: formed at the first attempt and kept, so that a retry sends the very same records. */
  records: readonly TraceRecord[] | undefined;
  /** The records of a batch in a backlog, compressed. */
  packed: Buffer | undefined;
  /** When its first attempt failed, in monotonic milliseconds. */
  failedSince: number | undefined;
}

/**
 * A queue of records, cut into batches as they enter. Its array is as long as there are batches, not records
 * (some 400 when a lane is full), so that both ends cost next to nothing.
 */
export interface Queue {
  readonly batches: readonly Batch[];
  readonly records: number;
  readonly bytes: number;
  readonly head: Batch | undefined;
  push(held: Held): void;
  /** Takes out the newest record, or the newest batch when it is packed; `undefined` when all that is left is formed. */
  popNewest(): Batch | undefined;
  shift(): Batch | undefined;
  /** The head's records as they are to be sent, in their order; `undefined` stands for one that is not, and is taken out. */
  keep(records: readonly (TraceRecord | undefined)[]): readonly Held[];
  /** Takes those records out of the head that has been formed, and gives them; `at`: where in the queue they were. */
  cut(isTaken: (record: TraceRecord) => boolean): { readonly taken: Batch; readonly at: readonly number[] };
  /** Puts the packed records in place of the batch's own. */
  pack(batch: Batch, packed: Buffer): void;
  /** Halves the head; a single record loses its input and output. False when it cannot get any smaller. */
  shrinkHead(): boolean;
}

export function createQueue(limits: { readonly batchRecords: number; readonly batchBytes: number }): Queue {
  const batches: Batch[] = [];
  let records = 0;
  let bytes = 0;

  return {
    batches,
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
      if (last === undefined || last.closed) batches.push((last = batchOf([])));
      (last.held as Held[]).push(held);
      last.count++;
      last.bytes += size;
      if (last.count >= limits.batchRecords || last.bytes >= limits.batchBytes) last.closed = true;
      records++;
      bytes += size;
    },
    popNewest() {
      const last = batches.at(-1);
      if (last === undefined || last.records !== undefined) return undefined;
      const newest = last.packed === undefined ? batchOf([(last.held as Held[]).pop()!]) : last;
      if (newest !== last) {
        last.count--;
        last.bytes -= newest.bytes;
      }
      if (newest === last || last.count === 0) batches.pop();
      bytes -= newest.bytes;
      records -= newest.count;
      return newest;
    },
    shift() {
      const batch = batches.shift();
      records -= batch?.count ?? 0;
      bytes -= batch?.bytes ?? 0;
      return batch;
    },
    keep(all) {
      const head = batches[0]!;
      const out = head.held.filter((_, i) => all[i] === undefined);
      const freed = out.reduce((sum, { draft }) => sum + draft.bytes, 0);
      head.held = head.held.filter((_, i) => all[i] !== undefined);
      head.records = all.filter((record) => record !== undefined);
      records -= head.count - head.records.length;
      head.count = head.records.length;
      bytes -= freed;
      head.bytes -= freed;
      return out;
    },
    cut(isTaken) {
      const head = batches[0]!;
      const all = sealBatch(head);
      const at = [...all.keys()].filter((i) => isTaken(all[i]!));
      const taken = pick(head, at, 0, at.length);
      const left = [...all.keys()].filter((i) => !isTaken(all[i]!));
      batches[0] = pick(head, left, at.length, head.count);
      records -= taken.count;
      bytes -= taken.bytes;
      return { taken, at };
    },
    pack(batch, packed) {
      bytes += packed.length - batch.bytes;
      batch.bytes = packed.length;
      batch.packed = packed;
      batch.held = [];
    },
    shrinkHead() {
      const batch = batches[0]!;
      if (batch.count > 1) {
        const middle = batch.count >> 1;
        batches.splice(0, 1, part(batch, 0, middle), part(batch, middle, batch.count));
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
  return (batch.records ??=
    batch.packed === undefined ? batch.held.map((held) => seal(held.draft)) : unpack(batch.packed));
}

function batchOf(held: Held[]): Batch {
  const bytes = held.reduce((sum, { draft }) => sum + draft.bytes, 0);
  return {
    held,
    count: held.length,
    bytes,
    closed: false,
    records: undefined,
    packed: undefined,
    failedSince: undefined,
  };
}

function part(batch: Batch, start: number, end: number): Batch {
  const places = Array.from({ length: end - start }, (_, i) => start + i);
  return pick(batch, places, start, end);
}

/** The records at these places. Of a packed batch they count the bytes of a share from `start` to `end`. */
function pick(batch: Batch, places: readonly number[], start: number, end: number): Batch {
  const all = sealBatch(batch);
  const records = places.map((i) => all[i]!);
  const kept = { closed: true, failedSince: batch.failedSince };
  if (batch.packed === undefined) return { ...batchOf(places.map((i) => batch.held[i]!)), ...kept, records };
  const upTo = (count: number) => Math.floor((batch.bytes * count) / batch.count);
  return {
    ...batchOf([]),
    ...kept,
    count: records.length,
    bytes: upTo(end) - upTo(start),
    records,
    packed: batch.packed,
  };
}
