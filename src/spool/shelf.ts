import type * as Fs from "node:fs";
import { join } from "node:path";
import { type Cursor, frame, newCursor, readFrames, unframe } from "./frame.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

/** A link leads elsewhere, and to open a pipe blocks. Windows has neither flag. */
const SAFELY = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);

/** More than a lane holds at a time; those beyond would come twice. */
const MAX_TAKEN = 10_000;
const MAX_CHECKPOINT_BYTES = 256 * 1024;

/** A file of records, and how far its delivery is. */
export interface Segment {
  readonly shelf: Shelf;
  readonly number: number;
  /** What is known to be there. More may follow while it is `isOpen`. */
  bytes: number;
  /** Records that have neither been delivered nor counted as lost. */
  waiting: number;
  /** Those of them that the lane holds. */
  inFlight: number;
  /** All before this byte has left. */
  doneTo: number;
  /** Where records end that left before one that is ahead of them: not to be read again. */
  readonly taken: Set<number>;
  readonly cursor: Cursor;
  /** It is being appended to. */
  isOpen: boolean;
  /** Its file is no longer ours to read. */
  isGone: boolean;
  /** It cannot be read: its file stays for the next process to try, and the checkpoint with it. */
  isSkipped: boolean;
}

/** One owner's directory: its segments, oldest first, and its checkpoint. */
export interface Shelf {
  path: string;
  readonly born: string;
  readonly segments: Segment[];
  /** The number of the next new segment. */
  next: number;
  /** The checkpoint as it was written last. */
  checkpoint: string;
}

export function newShelf(path: string, born: string): Shelf {
  return { path, born, segments: [], next: 1, checkpoint: "" };
}

export function newSegment(shelf: Shelf, number: number): Segment {
  const counts = { bytes: 0, waiting: 0, inFlight: 0, doneTo: 0 };
  const states = { isOpen: false, isGone: false, isSkipped: false };
  const segment = { shelf, number, ...counts, taken: new Set<number>(), cursor: newCursor(), ...states };
  shelf.segments.push(segment);
  shelf.next = Math.max(shelf.next, number + 1);
  return segment;
}

export function segmentName(number: number): string {
  return `${String(number).padStart(10, "0")}.log`;
}

export function segmentPath({ shelf, number }: Segment): string {
  return join(shelf.path, segmentName(number));
}

/** What a directory holds from its checkpoint on. `onDone` gets files that lie before it: they could not be deleted then. */
export function listShelf(path: string, born: string, onDone: (path: string) => void): Shelf {
  const shelf = newShelf(path, born);
  const { segment: first, offset, taken } = readCheckpoint(path);
  for (const name of fs.readdirSync(path).sort()) {
    if (!/^\d{10}\.log$/.test(name)) continue;
    const number = Number.parseInt(name, 10);
    const stats = fs.lstatSync(join(path, name), { throwIfNoEntry: false });
    if (!stats?.isFile()) continue;
    if (number < first) {
      shelf.next = Math.max(shelf.next, number + 1);
      onDone(join(path, name));
      continue;
    }
    const segment = newSegment(shelf, number);
    segment.bytes = stats.size;
    segment.doneTo = segment.cursor.offset = number === first ? Math.min(offset, stats.size) : 0;
    for (const end of taken.get(number) ?? []) segment.taken.add(end);
  }
  return shelf;
}

/** Counts what waits, window by window. A segment that cannot be read counts as one record. */
export async function countShelf(shelf: Shelf): Promise<number> {
  let total = 0;
  for (const segment of shelf.segments) {
    const cursor = newCursor(segment.doneTo);
    try {
      while (cursor.offset < segment.bytes) {
        const { whole, damaged } = await readFrames(segmentPath(segment), cursor, segment.bytes);
        segment.waiting += whole.filter(({ end }) => !segment.taken.has(end)).length + damaged;
      }
    } catch {
      segment.waiting = Math.max(segment.waiting, 1);
    }
    total += segment.waiting;
  }
  return total;
}

/** False when a file is there that cannot be deleted. */
export function removeFile(path: string): boolean {
  try {
    fs.rmSync(path, { force: true });
    return true;
  } catch {
    return false;
  }
}

/** Removes the directory when nothing but its checkpoint is in it. */
export function removeShelf(path: string): void {
  removeFile(join(path, "checkpoint"));
  try {
    fs.rmdirSync(path);
  } catch {
    // Something is in it that is not ours to delete, or it is gone.
  }
}

interface Checkpoint {
  readonly segment: number;
  readonly offset: number;
  /** By the number of the segment. */
  readonly taken: ReadonlyMap<number, readonly number[]>;
}

/** Where delivery goes on. A checkpoint that cannot be read makes it begin anew: duplicates, and no losses. */
function readCheckpoint(path: string): Checkpoint {
  try {
    const bytes = readSmallFile(join(path, "checkpoint"));
    const position = unframe(bytes)!;
    const { segment, offset } = JSON.parse(position.toString());
    if (isCount(segment) && isCount(offset)) {
      return { segment, offset, taken: readTaken(bytes.subarray(bytes.indexOf("\n") + 1)) };
    }
  } catch {
    // None yet, or damaged.
  }
  return { segment: 0, offset: 0, taken: new Map() };
}

/** The second line, where there is one. An old one that a shorter checkpoint has left there is still true. */
function readTaken(bytes: Buffer): Checkpoint["taken"] {
  try {
    const entries = JSON.parse(unframe(bytes)!.toString()) as [number, number[]][];
    return new Map(entries.map(([number, ends]) => [number, ends.filter(isCount)]));
  } catch {
    return new Map();
  }
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** A checkpoint has some 60 bytes, or up to this with records taken ahead; whatever else may lie there is not read in whole. */
function readSmallFile(path: string): Buffer {
  const fd = fs.openSync(path, fs.constants.O_RDONLY | SAFELY);
  try {
    const bytes = Buffer.alloc(Math.min(fs.fstatSync(fd).size, MAX_CHECKPOINT_BYTES));
    return bytes.subarray(0, fs.readSync(fd, bytes, 0, bytes.length, 0));
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Overwritten in place: to rename a new file over it makes ext4 write to the disk first. One that a power cut tears is
 * seen by its checksum, and an older one only means duplicates, so it is not synced either.
 */
export function writeCheckpoint(shelf: Shelf): void {
  const first = shelf.segments.find((segment) => !segment.isGone);
  const position = { segment: first?.number ?? shelf.next, offset: first?.doneTo ?? 0 };
  // Of the other segments only this says what has left.
  for (const end of first?.taken ?? []) if (end <= first!.doneTo) first!.taken.delete(end);
  const ahead = shelf.segments.filter(({ isGone, taken }) => !isGone && taken.size > 0);
  const taken = ahead.map((segment) => [segment.number, [...segment.taken].slice(0, MAX_TAKEN)] as const);
  // In lines of their own: neither costs the other when it is damaged.
  const checkpoint = frame(JSON.stringify(position)) + (taken.length > 0 ? frame(JSON.stringify(taken)) : "");
  if (checkpoint === shelf.checkpoint) return;
  const flags = fs.constants.O_WRONLY | fs.constants.O_CREAT | SAFELY;
  const fd = fs.openSync(join(shelf.path, "checkpoint"), flags, 0o600);
  try {
    fs.writeSync(fd, Buffer.from(checkpoint), 0, checkpoint.length, 0);
  } finally {
    fs.closeSync(fd);
  }
  shelf.checkpoint = checkpoint;
}
