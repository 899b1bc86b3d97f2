import { readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import { rotatedSiblings } from "../../sinks/rotation.ts";

export interface InputFile {
  readonly path: string;
  readonly size: number;
  /** Named by the caller; what a directory holds beside is passed over when it is not understood. */
  readonly isNamed: boolean;
}

/**
 * The files behind paths: of a file its rotated ones before it, of a directory all that are in it, by name, without hidden
 * ones. None comes twice.
 *
 * @throws the file system's error for a path that is not there, nor anything that was rotated away from it
 */
export function expand(paths: readonly string[]): InputFile[] {
  const files = new Map<string, InputFile>();
  const add = (path: string, stats: Stats, isNamed: boolean): void => {
    const key = `${stats.dev} ${stats.ino}`;
    if (stats.isFile() && !files.has(key)) files.set(key, { path, size: stats.size, isNamed });
  };
  const addDirectory = (directory: string): void => {
    const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) addDirectory(path);
      const stats = entry.isFile() ? statIfThere(path) : undefined;
      if (stats !== undefined) add(path, stats, false);
    }
  };
  for (const path of paths) {
    const stats = statIfThere(path);
    if (stats?.isDirectory()) {
      addDirectory(path);
      continue;
    }
    const siblings = stats === undefined || stats.isFile() ? siblingsOf(path) : [];
    if (stats === undefined && siblings.length === 0) statSync(path);
    for (const sibling of siblings) {
      const older = statIfThere(sibling);
      if (older !== undefined) add(sibling, older, false);
    }
    if (stats !== undefined) add(path, stats, true);
  }
  return [...files.values()];
}

function siblingsOf(path: string): string[] {
  try {
    return rotatedSiblings(path);
  } catch {
    return [];
  }
}

function statIfThere(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}
