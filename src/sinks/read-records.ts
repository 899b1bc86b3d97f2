import { isUtf8 } from "node:buffer";
import type { FileHandle } from "node:fs/promises";
import { isRecord } from "../core/is-record.ts";
import type { TraceRecord } from "../core/record.ts";
import { type Line, lineSplitter } from "./lines.ts";
import { rotatedSiblings } from "./rotation.ts";

/** A line that holds no record. */
export interface CorruptLine {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  /** In bytes from the beginning of the file. */
  readonly offset: number;
  /** Length in bytes. */
  readonly size: number;
  /** `torn`: the last line, without its end; a crash does that. `record`: JSON, but no record. */
  readonly reason: "torn" | "too_long" | "utf8" | "json" | "record";
}

export interface ReadOptions {
  /** Hears of every line that is left out. */
  onCorrupt?: (line: CorruptLine) => void;
  /** Longer lines are left out. Bytes, default 16 MiB: sixty times the largest record that capture makes. */
  maxLineBytes?: number;
}

/**
 * Reads what `fileSink` wrote: the rotated files beside `path`, oldest first, then `path` itself.
 *
 * Lines that are torn or damaged are left out and reported. Records come as they were written: of two with the same
 * `traceId` and `spanId` the one with the higher `seq` counts, see `buildTraces`. Memory stays at one line and one chunk.
 *
 * @throws the file system's error when there is neither the file nor a rotated one
 * @example
 * for await (const record of readRecords("./traces.ndjson")) console.log(record.name);
 */
export async function* readRecords(path: string, options: ReadOptions = {}): AsyncGenerator<TraceRecord, void> {
  // Opened before the listing: a file that is rotated meanwhile is then among the siblings too, and known by its inode.
  const newest = await openIfThere(path);
  try {
    const inode = newest && (await newest.stat()).ino;
    const siblings = rotatedSiblings(path);
    if (!newest && siblings.length === 0) await process.getBuiltinModule("node:fs/promises").open(path);
    for (const sibling of siblings) {
      // The oldest may be removed while we read.
      const file = await openIfThere(sibling);
      if (file && (await file.stat()).ino !== inode) yield* recordsOf(file, sibling, options);
      await file?.close();
    }
    if (newest) yield* recordsOf(newest, path, options);
  } finally {
    await newest?.close();
  }
}

async function* recordsOf(file: FileHandle, path: string, options: ReadOptions): AsyncGenerator<TraceRecord, void> {
  const { onCorrupt, maxLineBytes = 16 * 1024 ** 2 } = options;
  const splitter = lineSplitter(maxLineBytes);
  const report = ({ number, offset, size }: Line, reason: CorruptLine["reason"]) =>
    onCorrupt?.({ path, line: number, offset, size, reason });
  for await (const chunk of file.createReadStream()) {
    for (const line of splitter.push(chunk as Buffer)) {
      const parsed = parse(line);
      if (typeof parsed === "object") yield parsed;
      else if (parsed) report(line, parsed);
    }
  }
  const last = splitter.end();
  const parsed = last && parse(last);
  if (typeof parsed === "object") yield parsed;
  else if (parsed) report(last!, parsed === "too_long" ? parsed : "torn");
}

/** The record, or why it is none; `undefined` for a blank line, which healing leaves behind. */
function parse({ bytes, size }: Line): TraceRecord | CorruptLine["reason"] | undefined {
  if (!bytes) return "too_long";
  if (size === 0 || (size === 1 && bytes[0] === 13)) return undefined;
  if (!isUtf8(bytes)) return "utf8";
  try {
    const value: unknown = JSON.parse(bytes.toString());
    return isRecord(value) ? value : "record";
  } catch {
    return "json";
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await process.getBuiltinModule("node:fs/promises").open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
