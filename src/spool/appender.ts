import type * as Fs from "node:fs";
import { dirname, join } from "node:path";
import { makeDirectories } from "./directory.ts";
import { newBorn, ownName } from "./owner.ts";
import { newSegment, newShelf, type Segment, type Shelf, segmentName } from "./shelf.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

/** `O_APPEND`: after a segment was cut back, writing goes on at its new end. Windows has no `O_NOFOLLOW`. */
const FLAGS =
  fs.constants.O_WRONLY |
  fs.constants.O_APPEND |
  fs.constants.O_CREAT |
  fs.constants.O_EXCL |
  (fs.constants.O_NOFOLLOW ?? 0);

export interface AppenderOptions {
  /** What the user named, and the sink's place in it. */
  readonly dir: string;
  readonly sinkDir: string;
  readonly segmentBytes: number;
  readonly syncMs: number;
  readonly epochMs: () => number;
  /** A segment has been made in a directory of our own. */
  readonly onShelf: (shelf: Shelf) => void;
  readonly onWritten: (segment: Segment, bytes: number, records: number) => void;
  /** Nothing is added to the segment any more. */
  readonly onEnd: (segment: Segment) => void;
  /** Somebody has taken over our directory, or removed it. */
  readonly onLost: (shelf: Shelf) => void;
  readonly onError: (error: unknown) => void;
}

interface OpenFile {
  readonly fd: number;
  readonly path: string;
  readonly ino: number;
  readonly segment: Segment;
}

/** Writes to the end of our own directory. */
export interface Appender {
  /** When it returns, no death of this process loses the lines. When it throws, they are not there. */
  append(lines: Buffer, records: number): void;
  /** The next append begins a new segment. */
  endSegment(): void;
  close(): Promise<void>;
}

export function createAppender(options: AppenderOptions): Appender {
  let shelf: Shelf | undefined;
  let file: OpenFile | undefined;
  /** Directories with entries that are not synced yet. */
  let unsynced: string[] = [];
  let isDirty = false;
  let timer: NodeJS.Timeout | undefined;
  let syncing: Promise<void> = Promise.resolve();

  function append(lines: Buffer, records: number): void {
    if (file?.segment.isGone) lose();
    if (file !== undefined && file.segment.bytes > 0 && file.segment.bytes + lines.length > options.segmentBytes) {
      endSegment();
    }
    // Once more in a new directory when ours had been taken: its new owner may have read it to the end before we wrote.
    if (!write(lines, records) && !write(lines, records))
      throw new Error("the spool's directory vanishes as it is made");
  }

  function write(lines: Buffer, records: number): boolean {
    const { fd, path, ino, segment } = (file ??= open());
    try {
      for (let written = 0; written < lines.length; ) {
        const count = fs.writeSync(fd, lines, written);
        if (count === 0) throw Object.assign(new Error("ENOSPC: nothing was written"), { code: "ENOSPC" });
        written += count;
      }
      if (fs.statSync(path, { throwIfNoEntry: false })?.ino !== ino) {
        lose();
        return false;
      }
    } catch (error) {
      cutBack();
      throw error;
    }
    options.onWritten(segment, lines.length, records);
    isDirty = true;
    timer ??= setTimeout(sync, options.syncMs).unref();
    return true;
  }

  function open(): OpenFile {
    if (shelf === undefined || !fs.existsSync(shelf.path)) {
      if (shelf !== undefined) lose();
      const born = newBorn(options.epochMs());
      shelf = newShelf(join(options.sinkDir, ownName(born)), born);
      unsynced.push(...makeDirectories(options.dir, shelf.path).map(dirname));
    }
    const path = join(shelf.path, segmentName(shelf.next));
    const fd = fs.openSync(path, FLAGS, 0o600);
    unsynced.push(shelf.path);
    const segment = newSegment(shelf, shelf.next);
    segment.isOpen = true;
    options.onShelf(shelf);
    return { fd, path, ino: fs.fstatSync(fd).ino, segment };
  }

  /** Nothing of a batch that failed stays. Where that fails too, the segment ends before it. */
  function cutBack(): void {
    try {
      fs.ftruncateSync(file!.fd, file!.segment.bytes);
    } catch {
      endSegment();
    }
  }

  function lose(): void {
    const lost = shelf!;
    options.onLost(lost);
    endSegment();
    shelf = undefined;
  }

  function endSegment(): void {
    const ended = leaveFile();
    if (ended !== undefined) syncing = syncing.then(() => flush(ended)).finally(() => fs.close(ended, () => {}));
  }

  function leaveFile(): number | undefined {
    if (file === undefined) return undefined;
    const { fd, segment } = file;
    file = undefined;
    segment.isOpen = false;
    options.onEnd(segment);
    return fd;
  }

  function sync(): void {
    timer = undefined;
    if (!isDirty) return;
    isDirty = false;
    const fd = file?.fd;
    if (fd !== undefined) syncing = syncing.then(() => flush(fd));
  }

  /** After a failed sync nobody knows what is on disk, and asking again may say yes without reason: a new segment begins. */
  function flush(fd: number): Promise<void> {
    const directories = [...new Set(unsynced)];
    unsynced = [];
    return new Promise((resolve) => {
      fs.fdatasync(fd, (error) => {
        if (error) {
          options.onError(error);
          // Closed after the syncs of it that wait already: its number may be another file's then.
          if (file?.fd === fd) {
            leaveFile();
            syncing = syncing.finally(() => fs.close(fd, () => {}));
          }
        }
        void Promise.all(directories.map(syncDirectory)).then(() => resolve());
      });
    });
  }

  async function close(): Promise<void> {
    clearTimeout(timer);
    endSegment();
    await syncing;
  }

  return { append, endSegment, close };
}

/** Makes new files findable after a power cut. Windows cannot, and need not. */
async function syncDirectory(path: string): Promise<void> {
  try {
    const directory = await fs.promises.open(path, fs.constants.O_RDONLY);
    await directory.sync().finally(() => directory.close());
  } catch {
    // It is gone, or cannot be synced: nothing that another attempt would change.
  }
}
