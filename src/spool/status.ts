import type * as Fs from "node:fs";
import { join } from "node:path";
import { ownersIn } from "./claim.ts";
import { countShelf, listShelf } from "./shelf.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

/** What one process has on disk for one sink. */
export interface SpoolOwner {
  /** The sink's place below the directory: its name, as far as a file name can hold it. */
  readonly sink: string;
  readonly path: string;
  readonly host: string;
  /** 0: left behind in order, for anybody to take over. */
  readonly pid: number;
  /** Somebody delivers it. What dead owners left, the next process with such a spool takes over. */
  readonly isLiving: boolean;
  readonly segments: number;
  readonly bytes: number;
  /** Records that wait to be delivered, damaged ones included. */
  readonly waiting: number;
}

/**
 * What is below the directory of a spool, by sink and owner, oldest first. Reads only; takes nothing over.
 *
 * @example
 * for (const { sink, isLiving, waiting } of await spoolStatus("./.traces/spool")) console.log(sink, isLiving, waiting);
 */
export async function spoolStatus(dir: string): Promise<SpoolOwner[]> {
  const found: SpoolOwner[] = [];
  for (const entry of entries(dir)) {
    if (!entry.isDirectory()) continue;
    const owners = ownersIn(join(dir, entry.name), Date.now());
    for (const { name, born, host, pid, isLiving } of owners) {
      const path = join(dir, entry.name, name);
      try {
        const shelf = listShelf(path, born, () => {});
        const bytes = shelf.segments.reduce((sum, segment) => sum + segment.bytes, 0);
        const segments = shelf.segments.length;
        found.push({ sink: entry.name, path, host, pid, isLiving, segments, bytes, waiting: await countShelf(shelf) });
      } catch {
        // It was delivered or taken over while we looked.
      }
    }
  }
  return found;
}

function entries(dir: string): Fs.Dirent[] {
  try {
    return fs.readdirSync(dir, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
