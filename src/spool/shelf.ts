import type * as Fs from "node:fs";
import { join } from "node:path";
import { type Cursor, frame, newCursor, readFrames, unframe } from "./frame.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

/** A link leads elsewhere, and to open a pipe blocks. Windows has neither flag. */
const SAFELY = (fs.constants.O_NOFOLLOW ?? 0) | (fs.constants.O_NONBLOCK ?? 0);

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
  const segment = { shelf, number, ...counts, cursor: newCursor(), isOpen: false, isGone: false, isSkipped: false };
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
  const { segment: first, offset } = readCheckpoint(path);
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
        segment.waiting += whole.length + damaged;
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

/** Where delivery goes on. A checkpoint that cannot be read makes it begin anew: duplicates, and no losses. */
function readCheckpoint(path: string): { readonly segment: number; readonly offset: number } {
  try {
    const { segment, offset } = JSON.parse(unframe(readSmallFile(join(path, "checkpoint")))!.toString());
    if (Number.isSafeInteger(segment) && Number.isSafeInteger(offset) && segment >= 0 && offset >= 0) {
      return { segment, offset };
    }
  } catch {
    // None yet, or damaged.
  }
  return { segment: 0, offset: 0 };
}

/** A checkpoint has some 60 bytes; whatever else may lie there is not read in whole. */
function readSmallFile(path: string): Buffer {
  const fd = fs.openSync(path, fs.constants.O_RDONLY | SAFELY);
  try {
    const bytes = Buffer.alloc(256);
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
  const checkpoint = frame(JSON.stringify(position));
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
