import type * as Fs from "node:fs";
import { dirname, join } from "node:path";
import type { SinkStats } from "../sinks/sink.ts";
import { nobodysName } from "./owner.ts";
import { removeFile, removeShelf, type Segment, type Shelf, segmentPath, writeCheckpoint } from "./shelf.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

/**
 * All that waits on disk, oldest directory first, and its books: at every moment, what came in is `spooled`, has left, or
 * is counted as dropped.
 */
export interface Backlog {
  readonly shelves: readonly Shelf[];
  /** Records on disk that have not left. */
  readonly spooled: number;
  /** How many have left, one way or the other; only grows. */
  readonly finished: number;
  /** Takes the directory in, once. `replayed`: how many records were found in it. */
  add(shelf: Shelf, replayed: number): void;
  /** More has been written to the end of a segment. */
  grow(segment: Segment, bytes: number, records: number): void;
  /** Where to read on; `undefined` when all has been read. */
  next(): Segment | undefined;
  /** The record that ends at this byte has left the lane for good. `isAhead`: one before it has not. */
  delivered(segment: Segment, end: number, isAhead: boolean): void;
  /** Writes the checkpoint; counts and deletes what is read to its end. */
  settle(segment: Segment): void;
  /** Counts what cannot be read, and leaves its file where it is. Not for one that is being written to. */
  stepOver(segment: Segment): void;
  /** Gives up the oldest segments until there is room. `endSegment` is called before one that is being written to goes. */
  makeRoom(bytes: number, endSegment: () => void): void;
  /** The directory has been taken over or removed. */
  lose(shelf: Shelf): void;
  /** Deletes what is empty; the rest becomes anybody's. */
  release(): void;
  stats(): Pick<SinkStats, "replayed" | "spooled"> & { readonly spoolFull: number; readonly corrupt: number };
}

export function createBacklog(maxBytes: number, onError: (error: unknown) => void): Backlog {
  const shelves: Shelf[] = [];
  /** The sums over all segments: they are asked for at every write, and there may be thousands. */
  let bytesHeld = 0;
  let spooled = 0;
  let replayed = 0;
  let finished = 0;
  let spoolFull = 0;
  let corrupt = 0;

  function add(shelf: Shelf, count: number): void {
    if (shelves.includes(shelf)) return;
    shelves.push(shelf);
    shelves.sort((a, b) => (a.born < b.born ? -1 : 1));
    replayed += count;
    for (const segment of shelf.segments) {
      bytesHeld += segment.bytes;
      spooled += segment.waiting;
    }
    for (const segment of [...shelf.segments]) settle(segment);
    removeEmpty(shelf);
  }

  function grow(segment: Segment, bytes: number, records: number): void {
    segment.bytes += bytes;
    segment.waiting += records;
    bytesHeld += bytes;
    spooled += records;
  }

  function next(): Segment | undefined {
    for (const shelf of shelves) {
      const segment = shelf.segments.find(({ cursor, bytes }) => cursor.offset < bytes);
      if (segment !== undefined) return segment;
    }
    return undefined;
  }

  function delivered(segment: Segment, end: number, isAhead: boolean): void {
    if (isAhead) segment.taken.add(end);
    else segment.doneTo = Math.max(segment.doneTo, end);
    // More than we knew of: somebody added to the file, and that counts as found.
    if (segment.waiting > 0) grow(segment, 0, -1);
    else replayed++;
    finished++;
  }

  function settle(segment: Segment): void {
    const isDone = segment.isGone || segment.cursor.offset >= segment.bytes;
    if (segment.inFlight === 0 && isDone) finish(segment);
    else checkpoint(segment.shelf);
  }

  /** All that could be read has left: what still waits was damaged, or given up while it was in flight. */
  function finish(segment: Segment): void {
    const { shelf, waiting } = segment;
    const at = shelf.segments.indexOf(segment);
    if (at === -1) return;
    if (segment.isGone) spoolFull += waiting;
    else corrupt += waiting;
    finished += waiting;
    grow(segment, 0, -waiting);
    const isLeft = segment.isSkipped && !segment.isGone;
    if (!isLeft) segment.doneTo = segment.bytes;
    const stays = segment.isOpen || isLeft;
    if (!stays) {
      shelf.segments.splice(at, 1);
      bytesHeld -= segment.bytes;
    }
    checkpoint(shelf);
    if (stays) return;
    // One that cannot be deleted lies before the checkpoint, and is not read again.
    if (!segment.isGone) removeFile(segmentPath(segment));
    removeEmpty(shelf);
  }

  function stepOver(segment: Segment): void {
    segment.isSkipped = true;
    segment.cursor.offset = segment.bytes;
    settle(segment);
  }

  function removeEmpty(shelf: Shelf): void {
    const at = shelves.indexOf(shelf);
    if (at === -1 || shelf.segments.length > 0) return;
    shelves.splice(at, 1);
    removeShelf(shelf.path);
  }

  function checkpoint(shelf: Shelf): void {
    try {
      writeCheckpoint(shelf);
    } catch (error) {
      // Without a checkpoint there are duplicates after a restart, and no losses.
      if ((error as NodeJS.ErrnoException).code === "ENOENT" && !fs.existsSync(shelf.path)) lose(shelf);
      else onError(error);
    }
  }

  /** Forgets what is not in flight, and says how much that was. */
  function giveUp(segment: Segment): number {
    const lost = Math.max(0, segment.waiting - segment.inFlight);
    grow(segment, -segment.bytes, -lost);
    segment.cursor.offset = 0;
    segment.isGone = true;
    finished += lost;
    return lost;
  }

  function makeRoom(bytes: number, endSegment: () => void): void {
    if (bytesHeld + bytes <= maxBytes) return;
    for (const segment of oldest()) {
      if (bytesHeld + bytes <= maxBytes) return;
      if (segment.isOpen) endSegment();
      // It may have been read to its end, and be gone by now.
      if (segment.isGone || !segment.shelf.segments.includes(segment)) continue;
      removeFile(segmentPath(segment));
      spoolFull += giveUp(segment);
      settle(segment);
    }
  }

  /** Copies on the way: what is given up leaves the lists. */
  function* oldest(): Generator<Segment> {
    for (const shelf of [...shelves]) yield* [...shelf.segments];
  }

  function lose(shelf: Shelf): void {
    if (!shelves.includes(shelf)) return;
    const isTaken = names(dirname(shelf.path)).some((name) => name.endsWith(`-${shelf.born}`));
    for (const segment of [...shelf.segments]) {
      segment.isOpen = false;
      if (segment.isGone) continue;
      const lost = giveUp(segment);
      // A new owner delivers them, and has them in its own books.
      if (!isTaken) corrupt += lost;
      settle(segment);
    }
    removeEmpty(shelf);
  }

  function release(): void {
    for (const shelf of [...shelves]) {
      for (const segment of [...shelf.segments]) {
        segment.isOpen = false;
        if (segment.isGone || segment.waiting === 0) settle(segment);
      }
      if (shelf.segments.length > 0) leaveBehind(shelf);
    }
  }

  function leaveBehind(shelf: Shelf): void {
    checkpoint(shelf);
    const path = join(dirname(shelf.path), nobodysName(shelf.born));
    try {
      fs.renameSync(shelf.path, path);
      shelf.path = path;
    } catch (error) {
      // It stays ours until this process has ended.
      onError(error);
    }
  }

  return {
    shelves,
    get spooled() {
      return spooled;
    },
    get finished() {
      return finished;
    },
    add,
    grow,
    next,
    delivered,
    settle,
    stepOver,
    makeRoom,
    lose,
    release,
    stats: () => ({ replayed, spooled, spoolFull, corrupt }),
  };
}

function names(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch {
    return [];
  }
}
