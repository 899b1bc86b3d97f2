import type { TraceRecord } from "../core/record.ts";
import { seal } from "../core/trace.ts";
import type { Held } from "./budget.ts";
import { unpack } from "./pack.ts";
import { strip } from "./strip.ts";

/** Records that are sent together. */
export interface Batch {
  /** Its place in the order in which batches were begun; its parts have it too. */
  readonly serial: number;
  /** Empty once the batch has been packed. */
  held: readonly Held[];
  /** How many records it stands for. */
  count: number;
  bytes: number;
  /** Full, or handed to the sink: no record joins any more. */
  closed: boolean;
  /** The sink has it at the moment. */
  isInFlight: boolean;
  /** Of the pace, when the sink got it last. */
  round: number;
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
  /** The oldest. */
  readonly head: Batch | undefined;
  /** The oldest that is not in flight. */
  readonly next: Batch | undefined;
  push(held: Held): void;
  /** Takes out the newest record, or the newest batch when it is packed; `undefined` when all that is left is formed. */
  popNewest(): Batch | undefined;
  remove(batch: Batch): void;
  /** The records of a batch as they are to be sent, in their order; `undefined` stands for one that is not, and is taken out. */
  keep(batch: Batch, records: readonly (TraceRecord | undefined)[]): readonly Held[];
  /** Takes those records out of a batch that has been formed, and gives them and the rest; `at`: where in the batch they were. */
  cut(
    batch: Batch,
    isTaken: (record: TraceRecord) => boolean,
  ): { readonly taken: Batch; readonly at: readonly number[]; readonly rest: Batch };
  /** Puts the packed records in place of the batch's own. */
  pack(batch: Batch, packed: Buffer): void;
  /** Halves a batch; a single record loses its input and output. False when it cannot get any smaller. */
  shrink(batch: Batch): boolean;
  /** Gives a function that says how many of the records that are here now still are. */
  mark(): () => number;
}

export function createQueue(limits: { readonly batchRecords: number; readonly batchBytes: number }): Queue {
  const batches: Batch[] = [];
  let records = 0;
  let bytes = 0;
  let serial = 0;

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
    get next() {
      for (const batch of batches) if (!batch.isInFlight) return batch;
      return undefined;
    },
    push(held) {
      const size = held.draft.bytes;
      let last = batches.at(-1);
      if (last !== undefined && last.bytes + size > limits.batchBytes) last.closed = true;
      if (last === undefined || last.closed) batches.push((last = batchOf([], ++serial)));
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
      const newest = last.packed === undefined ? batchOf([(last.held as Held[]).pop()!], last.serial) : last;
      if (newest !== last) {
        last.count--;
        last.bytes -= newest.bytes;
      }
      if (newest === last || last.count === 0) batches.pop();
      bytes -= newest.bytes;
      records -= newest.count;
      return newest;
    },
    remove(batch) {
      batches.splice(batches.indexOf(batch), 1);
      records -= batch.count;
      bytes -= batch.bytes;
    },
    keep(batch, all) {
      const out = batch.held.filter((_, i) => all[i] === undefined);
      const freed = out.reduce((sum, { draft }) => sum + draft.bytes, 0);
      batch.held = batch.held.filter((_, i) => all[i] !== undefined);
      batch.records = all.filter((record) => record !== undefined);
      records -= batch.count - batch.records.length;
      batch.count = batch.records.length;
      bytes -= freed;
      batch.bytes -= freed;
      return out;
    },
    cut(batch, isTaken) {
      const all = sealBatch(batch);
      const at = [...all.keys()].filter((i) => isTaken(all[i]!));
      const taken = pick(batch, at, 0, at.length);
      const left = [...all.keys()].filter((i) => !isTaken(all[i]!));
      const rest = pick(batch, left, at.length, batch.count);
      batches[batches.indexOf(batch)] = rest;
      records -= taken.count;
      bytes -= taken.bytes;
      return { taken, at, rest };
    },
    pack(batch, packed) {
      bytes += packed.length - batch.bytes;
      batch.bytes = packed.length;
      batch.packed = packed;
      batch.held = [];
    },
    shrink(batch) {
      if (batch.count > 1) {
        const middle = batch.count >> 1;
        const halves = [part(batch, 0, middle), part(batch, middle, batch.count)];
        batches.splice(batches.indexOf(batch), 1, ...halves);
        return true;
      }
      const stripped = strip(sealBatch(batch)[0]!);
      if (stripped !== undefined) batch.records = [stripped];
      return stripped !== undefined;
    },
    mark() {
      const newest = serial;
      const mostOfIt = batches.at(-1)?.count ?? 0;
      return () => {
        let older = 0;
        let ofNewest = 0;
        for (const batch of batches) {
          if (batch.serial < newest) older += batch.count;
          else if (batch.serial === newest) ofNewest += batch.count;
        }
        // Others may have joined it since, and its parts leave in any order: this may be too many, never too few.
        return older + Math.min(ofNewest, mostOfIt);
      };
    },
  };
}

/** Closes the batch and stamps its records with the trace attributes as they are now. */
export function sealBatch(batch: Batch): readonly TraceRecord[] {
  batch.closed = true;
  return (batch.records ??=
    batch.packed === undefined ? batch.held.map((held) => seal(held.draft)) : unpack(batch.packed));
}

function batchOf(held: Held[], serial: number): Batch {
  const bytes = held.reduce((sum, { draft }) => sum + draft.bytes, 0);
  return {
    serial,
    held,
    count: held.length,
    bytes,
    closed: false,
    isInFlight: false,
    round: 0,
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
  if (batch.packed === undefined)
    return {
      ...batchOf(
        places.map((i) => batch.held[i]!),
        batch.serial,
      ),
      ...kept,
      records,
    };
  const upTo = (count: number) => Math.floor((batch.bytes * count) / batch.count);
  return {
    ...batchOf([], batch.serial),
    ...kept,
    count: records.length,
    bytes: upTo(end) - upTo(start),
    records,
    packed: batch.packed,
  };
}
