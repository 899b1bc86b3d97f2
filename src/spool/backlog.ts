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
  /** Where to read on; `undefined` when all has been read. */
  next(): Segment | undefined;
  /** The record that ends at this byte has left the lane for good. */
  delivered(segment: Segment, end: number): void;
  /** Writes the checkpoint; counts and deletes what is read to its end. */
  settle(segment: Segment): void;
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
  let replayed = 0;
  let finished = 0;
  let spoolFull = 0;
  let corrupt = 0;

  const segments = (): Segment[] => shelves.flatMap((shelf) => shelf.segments);
  const sum = (figure: (segment: Segment) => number): number =>
    segments().reduce((total, one) => total + figure(one), 0);

  function add(shelf: Shelf, count: number): void {
    if (shelves.includes(shelf)) return;
    shelves.push(shelf);
    shelves.sort((a, b) => (a.born < b.born ? -1 : 1));
    replayed += count;
    for (const segment of [...shelf.segments]) settle(segment);
    removeEmpty(shelf);
  }

  function delivered(segment: Segment, end: number): void {
    segment.doneTo = Math.max(segment.doneTo, end);
    // More than we knew of: somebody added to the file, and that counts as found.
    if (segment.waiting > 0) segment.waiting--;
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
    segment.waiting = 0;
    segment.doneTo = segment.bytes;
    if (!segment.isOpen) shelf.segments.splice(at, 1);
    checkpoint(shelf);
    if (segment.isOpen) return;
    // One that cannot be deleted lies before the checkpoint, and is not read again.
    if (!segment.isGone) removeFile(segmentPath(segment));
    removeEmpty(shelf);
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
    segment.waiting -= lost;
    segment.bytes = segment.cursor.offset = 0;
    segment.isGone = true;
    finished += lost;
    return lost;
  }

  function makeRoom(bytes: number, endSegment: () => void): void {
    for (const segment of segments()) {
      if (sum((one) => one.bytes) + bytes <= maxBytes) return;
      if (segment.isGone) continue;
      if (segment.isOpen) endSegment();
      removeFile(segmentPath(segment));
      spoolFull += giveUp(segment);
      settle(segment);
    }
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
      return sum((segment) => segment.waiting);
    },
    get finished() {
      return finished;
    },
    add,
    next: () => segments().find((segment) => segment.cursor.offset < segment.bytes),
    delivered,
    settle,
    makeRoom,
    lose,
    release,
    stats: () => ({ replayed, spooled: sum((segment) => segment.waiting), spoolFull, corrupt }),
  };
}

function names(path: string): string[] {
  try {
    return fs.readdirSync(path);
  } catch {
    return [];
  }
}
