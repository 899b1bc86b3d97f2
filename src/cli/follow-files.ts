import { open } from "node:fs/promises";
import { isRecord } from "../core/is-record.ts";
import type { TraceRecord } from "../core/record.ts";
import { expand } from "../formats/files/expand.ts";

export interface FollowedFiles {
  /** What has been added since the last time, some at a time. */
  read(): AsyncGenerator<readonly TraceRecord[]>;
}

interface Place {
  offset: number;
  /** A line whose end has not come. */
  rest: Buffer;
}

const CHUNK = 1024 ** 2;
const MAX_LINE = 16 * 1024 ** 2;
const NEWLINE = 10;

/**
 * Follows NDJSON files as they grow, are rotated, emptied and made: a file is known by its inode, so a name that another
 * file has taken is read from its beginning, and the rotated one to its end. Lines that hold no record are left out.
 */
export function followFiles(paths: readonly string[]): FollowedFiles {
  const places = new Map<string, Place>();
  return {
    async *read() {
      for (const { path } of filesOf(paths)) {
        if (/\.(?:gz|zst|db|db-wal|db-shm)$/.test(path)) continue;
        yield* added(path, places);
      }
    },
  };
}

/** What is not there yet may come. */
function filesOf(paths: readonly string[]): readonly { readonly path: string }[] {
  return paths.flatMap((path) => {
    try {
      return expand([path]);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
}

async function* added(path: string, places: Map<string, Place>): AsyncGenerator<readonly TraceRecord[]> {
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    // Rotated away, or removed, while we looked.
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (file === undefined) return;
  try {
    const { dev, ino, size } = await file.stat();
    const key = `${dev} ${ino}`;
    let place = places.get(key);
    if (place === undefined || place.offset > size) places.set(key, (place = { offset: 0, rest: Buffer.alloc(0) }));
    while (place.offset < size) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, CHUNK, place.offset);
      if (bytesRead === 0) break;
      place.offset += bytesRead;
      const bytes = Buffer.concat([place.rest, buffer.subarray(0, bytesRead)]);
      const end = bytes.lastIndexOf(NEWLINE) + 1;
      // Longer than any record: nothing that ends it would make one of it.
      place.rest = bytes.length - end > MAX_LINE ? Buffer.alloc(0) : Buffer.from(bytes.subarray(end));
      const records = bytes.toString("utf8", 0, end).split("\n").flatMap(recordOf);
      if (records.length > 0) yield records;
    }
  } finally {
    await file.close();
  }
}

function recordOf(line: string): TraceRecord[] {
  if (line === "") return [];
  try {
    const value: unknown = JSON.parse(line);
    return isRecord(value) ? [value] : [];
  } catch {
    return [];
  }
}
