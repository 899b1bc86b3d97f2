import type * as Fs from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigError, SinkError } from "../core/errors.ts";

const fs: typeof Fs = process.getBuiltinModule("node:fs");

/** The place of one sink's records below `dir`. What a file name cannot hold is replaced, and a checksum keeps names apart. */
export function sinkDirectory(dir: string, name: string): string {
  const safe = name.replace(/[^\w.-]/g, "_").slice(0, 100);
  const isSame = safe === name && !/^\.*$/.test(safe);
  const { crc32 } = process.getBuiltinModule("node:zlib");
  return join(resolve(dir), isSame ? safe : `${safe.replace(/^\.+/, "_")}-${crc32(name).toString(16)}`);
}

/** Throws ConfigError for what can never be the directory of a spool. */
export function checkDirectory(factory: string, dir: unknown): string {
  const fail = (problem: string) => new ConfigError("CONFIG_SPOOL_DIR", `${factory}: ${problem}`);
  if (typeof dir !== "string" || dir === "" || dir.includes("\0")) throw fail("dir must name a directory");
  let stats: Fs.Stats | undefined;
  try {
    stats = fs.lstatSync(dir, { throwIfNoEntry: false });
  } catch (error) {
    // Missing rights may come later, a directory in place of a file will not.
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") throw fail(`"${dir}" lies below a file`);
  }
  const problem = stats && problemOf(resolve(dir), stats);
  if (problem !== undefined) throw fail(`"${dir}" ${problem}; dir must name a directory`);
  return resolve(dir);
}

/** In a place where everybody may write, a link leads wherever somebody else likes. */
function problemOf(path: string, stats: Fs.Stats): string | undefined {
  if (stats.isSymbolicLink()) {
    const isOpenToAll = (fs.statSync(dirname(path)).mode & 0o002) !== 0;
    return isOpenToAll ? "is a symbolic link in a place where everybody may write" : undefined;
  }
  return stats.isDirectory() ? undefined : "is no directory";
}

/** Makes `dir` and, below it, `path`, for our eyes only and out of version control. Returns the directories it made. */
export function makeDirectories(dir: string, path: string): string[] {
  const made: string[] = [];
  makeDirectory(path, made);
  const problem = problemOf(dir, fs.lstatSync(dir));
  if (problem !== undefined) throw new SinkError(`spool: "${dir}" ${problem}`, { retry: "later" });
  const ignore = join(dir, ".gitignore");
  if (!fs.existsSync(ignore)) fs.writeFileSync(ignore, "*\n", { mode: 0o600 });
  return made;
}

/** Not `recursive: true`: Node's own loop never ends where a folder of a special file system refuses children (`/proc`). */
function makeDirectory(path: string, made: string[]): void {
  if (fs.existsSync(path)) return;
  if (dirname(path) !== path) makeDirectory(dirname(path), made);
  try {
    fs.mkdirSync(path, 0o700);
    made.push(path);
  } catch (error) {
    // Another process was faster.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
