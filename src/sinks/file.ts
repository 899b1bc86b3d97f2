import type * as Fs from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { type Clock, systemClock } from "../core/clock.ts";
import { ConfigError, SinkError } from "../core/errors.ts";
import { debug } from "../core/guard.ts";
import { encode, type TraceRecord } from "../core/record.ts";
import { checkOptions } from "./options.ts";
import { rotatedPath, rotatedSiblings } from "./rotation.ts";
import type { Sink } from "./sink.ts";
import { textBytes } from "./text-bytes.ts";

/** Not imported: the module facade of `node:fs` costs 1.8 ms, as it loads what it re-exports. */
const fs: typeof Fs = process.getBuiltinModule("node:fs");

export interface FileSinkOptions {
  /** Missing directories are made with mode 0700, the file with 0600. A symbolic link is refused. */
  path: string;
  /** A file that would grow beyond this is rotated. Bytes, default 64 MiB. */
  maxBytes?: number;
  /** A file that is older than this is rotated by the next batch. Milliseconds, default never. */
  maxAgeMs?: number;
  /**
   * The oldest rotated files are removed so that all together stay below this, as are those beyond 1,000. Bytes, default
   * 1 GiB.
   */
  maxTotalBytes?: number;
  /**
   * When a span is safe from the death of the process: with its `batch`, within a second (the default), or, as a
   * `record` of its own, before `span.end()` returns.
   */
  durability?: "batch" | "record";
  /** Default `file:` and the file's name. */
  name?: string;
  clock?: Clock;
}

export interface FileSink extends Sink {
  write(batch: readonly TraceRecord[]): void;
  writeSync(batch: readonly TraceRecord[]): void;
  close(): void;
  /** What has been done in this process. */
  rotation(): { readonly rotations: number; readonly removedFiles: number; readonly removedBytes: number };
}

/** `O_RDWR`, as healing reads the last byte. Windows has no `O_NOFOLLOW`. */
const FLAGS = fs.constants.O_RDWR | fs.constants.O_APPEND | fs.constants.O_CREAT | (fs.constants.O_NOFOLLOW ?? 0);
const NEWLINE = 10;
/** Files that are rotated by age may be small and many. */
const MAX_ROTATED = 1_000;

/**
 * Appends records to a file, one line of JSON each (NDJSON); read them back with `readRecords`.
 *
 * A batch is one synchronous write (more, when it is larger than `maxBytes`): when it returns, no death of the process loses it, and several processes may share
 * the file. A full file moves to `name-<UTC>-<pid>-<n>.ndjson` beside it. A line that a crash has torn is closed before
 * the next write; a disk that fills up in the middle of a batch leaves whole lines. After any failure the file is opened
 * anew, and so it is when somebody moved or removed it. Nothing is opened before the first write.
 *
 * @throws ConfigError when the path is missing, a directory or a symbolic link, or an option makes no sense
 * @example
 * configure({ sinks: [fileSink({ path: "./traces.ndjson" })] });
 */
export function fileSink(options: FileSinkOptions): FileSink {
  checkOptions("fileSink", options, FILE_OPTIONS);
  return lineFile("fileSink", options, linesOfRecords);
}

/** Short lines are joined up to so many characters: one by one they took 8 % more of all the CPU of a small call. */
const TOGETHER = 8 * 1024;

/** NDJSON. */
function* linesOfRecords(batch: readonly TraceRecord[]): Generator<string, void> {
  let lines = "";
  for (const record of batch) {
    lines += `${encode(record)}\n`;
    if (lines.length < TOGETHER) continue;
    yield lines;
    lines = "";
  }
  if (lines !== "") yield lines;
}

/** The kinds of `FileSinkOptions` for `checkOptions`. */
export const FILE_OPTIONS = {
  path: "any",
  maxBytes: "positive",
  maxAgeMs: "positive",
  maxTotalBytes: "positive",
  durability: ["batch", "record"],
  name: "string",
  clock: "object",
} as const;

/** A file sink whose lines are of any form, one or more in a text; each ends with a newline. */
export function lineFile(
  factory: string,
  options: FileSinkOptions,
  linesOf: (batch: readonly TraceRecord[]) => Iterable<string>,
): FileSink {
  const { maxBytes = 64 * 1024 ** 2, maxAgeMs = Number.POSITIVE_INFINITY, maxTotalBytes = 1024 ** 3 } = options;
  const { durability = "batch", clock = systemClock } = options;
  const path = checkPath(factory, options.path);
  const name = options.name ?? `file:${basename(path)}`;
  if (maxTotalBytes < maxBytes) {
    throw new ConfigError("CONFIG_SINK_OPTION", `${factory}: maxTotalBytes must not be below maxBytes`);
  }
  /** `end` is the size after our last write: another size means that somebody else wrote. */
  let file: { readonly fd: number; readonly ino: number; readonly openedAt: number; end: number } | undefined;
  let rotations = 0;
  let removedFiles = 0;
  let removedBytes = 0;

  function open(): Fs.Stats {
    makeDirectory(dirname(path));
    const fd = fs.openSync(path, FLAGS, 0o600);
    const stats = fs.fstatSync(fd);
    file = { fd, ino: stats.ino, openedAt: clock.epochMs(), end: 0 };
    if (stats.isFile()) removeOldest();
    if (stats.isFile() || stats.isCharacterDevice()) return stats;
    throw new SinkError(`sink "${name}": "${path}" is no file`, { retry: "never" });
  }

  function close(): void {
    const fd = file?.fd;
    file = undefined;
    if (fd !== undefined) fs.closeSync(fd);
  }

  /** The open file's state. Another process may have rotated it, an operator may have removed it: then a new one. */
  function current(): Fs.Stats {
    const stats = file && fs.statSync(path, { throwIfNoEntry: false });
    if (stats && stats.ino === file!.ino) return stats;
    close();
    return open();
  }

  function isFull(stats: Fs.Stats, bytes: number): boolean {
    if (stats.size === 0 || !stats.isFile()) return false;
    // Not every file system knows when a file was made.
    const age = clock.epochMs() - (stats.birthtimeMs || file!.openedAt);
    return stats.size + bytes > maxBytes || age > maxAgeMs;
  }

  function rotate(): Fs.Stats {
    close();
    const now = clock.epochMs();
    // Not from 0: the oldest of this millisecond may have been removed already, and would lend its place to the newest.
    let n = rotations;
    while (fs.existsSync(rotatedPath(path, now, n))) n++;
    try {
      fs.renameSync(path, rotatedPath(path, now, n));
      rotations++;
    } catch (error) {
      // Another process was quicker.
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    return open();
  }

  /** Leaves room for the current file to grow to `maxBytes`. A folder that may not be read is nobody's loss. */
  function removeOldest(): void {
    try {
      const sizes = rotatedSiblings(path).map((sibling) => ({ sibling, size: sizeOf(sibling) }));
      let total = sizes.reduce((sum, { size }) => sum + size, maxBytes);
      for (const [i, { sibling, size }] of sizes.entries()) {
        if (total <= maxTotalBytes && sizes.length - i <= MAX_ROTATED) return;
        fs.rmSync(sibling, { force: true });
        total -= size;
        removedFiles++;
        removedBytes += size;
      }
    } catch (error) {
      debug(`${name}: old files stay: ${(error as Error).message}`);
    }
  }

  function append(lines: Buffer, stats: Fs.Stats): void {
    const { fd, end } = file!;
    const isTorn = stats.isFile() && stats.size !== end && lastByte(fd, stats.size) !== NEWLINE;
    const bytes = isTorn ? Buffer.concat([Buffer.of(NEWLINE), lines]) : lines;
    let written = 0;
    try {
      while (written < bytes.length) {
        const count = fs.writeSync(fd, bytes, written);
        if (count === 0) throw new Error(`"${path}" takes nothing`);
        written += count;
      }
    } catch (error) {
      // Whole lines stay. What another process may have written behind ours is never cut.
      const isLast = stats.isFile() && fs.fstatSync(fd).size === stats.size + written;
      if (isLast) fs.ftruncateSync(fd, stats.size + bytes.subarray(0, written).lastIndexOf(NEWLINE) + 1);
      throw error;
    }
    file!.end = stats.size + written;
  }

  function write(batch: readonly TraceRecord[]): void {
    const bytes = textBytes(linesOf(batch));
    try {
      for (const lines of pieces(bytes, maxBytes)) {
        const stats = current();
        append(lines, isFull(stats, lines.length) ? rotate() : stats);
      }
    } catch (error) {
      close();
      throw toSinkError(name, error);
    }
  }

  return {
    name,
    write,
    writeSync: write,
    close,
    rotation: () => ({ rotations, removedFiles, removedBytes }),
    policy: { durability },
  };
}

/** The lines in one piece, unless they are larger than a file may be. */
function* pieces(lines: Buffer, maxBytes: number): Generator<Buffer, void> {
  let from = 0;
  while (lines.length - from > maxBytes) {
    const last = lines.lastIndexOf(NEWLINE, from + maxBytes - 1);
    const end = (last >= from ? last : lines.indexOf(NEWLINE, from + maxBytes)) + 1;
    yield lines.subarray(from, end);
    from = end;
  }
  if (from < lines.length) yield lines.subarray(from);
}

function checkPath(factory: string, path: unknown): string {
  const fail = (problem: string) => new ConfigError("CONFIG_FILE_PATH", `${factory}: ${problem}`);
  if (typeof path !== "string" || path === "" || path.includes("\0")) throw fail("path must name a file");
  const absolute = resolve(path);
  let stats: Fs.Stats | undefined;
  try {
    stats = fs.lstatSync(absolute, { throwIfNoEntry: false });
  } catch (error) {
    // Missing rights may come later, a directory in place of a file will not.
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") throw fail(`"${path}" lies below a file`);
  }
  if (stats?.isDirectory() || /[\\/]$/.test(path)) throw fail(`"${path}" is a directory; path must name a file in it`);
  if (stats?.isSymbolicLink()) throw fail(`"${path}" is a symbolic link; path must name the file itself`);
  return absolute;
}

function sizeOf(path: string): number {
  return fs.statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function lastByte(fd: number, size: number): number | undefined {
  const byte = Buffer.alloc(1);
  return size > 0 && fs.readSync(fd, byte, 0, 1, size - 1) === 1 ? byte[0] : NEWLINE;
}

/** What stays wrong however often one tries; a full disk, missing rights and the like may pass. */
const HOPELESS = new Set(["EEXIST", "EISDIR", "ELOOP", "ENAMETOOLONG", "ENOTDIR", "ENXIO"]);

function toSinkError(name: string, error: unknown): SinkError {
  if (error instanceof SinkError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new SinkError(`sink "${name}": ${message}`, { retry: HOPELESS.has(code ?? "") ? "never" : "later" });
}

/** Not `recursive: true`: Node's own loop never ends where a folder of a special file system refuses children (`/proc`). */
function makeDirectory(path: string): void {
  if (fs.existsSync(path)) return;
  makeDirectory(dirname(path));
  try {
    fs.mkdirSync(path, 0o700);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
