import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import { StoreError } from "../store-error.ts";

/**
 * Makes the file, and folders that are not there, for this user only, whatever the umask is: traces hold what people have
 * said. SQLite gives the files it puts beside it the same mode. A file that is there keeps its own.
 */
export function makeStoreFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // Another thread or process was faster.
    if (code === "EEXIST") return;
    if (code === "ENOSPC" || code === "EDQUOT") {
      const full = `There is no room left for the store ${path}. Free some.`;
      throw new StoreError("STORE_FULL", full, { cause: error, retryAfterMs: 10_000 });
    }
    throw new StoreError("STORE_UNAVAILABLE", `The store ${path} cannot be made: ${message}.`, { cause: error });
  }
}

/**
 * How to open a file where SQLite may put none beside it, as it must to read along with a writer: as one that nobody
 * changes. Nobody has it open: there would be a `-wal`.
 *
 * @throws StoreError that says why that cannot be, either
 */
export function unchangingFile(path: string, cause: unknown): string {
  const refused = (why: string) =>
    new StoreError("STORE_UNAVAILABLE", `The store ${path} cannot be opened: ${why}.`, { cause });
  if (!may(path, constants.R_OK)) throw refused("this user may not read it");
  if (may(dirname(path), constants.W_OK)) throw refused((cause as Error).message);
  if ((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0) {
    const why = `its last records are in ${path}-wal, which SQLite reads only where it may write to the folder`;
    throw refused(`${why}. Close it where it is written, or copy both files to a folder of your own`);
  }
  return `${pathToFileURL(path).href}?immutable=1`;
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}
